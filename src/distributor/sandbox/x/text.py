"""How X measures and shows a text: weighted length, t.co links, hashtags, cashtags and mentions.

Weight and links come from the code that the product itself measures with, so the emulator is no second opinion on them:
the judge of both is twitter-text's conformance suite.
"""

from __future__ import annotations

import hashlib
import html
import re
import unicodedata
from dataclasses import dataclass, field
from typing import Any

import regex

from distributor.rendering import measuring
from distributor.rendering.url_extraction import extract_urls
from distributor.sandbox.display import DisplayedText

_SLUG_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# Characters of hashtags as twitter-text defines them: letters, marks, digits and joiners of several scripts.
_IN_HASHTAG = (
    r"\p{L}\p{M}\p{Nd}_\u200c\u200d\ua67e\u05be\u05f3\u05f4\uff5e\u301c\u309b\u309c\u30a0\u30fb\u3003\u0f0b\u0f0c\u00b7"
)
_HASHTAG = regex.compile(
    rf"(?:(?<![{_IN_HASHTAG}&])|(?<=[\ufe0e\ufe0f]))[#＃]"
    rf"(?=[{_IN_HASHTAG}]*[\p{{L}}\p{{M}}])([{_IN_HASHTAG}]++)(?![#＃]|://)"
)
_CASHTAG = regex.compile(r"(?<!\S)\$([A-Za-z]{1,6}(?:[._][A-Za-z]{1,2})?)(?=$|[\s!-/:-@\[-`{-~])")
_MENTION = regex.compile(
    r"(?:(?<![A-Za-z0-9_!#$%&*@＠])|(?<=\b[Rr][Tt]:?))[@＠]([A-Za-z0-9_]{1,20})(?![A-Za-z0-9_@＠À-ɏ]|://)"
)


@dataclass(frozen=True, slots=True)
class TweetEntity:
    """Something X found in a text, from code point `start` to before `end`."""

    kind: str
    start: int
    end: int
    value: str


def normalise(text: str) -> str:
    """The text as X keeps it: composed (NFC), without white space around it."""
    return unicodedata.normalize("NFC", text).strip()


def weighted_length(text: str) -> int:
    """What X counts: see developer documentation, counting characters; the rules are twitter-text's version 3."""
    return measuring.weighted_length(text)


def has_forbidden_characters(text: str) -> bool:
    """Whether the text has characters that X takes in no post (U+FFFE, U+FEFF, U+FFFF)."""
    return any(character in "\ufffe\ufeff\uffff" for character in text)


def find_entities(text: str) -> list[TweetEntity]:
    """Links, hashtags, cashtags and mentions in their order; of two that overlap the link wins."""
    links = [TweetEntity("url", url.start, url.end, url.url) for url in extract_urls(text)]
    others = [
        TweetEntity(kind, match.start(), match.end(), match[1])
        for kind, pattern in (("hashtag", _HASHTAG), ("cashtag", _CASHTAG), ("mention", _MENTION))
        for match in pattern.finditer(text)
    ]
    free = [tag for tag in others if not any(tag.start < link.end and link.start < tag.end for link in links)]
    return sorted((*links, *free), key=lambda entity: entity.start)


def expand(url: str) -> str:
    """The address that a link in a text leads to: X takes one without a scheme for http."""
    return url if re.match(r"https?://", url, re.IGNORECASE) else f"http://{url}"


def short_link(url: str) -> str:
    """The t.co address that stands for a link: ten characters, always the same for the same link."""
    number = int.from_bytes(hashlib.sha256(url.encode()).digest(), "big")
    return "https://t.co/" + "".join(_SLUG_DIGITS[number // 62**place % 62] for place in range(10))


@dataclass(slots=True)
class ReturnedText:
    """A text as X's API gives it back, with its entities; indices count the code points of that text."""

    text: str = ""
    entities: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, text: str) -> None:
        """Words, with `&`, `<` and `>` as HTML writes them: X has always escaped what it gives back."""
        self.text += html.escape(text, quote=False)

    def add_entity(self, name: str, text: str, **described: str) -> None:
        """A run of text that X found something in."""
        start = len(self.text)
        self.text += text
        self.entities.setdefault(name, []).append({"start": start, "end": len(self.text), **described})

    def add_link(self, url: str) -> None:
        """A link, for which t.co stands."""
        short = short_link(url)
        self.add_entity("urls", short, url=short, expanded_url=expand(url), display_url=_display(url))


def as_returned(text: str, media_link: str | None = None) -> ReturnedText:
    """What X gives back for a text as written; a post with media has a link to them behind its text."""
    returned = ReturnedText()
    end = 0
    for entity in find_entities(text):
        returned.add(text[end : entity.start])
        if entity.kind == "url":
            returned.add_link(entity.value)
        else:
            described = {"username" if entity.kind == "mention" else "tag": entity.value}
            returned.add_entity(f"{entity.kind}s", text[entity.start : entity.end], **described)
        end = entity.end
    returned.add(text[end:])
    if media_link is not None:
        returned.add(" " if text else "")
        returned.add_link(media_link)
    return returned


def as_spans(text: str) -> list[DisplayedText]:
    """The text as a reader sees it: links without scheme, cut to 27 characters."""
    spans: list[DisplayedText] = []
    end = 0
    for entity in find_entities(text):
        spans.append(DisplayedText(text[end : entity.start]))
        spans.append(_link(entity, text[entity.start : entity.end]))
        end = entity.end
    return [span for span in (*spans, DisplayedText(text[end:])) if span.text]


_TARGETS = {
    "hashtag": "https://x.com/hashtag/{}",
    "cashtag": "https://x.com/search?q=%24{}",
    "mention": "https://x.com/{}",
}


def _link(entity: TweetEntity, as_written: str) -> DisplayedText:
    if entity.kind == "url":
        return DisplayedText(_display(entity.value), expand(entity.value), expand(entity.value))
    return DisplayedText(as_written, _TARGETS[entity.kind].format(entity.value))


def _display(url: str) -> str:
    bare = re.sub(r"^(https?://)?(www\.)?", "", url, flags=re.IGNORECASE)
    return bare if len(bare) <= 27 else f"{bare[:26]}…"
