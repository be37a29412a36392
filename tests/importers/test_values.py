"""Formulas are escaped, and lists fit into a cell, so that both come back as they were."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.importers.values import escape_formula, join_list, parse_list, unescape_formula


@settings(max_examples=500, deadline=None)
@given(st.text(alphabet="'=+-@\t\ra, ", max_size=6))
def test_an_escaped_formula_is_not_run_and_unescapes_to_the_original(cell: str) -> None:
    assert not escape_formula(cell).startswith(("=", "+", "-", "@", "\t", "\r"))
    assert unescape_formula(escape_formula(cell)) == cell


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(alphabet='ab", é', min_size=1).map(str.strip).filter(bool), max_size=4))
def test_a_list_joined_into_a_cell_parses_to_the_original(values: list[str]) -> None:
    assert [value for value in parse_list(join_list(tuple(values))) if value] == values
