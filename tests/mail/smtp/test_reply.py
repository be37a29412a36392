"""Replies out of bytes."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.mail.smtp.reply import SmtpReply, SmtpReplyParser, SmtpSessionError

WIRE = b"250-one\r\n250-2.1.0 two\n250 three\r\n354\r\n550-5.1.1 No\r\n550 5.1.1 such user\r\n"
REPLIES = [
    SmtpReply(250, ("one", "2.1.0 two", "three")),
    SmtpReply(354, ("",)),
    SmtpReply(550, ("5.1.1 No", "5.1.1 such user")),
]


def read_all(chunks: list[bytes]) -> list[SmtpReply]:
    reader = SmtpReplyParser()
    found: list[SmtpReply] = []
    for chunk in chunks:
        reader.feed(chunk)
        while (reply := reader.next()) is not None:
            found.append(reply)
    return found


@given(st.sets(st.integers(1, len(WIRE) - 1)))
@settings(deadline=None, derandomize=True)
def test_replies_are_the_same_however_their_bytes_are_cut(cuts: set[int]) -> None:
    places = [0, *sorted(cuts), len(WIRE)]
    assert read_all([WIRE[start:end] for start, end in pairwise(places)]) == REPLIES


def test_the_words_of_a_reply_hold_its_enhanced_code_once_and_first() -> None:
    reply = REPLIES[2]
    assert (reply.text, reply.enhanced_status, str(reply)) == ("5.1.1 No such user", "5.1.1", "550 5.1.1 No such user")


def test_a_reply_without_an_enhanced_code_has_none() -> None:
    assert SmtpReply(550, ("10.0.0.1 is listed",)).enhanced_status is None


def test_control_characters_in_a_reply_become_spaces() -> None:
    assert read_all([b"550 a\x1b[31mb\0c\xff\r\n"]) == [SmtpReply(550, ("a [31mb c\ufffd",))]


@pytest.mark.parametrize(
    "wire",
    [
        b"\r\n",
        b"hello\r\n",
        b"25 ok\r\n",
        b"2500 ok\r\n",
        b"150 ok\r\n",
        b"650 ok\r\n",
        b"250-ok\r\n550 no\r\n",
        b"HTTP/1.1 400 Bad Request\r\n",
        b"\x15\x03\x01\x00\x02\r\n",
        b"2" * 10000,
        b"250 " + b"x" * 10000 + b"\r\n",
        b"250-more\r\n" * 1000,
    ],
)
def test_what_is_no_reply_breaks_the_session(wire: bytes) -> None:
    with pytest.raises(SmtpSessionError):
        read_all([wire])


@given(st.binary(max_size=200))
@settings(deadline=None, derandomize=True)
def test_any_bytes_are_replies_or_break_the_session(wire: bytes) -> None:
    try:
        found = read_all([wire])
    except SmtpSessionError:
        return
    assert all(200 <= reply.code < 600 and reply.text.isprintable() for reply in found)
