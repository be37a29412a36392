"""Schedule: parse times and time zones as users write them, and show them again."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from distributor.domain.errors import ScheduleError

# A start time may be so much in the past: it takes time to fill in a form.
GRACE = timedelta(seconds=60)
# What could not be sent for so long after its time, because no service ran, may be wrong by now: a person decides.
TOO_LATE = timedelta(hours=6)

_INSTANT = re.compile(
    r"(?P<date>\d{4}-\d{2}-\d{2})[Tt ]"
    r"(?P<time>\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,6})?)?)"
    r" ?(?P<offset>[Zz]|[+-]\d{2}:?\d{2})?",
    re.ASCII,
)
# An offset from UTC; RFC 5545 and ISO 8601 count east of Greenwich as plus.
_OFFSET = re.compile(r"(?:(?:UTC|GMT) ?)?([+−-])(\d{1,2}(?=:|$)|\d{2})(?::?([0-5]\d))?", re.ASCII | re.IGNORECASE)
_LEAST_OFFSET, _LARGEST_OFFSET = timedelta(hours=-12), timedelta(hours=14)
# The offsets of the tz database, whose sign is that of POSIX: Etc/GMT+10 is ten hours behind UTC.
_REVERSED = re.compile(r"Etc/GMT[+-]\d{1,2}")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_DELAY = re.compile(r"\+ ?(?:\d{1,6}[smhdw] ?)+", re.ASCII | re.IGNORECASE)
_DELAY_PART = re.compile(r"(\d+)([smhdw])", re.ASCII | re.IGNORECASE)
_FOLLOW_UP = re.compile(r"(?P<delay>\+ ?(?:\d{1,6}[smhdw] ?)+) *after +(?P<channel>\S.*)", re.ASCII | re.IGNORECASE)
_UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_INSTANT_FORMS = "write it as 2026-12-24 09:00 with a time zone, or as 2026-12-24T09:00+01:00"
_MOMENT_FORMS = f"{_INSTANT_FORMS}, as +2h, or as now"


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """A start so long `after` that of another channel of the same campaign, whenever that is."""

    channel_name: str
    after: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class StartTimes:
    """When a campaign starts, in aware UTC: `starts_at`, and `times` of channels by name that differ from it.

    `follow_ups` are channels by name that start after another one. `notes` are sentences about how ambiguous times and
    zones were read.
    """

    starts_at: datetime
    times: Mapping[str, datetime]
    notes: tuple[str, ...]
    follow_ups: Mapping[str, FollowUp] = field(default_factory=dict)

    @classmethod
    def at_once(cls, now: datetime, *, undo_window: timedelta) -> StartTimes:
        """All channels at the end of the time in which it can still be undone."""
        return cls(starts_at=now + undo_window, times={}, notes=())


def parse_start_times(at: str, times: Mapping[str, str], *, zone: str | None, now: datetime) -> StartTimes:
    """The times of a campaign, also past ones. A delay in `at` counts from `now`, one in `times` from `at`.

    One in `times` may name another channel, as in ``+2h after mail``: then it follows that one. Raises ScheduleError.
    """
    starts_at = _parse_time(at, zone=zone, now=now, start=now)
    by_channel, follow_ups = {}, {}
    for name, text in times.items():
        try:
            if (found := _FOLLOW_UP.fullmatch(text.strip())) is not None:
                follow_ups[name] = FollowUp(channel_name=found["channel"], after=_after(found["delay"], now) - now)
            else:
                by_channel[name] = _parse_time(text, zone=zone, now=now, start=starts_at)
        except ScheduleError as error:
            raise ScheduleError(f"time for {name}: {error}") from None
    notes = [note for text in (at, *times.values()) for note in _notes(text.strip(), zone)]
    return StartTimes(starts_at=starts_at, times=by_channel, notes=tuple(dict.fromkeys(notes)), follow_ups=follow_ups)


def followed_by(name: str, follow_ups: Mapping[str, FollowUp]) -> tuple[str, timedelta]:
    """The channel whose own time decides when this one starts, perhaps over others, and how long after it.

    Raises ScheduleError for channels that start after one another in a circle.
    """
    after, passed = timedelta(), [name]
    while (follow_up := follow_ups.get(passed[-1])) is not None:
        after += follow_up.after
        if follow_up.channel_name in passed:
            circle = " after ".join([*passed, follow_up.channel_name])
            raise ScheduleError(f"{circle}: one of them needs a time of its own")
        passed.append(follow_up.channel_name)
    return passed[-1], after


def spell_delay(after: timedelta) -> str:
    """A delay in words, exactly to the minute: ``2 hours``, ``1 day 30 minutes``."""
    minutes = round(after.total_seconds() / 60)
    parts = [(minutes // 1440, "day"), (minutes % 1440 // 60, "hour"), (minutes % 60, "minute")]
    spelled = [f"{count} {unit}{'s' if count != 1 else ''}" for count, unit in parts if count]
    return " ".join(spelled) or "0 minutes"


def parse_local_time(text: str, *, zone: str | None, now: datetime) -> datetime:
    """The time that `text` names, in aware UTC; `now` is aware.

    Understands "now", a delay ("+10m", "+1h30m"; units s m h d w) and everything that `parse_instant` does.
    Raises ScheduleError also for a time more than GRACE ago.
    """
    time = _parse_time(text, zone=zone, now=now, start=now)
    if time < now - GRACE:
        raise ScheduleError(
            f"{text.strip()!r} is in the past: it was {spell_duration(now - time)} ago; choose a later time or now"
        )
    return time


def parse_instant(text: str, *, zone: str | None) -> datetime:
    """The instant that an ISO 8601 date and time names, past or future, in aware UTC.

    An offset inside `text` decides; without one the text is the wall-clock time in `zone`, as in `zone_named`. A
    wall-clock time that occurs twice, when clocks are set back, is the first one (RFC 5545 section 3.3.5); one that
    clocks skip is rejected, as is one without offset and zone. Raises ScheduleError.
    """
    return _read(text.strip(), zone, _INSTANT_FORMS)


def instant_of(wall: datetime, zone: tzinfo) -> datetime:
    """The instant at which clocks in `zone` show `wall`, in UTC: the first one, if there are two.

    Raises ScheduleError if they skip that time.
    """
    moment = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    shown = moment.astimezone(zone).replace(tzinfo=None)
    if shown != wall:
        raise ScheduleError(
            f"there is no {wall:%H:%M} on {wall:%Y-%m-%d} in {zone}: clocks are set forward over it; "
            f"choose a time before the change or from {shown:%H:%M} on"
        )
    return moment


def find_zone(name: str) -> tzinfo | None:
    """The time zone with this IANA name, exactly spelled, or offset: ``+10:00``, ``UTC+2``, ``GMT-3``; None if unknown.

    Its `str` is the name under which it is stored: the IANA name, or the offset as in ``UTC+02:00``.
    """
    if name in _zone_names():
        return ZoneInfo(name)
    found = _OFFSET.fullmatch(name.strip())
    if found is None:
        return None
    offset = timedelta(hours=int(found[2]), minutes=int(found[3] or 0)) * (1 if found[1] == "+" else -1)
    return timezone(offset) if _LEAST_OFFSET <= offset <= _LARGEST_OFFSET else None


@cache
def known_zones() -> tuple[str, ...]:
    """The names of time zones to choose from: UTC, then those of a continent and a place, in alphabetical order."""
    regions = ("Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")
    return ("UTC", *sorted(name for name in _zone_names() if name.split("/")[0] in regions and "/" in name))


def zone_named(name: str) -> tzinfo:
    """The time zone that `find_zone` finds. Raises ScheduleError that suggests similar names."""
    zone = find_zone(name)
    if zone is not None:
        return zone
    if _OFFSET.fullmatch(name.strip()):
        raise ScheduleError(f"there is no time zone {name!r}; offsets go from UTC-12:00 to UTC+14:00")
    similar = _similar_zones(name)
    hint = (
        f"did you mean {' or '.join(similar)}?"
        if similar
        else "use an IANA name such as Europe/Berlin or UTC, or an offset such as UTC+02:00"
    )
    raise ScheduleError(f"there is no time zone {name!r}; {hint}")


def format_time(time: datetime) -> str:
    """An aware time with its zone, as people read it: ``2026-12-24 09:00:00 Europe/Berlin (UTC+01:00)``."""
    zone = str(time.tzinfo)
    offset = str(timezone(time.utcoffset() or timedelta()))
    return f"{time:%Y-%m-%d %H:%M:%S} {zone}" + ("" if zone == offset else f" ({offset})")


def spell_time(time: datetime) -> str:
    """An aware time in a sentence, to the minute: ``Mon 1 Mar 2027 09:00 Europe/Berlin``."""
    return f"{time:%a} {time.day} {time:%b %Y %H:%M} {time.tzinfo}"


def short_time(time: datetime, zone: tzinfo) -> str:
    """An aware time on a page, as the clocks of `zone` show it: ``1 Dec 2026, 09:00 CET``."""
    local = time.astimezone(zone)
    return f"{local.day} {local:%b %Y, %H:%M} {zone_code(local)}"


def clock_time(time: datetime) -> str:
    """The time of day of an aware time with its zone: ``09:00 CET``."""
    return f"{time:%H:%M} {zone_code(time)}"


def zone_code(time: datetime) -> str:
    """The short name of the zone of an aware time, such as CET; its offset, such as UTC-03:00, if it has none."""
    code = time.tzname() or ""
    return code if code.isalpha() else str(timezone(time.utcoffset() or timedelta()))


def spell_duration(span: timedelta) -> str:
    """A duration in words, rounded down: minutes, hours or days."""
    minutes = int(span.total_seconds()) // 60
    if minutes < 120:
        return f"{minutes} minute{'s' if minutes != 1 else ''}"
    return f"{minutes // 60} hours" if minutes < 48 * 60 else f"{minutes // (24 * 60)} days"


def _parse_time(text: str, *, zone: str | None, now: datetime, start: datetime) -> datetime:
    """The time that `text` names, past or future; a delay counts from `start`."""
    if zone is not None:
        zone_named(zone)
    given = text.strip()
    if given.casefold() == "now":
        return now.astimezone(UTC)
    if _DELAY.fullmatch(given):
        return _after(given, start)
    return _read(given, zone, _MOMENT_FORMS)


def _notes(given: str, zone: str | None) -> Iterator[str]:
    """What to tell the user about how this text was read."""
    if zone is None:
        return
    place = zone_named(zone)
    if _REVERSED.fullmatch(zone):
        offset = timezone(datetime(2000, 1, 1, tzinfo=place).utcoffset() or timedelta())
        yield f"{zone} is {offset}: these names have the reverse sign; write the offset, as in UTC+10:00"
    found = _INSTANT.fullmatch(given)
    if found is None or found["offset"]:
        return
    wall = datetime.fromisoformat(f"{found['date']}T{found['time']}")
    first, second = (wall.replace(tzinfo=place, fold=fold) for fold in (0, 1))
    if first.utcoffset() != second.utcoffset():
        yield (
            f"there are two times {wall:%Y-%m-%d %H:%M} in {zone}, where clocks are set back: "
            f"{_with_offset(first)} and {_with_offset(second)}; the first one is taken"
        )


def _with_offset(time: datetime) -> str:
    return time.isoformat(timespec="minutes")


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
        return instant_of(written, home)
    except (ValueError, OverflowError) as error:
        raise ScheduleError(f"{given!r} is not a date and time of the calendar: {error}") from None


def _after(delay: str, now: datetime) -> datetime:
    try:
        wait = sum((int(count) * _UNITS[unit.lower()] for count, unit in _DELAY_PART.findall(delay)), timedelta())
        return now.astimezone(UTC) + wait
    except OverflowError:
        raise ScheduleError(f"{delay!r} is further away than the calendar reaches; choose a shorter delay") from None


@cache
def _zone_names() -> frozenset[str]:
    return frozenset(available_timezones())


def _similar_zones(name: str) -> list[str]:
    """At most three: the same name in another case, else those of that city and similar ones.

    Never an offset with a reversed sign, which would be taken for what was meant.
    """
    given = name.strip().casefold().replace(" ", "_")
    names = {zone.casefold(): zone for zone in sorted(_zone_names()) if not _REVERSED.fullmatch(zone)}
    if given in names:
        return [names[given]]
    cities = [zone for folded, zone in names.items() if folded.rpartition("/")[2] == given]
    close = [names[folded] for folded in difflib.get_close_matches(given, names, n=3, cutoff=0.75)]
    return list(dict.fromkeys([*cities, *close]))[:3]
