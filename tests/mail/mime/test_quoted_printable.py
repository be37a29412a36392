"""Quoted-printable stretches put together."""

from __future__ import annotations

import quopri

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.mail.mime.quoted_printable import encode_last_segment, encode_segment

stretches = st.lists(
    st.text(st.sampled_from("ab =.._\n\t\0é漢"), max_size=200) | st.text(st.characters(exclude_categories=["Cs"])),
    min_size=1,
    max_size=6,
).map(lambda parts: [part.replace("\r", "") for part in parts])


def join(parts: list[str]) -> bytes:
    return b"".join(map(encode_segment, parts[:-1])) + encode_last_segment(parts[-1])


@given(stretches)
@settings(deadline=None, derandomize=True)
def test_stretches_decode_to_their_texts_one_after_another(parts: list[str]) -> None:
    assert quopri.decodestring(join(parts)).replace(b"\r\n", b"\n") == "".join(parts).encode()


@given(stretches)
@settings(deadline=None, derandomize=True)
def test_lines_keep_to_76_characters_and_end_with_nothing_that_gets_lost(parts: list[str]) -> None:
    for line in join(parts).split(b"\r\n"):
        assert len(line) <= 76
        assert not line.endswith((b" ", b"\t"))
        assert not line.startswith(b".")
        assert b"\r" not in line
        assert b"\n" not in line


def test_a_stretch_of_exactly_a_line_leaves_room_for_the_soft_break() -> None:
    assert encode_segment("x" * 75) == b"x" * 75 + b"=\r\n"
    assert encode_segment("x" * 76) == b"x" * 75 + b"=\r\nx=\r\n"


@pytest.mark.parametrize("dots", [".", "." * 20, "." * 75, "." * 80, "." * 76 + "x" * 76])
def test_dots_that_begin_a_line_are_hidden_and_come_out_again(dots: str) -> None:
    encoded = join([dots, f"\n{dots}", f"\n{dots}\n{dots}"])
    assert not any(line.startswith(b".") or len(line) > 76 for line in encoded.split(b"\r\n"))
    assert quopri.decodestring(encoded) == "\n".join([dots] * 4).encode().replace(b"\n", b"\r\n")
    assert not encoded.endswith(b"=\r\n")


def test_a_stretch_that_ends_a_line_needs_no_soft_break() -> None:
    assert encode_segment("line\n") == b"line\r\n"
