// The alert wall: refreshes itself, ticks, rings, acknowledges.
import { follow, words } from "./live.js";

const wall = document.getElementById("wall");
const soundButton = document.getElementById("sound");
let audio = null;
let pending = null;

async function refresh() {
  pending = null;
  const answer = await fetch("/wall");
  if (answer.status === 401) return location.assign("/sign-in");
  if (answer.ok) wall.innerHTML = await answer.text();
}

function soon() {
  pending ??= setTimeout(() => refresh().catch(() => soon()), 150);
}

function tick() {
  for (const clock of wall.querySelectorAll("[data-since]")) {
    clock.textContent = Math.max(0, Math.round(Date.now() / 1000 - Number(clock.dataset.since)));
  }
}

function ring() {
  const waiting = Number(wall.querySelector(".summary")?.dataset.new ?? 0);
  document.title = waiting ? `(${waiting}) Gatehouse` : "Gatehouse";
  if (!audio || !waiting) return;
  for (const [begin, pitch] of [[0, 880], [0.22, 660]]) {
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    tone.frequency.value = pitch;
    volume.gain.setValueAtTime(0.25, audio.currentTime + begin);
    volume.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + begin + 0.2);
    tone.connect(volume).connect(audio.destination);
    tone.start(audio.currentTime + begin);
    tone.stop(audio.currentTime + begin + 0.2);
  }
}

async function acknowledge(id) {
  await fetch(`/alerts/${id}/acknowledge`, { method: "POST", headers: { Accept: "application/json" } });
  await refresh();
}

soundButton.addEventListener("click", () => {
  audio = audio ? (audio.close(), null) : new AudioContext();
  soundButton.setAttribute("aria-pressed", String(Boolean(audio)));
  soundButton.textContent = audio ? words.sound_on : words.sound_off;
  ring();
});
wall.addEventListener("click", (event) => {
  const button = event.target.closest("[data-acknowledge]");
  if (button) acknowledge(button.dataset.acknowledge);
});
document.addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() !== "a" || event.ctrlKey || event.metaKey || event.altKey) return;
  const first = wall.querySelector("[data-acknowledge]");
  if (first) acknowledge(first.dataset.acknowledge);
});
follow(soon);
soon(); // what changed between the page and the connection
setInterval(tick, 1000);
setInterval(ring, 4000);
