// Pages that fill the screen are read from three metres: `html.full` makes everything larger.
const kiosk = matchMedia("(display-mode: fullscreen)"); // by the browser's own key, or started so

function show() {
  document.documentElement.classList.toggle("full", document.fullscreenElement !== null || kiosk.matches);
}

/** Fills the screen, or gives it back. */
export function fullScreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else document.documentElement.requestFullscreen().catch(() => {}); // a browser may forbid it
}

document.addEventListener("fullscreenchange", show);
kiosk.addEventListener("change", show);
show();
