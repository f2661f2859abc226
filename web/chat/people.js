// People of the server that fit what was typed.

import { useEffect, useState } from "../vendor/preact.js";
import { session } from "../account/session.js";
import * as api from "../core/api.js";

/** @typedef {import("../core/api.js").Person} Person */

/** @param {string} q */
export function usePeople(q) {
  const [found, setFound] = useState(/** @type {{q: string, people: Person[], error: string}} */ ({ q: "", people: [], error: "" }));
  useEffect(() => {
    if (!q) return undefined;
    let current = true;
    const timer = setTimeout(async () => {
      try {
        const people = await api.people(q);
        if (current) setFound({ q, people: people.filter((p) => p.id !== session.peek()?.user_id), error: "" });
      } catch (error) {
        if (current) setFound({ q, people: [], error: error instanceof api.ApiError ? error.code : "internal" });
      }
    }, 250);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [q]);
  return found;
}
