// The live side of a page: follows the change feed, knows the console's time, and says when the feed has gone silent.
import { openFeed } from "./feed.js";
import { part } from "./part.js";
import { fill, timeOfDay, words } from "./words.js";

/** @typedef {import("./feed.js").News} News */

const STALE_MS = 12000; // the console beats every 5 s
const AGAIN_MS = 2000;
let aheadS = 0; // the console's clock less this computer's

/** The console's time, UTC seconds. */
export const nowS = () => Date.now() / 1000 + aheadS;

/** Shows in every [data-since] the time that went by.
 * @param {(seconds: number) => string} show */
export function tick(show) {
  if (document.body.classList.contains("cut")) return; // nobody knows whether the person is still there
  for (const clock of document.querySelectorAll("[data-since]")) {
    clock.textContent = show(nowS() - Number(clock.getAttribute("data-since")));
  }
}

/** Leaves a page that whoever looks may not see any more, for one that they may; whether that is so.
 * @param {Response} answer */
export function left(answer) {
  const refused = [401, 403, 404].includes(answer.status);
  if (refused) location.assign("/");
  return refused;
}

/** Gathers calls: `work` runs `waitMs` after the first of them, never twice at once; what fails is tried again.
 * @param {() => Promise<void>} work
 * @param {number} waitMs
 * @returns {() => void} */
export function gathered(work, waitMs) {
  let [asked, running] = [false, false];
  const turn = async () => {
    [asked, running] = [false, true];
    await work().catch(() => setTimeout(ask, AGAIN_MS));
    running = false;
    if (asked) setTimeout(turn, waitMs);
  };
  const ask = () => {
    if (!asked && !running) setTimeout(turn, waitMs);
    asked = true;
  };
  return ask;
}

/** Follows the feed. onChange is told of changes; the kind is "again" where anything may have changed: after a silence,
 * or where the console lets nobody follow any more. onCut is told of silence and of its end.
 * @param {(news: News) => void} onChange
 * @param {(cut: boolean) => void} onCut */
export function follow(onChange, onCut = () => {}) {
  const banner = part("stale", HTMLElement);
  let heard = Date.now();
  const hear = (/** @type {News} */ news) => {
    if (news.kind === "refused") return onChange({ kind: "again" });
    heard = Date.now();
    if (news.atS !== undefined) aheadS = news.atS - heard / 1000;
    if (!banner.hidden) {
      banner.hidden = true;
      document.body.classList.remove("cut");
      onCut(false);
      onChange({ kind: "again" });
    }
    if (news.kind !== "beat") onChange(news);
  };
  connect(hear);
  setInterval(() => {
    if (Date.now() - heard < STALE_MS || !banner.hidden) return;
    banner.textContent = fill(words.stale, { time: timeOfDay(heard / 1000 + aheadS) });
    banner.hidden = false;
    document.body.classList.add("cut");
    onCut(true);
  }, 1000);
}

/** Through the worker that all tabs share; straight where a browser has none.
 * @param {(news: News) => void} hear */
function connect(hear) {
  if (!("SharedWorker" in window)) return openFeed(hear);
  let straight = false;
  const worker = new SharedWorker("/static/feed_worker.js", { type: "module" });
  worker.addEventListener("error", () => {
    if (!straight) openFeed(hear);
    straight = true;
  });
  worker.port.addEventListener("message", (event) => straight || hear(event.data));
  worker.port.start();
  addEventListener("pagehide", (event) => event.persisted || worker.port.postMessage("farewell"));
}
