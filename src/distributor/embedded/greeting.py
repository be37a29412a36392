"""What the keeper of the servers tells each user: where they are, or why there are none. One line of JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from distributor.domain.errors import ConfigurationError, DistributorError, ServiceError

_ERRORS: Mapping[str, type[DistributorError]] = {kind.__name__: kind for kind in (ConfigurationError, ServiceError)}


@dataclass(frozen=True, slots=True)
class Services:
    """Two servers that answer. Their URLs let anyone in, so they stay out of logs."""

    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)


def announce(services: Services) -> bytes:
    """The greeting of a keeper whose servers answer."""
    return _line(asdict(services))


def excuse(error: DistributorError) -> bytes:
    """The greeting of a keeper whose servers could not be started."""
    kind = type(error).__name__ if type(error).__name__ in _ERRORS else ServiceError.__name__
    return _line({"error": kind, "message": str(error)})


def understand(line: bytes) -> Services:
    """The services a greeting announces. Raises the error it excuses itself with."""
    said = json.loads(line)
    if "error" in said:
        raise _ERRORS[said["error"]](said["message"])
    return Services(said["database_url"], said["redis_url"])


def _line(said: Mapping[str, str]) -> bytes:
    return json.dumps(said).encode() + b"\n"
