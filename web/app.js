// Puts the rooms together: session, connection, address, and the frame around the panels.

import { effect, html, render, untracked } from "./vendor/preact.js";
import { ended, restore, session } from "./account/session.js";
import { ChangeView, RecoverView } from "./account/recover_view.js";
import { AuthView } from "./account/view.js";
import { call, nameOfCall } from "./call/line.js";
import { busy } from "./call/state.js";
import * as calls from "./call/store.js";
import { CallLayer, MiniBar } from "./call/view.js";
import { reloadDrafts } from "./chat/drafts.js";
import * as chatFrames from "./chat/frames.js";
import { ListPanel } from "./chat/list.js";
import { unreadTotal } from "./chat/state.js";
import * as chat from "./chat/store.js";
import { ChatPanel, NoChat } from "./chat/view.js";
import * as api from "./core/api.js";
import { badge } from "./core/format.js";
import { lang, setLang, t } from "./core/i18n.js";
import { go, home, phone, route, watchAddress } from "./core/nav.js";
import * as socket from "./core/socket.js";
import { Icon } from "./core/ui/icon.js";
import { Notices } from "./core/ui/toast.js";
import { ProfileView } from "./profile/view.js";
import * as groups from "./groups/store.js";
import { shown } from "./groups/details.js";
import { entering, JoinView } from "./groups/join.js";
import { making, NewGroup } from "./groups/new.js";
import { GroupPanel } from "./groups/view.js";
import { placeOf } from "./room/places.js";
import { inRoom } from "./room/room.js";
import { room } from "./room/seat.js";
import * as voice from "./room/store.js";
import { Invitation, RoomBar, RoomLayer, staged as roomStaged } from "./room/view.js";
import { invitation } from "./room/invitation.js";
import { displayName, loadProfile, loadVersion, paintBar, theme, version, watchTheme } from "./settings/store.js";
import { SettingsView } from "./settings/view.js";

/** @typedef {import("./core/ui/icon.js").IconName} IconName */

/** @param {{icon: IconName, words: string, on: boolean, to: string, n?: number, testid?: string}} props */
function Tab({ icon, words, on, to, n = 0, testid }) {
  return html`<button type="button" aria-current=${on ? "page" : undefined} data-testid=${testid} onClick=${() => go(to)}>
    <i><${Icon} name=${icon} />${n > 0 && html`<b class="badge"><span aria-hidden="true">${badge(n, lang.value)}</span><span class="sr">${t("nUnread", { n })}</span></b>`}</i>
    <span>${words}</span></button>`;
}

function Main() {
  const at = route.value;
  if (at.name === "settings") return html`<${SettingsView} />`;
  if (at.name === "chat") return html`<${ChatPanel} username=${at.username} key=${at.username} />`;
  if (at.name === "group") return html`<${GroupPanel} id=${at.id} key=${at.id} />`;
  return html`<${NoChat} />`;
}

function Signed() {
  const at = route.value;
  const c = call.value;
  const staged = c.phase !== "idle" && c.phase !== "incoming" && !c.minimised;
  const roomed = roomStaged(room.value);
  const detailed = at.name === "group" && shown.value;
  const inChat = at.name === "chat" || at.name === "group";
  // What lies under a full screen cannot be reached.
  const covered = phone.value && (staged || roomed || c.phase === "incoming" || invitation.value !== null);
  return html`<div class="shell">
    ${inChat && html`<a class="skip" href="#composer">${t("skip")}</a>`}
    <${MiniBar} /><${RoomBar} />
    <div class=${`app ${staged ? "staged" : roomed ? "roomed" : ""} ${detailed ? "details" : ""}`} data-view=${inChat ? "chat" : at.name} inert=${covered}>
      <nav class="rail" aria-label=${t("sections")}>
        <${Tab} icon="chat" words=${t("chats")} on=${at.name !== "settings"} to="/" n=${unreadTotal(chat.chats.value)} />
        <${Tab} icon="gear" words=${t("settings")} on=${at.name === "settings"} to="/settings" testid="settings-open" />
      </nav>
      <${ListPanel} />
      <${Main} />
      ${!phone.value && staged && html`<${CallLayer} />`}
      ${!phone.value && !staged && html`<${RoomLayer} />`}
    </div>
    ${making.value && html`<${NewGroup} />`}
    ${phone.value && html`<${RoomLayer} />`}
    <${Invitation} />
    ${(phone.value || c.phase === "incoming") && html`<${CallLayer} />`}
  </div>`;
}

