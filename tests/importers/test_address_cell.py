"""What people paste into a cell of addresses or names."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.domain.errors import InputError
from distributor.importers.address_cell import is_bare_address, read_addresses
from tests.importers.files import people, read, reasons


def rows_of(email: str, name: str = "") -> list[tuple[str, str]]:
    """The people that a row with these cells brings in, in JSON, where no sign of CSV disturbs them."""
    quoted = [text.replace("\\", "\\\\").replace('"', '\\"') for text in (email, name)]
    found = people(read('{{"email": "{}", "name": "{}"}}\n'.format(*quoted)))
    return [(row.person.email, row.person.name) for row in found]


@pytest.mark.parametrize(
    ("cell", "address", "name"),
    [
        ('"Jane Roe" <jane@example.org>', "jane@example.org", "Jane Roe"),
        ("Jane Roe <jane@example.org>", "jane@example.org", "Jane Roe"),
        ('"Roe, Jane" <jane@example.org>', "jane@example.org", "Roe, Jane"),
        ("jane@example.org <jane@example.org>", "jane@example.org", ""),
        ("<jane@example.org>", "jane@example.org", ""),
        ("mailto:jane@example.org", "jane@example.org", ""),
        ("MAILTO:jane@example.org?subject=hi", "jane@example.org", ""),
        ("jane@example.org.", "jane@example.org", ""),
        ("jane@example.org;", "jane@example.org", ""),
        ("'jane@example.org'", "jane@example.org", ""),
        ('"jane@example.org"', "jane@example.org", ""),
        ("\u00a0jane@example.org\u00a0", "jane@example.org", ""),
        ("ja\u200bne@example.org\ufeff", "jane@example.org", ""),
        ("'jane@example.org", "'jane@example.org", ""),
        ("o'brien@example.org", "o'brien@example.org", ""),
    ],
)
def test_an_address_is_read_from_its_wrapping(cell: str, address: str, name: str) -> None:
    assert rows_of(cell) == [(address, name)]
    assert rows_of(cell, "Given") == [(address, "Given")]


def test_a_cell_with_two_addresses_brings_in_both_people() -> None:
    assert rows_of("two@example.org;three@example.org", "Two") == [
        ("two@example.org", "Two"),
        ("three@example.org", "Two"),
    ]
    assert rows_of('"Roe; Jane" <a@example.org>, Bo <b@example.org>') == [
        ("a@example.org", "Roe; Jane"),
        ("b@example.org", "Bo"),
    ]
    assert rows_of("a@example.org, A@example.org") == [("A@example.org", "")]


@pytest.mark.parametrize(
    "cell",
    [
        "#N/A",
        "#REF!",
        "-",
        "NULL",
        "(blank)",
        "none",
        "a@example.org b@example.org",
        "a@b@example.org",
        "'" * 100_000,
        "a@, b@x.org",
    ],
)
def test_what_is_no_address_is_refused(cell: str) -> None:
    assert list(reasons(read(f'{{"email": "{cell}"}}\n'))) == [1]


@pytest.mark.parametrize("cell", ["#N/A", "#REF!", "#NV", "NULL", "null", "(blank)", "N/A"])
def test_what_stands_for_no_name_is_none(cell: str) -> None:
    assert rows_of("ada@example.org", cell) == [("ada@example.org", "")]


@pytest.mark.parametrize(("cell", "name"), [("Null", "Null"), ("#1 Fan", "#1 Fan"), ("AT&T <Sales>", "AT&T (Sales)")])
def test_an_odd_name_is_a_name(cell: str, name: str) -> None:
    assert rows_of("ada@example.org", cell) == [("ada@example.org", name)]


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="aé@.<>\"';,| :\\\u200b\u00a0mailto", max_size=40))
def test_whatever_is_in_the_cell_there_are_addresses_or_a_reason(cell: str) -> None:
    try:
        found = read_addresses(cell)
    except InputError:
        return
    assert found
    if is_bare_address(cell):
        assert found == [("", cell)]
