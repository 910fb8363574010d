// Shows an alarm that the console pushed, and opens its page. It keeps and fetches nothing.

/** @typedef {{title: string, body: string, path: string}} Alarm */

self.addEventListener("push", (event) => {
  const push = /** @type {any} */ (event);
  /** @type {Alarm} */
  const alarm = push.data.json();
  const shown = { body: alarm.body, data: alarm.path, tag: alarm.path, renotify: true, requireInteraction: true };
  push.waitUntil(/** @type {any} */ (self).registration.showNotification(alarm.title, shown));
});

self.addEventListener("notificationclick", (event) => {
  const click = /** @type {any} */ (event);
  click.notification.close();
  click.waitUntil(/** @type {any} */ (self).clients.openWindow(click.notification.data));
});
