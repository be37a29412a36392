// Text that is copied from a document or a web page keeps its headings, lists, links and emphasis.
//
// <textarea data-paste="/app/articles/convert">       what is pasted with formatting is posted there as the field `html`,
//                                                     and {"markdown": "…"} takes its place in the text
// <textarea data-paste-field="pasted_html">           or: the field of this name gets it, until the text is edited
// Without formatting, and with "paste as plain text", the browser does what it always does.
import { attach } from "./attach.js";

// What means something. Editors of code copy each line as a <div> of coloured <span>s, which is no formatting.
const MEANS = /<(?:h[1-6]|ul|ol|strong|b|em|i|a|table|blockquote|p)[\s>]/i;
const LONGEST = 2_000_000;

export function takeFormatted(textarea) {
  textarea.addEventListener("paste", async (event) => {
    const html = formatted(event);
    if (!html) return;
    event.preventDefault();
    const plain = event.clipboardData.getData("text/plain");
    const text = (await converted(textarea.dataset.paste, html)) ?? plain;
    const before = textarea.value.slice(0, textarea.selectionStart);
    const isInLine = !text.trim().includes("\n");
    const start = isInLine || !before || before.endsWith("\n") ? "" : "\n\n";
    textarea.setRangeText(start + (isInLine ? text.trim() : text), textarea.selectionStart, textarea.selectionEnd, "end");
    textarea.dispatchEvent(new Event("input", { bubbles: true }));
  });
}

function formatted(event) {
  if (event.defaultPrevented || event.clipboardData?.files.length) return "";
  const html = event.clipboardData?.getData("text/html") ?? "";
  return html.length < LONGEST && MEANS.test(html) ? html : "";
}

async function converted(url, html) {
  try {
    const response = await fetch(url, {
      method: "POST",
      body: new URLSearchParams({ html }),
      headers: { Accept: "application/json" },
    });
    return response.ok && !response.redirected ? (await response.json()).markdown : null;
  } catch {
    return null;
  }
}

attach("textarea[data-paste-field]", (textarea) => {
  const field = textarea.form.elements.namedItem(textarea.dataset.pasteField);
  textarea.addEventListener("paste", (event) => {
    // Only of a whole text: what is pasted into another one is pasted as text.
    const html = textarea.value.trim() ? "" : formatted(event);
    setTimeout(() => (field.value = html));
  });
  textarea.addEventListener("input", (event) => {
    if (event.inputType !== "insertFromPaste") field.value = "";
  });
});
