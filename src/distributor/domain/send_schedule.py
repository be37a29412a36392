"""When a channel sends: quiet hours, and the warm-up plan of a new sending domain."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from distributor.domain.errors import ScheduleError
from distributor.domain.retry_policy import RetrySchedule
from distributor.domain.schedule import zone_named

_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)\s*-\s*([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """Nothing is sent from `start` to `end`, local time of a zone; an `end` before the `start` is on the next day.

    `zone` is a name as in `zone_named`. With `in_recipients_zone` it stands only for those whose own zone is not known.
    """

    start: time
    end: time
    zone: str = "UTC"
    in_recipients_zone: bool = False

    @classmethod
    def parse(cls, text: str, *, zone: str, in_recipients_zone: bool) -> QuietHours:
        """Read ``22:00-07:00``. Raises ScheduleError."""
        found = _HOURS.fullmatch(text.strip())
        if found is None:
            raise ScheduleError(f"quiet hours {text!r} cannot be understood; write them as in 22:00-07:00")
        start, end = time(int(found[1]), int(found[2])), time(int(found[3]), int(found[4]))
        if start == end:
            raise ScheduleError(f"quiet hours {text!r} have no end: nothing would ever be sent")
        return cls(start=start, end=end, zone=str(zone_named(zone)), in_recipients_zone=in_recipients_zone)

    def end_of_quiet(self, now: datetime, *, recipients_zone: str = "") -> datetime | None:
        """When the quiet hours at `now` end; None if `now` is outside quiet hours."""
        zone = self._zone_for(recipients_zone)
        local = now.astimezone(zone)
        clock = local.time()
        if self.start < self.end:
            is_quiet, is_tomorrow = self.start <= clock < self.end, False
        else:
            is_quiet, is_tomorrow = clock >= self.start or clock < self.end, clock >= self.start
        if not is_quiet:
            return None
        day = local.date() + timedelta(days=is_tomorrow)
        end = datetime.combine(day, self.end, tzinfo=zone).astimezone(UTC)
        # When clocks go back, the end may occur twice; the later one is after now in any case.
        return end if end > now else datetime.combine(day, self.end.replace(fold=1), tzinfo=zone).astimezone(UTC)

    def _zone_for(self, recipients_zone: str) -> tzinfo:
        if self.in_recipients_zone and recipients_zone:
            try:
                return zone_named(recipients_zone)
            except ScheduleError:
                pass
        return zone_named(self.zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmUp:
    """How much a new sending domain may send on its first days (UTC); afterwards there is no limit."""

    since: date
    per_day: tuple[int, ...]

    @classmethod
    def parse(cls, text: str) -> WarmUp:
        """Read ``2026-11-23: 50 100 200``, a number for each day, or ``2026-11-23: 50 x2 14`` for a growing one.

        The last stands for 50 on the first day, twice as much on each next one, for 14 days. Raises ScheduleError.
        """
        begin, colon, numbers = text.partition(":")
        try:
            since = date.fromisoformat(begin.strip())
            words = numbers.split()
            if len(words) == 3 and words[1].startswith("x"):
                first, factor, days = int(words[0]), float(words[1][1:]), int(words[2])
                per_day = tuple(min(round(first * factor**day), 10**9) for day in range(days if 0 < days <= 365 else 0))
            else:
                per_day = tuple(int(word) for word in words)
        except (ValueError, OverflowError):
            per_day = ()
        if not colon or not per_day or min(per_day) < 1:
            raise ScheduleError(
                f"the warm-up plan {text!r} cannot be understood; write the first day and what each may bring, as in "
                "'2026-11-23: 50 100 200', or a first number, a factor and how many days, as in '2026-11-23: 50 x2 14'"
            )
        return cls(since=since, per_day=per_day)

    def limit_on(self, day: date) -> int | None:
        """How many mails may be started on `day`; None for no limit. Zero before the first day."""
        number = (day - self.since).days
        if number < 0:
            return 0
        return self.per_day[number] if number < len(self.per_day) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class SendSchedule:
    """When a channel sends, and how it retries."""

    retries: RetrySchedule = field(default_factory=RetrySchedule)
    quiet: QuietHours | None = None
    warm_up: WarmUp | None = None
