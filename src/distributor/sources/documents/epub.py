"""EPUB: the whole of a small book, such as an article or an issue, in its reading order (EPUB 3.3, W3C).

Its chapters become sections of one article, below the title of the book. Books of many articles are split where they
are written: no one could review them as one.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from urllib.parse import unquote, urlsplit

import lxml.html
from lxml import etree

from distributor.domain.article import Manuscript
from distributor.domain.errors import SourceError
from distributor.sources.decoding import MAX_BYTES, decode
from distributor.sources.documents.archive import SafeArchive
from distributor.sources.documents.converted import (
    TITLE,
    DocumentProperties,
    EmbeddedImages,
    read_converted,
    read_properties,
)
from distributor.sources.reading_options import DEFAULT_OPTIONS, ReadingOptions

_CONTAINER, _ENCRYPTION = "META-INF/container.xml", "META-INF/encryption.xml"
# Fonts may be obfuscated (section 4.4), which hides no text.
_OF_FONTS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
_PAGES = frozenset(("application/xhtml+xml", "text/html"))


def parse_document(data: bytes, *, path: str, options: ReadingOptions = DEFAULT_OPTIONS) -> Manuscript:
    """A manuscript of all chapters with their images. Raises SourceError if it is damaged, protected or empty."""
    archive = SafeArchive(data, path=path)
    archive.require_all()
    _require_open(archive, path)
    package = _package_of(archive, path)
    root = archive.read_xml(package)
    properties = _properties(root)
    book = _Book(archive, posixpath.dirname(package))
    pages = list(book.pages(root))
    if sum(archive.sizes[page] for page in pages) > MAX_BYTES:
        raise SourceError(f"over {MAX_BYTES // 2**20} MB of text; an article is a few KB: take one chapter", path=path)
    try:
        html = "".join(book.html_of(page, pages) for page in pages)
    except RecursionError:
        raise SourceError("nested too deeply: elements inside one another", path=path) from None
    # A book has a title of its own above those of its chapters; an article in one chapter says it there.
    if len(pages) > 1 and properties.title and properties.title.casefold() != _first_heading(html).casefold():
        html = f"<h1{TITLE}>{escape(properties.title)}</h1>{html}"
    return read_converted(html, properties, book.images, path=path, options=options)


@dataclass(slots=True)
class _Book:
    """The chapters of a book, whose package document is in `folder`."""

    archive: SafeArchive
    folder: str
    images: EmbeddedImages = field(default_factory=EmbeddedImages)

    def pages(self, package: etree._Element) -> Iterator[str]:
        """The chapters in reading order, without the table of contents and what stands beside the text."""
        items = {item.get("id", ""): item for item in package.iter("{*}item")}
        for reference in package.iter("{*}itemref"):
            item = items.get(reference.get("idref", ""))
            if item is None or reference.get("linear") == "no" or item.get("media-type") not in _PAGES:
                continue
            name = _resolved(item.get("href", ""), self.folder)
            if "nav" not in (item.get("properties") or "").split() and name in self.archive.sizes:
                yield name

    def html_of(self, page: str, pages: list[str]) -> str:
        """The content of a chapter, with links and images that hold outside it."""
        text = decode(self.archive.read(page), path=page).text
        # What stands in a declaration of XML would be an error in a text that is decoded.
        tree = lxml.html.document_fromstring(text.encode(), parser=lxml.html.HTMLParser(encoding="utf-8"))
        body = next(tree.iter("body"), tree)
        number, folder = pages.index(page), posixpath.dirname(page)
        for element in body.iter():
            if not isinstance(element.tag, str):
                continue
            if identifier := element.get("id"):
                element.set("id", f"{number}-{identifier}")
            if element.tag == "a" and (href := element.get("href")):
                element.set("href", self._link(href, page, folder, pages))
            if element.tag == "img" and (src := element.get("src")):
                element.set("src", self._image(src, folder))
        inner = "".join(lxml.html.tostring(child, encoding="unicode") for child in body)
        return f'<div id="{number}-">{inner}</div>'

    def _link(self, href: str, page: str, folder: str, pages: list[str]) -> str:
        """A link to another chapter leads to its place within the article."""
        target, _, fragment = href.partition("#")
        name = _resolved(target, folder) if target else page
        if "://" in href or name not in pages:
            return href if ":" in href else ""
        return f"#{pages.index(name)}-{fragment}"

    def _image(self, src: str, folder: str) -> str:
        name = _resolved(src, folder)
        if name not in self.archive.sizes:
            # Of elsewhere on the web; no other address means anything outside the book.
            return src if src.startswith(("http://", "https://")) else ""
        return self.images.add(self.archive.read(name), name=posixpath.basename(name))


def _require_open(archive: SafeArchive, path: str) -> None:
    """Raises SourceError for a book whose text is encrypted."""
    if _ENCRYPTION in archive.sizes:
        methods = (one.get("Algorithm") for one in archive.read_xml(_ENCRYPTION).iter("{*}EncryptionMethod"))
        if any(method not in _OF_FONTS for method in methods):
            raise SourceError("it is protected against copying; ask its publisher for an open one", path=path)


def _package_of(archive: SafeArchive, path: str) -> str:
    """The name of the package document (Open Container Format, section 4.2.6.3.1)."""
    for rootfile in archive.read_xml(_CONTAINER).iter("{*}rootfile"):
        name = rootfile.get("full-path", "")
        if name in archive.sizes:
            return name
    raise SourceError("damaged: it names no package document; save it again", path=path)


def _properties(package: etree._Element) -> DocumentProperties:
    """The metadata of a book (section 5.5). Its subjects are keywords."""
    values: dict[str, list[str]] = {}
    for metadata in package.iter("{*}metadata"):
        for element in metadata.iterchildren("{*}*"):
            values.setdefault(etree.QName(element).localname, []).append(element.text or "")
    # A book may have a short title and others beside it; the first one is its name.
    first = {name: texts[:1] for name, texts in values.items() if name in ("title", "language")}
    return read_properties(values | first | {"keywords": values.get("subject", [])})


def _first_heading(html: str) -> str:
    page = lxml.html.fragment_fromstring(html, create_parent="div")
    found = next((one for one in page.iter("h1", "h2", "h3")), None)
    return " ".join(found.text_content().split()) if found is not None else ""


def _resolved(href: str, folder: str) -> str:
    """The name in the archive that an address of a book means; empty for one outside it."""
    try:
        parts = urlsplit(href)
    except ValueError:
        return ""
    if parts.scheme or parts.netloc:
        return ""
    return posixpath.normpath(posixpath.join(folder, unquote(parts.path)))
