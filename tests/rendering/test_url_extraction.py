"""The URLs that X links, held against twitter-text's own cases."""

from __future__ import annotations

import gc
import html
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.rendering.measuring import mastodon_length, url_spans, weighted_length
from distributor.rendering.url_extraction import extract_urls, top_level_domains
from tests.rendering.conformance import cases_of, conformance_cases

# Valid URLs that X does not link, or not to their end: what a validator permits is more than what a text suggests.
LINKED_OTHERWISE = {
    "Valid url: port and userinfo": "no host may be preceded by an at sign, lest mail addresses become links",
    "Valid url: ipv4": "an IP address has no top-level domain",
    "Valid url: ipv6": "an IP address has no top-level domain",
    "Valid url: sub delims and question marks": "a plus sign at the end of a query is the sentence's",
}


def urls_in(text: str) -> list[str]:
    return [url.url for url in extract_urls(text)]


@pytest.mark.parametrize("case", conformance_cases("extract.yml", "urls", "tco_urls_with_params"))
def test_urls_are_those_of_twitter_text(case: dict[str, Any]) -> None:
    assert urls_in(case["text"]) == case["expected"]


@pytest.mark.parametrize("case", conformance_cases("extract.yml", "urls_with_indices", "urls_with_directional_markers"))
def test_urls_are_where_twitter_text_finds_them(case: dict[str, Any]) -> None:
    found = [{"url": url.url, "indices": [url.start, url.end]} for url in extract_urls(case["text"])]
    assert found == case["expected"]


@pytest.mark.parametrize("case", conformance_cases("autolink.yml", "urls"))
def test_urls_with_a_protocol_are_those_that_twitter_text_links(case: dict[str, Any]) -> None:
    linked = [html.unescape(url) for url in re.findall('<a href="([^"]*)"', case["expected"])]
    assert [url.url for url in extract_urls(case["text"]) if url.has_protocol] == linked


@pytest.mark.parametrize("group", ["country", "generic"])
def test_every_top_level_domain_that_twitter_text_knows_makes_a_link(group: str) -> None:
    cases = cases_of("tlds.yml", group)
    assert [urls_in(case["text"]) for case in cases] == [case["expected"] for case in cases]


@pytest.mark.parametrize("case", conformance_cases("validate.yml", "urls", "urls_without_protocol"))
def test_only_valid_urls_are_linked_as_a_whole(case: dict[str, Any]) -> None:
    linked = urls_in(case["text"]) == [case["text"]]
    assert linked == (case["expected"] and case["description"] not in LINKED_OTHERWISE)


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("קראו באתרexample.comעוד היום", ["example.com"]),
        ("וגםhttps://example.org/a/b?c=ד", ["https://example.org/a/b?c="]),
        ("בכתובת https://שלום123.co.il/דף ועוד", ["https://שלום123.co.il/"]),
        ("https://2ספרים.co.il", ["https://2ספרים.co.il"]),
        ("example.co.il, www.example.org.il.", ["example.co.il", "www.example.org.il"]),
        ("اقرأ فيexample.com/pathالآن", ["example.com/path"]),
        ("https://موقع2.com/x و https://موقع.قطر", ["https://موقع2.com/x", "https://موقع.قطر"]),
        ("موقعنا:https://example.org/a،وشكرا", ["https://example.org/a"]),
        ("\u200fexample.com\u200f \u202bhttps://example.org\u202c", ["example.com", "https://example.org"]),
    ],
)
def test_urls_are_found_in_hebrew_and_arabic(text: str, urls: list[str]) -> None:
    assert urls_in(text) == urls


@pytest.mark.parametrize(
    "url",
    ["example.web", "https://example.music/a", "example.ישראל", "https://example.アマゾン/", "http://a.example.亚马逊"],
)
def test_top_level_domains_newer_than_2021_are_known(url: str) -> None:
    assert urls_in(f"see {url} now") == [url]


