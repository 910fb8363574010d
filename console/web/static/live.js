// The live side of a page: follows the change feed, knows the console's time, and says when the feed has gone silent.
import { followInTurn } from "./feed_turns.js";
import { part } from "./part.js";
import { pauseAfter } from "./pause.js";
import { fill, timeOfDay, words } from "./words.js";

/** @typedef {import("./feed.js").News} News */

const STALE_MS = 12000; // the console beats every 5 s
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

/** Whether a change may concern a page that tells in data-nodes of which boxes it shows something. What an alert is of
 * nobody knows here.
 * @param {News} news
 * @param {HTMLElement} page */
export function concerns(news, page) {
  if (news.kind !== "node" && news.kind !== "camera") return true;
  return (page.dataset.nodes ?? "").split(" ").includes((news.key ?? "").split("/")[0]);
}

/** Leaves a page that whoever looks may not see any more, for one that they may; whether that is so.
 * @param {Response} answer */
export function left(answer) {
  const refused = [401, 403, 404].includes(answer.status);
  if (refused) location.assign("/");
  return refused;
}

/** Gathers calls: `work` runs `waitMs` after the first of them, never twice at once. What fails is tried again, later
 * and later; a call with `hurry` does not wait for that.
 * @param {() => Promise<void>} work
 * @param {number} waitMs
 * @returns {(hurry?: boolean) => void} */
export function gathered(work, waitMs) {
  let [asked, running, failures, timer] = [false, false, 0, 0];
  const turn = async () => {
    [asked, running] = [false, true];
    const done = await work().then(() => true, () => false);
    running = false;
    const waits = done ? waitMs : pauseAfter(failures);
    failures = done ? 0 : failures + 1;
    asked ||= !done;
    if (asked) timer = setTimeout(turn, waits);
  };
  return (hurry = false) => {
    if (!running && (hurry || !asked)) {
      clearTimeout(timer);
      timer = setTimeout(turn, waitMs);
    }
    asked = true;
  };
}

/** @typedef {{onChange: (news: News) => void, onCut: (cut: boolean) => void, onTick: () => void}} Follower */
/** @type {Follower[]} the parts of this page that follow */
const followers = [];
let connected = false; // what changes before it is connected nobody tells it

/** Follows the feed, through the one connection of this page. onChange is told of changes; the kind is "again" where
 * anything may have changed: before it was connected, after a silence, or where the console lets nobody follow any more.
 * onCut is told of silence and of its end, onTick that time goes by.
 * @param {(news: News) => void} onChange
 * @param {(cut: boolean) => void} onCut
 * @param {() => void} onTick */
export function follow(onChange, onCut = () => {}, onTick = () => {}) {
  followers.push({ onChange, onCut, onTick });
  if (followers.length === 1) begin();
  else if (connected) onChange({ kind: "again", hurry: true });
}

/** @param {(one: Follower) => void} what */
const toAll = (what) => followers.forEach(what);

function begin() {
  const banner = part("stale", HTMLElement);
  let heard = Date.now();
  const look = () => {
    toAll((one) => one.onTick());
    if (Date.now() - heard < STALE_MS || !banner.hidden) return;
    banner.textContent = fill(words.stale, { time: timeOfDay(heard / 1000 + aheadS) });
    banner.hidden = false;
    document.body.classList.add("cut");
    toAll((one) => one.onCut(true));
  };
  const hear = (/** @type {News} */ news) => {
    if (news.kind === "tick") return look();
    if (news.kind === "refused") {
      connected = false;
      return toAll((one) => one.onChange({ kind: "again" }));
    }
    heard = Date.now();
    if (news.atS !== undefined) aheadS = news.atS - heard / 1000;
    const wasCut = !banner.hidden;
    const back = wasCut || !connected;
    [banner.hidden, connected] = [true, true];
    document.body.classList.remove("cut");
    if (wasCut) toAll((one) => one.onCut(false));
    if (back) toAll((one) => one.onChange({ kind: "again", hurry: true }));
    if (news.kind === "beat") toAll((one) => one.onTick());
    else toAll((one) => one.onChange(news));
  };
  connect(hear);
  setInterval(look, 1000);
}

/** Through the worker that all tabs share; in turn where a browser has none.
 * @param {(news: News) => void} hear */
function connect(hear) {
  if (!("SharedWorker" in window)) return followInTurn(hear);
  let straight = false;
  const worker = new SharedWorker("/static/feed_worker.js", { type: "module" });
  worker.addEventListener("error", () => {
    if (!straight) followInTurn(hear);
    straight = true;
  });
  worker.port.addEventListener("message", (event) => straight || hear(event.data));
  worker.port.start();
  addEventListener("pagehide", (event) => event.persisted || worker.port.postMessage("farewell"));
}
