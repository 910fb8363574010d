// Of all tabs of a browser one rings: the one that holds the lock. As it closes, is turned off or loses its sound, the
// next one that can ring does so.

const NAME = "gatehouse-bell";

export class OneBell {
  /** @param {() => boolean} canRing whether this tab's sound runs
   * @param {() => void} changed told when another tab begins to ring, or none does any more */
  constructor(canRing, changed) {
    this.canRing = canRing;
    this.changed = changed;
    /** Whether this tab rings, and whether another one does. A browser gives locks by https only, or to this machine
     * itself; without them each tab rings for itself. */
    this.leads = !navigator.locks;
    this.elsewhere = false;
    this.queued = false;
    /** @type {(() => void) | undefined} */
    this.release = undefined;
    if (!navigator.locks) return;
    this.others = new BroadcastChannel(NAME);
    this.others.addEventListener("message", () => this.heardElsewhere());
    navigator.locks.query().then(({ held }) => held?.some((one) => one.name === NAME) && this.heardElsewhere());
    addEventListener("pagehide", () => this.resign()); // a page that is kept for the way back must not hold it
    addEventListener("pageshow", (event) => event.persisted && this.queue());
  }

  heardElsewhere() {
    this.elsewhere = true;
    this.changed();
    this.queue(); // to learn of its end, too
  }

  /** Waits for its turn: now, or as soon as the tab that rings no longer does. */
  queue() {
    if (!navigator.locks || this.queued || this.leads) return;
    this.queued = true;
    navigator.locks.request(NAME, () => {
      [this.queued, this.elsewhere, this.leads] = [false, false, this.canRing()];
      if (this.leads) this.others?.postMessage("mine");
      this.changed();
      if (this.leads) return new Promise((done) => (this.release = () => done(undefined)));
    });
  }

  /** Leaves the ringing to the next tab. */
  resign() {
    if (!navigator.locks || !this.leads) return;
    this.leads = false;
    this.release?.();
    this.changed();
  }
}
