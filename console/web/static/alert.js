// The alert page: plays the clip, ticks, and follows what becomes of this alert without losing what is being written.
import { follow, gathered, left, tick } from "./live.js";
import { morph } from "./morph.js";
import { part } from "./part.js";
import { startPlayer } from "./player.js";
import { isOpen, isTyped, Work } from "./work.js";
import { duration } from "./words.js";

const page = part("case", HTMLElement);
const started = new WeakSet();
const soon = gathered(refresh, 300);

function start() {
  const player = document.getElementById("player");
  if (!player || started.has(player)) return;
  started.add(player);
  startPlayer(player);
}

async function refresh() {
  const answer = await fetch(location.pathname + location.search, { headers: { Accept: "text/html" } });
  if (answer.redirected) return location.assign(answer.url);
  if (left(answer)) return;
  if (!answer.ok) throw new Error(String(answer.status));
  const wanted = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("case");
  if (wanted) morph(page, document.importNode(wanted, true));
  start();
}

follow((news) => {
  if (news.kind === "again" || (page.dataset.incident ?? "").split(" ").includes(news.key ?? "-")) soon(news.hurry);
});
new Work(
  () => page,
  () => refresh().catch(soon),
);
document.addEventListener("keydown", (event) => {
  if (isOpen() || isTyped(event) || !(event.target instanceof Element)) return;
  const sliding = event.target.matches("input");
  if ((event.key === "ArrowDown" || event.key === "ArrowUp") && !sliding) step(event);
  if ((event.key === "ArrowLeft" || event.key === "ArrowRight") && !sliding) beside(event);
  if (event.key === "Escape") location.assign(document.querySelector("[data-back]")?.getAttribute("href") ?? "/");
  if (event.target.matches("input, button, summary, a")) return;
  if (event.key === " " && document.getElementById("play")) {
    event.preventDefault();
    document.getElementById("play")?.click();
  }
});

/** Opens the next alert of the incident, or the one before.
 * @param {KeyboardEvent} event */
function step(event) {
  const all = [...document.querySelectorAll("#incident li")];
  const at = all.findIndex((one) => one.hasAttribute("aria-current"));
  const link = all[at + (event.key === "ArrowDown" ? 1 : -1)]?.querySelector("a");
  if (at < 0 || !link) return;
  event.preventDefault();
  location.assign(link.href);
}
/** Opens the next one of what was searched for, or the one before.
 * @param {KeyboardEvent} event */
function beside(event) {
  const link = document.querySelector(event.key === "ArrowLeft" ? "[data-newer]" : "[data-older]");
  if (!(link instanceof HTMLAnchorElement)) return;
  event.preventDefault();
  location.assign(link.href);
}
start();
setInterval(() => tick(duration), 1000);
