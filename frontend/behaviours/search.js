// The search dialog, which shortcuts.js opens:
//
// <dialog data-search>
//   <form action="/app/search"> … <input type="search" hx-get … hx-target="[data-search-found]"> </form>
//   <p role="status" data-search-status></p>   is told how many were found, from `data-found` of what was fetched
//   <div data-search-found></div>
// </dialog>
// The arrow keys go from the field through the links and back; a click beside the dialog closes it, as Escape does.
import { attach } from "./attach.js";

attach("dialog[data-search]", (dialog) => {
  const field = dialog.querySelector("input[type=search]");
  const found = dialog.querySelector("[data-search-found]");
  const status = dialog.querySelector("[data-search-status]");

  dialog.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || event.altKey || event.ctrlKey || event.metaKey) return;
    const stops = [field, ...found.querySelectorAll("a")];
    const at = stops.indexOf(document.activeElement);
    if (at < 0) return;
    event.preventDefault();
    stops[(at + step + stops.length) % stops.length].focus();
  });

  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });

  new MutationObserver(() => {
    status.textContent = found.querySelector("[data-found]")?.dataset.found ?? "";
  }).observe(found, { childList: true });
});
