// The alert wall: refreshes itself, ticks, rings until acknowledged, acknowledges.
import { follow, gathered, nowS, tick } from "./live.js";
import { morph } from "./morph.js";
import { part } from "./part.js";
import { Bell } from "./sound.js";
import { duration, fill, timeOfDay, words } from "./words.js";

const SOON_MS = 150; // changes that come together are fetched together
const ANYWAY_MS = 20000; // a box that falls silent changes nothing in the feed
const RING_MS = 4000;
const SETTLE_MS = 600; // a key pressed as the order changes must not take on another alert than the one that was seen
const wall = part("wall", HTMLElement);
const clock = part("clock", HTMLElement);
const told = part("told", HTMLElement);
const bell = new Bell(part("sound", HTMLButtonElement));
let [cut, first, firstSince] = [false, firstNew()?.dataset.acknowledge, 0];
const soon = gathered(refresh, SOON_MS);

/** @returns {HTMLButtonElement | null} */
function firstNew() {
  return wall.querySelector("button[data-acknowledge]");
}

function rings() {
  return Number(wall.querySelector(".summary")?.getAttribute("data-rings"));
}

async function refresh() {
  const answer = await fetch(`/wall${location.search}`);
  if (answer.status === 401) return location.assign("/sign-in");
  if (!answer.ok) throw new Error(String(answer.status));
  const wanted = document.createElement("div");
  wanted.id = wall.id;
  wanted.innerHTML = await answer.text();
  const before = rings();
  const chosen = document.activeElement?.closest(".alert");
  morph(wall, wanted);
  if (chosen) keep(chosen);
  if (rings() > before) bell.alarm(); // at once: in a hidden tab the next round may be a minute away
  const now = firstNew()?.dataset.acknowledge;
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

function ring() {
  if (cut || deaf()) bell.cut();
  else if (rings()) bell.alarm();
}

/** Takes an alert on; the next one, where one was chosen, becomes the chosen one.
 * @param {HTMLButtonElement} button */
async function acknowledge(button) {
  const at = button.closest(".alert")?.contains(document.activeElement) ? chosenAt() : -1;
  button.disabled = true;
  const address = `/alerts/${button.dataset.acknowledge}/acknowledge`;
  const answer = await fetch(address, { method: "POST", headers: { Accept: "application/json" } }).catch(() => null);
  const refused = answer?.status === 409 ? await answer.json().catch(() => ({})) : {};
  told.textContent = refused.error === "taken" ? fill(words.taken, refused) : words.not_done;
  told.hidden = Boolean(answer?.ok) || (answer?.status === 409 && refused.error !== "taken");
  button.disabled = false;
  await refresh().catch(soon);
  if (at >= 0) choose(Math.min(at, listed().length - 1));
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

/** The alert that a key is about: the chosen one, else the first new one once the order has stood still.
 * @returns {HTMLButtonElement | null} */
function meant() {
  const chosen = document.activeElement?.closest(".alert");
  if (chosen) return chosen.querySelector("button[data-acknowledge]");
  return performance.now() - firstSince > SETTLE_MS ? firstNew() : null;
}

wall.addEventListener("click", (event) => {
  const button = event.target instanceof Element && event.target.closest("button[data-acknowledge]");
  if (button instanceof HTMLButtonElement) acknowledge(button);
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    const [at, last] = [chosenAt(), listed().length - 1];
    choose(event.key === "ArrowDown" ? Math.min(at + 1, last) : Math.max(at - 1, 0));
  }
  if (event.key.toLowerCase() !== "a" || event.repeat) return;
  const button = meant();
  if (button && !button.disabled) acknowledge(button);
  else if (!button && firstNew() && chosenAt() < 0) [told.textContent, told.hidden] = [words.settling, false];
});
follow(soon, (silent) => {
  cut = silent;
});
soon(); // what changed between the page and the connection
setInterval(everySecond, 1000);
setInterval(ring, RING_MS);
setInterval(() => cut || soon(), ANYWAY_MS);
