// Cameras and boxes, live: refreshes itself, asks for new pictures.
import { follow, gathered, left } from "./live.js";
import { morph } from "./morph.js";
import { part } from "./part.js";
import { words } from "./words.js";

const ANYWAY_MS = 15000; // a box that falls silent changes nothing in the feed
const page = part("cameras", HTMLElement);
const soon = gathered(refresh, 200);

async function refresh() {
  const answer = await fetch("/cameras", { headers: { Accept: "text/html" } });
  if (answer.redirected) return location.assign(answer.url);
  if (left(answer)) return;
  if (!answer.ok) throw new Error(String(answer.status));
  const wanted = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("cameras");
  if (wanted) morph(page, document.importNode(wanted, true));
}

page.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || form.dataset.still === undefined) return;
  event.preventDefault();
  const told = part("told", HTMLElement);
  if (event.submitter instanceof HTMLButtonElement) {
    event.submitter.disabled = true;
    event.submitter.textContent = words.asked;
  }
  const answer = await fetch(form.action, { method: "POST", headers: { Accept: "application/json" } }).catch(() => null);
  told.hidden = Boolean(answer?.ok);
  told.textContent = answer?.status === 503 ? words.node_away : words.not_done;
  if (!answer?.ok) soon();
  setTimeout(soon, 8000); // the button comes back whether a picture came or not
});
follow((news) => {
  if (news.kind !== "alert") soon(news.hurry);
});
setInterval(soon, ANYWAY_MS);
