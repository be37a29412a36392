"""Delimiters, headers, mapping and types of columns."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from distributor.domain.errors import InputError
from distributor.domain.person import person_of
from distributor.domain.subscriber_import import AttributeType
from distributor.importers.columns import build_person
from tests.importers.files import addresses, csv_table, people, read, reasons


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_delimiters_and_line_ends_are_detected(delimiter: str, end: str) -> None:
    rows = people(read(csv_table(["Ada", "Bo"], delimiter, end)))
    assert [row.person.name for row in rows] == ["Ada", "Bo"]


def test_the_first_line_may_declare_the_delimiter_as_spreadsheets_do() -> None:
    (row,) = people(read("sep=;\r\nemail;name\r\nada@example.org;Love, Ada\r\n"))
    assert (row.line, row.person.name) == (3, "Love, Ada")


def test_headers_are_recognised_by_their_usual_names() -> None:
    (row,) = people(read("E-Mail,First Name,Last-Name,Time Zone,Tags\nada@example.org,Ada,Lovelace,Europe/Rome,a\n"))
    assert (row.person.name, row.person.zone, row.person.tags) == ("Ada Lovelace", "Europe/Rome", ("a",))


def test_the_first_address_of_contacts_with_several_is_the_one() -> None:
    for first, second in (("Email 1", "Email 2"), ("E-mail 1 - Value", "E-mail 2 - Value"), ("email1", "email2")):
        rows = people(read(f"{first},{second},Name\na@example.org,b@example.org,Al\n,c@example.org,Cy\n"))
        assert addresses(rows) == ["a@example.org", "c@example.org"]


@pytest.mark.parametrize("header", ["Email: sent", "Email 1 - Type"])
def test_what_is_told_about_an_address_is_no_address(header: str) -> None:
    assert addresses(read(f"{header},email\n3,a@example.org\n")) == ["a@example.org"]


def test_lines_that_are_one_cell_each_are_refused_with_what_to_do() -> None:
    with pytest.raises(InputError, match="remove those around the lines"):
        read('"email,name"\n"a@example.org,Al"\n')


@pytest.mark.parametrize(
    "text", ['[\n{"email": "a@example.org"}\n]', '[{"email": "a@b.example"}]', '{\n"email": "a@b.c"}']
)
def test_json_that_is_not_in_lines_is_refused_with_what_to_do(text: str) -> None:
    with pytest.raises(InputError, match="each object on a line of its own"):
        read(text, name="people.json")


def test_unmapped_columns_are_ignored_unless_they_become_attributes() -> None:
    text = "email,City\nada@example.org,Wien\n"
    assert people(read(text))[0].person.attributes == {}
    assert people(read(text, attributes_from_rest=True))[0].person.attributes == {"City": "Wien"}


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
def test_a_column_is_parsed_as_the_type_given_for_it(type_: AttributeType, text: str, value: object) -> None:
    (row,) = people(read(f"email,x\nada@example.org,{text}\n", columns={"x": "attributes.x"}, types={"x": type_}))
    assert row.person.attributes == {"x": value}


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
def test_a_value_of_another_type_is_refused_with_the_name_of_the_attribute(type_: AttributeType, text: str) -> None:
    rows = read(f"email,x\nada@example.org,{text}\n", columns={"x": "attributes.x"}, types={"x": type_})
    assert reasons(rows)[2].startswith("x: ")


def test_an_empty_cell_sets_nothing() -> None:
    (row,) = people(read("email,x\nada@example.org,\n", columns={"x": "attributes.x"}))
    assert row.person.attributes == {}


def test_json_lines_keep_the_types_of_attributes() -> None:
    line = '{"email": "ada@example.org", "name": "Ada", "tags": ["a"], "attributes": {"age": 36}, "city": "Wien"}\n'
    (row,) = people(read(line, attributes_from_rest=True))
    assert (row.person.attributes, row.person.tags) == ({"age": 36, "city": "Wien"}, ("a",))
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
def test_the_fast_path_gives_the_same_person_or_error(address: str, name: str) -> None:
    def result_of(build: object) -> object:
        try:
            return build(address, name=name, attributes={})  # type: ignore[operator]
        except InputError as error:
            return str(error)

    assert result_of(build_person) == result_of(person_of)
