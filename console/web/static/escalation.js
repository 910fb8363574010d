// The page of escalation: a test alarm that goes on shows what comes of it.
const LOOK_MS = 1000;

async function look() {
  const inside = document.getElementById("drill-inside");
  if (!inside?.dataset.waits) return;
  const answer = await fetch(inside.dataset.address ?? "").catch(() => null);
  if (answer?.ok) inside.outerHTML = await answer.text();
}

setInterval(look, LOOK_MS);
