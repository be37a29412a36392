"""Conditions on fields, status, tags, lists and topics as SQL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, false, func, or_, true

from distributor.domain.segments.condition import (
    ChoseTopic,
    Created,
    Everyone,
    Field,
    FieldIs,
    FieldIsSet,
    FieldMatches,
    Leaf,
    MailStatus,
    OnList,
    StatusIs,
    TagIs,
    TextMatch,
)
from distributor.domain.subscriber import Membership, SubscriberStatus
from distributor.storage import tables
from distributor.storage.segment_sql.context import Context, instant, pattern_of, texts

_PERSON = tables.subscribers.c
_COLUMNS: Mapping[Field, ColumnElement[Any]] = {
    Field.NAME: _PERSON.name,
    Field.EMAIL: _PERSON.key,
    Field.DOMAIN: _PERSON.domain,
    Field.LANGUAGE: _PERSON.language,
    Field.ZONE: _PERSON.zone,
}


def matches(text: ColumnElement[Any], match: TextMatch, part: str) -> ColumnElement[bool]:
    """Whether a text contains `part`; PostgreSQL folds the case of both."""
    before = "" if match is TextMatch.STARTS_WITH else "%"
    after = "" if match is TextMatch.ENDS_WITH else "%"
    return text.ilike(pattern_of(part, before=before, after=after))


def _everyone(_condition: Everyone, _context: Context) -> ColumnElement[bool]:
    return true()


def _field_is(condition: FieldIs, _context: Context) -> ColumnElement[bool]:
    column = _COLUMNS[condition.field]
    if condition.field is not Field.LANGUAGE:
        return column == func.any(texts(condition.values))
    # RFC 4647 section 3.3.1: a range matches the tag itself and whatever continues it after a hyphen. ILIKE and not
    # lower(), because PostgreSQL knows how many rows ILIKE leaves.
    return or_(
        *(column.ilike(pattern_of(value, before="", after=after)) for value in condition.values for after in ("", "-%"))
    )


def _field_matches(condition: FieldMatches, _context: Context) -> ColumnElement[bool]:
    return matches(_COLUMNS[condition.field], condition.match, condition.text)


def _field_is_set(condition: FieldIsSet, _context: Context) -> ColumnElement[bool]:
    return _COLUMNS[condition.field] != ""


def _status_is(condition: StatusIs, context: Context) -> ColumnElement[bool]:
    is_active = _PERSON.status == SubscriberStatus.ACTIVE
    is_paused = func.coalesce(_PERSON.paused_until > instant(context.now), false())
    meanings = {
        MailStatus.ACTIVE: and_(is_active, ~is_paused),
        MailStatus.PAUSED: and_(is_active, is_paused),
        MailStatus.DISABLED: ~is_active,
    }
    return or_(*(meanings[value] for value in condition.values))


def _created(condition: Created, context: Context) -> ColumnElement[bool]:
    return context.within(_PERSON.created_at, condition.window)


def _tag_is(condition: TagIs, _context: Context) -> ColumnElement[bool]:
    is_tagged: ColumnElement[bool] = _PERSON.tags.overlap(texts(condition.tags))
    return is_tagged


def _on_list(condition: OnList, context: Context) -> ColumnElement[bool]:
    membership = tables.memberships.alias()
    return exists().where(
        membership.c.subscriber_id == _PERSON.id,
        membership.c.state == condition.state,
        membership.c.list_id.in_([context.list_ids[slug] for slug in condition.lists]) if condition.lists else true(),
        context.within(membership.c.state_changed_at, condition.window),
    )


def _chose_topic(condition: ChoseTopic, context: Context) -> ColumnElement[bool]:
    membership = tables.memberships.alias()
    slugs = [slug for topic in condition.topics for slug in context.topics[topic]]
    return exists().where(
        membership.c.subscriber_id == _PERSON.id,
        membership.c.state == Membership.SUBSCRIBED,
        membership.c.topics.overlap(texts(slugs)),
        membership.c.list_id == context.list_ids[condition.list_slug] if condition.list_slug is not None else true(),
    )


PEOPLE: Mapping[type[Leaf], Callable[[Any, Context], ColumnElement[bool]]] = {
    Everyone: _everyone,
    FieldIs: _field_is,
    FieldMatches: _field_matches,
    FieldIsSet: _field_is_set,
    StatusIs: _status_is,
    Created: _created,
    TagIs: _tag_is,
    OnList: _on_list,
    ChoseTopic: _chose_topic,
}
