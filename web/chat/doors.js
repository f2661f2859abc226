// What leads from the header of a chat to talking: one place for pairs and groups.

import { html } from "../vendor/preact.js";
import { CallButton } from "../call/button.js";
import { RoomDoor } from "../room/door.js";

/** @param {{chat: import("./state.js").Chat}} props */
export function Doors({ chat }) {
  return html`<${RoomDoor} id=${chat.conversation} />${!chat.group && html`<${CallButton} peer=${chat.peer} />`}`;
}
