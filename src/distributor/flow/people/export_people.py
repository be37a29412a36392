"""Export subscribers as a stream of CSV or JSON lines, which the import reads back unchanged."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from itertools import islice

from distributor.domain.rendition import Json
from distributor.domain.subscriber_export import Exported, Selection
from distributor.flow.app_context import AppContext
from distributor.importers.distributor_export import COLUMNS, NO_TOPICS
from distributor.importers.values import escape_formula, join_list
from distributor.storage import exports

_AT_ONCE = 500


class ExportFormat(StrEnum):
    """CSV as RFC 4180 has it, with formulas escaped; or one JSON object to a line."""

    CSV = "csv"
    JSONL = "jsonl"


def export_people(
    app: AppContext, selection: Selection, *, format_: ExportFormat = ExportFormat.CSV
) -> Iterator[bytes]:
    """The selected subscribers in pieces, read in one transaction; a connection is in use until the last piece.

    Raises NotFoundError, with the first piece, for an unknown list or segment.
    """
    encode = _ENCODERS[format_]
    with app.database.begin() as connection:
        records = map(_values, exports.people(connection, selection, now=app.clock()))
        yield from encode(records)


def _as_csv(people: Iterator[Mapping[str, Json]]) -> Iterator[bytes]:
    yield _csv_of([COLUMNS])
    while some := list(islice(people, _AT_ONCE)):
        yield _csv_of([escape_formula(_cell(name, facts[name])) for name in COLUMNS] for facts in some)


def _as_json_lines(people: Iterator[Mapping[str, Json]]) -> Iterator[bytes]:
    while some := list(islice(people, _AT_ONCE)):
        yield "".join(f"{json.dumps(facts, ensure_ascii=False)}\n" for facts in some).encode()


def _csv_of(rows: Iterable[Iterable[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _values(one: Exported) -> dict[str, Json]:
    """The values by column; the order is that of the columns and of the names in JSON."""
    person, membership = one.subscriber, one.membership
    consent = membership.consent if membership else None
    return {
        "email": person.email,
        "name": person.name,
        "language": person.language,
        "zone": person.zone,
        "tags": list(person.tags),
        "attributes": dict(person.attributes),
        "status": person.status.value,
        "suppressed": [reason.value for reason in one.suppressed],
        "created_at": person.created_at.isoformat(),
        "lists": {slug: state.value for slug, state in one.lists.items()},
        "state": membership.state.value if membership else "",
        "topics": list(membership.topics) if membership and membership.topics is not None else None,
        "consent_action": consent.action.value if consent else "",
        "consent_method": consent.method.value if consent else "",
        "consent_at": consent.at.isoformat() if consent else "",
        "consent_ip_address": consent.ip_address if consent else "",
        "consent_text": consent.text if consent else "",
    }


def _cell(name: str, value: Json) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if name == "topics" and not value:
        return NO_TOPICS
    if isinstance(value, list):
        return join_list(tuple(map(str, value)))
    return json.dumps(value, ensure_ascii=False) if value else ""


_ENCODERS = {ExportFormat.CSV: _as_csv, ExportFormat.JSONL: _as_json_lines}
