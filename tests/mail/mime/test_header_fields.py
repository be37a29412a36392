"""Header fields, read back by three parsers: the standard library's two, and fast-mail-parser, which is not Python."""

from __future__ import annotations

import email
import re
from collections.abc import Callable
from email import policy
from email.header import decode_header, make_header
from email.headerregistry import Address as HeaderAddress
from email.headerregistry import AddressHeader, BaseHeader

import fast_mail_parser
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from distributor.domain.errors import InputError
from distributor.mail.address import Address, Mailbox
from distributor.mail.mime.header_fields import ascii_field, identity_field, mailbox_field, text_field, uri_field

CONTROLS = ["\r", "\n", "\r\nBcc: all@example.org", "\0", "\t", "\x1b", "\x7f", "\x85", "\u2028", "\u2029", "\ud800"]
ENCODED_WORD = re.compile(r"=\?utf-8\?[qb]\?[^? ]*\?=")

visible = st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"])
texts = st.one_of(
    st.text(visible, max_size=200),
    st.text(st.sampled_from('abc =?_"\\,<>é漢😀'), max_size=300),
    st.lists(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=90)).map(" ".join),
)


def parse(field: bytes, how: policy.Policy) -> email.message.Message:
    return email.message_from_bytes(field + b"Content-Type: text/plain\r\n\r\nx", policy=how)


def parsed_header(field: bytes, name: str) -> BaseHeader:
    """The header `name` as the standard library's modern parser reads it."""
    header = parse(field, policy.default)[name]
    assert isinstance(header, BaseHeader)
    return header


def addresses_in(field: bytes, name: str) -> tuple[HeaderAddress, ...]:
    header = parsed_header(field, name)
    assert isinstance(header, AddressHeader)
    return header.addresses


def lines_of(field: bytes) -> list[bytes]:
    assert field.endswith(b"\r\n")
    return field[:-2].split(b"\r\n")


def read_by_compat32(field: bytes, name: str) -> str:
    unfolded = re.sub(r"\r?\n(?=[ \t])", "", str(parse(field, policy.compat32)[name]))
    return str(make_header(decode_header(unfolded)))


@given(texts)
@example("x" * 500)
@example("=?utf-8?q?not_a_word?=")
@example(" spaces  at the ends ")
@example("")
@settings(deadline=None, derandomize=True)
def test_a_subject_comes_back_from_every_parser(text: str) -> None:
    field = text_field("Subject", text)
    subject = parsed_header(field, "Subject")
    assert subject == text
    assert subject.defects == ()
    assert read_by_compat32(field, "Subject") == text
    # This one may trim what it gives.
    assert fast_mail_parser.parse_email(field + b"\r\nx").subject.strip() == text.strip()


@given(texts)
@settings(deadline=None, derandomize=True)
def test_a_subject_keeps_to_the_lengths_of_the_standards(text: str) -> None:
    for line in lines_of(text_field("Subject", text)):
        assert len(line) <= 76
        assert line.strip() != b""
    for word in ENCODED_WORD.findall(text_field("Subject", text).decode()):
        assert len(word) <= 75


@given(st.text(st.sampled_from("é漢😀a "), min_size=30, max_size=200))
@settings(deadline=None, derandomize=True)
def test_no_character_is_cut_in_two_by_encoded_words(text: str) -> None:
    words = ENCODED_WORD.findall(text_field("Subject", f"é{text}").decode())
    assert "".join(raw.decode("utf-8") for word in words for raw, _ in decode_header(word)) == f"é{text}"


def test_a_plain_subject_stays_readable() -> None:
    assert text_field("Subject", "Ten questions about interns") == b"Subject: Ten questions about interns\r\n"


def test_a_long_plain_subject_is_folded_at_spaces() -> None:
    first, second = lines_of(text_field("Subject", "word " * 15 + "end"))
    assert first == b"Subject: word word word word word word word word word word word word word"
    assert second == b" word word end"


