"""PDF: its text, read by pypdf (ISO 32000). A PDF says where characters are and not what they are.

So lines become paragraphs by the gaps between them, and what repeats at the edges of pages is left out. Images, tables
and links stay behind.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from itertools import pairwise
from statistics import median
from typing import Any

from pypdf import PdfReader

from distributor.domain.article import Manuscript
from distributor.domain.errors import SourceError
from distributor.sources import plain_text
from distributor.sources.decoding import normalize_text
from distributor.sources.documents import MAX_DOCUMENT_BYTES
from distributor.sources.documents.converted import read_properties
from distributor.sources.reading_options import DEFAULT_OPTIONS, ReadingOptions
from distributor.sources.tags import read_tag_line

# A long report; each page takes up to a tenth of a second.
_MAX_PAGES = 200
_MAX_CHARACTERS = 2_000_000
# Running heads and page numbers have at most so many lines at either edge.
_EDGE = 2
_WIDE_GAP, _LARGE = 1.35, 1.15
# A line that ends before this part of the usual width ends its paragraph.
_FULL = 0.7
_ITEM = re.compile(r"\s*(?:[•‣◦▪●*–-]|\d{1,3}[.)]|[a-z]\))\s")
_PAGE_NUMBER = re.compile(r"\W*(?:[^\W\d]{1,8}\W+)?1(?:\W+(?:[^\W\d]{1,4}\W+)?1)?\W*")
_BROKEN_WORD = re.compile(r"([^\W\d]+)[-\u00ad\u2010]$")
_SENTENCE_END = (".", "!", "?", ":", "”", "“", '"', "»")


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a page: its text, its height on the page in points from below, and the size of its characters."""

    text: str
    y: float
    size: float


def parse_document(data: bytes, *, path: str, options: ReadingOptions = DEFAULT_OPTIONS) -> Manuscript:
    """The manuscript of the text. Raises SourceError if it is damaged, has a password, or holds only images."""
    if len(data) > MAX_DOCUMENT_BYTES:
        raise SourceError(f"larger than {MAX_DOCUMENT_BYTES // 2**20} MB; give a smaller part", path=path)
    try:
        reader = PdfReader(BytesIO(data))
        # Many have no password for reading, only one for changes.
        if reader.is_encrypted and not reader.decrypt(""):
            raise SourceError("it has a password; save it without one", path=path)
        if len(reader.pages) > _MAX_PAGES:
            raise SourceError(f"it has {len(reader.pages)} pages, more than {_MAX_PAGES}; give a part", path=path)
        pages = _pages_of(reader, path)
        info: dict[str, Any] = dict(reader.metadata or {})
    except (MemoryError, SourceError):
        raise
    except Exception as error:
        # pypdf fails in many ways on what is damaged.
        reason = f"damaged: it cannot be read as a PDF ({type(error).__name__}: {error})"
        raise SourceError(f"{reason}; save it again, or give the document it was made from", path=path) from None
    lines = [line for page in _without_edges(pages) for line in page]
    if not lines:
        reason = "no text is in it, only pictures of pages"
        raise SourceError(f"{reason}: have its text recognized (OCR), or give the document it was made from", path=path)
    text = normalize_text("\n".join(_paragraphs(lines)))
    manuscript = plain_text.parse(text, path=path, options=options)
    # The title of a PDF is mostly the name of the file that it was made from.
    said = read_properties({"creator": [str(info.get("/Author", ""))], "keywords": [str(info.get("/Keywords", ""))]})
    return replace(
        manuscript,
        author=manuscript.author or said.author,
        tags=manuscript.tags or (read_tag_line(f"Tags: {said.keywords}") if said.keywords else ()),
        warnings=("of a PDF only its text is read: add images, tables and links", *manuscript.warnings),
    )


