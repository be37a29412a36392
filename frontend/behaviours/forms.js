// Forms: one that is being sent is not sent again, and one with unsaved changes asks before it is left.
//
// <form method="post">               its buttons rest while it is being sent. `data-again` lets it be sent twice.
// <form data-warn-unsaved>           leaving the page asks, but only if something differs from what was last saved.
//                                    What saves it without sending it says so with the event `saved` on the form.
import { attach } from "./attach.js";

// When the answer does not come and the user has stopped waiting, the buttons come back; a second sending is harmless
// anyway, since the server knows the form.
const LONGEST_SENDING = 10_000;
const sending = new Map();
const savedStates = new WeakMap();

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || !changesSomething(form, event.submitter)) return;
  if (sending.has(form)) {
    event.preventDefault();
    return;
  }
  rest(form);
});

// Forms that htmx sends.
document.addEventListener("htmx:before:request", ({ detail, target }) => {
  const form = detail?.ctx?.request?.form ?? target;
  if (form instanceof HTMLFormElement && detail?.ctx?.request?.method === "POST") rest(form);
});
document.addEventListener("htmx:finally:request", ({ detail, target }) => {
  const form = detail?.ctx?.request?.form ?? target;
  if (form instanceof HTMLFormElement) wake(form);
});

// Back to a page that the browser has kept: its forms can be sent again.
addEventListener("pageshow", (event) => {
  if (event.persisted) for (const form of [...sending.keys()]) wake(form);
});

function changesSomething(form, submitter) {
  const method = (submitter?.getAttribute("formmethod") ?? form.getAttribute("method") ?? "get").toLowerCase();
  const target = submitter?.getAttribute("formtarget") ?? form.target;
  const stays = !target || target === "_self";
  return method === "post" && stays && !("again" in form.dataset);
}

// Not `disabled`: a button that has the focus would lose it, and its name and value would not be sent.
function rest(form) {
  form.setAttribute("aria-busy", "true");
  for (const button of buttonsOf(form)) button.setAttribute("aria-disabled", "true");
  sending.set(form, setTimeout(() => wake(form), LONGEST_SENDING));
}

function wake(form) {
  clearTimeout(sending.get(form));
  sending.delete(form);
  form.removeAttribute("aria-busy");
  for (const button of buttonsOf(form)) button.removeAttribute("aria-disabled");
}

function buttonsOf(form) {
  return [...form.elements].filter((one) => one.type === "submit" || one.type === "image");
}

attach("form[data-warn-unsaved]", (form) => {
  // After the browser has filled in what it remembers of the form.
  setTimeout(() => savedStates.set(form, stateOf(form)));
  form.addEventListener("saved", () => savedStates.set(form, stateOf(form)));
});

addEventListener("beforeunload", (event) => {
  if ([...document.querySelectorAll("form[data-warn-unsaved]")].some(isUnsaved)) event.preventDefault();
});

export function isUnsaved(form) {
  return savedStates.has(form) && !sending.has(form) && savedStates.get(form) !== stateOf(form);
}

function stateOf(form) {
  const fields = [...new FormData(form)].map(([name, value]) => [name, value instanceof File ? value.name : value]);
  return JSON.stringify(fields);
}
