// The live connection of a page: follows the change feed, and says when it has gone silent.
const STALE_MS = 12000; // the server beats every 5 s

export const words = JSON.parse(document.getElementById("words").textContent);

/** Follows the feed. onChange gets {kind, key, what}. */
export function follow(onChange) {
  const banner = document.getElementById("stale");
  let heard = Date.now();
  const source = new EventSource("/api/stream");
  const alive = () => {
    heard = Date.now();
    if (!banner.hidden) {
      banner.hidden = true;
      onChange({ kind: "alert", key: "", what: "reconnected" });
    }
  };
  // The feed remembers a while only: after every connection the page looks for itself.
  source.addEventListener("open", () => onChange({ kind: "alert", key: "", what: "connected" }));
  source.addEventListener("beat", alive);
  source.addEventListener("change", (event) => {
    alive();
    onChange(JSON.parse(event.data));
  });
  setInterval(() => {
    if (Date.now() - heard > STALE_MS && banner.hidden) {
      banner.textContent = words.stale.replace("{time}", new Date(heard).toLocaleTimeString("vi-VN"));
      banner.hidden = false;
    }
  }, 1000);
}