@given(st.text(visible, min_size=1, max_size=120).map(lambda name: " ".join(name.split())).filter(bool))
@example('Doe, "J." \\ Co')
@example("=?utf-8?q?Ann?=")
@example("a" * 200)
@example('"' * 60)
@example("word " * 40 + "end")
@settings(deadline=None, derandomize=True)
def test_the_name_of_a_sender_comes_back_from_every_parser(name: str) -> None:
    field = mailbox_field("From", [Mailbox(name, Address.parse("ann@example.org"))])
    sender = addresses_in(field, "From")[0]
    # The standard library (3.11) puts spaces between the encoded words of a name, against RFC 2047 section 6.2.
    assert "".join(sender.display_name.split()) == "".join(name.split())
    assert sender.addr_spec == "ann@example.org"
    assert read_by_compat32(field, "From").removesuffix(" <ann@example.org>") in (name, quoted(name))
    other = fast_mail_parser.parse_email(field + b"\r\nx").from_
    assert other is not None
    assert (other.display_name, other.address) == (name, "ann@example.org")
    assert all(len(line) <= 76 for line in lines_of(field))


def quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def test_several_mailboxes_are_told_apart() -> None:
    mailboxes = [Mailbox.parse(text) for text in ('"Doe, J" <j@example.org>', "k@example.org", "Zoë <z@example.org>")]
    found = addresses_in(mailbox_field("To", mailboxes), "To")
    assert [(one.display_name, one.addr_spec) for one in found] == [
        ("Doe, J", "j@example.org"),
        ("", "k@example.org"),
        ("Zoë", "z@example.org"),
    ]


def test_a_local_part_beyond_ascii_stands_as_utf8() -> None:
    assert mailbox_field("To", [Mailbox.parse("jörg@example.org")]) == "To: jörg@example.org\r\n".encode()


def test_the_domain_of_a_mailbox_is_never_encoded_as_a_word() -> None:
    field = mailbox_field("From", [Mailbox.parse("Müller <post@müller.example>")])
    assert field == b"From: =?utf-8?q?M=C3=BCller?= <post@xn--mller-kva.example>\r\n"


@pytest.mark.parametrize("length", [20, 60, 160, 900])
def test_an_unsubscribe_address_is_neither_encoded_nor_broken(length: int) -> None:
    uri = "https://example.org/unsubscribe/" + "t" * length
    assert uri_field("List-Unsubscribe", uri) == f"List-Unsubscribe: <{uri}>\r\n".encode()


@pytest.mark.parametrize(
    "uri", ["https://exämple.org/", "https://a b/", "https://a/>,<mailto:x@y", "/relative", "a:\r\nb:"]
)
def test_what_is_no_uri_is_refused(uri: str) -> None:
    with pytest.raises(InputError, match="List-Unsubscribe"):
        uri_field("List-Unsubscribe", uri)


def test_a_part_longer_than_a_line_of_mail_is_refused() -> None:
    with pytest.raises(InputError, match="998 bytes"):
        uri_field("List-Unsubscribe", "https://example.org/" + "t" * 1000)


def test_a_list_id_has_its_name_before_it() -> None:
    assert identity_field("List-Id", "Our News", "news.example.org") == b"List-Id: Our News <news.example.org>\r\n"


@pytest.mark.parametrize("control", CONTROLS)
def test_no_control_character_gets_through_any_field(control: str) -> None:
    bad = f"ab{control}cd"
    forged = object.__new__(Address)
    object.__setattr__(forged, "local", bad)
    object.__setattr__(forged, "domain", "example.org")
    good = Address.parse("a@example.org")
    attempts: list[Callable[[], bytes]] = [
        lambda: text_field("Subject", bad),
        lambda: mailbox_field("From", [Mailbox(bad, good)]),
        lambda: mailbox_field("From", [Mailbox("", forged)]),
        lambda: identity_field("List-Id", bad, "news.example.org"),
        lambda: identity_field("List-Id", "News", bad),
        lambda: uri_field("List-Unsubscribe", f"https://{bad}"),
        lambda: ascii_field("Date", bad),
        lambda: ascii_field(f"X-{bad}", "value"),
    ]
    for attempt in attempts:
        with pytest.raises(InputError):
            attempt()
