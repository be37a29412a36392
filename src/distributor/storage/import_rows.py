"""Importing subscribers by the thousand: rows are staged by COPY, then merged by a few statements over all of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from distributor.domain.consent import ConsentMethod
from distributor.domain.errors import DataError
from distributor.domain.rendition import Json
from distributor.domain.subscriber import Membership, Person
from distributor.domain.subscriber_import import (
    SUBSCRIBED,
    BadRow,
    ImportCounts,
    ImportMode,
    ImportRow,
)
from distributor.storage import import_statements as statements
from distributor.storage import lists, tags
from distributor.storage.database import Connection, savepoint

ERASED = "was erased at their own request, and is not imported again"
REPEATED = "the address is in line {first} already"
KNOWN = "is known already, and only new subscribers are to be imported"
_COPY_AT_ONCE = 500
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


# The line of a row and the key of the person in it; a row may hold several.
_RowKey = tuple[int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportContext:
    """The import that rows belong to, its mode, its list, and the id of the consent text it is based on."""

    import_id: int
    mode: ImportMode
    list_id: int
    text_id: int
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedRows:
    """How many rows had which result, what the file says of those merged, and the refused ones.

    `objections` are the refused rows that repeat an address and say no.
    """

    counts: ImportCounts
    outcomes: Counter[str]
    refused: tuple[BadRow, ...]
    objections: tuple[ImportRow, ...] = ()


def settle_each(
    connection: Connection,
    people: Sequence[ImportRow],
    context: ImportContext,
    act: Callable[[Connection, Sequence[ImportRow], ImportContext], ImportedRows],
) -> ImportedRows:
    """The result of `act`, which is `merge` or `count_changes`; a row that the database cannot store is refused.

    It is found by halving the rows, so that each good one is settled with others.
    """
    try:
        with savepoint(connection):
            return act(connection, people, context)
    except DataError as error:
        if not people:
            raise
        if len(people) == 1:
            row = people[0]
            bad = BadRow(line=row.line, reason=str(error), cells=row.cells)
            return ImportedRows(counts=ImportCounts(read=1, bad=1), outcomes=Counter(), refused=(bad,))
    middle = len(people) // 2
    halves = [settle_each(connection, half, context, act) for half in (people[:middle], people[middle:])]
    counts = {field.name: sum(getattr(half.counts, field.name) for half in halves) for field in fields(ImportCounts)}
    return ImportedRows(
        counts=ImportCounts(**counts),
        outcomes=halves[0].outcomes + halves[1].outcomes,
        refused=(*halves[0].refused, *halves[1].refused),
        objections=(*halves[0].objections, *halves[1].objections),
    )


def merge(connection: Connection, people: Sequence[ImportRow], context: ImportContext) -> ImportedRows:
    """Merge rows into subscribers, which stay locked until the transaction ends, in the order of their keys.

    A subscriber who unsubscribed stays unsubscribed. Unsubscribes and suppressions in the file are applied, unless
    consent was given here later.
    """
    lists.lock(connection, context.list_id)
    _stage(connection, people)
    refused, skipped = _drop_refused(connection, people, context)
    put = connection.execute(statements.PUT, {"now": context.now}).rowcount
    if put < len(people) - len(refused) - len(skipped):
        connection.execute(statements.FIND_UNCHANGED)
    statuses = {row.status for row in people if row.status is not SUBSCRIBED}
    values = _values(context)
    if any(status.reasons for status in statuses):
        connection.execute(statements.SUPPRESS, {"note": f"import {context.import_id}", "now": context.now})
    connection.execute(statements.SUBSCRIBE, values)
    if any(status.state is Membership.PENDING for status in statuses):
        connection.execute(statements.REQUEST, values)
    if any(status.state is Membership.UNSUBSCRIBED for status in statuses):
        connection.execute(statements.UNSUBSCRIBE, values)
    return _result(people, refused, skipped, connection.execute(statements.COUNT).one())


def object_to(connection: Connection, rows: Sequence[ImportRow], context: ImportContext) -> None:
    """Apply the no of rows that were refused because an earlier row has the address, and has been merged.

    There is one row for each person, of which nothing else counts. Who was known before is left alone unless the mode
    is UPDATE.
    """
    bare = [replace(row, person=Person(key=row.person.key, email=row.person.email, name="")) for row in rows]
    _stage(connection, bare)
    connection.execute(statements.DROP_ERASED)
    if context.mode is not ImportMode.UPDATE:
        connection.execute(statements.KEEP_SUBSCRIBED_BY_IMPORT, _values(context))
    connection.execute(statements.PUT, {"now": context.now})
    connection.execute(statements.FIND_UNCHANGED)
    connection.execute(statements.SUPPRESS, {"note": f"import {context.import_id}", "now": context.now})
    connection.execute(statements.UNSUBSCRIBE, _values(context))


def says_no(row: ImportRow) -> bool:
    """Whether a row says that its person gets no mail."""
    return row.status.state is Membership.UNSUBSCRIBED


def count_changes(connection: Connection, people: Sequence[ImportRow], context: ImportContext) -> ImportedRows:
    """The counts of a `merge`. No subscriber changes; only the addresses of the import are recorded."""
    _stage(connection, people)
    refused, skipped = _drop_refused(connection, people, context)
    return _result(people, refused, skipped, connection.execute(statements.DRY_RUN, {"list_id": context.list_id}).one())


def _stage(connection: Connection, people: Sequence[ImportRow]) -> None:
    for statement in statements.STAGES:
        connection.execute(statement)
    topics = tags.current_by_slug(connection, {slug for row in people for slug in row.status.topics or ()})
    # COPY is psycopg's own; it runs in the same transaction.
    raw: Any = connection.connection.driver_connection
    with raw.cursor() as cursor, cursor.copy("COPY importing FROM STDIN") as copy:
        for start in range(0, len(people), _COPY_AT_ONCE):
            copy.write("".join(_staged(row, topics) for row in people[start : start + _COPY_AT_ONCE]))


def _staged(row: ImportRow, topics: Mapping[str, str]) -> str:
    person, status = row.person, row.status
    cells = (
        str(row.line),
        person.key,
        person.email,
        person.name.translate(_ESCAPES),
        person.language,
        person.zone,
        _json(person.attributes) if person.attributes else "{}",
        _array(person.tags) if person.tags else "{}",
        status.status,
        status.state,
        "\\N" if status.topics is None else _array(dict.fromkeys(topics[slug] for slug in status.topics)),
        _array(status.reasons) if status.reasons else "{}",
        status.unsubscribed_at.isoformat() if status.unsubscribed_at else "\\N",
        row.ip_address.translate(_ESCAPES),
        _json(row.evidence) if row.evidence else "{}",
    )
    return "\t".join(cells) + "\n"


def _json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False).translate(_ESCAPES)


def _array(values: Iterable[str]) -> str:
    quoted = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return ("{" + ",".join(f'"{value}"' for value in quoted) + "}").translate(_ESCAPES)


def _drop_refused(
    connection: Connection, people: Sequence[ImportRow], context: ImportContext
) -> tuple[dict[_RowKey, str], set[_RowKey]]:
    """Delete staged rows that are not imported: those refused, with the reasons, and those skipped without one."""
    refused: dict[_RowKey, str] = {}
    kept = connection.execute(statements.KEEP_KEYS, {"import_id": context.import_id}).scalar_one()
    if kept < len(people):
        repeated = connection.execute(statements.DROP_REPEATED, {"import_id": context.import_id})
        refused = {(row.line, row.key): REPEATED.format(first=row.first) for row in repeated}
    erased = connection.execute(statements.DROP_ERASED)
    refused |= {(row.line, row.key): ERASED for row in erased}
    if context.mode is ImportMode.UPDATE:
        return refused, set()
    known = {(row.line, row.key) for row in connection.execute(statements.DROP_KNOWN)}
    if context.mode is ImportMode.SKIP:
        return refused, known
    return refused | dict.fromkeys(known, KNOWN), set()


def _values(context: ImportContext) -> dict[str, object]:
    return {
        "import_id": context.import_id,
        "list_id": context.list_id,
        "text_id": context.text_id,
        "method": ConsentMethod.IMPORT,
        "now": context.now,
    }


def _result(
    people: Sequence[ImportRow], refused: dict[_RowKey, str], skipped: set[_RowKey], counted: Row[Any]
) -> ImportedRows:
    counts = ImportCounts(
        read=len(people),
        new=counted.new,
        changed=counted.changed,
        unchanged=counted.unchanged,
        skipped=len(skipped),
        bad=len(refused),
    )
    bad: list[BadRow] = []
    objections: list[ImportRow] = []
    outcomes: Counter[str] = Counter()
    for row in people:
        key = row.line, row.person.key
        if reason := refused.get(key):
            bad.append(BadRow(line=row.line, reason=reason, cells=row.cells))
            if says_no(row) and reason not in {ERASED, KNOWN}:
                objections.append(row)
        elif key not in skipped:
            outcomes[row.status.outcome.value] += 1
    return ImportedRows(counts=counts, outcomes=outcomes, refused=tuple(bad), objections=tuple(objections))
