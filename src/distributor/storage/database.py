"""The connection to PostgreSQL: a pool whose errors are raised as DataError, DiskFullError or ServiceError.

The first two characters of the SQLSTATE of an error are its class ("Appendix A. PostgreSQL Error Codes" of its manual).
Classes 22, 23 and 54 are about a value: the server works, and the same value fails again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import psycopg
from sqlalchemy import URL, Connection, Engine, create_engine, event, func, literal, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from distributor.domain.errors import (
    ConfigurationError,
    DataError,
    DiskFullError,
    DistributorError,
    QueryTimeoutError,
    ServiceError,
)

__all__ = ["Connection", "Database", "read_one_moment", "savepoint", "tune_for_large_query"]

_DATA_CLASSES = frozenset({"22", "23", "54"})
_DISK_FULL = "53100"
_CANCELED = "57014"
# PostgreSQL rolled the transaction back, such as after a deadlock.
_ROLLED_BACK_CLASSES = frozenset({"40", "55"})
_UNSTORABLE = "a text holds a NUL, half of a character, or another character that cannot be stored"
# What is wrong with a value, by SQLSTATE; the server's own words may quote the value.
_DATA_FAULTS = {
    "22001": "a text is too long",
    "22003": "a number is out of range",
    "22008": "a time is out of range",
    "22021": _UNSTORABLE,
    "22P05": _UNSTORABLE,
    "23502": "a value is missing",
    "23503": "a value refers to something that does not exist",
    "23505": "there is one with this value already",
    "23514": "a value breaks a rule",
    "54000": "a value is too long for an index or a search",
    "54001": "a value is nested too deeply",
}

# When a connection was given back to the pool, in its record; and how long it may be idle without being tested.
_USED_AT = "used_at"
_IDLE_SECONDS = 0.2
# For the joins of one query over all subscribers.
_WORK_MEMORY = "64MB"


class Database:
    """Connections to one PostgreSQL database. `pool_size` is how many stay open."""

    def __init__(self, url: str, *, pool_size: int = 5) -> None:
        try:
            address = make_url(url)
        except ArgumentError as error:
            raise ConfigurationError(
                "DISTRIBUTOR_DATABASE_URL is not a URL; it looks like postgresql://user@host/name"
            ) from error
        if not address.drivername.startswith("postgresql"):
            raise ConfigurationError(
                f"DISTRIBUTOR_DATABASE_URL names {address.drivername!r}; only PostgreSQL works, as postgresql://user@host/name"
            )
        self.url = address.set(drivername="postgresql+psycopg")
        pooling: dict[str, object] = (
            {"poolclass": NullPool} if pool_size == 0 else {"pool_size": pool_size, "max_overflow": 10}
        )
        self._engine = create_engine(
            self.url,
            # Parameters are addresses and names: they do not belong in a traceback.
            hide_parameters=True,
            connect_args={"connect_timeout": 10, "application_name": "distributor", "options": "-c timezone=UTC"},
            **pooling,
        )
        if pool_size > 0:
            _test_idle_connections(self._engine)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A connection inside a transaction: committed at the end, rolled back on any error.

        Raises DataError for a value that PostgreSQL refuses, DiskFullError if it has no room, QueryTimeoutError if a
        statement takes longer than it may, and ServiceError if it cannot be reached or goes away.
        """
        with _translated_errors(self.url), self._engine.begin() as connection:
            yield connection

    def version(self) -> str:
        """Name and version of the server, such as `PostgreSQL 18.1`. Raises ServiceError."""
        with self.begin() as connection:
            return f"PostgreSQL {connection.execute(text('SHOW server_version')).scalar_one()}"

    def clock(self) -> datetime:
        """The time of the server. Raises ServiceError."""
        with self.begin() as connection:
            now: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
            return now

    def address_for_programs(self) -> tuple[str, dict[str, str]]:
        """The URL without its password, and the environment that holds it, for PostgreSQL's own programs."""
        bare = self.url.set(drivername="postgresql", password=None)
        password = {"PGPASSWORD": str(self.url.password)} if self.url.password else {}
        return bare.render_as_string(), password

    def close(self) -> None:
        """Close the idle connections."""
        self._engine.dispose()


