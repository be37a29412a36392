"""Conditions at random: every kind, with values that are hard to quote."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import available_timezones

from hypothesis import strategies as st

from distributor.domain.segments.condition import (
    Action,
    And,
    AttributeCompares,
    AttributeDated,
    AttributeHas,
    AttributeIs,
    AttributeIsSet,
    AttributeMatches,
    Bound,
    ChoseTopic,
    Condition,
    Created,
    Engaged,
    EngagedWithLast,
    Everyone,
    Field,
    FieldIs,
    FieldIsSet,
    FieldMatches,
    InSegment,
    Leaf,
    MailStatus,
    Not,
    OnList,
    Or,
    OrderOperator,
    StatusIs,
    TagIs,
    TextMatch,
)
from distributor.domain.segments.window import Ago, TimeWindow, Unit
from distributor.domain.subscriber import Membership

HARD_TEXTS = (
    "and",
    "Not",
    "true",
    "3",
    "-1.50",
    "any",
    "none",
    "a b",
    "'",
    '"',
    "\\",
    "%",
    "_",
    "\n",
    "; --",
    "🎈",
    "ﬁ",
    "2026-01-01",
)

texts = st.one_of(
    st.sampled_from(HARD_TEXTS),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=12),
)
slugs = st.sampled_from(("news", "weekly-letter", "and", "any", "2026", "uber", "новости"))
numbers = st.one_of(st.integers(-(2**53) + 1, 2**53 - 1), st.floats(-1e15, 1e15, allow_nan=False, allow_infinity=False))
scalars = st.one_of(texts, numbers, st.booleans())
paths = st.lists(texts, min_size=1, max_size=4).map(tuple)
instants = st.one_of(
    st.datetimes(timezones=st.just(UTC)),
    st.dates().map(lambda day: datetime(day.year, day.month, day.day, tzinfo=UTC)),
    st.builds(Ago, st.integers(1, 9999), st.sampled_from(Unit)),
)
windows = st.one_of(
    st.builds(TimeWindow, since=instants),
    st.builds(TimeWindow, before=instants),
    st.builds(TimeWindow, since=instants, before=instants),
)


def many_of(values: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(values, min_size=1, max_size=3).map(tuple)


FIELD_VALUES = {
    Field.NAME: texts,
    Field.EMAIL: st.sampled_from(("ada@example.org", "o'neil+x@example.org", "ünal@xn--bcher-kva.example")),
    Field.DOMAIN: st.sampled_from(("example.org", "xn--bcher-kva.example")),
    Field.LANGUAGE: texts.map(str.lower),
    Field.ZONE: st.sampled_from(sorted(available_timezones())),
}


def with_last() -> st.SearchStrategy[EngagedWithLast]:
    return st.integers(1, 50).flatmap(
        lambda last: (
            st.builds(
                EngagedWithLast,
                action=st.sampled_from([action for action in Action if action is not Action.MAILED]),
                bound=st.just(Bound.AT_MOST),
                count=st.integers(0, last),
                last=st.just(last),
            )
            | st.builds(
                EngagedWithLast,
                action=st.just(Action.OPENED),
                bound=st.just(Bound.AT_LEAST),
                count=st.integers(1, last),
                last=st.just(last),
            )
        )
    )


leaves: st.SearchStrategy[Leaf] = st.one_of(
    st.just(Everyone()),
    *(st.builds(FieldIs, field=st.just(field), values=many_of(values)) for field, values in FIELD_VALUES.items()),
    st.builds(FieldMatches, field=st.sampled_from(Field), match=st.sampled_from(TextMatch), text=texts),
    st.builds(FieldIsSet, field=st.sampled_from(Field)),
    st.builds(StatusIs, values=many_of(st.sampled_from(MailStatus))),
    st.builds(Created, window=windows),
    st.builds(AttributeIs, path=paths, values=many_of(scalars)),
    st.builds(AttributeCompares, path=paths, order=st.sampled_from(OrderOperator), number=numbers),
    st.builds(AttributeMatches, path=paths, match=st.sampled_from(TextMatch), text=texts),
    st.builds(AttributeHas, path=paths, value=scalars),
    st.builds(AttributeIsSet, path=paths),
    st.builds(AttributeDated, path=paths, window=windows),
    st.builds(TagIs, tags=many_of(texts)),
    st.builds(
        OnList,
        lists=st.lists(slugs, max_size=2).map(tuple),
        state=st.sampled_from(Membership),
        window=st.none() | windows,
    ),
    st.builds(ChoseTopic, topics=many_of(slugs), list_slug=st.none() | slugs),
    st.builds(
        Engaged,
        action=st.sampled_from(Action),
        at_least=st.integers(1, 9999),
        campaign=st.none() | st.integers(1, 10**15),
        window=st.none() | windows,
    ),
    st.builds(Engaged, action=st.just(Action.CLICKED), link=texts, window=st.none() | windows),
    with_last(),
    st.builds(InSegment, slug=slugs),
)


def joined(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    several = st.lists(inner, min_size=2, max_size=4).map(tuple)
    return st.one_of(st.builds(And, several), st.builds(Or, several), st.builds(Not, inner))


conditions: st.SearchStrategy[Condition] = st.recursive(leaves, joined, max_leaves=8)
