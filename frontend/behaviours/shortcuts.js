// Ctrl-S, or Command-S, presses the button `<button data-saves>`. It says so with `aria-keyshortcuts`.
// Ctrl-K, or Command-K, leads to the search: to the dialog `dialog[data-search]` if the page has one, else to the
// field `input[data-search]`. `<input type="checkbox" data-shortcuts>` turns shortcuts off and on in this browser.
// None of them is a single key (WCAG 2.1.4).
import { attach } from "./attach.js";

const SETTING = "shortcuts";

document.addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey || !areOn()) return;
  const key = event.key?.toLowerCase();
  if (key === "k") search(event);
  if (key === "s") save(event);
});

function save(event) {
  const button = document.querySelector("button[data-saves]");
  if (!button) return;
  event.preventDefault();
  // A key that is held down saves once.
  if (!event.repeat) button.form.requestSubmit(button);
}

function search(event) {
  const dialog = document.querySelector("dialog[data-search]");
  const field = (dialog ?? document).querySelector("input[data-search], input[type=search]");
  if (!dialog && !field) return;
  event.preventDefault();
  if (dialog && !dialog.open) dialog.showModal();
  field?.focus();
  field?.select();
}

attach("input[type=checkbox][data-shortcuts]", (box) => {
  box.checked = areOn();
  box.addEventListener("change", () => {
    try {
      localStorage.setItem(SETTING, box.checked ? "on" : "off");
    } catch {
      // A browser that keeps nothing has them on.
    }
  });
});

export function areOn() {
  try {
    return localStorage.getItem(SETTING) !== "off";
  } catch {
    return true;
  }
}
