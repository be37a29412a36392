// The editor of a Markdown text, over a <textarea> that does all the work without it.
//
// <textarea data-editor id="text" name="text">        gets a toolbar, shows Markdown as it will look, continues lists
//   data-upload="/app/articles/7/images"              takes pictures: see behaviours/upload.js
//   data-paste="/app/articles/convert"                keeps the formatting of what is pasted: see behaviours/paste.js
// <form data-autosave="/app/articles/7/draft">        see behaviours/autosave.js
// <div data-upload-problems role="alert" hidden>      where it says which pictures could not be taken
//
// The textarea stays the field of the form: same id, name, label and value. When nobody has typed for half a second it
// sends the event `settled`, which bubbles: `hx-trigger="settled from:'closest form'"` fetches a preview. Listen on the form
// or above, as the textarea is another one once this has run.
import OverType, { toolbarButtons } from "overtype";
import "./behaviours/autosave.js";
import { attach } from "./behaviours/attach.js";
import { takeFormatted } from "./behaviours/paste.js";
import { chooseFiles, takeFiles } from "./behaviours/upload.js";

const SETTLED = 500;
// Attributes that the textarea of the editor takes over from the one of the page.
const KEPT = /^(id|name|required|maxlength|dir|lang|autocomplete|spellcheck|data-upload|data-paste|aria-.*|hx-.*)$/;
const IMAGE_ICON =
  '<svg viewBox="0 0 18 18" aria-hidden="true"><rect x="2" y="3" width="14" height="12" rx="1.5" fill="none" ' +
  'stroke="currentColor" stroke-width="1.4"/><circle cx="6" cy="7" r="1.3" fill="currentColor"/>' +
  '<path d="M3 13.5l4-4 2.5 2.5L12 9.5l3 3.5" fill="none" stroke="currentColor" stroke-width="1.4"/></svg>';

// Colours are those of the style sheet, in both themes.
const colors = {
  bgPrimary: "var(--surface)",
  bgSecondary: "var(--surface)",
  text: "var(--ink)",
  textPrimary: "var(--ink)",
  textSecondary: "var(--muted)",
  h1: "var(--ink)",
  h2: "var(--ink)",
  h3: "var(--ink)",
  strong: "var(--ink)",
  em: "var(--ink)",
  del: "var(--muted)",
  link: "var(--accent)",
  code: "var(--ink)",
  codeBg: "var(--sunken)",
  blockquote: "var(--muted)",
  hr: "var(--muted)",
  syntaxMarker: "var(--muted)",
  syntax: "var(--muted)",
  cursor: "var(--ink)",
  selection: "color-mix(in srgb, var(--accent) 25%, transparent)",
  listMarker: "var(--accent)",
  rawLine: "var(--muted)",
  border: "var(--rule)",
  hoverBg: "var(--sunken)",
  primary: "var(--accent)",
  toolbarBg: "var(--surface)",
  toolbarIcon: "var(--ink)",
  toolbarHover: "var(--sunken)",
  toolbarActive: "var(--sunken)",
  placeholder: "var(--muted)",
};
OverType.setTheme({ name: "page", colors });

attach("textarea[data-editor]", (textarea) => {
  const place = document.createElement("div");
  place.className = "editor";
  textarea.after(place);
  const attributes = [...textarea.attributes].filter(({ name }) => KEPT.test(name));
  const [editor] = OverType.init(place, {
    value: textarea.value,
    placeholder: textarea.placeholder,
    textareaProps: Object.fromEntries(attributes.map(({ name, value }) => [name, value])),
    fontSize: "15px",
    fontFamily: "var(--mono)",
    spellcheck: true,
    autoResize: true,
    minHeight: "384px",
    toolbar: true,
    toolbarButtons: buttons(textarea.dataset.upload),
  });
  const field = editor.textarea;
  field.setSelectionRange(textarea.selectionStart, textarea.selectionEnd);
  const hadFocus = document.activeElement === textarea;
  textarea.remove();
  if (hadFocus) field.focus();
  if (field.dataset.upload) takeFiles(field);
  if (field.dataset.paste) takeFormatted(field);
  let timer = 0;
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => field.dispatchEvent(new Event("settled", { bubbles: true })), SETTLED);
  });
});

function buttons(upload) {
  const { bold, italic, code, separator, link, h2, h3, bulletList, orderedList, quote } = toolbarButtons;
  const image = {
    name: "image",
    actionId: "chooseImage",
    icon: IMAGE_ICON,
    title: "Insert a picture",
    action: ({ editor }) => chooseFiles(editor.textarea),
  };
  return [
    bold,
    italic,
    code,
    separator,
    link,
    ...(upload ? [image] : []),
    separator,
    h2,
    h3,
    separator,
    bulletList,
    orderedList,
    quote,
  ];
}
