// The bell on every page but the wall, which has its own: whoever looks something up hears the next alert ring.
import { follow, gathered, left } from "./live.js";
import { part } from "./part.js";
import { Bell } from "./sound.js";

const [SOON_MS, ANYWAY_MS] = [300, 20000];
const [link, bell] = [part("ringing", HTMLElement), new Bell(part("sound", HTMLButtonElement))];
let [number, loudest, cut] = [0, "", false];

function ring(now = false) {
  if (cut) bell.ring("cut");
  else if (loudest) bell.ring(loudest, now);
}

const soon = gathered(async () => {
  const answer = await fetch("/api/rings");
  if (left(answer)) return;
  if (!answer.ok) throw new Error(String(answer.status));
  const rings = await answer.json();
  const more = rings.number > number || (rings.loudest && !loudest);
  [number, loudest] = [rings.number, rings.loudest];
  link.hidden = !number;
  part("ringing-number", HTMLElement).textContent = String(number);
  if (more) ring(true);
}, SOON_MS);

soon();
setInterval(() => cut || soon(), ANYWAY_MS);
follow(
  (news) => ["again", "alert", "watch"].includes(news.kind) && soon(news.hurry),
  (silent) => {
    cut = silent;
  },
  ring,
);
