"""An entry of a feed or of a content API: what it says of itself becomes a manuscript, the same way for every kind."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

import lxml.html
from lxml import etree
from markdown_it.common.normalize_url import normalizeLink

from distributor.domain.article import Manuscript
from distributor.domain.blocks import Image, images_of, plain_text
from distributor.domain.rendition import Json
from distributor.domain.tags import Tag
from distributor.sources.assembly import build_manuscript
from distributor.sources.decoding import normalize_text
from distributor.sources.front_matter.keys import FrontMatter, checked_language
from distributor.sources.html import read_html
from distributor.sources.reading_options import ReadingOptions

# In characters: what has no title of its own is called by its first words.
_LONGEST_WORDS = 80
_MAX_LABEL = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryImage:
    """The image that stands for an entry. `alt` is for those who do not see it."""

    url: str
    alt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a source says about one of its items; empty or None where it says nothing.

    `html` is its text, `address` where it can be read, which is also what relative links in it are relative to. Times
    are aware UTC.
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

    @property
    def said(self) -> Json:
        """All that would make it another revision; not when it was changed, which some programs always say anew."""
        image = [self.image.url, self.image.alt] if self.image else None
        date = self.published_at.isoformat() if self.published_at else None
        return [
            *(self.title, self.html, self.summary, list(self.authors), list(self.tags), self.address, self.language),
            *(image, date),
        ]


def manuscript_of(entry: Entry, options: ReadingOptions, *, warnings: Sequence[str] = ()) -> Manuscript:
    """The manuscript of an entry. Raises SourceError if it has no text."""
    body = read_html(with_absolute_links(entry.html, entry.address), path=entry.ref, is_page=False)
    front = FrontMatter(
        summary=_line(entry.summary) or None,
        author=", ".join(dict.fromkeys(filter(None, map(_line, entry.authors)))) or None,
        language=_language(entry.language),
        tags=tuple(Tag(label) for label in dict.fromkeys(map(_line, entry.tags)) if 0 < len(label) <= _MAX_LABEL),
        # One that the text shows would be shown twice.
        image=_image(entry.image) if next(iter(images_of(body)), None) is None else None,
        slug=entry.slug or None,
        published_at=entry.published_at,
        updated_at=entry.updated_at,
        canonical_url=entry.address or None,
    )
    title = _line(entry.title) or first_words(plain_text(body))
    made = build_manuscript(
        front, body, title=title or None, tags=(), warnings=warnings, path=entry.ref, options=options
    )
    # How it should be written is told to its authors, who are elsewhere.
    return replace(made, warnings=tuple(warnings))


def with_absolute_links(html: str, base: str) -> str:
    """The HTML with its links and images relative to `base` as whole addresses."""
    if not base or not html.strip():
        return html
    with suppress(etree.LxmlError, ValueError, RecursionError):
        root = lxml.html.fragment_fromstring(html, create_parent="div")
        root.make_links_absolute(base, resolve_base_href=False, handle_failures="ignore")
        return str(lxml.html.tostring(root, encoding="unicode"))
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


def _image(image: EntryImage | None) -> Image | None:
    return Image(normalizeLink(image.url), alt=_line(image.alt)) if image else None


def _language(text: str) -> str | None:
    with suppress(ValueError):
        return checked_language(text.strip().replace("_", "-"))
    return None


def _line(text: str) -> str:
    return " ".join(normalize_text(text).split())
