// The bell: made in the browser, so that no file can be missing. Browsers let it ring only after a click.
import { OneBell } from "./one_bell.js";
import { words } from "./words.js";

const KEPT = "gatehouse_sound";
const [DO, MI, SO, LA, HIGH_DO] = [523, 659, 784, 880, 1047]; // Hz

/** What rings how often: told apart by the number of tones and by haste, not by pitch alone. Each tone is
 * [begin in seconds, pitch in Hz, length in seconds].
 * @type {Record<string, {everyMs: number, tones: number[][]}>} */
const SONGS = {
  critical: { everyMs: 2000, tones: [0, 1, 2, 3, 4, 5].map((n) => [n * 0.15, n % 2 ? HIGH_DO : LA, 0.13]) },
  high: { everyMs: 4000, tones: [[0, LA, 0.2], [0.24, MI, 0.2], [0.48, LA, 0.3]] },
  medium: { everyMs: 8000, tones: [[0, SO, 0.3], [0.36, MI, 0.4]] },
  low: { everyMs: 15000, tones: [[0, DO, 0.5]] },
  cut: { everyMs: 4000, tones: [[0, 220, 0.5], [0.6, 165, 0.7]] },
};

export class Bell {
  /** @param {HTMLButtonElement} button */
  constructor(button) {
    this.button = button;
    /** @type {AudioContext | null} */
    this.audio = null;
    this.rungAt = -Infinity;
    this.one = new OneBell(() => this.audio?.state === "running", () => this.show());
    this.turn(localStorage.getItem(KEPT) === "on");
    button.addEventListener("click", () => {
      localStorage.setItem(KEPT, this.audio ? "off" : "on");
      this.turn(!this.audio);
      this.play("low"); // whoever turns it on hears that it is
    });
    addEventListener("storage", ({ key, newValue }) => {
      if (key === KEPT && (newValue === "on") !== Boolean(this.audio)) this.turn(newValue === "on"); // in another tab
    });
    for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, () => this.wake());
  }

  /** @returns {"on" | "off" | "blocked"} on: this tab or another one rings. blocked: the browser waits for a click or a
   * key */
  get state() {
    if (!this.audio) return "off";
    return this.audio.state === "running" || this.one.elsewhere ? "on" : "blocked";
  }

  /** @param {boolean} on */
  turn(on) {
    this.audio?.close();
    this.audio = on ? new AudioContext() : null;
    this.audio?.addEventListener("statechange", () => this.settle());
    this.settle();
  }

  /** Takes part in the ringing while its sound runs. */
  settle() {
    if (this.audio?.state === "running") this.one.queue();
    else this.one.resign();
    this.show();
  }

  wake() {
    if (this.audio && this.audio.state !== "running") this.audio.resume();
  }

  show() {
    const { state } = this;
    this.button.setAttribute("aria-pressed", String(state === "on"));
    this.button.dataset.state = state;
    this.button.textContent = { on: words.sound_on, off: words.sound_off, blocked: words.sound_waits }[state];
    document.documentElement.dataset.sound = state;
  }

  /** Rings where it is time to; at once where something has just come.
   * @param {string} song
   * @param {boolean} now */
  ring(song, now = false) {
    this.wake(); // a system may have taken the sound away, and given it back since
    if (!this.one.leads) return;
    if (!now && performance.now() - this.rungAt < SONGS[song].everyMs) return;
    this.rungAt = performance.now();
    this.play(song);
  }

  /** @param {string} song */
  play(song) {
    if (this.audio?.state !== "running") return;
    this.button.dataset.rung = String(Number(this.button.dataset.rung ?? 0) + 1);
    this.button.dataset.song = song;
    for (const [begin, pitch, length] of SONGS[song].tones) {
      const [tone, volume, at] = [this.audio.createOscillator(), this.audio.createGain(), this.audio.currentTime + begin];
      tone.type = "triangle"; // its overtones carry further than a pure tone
      tone.frequency.value = pitch;
      volume.gain.setValueAtTime(0.0001, at);
      volume.gain.exponentialRampToValueAtTime(0.5, at + 0.02);
      volume.gain.exponentialRampToValueAtTime(0.0001, at + length);
      tone.connect(volume).connect(this.audio.destination);
      tone.start(at);
      tone.stop(at + length);
      tone.addEventListener("ended", () => volume.disconnect());
    }
  }
}
