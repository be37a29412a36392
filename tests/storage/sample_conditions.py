"""Random conditions on the sample subscribers: their values are those of the subscribers, or similar."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from distributor.domain.segments.condition import (
    Action,
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
    MailStatus,
    OnList,
    OrderOperator,
    StatusIs,
    TagIs,
    TextMatch,
)
from distributor.domain.segments.window import Ago, TimeWindow, Unit
from distributor.domain.subscriber import Membership
from tests.domain.segments.strategies import joined, many_of
from tests.storage.sample_subscribers import (
    ATTRIBUTES,
    CAMPAIGNS,
    DOMAINS,
    LANGUAGES,
    LISTS,
    MOMENTS,
    NAMES,
    TAGS,
    TOPICS,
    URLS,
    VALUES,
    ZONES,
)

ATTACKS = ("'; DROP TABLE subscribers; --", "' OR '1'='1", "%(x)s", ":name", "$1", "\\'", "{}", "%", "_", "a\nb")
_KEYS = tuple(f"{start}{number}@{domain}" for start in ("p", "o%27") for number in (1, 2, 3) for domain in DOMAINS)
_TEXTS_OF_FIELDS: dict[Field, tuple[str, ...]] = {
    Field.NAME: NAMES,
    Field.EMAIL: _KEYS,
    Field.DOMAIN: DOMAINS,
    Field.LANGUAGE: tuple(language.lower() for language in LANGUAGES),
    Field.ZONE: ZONES,
}


def _several(values: tuple[Any, ...]) -> st.SearchStrategy[tuple[Any, ...]]:
    return many_of(st.sampled_from([value for value in values if value != ""]))


def _parts(texts: tuple[Any, ...]) -> st.SearchStrategy[str]:
    """Parts of the texts, and characters that are in none."""
    whole = st.sampled_from([text for text in texts if isinstance(text, str) and text])
    piece = st.tuples(whole, st.integers(0, 3), st.integers(1, 5)).map(lambda cut: cut[0][cut[1] : cut[1] + cut[2]])
    return st.one_of(piece.filter(bool), whole, whole.map(str.upper), st.sampled_from(ATTACKS))


_scalars = [value for value in VALUES if isinstance(value, str | int | float) and value != ""]
scalars = st.one_of(st.sampled_from(_scalars), st.sampled_from(ATTACKS), st.sampled_from((8010, 30.0, "missing")))
numbers = st.sampled_from([value for value in _scalars if type(value) in {int, float}])
paths = st.one_of(
    st.sampled_from(ATTRIBUTES).map(lambda name: (name,)),
    st.sampled_from((("missing",), ("deep", "x"), ("deep", "x", "y"), ("list", "0"), ("list", "x"))),
)
instants = st.one_of(
    st.sampled_from(MOMENTS), st.builds(Ago, st.sampled_from((1, 36, 90, 9999)), st.sampled_from(Unit))
)
windows = st.one_of(
    st.builds(TimeWindow, since=instants),
    st.builds(TimeWindow, before=instants),
    st.builds(TimeWindow, since=instants, before=instants),
)
_with_last = st.integers(1, 8).flatmap(
    lambda last: st.builds(
        EngagedWithLast,
        action=st.sampled_from([action for action in Action if action is not Action.MAILED]),
        bound=st.sampled_from(Bound),
        count=st.integers(0, last),
        last=st.just(last),
    )
)
_each_kind = (
    st.one_of(
        *(st.builds(FieldIs, field=st.just(field), values=_several(texts)) for field, texts in _TEXTS_OF_FIELDS.items())
    ),
    st.one_of(
        *(
            st.builds(FieldMatches, field=st.just(field), match=st.sampled_from(TextMatch), text=_parts(texts))
            for field, texts in _TEXTS_OF_FIELDS.items()
        )
    ),
    st.builds(FieldIsSet, field=st.sampled_from(Field)),
    st.builds(StatusIs, values=_several(tuple(MailStatus))),
    st.builds(Created, window=windows),
    st.builds(AttributeIs, path=paths, values=many_of(scalars)),
    st.builds(AttributeCompares, path=paths, order=st.sampled_from(OrderOperator), number=numbers),
    st.builds(AttributeMatches, path=paths, match=st.sampled_from(TextMatch), text=_parts(VALUES)),
    st.builds(AttributeHas, path=paths, value=scalars),
    st.builds(AttributeIsSet, path=paths),
    st.builds(AttributeDated, path=paths, window=windows),
    st.builds(TagIs, tags=_several((*TAGS, *ATTACKS))),
    st.builds(
        OnList,
        lists=st.lists(st.sampled_from(LISTS), max_size=2).map(tuple),
        state=st.sampled_from(Membership),
        window=st.none() | windows,
    ),
    st.builds(ChoseTopic, topics=_several((*TOPICS, "none")), list_slug=st.none() | st.sampled_from(LISTS)),
    st.builds(
        Engaged,
        action=st.sampled_from(Action),
        at_least=st.sampled_from((1, 1, 2, 3, 9999)),
        campaign=st.none() | st.integers(1, CAMPAIGNS + 1),
        window=st.none() | windows,
    ),
    st.builds(Engaged, action=st.just(Action.CLICKED), at_least=st.integers(1, 2), link=_parts(URLS)),
    _with_last,
    st.just(Everyone()),
)
# Every kind as often as any other: one_of would take the first ones far more often.
leaves: st.SearchStrategy[Any] = st.integers(0, len(_each_kind) - 1).flatmap(lambda kind: _each_kind[kind])
conditions: st.SearchStrategy[Condition] = st.recursive(leaves, joined, max_leaves=6)
