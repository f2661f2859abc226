// The present minute, for words like "yesterday" that grow old.

import { signal } from "../vendor/preact.js";

export const now = signal(Date.now());
setInterval(() => (now.value = Date.now()), 30_000);
