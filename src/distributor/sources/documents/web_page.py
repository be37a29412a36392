"""Web pages: the article that a page is about, found by trafilatura, without what stands around it.

What the page says about itself is read from its head (Dublin Core, Open Graph, schema.org), and is not guessed.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

import lxml.html
import trafilatura
from lxml import etree
from markdown_it.common.normalize_url import normalizeLink
from trafilatura.settings import Document

from distributor.domain.article import Manuscript
from distributor.domain.blocks import Image, images_of
from distributor.domain.errors import ScheduleError, SourceError
from distributor.domain.tags import Tag
from distributor.sources.assembly import build_manuscript, take_title
from distributor.sources.dates import read_date
from distributor.sources.decoding import normalize_text
from distributor.sources.front_matter.keys import FrontMatter, checked_language
from distributor.sources.html import read_html
from distributor.sources.reading_options import ReadingOptions


def parse_page(text: str, *, address: str, options: ReadingOptions) -> Manuscript:
    """The manuscript of the page at this address; its canonical address is the one that it names, else this one.

    Raises SourceError if no article is found on it.
    """
    try:
        page = lxml.html.document_fromstring(text.encode(), parser=lxml.html.HTMLParser(encoding="utf-8"))
        page.make_links_absolute(address, resolve_base_href=True, handle_failures="ignore")
        html = lxml.html.tostring(page, encoding="unicode")
        found = trafilatura.extract(
            html,
            url=address,
            output_format="html",
            include_comments=False,
            include_formatting=True,
            include_links=True,
            include_images=True,
            include_tables=True,
        )
        said = trafilatura.extract_metadata(html, default_url=address, extensive=False)
    except RecursionError:
        raise SourceError("nested too deeply: elements inside one another", path=address) from None
    except (etree.LxmlError, ValueError) as error:
        raise SourceError(f"it cannot be read as a page: {error}", path=address) from None
    if not found:
        raise SourceError("no article is found on it: copy its text and paste it", path=address)
    body = read_html(_without_double_code(found), path=address, is_page=False)
    title, body = take_title(body, _line(said.title) or None)
    image = _line(said.image)
    front = FrontMatter(
        summary=_line(said.description) or None,
        author=_line(said.author).replace(";", ",") or None,
        language=_language_of(page),
        tags=tuple(_tags_of(said)) or None,
        # One that the text shows would be shown twice, since it has another address there.
        image=Image(normalizeLink(image)) if image and next(iter(images_of(body)), None) is None else None,
        published_at=_date_of(said, options),
        canonical_url=_line(said.url) or address,
    )
    return build_manuscript(front, body, title=title, tags=(), warnings=(), path=address, options=options)


def _without_double_code(html: str) -> str:
    """Code as one element: trafilatura writes two, with white space of its own between them."""
    root = lxml.html.document_fromstring(html)
    for code in list(root.iter("pre")):
        inner = code.find("pre")
        parent = code.getparent()
        if inner is not None and parent is not None:
            parent.replace(code, inner)
    return str(lxml.html.tostring(root.find("body"), encoding="unicode"))


def _language_of(page: lxml.html.HtmlElement) -> str | None:
    with suppress(ValueError):
        return checked_language(str(page.get("lang") or page.get("{http://www.w3.org/XML/1998/namespace}lang") or ""))
    return None


def _tags_of(said: Document) -> list[Tag]:
    texts = [*(said.tags or ()), *(said.categories or ())]
    labels = (label.strip(" #") for text in texts for label in _line(text).split(","))
    return [Tag(label) for label in dict.fromkeys(labels) if label]


def _date_of(said: Document, options: ReadingOptions) -> datetime | None:
    """The day of publication; None if the page does not say it, or not so that it can be understood."""
    with suppress(ScheduleError):
        return read_date(said.date, zone=options.zone, language=options.language) if said.date else None
    return None


def _line(text: str | None) -> str:
    return " ".join(normalize_text(text or "").split())
