// Turns what a page shows into what the console sent, touching only what differs: pictures do not flicker, focus stays.

/** Makes `from` like `to`. Elements with data-keep stay as they are as long as `to` has them too,
 * and what a reader has unfolded stays unfolded.
 * @param {Element} from
 * @param {Element} to */
export function morph(from, to) {
  if (from.hasAttribute("data-keep") && to.hasAttribute("data-keep")) return;
  for (const { name } of [...from.attributes]) if (!to.hasAttribute(name) && name !== "open") from.removeAttribute(name);
  for (const { name, value } of to.attributes) if (from.getAttribute(name) !== value) from.setAttribute(name, value);
  /** @type {ChildNode | null} */
  let here = from.firstChild;
  for (const wanted of [...to.childNodes]) {
    const match = alike(here, wanted) ? here : found(from, wanted);
    if (!match) {
      from.insertBefore(wanted, here);
      continue;
    }
    if (match !== here) from.insertBefore(match, here);
    else here = match.nextSibling;
    if (match instanceof Element && wanted instanceof Element) morph(match, wanted);
    else if (match.nodeValue !== wanted.nodeValue) match.nodeValue = wanted.nodeValue;
  }
  while (here) {
    const next = here.nextSibling;
    here.remove();
    here = next;
  }
}

const idOf = (/** @type {ChildNode} */ one) => (one instanceof Element ? one.id : "");

/** Whether one can be turned into the other.
 * @param {ChildNode | null} one
 * @param {ChildNode} other */
function alike(one, other) {
  return one !== null && one.nodeName === other.nodeName && idOf(one) === idOf(other);
}

/** The child that what is wanted was before it moved.
 * @param {Element} parent
 * @param {ChildNode} wanted */
function found(parent, wanted) {
  return idOf(wanted) ? [...parent.children].find((child) => alike(child, wanted)) : null;
}
