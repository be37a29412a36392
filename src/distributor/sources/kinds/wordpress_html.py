"""The HTML that WordPress renders of its blocks, of its classic editor, and of common plugins."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree
from lxml.html import HtmlElement

from distributor.sources.kinds.rendered_html import (
    parse_fragment,
    show_without_scripts,
    with_class,
    write_fragment,
)

# What stands in a text and is not part of it: links to its rest, and what plugins add below and around it.
_LEFT_OUT = (
    *("addtoany_share_save_container", "ez-toc-container", "heateor_sss_sharing_container", "jp-relatedposts"),
    *("more-link", "post-ratings", "robots-nocontent", "screen-reader-text", "sd-sharing", "sharedaddy"),
    *("social-share-buttons", "wp-block-archives", "wp-block-calendar", "wp-block-file__button"),
    *(
        "wp-block-latest-comments",
        "wp-block-post-comments-form",
        "wp-block-social-links",
        "wp-block-tag-cloud",
        "wpcnt",
    ),
    "yarpp-related",
)
_NOT_IN_CODE = ("code", "kbd", "pre", "samp")
# None of these may hold a bracket, so that a text with many is read once.
_QUOTED = r"""(?:"[^"\[\]]*"|'[^'\[\]]*'|[“”„″][^“”″\[\]]*[”″])"""
_OPENING = re.compile(
    rf"""\[([a-z][\w-]*)((?:\s+[\w-]+=(?:{_QUOTED}|[^\s\[\]"'“”„″]+)|\s+(?:{_QUOTED}|[^\s\[\]"'“”„″=]+))*)\s*/?\]""",
    re.IGNORECASE,
)
_CLOSING = re.compile(r"\[/([a-z][\w-]*)\]", re.IGNORECASE)
# Those of WordPress and of forms that stand alone, without values.
_ALONE = frozenset({"audio", "caption", "contact-form", "embed", "gallery", "playlist", "video"})


def plain_html(html: str) -> str:
    """The content of a post as HTML that says what the page shows; as it is if it cannot be parsed."""
    root = parse_fragment(html) if html.strip() else None
    if root is None:
        return html
    for element in with_class(root, *_LEFT_OUT):
        element.drop_tree()
    for frame in with_class(root, "wp-embedded-content"):
        # The quote beside it says the same.
        if frame.tag == "iframe":
            frame.drop_tree()
    show_without_scripts(root)
    _captions_as_figures(root)
    _galleries_without_lists(root)
    _leave_out_shortcodes(root)
    return write_fragment(root)


def _captions_as_figures(root: HtmlElement) -> None:
    """Captions of themes that do not use the elements of HTML5 for them."""
    for around in with_class(root, "wp-caption", "gallery-item"):
        if around.tag in ("div", "dl"):
            around.tag = "figure"
    for caption in with_class(root, "wp-caption-text"):
        if caption.tag in ("dd", "p"):
            caption.tag = "figcaption"
    for icon in with_class(root, "gallery-icon"):
        icon.tag = "div"


def _galleries_without_lists(root: HtmlElement) -> None:
    """Galleries of older versions are lists of figures."""
    for element in with_class(root, "blocks-gallery-grid", "blocks-gallery-item"):
        if element.tag in ("ul", "li"):
            element.tag = "div"
    for gallery in with_class(root, "wp-block-gallery"):
        if gallery.tag == "ul":
            gallery.tag = "div"


def _leave_out_shortcodes(root: HtmlElement) -> None:
    """Shortcodes of plugins that are not there any more; what stands between two of them stays."""
    texts = list(_texts(root))
    opened = {found[1].lower() for _, _, text in texts for found in _OPENING.finditer(text)}
    pairs = opened & {name.lower() for _, _, text in texts for name in _CLOSING.findall(text)}

    def left_of(found: re.Match[str]) -> str:
        name = found[1].lower()
        is_one = name in pairs or name in _ALONE or "_" in name or "=" in found[2]
        return "" if is_one else found[0]

    for element, place, text in texts:
        without = _OPENING.sub(left_of, text)
        setattr(element, place, _CLOSING.sub(lambda found: "" if found[1].lower() in pairs else found[0], without))
    for paragraph in list(root.iter("p")):
        if not len(paragraph) and not (paragraph.text or "").strip():
            paragraph.drop_tree()


def _texts(root: HtmlElement) -> Iterator[tuple[HtmlElement, str, str]]:
    """The texts that may hold shortcodes: an element, which of its texts it is, and the text."""
    for element in root.iter(etree.Element):
        around = {str(element.tag), *(str(one.tag) for one in element.iterancestors())}
        if element.text and "[" in element.text and around.isdisjoint(_NOT_IN_CODE):
            yield element, "text", element.text
        outside = around - {str(element.tag)} if element.tag in _NOT_IN_CODE else around
        if element.tail and "[" in element.tail and outside.isdisjoint(_NOT_IN_CODE):
            yield element, "tail", element.tail
