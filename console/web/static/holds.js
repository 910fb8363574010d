// The page of kept recordings: shows what boxes answer, while an answer is still to come.
import { morph } from "./morph.js";
import { part } from "./part.js";

const SOON_MS = 3000;
const list = part("holds", HTMLElement);

async function refresh() {
  if (!list.querySelector("[data-soon]") || document.hidden) return;
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok || answer.redirected) return;
  const wanted = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("holds");
  if (wanted) morph(list, document.importNode(wanted, true));
}

setInterval(() => refresh().catch(() => undefined), SOON_MS);
