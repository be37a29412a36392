"""Statuses as HTML, as Mastodon writes it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import html

from distributor.sandbox.mastodon.text import as_html, as_spans


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one\ntwo\n\n\nthree", "<p>one<br />two</p><p>three</p>"),
        ("a < b & c", "<p>a &lt; b &amp; c</p>"),
        (
            "#Größe",
            '<p><a href="http://s.test/tags/größe" class="mention hashtag" rel="tag">#<span>Größe</span></a></p>',
        ),
        ("#1 or a#b or /#c", "<p>#1 or a#b or /#c</p>"),
        ("plain example.com", "<p>plain example.com</p>"),
        (
            "לאתרhttps://example.org/א",
            '<p>לאתר<a href="https://example.org/" target="_blank" rel="nofollow noopener" translate="no">'
            '<span class="invisible">https://</span><span class="">example.org/</span><span class="invisible"></span>'
            "</a>א</p>",
        ),
        (
            "https://www.example.com/a?b=1&c=2",
            '<p><a href="https://www.example.com/a?b=1&amp;c=2" target="_blank" rel="nofollow noopener" '
            'translate="no"><span class="invisible">https://www.</span><span class="">example.com/a?b=1&amp;c=2'
            '</span><span class="invisible"></span></a></p>',
        ),
        (
            "http://example.com/0123456789/0123456789/0123",
            '<p><a href="http://example.com/0123456789/0123456789/0123" target="_blank" rel="nofollow noopener" '
            'translate="no"><span class="invisible">http://</span><span class="ellipsis">'
            'example.com/0123456789/0123456</span><span class="invisible">789/0123</span></a></p>',
        ),
    ],
    ids=lambda value: value[:16],
)
def test_a_status_becomes_html(text: str, expected: str) -> None:
    assert as_html(text, "http://s.test") == expected


@settings(derandomize=True, deadline=None)
@given(st.lists(st.sampled_from([*"ab #@<>&\"'.:/\n😀é", "https://example.com"]), max_size=60).map("".join))
def test_no_word_is_lost_or_added_by_links(text: str) -> None:
    shown = "".join(map(str, html.fromstring(f"<div>{as_html(text, 'http://s.test')}</div>").itertext()))
    assert "".join(shown.split()) == "".join(text.split())


def test_spans_leave_out_the_scheme_and_the_tail_of_a_link() -> None:
    [words, link, tag] = as_spans("See https://example.com/0123456789/0123456789/0123 #Now", "/m")[:2] + as_spans(
        "#Now", "/m"
    )
    assert (words.text, words.target) == ("See ", None)
    assert link.text == "example.com/0123456789/0123456…"
    assert link.target == "https://example.com/0123456789/0123456789/0123"
    assert (tag.text, tag.target) == ("#Now", "/m/tags/now")
