"""The encoding of a file is detected, or the one given is used."""

from __future__ import annotations

import io
import unicodedata

import pytest

from distributor.domain.encodings.labels import CODECS
from distributor.domain.errors import InputError
from distributor.importers.encoding import copy_as_utf8
from tests.importers.files import csv_table, people, read
from tests.paths import SHARED

NAMES = ["Jürgen Müller", "Zoë Ångström", "José Núñez", "Françoise Lefèvre", "Ana"] * 20


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [
        ("utf-8", b""),
        ("utf-8", b"\xef\xbb\xbf"),
        ("utf-16-le", b"\xff\xfe"),
        ("utf-16-be", b"\xfe\xff"),
        ("utf-32-le", b"\xff\xfe\x00\x00"),
        ("utf-16-le", b""),
        ("utf-16-be", b""),
        ("cp1252", b""),
        ("mac-roman", b""),
    ],
)
def test_the_encoding_is_detected(encoding: str, mark: bytes) -> None:
    rows = people(read(mark + csv_table(NAMES).encode(encoding)))
    assert [row.person.name for row in rows] == NAMES


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("shift_jis", ["山田太郎", "鈴木花子"]),
        ("koi8-r", ["Иван Петров"]),
        ("utf-16-le", ["Ada"]),
        ("gb18030", ["王小明"]),
        ("latin2", ["Łukasz"]),
    ],
)
def test_an_encoding_that_is_given_is_used(encoding: str, names: list[str]) -> None:
    rows = people(read(csv_table(names).encode(encoding), encoding=encoding))
    assert [row.person.name for row in rows] == names


def test_a_byte_order_mark_that_contradicts_the_given_encoding_is_refused() -> None:
    with pytest.raises(InputError, match="byte order mark of utf-16le"):
        read(b"\xff\xfe" + csv_table(["Ada"]).encode("utf-16-le"), encoding="cp1252")


@pytest.mark.parametrize("encoding", ["klingon", "base64", "rot13", "idna", "\0"])
def test_a_codec_that_is_not_a_text_encoding_is_refused(encoding: str) -> None:
    with pytest.raises(InputError, match=r"is not an? (text )?encoding"):
        read(csv_table(["Ada"]), encoding=encoding)


def encoding_of(data: bytes, *, encoding: str = "") -> str:
    return copy_as_utf8([data], io.BytesIO(), encoding=encoding).encoding


def copy_of(*chunks: bytes, encoding: str = "") -> bytes:
    copy = io.BytesIO()
    copied = copy_as_utf8(chunks, copy, encoding=encoding)
    assert copied.size == len(copy.getvalue())
    return copy.getvalue()


def test_the_whole_file_is_judged_and_not_its_beginning_only() -> None:
    rows = [*["Jürgen Müller"] * 9000, "Łukasz Wiśniewski", "Świętosława Żak", "Paweł Dąbrowski"]
    data = csv_table(rows).encode("cp1250")
    assert len(data) > 128 * 1024
    assert [row.person.name for row in people(read(data))] == rows


def test_where_two_readings_are_near_it_is_asked_with_names_in_each() -> None:
    data = csv_table(["Perù"]).encode("cp1252")
    with pytest.raises(InputError, match=r"windows-1252 \(Perù\); windows-1250 \(Perů\)") as caught:
        read(data)
    assert "give the encoding in which they are right, such as --encoding windows-1252" in str(caught.value)
    (row,) = people(read(data, encoding="windows-1252"))
    assert row.person.name == "Perù"


def test_at_most_three_names_are_shown_for_each_reading() -> None:
    with pytest.raises(InputError, match=r"windows-1250 \(Bůh, Kůl, Vůl\); windows-1252 \(Bùh, Kùl, Vùl\):"):
        read(csv_table(["Bůh", "Kůl", "Vůl", "Sůl"]).encode("cp1250"))


def test_a_few_characters_that_are_utf_8_by_chance_are_not_taken_for_it() -> None:
    data = csv_table(["谢袁"]).encode("gb18030")
    assert data.decode("utf-8")
    with pytest.raises(InputError, match=r"gb18030 \(谢袁\); utf-8 \("):
        read(data)


@pytest.mark.parametrize(
    "name",
    ["Zoë", "Łukasz", "Ørsted", "Иван", "Γιώργος", "王小明", "김민수", "Nguyễn", "😀", "O’Brien", "გია", "राम", "Ծով"],
)
def test_one_name_in_utf_8_is_enough(name: str) -> None:
    assert encoding_of(f"a@example.org,{name}\n".encode()) == "utf-8"


def test_characters_that_another_program_could_not_decode_are_no_reason_against_utf_8() -> None:
    assert encoding_of("a@example.org,J\ufffdrgen\n".encode()) == "utf-8"


