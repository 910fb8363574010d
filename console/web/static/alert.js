// The alert page: plays the clip with the boxes over it, and follows news of this alert.
import { follow } from "./live.js";

const id = document.querySelector("[data-id]").dataset.id;
const root = document.getElementById("player");

/** Box of a track at a moment, between its samples at most one second apart; null where the person is not seen. */
export function boxAt(samples, at) {
  let next = samples.findIndex((sample) => sample[0] >= at);
  if (next < 0) return null;
  if (next === 0) return samples[0][0] - at < 0.2 ? samples[0].slice(1) : null;
  const [before, after] = [samples[next - 1], samples[next]];
  if (after[0] - before[0] > 1) return at - before[0] < 0.2 ? before.slice(1) : null;
  const share = (at - before[0]) / (after[0] - before[0] || 1);
  return [1, 2, 3, 4].map((i) => before[i] + share * (after[i] - before[i]));
}

function draw(context, video, film) {
  const canvas = context.canvas;
  canvas.width = video.clientWidth;
  canvas.height = video.clientHeight;
  context.lineWidth = 2;
  if (film.zone?.polygon?.length) {
    context.strokeStyle = "#ffd34d";
    context.beginPath();
    film.zone.polygon.forEach(([x, y]) => context.lineTo(x * canvas.width, y * canvas.height));
    context.closePath();
    context.stroke();
  }
  let shown = 0;
  for (const track of film.tracks) {
    const box = boxAt(track.samples, video.currentTime);
    if (!box) continue;
    shown += 1;
    context.strokeStyle = track.subject ? "#ff6b5e" : "#8fd0ff";
    context.lineWidth = track.subject ? 3 : 2;
    const [left, top] = [box[0] * canvas.width, box[1] * canvas.height];
    context.strokeRect(left, top, box[2] * canvas.width - left, box[3] * canvas.height - top);
    if (track.subject) canvas.dataset.left = String(box[0]);
  }
  canvas.dataset.boxes = String(shown);
}

async function startPlayer() {
  const video = root.querySelector("video");
  const context = root.querySelector("canvas").getContext("2d");
  const [seek, clock, play] = ["seek", "clock", "play"].map((name) => document.getElementById(name));
  const film = root.dataset.track ? await (await fetch(root.dataset.track)).json() : { tracks: [] };
  const mark = () => {
    document.getElementById("moment").style.left = `${(100 * Number(root.dataset.opened)) / video.duration}%`;
  };
  video.addEventListener("loadedmetadata", mark);
  if (video.readyState > 0) mark();
  play.addEventListener("click", () => (video.paused ? video.play() : video.pause()));
  video.addEventListener("click", () => play.click());
  seek.addEventListener("input", () => (video.currentTime = (seek.value / 1000) * video.duration));
  const turn = () => {
    play.textContent = video.paused ? "▶" : "❚❚";
    if (video.duration) seek.value = String((1000 * video.currentTime) / video.duration);
    const seconds = Math.floor(video.currentTime);
    clock.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    draw(context, video, film);
    requestAnimationFrame(turn);
  };
  turn();
  video.play().catch(() => {});
}

if (root) startPlayer();
document.addEventListener("keydown", (event) => {
  if (event.target.matches("input, textarea") || event.ctrlKey || event.metaKey) return;
  if (event.key.toLowerCase() === "a") document.getElementById("acknowledge")?.click();
  if (event.key === " " && root) {
    event.preventDefault();
    document.getElementById("play").click();
  }
});
follow((change) => {
  const fresh = change.key === id && (change.what !== "updated");
  const busy = document.querySelector(".close :checked") || document.querySelector("textarea")?.value;
  if (fresh && !busy && (document.querySelector("[data-waiting]") || change.what !== "file")) location.reload();
});
