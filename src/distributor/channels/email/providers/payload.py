"""JSON payloads of providers, written and read: what arrives is untrusted, so any member may be missing or odd."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from distributor.domain.errors import InputError


def dump_json(value: Mapping[str, object]) -> bytes:
    """`value` as JSON without the members that are None or empty: providers reject empty fields."""
    present = {name: member for name, member in value.items() if member not in (None, "", [], {})}
    return json.dumps(present, ensure_ascii=False, separators=(",", ":")).encode()


def encode_base64(content: bytes) -> str:
    return b64encode(content).decode("ascii")


def parse_json(body: bytes) -> Any:
    """Raises InputError for a body that is not JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InputError("the body is not JSON") from error


def parse_object(body: bytes) -> Mapping[str, Any]:
    """The JSON object in a body; an empty one if the body is anything else."""
    try:
        return as_object(json.loads(body))
    except (ValueError, RecursionError):
        return {}


def as_object(value: Any) -> Mapping[str, Any]:
    """`value` if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def text_of(fields: Mapping[str, Any], name: str) -> str:
    """A text or a number of an object as text; empty if it is neither."""
    value = fields.get(name)
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def parse_time(text: str) -> datetime | None:
    """A time in ISO 8601 or in seconds since 1970; None if it is neither."""
    try:
        return datetime.fromtimestamp(float(text), UTC)
    except (ValueError, OverflowError, OSError):
        pass
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