def test_internationalised_top_level_domains_are_known_in_unicode() -> None:
    assert {"みんな", "中国", "рф", "বাংলা", "vermögensberatung"} <= top_level_domains()
    assert not any(name.startswith("xn--") for name in top_level_domains())


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("Ends.There and example.comment", []),
        ("ftp://example.org and mailto:me@example.org", []),
        ("http://EXAMPLE.COM:8080/A?b=c#d!", ["http://EXAMPLE.COM:8080/A?b=c#d"]),
        ("example.com?a=b", ["example.com"]),
        ("example.com:80/a?b=c.", ["example.com:80/a?b=c"]),
        ("sub_domain.example.org", ["domain.example.org"]),
        ("https://" + "a" * 63 + ".com", ["https://" + "a" * 63 + ".com"]),
        ("https://" + "a" * 64 + ".com", []),
        ("https://ä" + "a" * 60 + ".com", []),
        ("https://example.com/" + "a" * 4060, ["https://example.com/" + "a" * 4060]),
        ("https://example.com/" + "a" * 4080, []),
        ("a." * 100 + "com", ["a." * 100 + "com"]),
        # twitter-text's JavaScript takes the sentence for a label that is too long, its Java finds the host in it.
        ("とても長い文" * 20 + "example.com", ["example.com"]),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_text_has_these_urls(text: str, urls: list[str]) -> None:
    assert urls_in(text) == urls


_pieces = [
    *(
        "http://",
        "HTTPS://",
        "example",
        "com",
        "co",
        "t.co/abc",
        "xn--p1ai",
        "みんな",
        "日本",
        "é",
        "שלום",
        "موقع",
        "рф",
    ),
    *(".", ".", ".", "-", "_", "/", "?", "=", "#", "@", "$", "(", ")", ",", "!", "。", "–", " ", "\u200f", "\ufeff"),
]


@settings(deadline=None, derandomize=True)
@given(text=st.lists(st.sampled_from(_pieces), max_size=20).map("".join))
def test_urls_are_apart_in_order_and_as_in_the_text(text: str) -> None:
    place = 0
    for url in extract_urls(text):
        assert place <= url.start < url.end <= len(text)
        assert url.url == text[url.start : url.end]
        assert url.has_protocol == url.url.lower().startswith(("http://", "https://"))
        place = url.end


@settings(deadline=None, derandomize=True)
@given(
    before=st.sampled_from(["", " ", "(", "“", "日", "ש", "ع", "\u200f", ",", "!"]),
    url=st.sampled_from(
        ["https://example.org", "https://例え.jp/a_(b)", "example.com/a", "https://שלום.co.il/?a=b", "t.co"]
    ),
    after=st.sampled_from(["", " ", ")", "”", ".", ",", "…", "日", "ש", "ع", "\u200f", "。"]),
)
def test_a_url_is_found_whatever_it_touches(before: str, url: str, after: str) -> None:
    assert urls_in(f"{before}{url}{after}") == [url]


_PATTERNS = """
    . a 日 a. 日. a-_. a.com. a.com日 日_ ._a.com xn--. a.xn--. éa日.comé http:// http://a.com http://日. @a. @a ? !
    a.com/( a.com/(a)! (a( /((a) a.com? https://a.com/,b.com, 👩\u200d 🇦 🏴\U000e0067 1\ufe0f \u202a.
"""


@pytest.mark.parametrize("measure", [url_spans, weighted_length, mastodon_length])
@pytest.mark.parametrize("pattern", _PATTERNS.split())
def test_the_time_grows_with_the_length_of_the_text(pattern: str, measure: Callable[[str], object]) -> None:
    # Both are longer than any URL, of which the length is not counted.
    short, long = (f"http://a.com/{pattern * (length // len(pattern))}.com" for length in (4_500, 18_000))
    # Linear growth is 4, that with the square 16; on a busy machine a comparison may fail.
    assert any(fastest(measure, long) / fastest(measure, short) < 10 for _ in range(5))


def fastest(measure: Callable[[str], object], text: str) -> float:
    """The shortest of several times, in seconds of this process: what else the machine does is not counted."""
    gc.disable()
    try:
        return min(seconds(measure, text) for _ in range(2))
    finally:
        gc.enable()


def seconds(measure: Callable[[str], object], text: str) -> float:
    start = time.process_time()
    measure(text)
    return time.process_time() - start
