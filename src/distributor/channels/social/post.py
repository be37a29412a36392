"""Post: what one account says at a time, as it is kept in a rendition."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

import regex

from distributor.channels.api import Site
from distributor.domain.article import Article
from distributor.domain.blocks import Paragraph, text_of
from distributor.domain.rendition import Json
from distributor.rendering.fitting import fit
from distributor.rendering.measuring import graphemes, url_spans

_LONGEST_DESCRIPTION = 200
_UNSPEAKABLE = regex.compile(r"[[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}\uFEFF]--\s]", flags=regex.VERSION1)

# A hashtag as the networks read it: it begins a word and holds a letter.
HASHTAG = regex.compile(r"(?<![\p{L}\p{M}\p{N}_&/])[#＃](?=[\p{L}\p{M}\p{N}_]*\p{L})[\p{L}\p{M}\p{N}_]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkCard:
    """The preview of a link. `image` is an absolute address or empty."""

    url: str
    title: str
    description: str
    image: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One post, frozen. `continues` says that it answers the post before it, as the parts of a thread do.

    `hashtags` are those that were chosen and found room, without "#"; `link` is empty if the post has none.
    """

    text: str
    language: str
    link: str = ""
    hashtags: tuple[str, ...] = ()
    card: LinkCard | None = None
    continues: bool = False

    def as_json(self) -> dict[str, Json]:
        return {**asdict(self), "hashtags": list(self.hashtags)}

    @classmethod
    def from_json(cls, content: Mapping[str, Json]) -> Post:
        card = content["card"]
        return cls(**{**content, "hashtags": tuple(content["hashtags"]), "card": LinkCard(**card) if card else None})


class PieceKind(StrEnum):
    PLAIN = "plain"
    LINK = "link"
    HASHTAG = "hashtag"


@dataclass(frozen=True, slots=True)
class TextSpan:
    """A stretch of a post's text, from `start` to `end` in code points, and what a network makes of it."""

    kind: PieceKind
    text: str
    start: int
    end: int


def card_of(article: Article, site: Site) -> LinkCard:
    """The card of the article's page, made from the article itself."""
    image = article.image.src if article.image else ""
    return LinkCard(
        url=site.article_url(article),
        title=one_line(article.title),
        description=one_line(article.summary) or _beginning_of(article),
        image=image if image.startswith(("http://", "https://")) else "",
    )


def lead_of(article: Article) -> str:
    """The first paragraph of the article, on one line."""
    return one_line(next((text_of(block.runs) for block in article.body if isinstance(block, Paragraph)), ""))


def posts_of(payload: Mapping[str, Json]) -> list[Post]:
    """The posts of a rendition."""
    return [Post.from_json(content) for content in payload["posts"]]


def file_of(posts: Sequence[Post]) -> bytes:
    """The posts as a JSON list for a person to open."""
    return (json.dumps([post.as_json() for post in posts], ensure_ascii=False, indent=2) + "\n").encode()


def pieces_of(text: str) -> list[TextSpan]:
    """The text in stretches: links, hashtags, and what is between them."""
    links = [(*span, PieceKind.LINK) for span in url_spans(text)]
    tags = [
        (*match.span(), PieceKind.HASHTAG)
        for match in HASHTAG.finditer(text)
        if not any(start < match.end() and match.start() < end for start, end, _ in links)
    ]
    pieces, place = [], 0
    for start, end, kind in [*sorted([*links, *tags]), (len(text), len(text), PieceKind.PLAIN)]:
        pieces += [
            TextSpan(PieceKind.PLAIN, text[place:start], place, start),
            TextSpan(kind, text[start:end], start, end),
        ]
        place = end
    return [piece for piece in pieces if piece.text]


def one_line(text: str) -> str:
    """The text without line breaks, doubled spaces and signs that no post can hold."""
    return " ".join(speakable(text).split())


def speakable(text: str) -> str:
    """The text in NFC without control characters, byte order marks and the like, which networks and JSONB refuse."""
    return _UNSPEAKABLE.sub("", unicodedata.normalize("NFC", text))


def _beginning_of(article: Article) -> str:
    return fit(lead_of(article), limit=_LONGEST_DESCRIPTION, measure=graphemes)
