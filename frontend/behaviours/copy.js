// <button type="button" hidden data-copy="#link" data-copied="Copied">Copy</button>
// Copies the text or value of the element; the button is shown only where scripts run.
import { announce } from "./announce.js";
import { attach } from "./attach.js";

attach("[data-copy]", (button) => {
  button.hidden = false;
  const label = button.textContent;
  button.addEventListener("click", async () => {
    const source = document.querySelector(button.dataset.copy);
    if (!source) return;
    const text = source.value ?? source.textContent.trim();
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // No permission, or no https: it is selected, to be copied by hand.
      getSelection()?.selectAllChildren(source);
      return;
    }
    const copied = button.dataset.copied ?? label;
    announce(copied);
    button.textContent = copied;
    setTimeout(() => (button.textContent = label), 2000);
  });
});
