"""JSON payloads of providers, written and read: what arrives is untrusted, so any member may be missing or odd."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

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


def parse_json(body: bytes) -> Any:
    """Raises InputError for a body that is not JSON in UTF-8, is ambiguous, or holds text that cannot be stored.

    RFC 8259, section 8.1, allows UTF-8 only. A member that occurs twice has no defined value (section 4), and neither
    NUL nor half of a surrogate pair can be stored (sections 7 and 8.2 let both arrive).
    """
    try:
        value = json.loads(body.decode(), object_pairs_hook=_object_of, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InputError("the body is not JSON") from error
    # Both need an escape, which hardly any body has.
    if b"\\u" in body and not all(map(is_storable, _texts(value))):
        raise InputError("the body holds a NUL or half of a surrogate pair")
    return value


def _object_of(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) < len(members):
        raise ValueError("a member occurs twice")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def _texts(value: Any) -> Iterator[str]:
    """All names and texts in a JSON value, at any depth."""
    waiting = [value]
    while waiting:
        match waiting.pop():
            case str(text):
                yield text
            case dict(members):
                waiting += members
                waiting += members.values()
            case list(items):
                waiting += items


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
        return datetime.fromtimestamp(float(text), UTC)
    except (ValueError, OverflowError, OSError):
        pass
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    # The first and the last years have times that other time zones lack.
    return (time if time.tzinfo else time.replace(tzinfo=UTC)) if 1970 <= time.year < 9999 else None


def check_age(signed_at: str, *, now: datetime, longest: timedelta) -> None:
    """Raises SignatureError if the time of a signature is missing, older than `longest`, or of the future."""
    time = parse_time(signed_at)
    if time is None or not now - longest <= time <= now + _MOST_AHEAD:
        raise SignatureError("the signature of the request is too old, or of the future")
