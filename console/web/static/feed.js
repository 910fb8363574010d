// The one connection to the change feed: opens it, and opens it again for ever.

const AGAIN_MS = 3000;

/** @typedef {{kind: string, key?: string, what?: string, atS?: number}} News
 * kind "beat": the console's time; "refused": the console lets nobody follow, who must sign in again; else a change. */

/** Tells `tell` of everything that comes.
 * @param {(news: News) => void} tell */
export function openFeed(tell) {
  const source = new EventSource("/api/stream");
  source.addEventListener("beat", (event) => tell({ kind: "beat", atS: JSON.parse(event.data).at_s }));
  source.addEventListener("change", (event) => tell(JSON.parse(event.data)));
  source.addEventListener("error", () => {
    // A browser comes back by itself after a cut, but never after a refusal.
    if (source.readyState !== EventSource.CLOSED) return;
    tell({ kind: "refused" });
    setTimeout(() => openFeed(tell), AGAIN_MS);
  });
}
