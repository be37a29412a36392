"""Malformed and hostile rows: each is refused with its line and a reason, and affects no other row."""

from __future__ import annotations

import bisect
import io
import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.domain.errors import InputError
from distributor.domain.subscriber_import import BadRow, FileRow, ImportRow, ImportSettings
from distributor.importers.columns import ColumnMapping
from distributor.importers.reader import PeopleReader
from distributor.importers.table import MAX_ROW_BYTES
from tests.conftest import thorough
from tests.importers.files import addresses, copied, read, reasons

GOOD = "good@example.org,Good\n"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ('bad@example.org,"Bad', "a quotation mark is opened and never closed"),
        ("bad@example.org,Ba\0d", "contains a NUL byte"),
        ("bad@example.org,Bad,more", "3 cells, but the header has 2"),
        ("bad@example.org,Ba\rd", "contains a carriage return without a line feed"),
        ('"bad@example.org\r\n",Bad', "there is a space or a line break in it"),
        ("bad\x07@example.org,Bad", "there is an invisible character in it"),
        ('"bad@example.org\nBcc: all@example.org",Bad', "there is a space or a line break in it"),
        ("bad@example.org,Bad \u202egnp.exe", "the invisible character U+202E"),
        ("bad@example.org,<script>alert(1)</script>", "holds < or >"),
        ("bad@example.org," + "B" * 201, "longer than 200 characters"),
        (",Bad", "there is no @ in it"),
    ],
)
def test_a_bad_row_is_refused_and_its_neighbours_are_imported(row: str, reason: str) -> None:
    rows = read(f"email,name\n{GOOD}{row}\nlast@example.org,Last\n")
    assert addresses(rows) == ["good@example.org", "last@example.org"]
    ((line, message),) = reasons(rows).items()
    assert (line, reason in message) == (3, True), message


def test_a_row_in_another_encoding_is_refused_alone() -> None:
    rows = read(
        b"email,name\ngood@example.org,J\xc3\xbcrgen \xc3\x96st\nbad@example.org,J\xfcrgen\nlast@example.org,\n"
    )
    assert addresses(rows) == ["good@example.org", "last@example.org"]
    assert "not in the encoding of the file" in reasons(rows)[3]


def test_a_stray_quotation_mark_costs_one_line_and_not_the_rest_of_the_file() -> None:
    rows = read('email,name\nbad@example.org,"Bad\n' + GOOD * 20_000)
    assert len(addresses(rows)) == 20_000
    assert "opened and not closed within 128 KiB" in reasons(rows)[2]


@thorough
def test_what_very_many_stray_quotation_marks_cost_is_said_and_what_follows_is_imported() -> None:
    lines = 4 * MAX_ROW_BYTES // len('a","b\n')
    rows = read("email,name\n" + 'a","b\n' * lines + '"\n' + "x,y\n" * 50_000 + "last@example.org,Last\n")
    assert addresses(rows) == ["last@example.org"]
    left_out = [row.reason for row in rows if isinstance(row, BadRow) and "left out" in row.reason]
    assert left_out
    assert all("everything up to line" in reason for reason in left_out)


def test_a_line_break_inside_quotation_marks_belongs_to_the_cell() -> None:
    (row,) = read('email,note\nada@example.org,"two\nlines"\n', attributes_from_rest=True)
    assert isinstance(row, ImportRow)
    assert row.person.attributes == {"note": "two\nlines"}


def test_the_number_of_a_row_is_that_of_its_first_line() -> None:
    rows = read('email,note\nada@example.org,"two\nlines"\n\nnobody,\n', attributes_from_rest=True)
    assert list(reasons(rows)) == [5]


def test_empty_rows_are_skipped() -> None:
    assert addresses(read(f"email,name\n\n,\n{GOOD}\r\n")) == ["good@example.org"]


def test_a_line_of_300_megabytes_is_skipped_without_being_kept_in_memory() -> None:
    class Endless(io.RawIOBase):
        """A header, a line that goes on for 300 MB, and a good row; made as it is read."""

        def __init__(self) -> None:
            self.parts = [b"email,name\n", b"bad@example.org,", *([b"x" * 1_000_000] * 300), b"\n", GOOD.encode()]
            self.ends = [0]
            for part in self.parts:
                self.ends.append(self.ends[-1] + len(part))
            self.at = 0

        def readable(self) -> bool:
            return True

        def seekable(self) -> bool:
            return True

        def seek(self, offset: int, whence: int = 0) -> int:
            self.at = offset + (self.at if whence == 1 else 0)
            return self.at

        def tell(self) -> int:
            return self.at

        def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
            place = bisect.bisect_right(self.ends, self.at) - 1
            if place >= len(self.parts):
                return 0
            piece = self.parts[place][self.at - self.ends[place] :][: len(buffer)]
            buffer[: len(piece)] = piece
            self.at += len(piece)
            return len(piece)

    file = io.BufferedReader(Endless())
    tracemalloc.start()
    try:
        rows = list(PeopleReader(file, ImportSettings(format="csv", delimiter=","), name="people.csv"))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert addresses(rows) == ["good@example.org"]
    assert reasons(rows) == {2: "longer than 128 KiB"}
    assert peak < 8 * 1024 * 1024


