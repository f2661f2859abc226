// Tells that this device may have come to another network.

/** @param {() => void} moved */
export function followNetwork(moved) {
  addEventListener("online", moved);
  const net = /** @type {(EventTarget & {type?: string}) | undefined} */ (Reflect.get(navigator, "connection"));
  let type = net?.type;
  net?.addEventListener("change", () => {
    // The event also tells of mere estimates of speed.
    if (net.type === type) return;
    type = net.type;
    moved();
  });
}
