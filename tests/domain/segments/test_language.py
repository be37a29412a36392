"""The language of segments: what it says, and that nothing is lost on the way to text and back."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings

from distributor.domain.segments.condition import (
    Action,
    And,
    AttributeIs,
    Bound,
    Engaged,
    EngagedWithLast,
    Not,
    OnList,
    Or,
    TagIs,
    lists_named,
    segments_named,
)
from distributor.domain.segments.parser import parse
from distributor.domain.segments.printer import print_condition
from distributor.domain.segments.window import Ago, TimeWindow, Unit
from distributor.domain.subscriber import Membership
from tests.domain.segments.strategies import conditions


@given(conditions)
@settings(deadline=None, derandomize=True, max_examples=600)
def test_a_condition_that_is_printed_is_read_as_the_same(condition: object) -> None:
    printed = print_condition(condition)  # type: ignore[arg-type]
    assert parse(printed) == condition
    assert "\n" not in printed


def tag(name: str) -> TagIs:
    return TagIs(tags=(name,))


def test_not_binds_closest_then_and_then_or() -> None:
    assert parse("not tag = a and tag = b or tag = c") == Or((And((Not(tag("a")), tag("b"))), tag("c")))
    assert parse("not (tag = a and (tag = b or tag = c))") == Not(And((tag("a"), Or((tag("b"), tag("c"))))))


def test_words_are_read_without_regard_to_case_and_lines() -> None:
    assert parse("NOT\tTag =\r\n a AND tag\n=b") == And((Not(tag("a")), tag("b")))


LAST_90_DAYS = TimeWindow(since=Ago(90, Unit.DAYS))


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("tag != a", Not(tag("a"))),
        ("tag not in (a, 'b c')", Not(TagIs(tags=("a", "b c")))),
        ("clicked within the last 90 days", Engaged(action=Action.CLICKED, window=LAST_90_DAYS)),
        ("clicked within 90 days", Engaged(action=Action.CLICKED, window=LAST_90_DAYS)),
        ("never clicked in the last 90 days", Not(Engaged(action=Action.CLICKED, window=LAST_90_DAYS))),
        ("bounced softly twice", Engaged(action=Action.BOUNCED_SOFTLY, at_least=2)),
        ("bounced hard once", Engaged(action=Action.BOUNCED_HARD)),
        ("opened at most 2 times", Not(Engaged(action=Action.OPENED, at_least=3))),
        ("was sent 3 times in campaign 7", Engaged(action=Action.MAILED, at_least=3, campaign=7)),
        (
            "opened none of the last 5",
            EngagedWithLast(action=Action.OPENED, bound=Bound.AT_MOST, count=0, last=5),
        ),
        (
            "clicked all of the last 3 mails",
            EngagedWithLast(action=Action.CLICKED, bound=Bound.AT_LEAST, count=3, last=3),
        ),
        (
            "opened in the last month",
            Engaged(action=Action.OPENED, window=TimeWindow(since=Ago(1, Unit.MONTHS))),
        ),
        (
            "opened on 2026-01-31",
            Engaged(
                action=Action.OPENED,
                window=TimeWindow(since=datetime(2026, 1, 31, tzinfo=UTC), before=datetime(2026, 2, 1, tzinfo=UTC)),
            ),
        ),
        (
            "opened after 2026-01-31",
            Engaged(action=Action.OPENED, window=TimeWindow(since=datetime(2026, 2, 1, tzinfo=UTC))),
        ),
        ("list = 'Weekly Letter'", OnList(lists=("weekly-letter",))),
        ("unsubscribed from news", OnList(lists=("news",), state=Membership.UNSUBSCRIBED)),
        ("unsubscribed", Engaged(action=Action.UNSUBSCRIBED)),
        ('attributes.a."b c" in (8010, "8010", true)', AttributeIs(path=("a", "b c"), values=(8010, "8010", True))),
    ],
)
def test_words_mean(text: str, condition: object) -> None:
    assert parse(text) == condition


def test_a_number_is_no_text_and_true_is_no_number() -> None:
    (number, text, truth) = (parse(f"attributes.a = {value}") for value in ("1", '"1"', "true"))
    assert isinstance(number, AttributeIs) and isinstance(text, AttributeIs) and isinstance(truth, AttributeIs)
    assert [type(one.values[0]) for one in (number, text, truth)] == [int, str, bool]


def test_what_a_condition_refers_to_is_named() -> None:
    condition = parse("segment = a or not (list in (x, y) and topic = t on z) or segment = b or subscribed to any list")
    assert segments_named(condition) == {"a", "b"}
    assert lists_named(condition) == {"x", "y", "z"}
