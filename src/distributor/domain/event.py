"""Event: what happened to a delivery afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from distributor.domain.rendition import Json


class EventKind(StrEnum):
    """The kind of event. DELAY: a server reported that it could not deliver the mail yet, and goes on trying."""

    OPEN = "open"
    CLICK = "click"
    UNSUBSCRIBE = "unsubscribe"
    DELAY = "delay"
    BOUNCE = "bounce"
    COMPLAINT = "complaint"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event. Events with the same `key` are one event that was reported more than once."""

    delivery_id: int
    kind: EventKind
    at: datetime
    key: str
    detail: Mapping[str, Json] = field(default_factory=dict)
