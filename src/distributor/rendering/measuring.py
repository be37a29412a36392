"""How long a text is: every network counts in its own way."""

from __future__ import annotations

import importlib
from functools import cache
from types import ModuleType

import regex

_GRAPHEME = regex.compile(r"\X")
_WITH_SCHEME = regex.compile(r"https?://[^\s<>\"“”„«»]+", flags=regex.IGNORECASE)
# Searching a run for host names takes time that grows with the cube of its dots.
_RUN = regex.compile(r"\S{64,}")
_MOST_DOTS = 64
_WEIGHT_OF_URL = 23
# What a sentence puts behind an address and no address ends with.
_AFTER_URL = ".,;:!?…'’)]}*_"
# A mention of someone elsewhere counts without the server's name.
_MENTION = regex.compile(r"(?<![=/\w])@([a-z0-9_]+(?:[.-]+[a-z0-9_]+)*)@[\w.-]+\w", flags=regex.IGNORECASE)


def weighted_length(text: str) -> int:
    """The length as X counts it: NFC, most scripts weigh 1 a sign and CJK and emoji 2, every link weighs 23.

    Source: docs.x.com, "Counting characters"; configuration 3 of twitter-text. A text has room for 280. A run with
    more than 64 dots is not searched for links; each dot then counts as one, so that the answer is never too small.
    """
    searchable = _searchable(text)
    unsearched_dots = text.count(".") - searchable.count(".")
    return int(_twitter_text().parse_tweet(searchable).weightedLength) + _WEIGHT_OF_URL * unsearched_dots


def mastodon_length(text: str, *, characters_reserved_per_url: int = _WEIGHT_OF_URL) -> int:
    """The length as Mastodon counts it: graphemes; a link costs `characters_reserved_per_url`, a mention no server.

    Source: docs.joinmastodon.org, "Posting to your profile". Only addresses with http(s):// count as links.
    """
    shortened, end = [], 0
    for start, stop in _spans_found_by_twitter(text):
        if _WITH_SCHEME.match(text, start, stop):
            shortened += [text[end:start], "x" * characters_reserved_per_url]
            end = stop
    return graphemes(_MENTION.sub(r"@\1", "".join([*shortened, text[end:]])))


def graphemes(text: str) -> int:
    """How many signs a reader sees (extended grapheme clusters, UAX #29). Bluesky allows 300."""
    return sum(1 for _ in _GRAPHEME.finditer(text))


def utf8_bytes(text: str) -> int:
    """The length in UTF-8. Bluesky allows 3000 bytes and places its facets by them."""
    return len(text.encode())


def grapheme_boundaries(text: str) -> list[int]:
    """The offsets at which a grapheme ends, in code points, the end of the text included."""
    return [match.end() for match in _GRAPHEME.finditer(text)]


def url_spans(text: str) -> list[tuple[int, int]]:
    """Where addresses stand, as start and end in code points: all that X links, and all with http(s)://.

    They do not overlap and are in order. A comma or a closing bracket of the sentence is not part of an address.
    """
    spans = list(_spans_found_by_twitter(text))
    for match in _WITH_SCHEME.finditer(text):
        address = match.group()
        end = match.start() + len(address.rstrip(_AFTER_URL))
        covered = [span for span in spans if span[0] < end and match.start() < span[1]]
        whole = (match.start(), max([end, *(stop for _, stop in covered)]))
        spans = [span for span in spans if span not in covered] + [whole]
    return sorted(spans)


def _spans_found_by_twitter(text: str) -> list[tuple[int, int]]:
    found = _twitter_text().extract_urls_with_indices(_searchable(text))
    return [(entity["indices"][0], entity["indices"][1]) for entity in found]


@cache
def _twitter_text() -> ModuleType:
    # Half a second to import, for which only those processes wait that measure a post.
    return importlib.import_module("twitter_text")


def _searchable(text: str) -> str:
    """The text, equally long and heavy, without the runs of dots that would keep the search for links busy."""
    return _RUN.sub(lambda run: _dotless(run.group()) if run.group().count(".") > _MOST_DOTS else run.group(), text)


def _dotless(run: str) -> str:
    return run.replace(".", ",")
