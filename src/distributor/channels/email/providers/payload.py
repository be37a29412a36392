"""JSON payloads of providers, written and read: what arrives is untrusted, so any member may be missing or odd."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from distributor.domain.errors import InputError, SignatureError
from distributor.domain.stored_text import is_storable

# As far as clocks differ.
_MOST_AHEAD = timedelta(minutes=5)


def dump_json(value: Mapping[str, object]) -> bytes:
    """`value` as JSON without the members that are None or empty: providers reject empty fields."""
    present = {name: member for name, member in value.items() if member not in (None, "", [], {})}
    return json.dumps(present, ensure_ascii=False, separators=(",", ":")).encode()


def encode_base64(content: bytes) -> str:
    return b64encode(content).decode("ascii")


@dataclass(frozen=True, slots=True)
class Fault:
    """Stands in a parsed value for a part that cannot be used, for this reason; `source` is what it was."""

    reason: str
    source: Any


def parse_json(body: bytes) -> Any:
    """Raises InputError for a body that is not JSON in UTF-8, or of which a part cannot be used (`fault_in`)."""
    value = parse_leniently(body)
    if reason := fault_in(value):
        raise InputError(f"the body cannot be used: {reason}")
    return value


def parse_leniently(body: bytes) -> Any:
    """The value, in which a Fault may stand for a part. Raises InputError for a body that is not JSON in UTF-8.

    RFC 8259, section 8.1, allows UTF-8 only.
    """
    try:
        return json.loads(body.decode(), object_pairs_hook=_object_of, parse_constant=_no_number, parse_int=_integer_of)
    except (ValueError, RecursionError) as error:
        raise InputError("the body is not JSON") from error


def fault_in(value: Any) -> str:
    """Why a JSON value cannot be used, empty if it can: it is ambiguous, or holds text that cannot be stored.

    A member that occurs twice has no defined value (RFC 8259, section 4), and neither NUL nor half of a surrogate pair
    can be stored (sections 7 and 8.2 let both arrive).
    """
    waiting = [value]
    while waiting:
        match waiting.pop():
            case str(text) if not is_storable(text):
                return "it holds a NUL or half of a surrogate pair"
            case dict(members):
                waiting += members
                waiting += members.values()
            case list(items):
                waiting += items
            case Fault(reason):
                return reason
    return ""


def source_of(value: Any) -> bytes:
    """A parsed value as JSON in ASCII, with each part as it was."""
    return json.dumps(value, default=lambda fault: fault.source).encode()


def _object_of(members: list[tuple[str, Any]]) -> dict[str, Any] | Fault:
    found = dict(members)
    return found if len(found) == len(members) else Fault("a member occurs twice", members)


def _no_number(name: str) -> Fault:
    return Fault(f"{name} is not a number", name)


def _integer_of(digits: str) -> int | Fault:
    try:
        return int(digits)
    except ValueError:
        return Fault(f"a number has {len(digits)} digits", digits)


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
    """A time in ISO 8601 or in seconds since 1970; None if it is neither, or before 1970."""
    try:
        time = _time_of(text)
    except (ValueError, OverflowError, OSError):
        return None
    # The first and the last years have times that other time zones lack.
    return (time if time.tzinfo else time.replace(tzinfo=UTC)) if 1970 <= time.year < 9999 else None


def _time_of(text: str) -> datetime:
    try:
        seconds = float(text)
    except ValueError:
        return datetime.fromisoformat(text)
    return datetime.fromtimestamp(seconds, UTC)


def check_age(signed_at: str, *, now: datetime, longest: timedelta) -> None:
    """Raises SignatureError if the time of a signature is missing, older than `longest`, or of the future."""
    time = parse_time(signed_at)
    if time is None or not now - longest <= time <= now + _MOST_AHEAD:
        raise SignatureError("the signature of the request is too old, or of the future")
