"""`campaign review` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run

SLUG = "a-first-article"


@pytest.fixture
def campaign(run: Run, article: Path) -> str:
    """The number of a campaign that is scheduled on a mail and a feed channel."""
    for arguments in (
        ("article", "add", str(article)),
        ("list", "create", "Readers"),
        ("subscriber", "add", "ada@example.org", "--list", "readers"),
        ("channel", "set", "news", "--kind", "email", "--set", "smtp_url=smtp://127.0.0.1:1"),
        ("channel", "set", "feed", "--kind", "feed"),
    ):
        assert run(*arguments).code == 0
    created = run(
        *("campaign", "create", "--article", SLUG, "--list", "readers", "--channel", "news", "--channel", "feed"),
        *("--at", "2032-03-01 09:00", "--zone", "Europe/Berlin", "--channel-at", "feed=+2h", "--json"),
    )
    return str(json.loads(created.out)["id"])


def test_the_table_fits_a_terminal_and_the_sentence_says_it_all(run: Run, campaign: str) -> None:
    result = run("campaign", "review", campaign, COLUMNS="80")
    assert result.code == 0
    assert max(len(line) for line in result.out.splitlines()) <= 80
    header, feed, news = result.out.splitlines()
    assert header.split() == ["channel", "starts", "at", "(Europe/Berlin)", "recipients", "problems"]
    assert feed.split()[:7] == ["feed", "Mon", "1", "Mar", "2032", "11:00", "3"]
    assert news.split()[:7] == ["news", "Mon", "1", "Mar", "2032", "09:00", "1"]
    assert (
        "Sends “A first article” over news to 1 subscriber of Readers on Mon 1 Mar 2032 09:00 Europe/Berlin, then "
        "publishes it in feed at 11:00; this makes it public; " in result.message
    )


def test_a_blocker_ends_with_status_4_and_names_its_channel(run: Run, campaign: str) -> None:
    result = run("campaign", "review", campaign, DISTRIBUTOR_POSTAL_ADDRESS="")
    assert result.code == 4
    assert "blocker: news: the sender's postal address is not set" in result.message
    assert "1 blocker and " in result.message


def test_programs_read_the_same_as_json(run: Run, campaign: str) -> None:
    result = run("campaign", "review", campaign, "--json", DISTRIBUTOR_POSTAL_ADDRESS="")
    assert result.code == 4
    found = json.loads(result.out)
    assert (found["blockers"], found["articles"]) == (1, [{"slug": SLUG, "revision": 1}])
    feed, news = found["dispatches"]
    assert (feed["channel"], feed["scheduled_at"]) == ("feed", "2032-03-01T11:00:00+01:00")
    assert [one["code"] for one in news["problems"] if one["severity"] == "block"] == ["postal-address-missing"]