function App() {
  const at = route.value;
  if (at.name === "profile" && !busy(call.value) && !inRoom(room.value)) return html`<${ProfileView} username=${at.username} /><${Notices} />`;
  // Signed out, the form comes first, and then this page again.
  if (at.name === "join" && !session.value?.must_change && (session.value || entering.value !== at.code)) return html`<${JoinView} code=${at.code} key=${at.code} /><${Notices} />`;
  if (at.name === "reset") return html`<${RecoverView} /><${Notices} />`;
  if (session.value?.must_change) return html`<${ChangeView} /><${Notices} />`;
  return html`${session.value ? html`<${Signed} />` : html`<${AuthView} />`}<${Notices} />`;
}

/** Everything of one person begins and ends here. */
function followSession() {
  let login = "";
  effect(() => {
    // With a temporary password nothing is open yet.
    const me = session.value?.must_change ? null : session.value;
    // Its token may change; the log-in stays.
    if ((me?.key ?? "") === login) return;
    login = me?.key ?? "";
    untracked(() => {
      calls.leave();
      voice.leave();
      socket.stop();
      calls.reset();
      groups.forgetGroups();
      voice.reset();
      chat.begin(me?.user_id ?? 0);
      reloadDrafts();
      displayName.value = "";
      if (!me) {
        home();
        return;
      }
      socket.start(() => session.peek()?.token ?? "", {
        frame(frame) {
          if (frame.type === "hello") version.value = frame.version;
          chatFrames.onFrame(frame);
          groups.onFrame(frame);
          calls.onFrame(frame);
          voice.onFrame(frame);
        },
        down: chatFrames.onDown,
        ended,
        // The browser does not say why; a 401 here ends the session.
        refused: () => void api.profile().catch(() => {}),
      });
      void chat.refresh();
      void loadProfile();
    });
  });
}

/** The title says what asks for attention; it flashes while somebody calls. */
function followTitle() {
  /** @type {ReturnType<typeof setInterval> | undefined} */
  let flash;
  effect(() => {
    const c = call.value;
    const n = session.value ? unreadTotal(chat.chats.value) : 0;
    const plain = `${n > 0 ? `(${badge(n, lang.value)}) ` : ""}${t("app")}`;
    clearInterval(flash);
    const asked = invitation.value;
    if (c.phase === "incoming" || asked) {
      const words = asked ? t("roomAsks", { name: asked.from.name }) : t("callsYou", { name: nameOfCall(c) });
      document.title = words;
      flash = setInterval(() => (document.title = document.title === words ? plain : words), 1_000);
    } else if (inRoom(room.value)) document.title = `${t("room")} · ${placeOf(room.value.id).name}`;
    else document.title = busy(c) ? `${t("voiceCall")} · ${nameOfCall(c)}` : plain;
  });
  effect(() => {
    void theme.value;
    paintBar((busy(call.value) && !call.value.minimised) || roomStaged(room.value));
  });
}

async function begin() {
  watchTheme();
  watchAddress();
  socket.watchNetwork();
  calls.watch();
  voice.watch();
  const kept = document.documentElement.lang;
  await setLang(kept === "en" ? "en" : "fa");
  restore();
  followSession();
  followTitle();
  void loadVersion();
  const root = document.getElementById("app");
  if (!root) throw new Error("index.html has no #app");
  root.textContent = "";
  render(html`<${App} />`, root);
}

try {
  await begin();
} catch (error) {
  // Without its words the app can say only what the page itself brings.
  document.getElementById("boot-failed")?.removeAttribute("hidden");
  throw error;
}
