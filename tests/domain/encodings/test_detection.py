"""The encoding of a list of people: told for certain, or asked for, and never taken wrongly."""

from __future__ import annotations

import random
import unicodedata

import pytest

from distributor.domain.encodings.detection import ByteWords, likely_readings
from distributor.domain.encodings.labels import CODECS
from tests.domain.encodings.names import NAMES

PAIRS = [(language, encoding) for language, (_, encodings) in NAMES.items() for encoding in encodings]


def readings_of(data: bytes) -> list[str]:
    words = ByteWords()
    words.add(data)
    return [reading.encoding for reading in likely_readings(words.found())]


def encoded(text: str, encoding: str) -> bytes:
    """The text in this encoding; in Vietnamese, tones are characters of their own."""
    if encoding != "windows-1258":
        return text.encode(CODECS[encoding])
    return b"".join(_with_tone(char) for char in text)


def _with_tone(char: str) -> bytes:
    try:
        return char.encode("cp1258")
    except UnicodeEncodeError:
        letter, *marks = list(unicodedata.normalize("NFD", char))
        tones = [mark for mark in marks if mark in "\u0300\u0301\u0303\u0309\u0323"]
        base = letter + "".join(mark for mark in marks if mark not in tones)
        return (unicodedata.normalize("NFC", base) + "".join(tones)).encode("cp1258")


def file_of(language: str, encoding: str, rows: int, seed: int) -> tuple[bytes, str]:
    chosen = random.Random(f"{language} {rows} {seed}")
    names = NAMES[language][0].split()
    text = "".join(f"p{number}@example.org;{chosen.choice(names)};{chosen.choice(names)}\r\n" for number in range(rows))
    return encoded(text, encoding), text


@pytest.mark.parametrize(("language", "encoding"), PAIRS)
def test_the_encoding_of_names_is_told_or_asked_for_and_from_twenty_rows_on_it_is_told(
    language: str, encoding: str
) -> None:
    for rows, times in ((1, 4), (3, 3), (20, 1), (500, 1)):
        for seed in range(times):
            data, text = file_of(language, encoding, rows, seed)
            found = readings_of(data)
            if data.isascii() or (len(found) > 1 and rows < 20):
                continue
            assert len(found) == 1, (rows, found)
            read = data.decode(CODECS[found[0]], "replace")
            assert unicodedata.normalize("NFC", read) == text, (rows, found)


def test_few_files_of_three_rows_have_to_be_asked_for() -> None:
    asked = [pair for pair in PAIRS if len(readings_of(file_of(*pair, rows=3, seed=1)[0])) > 1]
    assert len(asked) < len(PAIRS) / 10, asked


@pytest.mark.parametrize(
    "name", ["Müller", "René", "François", "José", "Søren", "Guðrún", "Väinö", "Straße", "Niccolò"]
)
def test_one_western_name_is_enough(name: str) -> None:
    assert readings_of(f"a@example.org,{name}\n".encode("cp1252")) == ["windows-1252"]


def test_the_more_common_encoding_is_taken_where_readings_have_the_same_letters() -> None:
    assert readings_of("Müller – Schäfer „Köln“ 5 €".encode("cp1250")) == ["windows-1252"]


def test_the_same_words_are_found_however_the_file_is_cut() -> None:
    data, _ = file_of("ja", "shift_jis", 40, 1)
    long = "長い名前の会社".encode("cp932") * 100
    whole = ByteWords()
    whole.add(data + long + b" " + data)
    for size in (1, 7, 250):
        cut = ByteWords()
        for place in range(0, 2 * len(data) + len(long) + 1, size):
            cut.add((data + long + b" " + data)[place : place + size])
        assert cut.found() == whole.found()


def test_one_row_that_tells_the_encoding_is_found_among_many_that_do_not() -> None:
    rows = [f"p{number}@example.org;Jürgen Müller" for number in range(20_000)]
    rows[17_000:17_003] = ["Łukasz Wiśniewski", "Świętosława Żak", "Paweł Dąbrowski"]
    assert readings_of("\n".join(rows).encode("cp1250")) == ["windows-1250"]


def test_only_some_words_of_a_large_file_are_kept() -> None:
    words = ByteWords()
    for number in range(50_000):
        words.add(f"Jürgen{number:05} Müller\n".replace("0", "o").encode("cp1252"))
    assert len(words.found()) < 100


@pytest.mark.parametrize("size", [60, 400, 4096])
def test_random_bytes_are_no_text(size: int) -> None:
    assert readings_of(random.Random(size).randbytes(size).replace(b"\0", b"\1")) == []
