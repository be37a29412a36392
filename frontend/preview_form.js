// A form whose effect a frame shows: a pause after typing presses the button that sends the form into the frame.
//
// <form data-preview-form id="…">    what is typed in it
// <button form="…" formtarget="…" data-preview-button>
// <iframe name="…">                  the target. A new frame takes its place, because each document that one frame gets
//                                    would be a step of the browser's back button.
const PAUSE = 500;

for (const form of document.querySelectorAll("[data-preview-form]")) {
  const button = document.querySelector(`[data-preview-button][form="${form.id}"]`);
  const name = button?.getAttribute("formtarget");
  let waiting;
  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => show(form, button), PAUSE);
  });
  button?.addEventListener("click", () => replaceFrame(name));
}

function show(form, button) {
  if (button) button.click();
}

function replaceFrame(name) {
  const before = document.querySelector(`iframe[name="${name}"]`);
  if (!before) return;
  const after = before.cloneNode();
  after.removeAttribute("src");
  before.replaceWith(after);
}
