// One connection for all tabs: a browser opens only six to one console, and a seventh tab would stay silent.
import { openFeed } from "./feed.js";

const TICK_MS = 2000; // a hidden tab's own clocks may stand still for a minute; those of a worker go on
/** @type {Set<MessagePort>} */
const ports = new Set();
/** @type {import("./feed.js").News | null} */
let beat = null;

self.addEventListener("connect", (event) => {
  const port = /** @type {MessageEvent} */ (event).ports[0];
  ports.add(port);
  port.addEventListener("message", () => ports.delete(port)); // its only word is farewell
  port.start();
  if (beat) port.postMessage(beat);
});

/** @param {import("./feed.js").News} news */
function tell(news) {
  for (const port of ports) port.postMessage(news);
}

openFeed((news) => {
  if (news.kind === "beat") beat = news;
  tell(news);
});
setInterval(() => tell({ kind: "tick" }), TICK_MS);