def _test_idle_connections(engine: Engine) -> None:
    """Let the pool test a connection that was idle before it is used, and replace it if its server has gone away.

    As `pool_pre_ping`, but without a round trip more for each of the many short transactions of one step.
    """

    @event.listens_for(engine, "checkin")
    def note_use(_connection: object, record: ConnectionPoolEntry) -> None:
        record.info[_USED_AT] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def test(connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: object) -> None:
        used_at = record.info.get(_USED_AT)
        if used_at is None or time.monotonic() - used_at < _IDLE_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except psycopg.Error as error:
            # The pool opens another connection.
            raise DisconnectionError from error


@contextmanager
def savepoint(connection: Connection) -> Iterator[None]:
    """A part of a transaction that is rolled back alone on any error. Raises what `Database.begin` raises."""
    with _translated_errors(connection.engine.url), connection.begin_nested():
        yield


def tune_for_large_query(connection: Connection) -> None:
    """Until the transaction ends: more memory for joins, and no JIT compilation, which costs more than it saves."""
    is_local = literal(value=True)
    connection.execute(
        select(func.set_config("work_mem", _WORK_MEMORY, is_local), func.set_config("jit", "off", is_local))
    )


def read_one_moment(connection: Connection, *, within: timedelta) -> None:
    """The transaction, of which this is the first statement, sees one moment and changes nothing.

    Each statement that takes longer than `within` raises QueryTimeoutError.
    """
    connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
    limit = f"{int(within / timedelta(milliseconds=1))}ms"
    connection.execute(select(func.set_config("statement_timeout", limit, literal(value=True))))


@contextmanager
def _translated_errors(url: URL) -> Iterator[None]:
    try:
        yield
    except PoolTimeoutError as error:
        raise ServiceError("every connection to PostgreSQL is in use; try again, or run more processes") from error
    except UnicodeEncodeError as error:
        # By the driver: half of a surrogate pair has no UTF-8.
        raise DataError(_UNSTORABLE) from error
    except (DBAPIError, psycopg.Error) as error:
        # COPY is not executed by SQLAlchemy, which therefore does not wrap its errors.
        cause = error.orig if isinstance(error, DBAPIError) else error
        translated = _translate(cause, url) if isinstance(cause, psycopg.Error) else None
        if translated is None:
            raise
        raise translated from error


def _translate(error: psycopg.Error, url: URL) -> DistributorError | None:
    """The error of ours that means the same; None for a mistake in our statement."""
    sqlstate = error.sqlstate or ""
    if sqlstate[:2] in _DATA_CLASSES or isinstance(error, psycopg.DataError):
        fault = _DATA_FAULTS.get(sqlstate) or (f"a value is invalid (SQLSTATE {sqlstate})" if sqlstate else _UNSTORABLE)
        return DataError(fault, place=_place_of(error.diag))
    if not isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return None
    place = url.render_as_string(hide_password=True).replace("+psycopg", "")
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    if sqlstate == _CANCELED:
        return QueryTimeoutError(f"PostgreSQL gave up: {reason}")
    if sqlstate == _DISK_FULL:
        return DiskFullError(f"the disk of PostgreSQL at {place} is full: {reason}; free some space")
    if sqlstate[:2] in _ROLLED_BACK_CLASSES:
        return ServiceError(f"PostgreSQL at {place} rolled the transaction back: {reason}; try again")
    return ServiceError(f"PostgreSQL at {place} does not answer: {reason}")


def _place_of(diagnostic: psycopg.errors.Diagnostic) -> str:
    """The table and the column, index or constraint."""
    inner = diagnostic.column_name or diagnostic.constraint_name
    return ".".join(part for part in (diagnostic.table_name, inner) if part)
