// The alert wall: refreshes itself, ticks, rings until acknowledged, acknowledges.
import { follow, nowS, tick } from "./live.js";
import { morph } from "./morph.js";
import { Bell } from "./sound.js";
import { duration, timeOfDay, words } from "./words.js";

const SOON_MS = 150; // changes that come together are fetched together
const ANYWAY_MS = 20000; // a box that falls silent changes nothing in the feed
const RING_MS = 4000;
const SETTLE_MS = 600; // a key pressed as the order changes must not take on another alert than the one that was seen
const wall = document.getElementById("wall");
const clock = document.getElementById("clock");
const told = document.getElementById("told");
const bell = new Bell(document.getElementById("sound"));
let [due, cut, first, firstSince] = [null, false, firstNew()?.dataset.acknowledge, 0];

function firstNew() {
  return wall.querySelector("[data-acknowledge]");
}

async function refresh() {
  due = null;
  const answer = await fetch("/wall");
  if (answer.status === 401) return location.assign("/sign-in");
  if (!answer.ok) throw new Error(String(answer.status));
  const wanted = document.createElement("div");
  wanted.id = wall.id;
  wanted.innerHTML = await answer.text();
  morph(wall, wanted);
  if (firstNew()?.dataset.acknowledge !== first) [first, firstSince] = [firstNew()?.dataset.acknowledge, performance.now()];
  everySecond();
}

function soon(afterMs = SOON_MS) {
  due ??= setTimeout(() => refresh().catch(() => soon(2000)), afterMs);
}

function everySecond() {
  tick(duration);
  if (!cut) clock.textContent = timeOfDay(nowS());
  const rings = Number(wall.querySelector(".summary").dataset.rings);
  document.title = rings ? `(${rings}) Gatehouse` : "Gatehouse";
}

function ring() {
  if (cut) bell.cut();
  else if (Number(wall.querySelector(".summary").dataset.rings)) bell.alarm();
}

async function acknowledge(button) {
  button.disabled = true;
  const request = fetch(`/alerts/${button.dataset.acknowledge}/acknowledge`, { method: "POST", headers: { Accept: "application/json" } });
  const done = await request.then((answer) => answer.ok || answer.status === 409, () => false);
  told.hidden = done;
  told.textContent = words.not_done;
  button.disabled = false;
  await refresh().catch(() => soon(2000));
}

wall.addEventListener("click", (event) => {
  const button = event.target.closest("[data-acknowledge]");
  if (button) acknowledge(button);
});
document.addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() !== "a" || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (firstNew() && !firstNew().disabled && performance.now() - firstSince > SETTLE_MS) acknowledge(firstNew());
});
follow(() => soon(), (silent) => {
  cut = silent;
});
soon(); // what changed between the page and the connection
setInterval(everySecond, 1000);
setInterval(ring, RING_MS);
setInterval(() => cut || soon(), ANYWAY_MS);
