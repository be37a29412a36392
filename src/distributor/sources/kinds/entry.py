"""An entry of a feed or of a content API: what it says of itself becomes a manuscript, the same way for every kind."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import unquote, urlsplit

import lxml.html
from lxml import etree
from markdown_it.common.normalize_url import normalizeLink

from distributor.domain.article import Manuscript
from distributor.domain.blocks import Block, Image, Run, images_of, plain_text
from distributor.domain.rendition import Json
from distributor.domain.tags import Tag, slugify
from distributor.sources.assembly import build_manuscript
from distributor.sources.decoding import normalize_text
from distributor.sources.front_matter.keys import FrontMatter, checked_language
from distributor.sources.html import read_html
from distributor.sources.kinds.rendered_html import parse_fragment, write_fragment
from distributor.sources.reading_options import ReadingOptions

# In characters: what has no title of its own is called by its first words.
_LONGEST_WORDS = 80
_LONGEST_TITLE, _LONGEST_SUMMARY = 300, 600
# What a page may name as its address; anything else, such as a script, is no place where it was published.
_ON_THE_WEB = re.compile(r"https?://[^\s/]\S{0,1990}", re.IGNORECASE)
_MAX_LABEL = 100
# How WordPress names the sizes of an image.
_SIZE_IN_NAME = re.compile(r"-(?:\d{2,5}x\d{2,5}|scaled|rotated)(?=\.\w+$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryImage:
    """The image that stands for an entry. `alt` is for those who do not see it.

    One that `is_apart` was chosen besides those in the text; another one is shown only if the text has none.
    """

    url: str
    alt: str = ""
    caption: str = ""
    is_apart: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a source says about one of its items; empty or None where it says nothing.

    `html` is its text, `address` where it can be read, and `base` what relative links in it are relative to, by default
    that address. Times are aware UTC.
    """

    ref: str
    title: str = ""
    html: str = ""
    summary: str = ""
    authors: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    address: str = ""
    language: str = ""
    image: EntryImage | None = None
    published_at: datetime | None = None
    updated_at: datetime | None = None
    slug: str = ""
    base: str = ""

    @property
    def said(self) -> Json:
        """All that would make it another revision; not when it was changed, which some programs always say anew."""
        image = [self.image.url, self.image.alt, self.image.caption] if self.image else None
        date = self.published_at.isoformat() if self.published_at else None
        return [
            *(self.title, self.html, self.summary, list(self.authors), list(self.tags), self.address, self.language),
            *(image, date),
        ]


def manuscript_of(entry: Entry, options: ReadingOptions, *, warnings: Sequence[str] = ()) -> Manuscript:
    """The manuscript of an entry. Raises SourceError if it has no text."""
    # Like that of a file: without characters that no HTML may have.
    html = with_absolute_links(normalize_text(entry.html), entry.base or entry.address)
    body = read_html(html, path=entry.ref, is_page=False)
    summary = _line(entry.summary)
    front = FrontMatter(
        # A whole text is none.
        summary=summary if 0 < len(summary) <= _LONGEST_SUMMARY else None,
        author=", ".join(dict.fromkeys(filter(None, map(_line, entry.authors)))) or None,
        language=_language(entry.language),
        tags=tuple(Tag(label) for label in dict.fromkeys(map(_line, entry.tags)) if 0 < len(label) <= _MAX_LABEL),
        image=_image_beside(body, entry.image),
        slug=slugify(entry.slug) or None,
        published_at=entry.published_at,
        updated_at=entry.updated_at,
        canonical_url=entry.address if _ON_THE_WEB.fullmatch(entry.address) else None,
    )
    title = _line(entry.title) or first_words(plain_text(body))
    if len(title) > _LONGEST_TITLE:
        # Some feeds give the whole text as the title.
        title = first_words(title)
    made = build_manuscript(
        front, body, title=title or None, tags=(), warnings=warnings, path=entry.ref, options=options
    )
    # How it should be written is told to its authors, who are elsewhere.
    return replace(made, warnings=tuple(warnings))


def with_absolute_links(html: str, base: str) -> str:
    """The HTML with its links and images relative to `base` as whole addresses."""
    root = parse_fragment(html) if base and html.strip() else None
    if root is None:
        return html
    with suppress(etree.LxmlError, ValueError, RecursionError):
        root.make_links_absolute(base, resolve_base_href=False, handle_failures="ignore")
        return write_fragment(root)
    return html


def plain_line(html: str) -> str:
    """HTML of a line, such as a title, as plain text; what is no markup stays as it is."""
    if "<" not in html and "&" not in html:
        return _line(html)
    with suppress(etree.LxmlError, ValueError, RecursionError):
        return _line(str(lxml.html.fragment_fromstring(html, create_parent="div").text_content()))
    return _line(html)


def first_words(text: str) -> str:
    """The beginning of a text up to the end of a sentence or a word, as a title for what has none."""
    line = _line(text.strip().partition("\n")[0])
    sentence = re.match(r".{10,}?[.!?…。！？](?=\s|$)", line)
    if sentence and len(sentence[0]) <= _LONGEST_WORDS:
        return sentence[0].rstrip(".")
    if len(line) <= _LONGEST_WORDS:
        return line
    return line[:_LONGEST_WORDS].rsplit(" ", 1)[0].rstrip(",;:–—-") + "…"


def _image_beside(body: Sequence[Block], image: EntryImage | None) -> Image | None:
    """The image of an entry, unless its text shows it: it would be shown twice."""
    if image is None:
        return None
    shown = [one.src for one in images_of(body)]
    if shown and not image.is_apart:
        return None
    if _picture_of(image.url) in map(_picture_of, shown):
        return None
    caption = _line(image.caption)
    return Image(normalizeLink(image.url), alt=_line(image.alt), caption=(Run(caption),) if caption else ())


def _picture_of(url: str) -> str:
    """What images of a picture in several sizes have in common: the name of the file without its size."""
    name = unquote(urlsplit(url).path).rpartition("/")[2]
    return _SIZE_IN_NAME.sub("", name).casefold() or url


def _language(text: str) -> str | None:
    with suppress(ValueError):
        return checked_language(text.strip().replace("_", "-"))
    return None


def _line(text: str) -> str:
    return " ".join(normalize_text(text).split())
