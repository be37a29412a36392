"""The processes of the service: each reports that it runs, and the settings it works with."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import insert

from distributor.storage import tables
from distributor.storage.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceProcess:
    """A process of the service: `kind` is the command that runs it, `name` tells it from others of its kind.

    Each secret among its settings is a fingerprint, equal for equal secrets under the same secret key.
    """

    id: UUID
    kind: str
    name: str
    host: str
    pid: int
    version: str
    settings: Mapping[str, str]
    started_at: datetime

    @property
    def title(self) -> str:
        """What it is called in messages."""
        return f"{self.name} (process {self.pid} on {self.host})"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedProcess:
    """A process that has reported, and how long ago it last did, by the clock of the database."""

    process: ServiceProcess
    silent_for: timedelta


def report(connection: Connection, process: ServiceProcess) -> None:
    """Store that the process runs at this moment."""
    values = {name: getattr(process, name) for name in ServiceProcess.__slots__}
    seen = {"seen_at": func.clock_timestamp()}
    connection.execute(
        insert(tables.processes)
        .values(**values | {"settings": dict(process.settings)}, **seen)
        .on_conflict_do_update(index_elements=["id"], set_=seen)
    )


def has_table(connection: Connection) -> bool:
    """Whether the schema of the database has this table: the first one had not."""
    return connection.execute(text("SELECT to_regclass('processes')")).scalar_one() is not None


def all_reported(connection: Connection) -> list[ReportedProcess]:
    """All processes that have reported and were not forgotten, in the order of their names."""
    table = tables.processes
    silent_for = (func.clock_timestamp() - table.c.seen_at).label("silent_for")
    query = select(table, silent_for).order_by(table.c.name, table.c.host, table.c.started_at)
    return [
        ReportedProcess(
            process=ServiceProcess(**{name: getattr(row, name) for name in ServiceProcess.__slots__}),
            silent_for=max(row.silent_for, timedelta()),
        )
        for row in connection.execute(query)
    ]


def forget(connection: Connection, ids: Collection[UUID]) -> None:
    """Delete the reports of processes that have ended."""
    connection.execute(delete(tables.processes).where(tables.processes.c.id.in_(ids)))
