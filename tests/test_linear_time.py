"""Parsers of what strangers send take time in proportion to its length, however it is made to hurt."""

from __future__ import annotations

import gc
import io
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from distributor.channels.email.delivery import api_client
from distributor.channels.email.personalization import expressions
from distributor.channels.email.providers import payload
from distributor.channels.email.rendering import greeting, rendition
from distributor.domain import address, hashtags, person
from distributor.domain.errors import DistributorError
from distributor.domain.segments import parser as segments
from distributor.domain.tags import slugify
from distributor.importers import table
from distributor.mail.dkim import dns_record
from distributor.mail.smtp import server_rules
from distributor.rendering import measuring, url_extraction
from distributor.sources import decoding, tags, urls
from distributor.sources.formats import parse_manuscript
from distributor.web import conditional_get
from distributor.web.api import auth

# Characters.
SHORTEST, LONGEST = 10_000, 80_000
# Eight times the input takes eight times the time if it is linear, and 64 times if it is quadratic.
MOST = 24
# Below this the clock and the machine decide.
SHORTEST_SECONDS = 0.05


def _article(text: str, *, name: str, before: str = "") -> None:
    parse_manuscript((before + text).encode(), name=name)


def _csv(text: str) -> None:
    file = io.BytesIO(f"email,name\n{text}".encode())
    header = table.read_header(file)
    list(table.read_rows(table.CsvLines(file), header))


def _substitute(pattern: Any) -> Callable[[str], Any]:
    return partial(pattern.sub, "")


PARSERS: dict[str, tuple[Callable[[str], Any], tuple[str, ...]]] = {
    "front matter": (
        partial(_article, name="x.md", before="---\ntitle: a\nx: "),
        ("{", "[", "[1,", "- ", "a: b\n", "'", '"', "!!a ", "&a ", " "),
    ),
    "Markdown": (
        partial(_article, name="x.md", before="# T\n\n"),
        ("*a", "_a ", "[", "![", "](", "`a", "<a ", "> ", "- ", "|a", "\\", "&", "a\n", "<!--", "a@", "http://a."),
    ),
    "plain text": (
        partial(_article, name="x.txt", before="T\n\n"),
        ("a@", "a", " ", "- a\n", "a-\n", "(", "1. ", ". "),
    ),
    "normalized text": (decoding.normalize_text, ("\r", "\u200c", "\ufeff", " \n")),
    "tag line": (tags.read_tag_line, (",", "#", "#a ", "a, ", " ", "and ")),
    "links in text": (urls.linked_paragraph, ("http://", "www.", "a.", "(", ")", "a@", "/")),
    "URL extraction": (url_extraction.extract_urls, ("a.", "a", "http://a.", "xn--", "t.co/", "@a.", "-", "é.")),
    "weighted length": (measuring.weighted_length, ("a", "👍🏽", "http://a.com/", "\u200d", "a.com ")),
    "length at Mastodon": (measuring.mastodon_length, ("@a@b", "@a.", "http://a", "@a-")),
    "email address": (address.parse_address, ("a", "a.", "@", '"', '\\"', "a@b.")),
    "sender": (address.checked_sender, ("a ", "<", '"', '\\"', " ", "a@b")),
    "name": (person.clean_name, ("a", "a ", "'", " ", "\u202a")),
    "language": (person.clean_language, ("a-", "a", "-")),
    "slug": (slugify, ("a", "é", "'", "a\u0300", " ")),
    "hashtag": (hashtags.hashtag_of, ("a", "a ", "\u0300", "中")),
    "segment": (segments.parse, ("(", "not ", "tag = a and ", '"', "\\", "in (", "attributes.a.", "'a',")),
    "merge expressions": (
        lambda text: list(expressions.expressions_of(text, part="x")),
        ("{{ a }}", "{{", "{%", "{#", "{"),
    ),
    "spaces of a merge block": (_substitute(expressions._LEFT_SPACE), (" ", "\t", " \n", " x")),
    "empty lines of a merge block": (_substitute(expressions._EMPTY_LINES), (" ", "\n", "\n ", " \n")),
    "empty paragraphs": (_substitute(expressions._EMPTY_PARAGRAPH), ("<p ", "<p> ", "<p>", " ")),
    "paragraphs of marks": (_substitute(greeting._PARAGRAPH_OF_MARKS), ("<p ", "<p> ", "<br/>", " ")),
    "links in a mail": (_substitute(rendition._EXTERNAL_LINK), ("<a ", '<a href="', '<a href="http://', " ")),
    "addresses in a reply": (_substitute(api_client._ADDRESSES_AND_LINKS), ("a", "a@", "<", "http://", "@")),
    "addresses in an API text": (_substitute(auth._ADDRESS), ("a", "a@", "@", "<")),
    "web hook body": (lambda text: payload.parse_json(text.encode()), ('{"a":', "[", '"\\u0000",', "9", " ")),
    "CSV": (_csv, ('"', '""', "a,b\n", ",", '"a\n', "a")),
    "entity tags": (conditional_get._ENTITY_TAG.findall, ('W/"', '"', '"a",', "W/")),
    "accepted codings": (conditional_get._accepts_gzip, (",", "a;q=", " ", "a;", "q=0.")),
    "SMTP path": (lambda text: server_rules.read_sender(f"FROM:{text}"), ("<", "<a@", '<"', "a", " ", "\\")),
    "DKIM record": (dns_record.parse_tag_list, ("p=", "a;", " ", "=", "a=b;")),
}
CASES = [(name, unit) for name, (_, units) in PARSERS.items() for unit in units]


def seconds(parse: Callable[[str], Any], text: str) -> float:
    """The CPU time of one call, without garbage collection: that depends on what else is in memory."""
    gc.disable()
    try:
        before = time.process_time()
        # Refusing counts as well.
        with suppress(DistributorError, ValueError):
            parse(text)
        return time.process_time() - before
    finally:
        gc.enable()


@pytest.mark.parametrize(("name", "unit"), CASES)
def test_time_grows_as_the_input_does(name: str, unit: str) -> None:
    parse, _ = PARSERS[name]
    for end in ("", "x!"):
        short, long = (unit * (size // len(unit)) + end for size in (SHORTEST, LONGEST))
        # A busy machine may disturb one measurement, but hardly each of five.
        assert any(_is_linear(parse, short, long) for _ in range(5)), (name, unit, end)


def _is_linear(parse: Callable[[str], Any], short: str, long: str) -> bool:
    longest = seconds(parse, long)
    return longest <= SHORTEST_SECONDS or longest < MOST * max(seconds(parse, short), SHORTEST_SECONDS / MOST)
