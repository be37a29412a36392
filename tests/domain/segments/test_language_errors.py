"""An error in a condition names its exact position, what is allowed there, and what was perhaps meant."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.domain.errors import SegmentError
from distributor.domain.segments.limits import DEEPEST, LONGEST_TEXT, MOST_CONDITIONS, MOST_VALUES
from distributor.domain.segments.parser import parse

WORDS = (
    *("tag", "list", "=", "!=", "(", ")", ",", "in", "not", "and", "or", "clicked", "the", "last", "90", "days"),
    *("attributes.a", '"', "'", "\\", "3", "\n", "é", "segment", "of", "none", "at"),
)


def error_of(text: str) -> SegmentError:
    with pytest.raises(SegmentError) as caught:
        parse(text)
    return caught.value


@pytest.mark.parametrize(
    ("text", "wrong", "reason", "hint"),
    [
        ("tagg = vip", "tagg", 'expected a condition but found "tagg"', "did you mean tag?"),
        ("tag = vip an tag = b", "an", "expected and, or, or the end", "did you mean and?"),
        ("tag = a\n  and lst = b", "lst", "expected a condition", "did you mean list?"),
        ("tag vip", "vip", 'expected "=", "!=", in or "not in" but found "vip"', ""),
        ("tag = and", "and", "expected a tag", "write it between quotes"),
        ("tag = (a)", "(", "expected a tag", ""),
        ("tag in (a, b", "", 'expected "," or ")" but found the end', ""),
        ("(tag = a", "", 'expected and, or, or ")" but found the end', ""),
        ("tag = a)", ")", "expected and, or, or the end", "no parenthesis is open here"),
        ("tag = long covid", "covid", "expected and, or, or the end", "several words needs quotes"),
        ("(list = news, offers)", ",", 'expected and, or, or ")"', "in (…)"),
        (f"tag = a {'b' * 1000}", "b" * 1000, f'found "{"b" * 60}…"', ""),
        ("", "", "expected a condition but found the end", "for example: tag = vip"),
        ("tag = a\n  and ", "", "expected a condition but found the end", "for example"),
        ("tag = “vip”", "“", "has no meaning here", "straight quote"),
        ("tag = 'vip", "'", "is not closed", ""),
        ('tag = "a\\qb"', "\\q", "is no escape", "after a backslash"),
        ("tag = a && tag = b", "&", "has no meaning here", "write and"),
        ('tag = ""', '""', "an empty text is no value", ""),
        ("tag = 'a\\u0000b'", "'a\\u0000b'", "NUL", ""),
        ("tag = 'a\\ud800b'", "'a\\ud800b'", "surrogate", ""),
        ("status = activ", "activ", "expected active, paused or disabled", "did you mean active?"),
        ("zone = Europe/Berln", "Europe/Berln", "there is no time zone", ""),
        ("email = ada", "ada", "is not an email address", ""),
        ("domain = org", "org", "is not a domain", ""),
        ("list = '?!'", "'?!'", "no letters or digits", ""),
        ("clicked at lest 2 times", "lest", "expected least or most", "did you mean least?"),
        ("clicked at least 2", "", "expected times or time", ""),
        ("clicked at least 0 times", "0", "a number from 1 to", ""),
        ("opened at least 99999999999999999999999999999 times", "9" * 29, "a number from 1 to", ""),
        ("opened none of the last 51", "51", "a number from 1 to 50", ""),
        ("opened at least 6 of the last 5 or tag = a", "or", "6 of the last 5 mails is impossible", ""),
        ("mailed none of the last 5", "of", "name another action", ""),
        ("opened a link with x", "a", "expected and, or, or the end", ""),
        ("created", "", 'expected when: "in the last"', ""),
        ("created in the last 3 moons", "moons", "expected hours, days, weeks", ""),
        ("created since 2026-02-30", "2026-02-30", "is not a day of the calendar", ""),
        ("created since 2026-01-01T09:00", "2026-01-01T09:00", "names no time zone", ""),
        ("created on 2026-01-01T09:00Z", "2026-01-01T09:00Z", "is not a day", ""),
        ("attributes.a < x", "x", "expected a number", ""),
        ("attributes.a = 99999999999999999999", "9" * 20, "a number is beyond", ""),
        ("attributes", "attributes", "expected the name of an attribute", "attributes.city"),
        ("attributes.a.b.c.d.e.f.g.h.i = 1", "attributes.a.b.c.d.e.f.g.h.i", "more than 8 steps", ""),
    ],
)
def test_an_error_names_its_place(text: str, wrong: str, reason: str, hint: str) -> None:
    error = error_of(text)
    assert reason in error.reason
    assert hint in error.hint
    assert error.offset is not None
    assert error.length == len(wrong)
    assert text[error.offset : error.offset + len(wrong)] == wrong
    before = text[: error.offset].split("\n")
    assert (error.line, error.column) == (len(before), len(before[-1]) + 1)


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_lines_are_counted_whatever_ends_them(line_end: str) -> None:
    error = error_of(f"tag = a{line_end}{line_end}and oops")
    assert (error.line, error.column) == (3, 5)
    assert str(error).startswith("line 3, column 5: expected a condition but found")


@pytest.mark.parametrize("opening", ["(", "not ", "(not "])
def test_a_condition_may_be_nested_only_so_deep(opening: str) -> None:
    error = error_of(opening * 10_000 + "tag = a")
    assert f"more than {DEEPEST} deep" in error.reason
    assert error.offset is not None and error.offset <= DEEPEST * len(opening)


def test_negating_counts_as_depth_however_it_is_written() -> None:
    for inner in ("tag != a", "never opened", "opened at most 1 time", "attributes.a is not set"):
        parse("(" * (DEEPEST - 1) + inner + ")" * (DEEPEST - 1))
        assert "deep" in error_of("(" * DEEPEST + inner + ")" * DEEPEST).reason


def test_a_condition_may_be_only_so_long() -> None:
    parse(" or ".join(["tag = a"] * MOST_CONDITIONS))
    assert "conditions" in error_of(" or ".join(["tag = a"] * (MOST_CONDITIONS + 1))).reason
    parse(f"tag in ({', '.join(['a'] * MOST_VALUES)})")
    assert "values" in error_of(f"tag in ({', '.join(['a'] * (MOST_VALUES + 1))})").reason
    assert "characters" in error_of("tag = a" + " " * LONGEST_TEXT).reason


@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(WORDS), max_size=20).map(" ".join)))
@settings(deadline=None, derandomize=True, max_examples=1000)
def test_whatever_is_written_is_understood_or_refused_at_a_place_inside(text: str) -> None:
    try:
        parse(text)
    except SegmentError as error:
        assert error.offset is not None
        assert 0 <= error.offset <= len(text)
