"""Health checks: whether this process runs, and whether the service is ready to work."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta

import structlog
from redis import RedisError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from distributor.domain.errors import SchemaError, ServiceError
from distributor.flow.app_context import AppContext
from distributor.flow.operations.processes import has_one_secret_key
from distributor.storage import heartbeats, notices, processes, quarantine
from distributor.storage.schema import check_schema

# The beat ticks every second; a restart must not raise an alarm.
_BEAT_IS_LATE = timedelta(seconds=60)
_NO_STORE = {"Cache-Control": "no-store"}

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check. It is public, so it names no server."""

    name: str
    ok: bool
    message: str


class HealthEndpoints:
    """Liveness and readiness, for operators and load balancers."""

    def __init__(self, app: AppContext) -> None:
        self._app = app

    def routes(self) -> list[Route]:
        return [Route("/healthz", self.liveness), Route("/readyz", self.readiness)]

    async def liveness(self, request: Request) -> Response:
        """Checks nothing else: a database that is down is no reason to restart this process.

        It needs no thread, so it responds while all of them wait for the database.
        """
        return JSONResponse({"alive": True}, headers=_NO_STORE)

    def readiness(self, request: Request) -> Response:
        checks = run_checks(self._app)
        is_ready = all(check.ok for check in checks)
        held = count_held(self._app)
        one_key = has_same_secret_key(self._app)
        body = {
            "ready": is_ready,
            # Ready, but with items in quarantine: the others are processed. Or with processes whose links and secrets
            # are invalid for one another.
            "degraded": not is_ready or bool(held) or one_key is False,
            "checks": [asdict(check) for check in checks],
            "quarantine": held,
            "same_secret_key": one_key,
            "attention": count_matters(self._app),
        }
        return JSONResponse(body, 200 if is_ready else 503, headers=_NO_STORE)


def run_checks(app: AppContext) -> list[Check]:
    """Check everything that must work for campaigns to be sent."""
    return [*_database_checks(app), _redis_check(app)]


def count_held(app: AppContext) -> dict[str, int] | None:
    """How many items are in quarantine, by loop, without those that have none; None if that cannot be found out."""
    try:
        check_schema(app.database)
        with app.database.begin() as connection:
            counts = quarantine.count_by_loop(connection)
    except (SchemaError, ServiceError):
        return None
    return {loop.value: count for loop, count in counts.items() if count}


def count_matters(app: AppContext) -> dict[str, int] | None:
    """How many matters need a person, by what they are about; None if that cannot be found out."""
    try:
        check_schema(app.database)
        with app.database.begin() as connection:
            return notices.count_lasting(connection)
    except (SchemaError, ServiceError):
        return None


def has_same_secret_key(app: AppContext) -> bool | None:
    """Whether all running processes have the same secret key; None if that cannot be found out."""
    try:
        check_schema(app.database)
        with app.database.begin() as connection:
            return has_one_secret_key(processes.all_reported(connection))
    except (SchemaError, ServiceError):
        return None


def _database_checks(app: AppContext) -> list[Check]:
    alive = Check("postgresql", True, "PostgreSQL responds.")
    try:
        check_schema(app.database)
        return [alive, Check("schema", True, "The database has the schema of this version."), _beat_check(app)]
    except SchemaError as error:
        wrong = Check("schema", False, _as_sentence(str(error)))
        return [alive, wrong, Check("beat", False, "The beat cannot be checked with this schema.")]
    except ServiceError as error:
        _log.error("service unavailable", reason=str(error))
        return [
            Check(
                "postgresql",
                False,
                "PostgreSQL does not respond: is it running, and is DISTRIBUTOR_DATABASE_URL right?",
            ),
            Check("schema", False, "The schema cannot be checked without PostgreSQL."),
            Check("beat", False, "The beat cannot be checked without PostgreSQL."),
        ]


def _beat_check(app: AppContext) -> Check:
    with app.database.begin() as connection:
        last = heartbeats.last_heartbeat(connection, heartbeats.BEAT)
    if last is None:
        return Check("beat", False, "The beat has never run, so nothing is sent: start `distributor beat`.")
    age = app.clock() - last
    if age > _BEAT_IS_LATE:
        seconds = int(age.total_seconds())
        return Check("beat", False, f"The beat was last seen {seconds} seconds ago: start `distributor beat`.")
    return Check("beat", True, "The beat ticks.")


def _redis_check(app: AppContext) -> Check:
    try:
        app.redis.ping()
    except RedisError as error:
        _log.error("service unavailable", reason=f"Redis: {type(error).__name__}")
        return Check("redis", False, "Redis does not respond: is it running, and is DISTRIBUTOR_REDIS_URL right?")
    return Check("redis", True, "Redis responds.")


def _as_sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
