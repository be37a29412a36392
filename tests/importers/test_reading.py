"""Encodings, delimiters, mapping and types; the short way in, and formulas escaped and back."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from distributor.domain.errors import InputError
from distributor.domain.person import person_of
from distributor.domain.subscriber_import import AttributeType
from distributor.importers.columns import person_told
from distributor.importers.values import cell_of_list, escaped, list_of, unescaped
from tests.importers.files import addresses, people, read, reasons

NAMES = ["Jürgen Müller", "Zoë Ångström", "José Núñez", "Françoise Lefèvre", "Ana"] * 20


def table(names: list[str], delimiter: str = ",", end: str = "\n") -> str:
    rows = [["email", "name"], *([f"p{number}@example.org", name] for number, name in enumerate(names))]
    return "".join(delimiter.join(row) + end for row in rows)


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [
        ("utf-8", b""),
        ("utf-8", b"\xef\xbb\xbf"),
        ("utf-16-le", b"\xff\xfe"),
        ("utf-16-be", b"\xfe\xff"),
        ("utf-32-le", b"\xff\xfe\x00\x00"),
        ("cp1252", b""),
    ],
)
def test_the_encoding_is_found_out(encoding: str, mark: bytes) -> None:
    rows = people(read(mark + table(NAMES).encode(encoding)))
    assert [told.person.name for told in rows] == NAMES


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("shift_jis", ["山田太郎", "鈴木花子"]),
        ("koi8-r", ["Иван Петров"]),
        ("utf-16-le", ["Ada"]),
        ("gb18030", ["王小明"]),
    ],
)
def test_an_encoding_that_is_stated_is_believed(encoding: str, names: list[str]) -> None:
    rows = people(read(table(names).encode(encoding), encoding=encoding))
    assert [told.person.name for told in rows] == names


def test_a_mark_that_contradicts_the_stated_encoding_is_refused() -> None:
    with pytest.raises(InputError, match="begins with the mark of utf-16-le"):
        read(b"\xff\xfe" + table(["Ada"]).encode("utf-16-le"), encoding="cp1252")


@pytest.mark.parametrize("encoding", ["klingon", "base64", "rot13", "idna", "\0"])
def test_what_is_no_encoding_of_text_is_refused(encoding: str) -> None:
    with pytest.raises(InputError, match="is no encoding"):
        read(table(["Ada"]), encoding=encoding)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_delimiters_and_line_ends_are_found_out(delimiter: str, end: str) -> None:
    rows = people(read(table(["Ada", "Bo"], delimiter, end)))
    assert [told.person.name for told in rows] == ["Ada", "Bo"]


def test_a_spreadsheet_may_say_its_delimiter_in_the_first_line() -> None:
    (told,) = people(read("sep=;\r\nemail;name\r\nada@example.org;Love, Ada\r\n"))
    assert (told.line, told.person.name) == (3, "Love, Ada")


def test_headers_are_known_by_their_usual_names() -> None:
    (told,) = people(read("E-Mail,First Name,Last-Name,Time Zone,Tags\nada@example.org,Ada,Lovelace,Europe/Rome,a\n"))
    assert (told.person.name, told.person.zone, told.person.tags) == ("Ada Lovelace", "Europe/Rome", ("a",))


def test_columns_nobody_has_named_are_passed_over_unless_asked_for() -> None:
    text = "email,City\nada@example.org,Wien\n"
    assert people(read(text))[0].person.attributes == {}
    assert people(read(text, takes_rest=True))[0].person.attributes == {"City": "Wien"}


@pytest.mark.parametrize(
    ("type_", "text", "value"),
    [
        (AttributeType.TEXT, "0012", "0012"),
        (AttributeType.NUMBER, "12", 12),
        (AttributeType.NUMBER, "-1.5e3", -1500.0),
        (AttributeType.BOOLEAN, "Yes", True),
        (AttributeType.BOOLEAN, "0", False),
        (AttributeType.DATE, "2026-11-22", "2026-11-22"),
        (AttributeType.DATE, "2026-11-22T10:00:00+01:00", "2026-11-22T09:00:00+00:00"),
        (AttributeType.JSON, "[1]", [1]),
    ],
)
def test_a_column_has_the_type_stated_for_it(type_: AttributeType, text: str, value: object) -> None:
    (told,) = people(read(f"email,x\nada@example.org,{text}\n", columns={"x": "attributes.x"}, types={"x": type_}))
    assert told.person.attributes == {"x": value}


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        (AttributeType.NUMBER, "1;5"),
        (AttributeType.NUMBER, "nan"),
        (AttributeType.NUMBER, "1e999"),
        (AttributeType.BOOLEAN, "maybe"),
        (AttributeType.DATE, "22.11.2026"),
        (AttributeType.JSON, "{"),
    ],
)
def test_what_has_another_type_is_refused_with_the_name_of_the_attribute(type_: AttributeType, text: str) -> None:
    rows = read(f"email,x\nada@example.org,{text}\n", columns={"x": "attributes.x"}, types={"x": type_})
    assert reasons(rows)[2].startswith("x: ")


def test_an_empty_cell_says_nothing() -> None:
    (told,) = people(read("email,x\nada@example.org,\n", columns={"x": "attributes.x"}))
    assert told.person.attributes == {}


def test_json_lines_tell_of_typed_attributes() -> None:
    line = '{"email": "ada@example.org", "name": "Ada", "tags": ["a"], "attributes": {"age": 36}, "city": "Wien"}\n'
    (told,) = people(read(line, takes_rest=True))
    assert (told.person.attributes, told.person.tags) == ({"age": 36, "city": "Wien"}, ("a",))
    assert addresses(read("\n" + line + "\n")) == ["ada@example.org"]


PARTS = st.text(alphabet="abcXYZ019._+-'=\\ \té<>\u202e@", max_size=12)


@settings(max_examples=500, deadline=None)
@given(
    st.one_of(
        st.builds("{}@{}".format, PARTS, st.sampled_from(["example.org", "Exämple.ORG", "a..b", "x", "-a.org"])), PARTS
    ),
    st.one_of(PARTS, st.text(max_size=5), st.just("N" * 201)),
)
@example("a" * 64 + "@example.org", "")
@example("a" * 65 + "@example.org", "")
@example("a@" + ".".join(["b" * 60] * 4) + ".org", "")
def test_the_short_way_in_says_what_the_long_one_says(address: str, name: str) -> None:
    def said(way: object) -> object:
        try:
            return way(address, name=name, attributes={})  # type: ignore[operator]
        except InputError as error:
            return str(error)

    assert said(person_told) == said(person_of)


@settings(max_examples=500, deadline=None)
@given(st.text(alphabet="'=+-@\t\ra, ", max_size=6))
def test_an_escaped_formula_is_none_and_comes_back_as_it_was(cell: str) -> None:
    assert not escaped(cell).startswith(("=", "+", "-", "@", "\t", "\r"))
    assert unescaped(escaped(cell)) == cell


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(alphabet='ab", é', min_size=1).map(str.strip).filter(bool), max_size=4))
def test_a_list_in_a_cell_comes_back_as_it_was(values: list[str]) -> None:
    assert [value for value in list_of(cell_of_list(tuple(values))) if value] == values
