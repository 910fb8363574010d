// The bell: made in the browser, so that no file can be missing. Browsers let it ring only after a click.
import { words } from "./words.js";

const KEPT = "gatehouse_sound";
const ALARM = [[0, 880, 0.2], [0.24, 660, 0.2], [0.48, 880, 0.3]];
const CUT = [[0, 220, 0.5]];

export class Bell {
  /** @param {HTMLButtonElement} button */
  constructor(button) {
    this.button = button;
    /** @type {AudioContext | null} */
    this.audio = null;
    if (localStorage.getItem(KEPT) === "on") this.turn(true);
    button.addEventListener("click", () => this.turn(!this.audio));
    for (const kind of ["pointerdown", "keydown"]) {
      addEventListener(kind, () => this.audio?.state === "suspended" && this.audio.resume());
    }
  }

  /** @param {boolean} on */
  turn(on) {
    this.audio?.close();
    this.audio = on ? new AudioContext() : null;
    this.audio?.addEventListener("statechange", () => this.show());
    localStorage.setItem(KEPT, on ? "on" : "off");
    this.show();
    if (on) this.play(ALARM.slice(0, 1));
  }

  show() {
    const rings = this.audio?.state === "running";
    this.button.setAttribute("aria-pressed", String(rings));
    this.button.textContent = rings ? words.sound_on : this.audio ? words.sound_waits : words.sound_off;
  }

  alarm() {
    this.play(ALARM);
  }

  cut() {
    this.play(CUT);
  }

  /** @param {number[][]} tones [begin in seconds, pitch in Hz, length in seconds] */
  play(tones) {
    if (this.audio?.state !== "running") return;
    this.button.dataset.rung = String(Number(this.button.dataset.rung ?? 0) + 1);
    for (const [begin, pitch, length] of tones) {
      const [tone, volume, at] = [this.audio.createOscillator(), this.audio.createGain(), this.audio.currentTime + begin];
      tone.frequency.value = pitch;
      volume.gain.setValueAtTime(0.0001, at);
      volume.gain.exponentialRampToValueAtTime(0.4, at + 0.02);
      volume.gain.exponentialRampToValueAtTime(0.0001, at + length);
      tone.connect(volume).connect(this.audio.destination);
      tone.start(at);
      tone.stop(at + length);
    }
  }
}
