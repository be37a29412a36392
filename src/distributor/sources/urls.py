"""Web addresses: which ones may be linked, and how bare ones in prose become links."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import regex
from markdown_it.common.normalize_url import normalizeLink

from distributor.domain.blocks import Mark, Paragraph, Run, Runs

_PATH_ON = regex.compile(r"[/?#]")
_LINKED_SCHEMES = frozenset({"http", "https", "mailto", "tel"})
_IMAGE_SCHEMES = frozenset({"http", "https"})

_BARE = regex.compile(
    r"(?<![\p{L}\p{N}_@/.-])"
    r"(?:https?://[\p{L}\p{N}]|www\.[\p{L}\p{N}-]++\.[\p{L}\p{N}])"
    r"[^\s<>\"“”„«»‹›。、，！？；：（）「」『』【】\\^`{|}]*+",
    regex.IGNORECASE,
)
_TRAILING = frozenset(".,;:!?'’‘*~…–—")
_BRACKETS = {")": "(", "]": "["}


def may_link(href: str) -> bool:
    """Whether a link may lead there: the web, mail, telephone, or an address relative to the article."""
    return _is_one_of(href, _LINKED_SCHEMES)


def may_show(src: str) -> bool:
    """Whether an image may be taken from there: the web, or an address relative to the article."""
    return bool(src) and _is_one_of(src, _IMAGE_SCHEMES)


def link_bare(runs: Iterable[Run]) -> Runs:
    """The same runs with bare web addresses made links; www. stands for https://www. Code is left alone."""
    return tuple(part for run in runs for part in _parts_of(run))


def linked_paragraph(text: str) -> Paragraph:
    """A paragraph of plain text with its bare web addresses as links."""
    return Paragraph(link_bare((Run(text),)))


def _is_one_of(address: str, schemes: frozenset[str]) -> bool:
    """Without a colon before the first slash an address is relative (RFC 3986 section 4.2)."""
    scheme, colon, _ = _PATH_ON.split(address, maxsplit=1)[0].partition(":")
    return not colon or scheme.strip().lower() in schemes


def _parts_of(run: Run) -> Iterator[Run]:
    if run.href is not None or Mark.CODE in run.marks:
        yield run
        return
    done = 0
    for found in _BARE.finditer(run.text):
        address = _without_trailing_signs(found[0])
        if found.start() > done:
            yield replace(run, text=run.text[done : found.start()])
        done = found.start() + len(address)
        yield replace(run, text=address, href=_href_of(address))
    if not done:
        yield run
    elif done < len(run.text):
        yield replace(run, text=run.text[done:])


def _without_trailing_signs(address: str) -> str:
    """Without what belongs to the sentence: final punctuation, and brackets that were not opened in the address."""
    surplus = {closing: address.count(closing) - address.count(opening) for closing, opening in _BRACKETS.items()}
    end = len(address)
    while end:
        last = address[end - 1]
        if surplus.get(last, 0) > 0:
            surplus[last] -= 1
        elif last not in _TRAILING:
            break
        end -= 1
    return address[:end]


def _href_of(address: str) -> str:
    return normalizeLink(address if address[:4].lower() == "http" else f"https://{address}")
