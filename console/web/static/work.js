// The steps of an alert's work, by key and by button: the same on the wall and on an alert's page.
import { fullScreen } from "./full_screen.js";
import { part } from "./part.js";
import { fill, words } from "./words.js";

/** @type {Record<string, string>} */
const STEPS = { a: "acknowledge", s: "start", h: "hold", t: "take_over", c: "close", n: "note", p: "prioritise", e: "correct", r: "reopen" };
/** @type {Record<string, string>} */
const DIALOGS = { close: "closing", note: "noting", prioritise: "rating", correct: "correcting", reopen: "reopening" };

/** What a step is about, fixed as the key is pressed: what is shown may change before it is sent.
 * fresh: those that nobody has taken on; mine: one's own; the others are colleagues'. lead: the one that is shown large.
 * @typedef {{ids: string[], fresh: string[], mine: string[], lead: string, choices: string}} Subject */

const listOf = (/** @type {string | undefined} */ ids) => (ids ?? "").split(" ").filter(Boolean);

/** @param {HTMLElement} shown has data-ids, data-new, data-mine, data-id, data-choices
 * @returns {Subject} */
function subjectOf(shown) {
  const { ids, new: fresh, mine, id, choices } = shown.dataset;
  return { ids: listOf(ids), fresh: listOf(fresh), mine: listOf(mine), lead: id ?? "", choices: choices ?? "people" };
}

/** The alerts that a step is for: of a card that colleagues share what they may not do to each other leaves theirs alone.
 * Where nothing else is there the console says whose it is.
 * @param {string} step
 * @param {Subject} subject */
function meantBy(step, subject) {
  const { ids, fresh, mine } = subject;
  if (step === "correct" || step === "reopen") return subject.ids.length ? [] : [subject.lead]; // of what is closed
  if (step === "acknowledge" && fresh.length) return fresh;
  if ((step === "start" || step === "hold") && mine.length) return mine;
  const [open, others] = [ids.filter((id) => fresh.includes(id) || mine.includes(id)), ids.filter((id) => !mine.includes(id))];
  if (step === "close" && open.length) return open;
  if (step === "take_over" && others.length) return others;
  return subject.ids.length || step !== "note" ? subject.ids : [subject.lead]; // one can say more of what is closed
}

/** Takes a step; what people must know of it stands in #told.
 * @param {string} step
 * @param {string[]} ids
 * @param {Record<string, string>} more */
async function send(step, ids, more) {
  const told = part("told", HTMLElement);
  const [first, ...also] = ids;
  const body = new URLSearchParams([...Object.entries(more), ...also.map((id) => ["also", id])]);
  const asked = { method: "POST", headers: { Accept: "application/json" }, body };
  const answer = await fetch(`/alerts/${first}/${step}`, asked).catch(() => null);
  const refused = answer?.status === 409 ? await answer.json().catch(() => ({})) : {};
  const word = refused.error === "taken" && refused.done ? "taken_rest" : refused.error;
  told.textContent = fill(words[word] ?? words.not_done, refused);
  told.hidden = Boolean(answer?.ok);
}

/** Whether a question or the help is open, to which all keys belong. */
export const isOpen = () => document.querySelector("dialog[open]") !== null;

/** Whether a key belongs to what is being written or played, not to the page.
 * @param {KeyboardEvent} event */
export function isTyped(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return true;
  if (!(event.target instanceof Element) || !event.target.checkVisibility()) return false; // a question has just gone
  return event.target.matches("textarea, select, input:not([type=radio], [type=checkbox], [type=range])");
}

export class Work {
  /** @param {(step: string) => HTMLElement | null} meant what a key is about now
   * @param {(step: string, shown: HTMLElement) => Promise<void>} done after a step was tried */
  constructor(meant, done) {
    this.meant = meant;
    this.done = done;
    this.busy = false;
    document.addEventListener("click", (event) => this.click(event));
    document.addEventListener("keydown", (event) => this.key(event));
    document.addEventListener("submit", (event) => this.answer(event));
    /** @type {HTMLElement | undefined} */
    this.shown = undefined;
    /** @type {{step: string, subject: Subject} | undefined} */
    this.asked = undefined;
  }

