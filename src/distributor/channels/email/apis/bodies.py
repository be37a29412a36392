"""Bodies of calls and answers: JSON both ways."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Any


def object_in(body: bytes) -> Mapping[str, Any]:
    """The JSON object that a body holds, or an empty one."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def as_json(value: Mapping[str, object]) -> bytes:
    """`value` without the members that are None or empty: providers refuse a field that says nothing."""
    told = {name: member for name, member in value.items() if member not in (None, "", [], {})}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def in_base64(content: bytes) -> str:
    return b64encode(content).decode("ascii")
