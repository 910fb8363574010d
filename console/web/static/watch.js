// The watch over the watch: a wall says that it is open, and whether its sound may ring. On an alert's page somebody is
// at work who hears no bell: that counts as watching as long as they do something.
const REPORT_MS = 20000;
const AT_WORK_MS = 300000;
const page = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const sound = document.getElementById("sound");
let touchedAt = performance.now();

function report() {
  if (!sound && performance.now() - touchedAt > AT_WORK_MS) return;
  const heard = String(!sound || sound.getAttribute("aria-pressed") === "true");
  fetch("/watch", { method: "POST", body: new URLSearchParams({ page, heard }) }).catch(() => {}); // the next one tells
}

for (const kind of ["pointerdown", "keydown", "scroll"]) {
  addEventListener(kind, () => {
    touchedAt = performance.now();
  }, { passive: true });
}
if (sound) new MutationObserver(report).observe(sound, { attributes: true, attributeFilter: ["aria-pressed"] });
report();
setInterval(report, REPORT_MS);
