"""CSV as spreadsheets and other programs write it: what a cell is, where the header is, and which delimiter it has."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.domain.errors import InputError
from distributor.domain.subscriber_import import BadRow, ImportRow
from distributor.importers.table import MAX_ROW_BYTES, CsvLines, read_header, read_rows
from tests.importers.files import read, reasons


def table(text: str | bytes, *, delimiter: str = "") -> list[list[str]]:
    """The header and the rows of a file in UTF-8, none of which may be bad."""
    header, rows = rows_of(text, delimiter=delimiter)
    assert [row for row in rows if isinstance(row, BadRow)] == []
    return [header, *(row[1] for row in rows if not isinstance(row, BadRow))]


def rows_of(text: str | bytes, *, delimiter: str = "") -> tuple[list[str], list[tuple[int, list[str]] | BadRow]]:
    file = io.BytesIO(text.encode() if isinstance(text, str) else text)
    header = read_header(file, delimiter=delimiter)
    return list(header.headers), list(read_rows(CsvLines(file, offset=header.offset, number=header.line), header))


@pytest.mark.parametrize(
    ("row", "cells"),
    [
        ('a@example.org , "Roe, Jane", x', ["a@example.org ", "Roe, Jane", " x"]),
        ('a@example.org,"Jane" ,x', ["a@example.org", "Jane", "x"]),
        (' "a@example.org"\t,\u00a0"Jane"\u00a0,"x" ', ["a@example.org", "Jane", "x"]),
        ('"Jane Roe" <a@example.org>,,', ['"Jane Roe" <a@example.org>', "", ""]),
        ('"Roe, Jane" <a@example.org>,Jane,', ['"Roe, Jane" <a@example.org>', "Jane", ""]),
        ('a@example.org,Dwayne "Rock" J,5" nail', ["a@example.org", 'Dwayne "Rock" J', '5" nail']),
        ('a@example.org,"The" Rock,x', ["a@example.org", '"The" Rock', "x"]),
        ('a@example.org,"two\nlines, ""quoted""", "x\r\n" ', ["a@example.org", 'two\nlines, "quoted"', "x\r\n"]),
        ('a@example.org,="0123","=""0456"""', ["a@example.org", "0123", "0456"]),
        ('a@example.org,=1+"1",\'0123', ["a@example.org", '=1+"1"', "'0123"]),
        ('a@example.org,"1,234.50",1.234', ["a@example.org", "1,234.50", "1.234"]),
        ('a@example.org,""," "', ["a@example.org", "", " "]),
        ("a@example.org,Jane", ["a@example.org", "Jane", ""]),
        ("a@example.org", ["a@example.org", "", ""]),
        ("a@example.org,Jane,x,,", ["a@example.org", "Jane", "x"]),
        ("a@example.org\0\0,Jane\0\0\0,x\0", ["a@example.org", "Jane", "x"]),
        ("a@example.org,O'Brien,x\r", ["a@example.org", "O'Brien", "x"]),
    ],
)
def test_a_row_is_read_as_a_spreadsheet_does(row: str, cells: list[str]) -> None:
    assert table(f"email,name,note\n{row}\nlast@example.org,Last,y\n") == [
        ["email", "name", "note"],
        cells,
        ["last@example.org", "Last", "y"],
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("bad@example.org,Roe, Jane,x", "4 cells, but the header has 3: put a cell that contains , in quotation marks"),
        ('bad@example.org,"Bad,x', "a quotation mark is opened and never closed in column 2"),
        ('bad@example.org,"Bad\nb" b,x', "text follows a closing quotation mark in column 2"),
        ('bad@example.org,Ba\rd,"x"', "a carriage return without a line feed in column 2; remove it"),
        ("bad@example.org,Ba\0d,x", "contains a NUL byte; remove it"),
    ],
)
def test_a_row_that_cannot_be_read_is_refused_with_its_column_and_what_to_do(row: str, reason: str) -> None:
    _, rows = rows_of(f"email,name,note\n{row}\nlast@example.org,Last,y\n")
    bad = next(found for found in rows if isinstance(found, BadRow))
    assert (bad.line, reason in bad.reason) == (2, True), bad.reason
    assert rows[-1] == (3 + row.count("\n"), ["last@example.org", "Last", "y"])


@pytest.mark.parametrize(
    "header",
    [
        "Email,Name,Note",
        " Email , Name,Note\u00a0",
        '"Email" , "Name", "Note"',
        "\ufeffEmail,Na\u200bme,\u2060Note",
        '"Email","Name\r\n","Note"',
        "\n\r\n,,\nEmail,Name,Note",
        "sep=,\r\nEmail,Name,Note",
        '"sep=,"\nEmail,Name,Note',
        "\ufeffsep=,\nEmail,Name,Note",
        "Subscribers of May\n\nEmail,Name,Note",
        '"Subscribers, May",,\nEmail,Name,Note',
    ],
)
def test_the_header_is_found_whatever_surrounds_it(header: str) -> None:
    assert table(f"{header}\na@example.org,A,\nb@example.org,B,x\n") == [
        [*("Email", "Name", "Note")],
        ["a@example.org", "A", ""],
        ["b@example.org", "B", "x"],
    ]


