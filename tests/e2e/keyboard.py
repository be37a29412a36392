"""Somebody who uses a page by its keys alone, and sees where they are."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

# No page of ours has so many places for the focus.
_MOST = 300
# What is wrong with where the focus is: it cannot be seen, or not be told from its surroundings (WCAG 2.4.7, 2.4.11).
_FAULT = """() => {
  const at = document.activeElement;
  if (!at || at === document.body || at === document.documentElement) return "";
  const name = at.outerHTML.slice(0, 120);
  const box = at.getBoundingClientRect();
  const [left, top] = [Math.max(box.left, 0), Math.max(box.top, 0)];
  const [right, bottom] = [Math.min(box.right, innerWidth), Math.min(box.bottom, innerHeight)];
  if (right - left < 1 || bottom - top < 1) return `out of sight: ${name}`;
  const isCovered = ([x, y]) => {
    const seen = document.elementFromPoint(x, y);
    return seen && !at.contains(seen) && !seen.contains(at);
  };
  const [x, y] = [(left + right) / 2, (top + bottom) / 2];
  const points = [[x, y], [left + 2, top + 2], [right - 2, top + 2], [left + 2, bottom - 2], [right - 2, bottom - 2]];
  if (points.every(isCovered)) return `covered: ${name}`;
  // A heading or a message that is read from, a frame, and the calendar of a field, which the browser marks itself.
  if (at.matches("[tabindex='-1'], iframe, input:not(:focus)")) return "";
  for (let one = at; one !== document.body; one = one.parentElement) {
    if (getComputedStyle(one).outlineStyle !== "none") return "";
  }
  return `without a ring: ${name}`;
}"""
_HAS_FOCUS = "one => one === document.activeElement"


class Keyboard:
    """A page, and nothing but its keys: no click, and no focus that did not come by a key."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def write(self, text: str) -> None:
        """Type in place of what the field has."""
        self.press("Control+a")
        self.page.keyboard.insert_text(text)

    def reach(self, wanted: Locator) -> None:
        """Go on with Tab until this has the focus, and see each place on the way."""
        wanted.wait_for(state="visible")
        for _ in range(_MOST):
            self.require_sight()
            if wanted.evaluate(_HAS_FOCUS):
                return
            self.press("Tab")
        raise AssertionError(f"no key leads to {wanted}")

    def enter(self, role: str, name: object) -> None:
        """Reach a link or a button, and press Enter."""
        self.reach(self._named(role, name))
        self.press("Enter")

    def tick(self, role: str, name: object) -> None:
        """Reach a box or a choice, and press Space."""
        wanted = self._named(role, name)
        self.reach(wanted)
        if not wanted.is_checked():
            self.press("Space")
        expect(wanted).to_be_checked()

    def skip(self) -> None:
        """Skip to the content, with the first key of a page."""
        self.press("Tab")
        expect(self.page.locator(".skip")).to_be_focused()
        self.require_sight()
        self.press("Enter")
        expect(self.page.locator("main")).to_be_focused()

    def require_sight(self) -> None:
        """Fail if the focus is where nobody sees it."""
        fault = self.page.evaluate(_FAULT)
        assert not fault, f"{self.page.url}: {fault}"

    def _named(self, role: str, name: object) -> Locator:
        return self.page.get_by_role(role, name=name).first  # type: ignore[arg-type]
