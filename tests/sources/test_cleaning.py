from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from distributor.sources.decoding import clean

FAMILY = "👩\u200d👩\u200d👧"
PERSIAN = "می\u200cخواهم"


@pytest.mark.parametrize(
    ("written", "cleaned"),
    [
        ("a\r\nb\rc\u2028d\x0be\x0cf", "a\nb\nc\nd\ne\nf"),
        ("a\u2029b", "a\n\nb"),
        ("10\u00a0km", "10 km"),
        ("a\tb", "a\tb"),
        ("zero\u200bwidth\ufeff\u2060", "zerowidth"),
        ("e\u0301", "é"),
        ("e\u200d\u0301", "é"),
        ("x\x00\x08\x1fy\x7f\x80\ufffe\ud800z", "xyz"),
        ("Latin\u200d and space \u200cx", "Latin and space x"),
        (FAMILY, FAMILY),
        ("❤️\u200d🔥", "❤️\u200d🔥"),
        (PERSIAN, PERSIAN),
        ("“quotes” – and … stay", "“quotes” – and … stay"),
    ],
)
def test_a_text_is_cleaned(written: str, cleaned: str) -> None:
    assert clean(written) == cleaned


@given(st.text(alphabet=st.characters(exclude_categories=())))
@settings(deadline=None, derandomize=True)
def test_a_clean_text_is_composed_and_fits_into_xml(text: str) -> None:
    cleaned = clean(text)

    assert unicodedata.is_normalized("NFC", cleaned)
    element = etree.Element("text")
    element.text = cleaned
    assert (etree.fromstring(etree.tostring(element)).text or "") == cleaned


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from("\u200d\u200c\u200b\r\n\u0301e\u00a0\u2029"))))
@settings(deadline=None, derandomize=True)
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    assert clean(clean(text)) == clean(text)
