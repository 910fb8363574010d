// One connection for all tabs of a browser without shared workers: the tab that holds the lock follows and tells the
// others; as it closes, the next one goes on where it was.
import { openFeed } from "./feed.js";

const NAME = "gatehouse-feed";

/** @param {(news: import("./feed.js").News) => void} hear */
export function followInTurn(hear) {
  if (!navigator.locks) return openFeed(hear); // a browser gives locks by https only, or to this machine itself
  const others = new BroadcastChannel(NAME);
  let last = "";
  others.addEventListener("message", (event) => {
    last = event.data.id ?? last;
    hear(event.data);
  });
  navigator.locks.request(NAME, () => new Promise(() => {
    openFeed((news) => {
      others.postMessage(news);
      hear(news);
    }, last);
  }));
}
