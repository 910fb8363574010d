// The watch over the watch: a page that rings says that it is open, and whether its sound may ring.
import { part } from "./part.js";

const REPORT_MS = 20000;
const page = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const sound = part("sound", HTMLButtonElement);

function report() {
  const heard = String(sound.getAttribute("aria-pressed") === "true");
  fetch("/watch", { method: "POST", body: new URLSearchParams({ page, heard }) }).catch(() => {}); // the next one tells
}

new MutationObserver(report).observe(sound, { attributes: true, attributeFilter: ["aria-pressed"] });
report();
setInterval(report, REPORT_MS);
