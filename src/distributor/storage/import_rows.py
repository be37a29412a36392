"""Bringing people in by the thousand: staged by COPY, then merged in a handful of statements over all of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from distributor.domain.consent import ConsentMethod
from distributor.domain.importing import WELCOME, BadRow, ImportCounts, ImportMode, SourceValues
from distributor.domain.rendition import Json
from distributor.domain.subscriber import Membership
from distributor.storage import import_statements as statements
from distributor.storage import lists
from distributor.storage.database import Connection

ERASED = "was erased at their own wish, and is not made known again"
REPEATED = "the address stands in line {first} already"
_COPY_AT_ONCE = 500
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportContext:
    """Under what terms people come in: the import and its mode, the list, and the number of the wording it rests on."""

    import_id: int
    mode: ImportMode
    list_id: int
    text_id: int
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedRows:
    """What became of the people, and which of them were refused."""

    counts: ImportCounts
    refused: tuple[BadRow, ...]


def merge(connection: Connection, people: Sequence[SourceValues], terms: ImportContext) -> ImportedRows:
    """Bring people in. Everybody concerned stays locked to the end of the transaction, in the order of their keys.

    Who left the list stays away, and what the file says against mail is heeded, unless consent was given here later.
    """
    lists.lock(connection, terms.list_id)
    _stage(connection, people)
    refused, skipped = _drop_refused(connection, people, terms)
    put = connection.execute(statements.PUT, {"now": terms.now}).rowcount
    if put < len(people) - len(refused) - skipped:
        connection.execute(statements.FIND_UNCHANGED)
    standings = {told.standing for told in people if told.standing is not WELCOME}
    values = _values(terms)
    if any(standing.reasons for standing in standings):
        connection.execute(statements.SUPPRESS, {"note": f"import {terms.import_id}", "now": terms.now})
    connection.execute(statements.SUBSCRIBE, values)
    if any(standing.state is Membership.PENDING for standing in standings):
        connection.execute(statements.REQUEST, values)
    if any(standing.state is Membership.UNSUBSCRIBED for standing in standings):
        connection.execute(statements.LEAVE, values)
    return _result(people, refused, skipped, connection.execute(statements.COUNT).one())


def count_changes(connection: Connection, people: Sequence[SourceValues], terms: ImportContext) -> ImportedRows:
    """What `merge` would count. Nobody comes in; only the addresses read are kept in mind."""
    _stage(connection, people)
    refused, skipped = _drop_refused(connection, people, terms)
    return _result(people, refused, skipped, connection.execute(statements.SURVEY, {"list_id": terms.list_id}).one())


def _stage(connection: Connection, people: Sequence[SourceValues]) -> None:
    for statement in statements.STAGES:
        connection.execute(statement)
    # COPY is psycopg's own; it runs in the same transaction.
    raw: Any = connection.connection.driver_connection
    with raw.cursor() as cursor, cursor.copy("COPY importing FROM STDIN") as copy:
        for start in range(0, len(people), _COPY_AT_ONCE):
            copy.write("".join(map(_staged, people[start : start + _COPY_AT_ONCE])))


def _staged(told: SourceValues) -> str:
    person, standing = told.person, told.standing
    cells = (
        str(told.line),
        person.key,
        person.email,
        person.name.translate(_ESCAPES),
        person.language,
        person.zone,
        _json(person.attributes) if person.attributes else "{}",
        _array(person.tags) if person.tags else "{}",
        standing.status,
        standing.state,
        "\\N" if standing.topics is None else _array(standing.topics),
        standing.frequency,
        _array(standing.reasons) if standing.reasons else "{}",
        standing.left_at.isoformat() if standing.left_at else "\\N",
        told.network.translate(_ESCAPES),
        _json(told.evidence) if told.evidence else "{}",
    )
    return "\t".join(cells) + "\n"


def _json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False).translate(_ESCAPES)


def _array(values: Iterable[str]) -> str:
    quoted = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return ("{" + ",".join(f'"{value}"' for value in quoted) + "}").translate(_ESCAPES)


def _drop_refused(
    connection: Connection, people: Sequence[SourceValues], terms: ImportContext
) -> tuple[dict[int, str], int]:
    """Take out who does not come in: the reasons by their lines, and how many are passed over without one."""
    refused: dict[int, str] = {}
    kept = connection.execute(statements.KEEP_KEYS, {"import_id": terms.import_id}).scalar_one()
    if kept < len(people):
        repeated = connection.execute(statements.DROP_REPEATED, {"import_id": terms.import_id})
        refused = {row.line: REPEATED.format(first=row.first) for row in repeated}
    refused |= dict.fromkeys(connection.execute(statements.DROP_ERASED).scalars(), ERASED)
    if terms.mode is ImportMode.UPDATE:
        return refused, 0
    known = connection.execute(statements.DROP_KNOWN).scalars().all()
    if terms.mode is ImportMode.SKIP:
        return refused, len(known)
    return refused | dict.fromkeys(known, "is known already, and only new people are to come in"), 0


def _values(terms: ImportContext) -> dict[str, object]:
    return {
        "import_id": terms.import_id,
        "list_id": terms.list_id,
        "text_id": terms.text_id,
        "method": ConsentMethod.IMPORT,
        "now": terms.now,
    }


def _result(people: Sequence[SourceValues], refused: dict[int, str], skipped: int, counted: Row[Any]) -> ImportedRows:
    counts = ImportCounts(
        read=len(people),
        new=counted.new,
        changed=counted.changed,
        unchanged=counted.unchanged,
        skipped=skipped,
        bad=len(refused),
    )
    bad = (
        BadRow(line=told.line, reason=refused[told.line], cells=told.cells) for told in people if told.line in refused
    )
    return ImportedRows(counts=counts, refused=tuple(bad) if refused else ())
