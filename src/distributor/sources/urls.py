"""URLs in articles: which ones are allowed, and how bare URLs in prose become links."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import regex
from markdown_it.common.normalize_url import normalizeLink

from distributor.domain.blocks import Mark, Paragraph, Run, Runs

_PATH_ON = regex.compile(r"[/?#]")
_LINKED_SCHEMES = frozenset({"http", "https", "mailto", "tel"})
_IMAGE_SCHEMES = frozenset({"http", "https"})

_NOT_IN_URLS = r"\s<>\"“”„«»‹›。、，！？；：（）「」『』【】\\^`{|}"
# Brackets are in queries, but in no name of a host (RFC 3986, section 3.2.2).
_BARE = regex.compile(
    r"(?<![\p{L}\p{N}_@/.-])"
    r"(?:https?://[\p{L}\p{N}]|www\.[\p{L}\p{N}-]++\.[\p{L}\p{N}])"
    rf"[^{_NOT_IN_URLS}/?#\[\]]*+(?:[/?#][^{_NOT_IN_URLS}]*+)?+",
    regex.IGNORECASE,
)
_TRAILING = frozenset(".,;:!?'’‘*~…–—")
_BRACKETS = {")": "(", "]": "["}


def is_allowed_link(href: str) -> bool:
    """Whether a link may have this target: http, https, mailto, tel, or a URL relative to the article."""
    return _has_scheme(href, _LINKED_SCHEMES)


def is_allowed_image(src: str) -> bool:
    """Whether an image may have this source: http, https, or a URL relative to the article."""
    return bool(src) and _has_scheme(src, _IMAGE_SCHEMES)


def linkify(runs: Iterable[Run]) -> Runs:
    """The same runs with bare URLs as links; www. becomes https://www. Code is left as it is."""
    return tuple(part for run in runs for part in _parts_of(run))


def linked_paragraph(text: str) -> Paragraph:
    """A paragraph of plain text with its bare URLs as links."""
    return Paragraph(linkify((Run(text),)))


def _has_scheme(url: str, schemes: frozenset[str]) -> bool:
    """Without a colon before the first slash a URL is relative (RFC 3986 section 4.2)."""
    scheme, colon, _ = _PATH_ON.split(url, maxsplit=1)[0].partition(":")
    return not colon or scheme.strip().lower() in schemes


def _parts_of(run: Run) -> Iterator[Run]:
    if run.href is not None or Mark.CODE in run.marks or run.image is not None:
        yield run
        return
    done = 0
    for found in _BARE.finditer(run.text):
        url = _without_trailing_punctuation(found[0])
        if found.start() > done:
            yield replace(run, text=run.text[done : found.start()])
        done = found.start() + len(url)
        yield replace(run, text=url, href=_href_of(url))
    if not done:
        yield run
    elif done < len(run.text):
        yield replace(run, text=run.text[done:])


def _without_trailing_punctuation(url: str) -> str:
    """Without what belongs to the sentence: final punctuation, and closing brackets that were not opened in the URL."""
    surplus = {closing: url.count(closing) - url.count(opening) for closing, opening in _BRACKETS.items()}
    end = len(url)
    while end:
        last = url[end - 1]
        if surplus.get(last, 0) > 0:
            surplus[last] -= 1
        elif last not in _TRAILING:
            break
        end -= 1
    return url[:end]


def _href_of(url: str) -> str:
    return normalizeLink(url if url[:4].lower() == "http" else f"https://{url}")
