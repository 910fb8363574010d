// Goes through what was found by keyboard: the arrows choose, Enter opens, as on the wall.

const rows = () => [...document.querySelectorAll("#found a.row")];

/** @param {number} at */
function choose(at) {
  const row = rows()[at];
  if (!(row instanceof HTMLElement)) return;
  row.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !(event.target instanceof Element)) return;
  if (event.target.matches("input, select, textarea, summary")) return;
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  event.preventDefault();
  const at = rows().findIndex((row) => row === document.activeElement);
  const last = rows().length - 1;
  if (event.key === "ArrowDown" && at === last) document.getElementById("goes-on")?.focus();
  else choose(event.key === "ArrowDown" ? at + 1 : Math.max(at - 1, 0));
});
