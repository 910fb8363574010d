// Plays a clip with the boxes of its people drawn over it, on a timeline that marks the alarm.
import { part } from "./part.js";
import { fill, timeOfDay, words } from "./words.js";

/** What lies beside a clip: samples are [seconds, left, top, right, bottom], fractions of the picture.
 * @typedef {{zone?: {polygon?: number[][]}, tracks: {subject: boolean, samples: number[][]}[]}} Film */

const [SUBJECT, OTHER, ZONE] = ["#ff5a4d", "#8fd0ff", "#ffd34d"];
const LAST_S = 0.25; // how long a box stays after its last sample

/** Box of a track at a moment: between samples at most a second apart; null where the person is not seen.
 * @param {number[][]} samples
 * @param {number} at seconds */
export function boxAt(samples, at) {
  const next = samples.findIndex((sample) => sample[0] >= at);
  if (next === 0) return samples[0][0] - at < LAST_S ? samples[0].slice(1) : null;
  const before = samples.at(next < 0 ? -1 : next - 1);
  if (!before) return null;
  const after = next < 0 ? null : samples[next];
  if (!after || after[0] - before[0] > 1) return at - before[0] < LAST_S ? before.slice(1) : null;
  const share = (at - before[0]) / (after[0] - before[0] || 1);
  return [1, 2, 3, 4].map((i) => before[i] + share * (after[i] - before[i]));
}

/** A line with a dark rim, so that it shows on light and on dark.
 * @param {CanvasRenderingContext2D} context
 * @param {string} colour
 * @param {number} width
 * @param {() => void} trace */
function stroke(context, colour, width, trace) {
  for (const [style, rim] of /** @type {[string, number][]} */ ([["#000a", 2], [colour, 0]])) {
    context.strokeStyle = style;
    context.lineWidth = width + rim;
    context.beginPath();
    trace();
    context.stroke();
  }
}

/** Draws zone and boxes of a moment over the whole canvas.
 * @param {HTMLCanvasElement} canvas
 * @param {Film} film
 * @param {number} at seconds */
function draw(canvas, film, at) {
  const context = canvas.getContext("2d");
  if (!context) return;
  const scale = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  [canvas.width, canvas.height] = [width * scale, height * scale];
  context.scale(scale, scale);
  const corners = film.zone?.polygon ?? [];
  if (corners.length) {
    context.setLineDash([10, 7]);
    stroke(context, ZONE, 2, () => {
      for (const [x, y] of corners) context.lineTo(x * width, y * height);
      context.closePath();
    });
    context.setLineDash([]);
  }
  let shown = 0;
  for (const track of film.tracks) {
    const box = boxAt(track.samples, at);
    if (!box) continue;
    shown += 1;
    const [left, top, right, bottom] = [box[0] * width, box[1] * height, box[2] * width, box[3] * height];
    stroke(context, track.subject ? SUBJECT : OTHER, track.subject ? 4 : 2, () => context.rect(left, top, right - left, bottom - top));
    if (track.subject) canvas.dataset.left = String(box[0]);
  }
  canvas.dataset.boxes = String(shown);
}

const digits = (/** @type {number} */ seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

/** Brings a player to life.
 * @param {HTMLElement} root */
export async function startPlayer(root) {
  const [video, canvas] = [part("film", HTMLVideoElement, root), part("drawing", HTMLCanvasElement, root)];
  const [seek, play] = [part("seek", HTMLInputElement, root), part("play", HTMLButtonElement, root)];
  const [moment, position, offset] = ["moment", "position", "offset"].map((id) => part(id, HTMLElement, root));
  const unplayable = part("unplayable", HTMLElement, root);
  const [openedS, beginsAtS] = [Number(root.dataset.opened), Number(root.dataset.begins)];
  /** @type {Film} */
  let film = { tracks: [] };
  const show = (/** @type {number} */ at) => {
    root.classList.toggle("playing", !video.paused);
    if (!video.duration) return;
    if (document.activeElement !== seek || !video.paused) seek.value = String((1000 * at) / video.duration);
    moment.style.left = `${Math.min(100, Math.max(0, (100 * openedS) / video.duration))}%`;
    position.textContent = `${timeOfDay(beginsAtS + at)} · ${digits(at)} / ${digits(video.duration)}`;
    const laterS = Math.round(at - openedS);
    offset.textContent = fill(laterS ? (laterS < 0 ? words.before : words.after) : words.moment, { s: Math.abs(laterS) });
    draw(canvas, film, at);
  };
  const frame = (/** @type {number} */ _now, /** @type {VideoFrameCallbackMetadata} */ facts) => {
    show(facts.mediaTime);
    video.requestVideoFrameCallback(frame);
  };
  if ("requestVideoFrameCallback" in video) video.requestVideoFrameCallback(frame);
  for (const kind of ["timeupdate", "seeked", "play", "pause", "loadeddata"]) video.addEventListener(kind, () => show(video.currentTime));
  addEventListener("resize", () => show(video.currentTime));
  video.addEventListener("error", () => {
    unplayable.textContent = words.no_playback;
    unplayable.hidden = false;
  });
  play.addEventListener("click", () => (video.paused ? video.play() : video.pause()));
  part("screen", HTMLElement, root).addEventListener("click", () => play.click());
  part("to-moment", HTMLElement, root).addEventListener("click", () => (video.currentTime = openedS));
  seek.addEventListener("input", () => (video.currentTime = (Number(seek.value) / 1000) * video.duration));
  if (root.dataset.track) {
    const answer = await fetch(root.dataset.track).catch(() => null);
    if (answer?.ok) film = await answer.json();
  }
  if (video.error) video.dispatchEvent(new Event("error"));
  show(video.currentTime);
  video.play().catch(() => {});
}
