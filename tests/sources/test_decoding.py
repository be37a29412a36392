from __future__ import annotations

import random
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from distributor.domain.errors import SourceError
from distributor.sources.decoding import MAX_BYTES, decode, normalize_text
from tests.paths import SHARED

FRENCH = "L’été à la campagne\n\nNous avons été très heureux de voir les élèves français à l’école.\n"
RUSSIAN = "Садоводство для всех\n\nМы очень рады видеть вас здесь. Погода сегодня хорошая, и мы пойдём в сад.\n"
EMOJI_FAMILY = "👩\u200d👩\u200d👧"
PERSIAN = "می\u200cخواهم"
CHINESE = "这本书很好,我们今天一起去公园看花。天气很好,大家都很高兴。\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_is_read_with_and_without_a_byte_order_mark(encoding: str) -> None:
    decoded = decode(FRENCH.encode(encoding), path="a.txt")

    assert (decoded.text, decoded.warnings) == (FRENCH, ())


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_read_in_either_order_of_bytes(encoding: str) -> None:
    assert decode(f"\ufeff{FRENCH}".encode(encoding), path="a.txt").text == FRENCH


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (FRENCH, "windows-1252"),
        (RUSSIAN, "windows-1251"),
        (RUSSIAN, "koi8-r"),
        (CHINESE, "gb18030"),
    ],
)
def test_an_older_encoding_is_detected_with_a_warning(text: str, encoding: str) -> None:
    decoded = decode(text.encode(encoding), path="a.txt")

    assert decoded.text == text
    assert decoded.warnings == (f"not in UTF-8; read as {encoding}: check accents and quotation marks",)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [(FRENCH, "utf-16-le"), (RUSSIAN, "utf-16-be"), ("最後の渡し船は夜に出ました。", "iso2022_jp")],
)
def test_wide_characters_are_read_without_a_byte_order_mark(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding), path="a.txt").text == text


def test_a_short_western_text_is_read_as_windows_1252() -> None:
    assert decode("Café “Zoë”".encode("cp1252"), path="a.txt").text == "Café “Zoë”"


def test_an_encoding_that_cannot_be_detected_is_refused_and_not_guessed() -> None:
    with pytest.raises(SourceError, match=r"^a\.txt: not in UTF-8, and the encoding cannot be detected"):
        decode(b"one \xfe\x81\xff\x8d two \x90\xff\xc1\x80\x9d three \xf5\xa0\xff\x8f\n", path="a.txt")


def test_another_encoding_that_is_nearly_as_likely_is_named() -> None:
    decoded = decode("Bůh a kůl a vůl".encode("cp1250"), path="a.txt")

    assert decoded.warnings == (
        "not in UTF-8; read as windows-1250 (it may be windows-1252): check accents and quotation marks",
    )


@pytest.mark.parametrize("name", ["fi_latin-1", "sv_latin-1", "hu_cp1250", "pl_iso8859-2"])
@pytest.mark.skipif(not SHARED.exists(), reason="needs the example inputs beside the repository")
def test_the_example_articles_are_read_right(name: str) -> None:
    folder = SHARED / "data" / "cases" / "enc"
    decoded = decode((folder / f"article_{name}.txt").read_bytes(), path="a.txt")

    assert decoded.text == (folder / f"article_{name}.expected-utf8.txt").read_text(encoding="utf-8")


def test_damaged_utf_8_is_refused_with_its_line() -> None:
    damaged = "Élan vital\n\nDéjà v".encode() + b"\xc3" + " et après".encode()

    with pytest.raises(SourceError, match="damaged UTF-8") as caught:
        decode(damaged, path="a.txt")

    assert caught.value.line == 3


def test_a_wrong_byte_order_mark_is_refused() -> None:
    with pytest.raises(SourceError, match="starts with the byte order mark of utf-16-le but is not valid"):
        decode(b"\xff\xfeodd", path="a.txt")


@pytest.mark.parametrize("data", [b"", b"\n \t\n", b"\xef\xbb\xbf", "\u200b\u00a0\n".encode()])
def test_a_file_without_text_is_empty(data: bytes) -> None:
    with pytest.raises(SourceError, match="empty"):
        decode(data, path="a.txt")


def test_a_file_with_nul_bytes_is_binary() -> None:
    with pytest.raises(SourceError, match="not text: contains NUL bytes"):
        decode(b"PK\x03\x04\0\0 and so on", path="a.txt")


def test_a_file_of_control_characters_is_binary() -> None:
    with pytest.raises(SourceError, match="not text: mostly control characters"):
        decode(b"\x01\x02\x03\x04 four of nine", path="a.txt")


def test_random_bytes_are_refused() -> None:
    data = random.Random(7).randbytes(4096).replace(b"\0", b"\x01")

    with pytest.raises(SourceError):
        decode(data, path="a.txt")


def test_a_few_control_characters_are_removed_with_a_warning() -> None:
    decoded = decode(b"A line with a \x07bell and a \x1b[0mcolour.", path="a.txt")

    assert decoded.text == "A line with a bell and a [0mcolour."
    assert decoded.warnings == ("2 control characters were removed",)


def test_a_huge_file_is_refused() -> None:
    with pytest.raises(SourceError, match="larger than 5 MB"):
        decode(b"a" * (MAX_BYTES + 1), path="a.txt")


def test_a_file_of_the_largest_size_is_read() -> None:
    assert len(decode(b"a" * MAX_BYTES, path="a.txt").text) == MAX_BYTES


@pytest.mark.parametrize(
    ("written", "normalized"),
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
        (EMOJI_FAMILY, EMOJI_FAMILY),
        ("❤️\u200d🔥", "❤️\u200d🔥"),
        (PERSIAN, PERSIAN),
        ("“quotes” – and … stay", "“quotes” – and … stay"),
    ],
)
def test_a_text_is_normalized(written: str, normalized: str) -> None:
    assert normalize_text(written) == normalized


@given(st.text(alphabet=st.characters(exclude_categories=())))
@settings(deadline=None, derandomize=True)
def test_a_normalized_text_is_in_nfc_and_valid_in_xml(text: str) -> None:
    normalized = normalize_text(text)

    assert unicodedata.is_normalized("NFC", normalized)
    element = etree.Element("text")
    element.text = normalized
    assert (etree.fromstring(etree.tostring(element)).text or "") == normalized


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from("\u200d\u200c\u200b\r\n\u0301e\u00a0\u2029"))))
@settings(deadline=None, derandomize=True)
def test_normalizing_twice_changes_nothing_more(text: str) -> None:
    assert normalize_text(normalize_text(text)) == normalize_text(text)
