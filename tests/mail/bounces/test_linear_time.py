"""The time of every parser that reads inbound mail grows linearly with inputs made to hurt.

Not seconds are compared but the CPU times of one parser on small and large inputs of one kind.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from distributor.mail.bounces import read_inbound_report
from distributor.mail.bounces.address_search import find_address, find_addresses, mask_addresses
from distributor.mail.bounces.classify import normalize_text, reason_of_phrase
from distributor.mail.bounces.formats.delivery_status import parse_delivery_status
from distributor.mail.bounces.formats.plain_text import blocks_by_recipient
from distributor.mail.bounces.formats.transcript import parse_recipient_lines, parse_session
from distributor.mail.bounces.notice import cut_original
from distributor.mail.bounces.reply_text import find_command, find_host, find_reply_code, find_status
from distributor.mail.bounces.reports import MAX_RECIPIENTS
from distributor.mail.mime.decoding import decode_header_text, decode_text, decode_transfer_encoding, html_to_text
from distributor.mail.mime.quoted_printable import encode_last_segment, encode_segment
from distributor.mail.mime.received_message import parameter, parse_message, split_header
from tests.conftest import thorough

pytestmark = thorough

SIZES = (10_000, 20_000, 40_000, 80_000)
# Eight times the input takes a linear parser 8 times as long, a quadratic one 64 times.
MAX_RATIO = 24
# Shorter times are those of the clock and of the machine.
SHORTEST_SECONDS = 0.002
ATTEMPTS = 4

UNITS = {
    "groups": "Final-Recipient: rfc822; ann@example.net\nAction: failed\nStatus: 5.1.1\n\n",
    "numbered groups": "Final-Recipient: rfc822; r{}@example.net\nAction: failed\nDiagnostic-Code: smtp; 550 no\n\n",
    "folded field": " x y z\n  x y\n",
    "blank lines": "\n",
    "blanks": "\t \n",
    "letters": "a",
    "half addresses": "a@",
    "quotation marks": '"a" "',
    "angle brackets": "<",
    "recipients": "<ann@example.net>: 550 user unknown\n",
    "numbered recipients": "<r{}@example.net>: 550 user unknown\n",
    "transcript": ">>> RCPT TO\n<<< 550 no\n... while talking to a.b.c.\n",
    "conclusions": "550 5.1.1 <a@b.example>... no\n",
    "deferred": "Deferred: a\n",
    "codes": "550 5.1. 4.1.1 550 5.1.1 ",
    "header": "From: a\nTo: b\n\n",
    "fields": "A: b;\nA: b\n",
    "original": "----- Below this line is a copy of the message Original message follows\n",
    "words": "the user mailbox account address recipient is was not been unknown found does have ",
    "limits": "mailbox has exceeded the quota of too many messages per hour size limit connections ",
    "tags": "<!--<style><p <a>&amp;&#1;&",
    "encoded words": "=?utf-8?q?a?= =?utf-8?q?",
    "equals signs": "= =\t=",
    "delimiters": "--b\nContent-Type: multipart/mixed; boundary=b\n\n--b\n",
    "json": '{"notificationType":"Bounce","bounce":{"bouncedRecipients":[{}',
    "parameters": '; a=b;  ;a="',
    "mbox": "From MAILER-DAEMON\nA:\nBegin forwarded message:\n> From: mailer-daemon\n",
    "links": "https://spamhaus.http://a.b.c.d/",
    "quotes of servers": "Remote host said: The response was: a said: 550 delivered because of: error message: [",
    "dots": ".\n..",
    **{f"a word of {part!r}": part for part in ("max", "fail", "deliver", "exceeded", "authenticat", "unsub", "limit")},
    "tabs": "\t",
}


def hurtful(unit: str, size: int) -> str:
    """A text of that length, of one piece again and again; a number makes the pieces different."""
    if "{}" not in unit or unit.startswith("{"):
        return (unit * (size // len(unit) + 1))[:size]
    return "".join(unit.format(number) for number in range(size // len(unit)))


def encoded(parse: Callable[[bytes], object]) -> Callable[[str], object]:
    return lambda text: parse(text.encode())


PARSERS: dict[str, Callable[[str], object]] = {
    "delivery status": parse_delivery_status,
    "session": parse_session,
    "recipient lines": parse_recipient_lines,
    "original": cut_original,
    "blocks": lambda text: blocks_by_recipient([f"r{number}@example.net" for number in range(MAX_RECIPIENTS)], text),
    "address": find_address,
    "addresses": find_addresses,
    "masked addresses": mask_addresses,
    "phrases": lambda text: reason_of_phrase(normalize_text(text)),
    "status": find_status,
    "reply code": find_reply_code,
    "command": find_command,
    "host": find_host,
    "html": html_to_text,
    "header text": encoded(decode_header_text),
    "charset": encoded(lambda data: decode_text(data, "iso-2022-jp")),
    "quoted-printable": encoded(lambda data: decode_transfer_encoding(data, "quoted-printable")),
    "base64": encoded(lambda data: decode_transfer_encoding(data, "base64")),
    "quoted-printable encoder": encode_segment,
    "quoted-printable encoder of an end": encode_last_segment,
    "parameter": lambda text: parameter(text, "boundary"),
    "header": encoded(split_header),
    "message": encoded(parse_message),
}

DAEMON = "From: mailer-daemon@mx.example\nSubject: returned mail\nAuto-Submitted: auto-replied\n"
MAILS = {
    "header": "From: mailer-daemon@mx.example\nSubject: {}",
    "notice": DAEMON + "\n{}",
    "report": DAEMON + "Content-Type: multipart/report; boundary=x\n\n--x\nContent-Type: text/plain\n\n{}\n--x\n"
    "Content-Type: message/delivery-status\n\n{}\n--x--\n",
    "parts": DAEMON + "Content-Type: multipart/mixed; boundary=b\n\n{}",
    "forwarded": "Subject: Fwd: Undeliverable\n\nBegin forwarded message:\n> From: mailer-daemon\n{}",
    "recipient": DAEMON + "\nUndeliverable\n  ann@example.net{}x\n",
    "person": "From: a@b.example\nSubject: Re: News\n\n{}",
}


def grows_linearly(parse: Callable[[str], object], unit: str) -> bool:
    """Whether the largest input takes at most MAX_RATIO times as long as the smallest; the best of some attempts."""
    texts = [hurtful(unit, size) for size in SIZES]
    parse(texts[0])
    best = [float("inf")] * len(SIZES)
    for _ in range(ATTEMPTS):
        for number, text in enumerate(texts):
            begin = time.process_time()
            parse(text)
            best[number] = min(best[number], time.process_time() - begin)
        if best[-1] <= MAX_RATIO * max(best[0], SHORTEST_SECONDS):
            return True
    return False


@pytest.mark.parametrize("name", PARSERS)
def test_a_parser_grows_linearly(name: str) -> None:
    assert [kind for kind, unit in UNITS.items() if not grows_linearly(PARSERS[name], unit)] == []


@pytest.mark.parametrize("name", MAILS)
def test_reading_a_mail_grows_linearly(name: str) -> None:
    def read(text: str) -> object:
        return read_inbound_report(MAILS[name].replace("{}", text).encode())

    assert [kind for kind, unit in UNITS.items() if not grows_linearly(read, unit)] == []


def test_a_quadratic_parser_would_be_noticed() -> None:
    def read(text: str) -> object:
        return [text[at:] in text for at in range(0, len(text), 40)]

    assert not grows_linearly(read, "a")


def test_of_many_groups_only_so_many_are_classified() -> None:
    many = read_inbound_report(MAILS["report"].replace("{}", hurtful(UNITS["numbered groups"], 80_000)).encode())
    repeated = read_inbound_report(MAILS["report"].replace("{}", hurtful(UNITS["groups"], 80_000)).encode())
    assert (len(many.recipients), len(repeated.recipients)) == (MAX_RECIPIENTS, 1)
