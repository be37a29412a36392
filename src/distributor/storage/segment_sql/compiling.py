"""A condition as one boolean expression over `subscribers` that is never NULL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, and_, not_, or_

from distributor.domain.segments.condition import And, Condition, Leaf, Not, Or
from distributor.storage.segment_sql.attributes import ATTRIBUTES
from distributor.storage.segment_sql.context import Context
from distributor.storage.segment_sql.engagement import ENGAGEMENT
from distributor.storage.segment_sql.people import PEOPLE

_LEAVES: Mapping[type[Leaf], Callable[[Any, Context], ColumnElement[bool]]] = {**PEOPLE, **ATTRIBUTES, **ENGAGEMENT}


def people_of(condition: Condition, context: Context) -> ColumnElement[bool]:
    """Who the condition holds, without references to other segments (`references.expanded`).

    Every part is true or false and never NULL, so that `not` means everybody else.
    """
    match condition:
        case And(conditions):
            return and_(*(people_of(one, context) for one in conditions))
        case Or(conditions):
            return or_(*(people_of(one, context) for one in conditions))
        case Not(inner):
            return _everybody_else(inner, context)
    return _LEAVES[type(condition)](condition, context)


def _everybody_else(condition: Condition, context: Context) -> ColumnElement[bool]:
    """The opposite. `not` goes down to the leaves: PostgreSQL joins over NOT EXISTS, but not over NOT (… OR EXISTS)."""
    match condition:
        case And(conditions):
            return or_(*(_everybody_else(one, context) for one in conditions))
        case Or(conditions):
            return and_(*(_everybody_else(one, context) for one in conditions))
        case Not(inner):
            return people_of(inner, context)
    return not_(_LEAVES[type(condition)](condition, context))
