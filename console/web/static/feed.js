// The one connection to the change feed: opens it, and opens it again for ever, going on where it was.
import { pauseAfter } from "./pause.js";

/** @typedef {{kind: string, key?: string, what?: string, atS?: number, id?: string, hurry?: boolean}} News
 * kind "beat": the console's time; "tick": time goes by, of hidden tabs, too; "refused": the console lets nobody follow,
 * who must sign in again; else a change. id: the place in the feed. hurry: it has failed before and may go well now. */

/** Tells `tell` of everything that comes after that place in the feed; of what comes from now on where it is empty.
 * @param {(news: News) => void} tell
 * @param {string} after */
export function openFeed(tell, after = "") {
  let [last, failures] = [after, 0];
  const hear = (/** @type {MessageEvent} */ event, /** @type {News} */ news) => {
    last = event.lastEventId || last;
    failures = 0;
    tell({ ...news, id: last });
  };
  const open = () => {
    const source = new EventSource(last ? `/api/stream?after=${encodeURIComponent(last)}` : "/api/stream");
    source.addEventListener("beat", (event) => hear(event, { kind: "beat", atS: JSON.parse(event.data).at_s }));
    source.addEventListener("change", (event) => hear(event, JSON.parse(event.data)));
    source.addEventListener("error", () => {
      // A browser comes back by itself after a cut, but never after a refusal.
      if (source.readyState !== EventSource.CLOSED) return;
      tell({ kind: "refused" });
      setTimeout(open, pauseAfter(failures++));
    });
  };
  open();
}
