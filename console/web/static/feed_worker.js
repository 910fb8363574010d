// One connection for all tabs: a browser opens only six to one console, and a seventh tab would stay silent.
import { openFeed } from "./feed.js";

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

openFeed((news) => {
  if (news.kind === "beat") beat = news;
  for (const port of ports) port.postMessage(news);
});
