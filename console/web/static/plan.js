// The plan of a site: follows what happens there; who may arranges it by pointer or by keys.
import { concerns, follow, gathered, left } from "./live.js";
import { morph } from "./morph.js";
import { part } from "./part.js";
import { fill, words } from "./words.js";

const ANYWAY_MS = 15000;
const SAVE_MS = 500; // several steps of a key are one change
const [STEP, LARGE_STEP] = [0.005, 0.05]; // of the plan's width and height
const page = part("plan", HTMLElement);
const soon = gathered(refresh, 300);
let [cut, busy] = [false, false];
/** @type {Map<HTMLElement, ReturnType<typeof setTimeout>>} moves that are not saved yet */
const unsaved = new Map();

const marks = () => /** @type {HTMLElement[]} */ ([...page.querySelectorAll(".spot")]);

/** Puts every mark where it stands. */
function place() {
  for (const mark of marks()) {
    mark.style.left = `${Number(mark.dataset.x) * 100}%`;
    mark.style.top = `${Number(mark.dataset.y) * 100}%`;
    mark.style.translate = `${-100 * Number(mark.dataset.x)}% ${-100 * Number(mark.dataset.y)}%`; // never beyond the sheet
    mark.classList.add("placed");
  }
}

async function refresh() {
  if (busy || unsaved.size) return soon(); // what is being moved must not jump back
  const answer = await fetch(location.pathname + location.search, { headers: { Accept: "text/html" } });
  if (answer.redirected) return location.assign(answer.url);
  if (left(answer)) return;
  if (!answer.ok) throw new Error(String(answer.status));
  const wanted = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("plan");
  if (!wanted || busy || unsaved.size || choosing()) return;
  const said = part("saved", HTMLElement).textContent;
  morph(page, document.importNode(wanted, true));
  part("saved", HTMLElement).textContent = said;
  place();
}

/** Whether a file is chosen that is not sent yet. */
const choosing = () => [...page.querySelectorAll("input[type=file]")].some((one) => one instanceof HTMLInputElement && one.files?.length);

/** @param {string} word */
function tell(word) {
  const told = part("told", HTMLElement);
  [told.textContent, told.hidden] = [word, !word];
}

/** Tells the console where something stands; nowhere without a spot.
 * @param {HTMLElement} button
 * @param {{x: number, y: number} | null} spot */
async function save(button, spot) {
  const { node = "", camera = "", zone = "" } = button.dataset;
  const body = new URLSearchParams({ node, camera, zone });
  for (const [name, fraction] of Object.entries(spot ?? {})) body.set(name, fraction.toFixed(4));
  const asked = { method: "POST", headers: { Accept: "application/json" }, body };
  const answer = await fetch(page.dataset.save ?? "", asked).catch(() => null);
  tell(answer?.ok ? "" : words.not_done);
  const name = button.textContent?.trim() ?? "";
  if (answer?.ok) part("saved", HTMLElement).textContent = fill(spot ? words.plan_saved : words.plan_taken_off, { name });
  return Boolean(answer?.ok);
}

/** Moves a mark; it is saved once it rests.
 * @param {HTMLElement} mark
 * @param {number} x
 * @param {number} y */
function move(mark, x, y) {
  const fit = (/** @type {number} */ value) => String(Math.max(0, Math.min(1, value)));
  [mark.dataset.x, mark.dataset.y] = [fit(x), fit(y)];
  place();
  clearTimeout(unsaved.get(mark));
  unsaved.set(mark, setTimeout(async () => {
    const button = mark.querySelector("button");
    const saved = button && await save(button, { x: Number(mark.dataset.x), y: Number(mark.dataset.y) });
    unsaved.delete(mark);
    if (!saved) soon();
  }, SAVE_MS));
}

/** @param {PointerEvent} event
 * @param {HTMLElement} mark */