def _pages_of(reader: PdfReader, path: str) -> list[list[_Line]]:
    pages, characters = [], 0
    for page in reader.pages:
        collected = _LineCollector()
        page.extract_text(visitor_text=collected.add)
        pages.append(collected.finished())
        characters += sum(len(line.text) for line in pages[-1])
        if characters > _MAX_CHARACTERS:
            raise SourceError(f"over {_MAX_CHARACTERS // 10**6} million characters; give a part of it", path=path)
    return pages


class _LineCollector:
    """Puts the pieces of text that pypdf comes upon together to lines."""

    def __init__(self) -> None:
        self._lines: list[_Line] = []
        self._text, self._y, self._size = "", 0.0, 0.0

    def add(self, text: str, outer: Sequence[float], inner: Sequence[float], font: Any, size: float) -> None:
        """A piece with the matrices it is set by (ISO 32000-2, section 9.4.4)."""
        for part in re.split(r"(\n)", text):
            if part == "\n":
                self._end()
                continue
            if part.strip() and not self._text.strip():
                self._y = inner[5] * outer[3] + outer[5]
                self._size = abs(size * inner[3] * outer[3])
            self._text += part

    def finished(self) -> list[_Line]:
        """All lines that are not empty."""
        self._end()
        return self._lines

    def _end(self) -> None:
        text = " ".join(self._text.split())
        if text:
            self._lines.append(_Line(text, self._y, self._size))
        self._text = ""


def _without_edges(pages: Sequence[Sequence[_Line]]) -> Iterator[list[_Line]]:
    """The pages without lines at their edges that are on most of them, whatever numbers are in those."""
    counts: Counter[str] = Counter()
    for page in pages:
        counts.update({_shape(line) for line in (*page[:_EDGE], *page[-_EDGE:])})
    repeated = {shape for shape, count in counts.items() if count > max(1, len(pages) / 2)}
    for page in pages:
        kept = list(page)
        for at in (0, -1):
            for _ in range(_EDGE):
                is_number = len(pages) == 1 and at == -1 and len(kept) > 1 and _PAGE_NUMBER.fullmatch(kept[-1].text)
                if kept and (_shape(kept[at]) in repeated or is_number):
                    del kept[at]
        yield kept


def _shape(line: _Line) -> str:
    return re.sub(r"\d+", "#", line.text).casefold()


def _paragraphs(lines: Sequence[_Line]) -> Iterator[str]:
    """The text of paragraphs and headings, with an empty line between two of them; items of lists are lines."""
    usual_size = median(line.size for line in lines)
    gaps = [one.y - other.y for one, other in pairwise(lines) if one.y > other.y]
    usual_gap = median(gaps) if gaps else 0
    width = sorted(len(line.text) for line in lines)[len(lines) * 9 // 10]
    words = Counter(word for line in lines for word in re.findall(r"\w+(?:-\w+)+", line.text.casefold()))
    text = lines[0].text
    for above, line in pairwise(lines):
        is_large = max(above.size, line.size) > usual_size * _LARGE
        gap = above.y - line.y
        if is_large and abs(above.size - line.size) < 0.1 and 0 < gap < 2 * line.size:
            # A heading of two lines.
            text += f" {line.text}"
        elif is_large or (gap > usual_gap * _WIDE_GAP) or (gap <= 0 and above.text.endswith(_SENTENCE_END)):
            yield from (text, "")
            text = line.text
        elif _ITEM.match(line.text):
            yield text
            text = line.text
        elif len(above.text) < width * _FULL and gap > 0:
            yield from (text, "")
            text = line.text
        else:
            text = _joined(text, line.text, words)
    yield text


def _joined(text: str, more: str, words: Counter[str]) -> str:
    """A line with the next one; a word that was divided between them is one, unless it is written with a hyphen."""
    broken = _BROKEN_WORD.search(text)
    if broken is None or not more[:1].islower():
        return f"{text} {more}"
    rest = re.match(r"\w+", more)
    hyphenated = f"{broken[1]}-{rest[0] if rest else ''}".casefold()
    return f"{text if hyphenated in words else text[:-1]}{more}"
