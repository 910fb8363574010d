// The one connection to the change feed: opens it, and opens it again for ever.
const AGAIN_MS = 3000;

/** Tells `tell` of every beat and change: {kind: "beat", atS} or {kind, key, what}.
 * @param {(news: object) => void} tell */
export function openFeed(tell) {
  const source = new EventSource("/api/stream");
  source.addEventListener("beat", (event) => tell({ kind: "beat", atS: JSON.parse(event.data).at_s }));
  source.addEventListener("change", (event) => tell(JSON.parse(event.data)));
  source.addEventListener("error", () => {
    // A browser comes back by itself after a cut, but never after a refusal.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => openFeed(tell), AGAIN_MS);
  });
}