function drag(event, mark) {
  const sheet = mark.closest(".sheet")?.getBoundingClientRect();
  const button = mark.querySelector("button");
  if (!sheet || !button || event.button !== 0) return;
  event.preventDefault(); // else the browser would drag the drawing below
  busy = true;
  button.focus({ preventScroll: true });
  button.setPointerCapture(event.pointerId);
  const at = button.getBoundingClientRect(); // it keeps under the pointer, and within the sheet
  const [left, top] = [event.clientX - at.left + sheet.left, event.clientY - at.top + sheet.top];
  const [width, height] = [sheet.width - at.width, sheet.height - at.height];
  const follows = (/** @type {PointerEvent} */ to) => move(mark, (to.clientX - left) / width, (to.clientY - top) / height);
  const ends = () => {
    busy = false;
    button.removeEventListener("pointermove", follows);
  };
  button.addEventListener("pointermove", follows);
  button.addEventListener("lostpointercapture", ends, { once: true });
}

/** @param {HTMLElement} button */
async function add(button) {
  const id = `m-${button.dataset.node}-${button.dataset.camera}-${button.dataset.zone}`;
  const taken = marks().length % 10; // not all on one heap
  if (!(await save(button, { x: 0.5, y: 0.3 + taken * 0.05 }))) return;
  while (unsaved.size) await new Promise((done) => setTimeout(done, SAVE_MS / 5)); // a key was pressed just before
  await refresh();
  document.getElementById(id)?.querySelector("button")?.focus();
}

/** @param {HTMLElement} mark */
async function takeOff(mark) {
  const button = mark.querySelector("button");
  clearTimeout(unsaved.get(mark));
  unsaved.delete(mark);
  if (button && await save(button, null)) await refresh();
}

/** Sends the file of a plan.
 * @param {HTMLFormElement} form */
async function bring(form) {
  const field = form.querySelector("input[type=file]");
  const file = field instanceof HTMLInputElement ? field.files?.[0] : undefined;
  if (!file) return;
  if (file.size > Number(form.dataset.most)) return tell(words.plan_too_large);
  part("saved", HTMLElement).textContent = words.plan_brings;
  const asked = { method: "PUT", headers: { Accept: "application/json", "Content-Type": file.type || "image/*" }, body: file };
  const answer = await fetch(form.dataset.bring ?? "", asked).catch(() => null);
  if (answer?.ok) return location.reload();
  const why = await answer?.json().catch(() => ({}));
  part("saved", HTMLElement).textContent = "";
  tell(words[why?.error] ?? words.not_done);
}

page.addEventListener("pointerdown", (event) => {
  const mark = event.target instanceof Element ? event.target.closest(".editing .spot") : null;
  if (mark instanceof HTMLElement) drag(event, mark);
});
page.addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest("[data-add]") : null;
  if (button instanceof HTMLElement) add(button);
});
page.addEventListener("keydown", (event) => {
  const mark = event.target instanceof Element ? event.target.closest(".editing .spot") : null;
  if (!(mark instanceof HTMLElement) || event.ctrlKey || event.metaKey || event.altKey) return;
  const step = event.shiftKey ? LARGE_STEP : STEP;
  /** @type {Record<string, number[]>} */
  const ways = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
  const way = ways[event.key];
  if (event.key === "Delete" || event.key === "Backspace") takeOff(mark);
  else if (way) move(mark, Number(mark.dataset.x) + way[0], Number(mark.dataset.y) + way[1]);
  else return;
  event.preventDefault();
});
page.addEventListener("submit", (event) => {
  if (!(event.target instanceof HTMLFormElement) || event.target.dataset.bring === undefined) return;
  event.preventDefault();
  bring(event.target);
});
page.addEventListener("change", (event) => {
  if (event.target instanceof HTMLSelectElement) event.target.form?.submit();
});
place();
follow((news) => concerns(news, page) && soon(news.hurry), (silent) => {
  cut = silent;
});
setInterval(() => cut || soon(), ANYWAY_MS);
