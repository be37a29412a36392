"""The HTML that Ghost renders of the cards of its editor (Koenig), whose classes begin with ``kg-``."""

from __future__ import annotations

from lxml.html import HtmlElement

from distributor.sources.kinds.rendered_html import (
    first_with_class,
    line_with_class,
    make,
    parse_fragment,
    put_in_place,
    show_without_scripts,
    with_class,
    write_fragment,
)

# Controls of players, and what asks visitors of the site to sign up.
_LEFT_OUT = (
    *("kg-email-card", "kg-email-cta", "kg-product-card-rating", "kg-signup-card"),
    *("kg-video-overlay", "kg-video-player-container"),
)


def plain_html(html: str) -> str:
    """The text of a post as HTML that says what the page shows; as it is if it cannot be parsed."""
    root = parse_fragment(html) if html.strip() else None
    if root is None:
        return html
    for element in with_class(root, *_LEFT_OUT):
        element.drop_tree()
    for name, settle in _CARDS.items():
        for card in with_class(root, name):
            settle(card)
    show_without_scripts(root)
    return write_fragment(root)


def _bookmark(card: HtmlElement) -> None:
    """A link with what its page says of itself: a quote, without the pictures of that page."""
    href = _address_in(card)
    title = line_with_class(card, "kg-bookmark-title") or href
    description = line_with_class(card, "kg-bookmark-description")
    origin = [line_with_class(card, f"kg-bookmark-{name}") for name in ("author", "publisher")]
    caption = next(iter(card.iter("figcaption")), None)
    lines = [
        make("p", "", make("a", title, href=href)),
        make("p", description),
        make("p", " · ".join(dict.fromkeys(filter(None, origin)))),
        make("p", " ".join(str(caption.text_content()).split()) if caption is not None else ""),
    ]
    put_in_place(card, make("blockquote", "", *(one for one in lines if one.text or len(one))))


def _callout(card: HtmlElement) -> None:
    """A quote that begins with the sign of the callout."""
    sign = line_with_class(card, "kg-callout-emoji")
    text = first_with_class(card, "kg-callout-text")
    for element in with_class(card, "kg-callout-emoji"):
        element.drop_tree()
    if text is not None and sign:
        first = text[0] if len(text) and text[0].tag == "p" and not (text.text or "").strip() else text
        first.text = f"{sign} {first.text or ''}"
    card.tag = "blockquote"


def _file(card: HtmlElement) -> None:
    """A link to the file, with its size."""
    name = line_with_class(card, "kg-file-card-filename")
    title = line_with_class(card, "kg-file-card-title") or name
    about = [name if name != title else "", line_with_class(card, "kg-file-card-filesize")]
    link = make("a", title, href=_address_in(card))
    if any(about):
        link.tail = f" ({', '.join(filter(None, about))})"
    caption = line_with_class(card, "kg-file-card-caption")
    put_in_place(card, make("p", "", link), *([make("p", caption)] if caption else []))


def _audio(card: HtmlElement) -> None:
    """The sound with its title, without the player."""
    sound = next(iter(card.iter("audio")), None)
    source = str(sound.get("src", "")) if sound is not None else ""
    title = line_with_class(card, "kg-audio-title")
    put_in_place(card, make("audio", src=source, **({"title": title} if title else {})))


def _address_in(card: HtmlElement) -> str:
    return next((str(link.get("href")) for link in card.iter("a") if link.get("href")), "")


_CARDS = {
    "kg-audio-card": _audio,
    "kg-bookmark-card": _bookmark,
    "kg-callout-card": _callout,
    "kg-file-card": _file,
}
