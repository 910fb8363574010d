// How long to wait before the next try: twice as long after each failure, and never all browsers at the same moment.

const [FIRST_MS, MOST_MS] = [2000, 15000];

/** @param {number} failures in a row before this one
 * @returns {number} milliseconds */
export function pauseAfter(failures) {
  return Math.min(MOST_MS, FIRST_MS * 2 ** failures) * (0.5 + Math.random() / 2);
}
