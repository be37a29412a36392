"""No mail, however broken or hostile, stops the reading; and what is no bounce never becomes one by being broken."""

from __future__ import annotations

import random
import re
from base64 import encodebytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.mail.bounces import ReportKind, read_inbound_report
from distributor.mail.bounces.classify import normalize_text, reason_of_phrase
from distributor.mail.bounces.formats.delivery_status import parse_delivery_status
from distributor.mail.bounces.formats.transcript import parse_recipient_lines, parse_session
from distributor.mail.bounces.notice import cut_original
from distributor.mail.bounces.reports import MAX_RECIPIENTS
from distributor.mail.mime.decoding import decode_header_text, decode_text, decode_transfer_encoding, html_to_text
from distributor.mail.mime.received_message import MAX_MESSAGE_BYTES, parameter, parse_message

from .mails import expectations, raw

ALL = [file for file, _, _ in expectations()]
SNIPPETS = [
    b"\n\n",
    b"\n--b0undary\n",
    b"\n--b0undary--\n",
    b"Content-Type: multipart/mixed; boundary=x\n\n--x\n",
    b"Content-Type: message/delivery-status\n\n",
    b"Content-Transfer-Encoding: base64\n",
    b"Content-Type: text/plain; charset=utf-16\n",
    b"Final-Recipient: rfc822; a@b\nAction: failed\n",
    b"Diagnostic-Code: smtp;\n",
    b"From MAILER-DAEMON x\nFrom: mailer-daemon\n\n",
    b"<<< 550",
    b">>> DATA\n",
    b'{"notificationType":"Bounce","bounce":{"bouncedRecipients":[{}]}}',
    b"\x00\xff\xfe\x1b$B",
    b"=?utf-8?B?====?=",
    b"<a@b>:\n",
]

# Of what most patterns are made, so that many of them begin to match everywhere.
WORDS = (
    b"user recipient mailbox account address is was are not been unknown found does have the from sender ip host server"
    b" blocked rejected by message mail too many size limit exceeds over quota full invalid domain name reverse dns"
).split()


@given(st.lists(st.one_of(st.binary(max_size=80), st.sampled_from(SNIPPETS)), max_size=30))
@settings(deadline=None, derandomize=True, max_examples=100)
def test_any_octets_can_be_read(pieces: list[bytes]) -> None:
    found = read_inbound_report(b"".join(pieces))
    assert (found.kind is ReportKind.OTHER) == (not found.recipients)


@pytest.mark.parametrize("file", ALL)
def test_a_mail_with_accidents_can_be_read(file: str) -> None:
    chance = random.Random(file)
    mail = raw(file)
    for _ in range(25):
        broken = bytearray(mail)
        for _ in range(chance.randint(1, 6)):
            at = chance.randrange(len(broken) + 1)
            broken[at : at + chance.choice((0, 1, 20, 300))] = chance.choice((*SNIPPETS, b"", b"\n", broken[:200]))
        found = read_inbound_report(bytes(broken))
        assert (found.kind is ReportKind.OTHER) == (not found.recipients)


@pytest.mark.parametrize("file", [file for file, kind, _ in expectations() if kind != "bounce"])
def test_cutting_never_turns_another_mail_into_a_bounce(file: str) -> None:
    mail = raw(file)
    assert ReportKind.BOUNCE not in {read_inbound_report(mail[:end]).kind for end in range(0, len(mail), 7)}


@given(st.text(max_size=300))
@settings(deadline=None, derandomize=True)
def test_the_words_of_a_person_are_no_bounce(words: str) -> None:
    mail = f"From: Ann <ann@example.net>\nTo: news@example.org\nSubject: Re: News\n\n{words}\n".encode()
    assert read_inbound_report(mail).kind is not ReportKind.BOUNCE


