"""Health: whether this process lives, and whether the service can do its work."""

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
from distributor.storage import heartbeats
from distributor.storage.schema import check_schema

# The beat ticks every second; it may be restarted without anybody being called.
_LONGEST_SILENCE = timedelta(seconds=60)
_NEVER_KEPT = {"Cache-Control": "no-store"}

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing the service needs, and a sentence about it. Anybody may read it, so it names no server."""

    name: str
    ok: bool
    message: str


class HealthEndpoints:
    """For whoever runs it, and their machines."""

    def __init__(self, app: AppContext) -> None:
        self._app = app

    def routes(self) -> list[Route]:
        return [Route("/healthz", self.say_alive), Route("/readyz", self.say_ready)]

    def say_alive(self, request: Request) -> Response:
        """Asks nobody else: a database that is away is no reason to start this process again."""
        return JSONResponse({"alive": True}, headers=_NEVER_KEPT)

    def say_ready(self, request: Request) -> Response:
        checks = run_checks(self._app)
        is_ready = all(check.ok for check in checks)
        body = {"ready": is_ready, "checks": [asdict(check) for check in checks]}
        return JSONResponse(body, 200 if is_ready else 503, headers=_NEVER_KEPT)


def run_checks(app: AppContext) -> list[Check]:
    """Everything that has to work for anything to go out, looked at now."""
    return [*_database_checks(app), _redis_check(app)]


def _database_checks(app: AppContext) -> list[Check]:
    alive = Check("postgresql", True, "PostgreSQL answers.")
    try:
        check_schema(app.database)
        return [alive, Check("schema", True, "The database has the schema of this version."), _beat_check(app)]
    except SchemaError as error:
        wrong = Check("schema", False, _sentence(str(error)))
        return [alive, wrong, Check("beat", False, "The beat cannot be looked up under this schema.")]
    except ServiceError as error:
        _log.error("a service does not answer", reason=str(error))
        return [
            Check(
                "postgresql", False, "PostgreSQL does not answer: is it running, and is DISTRIBUTOR_DATABASE_URL right?"
            ),
            Check("schema", False, "The schema cannot be looked up without PostgreSQL."),
            Check("beat", False, "The beat cannot be looked up without PostgreSQL."),
        ]


def _beat_check(app: AppContext) -> Check:
    with app.database.begin() as connection:
        last = heartbeats.last_heartbeat(connection, "beat")
    if last is None:
        return Check("beat", False, "The beat has never run, so nothing goes out: start `distributor beat`.")
    silence = app.clock() - last
    if silence > _LONGEST_SILENCE:
        seconds = int(silence.total_seconds())
        return Check("beat", False, f"The beat was last seen {seconds} seconds ago: start `distributor beat`.")
    return Check("beat", True, "The beat ticks.")


def _redis_check(app: AppContext) -> Check:
    try:
        app.redis.ping()
    except RedisError as error:
        _log.error("a service does not answer", reason=f"Redis: {type(error).__name__}")
        return Check("redis", False, "Redis does not answer: is it running, and is DISTRIBUTOR_REDIS_URL right?")
    return Check("redis", True, "Redis answers.")


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
