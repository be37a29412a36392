"""Rendition: the rendered content of a dispatch, frozen and hashed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

# JSON as json.loads gives it; recursive aliases help no reader here.
Json: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class Rendition:
    """The content that a channel of `kind` will send. The payload is JSON in a form of the channel.

    Per-recipient parts are tokens of the form ``@@name@@`` inside it, filled in by the channel as it sends.
    """

    kind: str
    payload: Mapping[str, Json]

    def canonical(self) -> str:
        """The canonical JSON text of this payload: equal payloads give equal text."""
        return json.dumps(self.payload, ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    @property
    def digest(self) -> str:
        """SHA-256 of the kind and the canonical payload, in hexadecimal."""
        return hashlib.sha256(f"{self.kind}\n{self.canonical()}".encode()).hexdigest()
