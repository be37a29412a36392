"""Text of Bluesky as HTML: its facets say which bytes of it are links, mentions and tags.

Source: the lexicon app.bsky.richtext.facet. Offsets are in bytes of UTF-8, and services accept wrong ones: a facet that
is not within the text, that cuts a character, or that overlaps another one, is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape
from urllib.parse import quote

from pydantic import BaseModel, Field

_WEB = "https://bsky.app"
_HASHTAG_LINES = re.compile(r"(?:\A|\n)[ \t]*((?:[#＃][^\s#＃]+[ \t]*)+)\s*\Z")


class _Feature(BaseModel):
    type: str = Field("", alias="$type")
    uri: str = ""
    did: str = ""
    tag: str = ""


class _Bytes(BaseModel):
    start: int = Field(alias="byteStart")
    end: int = Field(alias="byteEnd")


class _Facet(BaseModel):
    index: _Bytes
    features: list[_Feature] = Field(default_factory=list)


class FacetText(BaseModel):
    """The text of a record with its facets, and tags that are not in the text."""

    text: str = ""
    facets: list[_Facet] = Field(default_factory=list)
    tags: list[str] = Field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextOfPost:
    """The text of a post: lines of nothing but tags at its end are its tags only. `links` are what it links to."""

    html: str
    tags: tuple[str, ...]
    links: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Piece:
    text: str
    href: str = ""
    tag: str = ""


def html_of(record: FacetText) -> TextOfPost:
    """The text as HTML: an empty line parts paragraphs."""
    pieces = list(_pieces(record))
    in_text = [piece.tag for piece in pieces if piece.tag]
    html = "".join(map(_as_html, _without_last_tags(pieces)))
    paragraphs = (block.strip().replace("\n", "<br>") for block in re.split(r"\n[ \t]*\n\s*", html))
    return TextOfPost(
        html="".join(f"<p>{block}</p>" for block in paragraphs if block),
        tags=tuple(dict.fromkeys((*in_text, *record.tags))),
        links=tuple(piece.href for piece in pieces if piece.href),
    )


def _pieces(record: FacetText) -> Iterator[_Piece]:
    """The text in pieces, of which some are links."""
    data = record.text.encode("utf-8", "surrogatepass")
    done = 0
    for facet in sorted(record.facets, key=lambda one: one.index.start):
        start, end = facet.index.start, facet.index.end
        if not done <= start < end <= len(data) or _cuts(data, start) or _cuts(data, end):
            continue
        piece = _linked(_decoded(data[start:end]), facet.features)
        if piece is not None:
            yield _Piece(_decoded(data[done:start]))
            yield piece
            done = end
    yield _Piece(_decoded(data[done:]))


def _cuts(data: bytes, at: int) -> bool:
    """Whether a place is inside a character: bytes of UTF-8 after the first begin with the bits 10."""
    return at < len(data) and data[at] & 0b1100_0000 == 0b1000_0000


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _linked(text: str, features: Sequence[_Feature]) -> _Piece | None:
    """The text as the first of these features that is known makes it; None if none is."""
    for feature in features:
        kind = feature.type.rpartition("#")[2]
        if kind == "link" and feature.uri.startswith(("http://", "https://")):
            return _Piece(text, feature.uri)
        if kind == "mention" and feature.did:
            return _Piece(text, f"{_WEB}/profile/{quote(feature.did, safe=':')}")
        if kind == "tag" and feature.tag.strip():
            return _Piece(text, f"{_WEB}/hashtag/{quote(feature.tag.strip(), safe='')}", feature.tag.strip())
    return None


def _as_html(piece: _Piece) -> str:
    if not piece.href:
        return escape(piece.text, quote=False)
    return f'<a href="{escape(piece.href)}">{escape(" ".join(piece.text.split()), quote=False)}</a>'


def _without_last_tags(pieces: Sequence[_Piece]) -> list[_Piece]:
    """The pieces without lines at the end that have nothing but tags, unless there is nothing else."""
    kept = list(pieces)
    while (found := _HASHTAG_LINES.search("".join(piece.text for piece in kept))) is not None and found.start():
        above, below = _split(kept, found.start())
        if any(piece.text.strip() and not piece.tag for piece in below):
            # It looks like a tag and is none.
            return kept
        kept = above
    return kept


def _split(pieces: Sequence[_Piece], at: int) -> tuple[list[_Piece], list[_Piece]]:
    """The pieces above and below a place in the text, in characters."""
    above: list[_Piece] = []
    below: list[_Piece] = []
    for piece in pieces:
        place = max(at, 0)
        above.append(replace(piece, text=piece.text[:place]))
        below.append(replace(piece, text=piece.text[place:]))
        at -= len(piece.text)
    return [piece for piece in above if piece.text], [piece for piece in below if piece.text]