def test_a_header_of_one_column_above_longer_rows_is_no_title() -> None:
    header, rows = rows_of("email,\na@example.org,A\nb@example.org,B\n")
    assert (header, len(rows)) == (["email", ""], 2)


def test_an_address_in_place_of_the_header_is_refused_with_what_to_do() -> None:
    with pytest.raises(InputError, match=r"line 1 holds the address 'a@example.org'.* such as email;name"):
        table("a@example.org;Ada\nb@example.org;Bob\n")


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("email;name, first;city, state, country\na@example.org;A;Ulm\n", ";"),
        ("email;a, b, c, d\na@example.org;x\nb@example.org;y\n", ";"),
        ("email;score\na@example.org;1,5\nb@example.org;2,5\n", ";"),
        ('email;"name, first, last"\na@example.org;"x, y, z"\n', ";"),
        ("email,name (a; b; c)\na@example.org,A\n", ","),
        ("email,note\na@example.org,x;y;z\nb@example.org,x;y;z\n", ","),
        ("email\tname, first\na@example.org\tA\n", "\t"),
        ("email|name\na@example.org|A;B,C\n", "|"),
        ("email,name,city\na@example.org,A\nb@example.org\nc@example.org,C,Ulm,x\nd@example.org,D,Ulm\n", ","),
        ("email (work; home)\na@example.org\nb@example.org\n", ","),
    ],
)
def test_the_delimiter_is_the_one_that_fits_the_rows(text: str, delimiter: str) -> None:
    assert read_header(io.BytesIO(text.encode())).delimiter == delimiter


def test_blanks_around_the_header_mean_that_blanks_around_cells_are_padding() -> None:
    assert table("email ,city\na@example.org ,  Ulm \n") == [["email", "city"], ["a@example.org", "Ulm"]]
    assert table("email,city\na@example.org,  Ulm \n") == [["email", "city"], ["a@example.org", "  Ulm "]]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\r\r\n"])
def test_rows_end_with_any_line_end_also_with_another_one_than_the_others(end: str) -> None:
    rows = read(f"email,name\r\nann@example.org,A{end}bob@example.org,B\ncid@example.org,C\r\n")
    assert [row.person.name for row in rows if isinstance(row, ImportRow)] == ["A", "B", "C"]
    assert reasons(rows) == {}


def test_rows_that_end_with_cr_have_line_numbers_and_checkpoints_of_their_own() -> None:
    file = io.BytesIO(b"email,name\ra@example.org,A\rb@example.org,B\nc@example.org,C\r\n")
    header = read_header(file)
    lines = CsvLines(file, offset=header.offset, number=header.line)
    rows = read_rows(lines, header)
    assert next(rows) == (2, ["a@example.org", "A"])
    resumed = list(read_rows(CsvLines(file, offset=lines.end, number=lines.number), header))
    assert resumed == [(3, ["b@example.org", "B"]), (4, ["c@example.org", "C"])]


def test_many_rows_that_end_with_cr_are_each_read_once() -> None:
    count = 3 * MAX_ROW_BYTES // len("p00000@example.org,Ada\r")
    rows = read("email,name\n" + "".join(f"p{number:05}@example.org,Ada\r" for number in range(count)) + "\n\n\n")
    assert [row.person.email for row in rows if isinstance(row, ImportRow)] == [
        f"p{number:05}@example.org" for number in range(count)
    ]
    assert reasons(rows) == {}


# Without a carriage return alone, which older versions of the csv module do not put in quotation marks, and without
# the ="0123" of spreadsheets, which is read as the text in it.
CELLS = (
    st.lists(st.sampled_from([*"aé ,;\t|\"'\n=@0ж中", "\r\n"]), max_size=8)
    .map("".join)
    .filter(lambda cell: '="' not in cell)
)


@settings(max_examples=300, deadline=None)
@given(
    rows=st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=6),
    delimiter=st.sampled_from(",;\t|"),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC]),
    end=st.sampled_from(["\n", "\r\n"]),
    padding=st.sampled_from(["", " ", "  "]),
)
def test_what_the_csv_module_writes_in_any_dialect_is_read_back(
    rows: list[list[str]], delimiter: str, quoting: Any, end: str, padding: str
) -> None:
    whole = [["email", "x", "y"], *([f"p{number}@example.org", *row] for number, row in enumerate(rows))]
    if padding:
        # Blanks at the ends of cells are padding as well.
        whole = [[cell.strip(" \t\u00a0") for cell in row] for row in whole]
    written = [_write(row, delimiter, quoting, end, padding) for row in whole]
    assert table("".join(written)) == whole
    assert table(f"sep={delimiter}{end}" + "".join(written)) == whole


def _write(row: list[str], delimiter: str, quoting: Any, end: str, padding: str) -> str:
    """A row as the csv module writes it, with blanks around its cells."""
    cells = []
    for cell in row:
        # With an empty cell after it, so that the module quotes an empty cell as it does among others.
        file = io.StringIO()
        csv.writer(file, delimiter=delimiter, quoting=quoting, lineterminator=end).writerow([cell, "x"])
        cells.append(padding + file.getvalue().rpartition(delimiter)[0] + padding)
    return delimiter.join(cells) + end
