// The wall of pictures: fresh ones are asked for while somebody can see them; one can be shown large, and live.
import { fullScreen } from "./full_screen.js";
import { concerns, follow, gathered, left, nowS, tick } from "./live.js";
import { watchLive } from "./live_view.js";
import { morph } from "./morph.js";
import { part } from "./part.js";
import { pauseAfter } from "./pause.js";
import { duration, words } from "./words.js";

const [ANYWAY_MS, SOON_MS] = [15000, 1000];
const OLD_S = 20; // a picture is asked for anew once it is as old
const TURN_MS = 1000; // at most one is asked for in that time
const LIVE_MS = 600000; // a forgotten live view takes a line for nothing
const page = part("pictures", HTMLElement);
const look = part("look", HTMLDialogElement);
const told = part("look-told", HTMLElement);
const heading = part("look-heading", HTMLElement);
const [large, video] = [look.querySelector("img"), look.querySelector("video")];
const soon = gathered(refresh, SOON_MS);
/** @type {Map<string, number>} when each camera was last asked, ms */
const asked = new Map();
/** @type {WeakSet<Element>} */
const visible = new WeakSet();
const watcher = new IntersectionObserver((seen) => {
  for (const { target, isIntersecting } of seen) visible[isIntersecting ? "add" : "delete"](target);
});
let [cut, failures, notBefore] = [false, 0, 0];
/** @type {HTMLElement | null} the one that is shown large */
let shown = null;
/** @type {null | (() => void)} */
let endLive = null;
let looks = 0; // counts them, so that one that was closed meanwhile does not begin to play

const all = () => /** @type {HTMLElement[]} */ ([...page.querySelectorAll(".pic")]);

async function refresh() {
  const answer = await fetch(`/pictures${location.search}`, { headers: { Accept: "text/html" } });
  if (answer.redirected) return location.assign(answer.url);
  if (left(answer)) return;
  if (!answer.ok) throw new Error(String(answer.status));
  const wanted = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("pictures");
  if (wanted) morph(page, document.importNode(wanted, true));
  for (const one of all()) watcher.observe(one);
  tick(duration);
}

/** Shows a picture that has just come.
 * @param {string} key */
function renew(key) {
  const one = all().find((card) => card.dataset.key === key);
  const [image, age] = [one?.querySelector("img"), one?.querySelector("[data-since]")];
  if (!one) return;
  if (!image || !age) return soon();
  image.src = `${one.dataset.address}/still.jpg?at=${nowS()}`;
  age.setAttribute("data-since", String(nowS()));
  if (one === shown) tellOf(one);
  if (one === shown && large && !endLive) large.src = image.src;
}

/** Asks for the oldest picture that somebody can see. */
async function ask() {
  if (document.hidden || cut || performance.now() < notBefore) return;
  const late = all().filter((one) => visible.has(one) && !one.matches(".blind, .unknown") && ageOf(one) > OLD_S);
  const [oldest] = late.filter((one) => performance.now() - (asked.get(one.dataset.key ?? "") ?? -Infinity) > OLD_S * 1000)
    .sort((one, other) => ageOf(other) - ageOf(one));
  if (!oldest) return;
  asked.set(oldest.dataset.key ?? "", performance.now());
  const answer = await fetch(`${oldest.dataset.address}/still`, { method: "POST", headers: { Accept: "application/json" } }).catch(() => null);
  failures = answer?.ok ? 0 : failures + 1;
  if (!answer?.ok) notBefore = performance.now() + pauseAfter(failures);
  const banner = part("told", HTMLElement);
  banner.hidden = answer?.status !== 503; // of what nobody asked for nothing else needs to be said
  banner.textContent = words.node_away;
}

/** @param {HTMLElement} one */
function ageOf(one) {
  const since = one.querySelector("[data-since]")?.getAttribute("data-since");
  return since ? nowS() - Number(since) : Infinity;
}

