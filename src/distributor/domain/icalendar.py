"""iCalendar (RFC 5545): a calendar that other programs subscribe to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

_LONGEST_LINE = 75
_CONTROLS = dict.fromkeys((*range(9), *range(11, 32), 127))


class EventStatus(StrEnum):
    """How sure it is that an event takes place."""

    TENTATIVE = "TENTATIVE"
    CONFIRMED = "CONFIRMED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarEvent:
    """An event without a duration. `uid` stays the same when it moves; `sequence` grows when it changes."""

    uid: str
    sequence: int
    starts_at: datetime
    summary: str
    description: str
    url: str
    status: EventStatus


def icalendar_text(name: str, events: Iterable[CalendarEvent], *, now: datetime) -> str:
    """The calendar with this name and these events, as `text/calendar`."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Distributor//Calendar//EN",
        "CALSCALE:GREGORIAN",
        f"X-WR-CALNAME:{_escaped(name)}",
        "REFRESH-INTERVAL;VALUE=DURATION:PT1H",
        *(line for event in events for line in _event(event, now)),
        "END:VCALENDAR",
    ]
    return "".join(f"{part}\r\n" for line in lines for part in _folded(line))


def _event(event: CalendarEvent, now: datetime) -> Iterator[str]:
    yield "BEGIN:VEVENT"
    yield f"UID:{_escaped(event.uid)}"
    yield f"DTSTAMP:{_utc(now)}"
    yield f"SEQUENCE:{event.sequence}"
    yield f"DTSTART:{_utc(event.starts_at)}"
    yield f"SUMMARY:{_escaped(event.summary)}"
    yield f"DESCRIPTION:{_escaped(event.description)}"
    yield f"URL:{event.url.translate(_CONTROLS)}"
    yield f"STATUS:{event.status}"
    # It is no appointment: nobody is busy at that time.
    yield "TRANSP:TRANSPARENT"
    yield "END:VEVENT"


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _escaped(text: str) -> str:
    """A value of the type TEXT (section 3.3.11)."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").translate(_CONTROLS)
    for sign in ("\\", ";", ","):
        lines = lines.replace(sign, f"\\{sign}")
    return lines.replace("\n", "\\n")


def _folded(line: str) -> Iterator[str]:
    """The line in pieces of at most 75 octets, of which no character is cut (section 3.1)."""
    piece, size = "", 0
    for sign in line:
        octets = len(sign.encode())
        if size + octets > _LONGEST_LINE:
            yield piece
            piece, size = " ", 1
        piece, size = piece + sign, size + octets
    yield piece
