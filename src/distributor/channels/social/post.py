"""Post: one post of an account, as it is kept in a rendition."""

from __future__ import annotations

import json
import unicodedata
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

import regex

from distributor.channels.api import Article, Json, MediaStore, Site
from distributor.domain.blocks import Paragraph, text_of
from distributor.domain.hashtags import JOINERS
from distributor.rendering.fitting import fit
from distributor.rendering.measuring import graphemes, url_spans

_MAX_DESCRIPTION = 200
_NOT_TEXT = regex.compile(r"[[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}\uFEFF]--\s]", flags=regex.VERSION1)

# A hashtag as the networks read it: it begins a word and holds a letter.
HASHTAG = regex.compile(
    rf"(?<![\p{{L}}\p{{M}}\p{{N}}_&/])[#＃](?=[\p{{L}}\p{{M}}\p{{N}}_]*\p{{L}})[\p{{L}}\p{{M}}\p{{N}}_]+"
    rf"(?:[{JOINERS}][\p{{L}}\p{{M}}\p{{N}}_]+)*"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkCard:
    """The preview of a link. `image` is an absolute URL or empty."""

    url: str
    title: str
    description: str
    image: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PostImage:
    """An image of a post. `src` is an absolute URL, or the path of a stored image, such as ``/media/x.png``."""

    src: str
    alt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One post, frozen. `continues` means that it replies to the post before it, as the parts of a thread do.

    `hashtags` are those in the text, without "#"; `link` is empty if the post has none.
    """

    text: str
    language: str
    link: str = ""
    hashtags: tuple[str, ...] = ()
    card: LinkCard | None = None
    continues: bool = False
    image: PostImage | None = None

    def as_json(self) -> dict[str, Json]:
        content = {**asdict(self), "hashtags": list(self.hashtags)}
        if self.image is None:
            del content["image"]
        return content

    @classmethod
    def from_json(cls, content: Mapping[str, Json]) -> Post:
        card, image = content["card"], content.get("image")
        parsed = {
            "hashtags": tuple(content["hashtags"]),
            "card": LinkCard(**card) if card else None,
            "image": PostImage(**image) if image else None,
        }
        return cls(**{**content, **parsed})


class SpanKind(StrEnum):
    PLAIN = "plain"
    LINK = "link"
    HASHTAG = "hashtag"


@dataclass(frozen=True, slots=True)
class TextSpan:
    """A span of a post's text, from `start` to `end` in code points, and whether the network links it."""

    kind: SpanKind
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


def image_of(article: Article, media: MediaStore) -> PostImage | None:
    """The lead image of the article, if a network can get it: stored here, or at a URL on the web."""
    image = article.lead_image
    if image is None or not (image.src.startswith(("http://", "https://")) or media.open(image.src)):
        return None
    return PostImage(src=image.src, alt=one_line(image.alt))


def lead_of(article: Article) -> str:
    """The first paragraph of the article, on one line."""
    return one_line(next((text_of(block.runs) for block in article.body if isinstance(block, Paragraph)), ""))


def posts_of(payload: Mapping[str, Json]) -> list[Post]:
    """The posts of a rendition."""
    return [Post.from_json(content) for content in payload["posts"]]


def file_of(posts: Sequence[Post]) -> bytes:
    """The posts as a JSON list, to be looked at."""
    return (json.dumps([post.as_json() for post in posts], ensure_ascii=False, indent=2) + "\n").encode()


def spans_of(text: str) -> list[TextSpan]:
    """The text in spans: links, hashtags, and the plain text between them."""
    links = [(*ends, SpanKind.LINK) for ends in url_spans(text)]
    ends = [end for _, end, _ in links]

    def is_in_link(start: int, end: int) -> bool:
        following = bisect_right(ends, start)
        return following < len(links) and links[following][0] < end

    tags = [(*match.span(), SpanKind.HASHTAG) for match in HASHTAG.finditer(text) if not is_in_link(*match.span())]
    spans, place = [], 0
    for start, end, kind in [*sorted([*links, *tags]), (len(text), len(text), SpanKind.PLAIN)]:
        spans += [
            TextSpan(SpanKind.PLAIN, text[place:start], place, start),
            TextSpan(kind, text[start:end], start, end),
        ]
        place = end
    return [span for span in spans if span.text]


def one_line(text: str) -> str:
    """The text without line breaks, repeated spaces and characters that no post can hold."""
    return " ".join(clean_text(text).split())


def clean_text(text: str) -> str:
    """The text in NFC without control characters, byte order marks and the like, which networks and JSONB reject."""
    return _NOT_TEXT.sub("", unicodedata.normalize("NFC", text))


def _beginning_of(article: Article) -> str:
    return fit(lead_of(article), limit=_MAX_DESCRIPTION, measure=graphemes)
