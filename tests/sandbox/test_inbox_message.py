"""Parsing mails, including malformed ones."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.sandbox.inbox_message import open_links_in_new_tab, parse_message, replace_content_ids


def test_headers_are_decoded() -> None:
    letter = parse_message(
        b"From: =?utf-8?q?Gr=C3=BC=C3=9Fe?= <a@b.example>\r\nTo: c@d.example\r\n"
        b"Subject: =?utf-8?b?w7xiZXI=?=\r\n =?utf-8?b?IHVucw==?=\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\n\r\nHi\r\n"
    )
    assert (letter.sender, letter.sender_name) == ("Grüße <a@b.example>", "Grüße")
    assert letter.subject == "über uns"
    assert (letter.recipient, letter.date) == ("c@d.example", "Sun, 22 Nov 2026 10:00:00 +0000")


@pytest.mark.parametrize(
    ("html", "preheader"),
    [
        ("<p>One</p><p>two</p>", "One two"),
        (
            "<head><title>T</title><style>x{}</style></head><body><!-- c --><div>Seen\u200c\u00ad\u034f first</div>",
            "Seen first",
        ),
        ("<!--[if mso]><p>Office</p><![endif]--><p>All</p>", "All"),
        ("<p>" + "word " * 100 + "</p>", ("word " * 28)),
    ],
    ids=["blocks", "unseen", "conditional", "long"],
)
def test_the_preheader_is_the_first_words_of_the_html(html: str, preheader: str) -> None:
    letter = parse_message(b"Content-Type: text/html; charset=utf-8\r\n\r\n" + html.encode())
    assert letter.preheader == preheader


def test_without_html_the_preheader_comes_from_the_text() -> None:
    assert parse_message(b"Subject: a\r\n\r\nFirst\r\nsecond\r\n").preheader == "First second"


def test_an_unknown_charset_is_read_as_well_as_can_be() -> None:
    letter = parse_message(b"Content-Type: text/plain; charset=klingon\r\nSubject: =?klingon?q?a?=\r\n\r\nHi \xff\r\n")
    assert letter.text == "Hi \ufffd\r\n"
    assert letter.subject == "=?klingon?q?a?="


@pytest.mark.parametrize(
    ("unsubscribe", "post", "expected"),
    [
        ("<https://a.example/u>", "List-Unsubscribe=One-Click", "https://a.example/u"),
        ("<mailto:a@b.example>, <https://a.example/u>", "List-Unsubscribe=One-Click", "https://a.example/u"),
        ("<https://a.example/u>", "", ""),
        ("<https://a.example/u>, <https://a.example/v>", "List-Unsubscribe=One-Click", ""),
        ("<javascript:alert(1)>", "List-Unsubscribe=One-Click", ""),
        ("https://a.example/u", "List-Unsubscribe=One-Click", ""),
    ],
)
def test_leaving_with_one_click_needs_both_headers_and_one_address(unsubscribe: str, post: str, expected: str) -> None:
    letter = parse_message(f"List-Unsubscribe: {unsubscribe}\r\nList-Unsubscribe-Post: {post}\r\n\r\nHi".encode())
    assert letter.one_click == expected


def test_parts_are_called_by_their_content_id() -> None:
    html = '<img src="cid:A@b"><img src=\'cid:other\'><p style="background:url(cid:a@b)">'
    assert (
        replace_content_ids(html, {"a@b": "/1"})
        == '<img src="/1"><img src=\'cid:other\'><p style="background:url(/1)">'
    )


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<!DOCTYPE html>\n<html lang='en'><head><title>a", "<!DOCTYPE html>\n<html lang='en'><head>BASE<title>a"),
        ("<html><body>a", "<html>BASE<body>a"),
        ("<p>a</p>", "BASE<p>a</p>"),
        ("", "BASE"),
    ],
)
def test_links_open_outside_and_the_doctype_stays_first(html: str, expected: str) -> None:
    assert open_links_in_new_tab(html) == expected.replace("BASE", '<base target="_blank">')


@settings(derandomize=True, deadline=None, max_examples=200)
@given(
    st.binary(max_size=200)
    | st.lists(
        st.sampled_from(
            [
                b"Content-Type: multipart/mixed; boundary=x\r\n",
                b"Content-Type: text/html; charset=utf-16\r\n",
                b"Content-Transfer-Encoding: base64\r\n",
                b"Subject: =?utf-8?b?!!!?=\r\n",
                b"\r\n",
                b"--x\r\n",
                b"--x--\r\n",
                b"<p",
                b"\xff\xfe",
                b"YWJj\r\n",
            ]
        ),
        max_size=12,
    ).map(b"".join)
)
def test_any_bytes_can_be_read(content: bytes) -> None:
    parse_message(content)