  /** @param {MouseEvent} event */
  click(event) {
    const pressed = event.target instanceof Element ? event.target.closest("[data-step], [data-cancel], [data-help], [data-sounds], [data-full]") : null;
    if (!(pressed instanceof HTMLElement)) return;
    if (pressed.dataset.cancel !== undefined) return pressed.closest("dialog")?.close();
    if (pressed.dataset.help !== undefined) return part("help", HTMLDialogElement).showModal();
    if (pressed.dataset.sounds !== undefined) return part("sounds", HTMLDialogElement).showModal();
    if (pressed.dataset.full !== undefined) return fullScreen();
    const shown = pressed.closest("[data-ids]");
    if (shown instanceof HTMLElement && pressed.dataset.step) this.take(pressed.dataset.step, shown);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.repeat || event.isComposing) return;
    const dialog = document.querySelector("dialog[open]");
    if (dialog) return this.keyInDialog(event, dialog);
    if (isTyped(event)) return;
    const key = event.key.toLowerCase();
    if (key === "?") part("help", HTMLDialogElement).showModal();
    else if (key === "f") fullScreen();
    else if (STEPS[key] && document.getElementById("closing")) {
      const shown = this.meant(STEPS[key]);
      event.preventDefault(); // the letter must not land in the field that opens
      if (shown) this.take(STEPS[key], shown);
    }
  }

  /** @param {KeyboardEvent} event
   * @param {Element} dialog */
  keyInDialog(event, dialog) {
    if (event.key === "?" && dialog.id === "help") return part("help", HTMLDialogElement).close();
    if (isTyped(event)) {
      if (event.key !== "Enter" || event.shiftKey || !["noting", "reopening"].includes(dialog.id)) return;
      event.preventDefault();
      return dialog.querySelector("form")?.requestSubmit();
    }
    const answers = [...dialog.querySelectorAll("[data-key]")];
    const meant = answers.find((one) => one.getAttribute("data-key") === event.key && one.checkVisibility());
    if (meant instanceof HTMLElement) meant.click();
  }

  /** Takes a step, or asks for what it needs.
   * @param {string} step
   * @param {HTMLElement} shown */
  take(step, shown) {
    const subject = subjectOf(shown);
    if (this.busy || !meantBy(step, subject).length) return;
    this.shown = shown;
    if (!DIALOGS[step]) return this.go(step, subject, {});
    const dialog = part(DIALOGS[step], HTMLDialogElement);
    this.asked = { step, subject };
    dialog.querySelector("form")?.reset();
    const [n, all] = [meantBy(step, subject).length, subject.ids.length];
    const told = n < all ? fill(words.about_own, { n, m: all - n }) : n > 1 ? fill(words.about, { n }) : "";
    for (const about of dialog.querySelectorAll("[data-about]")) about.textContent = told;
    for (const set of dialog.querySelectorAll("div[data-choices]")) {
      if (set instanceof HTMLElement) set.hidden = set.dataset.choices !== subject.choices;
    }
    dialog.showModal();
  }

  /** @param {Event} event */
  answer(event) {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || !(event instanceof SubmitEvent) || !form.closest("dialog")) return;
    event.preventDefault();
    form.closest("dialog")?.close();
    const data = new FormData(form, event.submitter);
    const more = Object.fromEntries([...data].map(([name, value]) => [name, String(value)]));
    if (this.asked) this.go(this.asked.step, this.asked.subject, more);
    this.asked = undefined;
  }

  /** @param {string} step
   * @param {Subject} subject
   * @param {Record<string, string>} more */
  async go(step, subject, more) {
    this.busy = true;
    await send(step, meantBy(step, subject), more);
    this.busy = false;
    if (this.shown) await this.done(step, this.shown);
  }
}
