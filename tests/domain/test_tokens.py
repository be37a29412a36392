from __future__ import annotations

import base64
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.domain.tokens import Claim, Purpose, Stem, TokenSigner

SIGNER = TokenSigner(b"sixteen bytes or more of a secret")
IDS = st.integers(min_value=0, max_value=2**63 - 1)
NUMBERS = st.integers(min_value=0, max_value=2**31)
PURPOSES = st.sampled_from(list(Purpose))


@given(purpose=PURPOSES, delivery_id=IDS, number=NUMBERS)
@settings(deadline=None, derandomize=True)
def test_a_token_says_what_it_was_minted_for(purpose: Purpose, delivery_id: int, number: int) -> None:
    token = SIGNER.mint(purpose, delivery_id, number)

    assert SIGNER.read(purpose, token) == Claim(delivery_id, number)
    assert token == SIGNER.mint(purpose, delivery_id, number)
    assert token.replace("-", "").replace("_", "").isalnum()
    assert len(token) <= 64


@given(purpose=PURPOSES, other=PURPOSES, delivery_id=IDS)
@settings(deadline=None, derandomize=True)
def test_a_token_is_good_for_no_other_purpose(purpose: Purpose, other: Purpose, delivery_id: int) -> None:
    claim = SIGNER.read(other, SIGNER.mint(purpose, delivery_id))

    assert (claim is not None) == (other is purpose)


def test_every_flipped_bit_is_noticed() -> None:
    raw = _decode(SIGNER.mint(Purpose.CLICK, 123_456, 7))

    for bit in range(len(raw) * 8):
        damaged = bytearray(raw)
        damaged[bit // 8] ^= 1 << bit % 8
        assert SIGNER.read(Purpose.CLICK, _encode(bytes(damaged))) is None


def test_a_token_that_is_cut_or_lengthened_is_noticed() -> None:
    token = SIGNER.mint(Purpose.OPEN, 99)

    assert all(SIGNER.read(Purpose.OPEN, token[:length]) is None for length in range(len(token)))
    assert all(SIGNER.read(Purpose.OPEN, token + more) is None for more in ("A", "AA", "AAAA", "=", " ", "\n", "é"))


def test_only_the_one_canonical_spelling_is_a_token() -> None:
    token = next(token for number in range(200, 700) if "-" in (token := SIGNER.mint(Purpose.CLICK, number)))
    spellings = [token[:-1] + sign for sign in string.ascii_letters + string.digits + "-_"]
    twins = [spelling for spelling in spellings if _decode(spelling) == _decode(token) and spelling != token]

    assert twins
    for twin in [*twins, token.replace("-", "+"), token + "=" * (-len(token) % 4 or 4)]:
        assert SIGNER.read(Purpose.CLICK, twin) is None
    assert SIGNER.read(Purpose.CLICK, token) is not None


def test_padding_a_number_makes_no_second_token() -> None:
    """A varint may be written with idle bytes; such a body has no valid MAC of ours."""
    raw = _decode(SIGNER.mint(Purpose.CLICK, 5, 0))

    assert SIGNER.read(Purpose.CLICK, _encode(raw[:1] + b"\x85\x00\x00" + raw[3:])) is None


@given(st.text(max_size=80))
@settings(deadline=None, derandomize=True)
def test_nothing_made_up_is_a_token(text: str) -> None:
    assert all(SIGNER.read(purpose, text) is None for purpose in Purpose)


@given(purpose=PURPOSES, other=PURPOSES, delivery_id=IDS)
@settings(deadline=None, derandomize=True)
def test_a_token_in_an_address_survives_a_change_of_case(purpose: Purpose, other: Purpose, delivery_id: int) -> None:
    token = SIGNER.mint_for_address(purpose, delivery_id)

    assert set(token) <= set(string.ascii_lowercase + "234567")
    assert len(token) <= 37
    assert SIGNER.read_from_address(purpose, token.upper()) == Claim(delivery_id, 0)
    assert (SIGNER.read_from_address(other, token) is not None) == (other is purpose)


def test_a_damaged_token_in_an_address_is_noticed() -> None:
    token = SIGNER.mint_for_address(Purpose.BOUNCE, 123_456)
    damaged = [
        token[:place] + sign + token[place + 1 :]
        for place in range(len(token))
        for sign in "abcdefghijklmnopqrstuvwxyz234567"
        if sign != token[place]
    ]

    for wrong in [*damaged, token[:-1], token + "a", token + "=", "", "é" * 20, "a" * 65]:
        assert SIGNER.read_from_address(Purpose.BOUNCE, wrong) is None


def test_another_key_makes_other_tokens() -> None:
    other = TokenSigner(b"another secret of sixteen bytes")

    assert other.read(Purpose.VIEW, SIGNER.mint(Purpose.VIEW, 1)) is None


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 16 bytes"):
        TokenSigner(b"fifteen bytes..")


def test_a_negative_number_is_refused() -> None:
    with pytest.raises(ValueError, match="no negative number"):
        SIGNER.mint(Purpose.OPEN, -1)


def _decode(token: str) -> bytes:
    return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


@given(stems=st.lists(st.builds(Stem, PURPOSES, NUMBERS), max_size=5), delivery_id=IDS)
@settings(deadline=None, derandomize=True)
def test_tokens_minted_together_are_those_minted_apart(stems: list[Stem], delivery_id: int) -> None:
    minted = [token.decode() for token in SIGNER.mint_all(stems, delivery_id)]

    assert minted == [SIGNER.mint(stem.purpose, delivery_id, stem.number) for stem in stems]
