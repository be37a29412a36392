"""Ids that grow, rate limit windows, JSON logs that recover from a torn line, image types."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from distributor.sandbox.ids import mastodon_snowflakes, tid, tid_numbers, x_snowflakes
from distributor.sandbox.json_store import JsonLog
from distributor.sandbox.limits import RateWindow
from distributor.sandbox.media import image_type

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


def test_xs_numbers_hold_their_time() -> None:
    made = x_snowflakes().next(datetime(2023, 4, 25, 12, 0, 0, 123_000, tzinfo=UTC))
    assert (made >> 22) + 1_288_834_974_657 == 1_682_424_000_123


def test_numbers_grow_even_if_the_clock_does_not() -> None:
    for snowflakes in (x_snowflakes(), mastodon_snowflakes(), tid_numbers()):
        made = [snowflakes.next(moment) for moment in (NOW, NOW, NOW - timedelta(days=1), NOW + timedelta(seconds=1))]
        assert made == sorted(set(made))
        snowflakes.resume_after(made[-1] + 10)
        assert snowflakes.next(NOW) == made[-1] + 11


def test_tids_sort_as_their_numbers_do() -> None:
    assert tid(0) == "2222222222222"
    assert tid(2**63 - 1) == "bzzzzzzzzzzzz"
    numbers = [0, 1, 31, 32, 2**53, 2**63 - 1]
    assert [tid(number) for number in numbers] == sorted(tid(number) for number in numbers)


def test_a_window_gives_what_it_has_and_opens_again() -> None:
    window = RateWindow()
    spent = [window.spend(points, NOW, limit=5, seconds=60) for points in (2, 2, 2, 1)]
    assert [(one.granted, one.remaining) for one in spent] == [(True, 3), (True, 1), (False, 1), (True, 0)]
    assert {one.reset_at for one in spent} == {NOW + timedelta(seconds=60)}
    assert not window.spend(1, NOW + timedelta(seconds=59), limit=5, seconds=60).granted
    assert window.spend(1, NOW + timedelta(seconds=60), limit=5, seconds=60).remaining == 4


@pytest.mark.parametrize(
    ("content", "mime"),
    [
        (b"\x89PNG\r\n\x1a\n...", "image/png"),
        (b"\xff\xd8\xff\xe0...", "image/jpeg"),
        (b"GIF89a...", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\0\0\0\0WAVEfmt ", None),
        (b"<svg/>", None),
        (b"", None),
    ],
    ids=str,
)
def test_an_image_is_known_by_its_first_bytes(content: bytes, mime: str | None) -> None:
    assert image_type(content) == mime


@pytest.mark.parametrize("torn", [b'{"a":', b'{"a":3}'])
def test_a_json_log_cuts_off_a_line_that_was_never_finished(tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "log.jsonl"
    first = JsonLog(path)
    first.append({"a": 1})
    first.close()
    with path.open("ab") as file:
        file.write(torn)
    second = JsonLog(path)
    assert second.take_entries() == [{"a": 1}]
    second.append({"a": "ü\u2028"})
    second.close()
    assert JsonLog(path).take_entries() == [{"a": 1}, {"a": "ü\u2028"}]
