// The alert wall: refreshes itself, ticks, rings until acknowledged; keys and buttons act on its cards.
import { follow, gathered, left, nowS, tick } from "./live.js";
import { morph } from "./morph.js";
import { part } from "./part.js";
import { Bell } from "./sound.js";
import { isOpen, isTyped, Work } from "./work.js";
import { duration, timeOfDay, words } from "./words.js";

const SOON_MS = 150; // changes that come together are fetched together
const ANYWAY_MS = 20000; // a box that falls silent changes nothing in the feed
const SETTLE_MS = 600; // a key pressed as the order changes must not take on another alert than the one that was seen
const wall = part("wall", HTMLElement);
const clock = part("clock", HTMLElement);
const told = part("told", HTMLElement);
const bell = new Bell(part("sound", HTMLButtonElement));
/** @type {WeakMap<Element, {fresh: string[], at: number}>} of each card its new alerts, and when one more came */
const seen = new WeakMap();
let [cut, first, firstSince, rang] = [false, firstOpen()?.id, 0, ringing()];
const soon = gathered(refresh, SOON_MS);

/** @returns {HTMLElement | null} */
function firstOpen() {
  return wall.querySelector(".alert:not(.closed)");
}

/** Notes which cards have got one more new alert: a key that was meant for the others must not take it on unseen. */
function noteFresh() {
  for (const card of wall.querySelectorAll(".alert")) {
    const fresh = (card.getAttribute("data-new") ?? "").split(" ").filter(Boolean);
    const before = seen.get(card);
    const more = before !== undefined && fresh.some((id) => !before.fresh.includes(id));
    seen.set(card, { fresh, at: more ? performance.now() : (before?.at ?? 0) });
  }
}

function rings() {
  return Number(wall.querySelector(".summary")?.getAttribute("data-rings"));
}

/** Ids of what rings on the wall: alerts, and faults of the watch itself. */
function ringing() {
  return new Set([...wall.querySelectorAll("[data-ring]")].flatMap((card) => (card.getAttribute("data-ring") ?? "").split(" ").filter(Boolean)));
}

/** Rings at once for what has just begun to ring, and once, however often the connection is cut meanwhile. */
function ringForNews() {
  const now = ringing();
  const more = [...now].some((id) => !rang.has(id));
  rang = now;
  if (more) ring(true); // at once: in a hidden tab the next round may be a minute away
}

async function refresh() {
  const answer = await fetch(`/wall${location.search}`);
  if (left(answer)) return;
  if (!answer.ok) throw new Error(String(answer.status));
  const wanted = document.createElement("div");
  wanted.id = wall.id;
  wanted.innerHTML = await answer.text();
  const chosen = document.activeElement?.closest(".alert");
  morph(wall, wanted);
  if (chosen) keep(chosen);
  ringForNews();
  noteFresh();
  const now = firstOpen()?.id;
  if (now !== first) [first, firstSince] = [now, performance.now()];
  everySecond();
}

/** Whether the console itself hears the boxes. */
const deaf = () => wall.querySelector(".deaf") !== null;

function everySecond() {
  tick(duration);
  if (!cut) clock.textContent = timeOfDay(nowS());
  const ringing = rings() ? `(${rings()}) ` : "";
  const sign = cut || deaf() ? "⚠ " : ringing;
  document.title = `${sign}Gatehouse`;
}

/** @param {boolean} now */
function ring(now = false) {
  if (cut || deaf()) bell.ring("cut");
  else if (rings()) bell.ring(wall.querySelector(".summary")?.getAttribute("data-loudest") || "medium", now);
}

const listed = () => [...wall.querySelectorAll(".alert")];
const chosenAt = () => listed().findIndex((alert) => alert.contains(document.activeElement));

/** Puts the focus on an alert; the link in it opens it with Enter.
 * @param {number} at */
function choose(at) {
  const link = listed().at(at)?.querySelector("[data-open]");
  if (!(link instanceof HTMLElement)) return;
  link.focus({ preventScroll: true });
  link.closest(".alert")?.scrollIntoView({ block: "nearest" });
}

/** Keeps an alert chosen that has moved on the wall; says so where it has left, for then a key would mean another one.
 * @param {Element} alert */
function keep(alert) {
  const link = document.getElementById(alert.id)?.querySelector("[data-open]");
  if (link instanceof HTMLElement) {
    if (chosenAt() < 0) link.focus({ preventScroll: true });
    return;
  }
  [told.textContent, told.hidden, firstSince] = [words.moved_off, false, performance.now()];
}

/** The card that a key is about: the chosen one, else the first one that is open; none while it has just changed. */
function meant() {
  const chosen = document.activeElement?.closest(".alert");
  const card = chosen instanceof HTMLElement ? chosen : firstOpen();
  if (!card) return null;
  const since = Math.max(chosen ? 0 : firstSince, seen.get(card)?.at ?? 0);
  if (since === 0 || performance.now() - since > SETTLE_MS) return card;
  [told.textContent, told.hidden] = [words.settling, false];
  return null;
}

/** Shows what came of a step; after an acknowledgement the next card, where one was chosen, becomes the chosen one.
 * @param {string} step
 * @param {HTMLElement} card */
async function show(step, card) {
  const at = card.contains(document.activeElement) ? chosenAt() : -1;
  await refresh().catch(soon);
  if (at >= 0 && step === "acknowledge") choose(Math.min(at, listed().length - 1));
}

new Work(meant, show);
document.addEventListener("keydown", (event) => {
  if (isOpen() || isTyped(event) || (event.key !== "ArrowDown" && event.key !== "ArrowUp")) return;
  event.preventDefault();
  const [at, last] = [chosenAt(), listed().length - 1];
  choose(event.key === "ArrowDown" ? Math.min(at + 1, last) : Math.max(at - 1, 0));
});
noteFresh();
document.addEventListener("click", (event) => {
  const heard = event.target instanceof Element ? event.target.closest("[data-hear]") : null;
  if (heard instanceof HTMLElement && heard.dataset.hear) bell.play(heard.dataset.hear);
});
const silenced = (/** @type {boolean} */ silent) => {
  cut = silent;
};
follow((news) => soon(news.hurry), silenced, ring);
setInterval(everySecond, 1000);
setInterval(() => cut || soon(), ANYWAY_MS);
