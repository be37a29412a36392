"""iCalendar: lines, escapes and times as RFC 5545 has them."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.domain.icalendar import CalendarEvent, EventStatus, icalendar_text

NOW = datetime(2027, 3, 22, 8, tzinfo=UTC)


def event(**changes: str) -> CalendarEvent:
    return CalendarEvent(
        uid="dispatch-1@example.org",
        sequence=3,
        starts_at=datetime.fromisoformat("2027-03-26T09:00+01:00"),
        summary=changes.get("summary", "Letter"),
        description=changes.get("description", "Scheduled."),
        url=changes.get("url", "https://example.org/app/campaigns/1"),
        status=EventStatus.CONFIRMED,
    )


def test_an_event_as_other_calendars_read_it() -> None:
    text = icalendar_text("The, Gazette", [event(summary="One; two\nthree")], now=NOW)
    assert text == (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Distributor//Calendar//EN\r\nCALSCALE:GREGORIAN\r\n"
        "X-WR-CALNAME:The\\, Gazette\r\nREFRESH-INTERVAL;VALUE=DURATION:PT1H\r\n"
        "BEGIN:VEVENT\r\nUID:dispatch-1@example.org\r\nDTSTAMP:20270322T080000Z\r\nSEQUENCE:3\r\n"
        "DTSTART:20270326T080000Z\r\nSUMMARY:One\\; two\\nthree\r\nDESCRIPTION:Scheduled.\r\n"
        "URL:https://example.org/app/campaigns/1\r\nSTATUS:CONFIRMED\r\nTRANSP:TRANSPARENT\r\nEND:VEVENT\r\n"
        "END:VCALENDAR\r\n"
    )


@settings(deadline=None)
@given(st.text(), st.text())
def test_no_text_breaks_a_line_or_its_length_and_every_text_comes_back(summary: str, description: str) -> None:
    summary, description = (one.encode(errors="replace").decode() for one in (summary, description))
    text = icalendar_text("x", [event(summary=summary, description=description)], now=NOW)
    lines = text.removesuffix("\r\n").split("\r\n")
    assert max(len(line.encode()) for line in lines) <= 75
    whole = text.replace("\r\n ", "").split("\r\n")
    assert len(whole) == 19
    (written,) = [line.removeprefix("SUMMARY:") for line in whole if line.startswith("SUMMARY:")]
    kept = "".join(sign for sign in summary.replace("\r\n", "\n").replace("\r", "\n") if sign >= " " or sign in "\t\n")
    assert unescaped(written) == kept.replace("\x7f", "")


def unescaped(text: str) -> str:
    out, signs = "", iter(text)
    for sign in signs:
        if sign == "\\":
            follows = next(signs)
            out += "\n" if follows == "n" else follows
        else:
            out += sign
    return out