def test_attributes_that_are_too_deep_or_too_large_are_refused() -> None:
    deep = "[" * 50_000
    wide = json.dumps({f"a{number}": "x" * 100 for number in range(500)}).replace('"', '""')
    rows = read(f'email,attributes\nbad@example.org,"{deep}"\nworse@example.org,"{wide}"\n')
    assert "is not JSON" in reasons(rows)[2]
    assert "larger than 16 KiB" in reasons(rows)[3]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("[" * 100_000, "nested too deeply"),
        ('{"email": "a@example.org"', "the line is not JSON"),
        ("[1, 2]", "not a JSON object"),
        ('{"email": ["a@example.org"]}', "expected text"),
        ('{"email": "a@example.org", "name": 1' + "0" * 5000 + "}", "a number in it has too many digits"),
        ('{"email": "a@example.org", "attributes": [1]}', "attributes must be a JSON object"),
        ('{"email": "a@example.org", "name": "half \\ud800"}', "the invisible character U+D800"),
        ("x" * (MAX_ROW_BYTES + 1), "longer than 128 KiB"),
    ],
)
def test_a_bad_line_of_json_is_refused_and_its_neighbours_are_imported(line: str, reason: str) -> None:
    rows = read(f'{{"email": "one@example.org"}}\n{line}\n{{"email": "two@example.org"}}\n')
    assert addresses(rows) == ["one@example.org", "two@example.org"]
    assert reason in reasons(rows)[2]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("", "the file is empty"),
        ("\n\n", "the file is empty"),
        ("PK\x03\x04rest", "a ZIP archive or a spreadsheet"),
        ("name,city\nAda,Wien\n", "no column is recognised as the email address"),
        ('"email\n' + "x" * 200_000, "not a header"),
        (",".join(f"c{number}" for number in range(2000)) + "\n", "no column is recognised as the email address"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_as_a_whole(data: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        read(data, attributes_from_rest=True)


def test_the_rows_after_a_checkpoint_are_the_same_as_in_one_go() -> None:
    text = "email,name\n" + "".join(
        f'p{number}@example.org,"{"x" * (number % 7)}\n""{number}"""\n' if number % 3 else f'bad "{number}"\n'
        for number in range(60)
    )
    copy, complete = copied([text.encode()], ImportSettings())
    whole = list(PeopleReader(copy, complete, name="p"))
    pieces: list[FileRow] = []
    position = line = 0
    while True:
        reader = PeopleReader(copy, complete, name="p", position=position, line=line)
        row = next(iter(reader), None)
        if row is None:
            break
        pieces.append(row)
        position, line = reader.position, reader.line
    assert pieces == whole


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=400), st.sampled_from([b"email,name\n", b"email;name;x\r\n", b'{"email":"a@b.example"}\n', b""])
)
def test_whatever_the_bytes_are_there_is_a_row_or_a_reason(data: bytes, header: bytes) -> None:
    try:
        rows = read(header + data)
    except InputError as error:
        assert str(error)
        return
    assert all(isinstance(row, ImportRow) or row.reason for row in rows)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="\",;\n\r'a@.\0\\é=", max_size=60))
def test_quotation_marks_and_line_ends_in_any_order_lose_no_line_after_them(noise: str) -> None:
    rows = read(f"email,name\n{noise}\n" + "last@example.org,Last\n" * 2)
    assert addresses(rows)[-1:] == ["last@example.org"]


@pytest.mark.parametrize(
    ("parse", "rows"),
    [
        ("parse_cells", "email\n{}\n{}\n{}\n"),
        ("parse_object", '{{"email": "{}"}}\n{{"email": "{}"}}\n{{"email": "{}"}}\n'),
    ],
)
def test_a_row_that_raises_an_unexpected_error_is_refused_alone(
    monkeypatch: pytest.MonkeyPatch, parse: str, rows: str
) -> None:
    parse_row = getattr(ColumnMapping, parse)

    def failing(self: ColumnMapping, row: Any, *rest: Any) -> ImportRow | BadRow:
        if "bad@example.org" in str(row):
            raise ZeroDivisionError("a bug")
        found: ImportRow | BadRow = parse_row(self, row, *rest)
        return found

    monkeypatch.setattr(ColumnMapping, parse, failing)
    found = read(rows.format("good@example.org", "bad@example.org", "last@example.org"))
    assert addresses(found) == ["good@example.org", "last@example.org"]
    assert list(reasons(found).values()) == ["ZeroDivisionError: a bug"]
