// Finds what a page must have; a page that lacks it fails at once and by name.

/** @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} Kind
 * @param {ParentNode} root
 * @returns {T} */
export function part(id, Kind, root = document) {
  const found = root.querySelector(`#${id}`);
  if (!(found instanceof Kind)) throw new Error(`#${id} is not here`);
  return found;
}
