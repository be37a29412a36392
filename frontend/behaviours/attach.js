// Starts a behaviour on every element that matches a selector: those that are there, and those that come later.
const behaviours = [];

export function attach(selector, start) {
  behaviours.push([selector, start, new WeakSet()]);
  startIn(document.documentElement);
}

new MutationObserver((changes) => {
  for (const { addedNodes } of changes) {
    for (const node of addedNodes) {
      if (node instanceof Element) startIn(node);
    }
  }
}).observe(document.documentElement, { childList: true, subtree: true });

function startIn(root) {
  for (const [selector, start, started] of behaviours) {
    const found = root.matches(selector) ? [root] : [];
    for (const element of [...found, ...root.querySelectorAll(selector)]) {
      if (!started.has(element)) {
        started.add(element);
        start(element);
      }
    }
  }
}
