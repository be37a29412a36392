"""What the supervisor sends to each client that connects: the servers' URLs, or an error. One line of JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from distributor.domain.errors import ConfigurationError, DistributorError, ServiceError

_ERRORS: Mapping[str, type[DistributorError]] = {kind.__name__: kind for kind in (ConfigurationError, ServiceError)}


@dataclass(frozen=True, slots=True)
class Services:
    """Two servers that accept connections. Their URLs are all it takes to use them, so they stay out of logs."""

    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)


def encode_services(services: Services) -> bytes:
    """The handshake of a supervisor whose servers are ready."""
    return _encode(asdict(services))


def encode_error(error: DistributorError) -> bytes:
    """The handshake of a supervisor whose servers could not be started."""
    kind = type(error).__name__ if type(error).__name__ in _ERRORS else ServiceError.__name__
    return _encode({"error": kind, "message": str(error)})


def decode(line: bytes) -> Services:
    """The services in a handshake. If it holds an error instead, that error is raised."""
    message = json.loads(line)
    if "error" in message:
        raise _ERRORS[message["error"]](message["message"])
    return Services(message["database_url"], message["redis_url"])


def _encode(message: Mapping[str, str]) -> bytes:
    return json.dumps(message).encode() + b"\n"
