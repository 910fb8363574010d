// Forms about people: a long list of sites can be searched, what is shown once is selected by a click on it.

/** @param {string} text */
const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").replaceAll("đ", "d").toLowerCase();

for (const field of document.querySelectorAll("input[data-filter]")) {
  if (!(field instanceof HTMLInputElement)) continue;
  field.addEventListener("input", () => {
    const wanted = plain(field.value.trim());
    for (const line of field.closest("fieldset")?.querySelectorAll("[data-text]") ?? []) {
      if (line instanceof HTMLElement) line.hidden = !plain(line.dataset.text ?? "").includes(wanted);
    }
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") event.preventDefault(); // it would send the form
  });
}
for (const field of document.querySelectorAll("input[data-secret]")) {
  if (field instanceof HTMLInputElement) field.addEventListener("focus", () => field.select());
}
for (const everywhere of document.querySelectorAll("input[name=everywhere]")) {
  if (!(everywhere instanceof HTMLInputElement)) continue;
  const fit = () => {
    for (const box of everywhere.closest("fieldset")?.querySelectorAll("input[name=site], input[name=camera]") ?? []) {
      if (box instanceof HTMLInputElement) box.disabled = everywhere.checked;
    }
  };
  everywhere.addEventListener("change", fit);
  fit();
}
