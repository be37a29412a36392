"""Parsers of what strangers send take time in proportion to its length, however it is made to hurt."""

from __future__ import annotations

import csv
import gc
import io
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from starlette.requests import Request

from distributor.channels.email import checks
from distributor.channels.email.delivery import api_client
from distributor.channels.email.personalization import expressions
from distributor.channels.email.providers import payload
from distributor.channels.email.providers.registry import providers
from distributor.channels.email.rendering import greeting, rendition
from distributor.channels.social import compose, post
from distributor.domain import address, hashtags, image_file, person, schedule
from distributor.domain.address import without_addresses
from distributor.domain.blocks import Code, Mark, Paragraph, Run
from distributor.domain.errors import DistributorError, InputError
from distributor.domain.masking import masked
from distributor.domain.segments import parser as segments
from distributor.domain.subscriber_import import ImportSettings
from distributor.domain.tags import slugify, tag_slug
from distributor.domain.tokens import Purpose, TokenSigner
from distributor.importers import table
from distributor.importers.columns import Importer
from distributor.importers.encoding import copy_as_utf8
from distributor.importers.reader import PeopleReader, detect_settings, scan_file
from distributor.importers.registry import JSONL, all_importers
from distributor.mail.address import Mailbox
from distributor.mail.dkim import dns_record
from distributor.mail.dns import dmarc, spf
from distributor.mail.records import mailboxes, maillog
from distributor.mail.smtp import server_rules
from distributor.mail.smtp.reply import SmtpReplyParser
from distributor.rendering import fitting, measuring, mjml, sanitize, url_extraction
from distributor.rendering.html import html_of
from distributor.rendering.text import text_of_blocks
from distributor.sources import decoding, tags, urls
from distributor.sources.formats import parse_manuscript
from distributor.sources.kinds import ghost_html, wordpress_html
from distributor.sources.kinds.mail_article import parse_mail, read_mail_article
from distributor.sources.kinds.posts import without_counters
from distributor.sources.pasted import format_of
from distributor.sources.reading_options import DEFAULT_OPTIONS
from distributor.web import client_ip, conditional_get
from tests.conftest import thorough
from tests.mail.dns.fake_dns import FakeDns

pytestmark = thorough

# Characters of the longer text: what takes long enough to be measured is made no longer.
LONG, LONGEST = 10_000, 80_000
LONG_ENOUGH_SECONDS = 0.1
# Eight times the input takes eight times the time if it is linear, and 64 times if it is quadratic.
TIMES = 8
MOST = 24
# Below this the clock and the machine decide.
SHORTEST_SECONDS = 0.05


def _article(text: str, *, name: str, before: str = "") -> None:
    parse_manuscript((before + text).encode(), name=name)


def _mailed(content_type: str) -> Callable[[str], Any]:
    """The article of a mail that is forwarded, with this text."""
    head = f"Subject: Fwd: a\r\nContent-Type: {content_type}\r\n\r\n"
    return lambda text: read_mail_article(parse_mail((head + text).encode()), options=DEFAULT_OPTIONS)


