"""Dates as people and programs write them in articles."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import dateparser

from distributor.domain.errors import ScheduleError
from distributor.domain.schedule import instant_of, zone_named

_LONGEST = 60
_ISO = re.compile(
    r"(?P<year>\d{4})(?P<sign>[-/.]?)(?P<month>\d{1,2})(?P=sign)(?P<day>\d{1,2})"
    r"(?:[Tt ]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?)?"
    r"\s*(?P<offset>[Zz]|UTC|GMT|[+-]\d{2}:?(?:\d{2})?)?",
    re.ASCII,
)
_PARTS = ("year", "month", "day", "hour", "minute", "second")
_SECONDS = re.compile(r"\d{9,10}", re.ASCII)
_MILLISECONDS = re.compile(r"\d{12,13}", re.ASCII)
# With slashes or hyphens either number may be the month; with dots the day comes first.
_TWO_ORDERS = re.compile(r"(?P<first>\d{1,2})[/-](?P<second>\d{1,2})[/-]\d{4}\b", re.ASCII)
_HAS_DAY_AND_YEAR = re.compile(r"(?=.*(?<!\d)\d{1,2}(?!\d))(?=.*(?<!\d)\d{4}(?!\d)).*", re.DOTALL)
# Whose names of months are known: to try every language there is takes seconds for a text that is no date.
# fmt: off
_LANGUAGES = [
    "en", "de", "fr", "es", "it", "pt", "nl", "sv", "da", "nb", "fi", "pl", "cs", "sk", "hu", "ro", "bg", "hr",
    "sl", "lt", "lv", "et", "el", "ru", "uk", "tr", "ca", "ar", "he", "fa", "hi", "zh", "ja", "ko", "id", "vi",
    "th",
]
# fmt: on
_SETTINGS = {
    "PARSERS": ["absolute-time"],
    "REQUIRE_PARTS": ["day", "month", "year"],
    "STRICT_PARSING": True,
    "DATE_ORDER": "DMY",
    "PREFER_LOCALE_DATE_ORDER": False,
}
# "um 9 Uhr", "à 9h30", "kl. 9.30"
_BEFORE_CLOCK = r",?\s+(?:(?:at|um|à|a las|alle|às|kl\.?|klo|om)\s+)?"
_CLOCK_WITHOUT_MINUTES = re.compile(rf"{_BEFORE_CLOCK}(?P<hour>\d{{1,2}})\s*(?:Uhr|h|hrs?)\b(?!\d)", re.IGNORECASE)
_CLOCK = re.compile(
    rf"{_BEFORE_CLOCK}(?P<hour>\d{{1,2}})\s?[.:h](?P<minute>\d{{2}})(?:\s*(?:Uhr|h|hrs?)\b)?(?![.\d:])", re.IGNORECASE
)
_DATE_OF_PROGRAM = "write it as 2026-12-24, or as 2026-12-24T09:00+01:00"


def read_date(text: str, *, zone: str, language: str) -> datetime:
    """The instant that a date names, in aware UTC; without a time of day midnight, without an offset in `zone`.

    ISO 8601 and its relatives, RFC 2822, seconds since 1970, and names of months in about forty languages. A date of
    three numbers that can be read in two orders is read by `language`, and refused in English, which has both.
    Raises ScheduleError.
    """
    written = " ".join(text.split())
    if len(written) > _LONGEST:
        raise ScheduleError(f"{written[:_LONGEST]!r} is no date; {_DATE_OF_PROGRAM}")
    if found := _ISO.fullmatch(written):
        return _of_iso(found, written, zone)
    if _SECONDS.fullmatch(written) or _MILLISECONDS.fullmatch(written):
        return datetime.fromtimestamp(int(written) / (1 if len(written) < 12 else 1000), UTC)
    _refuse_two_orders(written, language)
    return _of_words(written, zone)


def _of_iso(found: re.Match[str], written: str, zone: str) -> datetime:
    year, month, day, hour, minute, second = (int(found[name] or 0) for name in _PARTS)
    microseconds = int((found["fraction"] or "0").ljust(6, "0")[:6])
    try:
        wall = datetime(year, month, day, hour, minute, second, microseconds)  # noqa: DTZ001
    except ValueError as error:
        raise ScheduleError(f"{written!r} is no date: {error}") from None
    offset = found["offset"]
    if offset is None:
        return instant_of(wall, zone_named(zone))
    try:
        return (wall - _offset_of(offset)).replace(tzinfo=UTC)
    except OverflowError:
        raise ScheduleError(f"{written!r} is no date; {_DATE_OF_PROGRAM}") from None


def _offset_of(text: str) -> timedelta:
    if text.upper() in ("Z", "UTC", "GMT"):
        return timedelta()
    hours, minutes = int(text[1:3]), int(text[3:].lstrip(":") or 0)
    return timedelta(hours=hours, minutes=minutes) * (-1 if text[0] == "-" else 1)


def _refuse_two_orders(written: str, language: str) -> None:
    found = _TWO_ORDERS.search(written)
    if found is None or language.split("-")[0] != "en":
        return
    first, second = int(found["first"]), int(found["second"])
    if first != second and max(first, second) <= 12:
        raise ScheduleError(f"{written!r} can be read as day/month or month/day; {_DATE_OF_PROGRAM}")


def _of_words(written: str, zone: str) -> datetime:
    written = _CLOCK.sub(r" \g<hour>:\g<minute>", _CLOCK_WITHOUT_MINUTES.sub(r" \g<hour>:00", written))
    found = _parsed(written) if _HAS_DAY_AND_YEAR.match(written) else None
    if found is None:
        raise ScheduleError(f"{written!r} cannot be understood as a date; {_DATE_OF_PROGRAM}")
    return found.astimezone(UTC) if found.tzinfo else instant_of(found, zone_named(zone))


def _parsed(written: str) -> datetime | None:
    try:
        found: datetime | None = dateparser.parse(written, languages=_LANGUAGES, settings=_SETTINGS)
    except (ValueError, OverflowError, RecursionError):
        return None
    return found
