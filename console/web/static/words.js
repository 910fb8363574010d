// Texts of the page's language, and numbers as people say them.
import { part } from "./part.js";

/** @type {Record<string, string>} */
export const words = JSON.parse(part("words", HTMLElement).textContent ?? "");

/** A text with its {names} filled in.
 * @param {string} text
 * @param {Record<string, string | number>} values */
export function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}

/** Seconds as people say them.
 * @param {number} seconds */
export function duration(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return fill(words.seconds, { s });
  if (s < 3600) return fill(s % 60 ? words.minutes_seconds : words.minutes, { m: Math.floor(s / 60), s: s % 60 });
  return fill(words.hours, { h: Math.floor(s / 3600), m: Math.floor((s % 3600) / 60) });
}

const page = document.documentElement;
const format = new Intl.DateTimeFormat("en-GB", {
  timeZone: page.dataset.timezone, hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
});

/** Time of day at the site.
 * @param {number} atS UTC seconds */
export function timeOfDay(atS) {
  return format.format(new Date(atS * 1000));
}
