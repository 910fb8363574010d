// One's own account: this browser wants alarms also while no page of the console is open.
import { part } from "./part.js";

const button = part("push", HTMLButtonElement);
const said = part("push-said", HTMLElement);

async function subscribe() {
  const worker = await navigator.serviceWorker.register("/static/push_worker.js");
  if ((await Notification.requestPermission()) !== "granted") throw new Error("refused");
  await new Promise((done) => {
    const look = () => (worker.active ? done(true) : setTimeout(look, 50));
    look();
  });
  const wanted = await worker.pushManager.subscribe({
    userVisibleOnly: true,
    applicationServerKey: button.dataset.key ?? "",
  });
  const { endpoint, keys } = wanted.toJSON();
  const body = new URLSearchParams({ endpoint: endpoint ?? "", p256dh: keys?.p256dh ?? "", auth: keys?.auth ?? "" });
  const answer = await fetch("/account/push", { method: "POST", body });
  if (!answer.ok) throw new Error(String(answer.status));
}

if (!("serviceWorker" in navigator && "PushManager" in window && "Notification" in window)) {
  button.disabled = true;
  said.textContent = said.dataset.cannot ?? "";
}
button.addEventListener("click", async () => {
  button.disabled = true;
  try {
    await subscribe();
    said.textContent = said.dataset.done ?? "";
  } catch {
    said.textContent = said.dataset.failed ?? "";
    button.disabled = false;
  }
});
