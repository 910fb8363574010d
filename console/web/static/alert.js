// The alert page: plays the clip, ticks, and follows what becomes of this alert without losing what is being written.
import { follow, gathered, tick } from "./live.js";
import { morph } from "./morph.js";
import { part } from "./part.js";
import { startPlayer } from "./player.js";
import { duration } from "./words.js";

const page = part("case", HTMLElement);
const started = new WeakSet();
const soon = gathered(refresh, 300);

function start() {
  const player = document.getElementById("player");
  if (!player || started.has(player)) return;
  started.add(player);
  startPlayer(player);
}

async function refresh() {
  const answer = await fetch(location.pathname, { headers: { Accept: "text/html" } });
  if (answer.redirected) return location.assign(answer.url);
  if (!answer.ok) throw new Error(String(answer.status));
  const wanted = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("case");
  if (wanted) morph(page, document.importNode(wanted, true));
  start();
}

follow((news) => {
  if (news.key === page.dataset.id || news.kind === "again") soon();
});
document.addEventListener("keydown", (event) => {
  if (!(event.target instanceof Element) || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches("textarea, input:not([type=radio], [type=checkbox])")) return;
  if (event.target.matches("input, button, summary, a") && event.key === " ") return;
  if (event.key.toLowerCase() === "a") document.getElementById("acknowledge")?.click();
  if (event.key === "Escape") location.assign("/");
  if (event.key === " " && document.getElementById("play")) {
    event.preventDefault();
    document.getElementById("play")?.click();
  }
});
start();
setInterval(() => tick(duration), 1000);
