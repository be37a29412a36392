"""The connection to PostgreSQL: a pool whose errors are raised as ServiceError."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, create_engine, func, literal, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import NullPool

from distributor.domain.errors import ConfigurationError, ServiceError

__all__ = ["Connection", "Database", "tune_for_large_query"]

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
        self._place = address.render_as_string(hide_password=True)
        self.url = address.set(drivername="postgresql+psycopg")
        pooling: dict[str, object] = (
            {"poolclass": NullPool} if pool_size == 0 else {"pool_size": pool_size, "max_overflow": 10}
        )
        self._engine = create_engine(
            self.url,
            pool_pre_ping=pool_size > 0,
            # Parameters are addresses and names: they do not belong in a traceback.
            hide_parameters=True,
            connect_args={"connect_timeout": 10, "application_name": "distributor", "options": "-c timezone=UTC"},
            **pooling,
        )

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A connection inside a transaction: committed at the end, rolled back on any error.

        Raises ServiceError if PostgreSQL cannot be reached or goes away.
        """
        try:
            with self._engine.begin() as connection:
                yield connection
        except PoolTimeoutError as error:
            raise ServiceError("every connection to PostgreSQL is in use; try again, or run more processes") from error
        except (OperationalError, InterfaceError) as error:
            reason = str(error.orig).strip().splitlines()[0] if error.orig else str(error)
            raise ServiceError(f"PostgreSQL at {self._place} does not answer: {reason}") from error

    def version(self) -> str:
        """Name and version of the server, such as `PostgreSQL 18.1`. Raises ServiceError."""
        with self.begin() as connection:
            return f"PostgreSQL {connection.execute(text('SHOW server_version')).scalar_one()}"

    def address_for_programs(self) -> tuple[str, dict[str, str]]:
        """The URL without its password, and the environment that holds it, for PostgreSQL's own programs."""
        bare = self.url.set(drivername="postgresql", password=None)
        password = {"PGPASSWORD": str(self.url.password)} if self.url.password else {}
        return bare.render_as_string(), password

    def close(self) -> None:
        """Close the idle connections."""
        self._engine.dispose()


def tune_for_large_query(connection: Connection) -> None:
    """Until the transaction ends: more memory for joins, and no JIT compilation, which costs more than it saves."""
    is_local = literal(value=True)
    connection.execute(
        select(func.set_config("work_mem", _WORK_MEMORY, is_local), func.set_config("jit", "off", is_local))
    )
