"""How Mastodon measures a status and turns it into HTML."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

import regex

from distributor.rendering.url_extraction import extract_urls
from distributor.sandbox.display import DisplayedText

# Words of any script, held together by underscores, middle dots and the zero-width non-joiner, with a letter in them.
_IN_HASHTAG = r"\w\p{M}\u00b7\u30fb\u200c"
_HASHTAG = regex.compile(
    rf"(?<![=/)\p{{Alnum}}])[#＃](?=[{_IN_HASHTAG}]*\p{{L}})([\w\p{{M}}](?:[{_IN_HASHTAG}]*[\w\p{{M}}])?)"
)
_MENTION = re.compile(r"(?<![=/\w])@(\w+(?:[.-]+\w+)*)(?:@[\w.-]+\w)?")
_SCHEME = re.compile(r"\Ahttps?://(www\.)?")
_GRAPHEME = regex.compile(r"\X")
_SHOWN_CHARACTERS = 30


@dataclass(frozen=True, slots=True)
class TextEntity:
    """A link, hashtag or mention, from code point `start` to before `end`."""

    kind: str
    start: int
    end: int
    value: str


def find_entities(text: str) -> list[TextEntity]:
    """In their order; only links with a scheme count as such, and of two that overlap the link wins."""
    links = [TextEntity("url", url.start, url.end, url.url) for url in extract_urls(text) if url.has_protocol]
    others = [
        TextEntity(kind, match.start(), match.end(), match[1])
        for kind, pattern in (("hashtag", _HASHTAG), ("mention", _MENTION))
        for match in pattern.finditer(text)
    ]
    free = [other for other in others if not any(other.start < link.end and link.start < other.end for link in links)]
    return sorted((*links, *free), key=lambda entity: entity.start)


def length(text: str, spoiler: str, per_url: int) -> int:
    """Graphemes of spoiler and text, with every link as long as `per_url` and every mention without its domain."""
    counted = [spoiler]
    end = 0
    for entity in find_entities(text):
        counted += [text[end : entity.start], _counted_as(entity, text, per_url)]
        end = entity.end
    return len(_GRAPHEME.findall("".join((*counted, text[end:]))))


def _counted_as(entity: TextEntity, text: str, per_url: int) -> str:
    if entity.kind == "url":
        return "x" * per_url
    return f"@{entity.value}" if entity.kind == "mention" else text[entity.start : entity.end]


def as_spans(text: str, server: str) -> list[DisplayedText]:
    """The text with links and hashtags as links; `server` is the root of the instance."""
    spans: list[DisplayedText] = []
    end = 0
    for entity in find_entities(text):
        if entity.kind == "mention":
            continue
        spans.append(DisplayedText(text[end : entity.start]))
        spans.append(_link(entity, text[entity.start : entity.end], server))
        end = entity.end
    return [span for span in (*spans, DisplayedText(text[end:])) if span.text]


def as_html(text: str, server: str) -> str:
    """The content of a status as the API gives it: paragraphs, line breaks, links whose scheme and tail are hidden."""
    end = 0
    parts: list[str] = []
    for entity in find_entities(text):
        if entity.kind == "mention":
            continue
        parts.append(html.escape(text[end : entity.start]))
        parts.append(_anchor(entity, text[entity.start : entity.end], server))
        end = entity.end
    parts.append(html.escape(text[end:]))
    paragraphs = re.split(r"\n{2,}", "".join(parts).replace("\r\n", "\n").strip("\n"))
    return "".join(f"<p>{paragraph.replace(chr(10), '<br />')}</p>" for paragraph in paragraphs)


def _link(entity: TextEntity, as_written: str, server: str) -> DisplayedText:
    if entity.kind == "hashtag":
        return DisplayedText(as_written, f"{server}/tags/{entity.value.lower()}")
    shown = _SCHEME.sub("", entity.value)
    cut = f"{shown[:_SHOWN_CHARACTERS]}…" if len(shown) > _SHOWN_CHARACTERS else shown
    return DisplayedText(cut, entity.value, entity.value)


def _anchor(entity: TextEntity, as_written: str, server: str) -> str:
    if entity.kind == "hashtag":
        target = html.escape(f"{server}/tags/{entity.value.lower()}")
        name = html.escape(entity.value)
        return f'<a href="{target}" class="mention hashtag" rel="tag">{as_written[0]}<span>{name}</span></a>'
    scheme = _SCHEME.match(entity.value)
    hidden = scheme[0] if scheme else ""
    shown = entity.value[len(hidden) : len(hidden) + _SHOWN_CHARACTERS]
    rest = entity.value[len(hidden) + _SHOWN_CHARACTERS :]
    return (
        f'<a href="{html.escape(entity.value)}" target="_blank" rel="nofollow noopener" translate="no">'
        f'<span class="invisible">{html.escape(hidden)}</span>'
        f'<span class="{"ellipsis" if rest else ""}">{html.escape(shown)}</span>'
        f'<span class="invisible">{html.escape(rest)}</span></a>'
    )