NOW = datetime(2026, 11, 29, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _little_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What may always be read again is a constant of seconds, below which time grows as it likes."""
    monkeypatch.setattr(table, "_ALWAYS_READ_AGAIN", 4096)


def _import(data: bytes, settings: ImportSettings) -> None:
    copy = io.BytesIO()
    copy_as_utf8([data], copy)
    detected = detect_settings(copy, settings, name="x")
    with suppress(InputError):
        scan_file(copy, detected, name="x")
    list(PeopleReader(copy, detected, name="x"))


def _csv(text: str) -> None:
    _import(f"email,name\n{text}".encode(), ImportSettings())


def _header(text: str) -> None:
    _import(f"email,{text}\na@example.org,b\n".encode(), ImportSettings(attributes_from_rest=True))


def _json_lines(text: str) -> None:
    _import(text.encode(), ImportSettings(format=JSONL))


def _cells_of(importer: Importer) -> Callable[[str], None]:
    """A reader of a file in this format, with the text in each of its columns in turn."""
    columns = {target: header for header, target in importer.columns.items()}
    header = [columns.pop("email"), *columns.values()]

    def read(text: str) -> None:
        file = io.StringIO()
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(
            ["a@example.org", *(text if other == place else "" for other in range(1, len(header)))]
            for place in range(1, len(header))
        )
        _import(file.getvalue().encode(), ImportSettings(format=importer.name))

    return read


def _file(read: Callable[[Path], Iterator[Any]]) -> Callable[[str], None]:
    def parse(text: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "x.eml"
            path.write_text(text, encoding="utf-8", newline="")
            list(read(path))

    return parse


def _postfix_log(text: str) -> None:
    before = "2026-11-29T09:00:00 mx postfix/"
    submitted = f"{before}cleanup[1]: 4F1C22A0B3: message-id=<a@b.example>\n"
    _file(lambda path: maillog.read_postfix_logs([path]))(f"{submitted}{before}smtp[1]: 4F1C22A0B3: {text}\n{text}")


def _spf(text: str) -> None:
    spf.evaluate_spf("a.example", FakeDns({"TXT a.example": [f"v=spf1 {text}"]}))


def _dmarc(text: str) -> None:
    dmarc.dmarc_record_at("a.example", FakeDns({"TXT _dmarc.a.example": [f"v=DMARC1; {text}"]}))


def _smtp_reply(text: str) -> None:
    parser = SmtpReplyParser()
    parser.feed(text.encode())
    while parser.next() is not None:
        pass


def _conditional(header: str) -> Callable[[str], Any]:
    shown = conditional_get.Representation.of(b"x" * 1000, media_type="text/html", cache_control="no-cache")

    def respond(text: str) -> None:
        request = Request({"type": "http", "headers": [(header.encode(), text.encode("latin-1", "replace"))]})
        conditional_get.conditional_response(request, shown, now=NOW)

    return respond


def _origin(text: str) -> None:
    request = Request({"type": "http", "headers": [(b"origin", text.encode("latin-1", "replace"))]})
    client_ip.foreign_origin(request, "https://news.example")


def _image_file(text: str) -> None:
    image_file.read_image_file(text.encode("latin-1"))


def _style_sheet(text: str) -> None:
    templates = cast("Any", SimpleNamespace(render=lambda *_: text))
    rendition._style_rules(templates, "x", {})


def _mjml(text: str) -> None:
    inside = f"<mj-section><mj-column><mj-text>{text}</mj-text></mj-column></mj-section>"
    mjml.html_of_mjml(f'<mjml lang="en" dir="ltr"><mj-body>{inside}</mj-body></mjml>', template="x")


def _blocks(render: Callable[..., str]) -> Callable[[str], Any]:
    def parse(text: str) -> None:
        runs = (Run(text), Run(text, marks=frozenset({Mark.CODE})), Run("a", href=text))
        render([Paragraph(runs), Code(text=text, language=text)])

    return parse


def _thread(text: str) -> None:
    fitting.split_thread(text, limit=280, measure=measuring.weighted_length)


def _fit(text: str) -> None:
    fitting.fit(text, limit=280, measure=measuring.weighted_length)


def _beginnings(text: str) -> None:
    for _, _ in zip(fitting.beginnings(text), range(3), strict=False):
        pass


def _responses(text: str) -> None:
    for provider in providers().values():
        with suppress(DistributorError, ValueError):
            api_client.classify_response(provider, api_client.Response(400, {}, text.encode()), now=NOW)


def _substitute(pattern: Any) -> Callable[[str], Any]:
    return partial(pattern.sub, "")


PARSERS: dict[str, tuple[Callable[[str], Any], tuple[str, ...]]] = {
    "front matter": (
        partial(_article, name="x.md", before="---\ntitle: a\nx: "),
        ("{", "[", "[1,", "- ", "a: b\n", "'", '"', "!!a ", "&a ", " "),
    ),
    "Markdown": (
        partial(_article, name="x.md", before="# T\n\n"),
        (
            *("*a", "_a ", "[", "![", "](", "`a", "<a ", "> ", "- ", "|a", "\\", "&", "a\n", "<!--", "a@", "http://a."),
            *("x {{< foo ", 'x {{< foo "', "{% foo ", "{% raw %} ", "{{< highlight go >}}\n\n"),
        ),
    ),
    "address in Markdown": (partial(_article, name="x.md", before="# T\n\n[x]("), ("a .b ",)),
    "reference in Markdown": (partial(_article, name="x.md", before="# T\n\n{{<ref "), ("a",)),
    "MDX": (partial(_article, name="x.mdx", before="# T\n\n<A x="), ("{", "{a ", "<A x={", '{"')),
    "first line of front matter": (partial(_article, name="x.md", before="---\n"), (" ", "a ", '"', "a\t", "-")),
    "plain text": (
        partial(_article, name="x.txt", before="T\n\n"),
        (
            "a@",
            "a",
            " ",
            "- a\n",
            "a-\n",
            "(",
            "1. ",
            ". ",
            "a) b\n",
            "a\tb\n",
            "> ",
            "✓ a\n✗ b\n",
            "By A ",
            "A, 2026 ",
        ),
    ),
    "normalized text": (decoding.normalize_text, ("\r", "\u200c", "\ufeff", " \n")),
    "image file": (_image_file, ("<!-- -->", "<!--", "<?xml ", " ", "<svg ", "<svg viewBox='", "1 ", "\xff\xd8\xff")),
    "tag line": (tags.read_tag_line, (",", "#", "#a ", "a, ", " ", "and ")),
    "links in text": (urls.linked_paragraph, ("http://", "www.", "a.", "(", ")", "a@", "/")),
    "URL extraction": (url_extraction.extract_urls, ("a.", "a", "http://a.", "xn--", "t.co/", "@a.", "-", "é.")),
    "weighted length": (measuring.weighted_length, ("a", "👍🏽", "http://a.com/", "\u200d", "a.com ")),
    "length at Mastodon": (measuring.mastodon_length, ("@a@b", "@a.", "http://a", "@a-")),
    "email address": (address.parse_address, ("a", "a.", "@", '"', '\\"', "a@b.")),
    "sender": (address.checked_sender, ("a ", "<", '"', '\\"', " ", "a@b", "(", ":")),
    "name": (person.clean_name, ("a", "a ", "'", " ", "\u202a")),
    "language": (person.clean_language, ("a-", "a", "-")),
    "slug": (slugify, ("a", "é", "'", "a\u0300", " ")),
    "slug of a tag": (tag_slug, ("a", "+", "#", "-", ".", " ", "🍕", "\u200c", "a- ")),
    "hashtag": (hashtags.hashtag_of, ("a", "a ", "\u0300", "中", "+", "d'", "& ", "\u200c", ".a")),
    "time": (
        lambda text: schedule.parse_local_time(text, zone="UTC", now=NOW),
        ("1h", "+1h", "+", "1", "2026-", " ", ":", "/", "a", "GMT+"),
    ),
    "token": (
        partial(TokenSigner(b"a key that is only good for tests").read, Purpose.CLICK),
        ("a", "-", "_", "A=", "~"),
    ),
    "thread": (
        _thread,
        (
            "a",
            "a ",
            "A. ",
            "A.\n\n",
            '"',
            ".'",
            "}",
            "。",
            "中",
            "#a",
            "@a@b",
            "a.com ",
            "http://a",
            " ",
            "\n",
            "👍",
            "e\u0301",
        ),
    ),
    "fitted text": (
        _fit,
        ("a", "a ", "A. ", '"', ".'", "}", "。", ",", "#a", "a.com ", "http://a", " ", "👍🏽", "A.\n"),
    ),
    "beginnings": (_beginnings, ("A. ", "。", '"', ".'", "}", "e.g. ", " ", "\n", "a")),
    "text of a post": (compose.tidy, (" ", "\n", " \n", "\u0300", "a")),
    "spans of a post": (post.spans_of, ("#a", "#a http://a.com ", "#", "http://a", "&#", "_", "@a")),
    "MJML": (
        _mjml,
        (
            "<b>x</b>\n",
            "\n",
            " ",
            "&#233;",
            "<b>",
            "<br/>",
            "a",
            '<b a="1" />',
            "é",
            "<p>\n\n",
            "x</b>",
            '="a"',
            "@@a@@",
        ),
    ),
    "HTML of blocks": (_blocks(html_of), ("a", "<", "&", '"', "\n", " ", "@@", "://", "<br>", "\u202e")),
    "text of blocks": (_blocks(text_of_blocks), ("a", "a ", "\n", " ", "中", "\t", "“", "\u0300", "(")),
    "link target": (sanitize.link_target, ("http:", "//", "../", "\n", "%", "[", "@", "?", "a/")),
    "merge fields of other programs": (
        checks._MERGE_FIELD.findall,
        ("{{", "{%", "{", "{{ a", "}}", "%}", "*|a", "*|", "{{%"),
    ),
    "HTML of WordPress": (
        wordpress_html.plain_html,
        (
            *(
                "[a ",
                "[a b=c ",
                '[a "',
                "[a]",
                "[/a]",
                "[a_",
                "<div>",
                "<p>",
                '<p class="wp-caption-text">',
                "<code>[a_]",
            ),
            *('<ul class="blocks-gallery-grid"><li>', "<noscript><img src=a>", '<img data-srcset="a 1w, ">', "a, "),
        ),
    ),
    "HTML of Ghost": (
        ghost_html.plain_html,
        (
            *('<div class="kg-callout-card">', '<div class="kg-callout-card"></div>', '<p class="kg-bookmark-card">'),
            *('<div class="kg-file-card"><div class="kg-file-card-title">a</div></div>', "<div class=kg-audio-card>a"),
        ),
    ),
    "style sheet": (_style_sheet, (" ", "a", "a {", "{", "}", "a {b}", " \n", ";", "a{;}")),
    "Retry-After": (partial(api_client.retry_after, now=NOW), ("9", "1.", "e", "Mon, ", ":", "-", "+", " 1")),
    "response of a provider's API": (
        _responses,
        (
            "account",
            "MessageRejected ",
            "domain ",
            '{"message":"',
            "a@",
            "http://",
            "550 5.1.1 ",
            "fail",
            "max",
            "mailbox ",
        ),
    ),
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
    "addresses in a text": (without_addresses, ("a", "a@", "@", "<", "%40", "a%40")),
    "masked addresses": (masked, ("a", "a@", "@", "<", "%40", "a%40", "a@%40 ")),
    "format of a pasted text": (
        format_of,
        ("[a](", "![](", "[", "**a", "**a ", "__a ", "(__a", "[a](b (", "|---", "- --"),
    ),
    "web hook body": (lambda text: payload.parse_json(text.encode()), ('{"a":', "[", '"\\u0000",', "9", " ")),
    "CSV": (_csv, ('"', '""', "a,b\n", ",", '"a\n', "a", 'a","b\n', '""\n', "\r", "\r\n")),
    "header of a CSV": (_header, ("a,", "-", " ", "a", '"a",', "'", "_", "1", ":", "(")),
    "JSON lines": (_json_lines, ('{"email":', "[", "{", '{"a":1}\n', "9", '"\\', "\n", '{"email":"a@b.example"}\n')),
    "encoding": (
        lambda text: copy_as_utf8([text.encode("latin-1", "replace")], io.BytesIO()),
        ("\xe9", "a\xe9", "\x80", "\xc3", "\r", "\xff\xfe"),
    ),
    **{
        f"cells of {name}": (_cells_of(importer), ("'", '"', ",", "a", "[", '{"a":', "9", "=", "+", "a@", "-", "T"))
        for name, importer in all_importers().items()
    },
    "If-None-Match": (_conditional("if-none-match"), ('W/"', '"', ",", "*")),
    "If-Modified-Since": (_conditional("if-modified-since"), ("1 ", "Mon, ", ":", "+", "(", "a", " ", "-", "9", ",")),
    "Accept-Encoding": (_conditional("accept-encoding"), ("gzip;q=", ",", ";", " ", "*", "gzip,")),
    "Origin": (_origin, ("http://", "a.", ":", "[", "/")),
    "entity tags": (conditional_get._ENTITY_TAG.findall, ('W/"', '"', '"a",', "W/")),
    "accepted codings": (conditional_get._accepts_gzip, (",", "a;q=", " ", "a;", "q=0.")),
    "SMTP path": (lambda text: server_rules.read_sender(f"FROM:{text}"), ("<", "<a@", '<"', "a", " ", "\\")),
    "SMTP reply": (_smtp_reply, ("250-a\r\n", "550 5.1.1 a\r\n", "4", "250-", "\r\n", "550-5.1.1 ", "\n")),
    "mailbox": (Mailbox.parse, ("a ", " ", "<", '"', "\\", "a@", "<a@b.example>")),
    "SPF": (
        _spf,
        ("ip4:192.0.2.1 ", "a:", "+", "/", "a/", "=", "redirect=", "exists:%{", " ", "a.", "x:a ", "include:a "),
    ),
    "DMARC": (_dmarc, ("p=none;", ";", " ", "=", "a=", "p", "rua=mailto:a@b;")),
    "Postfix log": (
        _postfix_log,
        (
            "to=<",
            "status=sent ",
            "status=sent (queued as ",
            "queued as ",
            " postfix/a/",
            " postfix-",
            "[1]: ",
            "<",
            "=",
        ),
    ),
    "header of a mail record": (
        _file(lambda path: mailboxes.read_folder(path.parent)),
        ("To: a@", "To: a@b.example\n", "To: ", ", ", "<", '"', "(", "\\", " a\n", ":", "Message-ID: <a@b>\n"),
    ),
    "addressees of a mail record": (
        lambda text: _file(lambda path: mailboxes.read_folder(path.parent))(f"Message-ID: <a@b.example>\nTo: {text}"),
        ("a@b.example, ", ",", "<", '"', "(", "a ", ":", ";", "\\", "\n "),
    ),
    "mbox": (_file(mailboxes.read_mbox), ("From ", "From a\n", "\nFrom a\n\n", ">From ", "To: a\n", "a")),
    "Message-IDs": (_file(mailboxes.read_message_ids), ("<a@b.example>\n", "a@", "<", '"', ",", "a", "\n")),
    "text of a mail": (
        _mailed("text/plain"),
        (
            "From: a\n",
            "From: a\n\n",
            "Subject: a\n",
            "Begin forwarded message:\n",
            "- ",
            "> a\n",
            "On Monday a wrote:\n",
            "on a wrote ",
            "____",
            "-- ",
            "\n",
        ),
    ),
    "HTML of a mail": (
        _mailed("text/html"),
        (
            "<p>From: a</p>",
            "<p>From: a</p><p>Subject: a</p>",
            "<p>Begin forwarded message:</p>",
            "<blockquote type=cite>a</blockquote>",
            "<div id=divRplyFwdMsg>a</div>",
            "<img src=cid:a>",
            "<p><a href=https://a.example/>unsubscribe</a></p>",
            "<p>view a ",
            "<td>Von:</td>",
        ),
    ),
    "post of a thread": (
        lambda text: without_counters([f"<p>{text}</p>", f"<p>{text}</p>"]),
        (" ", "<br>", "1/", "</p>", "(1/2", "<br"),
    ),
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
    for begin, end in (("", ""), ("", "x!"), ('"a@b.example', "x!")):
        length = LONG if _takes_long(parse, begin + unit * (LONG // len(unit)) + end) else LONGEST
        short, long = (begin + unit * (size // len(unit)) + end for size in (length // TIMES, length))
        # A busy machine may disturb one measurement, but hardly each of five.
        assert any(_is_linear(parse, short, long) for _ in range(5)), (name, unit, begin, end)


def _takes_long(parse: Callable[[str], Any], text: str) -> bool:
    # The first call may import modules.
    return all(seconds(parse, text) > LONG_ENOUGH_SECONDS for _ in range(2))


def _is_linear(parse: Callable[[str], Any], short: str, long: str) -> bool:
    longest = seconds(parse, long)
    return longest <= SHORTEST_SECONDS or longest < MOST * max(seconds(parse, short), SHORTEST_SECONDS / MOST)
