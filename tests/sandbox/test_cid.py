"""Content identifiers, against values that other implementations give."""

from __future__ import annotations

import base64
import hashlib

import pytest

from distributor.sandbox.bluesky.cid import cid_of_blob, cid_of_record, encode, is_cid


def test_known_contents_have_their_known_identifiers() -> None:
    assert cid_of_record({}) == "bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua"
    assert cid_of_blob(b"") == "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "00"),
        (23, "17"),
        (24, "1818"),
        (1000, "1903e8"),
        (-1, "20"),
        (18446744073709551615, "1bffffffffffffffff"),
        (True, "f5"),
        (None, "f6"),
        ("ü", "62c3bc"),
        ([1, [2]], "82018102"),
        ({"bb": 1, "a": 2, "c": 3}, "a3616102616303626262" + "01"),
        ({"$bytes": "AQI"}, "420102"),
    ],
    ids=str,
)
def test_values_are_encoded_as_rfc_8949_has_them(value: object, expected: str) -> None:
    assert encode(value).hex() == expected


def test_a_link_is_encoded_as_a_tagged_identifier() -> None:
    blob = cid_of_blob(b"content")
    binary = b"\x01\x55\x12\x20" + hashlib.sha256(b"content").digest()
    assert encode({"$link": blob}) == bytes.fromhex("d82a5825") + b"\x00" + binary
    assert base64.b32decode(blob[1:].upper() + "=" * 6) == binary


@pytest.mark.parametrize(
    "value", [0.5, 2**64, {"$link": "not base32!"}, object()], ids=["fraction", "too large", "no link", "no JSON"]
)
def test_what_the_data_model_lacks_is_an_error(value: object) -> None:
    with pytest.raises(ValueError):
        encode(value)


@pytest.mark.parametrize("text", ["", "bafy", "z" * 59, "b" + "a" * 58, 7])
def test_what_is_no_identifier_is_recognised(text: object) -> None:
    assert not is_cid(text)
    assert is_cid(cid_of_blob(b"a"))
