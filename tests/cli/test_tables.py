"""Tables of the command line are readable in a terminal of 80 columns: no word is cut, and times have their zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from distributor.cli import console
from distributor.cli.tables import lay_out, record_lines
from distributor.domain.schedule import format_time
from tests.cli.conftest import Run

BERLIN = datetime(2099, 3, 1, 9, tzinfo=ZoneInfo("Europe/Berlin"))
TOTALS = ("audience", "sent", "deferred", "failed", "suppressed", "unknown", "pending")


def lines_of(columns: tuple[str, ...], rows: list[tuple[object, ...]], *, width: int = 80) -> list[str]:
    table = lay_out(columns, rows, width=width)
    return [*table.header, *table.body]


def test_a_table_that_fits_is_written_as_it_is() -> None:
    assert lines_of(("id", "first_name"), [(1, "Ada"), (22, None)]) == ["id  first name", "1   Ada", "22"]
    assert lines_of(("at",), [(BERLIN,)]) == ["at", "2099-03-01 09:00:00 Europe/Berlin (UTC+01:00)"]


def test_the_zone_of_all_times_is_in_the_header_of_a_narrow_table_and_empty_columns_are_left_out() -> None:
    rows: list[tuple[object, ...]] = [
        (number, "The weekly letter", "running", BERLIN, 1200, 900, 0, 0, 0, 0, 300) for number in (1, 2)
    ]
    lines = lines_of(("id", "name", "state", "starts_at", *TOTALS), rows)
    assert max(map(len, lines)) <= 80
    assert lines[-1].split("  ")[0] == "2"
    assert "starts at" in lines[0]
    assert "(Europe/Berlin" in " ".join(lines[:4])
    assert "2099-03-01 09:00:00" in lines[-1]
    assert "deferred" not in "".join(lines)
    assert "pending" in "".join(lines)


def test_times_of_different_zones_each_keep_theirs() -> None:
    other = BERLIN.astimezone(timezone(timedelta(hours=9)))
    rows: list[tuple[object, ...]] = [("mail " * 4, BERLIN, "words " * 5), ("x", other, "more words")]
    text = " ".join(" ".join(lines_of(("channel", "starts_at", "reason"), rows)).split())
    assert "2099-03-01 09:00:00" in text
    assert "2099-03-01 17:00:00" in text
    assert "Europe/Berlin" in text
    assert "UTC+09:00" in text


def test_a_long_text_makes_records_of_the_rows() -> None:
    reason = "the relay rejected the sender " * 12
    lines = lines_of(("channel", "state", "reason"), [("email", "paused", reason), ("x", "sent", "")], width=60)
    assert lines[0] == "channel  email"
    assert lines[-3:] == ["channel  x", "state    sent", "reason"]
    assert max(map(len, lines)) <= 60
    assert "".join(lines).count("rejected") == 12


def test_a_word_longer_than_the_screen_is_whole() -> None:
    link = "https://news.example/" + "a" * 100
    assert record_lines({"name": "Ada", "address_of_page": link}, width=80) == [
        "name             Ada",
        f"address of page  {link}",
    ]


words = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z", "M")), max_size=30)
cells = st.one_of(st.none(), st.integers(0, 10**9), st.just(BERLIN), st.lists(words, max_size=12).map(" ".join))


@settings(deadline=None)
@given(st.lists(st.tuples(cells, cells, cells, cells, cells), min_size=1, max_size=4))
def test_no_word_is_cut_and_no_line_is_too_long_for_the_screen(rows: list[tuple[object, ...]]) -> None:
    lines = lines_of(("one", "two", "three", "four", "five"), rows)
    assert all(cell_len(line) <= 80 for line in lines)
    text = " ".join(lines)
    for value in (value for row in rows for value in row if isinstance(value, str)):
        assert all(word in text for word in value.split())
    if any(isinstance(value, datetime) for row in rows for value in row):
        assert "2099-03-01 09:00:00" in text
        assert "Europe/Berlin" in text


@pytest.fixture
def full(run: Run, environment: dict[str, str], article: Path) -> Run:
    """A service with an article, people, channels, campaigns and a failed item, run in a terminal of 80 columns."""
    run("article", "add", str(article))
    run("list", "create", "Readers of the weekly letter", "--visibility", "public")
    run("subscriber", "add", "ada.of.a.long.name@subscribers.example.org", "--list", "readers-of-the-weekly-letter")
    run("channel", "set", "mail", "--kind", "email", "--set", "smtp_url=smtp://127.0.0.1:1")
    run("channel", "set", "feeds", "--kind", "feed")
    run(
        "user",
        "create",
        "ada.of.a.long.name@subscribers.example.org",
        "--role",
        "owner",
        "--name",
        "Ada of a long name",
    )
    run("segment", "save", "active", "opened in the last 90 days and not tag = press")
    create = ("campaign", "create", "--article", "a-first-article", "--list", "readers-of-the-weekly-letter")
    at = ("--at", "2099-03-01 09:00", "--zone", "Europe/Berlin")
    assert run(*create, "--channel", "mail", "--channel", "feeds", *at).code == 0
    assert run("campaign", "pause", "1").code == 0
    with psycopg.connect(environment["DISTRIBUTOR_DATABASE_URL"]) as connection:
        connection.execute(
            "INSERT INTO quarantine (loop, key, reason, failures, first_at, last_at, retry_at) "
            "VALUES ('file', 'articles/bad.md', %s, 3, now(), now(), now())",
            ("ValueError in reader.py:12: the title of the article is not a text but a number " * 2,),
        )
    return run


COMMANDS = [
    ("article", "list"),
    ("article", "show", "a-first-article"),
    ("article", "history", "a-first-article"),
    ("campaign", "list"),
    ("campaign", "show", "1"),
    ("campaign", "review", "1"),
    ("campaign", "history", "1"),
    ("campaign", "deliveries", "1"),
    ("channel", "list"),
    ("channel", "kinds"),
    ("list", "list"),
    ("list", "members", "readers-of-the-weekly-letter"),
    ("segment", "list"),
    ("segment", "show", "active"),
    ("subscriber", "show", "ada.of.a.long.name@subscribers.example.org"),
    ("suppression", "list"),
    ("token", "list"),
    ("user", "list"),
    ("user", "show", "ada.of.a.long.name@subscribers.example.org"),
    ("user", "audit-log"),
    ("quarantine", "list"),
    ("totals", "verify"),
]


def test_every_table_is_readable_in_80_columns(full: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for command in COMMANDS:
        monkeypatch.setattr(console.out, "_width", 400)
        wide = full(*command).out
        monkeypatch.setattr(console.out, "_width", 80)
        narrow = full(*command).out
        assert wide, command
        assert "…" not in narrow
        # A word that is longer is whole, with nothing beside it but its label.
        assert [line for line in narrow.splitlines() if len(line) > 80 and len(line.split()) > 3] == []
        # Nothing that stands in a wide terminal is cut; the columns that are 0 or empty in every row are left out.
        header = wide.splitlines()[0].split()
        missing = {word for word in words_of(wide) if word not in words_of(narrow)} - {*header, "0", "{}"}
        assert missing == set(), command


def words_of(text: str) -> set[str]:
    return {word.strip("()") for word in text.split()}


def test_the_times_of_a_campaign_have_their_zone_in_80_columns(full: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console.out, "_width", 80)
    for command in (("campaign", "list"), ("campaign", "show", "1")):
        shown = full(*command).out
        assert "2099-03-01 09:00:00" in shown
        assert "Europe/Berlin" in shown


def test_a_time_in_utc_is_said_to_be() -> None:
    assert format_time(datetime(2026, 11, 29, tzinfo=UTC)) in lines_of(("at",), [(datetime(2026, 11, 29, tzinfo=UTC),)])