@pytest.mark.parametrize(
    "mail",
    [
        b"",
        b"\n" * 100_000,
        b"a" * 300_000,
        b"a: " * 100_000,
        b"a@" * 100_000,
        b"<" * 200_000,
        b"From: mailer-daemon\nSubject: returned mail\n\n" + b"<a@b.example>: 550 user unknown\n" * 10_000,
        b"From: mailer-daemon\nSubject: returned mail\n\n" + b"the user " * 20_000,
        b"From: mailer-daemon\nSubject: returned mail\n\nann@example.net\n" + b"mailbox has exceeded " * 20_000,
        b"From: mailer-daemon\nSubject: returned mail\nContent-Type: text/html\n\n" + b"<!--<style><p" * 20_000,
        b"Content-Type: multipart/mixed; boundary=b\n\n"
        + b"--b\nContent-Type: multipart/mixed; boundary=b\n\n" * 5_000,
        b"Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n"
        + b"Final-Recipient: rfc822; a@b.example\nAction: failed\n\n" * 10_000,
        b"Subject: " + b"=?utf-8?q?" * 20_000,
        b"Subject: x\n\n" + b'{"notificationType":' + b"[" * 100_000,
        b"From MAILER-DAEMON\nA:\n" * 20_000,
        b"From: mailer-daemon\nSubject: returned mail\n\n<a@b.example>: " + b" ".join(WORDS * 2_000),
        b"From: mailer-daemon\nSubject: returned mail\n\n<a@b.example>: " + b" ".join(sorted(WORDS) * 2_000),
        b"From: mailer-daemon\nSubject: returned mail\n\n" + b"_\t \n" * 100_000 + b"user",
    ],
    ids=range(18),
)
def test_a_hostile_mail_is_read_within_bounds(mail: bytes) -> None:
    found = read_inbound_report(mail)
    assert len(found.recipients) <= MAX_RECIPIENTS


def test_a_mail_of_any_length_is_read_no_further_than_the_limit() -> None:
    mail = raw("dsn-postfix-two-recipients.eml")
    assert read_inbound_report(mail + b"x" * (3 * MAX_MESSAGE_BYTES)) == read_inbound_report(mail)
    assert len(parse_message(b"Subject: x\n\n" + b"y" * (3 * MAX_MESSAGE_BYTES)).body) <= MAX_MESSAGE_BYTES


@given(st.text(max_size=400))
@settings(deadline=None, derandomize=True)
def test_any_text_can_be_taken_apart(text: str) -> None:
    before, after = cut_original(text)
    assert (before in text, after in text) == (True, True)
    parse_delivery_status(text)
    parse_session(text)
    parse_recipient_lines(text)
    html_to_text(text)
    parameter(text, "boundary")
    reason_of_phrase(normalize_text(text))


@given(st.binary(max_size=300), st.text(max_size=30))
@settings(deadline=None, derandomize=True)
def test_any_octets_have_a_text_whatever_they_claim_to_be(octets: bytes, claim: str) -> None:
    decode_text(octets, claim)
    decode_header_text(octets)
    for encoding in ("base64", "quoted-printable", claim):
        decode_transfer_encoding(octets, encoding)


def test_a_charset_is_a_charset_and_not_just_any_codec() -> None:
    assert decode_text(b"uryyb", "rot13") == "uryyb"
    assert decode_text(b"\\x41", "unicode_escape") == "\\x41"
    assert decode_text("Müller".encode("latin-1"), "no-such-charset") == "Müller"
    assert decode_text("宛先".encode("iso2022_jp"), "ISO-2022-JP") == "宛先"
    assert decode_text("宛先".encode("euc_jp"), "iso-2022-jp") == "宛先"


def encoded(mail: bytes) -> bytes:
    """The same with its texts and its report in base64, as some gateways pass them on."""
    pieces = mail.split(b"\n--b0undary")
    for at, piece in enumerate(pieces):
        head, blank, body = piece.partition(b"\n\n")
        if at and blank and (b"text/plain" in head or b"delivery-status" in head):
            pieces[at] = head + b"\nContent-Transfer-Encoding: base64\n\n" + encodebytes(body)
    return b"\n--b0undary".join(pieces)


@pytest.mark.parametrize("file", ["dsn-postfix-two-recipients.eml", "dsn-sendmail-transcript.eml", "dsn-delay.eml"])
def test_a_report_reads_the_same_however_it_came(file: str) -> None:
    mail = raw(file)
    plain = read_inbound_report(mail)
    assert plain.recipients
    assert b"delivery-status" in mail
    assert encoded(mail) != mail
    assert read_inbound_report(encoded(mail)) == plain
    assert read_inbound_report(mail.replace(b"\n", b"\r")) == plain
    assert read_inbound_report(re.sub(rb";\s*boundary=\S+", b"", mail)) == plain
    assert read_inbound_report(re.sub(rb"boundary=\"?\w+", b'boundary="another', mail)) == plain


def test_a_report_that_a_gateway_wrapped_is_read() -> None:
    outer = b"From: postmaster@example.net\nSubject: Failed\nContent-Type: multipart/mixed; boundary=wrap\n\n--wrap\n"
    inner = raw("dsn-postfix-two-recipients.eml")
    wrapped = outer + b"Content-Type: message/rfc822\n\n" + inner + b"\n--wrap--\n"
    assert read_inbound_report(wrapped) == read_inbound_report(inner)
    assert read_inbound_report(wrapped.replace(b"postmaster@", b"ann@", 1)).kind is ReportKind.OTHER
