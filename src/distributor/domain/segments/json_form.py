"""A condition as JSON, for the API and for storage. docs/reference/segments.md lists the forms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from distributor.domain.errors import SegmentError
from distributor.domain.rendition import Json
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
from distributor.domain.segments.field_values import read_field_value, read_slug, read_topic
from distributor.domain.segments.json_path import JsonPath
from distributor.domain.segments.json_values import (
    Codec,
    choice,
    count,
    number,
    path,
    scalar,
    several,
    text,
    window,
)
from distributor.domain.segments.limits import DEEPEST, LARGEST_CAMPAIGN, LARGEST_COUNT, MOST_MAILS
from distributor.domain.segments.parser import parse
from distributor.domain.segments.printer import print_condition
from distributor.domain.subscriber import Membership

_JOINTS: Mapping[str, type[And | Or]] = {"all": And, "any": Or}


def condition_to_json(condition: Condition) -> dict[str, Json]:
    """The condition as plain JSON. Default values are left out."""
    match condition:
        case And(conditions):
            return {"all": [condition_to_json(one) for one in conditions]}
        case Or(conditions):
            return {"any": [condition_to_json(one) for one in conditions]}
        case Not(inner):
            return {"not": condition_to_json(inner)}
    form = _FORMS_BY_TYPE[type(condition)]
    given = {slot.key: slot for slot in form.slots if getattr(condition, slot.attribute) != slot.default}
    return {"kind": form.kind} | {
        key: slot.codec.write(getattr(condition, slot.attribute)) for key, slot in given.items()
    }


def condition_from_json(plain: Json) -> Condition:
    """The condition in `plain`, as json.loads returns it; an `all` or `any` of one condition is that condition.

    Raises SegmentError with the path.
    """
    condition = _read(JsonPath(plain), depth=0)
    try:
        # A stored condition can always be shown as text, so the limits of the language apply here too.
        parse(print_condition(condition))
    except SegmentError as error:
        raise SegmentError(error.reason, hint=error.hint, path="$") from None
    return condition


@dataclass(frozen=True, slots=True)
class _Slot:
    """A name in the JSON of a condition, and its attribute; `default` applies if it is absent."""

    key: str
    codec: Codec
    attribute: str
    default: Any = ...


@dataclass(frozen=True, slots=True)
class _Form:
    kind: str
    type: type[Leaf]
    slots: tuple[_Slot, ...] = ()
    # Checks that involve several values. Raises SegmentError with the path of the object.
    finish: Callable[[JsonPath, Any], Leaf] = lambda _, leaf: leaf


def _read(node: JsonPath, *, depth: int) -> Condition:
    if depth > DEEPEST:
        raise SegmentError(f"conditions are nested more than {DEEPEST} deep here", path=node.path)
    names = node.keys()
    joint = next((name for name in ("all", "any", "not", "kind") if name in names), None)
    if joint is None:
        raise SegmentError('expected an object with "kind", "all", "any" or "not"', path=node.path)
    if joint == "kind":
        return _read_leaf(node)
    node.allow_only((joint,))
    inner = node.member(joint)
    if inner is None:
        raise SegmentError(f"{joint!r} is null", path=node.path)
    if joint == "not":
        return Not(_read(inner, depth=depth + 1))
    conditions = tuple(_read(one, depth=depth + 1) for one in inner.items())
    inner.reject_if("the list is empty" if not conditions else None)
    return _JOINTS[joint](conditions) if len(conditions) > 1 else conditions[0]


def _read_leaf(node: JsonPath) -> Leaf:
    kind = node.member("kind")
    if kind is None:
        raise SegmentError("'kind' is null", path=node.path)
    form = _FORMS[kind.one_of(_FORMS.keys())]
    node.allow_only(("kind", *(slot.key for slot in form.slots)))
    return form.finish(node, form.type(**{slot.attribute: _read_slot(node, slot) for slot in form.slots}))


def _read_slot(node: JsonPath, slot: _Slot) -> Any:
    found = node.member(slot.key)
    if found is not None:
        return slot.codec.read(found)
    if slot.default is ...:
        raise SegmentError(f"{slot.key!r} is missing", path=node.path)
    return slot.default


def _finish_field(node: JsonPath, leaf: FieldIs) -> FieldIs:
    """The valid values depend on the field."""
    is_value = several(text(partial(read_field_value, leaf.field)))
    return FieldIs(field=leaf.field, values=_read_slot(node, _Slot("is", is_value, "values")))


def _finish_engaged(node: JsonPath, leaf: Engaged) -> Engaged:
    node.reject_if("only a click has a link" if leaf.link is not None and leaf.action is not Action.CLICKED else None)
    return leaf


def _finish_engaged_with_last(node: JsonPath, leaf: EngagedWithLast) -> EngagedWithLast:
    node.reject_if("every mail was sent: name another action" if leaf.action is Action.MAILED else None)
    node.reject_if(f"{leaf.count} of the last {leaf.last} mails is impossible" if leaf.count > leaf.last else None)
    node.reject_if("at least 0 is everyone" if (leaf.bound, leaf.count) == (Bound.AT_LEAST, 0) else None)
    return leaf


_PATH = _Slot("path", path(), "path")
_FIELD = _Slot("field", choice(Field), "field")
_MATCH = (_Slot("match", choice(TextMatch), "match"), _Slot("text", text(), "text"))
_WHEN = _Slot("when", window(), "window")
_OPTIONAL_WHEN = _Slot("when", window(), "window", None)
_ACTION = _Slot("action", choice(Action), "action")
_SLUG = text(read_slug)
_TOPIC = text(read_topic)

_ALL_FORMS = (
    _Form("everyone", Everyone),
    _Form("field", FieldIs, (_FIELD, _Slot("is", several(text()), "values")), _finish_field),
    _Form("field_matches", FieldMatches, (_FIELD, *_MATCH)),
    _Form("field_is_set", FieldIsSet, (_FIELD,)),
    _Form("status", StatusIs, (_Slot("is", several(choice(MailStatus)), "values"),)),
    _Form("created", Created, (_WHEN,)),
    _Form("attribute", AttributeIs, (_PATH, _Slot("is", several(scalar()), "values"))),
    _Form(
        "attribute_compares",
        AttributeCompares,
        (_PATH, _Slot("order", choice(OrderOperator), "order"), _Slot("number", number(), "number")),
    ),
    _Form("attribute_matches", AttributeMatches, (_PATH, *_MATCH)),
    _Form("attribute_has", AttributeHas, (_PATH, _Slot("value", scalar(), "value"))),
    _Form("attribute_is_set", AttributeIsSet, (_PATH,)),
    _Form("attribute_dated", AttributeDated, (_PATH, _WHEN)),
    _Form("tag", TagIs, (_Slot("is", several(text()), "tags"),)),
    _Form(
        "list",
        OnList,
        (
            _Slot("is", several(_SLUG, least=0), "lists"),
            _Slot("state", choice(Membership), "state", Membership.SUBSCRIBED),
            _OPTIONAL_WHEN,
        ),
    ),
    _Form("topic", ChoseTopic, (_Slot("is", several(_TOPIC), "topics"), _Slot("list", _SLUG, "list_slug", None))),
    _Form(
        "engaged",
        Engaged,
        (
            _ACTION,
            _Slot("at_least", count(most=LARGEST_COUNT), "at_least", 1),
            _Slot("link", text(), "link", None),
            _Slot("campaign", count(most=LARGEST_CAMPAIGN), "campaign", None),
            _OPTIONAL_WHEN,
        ),
        _finish_engaged,
    ),
    _Form(
        "engaged_with_last",
        EngagedWithLast,
        (
            _ACTION,
            _Slot("bound", choice(Bound), "bound"),
            _Slot("count", count(least=0, most=MOST_MAILS), "count"),
            _Slot("last", count(most=MOST_MAILS), "last"),
        ),
        _finish_engaged_with_last,
    ),
    _Form("segment", InSegment, (_Slot("is", _SLUG, "slug"),)),
)
_FORMS: Mapping[str, _Form] = {form.kind: form for form in _ALL_FORMS}
_FORMS_BY_TYPE: Mapping[type[Leaf], _Form] = {form.type: form for form in _ALL_FORMS}
