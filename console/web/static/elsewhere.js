// The bell on pages other than the wall: whoever looks at one alert, or at the pictures, hears the next one ring.
import { gathered, left } from "./live.js";
import { part } from "./part.js";
import { Bell } from "./sound.js";

/** @typedef {import("./feed.js").News} News */

const [SOON_MS, ANYWAY_MS] = [300, 20000];

/** What to give to `follow`, so that the page rings, too; on the page of somebody who takes nothing on it stays silent.
 * @param {(news: News) => void} onChange
 * @param {(cut: boolean) => void} onCut
 * @returns {[(news: News) => void, (cut: boolean) => void, () => void]} */
export function withBell(onChange, onCut = () => {}) {
  if (!document.getElementById("ringing")) return [onChange, onCut, () => {}];
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
  return [
    (news) => {
      if (["again", "alert", "watch"].includes(news.kind)) soon(news.hurry);
      onChange(news);
    },
    (silent) => {
      cut = silent;
      onCut(silent);
    },
    ring,
  ];
}
