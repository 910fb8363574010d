// Turns what a page shows into what the console sent, touching only what differs: pictures do not flicker, focus stays.

/** Makes `from` like `to`. Elements with data-keep stay as they are as long as `to` has them too.
 * @param {Element} from
 * @param {Element} to */
export function morph(from, to) {
  if (from.hasAttribute("data-keep") && to.hasAttribute("data-keep")) return;
  for (const { name } of [...from.attributes]) if (!to.hasAttribute(name)) from.removeAttribute(name);
  for (const { name, value } of to.attributes) if (from.getAttribute(name) !== value) from.setAttribute(name, value);
  let here = from.firstChild;
  for (const wanted of [...to.childNodes]) {
    const match = alike(here, wanted) ? here : found(from, wanted);
    if (!match) {
      from.insertBefore(wanted, here);
      continue;
    }
    if (match !== here) from.insertBefore(match, here);
    else here = here.nextSibling;
    if (match.nodeType === Node.ELEMENT_NODE) morph(match, wanted);
    else if (match.nodeValue !== wanted.nodeValue) match.nodeValue = wanted.nodeValue;
  }
  while (here) {
    const next = here.nextSibling;
    here.remove();
    here = next;
  }
}

function alike(one, other) {
  return one && one.nodeName === other.nodeName && (one.id ?? "") === (other.id ?? "");
}

function found(parent, wanted) {
  return wanted.id ? [...parent.children].find((child) => alike(child, wanted)) : null;
}