def test_japanese_mail_is_read() -> None:
    rows = people(read(csv_table(["山田太郎", "鈴木花子"]).encode("iso2022_jp")))
    assert [row.person.name for row in rows] == ["山田太郎", "鈴木花子"]


def test_vietnamese_letters_and_tones_become_one_character_wherever_the_file_is_cut() -> None:
    data = csv_table(["Nguyê\u0303n Thi\u0323 Ha\u0300", "Trâ\u0300n Văn Hu\u0300ng", "Pha\u0323m Đư\u0301c"]).encode(
        "cp1258"
    )
    pieces = [data[place : place + 1] for place in range(len(data))]
    assert copy_of(*pieces) == csv_table(["Nguyễn Thị Hà", "Trần Văn Hùng", "Phạm Đức"]).encode()


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16"])
def test_what_follows_the_end_of_the_text_is_left_out(encoding: str) -> None:
    text = csv_table(["Jürgen Müller"])
    assert copy_of((text + "\x1a\0\0").encode(encoding), b"\0" * 4096) == text.encode()


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "mac-roman", "utf-16"])
def test_lines_that_end_with_cr_get_line_feeds(encoding: str) -> None:
    text = csv_table(["Jürgen Müller", "Ana"], end="\r")
    assert copy_of(text.encode(encoding)).decode() == text.replace("\r", "\n")


@pytest.mark.parametrize(
    ("codec", "names"),
    [
        ("cp850", ["Jürgen Köhler", "René", "Søren"]),
        ("cp437", ["Peña", "Rincón", "Matías"]),
        ("cp852", ["Łukasz Wiśniewski", "Gergő", "Jiří Dvořák"]),
        ("mac-turkish", ["Ayşe Yıldız", "Uğur Çelik"]),
    ],
)
def test_a_code_page_that_is_not_read_is_not_taken_for_another(codec: str, names: list[str]) -> None:
    with pytest.raises(
        InputError, match=rf"\({names[0].split()[0]}, .* a code page that is not read: save it in UTF-8"
    ):
        read(csv_table(names).encode(codec))


@pytest.mark.parametrize(
    ("begin", "description"),
    [
        (b"PK\x03\x04\0\0", "a ZIP archive or a spreadsheet (XLSX, ODS): unpack the archive, or save the sheet as CSV"),
        (b"\xd0\xcf\x11\xe0\0\0", "an Excel workbook (XLS): save the sheet as CSV"),
        (b"\x1f\x8b\x08\0", "compressed (gzip): unpack it"),
        (b"%PDF-1.7", "a PDF"),
        (b"{\\rtf1", "a text document (RTF)"),
        (b"<HTML><table>", "a web page, whatever its name"),
        (b"<table><tr>", "a table of a web page"),
    ],
)
def test_a_file_of_another_format_is_refused_with_how_to_save_it(begin: bytes, description: str) -> None:
    with pytest.raises(InputError) as caught:
        read(begin + b"x" * 100)
    assert description in str(caught.value)
    assert "in Excel as “CSV UTF-8”" in str(caught.value)


@pytest.mark.parametrize("encoding", CODECS)
def test_a_file_in_the_encoding_given_is_copied_as_it_is_wherever_it_is_cut(encoding: str) -> None:
    codec = CODECS[encoding]
    letters = "".join(char for char in map(chr, range(0xA1, 0xA000)) if unicodedata.category(char)[0] in "LN")
    # What the codec itself does not give back, such as variants of a character, no copy can.
    known = unicodedata.normalize("NFC", letters.encode(codec, "ignore").decode(codec))
    text = "email,name\r\n" + "\r\n".join(known[place : place + 100] for place in range(0, len(known), 100))
    file = text.encode(codec, "ignore")
    text = unicodedata.normalize("NFC", file.decode(codec))
    for size in (1001, len(file)):
        pieces = [file[place : place + size] for place in range(0, len(file), size)]
        assert copy_of(*pieces, encoding=encoding).decode() == text


@pytest.mark.skipif(not SHARED.exists(), reason="needs the example inputs beside the repository")
@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("enc/article_fi_latin-1.txt", "windows-1252"),
        ("enc/article_sv_latin-1.txt", "windows-1252"),
        ("enc/article_hu_cp1250.txt", "windows-1250"),
        ("enc/article_pl_iso8859-2.txt", "iso-8859-2"),
        ("i02_semicolon_cp1252.csv", "windows-1252"),
        ("i03_utf16.csv", "utf-16le"),
    ],
)
def test_the_example_inputs_are_read_right(name: str, encoding: str) -> None:
    assert encoding_of((SHARED / "data" / "cases" / name).read_bytes()) == encoding