/** Says beside the large picture what stands below the small one: how it sees, and how old it is.
 * @param {HTMLElement} one */
function tellOf(one) {
  const lines = one.querySelectorAll(".name .condition, .fault, .alarm, .age");
  part("look-about", HTMLElement).replaceChildren(...[...lines].map((line) => line.cloneNode(true)));
}

/** @param {HTMLElement} one */
function showLarge(one) {
  const image = one.querySelector("img");
  if (!large) return;
  shown = one;
  heading.textContent = one.querySelector("strong")?.textContent ?? "";
  told.textContent = "";
  tellOf(one);
  large.hidden = !image;
  if (image) large.src = image.src;
  look.showModal();
}

/** Begins the live view, or ends it. */
async function live() {
  if (!shown || !video || !look.querySelector("[data-live]")) return;
  if (endLive) return stop("");
  const mine = ++looks;
  endLive = () => {};
  told.textContent = words.live_starts;
  try {
    const end = await watchLive(video, shown.dataset.address ?? "", (state) => {
      if (mine !== looks) return;
      if (state === "broken") return stop(words.live_failed);
      told.textContent = words.live_on;
      video.hidden = false;
      if (large) large.hidden = true;
      part("look-about", HTMLElement).replaceChildren(); // of the small picture
    });
    if (mine !== looks) return end();
    endLive = end;
    setTimeout(() => mine === looks && stop(words.live_ended), LIVE_MS);
  } catch (error) {
    if (mine === looks) stop(words[error instanceof Error ? error.message : ""] ?? words.live_failed);
  }
}

/** @param {string} why */
function stop(why) {
  looks++;
  endLive?.();
  endLive = null;
  told.textContent = why;
  if (video) video.hidden = true;
  if (shown) tellOf(shown);
  if (large) large.hidden = !large.src;
}

/** Moves among the pictures: by one, or by a row.
 * @param {string} key */
function move(key) {
  const [cards, at] = [all(), all().findIndex((one) => one.contains(document.activeElement))];
  const row = cards.filter((one) => one.offsetTop === cards[0]?.offsetTop).length;
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -row, ArrowDown: row }[key] ?? 0;
  const to = at < 0 ? cards[0] : cards[Math.max(0, Math.min(cards.length - 1, at + step))];
  const button = to?.querySelector("[data-look]");
  if (button instanceof HTMLElement) button.focus();
}

document.addEventListener("click", (event) => {
  const pressed = event.target instanceof Element ? event.target.closest("[data-look], [data-live], [data-cancel], [data-full]") : null;
  const card = pressed?.closest(".pic");
  if (!pressed) return;
  if (pressed.matches("[data-look]") && card instanceof HTMLElement) showLarge(card);
  else if (pressed.matches("[data-live]")) live();
  else if (pressed.matches("[data-cancel]")) look.close();
  else if (pressed.matches("[data-full]")) fullScreen();
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat && !event.key.startsWith("Arrow")) return;
  if (event.target instanceof Element && event.target.matches("select")) return;
  const key = event.key.toLowerCase();
  if (look.open) return key === "l" ? live() : undefined;
  if (key === "f") return fullScreen();
  if (!event.key.startsWith("Arrow")) return;
  event.preventDefault();
  move(event.key);
});
document.addEventListener("change", (event) => {
  if (event.target instanceof HTMLSelectElement) event.target.form?.submit();
});
look.addEventListener("close", () => {
  stop("");
  shown?.querySelector("button")?.focus();
  shown = null;
});
document.addEventListener("visibilitychange", () => document.hidden && endLive && stop(""));
for (const one of all()) watcher.observe(one);
follow((news) => {
  if (news.what === "still") renew(news.key ?? "");
  else if (concerns(news, page)) soon(news.hurry);
}, (silent) => {
  cut = silent;
});
setInterval(() => tick(duration), 1000);
setInterval(() => cut || soon(), ANYWAY_MS);
setInterval(ask, TURN_MS);
