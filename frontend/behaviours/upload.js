// Pictures that are dropped on a text, pasted into it or chosen for it are uploaded, and stand in it as Markdown.
//
// <textarea data-upload="/app/articles/7/images">     one POST per file, as multipart with the field `file`
// The server answers 2xx with {"markdown": "![](/media/…)"}, which replaces the place held for it, or another status
// with {"error": "…"} in words. The rest of the text, the selection and the focus stay as they are meanwhile.
import { announce } from "./announce.js";

let counter = 0;

export function takeFiles(textarea) {
  textarea.addEventListener("paste", (event) => take(event, event.clipboardData));
  textarea.addEventListener("drop", (event) => take(event, event.dataTransfer));
  textarea.addEventListener("dragover", (event) => {
    if ([...(event.dataTransfer?.types ?? [])].includes("Files")) event.preventDefault();
  });
  function take(event, transfer) {
    const files = [...(transfer?.files ?? [])];
    // What word processors copy has a picture of the text beside the text.
    if (!files.length || transfer.types.includes("text/plain")) return;
    event.preventDefault();
    for (const file of files) upload(textarea, file);
  }
}

export function chooseFiles(textarea) {
  const field = Object.assign(document.createElement("input"), { type: "file", accept: "image/*", multiple: true });
  field.addEventListener("change", () => {
    for (const file of field.files) upload(textarea, file);
  });
  field.click();
}

async function upload(textarea, file) {
  counter += 1;
  const name = file.name.replace(/[[\]()\\]/g, " ").trim();
  const held = `![… ${name} (${counter})]()`;
  const before = textarea.value.slice(0, textarea.selectionStart);
  replace(textarea, textarea.selectionStart, textarea.selectionEnd, `${before && !before.endsWith("\n") ? "\n" : ""}${held}\n`, "end");
  const { markdown, error } = await send(textarea.dataset.upload, file);
  const place = textarea.value.indexOf(held);
  // It was deleted meanwhile: the picture is not wanted any more.
  if (place >= 0) replace(textarea, place, place + held.length, markdown ?? "", "preserve");
  if (error) tell(textarea, `${file.name}: ${error}`);
}

async function send(url, file) {
  const body = new FormData();
  body.append("file", file);
  try {
    const response = await fetch(url, { method: "POST", body, headers: { Accept: "application/json" } });
    const answer = await response.json();
    return response.ok ? answer : { error: answer.error || String(response.status) };
  } catch {
    return { error: "the upload did not arrive" };
  }
}

function replace(textarea, from, to, text, selection) {
  textarea.setRangeText(text, from, to, selection);
  textarea.dispatchEvent(new Event("input", { bubbles: true }));
}

function tell(textarea, words) {
  announce(words);
  const place = textarea.form?.querySelector("[data-upload-problems]");
  if (!place) return;
  place.hidden = false;
  const line = document.createElement("p");
  line.textContent = words;
  place.append(line);
}
