"""What may be given as an encoding: the labels of the Encoding Standard, and Python's names for the same encodings."""

from __future__ import annotations

import codecs

import pytest

from distributor.domain.encodings.labels import CODECS, find_encoding
from distributor.domain.errors import InputError


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("utf8", "utf-8"),
        (" UTF-8 ", "utf-8"),
        ("latin1", "windows-1252"),
        ("ISO-8859-1", "windows-1252"),
        ("us-ascii", "windows-1252"),
        ("cp1252", "windows-1252"),
        ("Windows-1250", "windows-1250"),
        ("x-cp1251", "windows-1251"),
        ("iso-8859-9", "windows-1254"),
        ("latin5", "windows-1254"),
        ("l2", "iso-8859-2"),
        ("iso88592", "iso-8859-2"),
        ("iso-8859-11", "windows-874"),
        ("logical", "iso-8859-8-i"),
        ("mac", "macintosh"),
        ("mac_roman", "macintosh"),
        ("cp866", "ibm866"),
        ("gb2312", "gbk"),
        ("sjis", "shift_jis"),
        ("windows-31j", "shift_jis"),
        ("cp949", "euc-kr"),
        ("big5-hkscs", "big5"),
        ("unicode", "utf-16le"),
        ("utf-16", "utf-16le"),
    ],
)
def test_a_label_leads_to_its_encoding(label: str, name: str) -> None:
    assert find_encoding(label) == name


@pytest.mark.parametrize("name", CODECS)
def test_each_encoding_is_found_by_its_own_name_and_that_of_its_codec(name: str) -> None:
    assert find_encoding(name) == name
    assert CODECS[find_encoding(codecs.lookup(CODECS[name]).name)] == CODECS[name]


@pytest.mark.parametrize(
    "label", ["klingon", "base64", "rot13", "idna", "\0", "utf-7", "cp437", "hz", "x-user-defined", ""]
)
def test_what_is_not_in_the_standard_is_refused_with_what_is(label: str) -> None:
    with pytest.raises(InputError, match=r"is not an encoding; give a label of the WHATWG Encoding Standard: utf-8, "):
        find_encoding(label)
