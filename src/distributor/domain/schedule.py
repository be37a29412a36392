"""Schedule: parse times as users write them."""

from __future__ import annotations

import difflib
import re
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from distributor.domain.errors import ScheduleError

# A start time may be so much in the past: it takes time to fill in a form.
GRACE = timedelta(seconds=60)

_INSTANT = re.compile(
    r"(?P<date>\d{4}-\d{2}-\d{2})[Tt ]"
    r"(?P<time>\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,6})?)?)"
    r" ?(?P<offset>[Zz]|[+-]\d{2}:?\d{2})?",
    re.ASCII,
)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_DELAY = re.compile(r"\+ ?(?:\d{1,6}[smhdw] ?)+", re.ASCII | re.IGNORECASE)
_DELAY_PART = re.compile(r"(\d+)([smhdw])", re.ASCII | re.IGNORECASE)
_UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_INSTANT_FORMS = "write it as 2026-12-24 09:00 with a time zone, or as 2026-12-24T09:00+01:00"
_MOMENT_FORMS = f"{_INSTANT_FORMS}, as +2h, or as now"


def parse_local_time(text: str, *, zone: str | None, now: datetime) -> datetime:
    """The time that `text` names, in aware UTC; `now` is aware.

    Understands "now", a delay ("+10m", "+1h30m"; units s m h d w) and everything that `parse_instant` does.
    Raises ScheduleError also for a time more than GRACE ago.
    """
    if zone is not None:
        zone_named(zone)
    given = text.strip()
    if given.casefold() == "now":
        return now.astimezone(UTC)
    if _DELAY.fullmatch(given):
        return _after(given, now)
    moment = _read(given, zone, _MOMENT_FORMS)
    if moment < now - GRACE:
        raise ScheduleError(f"{given!r} is in the past: it was {_spell(now - moment)} ago; choose a later time or now")
    return moment


def parse_instant(text: str, *, zone: str | None) -> datetime:
    """The instant that an ISO 8601 date and time names, past or future, in aware UTC.

    An offset inside `text` decides; without one the text is the wall-clock time in `zone`, an IANA name. A
    wall-clock time that occurs twice, when clocks are set back, is the first one (RFC 5545 section 3.3.5); one that
    clocks skip is rejected, as is one without offset and zone. Raises ScheduleError.
    """
    return _read(text.strip(), zone, _INSTANT_FORMS)


def zone_named(name: str) -> ZoneInfo:
    """The time zone with this IANA name, exactly spelled. Raises ScheduleError that suggests similar names."""
    if name in _zone_names():
        return ZoneInfo(name)
    similar = _similar_zones(name)
    hint = f"did you mean {' or '.join(similar)}?" if similar else "use an IANA name such as Europe/Berlin or UTC"
    raise ScheduleError(f"there is no time zone {name!r}; {hint}")


def _read(given: str, zone: str | None, forms: str) -> datetime:
    found = _INSTANT.fullmatch(given)
    if found is None:
        missing = "a time of day is missing after the date" if _DATE.fullmatch(given) else "it is not a time"
        raise ScheduleError(f"{given!r} cannot be understood: {missing}; {forms}")
    home = zone_named(zone) if zone is not None else None
    try:
        written = datetime.fromisoformat(f"{found['date']}T{found['time']}{(found['offset'] or '').upper()}")
        if written.tzinfo is not None:
            return written.astimezone(UTC)
        if home is None:
            raise ScheduleError(f"{given!r} names no time zone: add an offset such as +01:00, or name a zone")
        return _first_instant(written, home)
    except (ValueError, OverflowError) as error:
        raise ScheduleError(f"{given!r} is not a date and time of the calendar: {error}") from None


def _after(delay: str, now: datetime) -> datetime:
    try:
        wait = sum((int(count) * _UNITS[unit.lower()] for count, unit in _DELAY_PART.findall(delay)), timedelta())
        return now.astimezone(UTC) + wait
    except OverflowError:
        raise ScheduleError(f"{delay!r} is further away than the calendar reaches; choose a shorter delay") from None


def _first_instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """The instant at which clocks in `zone` show `wall`: the first one, if there are two."""
    moment = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    shown = moment.astimezone(zone).replace(tzinfo=None)
    if shown != wall:
        raise ScheduleError(
            f"there is no {wall:%H:%M} on {wall:%Y-%m-%d} in {zone.key}: clocks are set forward over it; "
            f"choose a time before the change or from {shown:%H:%M} on"
        )
    return moment


def _spell(span: timedelta) -> str:
    minutes = int(span.total_seconds()) // 60
    if minutes < 120:
        return f"{minutes} minute{'s' if minutes != 1 else ''}"
    return f"{minutes // 60} hours" if minutes < 48 * 60 else f"{minutes // (24 * 60)} days"


@cache
def _zone_names() -> frozenset[str]:
    return frozenset(available_timezones())


def _similar_zones(name: str) -> list[str]:
    """At most three: the same name in another case, else those of that city and similar ones."""
    given = name.strip().casefold().replace(" ", "_")
    names = {zone.casefold(): zone for zone in sorted(_zone_names())}
    if given in names:
        return [names[given]]
    cities = [zone for folded, zone in names.items() if folded.rpartition("/")[2] == given]
    close = [names[folded] for folded in difflib.get_close_matches(given, names, n=3, cutoff=0.75)]
    return list(dict.fromkeys([*cities, *close]))[:3]
