"""Merge fields in SQL: the values stored with a delivery, which subscribers lack them, and which none has."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.types import Text

from distributor.domain.errors import NotFoundError
from distributor.domain.merge_fields import ATTRIBUTES, FieldGroup, MergeFields, ReaderFields, attribute_path
from distributor.storage import tables
from distributor.storage.database import Connection

# Stored with every delivery.
_ALWAYS = ("name", "email")
# How many of the newest subscribers are read for names of attributes, for a hint.
_RECENT = 10_000


def frozen_fields(keys: Collection[str]) -> ColumnElement[Any]:
    """A JSON object of a subscriber's fields: always name and email, and those of `keys` with a value, as texts."""
    person = tables.subscribers.c
    always = func.jsonb_build_object("name", person.name, "email", person.email)
    others = sorted(set(keys).difference(_ALWAYS))
    if not others:
        return always
    pairs = [part for key in others for part in (key, _value(key))]
    return always.op("||")(func.jsonb_strip_nulls(func.jsonb_build_object(*pairs)))


def reader_fields_of(connection: Connection, key: str, fields: Collection[str]) -> ReaderFields:
    """The merge fields of the subscriber with this key, as far as they have values.

    Raises NotFoundError.
    """
    person = tables.subscribers.c
    row = connection.execute(select(person.email, frozen_fields(fields)).where(person.key == key)).one_or_none()
    if row is None:
        raise NotFoundError("subscriber", key)
    return ReaderFields(email=row[0], fields=row[1])


def groups_of_dispatch(connection: Connection, dispatch_id: int, needs: MergeFields) -> Iterator[FieldGroup]:
    """The recipients of a dispatch that lack a needed field, grouped by the fields that matter."""
    delivery = tables.deliveries.c
    return group_rows(connection, select(delivery.fields).where(delivery.dispatch_id == dispatch_id), needs)


def group_rows(connection: Connection, rows: Select[Any], needs: MergeFields) -> Iterator[FieldGroup]:
    """The same for rows with one column, `fields`, as `frozen_fields` makes it."""
    needed, decisive = sorted(needs.fields.difference({"email"})), sorted(needs.decisive.difference({"email"}))
    if not needed:
        return
    # OFFSET keeps PostgreSQL from building the object again for each access.
    fields = rows.offset(0).subquery().c.fields
    text = {key: func.coalesce(fields.op("->>", return_type=Text())(key), "") for key in needed}
    held = array([text[key] != "" for key in needed])
    values = array([text[key] for key in decisive]) if decisive else array([""])
    found = connection.execute(
        select(held, values, func.count()).where(or_(*(one == "" for one in text.values()))).group_by(held, values)
    )
    for has, texts, count in found:
        yield FieldGroup(
            count=count,
            held=frozenset(key for key, is_there in zip(needed, has, strict=True) if is_there) | {"email"},
            values={key: value for key, value in zip(decisive, texts, strict=False) if value},
        )


def unknown_attributes(connection: Connection, keys: Collection[str]) -> list[str]:
    """The attributes among these fields that no subscriber has."""
    return [
        key
        for key in sorted(keys)
        if attribute_path(key) and not connection.execute(select(exists().where(_value(key).is_not(None)))).scalar_one()
    ]


def recent_attributes(connection: Connection) -> Sequence[str]:
    """The names of the attributes of the newest subscribers, sorted."""
    person = tables.subscribers.c
    newest = select(person.attributes).order_by(person.id.desc()).limit(_RECENT).subquery()
    names = select(func.jsonb_object_keys(newest.c.attributes)).distinct()
    return sorted(connection.execute(names).scalars())


def _value(key: str) -> ColumnElement[Any]:
    """The text of a field, or NULL if it is empty."""
    person = tables.subscribers.c
    path = attribute_path(key)
    if not path:
        return func.nullif(person[key], "")
    assert key.startswith(ATTRIBUTES), "a key is built in or of an attribute"  # noqa: S101
    value = func.jsonb_extract_path(person.attributes, *path)
    text = func.jsonb_extract_path_text(person.attributes, *path)
    kind = func.jsonb_typeof(value)
    return case((or_(kind.in_(["string", "number"]), and_(kind == "boolean", text == "true")), func.nullif(text, "")))
