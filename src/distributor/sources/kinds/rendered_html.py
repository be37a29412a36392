"""HTML as a blog renders it for its own pages, without what only works there: images that scripts load, and forms."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import lxml.html
from lxml import etree
from lxml.html import HtmlElement

from distributor.domain.errors import SourceError
from distributor.sources.html import require_shallow

# Where scripts that load images late, or in several sizes, keep their addresses.
_LATE = ("data-src", "data-lazy-src", "data-original", "data-orig-src", "data-full-url")
_SIZES = ("data-srcset", "data-lazy-srcset", "srcset")
_SIGNS = frozenset({"emoji", "wp-smiley"})
# They ask the reader for something that only works there.
_CONTROLS = ("button", "form", "nav", "script", "style")
_FOR_SCRIPTS = frozenset({"decoding", "fetchpriority", "loading", "nonce", "sizes", "srcset"})


def parse_fragment(html: str) -> HtmlElement | None:
    """The elements in HTML, inside one `div`; None if it cannot be parsed, or is nested too deeply to be read."""
    with suppress(SourceError, etree.LxmlError, ValueError, RecursionError):
        require_shallow(html)
        # Without `huge_tree` the parser ends silently at a depth that pages do have.
        parser = lxml.html.HTMLParser(huge_tree=True)
        root: HtmlElement = lxml.html.fragment_fromstring(html, create_parent="div", parser=parser)
        return root
    return None


def write_fragment(root: HtmlElement) -> str:
    """The HTML in what `parse_fragment` gave."""
    return str(lxml.html.tostring(root, encoding="unicode"))


def classes_of(element: HtmlElement) -> frozenset[str]:
    """The names in the attribute `class`."""
    return frozenset(str(element.get("class", "")).split())


def with_class(root: HtmlElement, *names: str) -> Iterator[HtmlElement]:
    """The elements that have one of these classes, outer ones first; they may be changed and removed meanwhile."""
    wanted = frozenset(names)
    for element in list(root.iter(etree.Element)):
        if not wanted.isdisjoint(classes_of(element)) and _is_in(element, root):
            yield element


def first_with_class(root: HtmlElement, name: str) -> HtmlElement | None:
    """The first element inside that has this class."""
    return next((one for one in with_class(root, name) if one is not root), None)


def line_with_class(root: HtmlElement, name: str) -> str:
    """The text of the first element of this class on a line; empty if there is none."""
    found = first_with_class(root, name)
    return " ".join(str(found.text_content()).split()) if found is not None else ""


def make(tag: str, text: str = "", *children: HtmlElement, **attributes: str) -> HtmlElement:
    """An element with a text and then children."""
    element: HtmlElement = lxml.html.Element(tag, attributes)
    element.text = text or None
    element.extend(children)
    return element


def put_in_place(element: HtmlElement, *others: HtmlElement) -> None:
    """Put elements in the place of another one, before the text that follows it."""
    for one in others:
        element.addprevious(one)
    element.drop_tree()


def show_without_scripts(root: HtmlElement) -> None:
    """Images as a browser shows them in the end, signs as text, and nothing that only works on the page."""
    for element in list(root.iter(*_CONTROLS)):
        element.drop_tree()
    for image in list(root.iter("img")):
        _settle_image(image)
    for frame in root.iter("iframe"):
        _settle_source(frame)
    _settle_noscripts(root)
    for element in root.iter(etree.Element):
        for name in list(element.attrib):
            if name in _FOR_SCRIPTS or name.startswith(("aria-", "data-", "on")):
                del element.attrib[name]


def _settle_image(image: HtmlElement) -> None:
    if not _SIGNS.isdisjoint(classes_of(image)):
        image.tail = f"{image.get('alt', '')}{image.tail or ''}"
        image.drop_tree()
        return
    _settle_source(image)
    if not _is_address(str(image.get("src", ""))):
        sizes = (_largest_of(str(image.get(name, ""))) for name in _SIZES)
        image.set("src", next(filter(_is_address, sizes), ""))


def _settle_source(element: HtmlElement) -> None:
    """The address that a script would load later."""
    late = (str(element.get(name, "")).strip() for name in _LATE)
    found = next(filter(_is_address, late), None)
    if found is not None:
        element.set("src", found)


def _largest_of(srcset: str) -> str:
    """The address of the widest image of a list (HTML, section 4.8.4.2.1)."""

    def width(candidate: list[str]) -> float:
        with suppress(IndexError, ValueError):
            return float(candidate[1][:-1])
        return 1

    # A comma may be in an address, and is followed by white space between two of them.
    candidates = [one.split() for one in srcset.replace(",\n", ", ").split(", ") if one.strip()]
    return max(candidates, key=width)[0].rstrip(",") if candidates else ""


def _is_address(src: str) -> bool:
    """Whether this is where an image is, and no placeholder."""
    return bool(src) and not src.lower().startswith(("data:", "about:", "javascript:", "blob:"))


def _settle_noscripts(root: HtmlElement) -> None:
    """What is for browsers without scripts is left out if an image there is the one that scripts load."""
    shown = {one.get("src") for one in root.iter("img") if next(one.iterancestors("noscript"), None) is None}
    for element in list(root.iter("noscript")):
        images = [image.get("src") for image in element.iter("img")]
        if images and shown.issuperset(images):
            element.drop_tree()
        else:
            element.drop_tag()


def _is_in(element: HtmlElement, root: HtmlElement) -> bool:
    """Whether an element was not removed with one around it."""
    return element is root or next((True for one in element.iterancestors() if one is root), False)
