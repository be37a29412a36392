"""What the flow says to somebody at a command line is said in other words on a page."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from distributor.domain.errors import StateError
from distributor.web.team.access import sentence_of
from distributor.web.team.wording import (
    for_pages,
    person_of,
    with_campaign_links,
    with_times_in,
    without_commands,
)
from tests.paths import ROOT

SOURCES = sorted(
    path
    for folder in ("channels", "domain", "flow", "mail", "rendering", "storage")
    for path in (ROOT / "src/distributor" / folder).rglob("*.py")
)
COMMAND = "`distributor "


def messages_with_commands(source: Path) -> Iterator[str]:
    """The texts of a source that name a command, with the same word for every value in them."""
    written = source.read_text(encoding="utf-8")
    if COMMAND not in written:
        return
    tree = ast.parse(written)
    apart = {id(value) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for value in node.values}
    apart |= {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        text = ""
        if isinstance(node, ast.JoinedStr):
            text = "".join(str(one.value) if isinstance(one, ast.Constant) else "moon" for one in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in apart:
            text = node.value
        if COMMAND in text:
            yield text


MESSAGES = sorted({text for source in SOURCES for text in messages_with_commands(source)})


def test_the_messages_that_name_commands_are_found():
    assert any("article publish" in one for one in MESSAGES)
    assert any("campaign resume" in one for one in MESSAGES)


@pytest.mark.parametrize("message", MESSAGES)
def test_no_message_names_a_command_on_a_page(message: str):
    shown = sentence_of(StateError(message))
    assert "distributor " not in shown
    assert "`" not in shown
    assert shown == " ".join(shown.split())
    assert not any(odd in shown for odd in (" ,", " ;", " .", ":.", ";.", ",.", "..", ": ;", ":;"))


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (
            "article moon was withdrawn: publish it again with `distributor article publish moon` and resume the "
            "campaign, or cancel it",
            "Article moon was withdrawn: publish it again on its page and resume the campaign, or cancel it.",
        ),
        (
            "the text of moon changed. `distributor campaign review 3` shows it as it is now, and `distributor "
            "campaign resume 3` sends it so",
            "The text of moon changed. Its review shows it as it is now, and resuming it sends it so.",
        ),
        (
            "article moon is under embargo, after the time of the campaign: send it later, or run `distributor article "
            "publish moon --at TIME`",
            "Article moon is under embargo, after the time of the campaign: send it later, or publish it earlier on "
            "its page.",
        ),
        (
            "article moon is not published, and its file is missing from the content folder: put the file back, or run "
            "`distributor article publish moon`",
            "Article moon is not published, and its file is missing from the content folder: put the file back, or "
            "publish it on its page.",
        ),
        (
            "campaign 3 has no time for mail: `distributor campaign schedule 3 --at TIME`",
            "Campaign 3 has no time for mail: choose one.",
        ),
        (
            "moon is no folder of this machine, no web address and no account: say its --kind",
            "Moon is no web address and no account: write it as in your browser, or as @name@host.",
        ),
        ("https://moon.example: the server is away", "https://moon.example: the server is away."),
        ("paused by hand", "Paused by hand."),
    ],
)
def test_a_reason_names_pages_in_place_of_commands(message: str, shown: str):
    assert for_pages(message) == shown


def test_what_a_server_says_stays_as_it_is():
    assert (
        without_commands("550 5.7.1  refused; see https://example.org/")
        == "550 5.7.1  refused; see https://example.org/"
    )


def test_a_campaign_that_is_named_with_its_number_is_a_link_and_its_name_stays_text():
    linked = with_campaign_links("It is that of “<b>Spring</b> & more” (campaign 12), not of campaign 3.", "/site")
    assert linked == (
        'It is that of <a href="/site/app/campaigns/12">“&lt;b&gt;Spring&lt;/b&gt; &amp; more” (campaign 12)</a>, '
        "not of campaign 3."
    )


@pytest.mark.parametrize(
    ("actor", "said"),
    [
        ("user:ada@example.org", "ada@example.org"),
        ("cli:root", "command line (root)"),
        ("api:shop", "API (shop)"),
        ("content folder", "content folder"),
        ("", "Unknown"),
    ],
)
def test_who_did_something_is_said_in_words(actor: str, said: str):
    assert person_of(actor) == said


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("email 2026-12-24 09:00:00 Europe/Berlin (UTC+01:00)", "email 24 Dec 2026, 03:00 EST"),
        ("email, x 2026-12-24 09:00:00 UTC", "email, x 24 Dec 2026, 04:00 EST"),
        (
            "x 2026-07-01 23:30:00 UTC+02:00, feed 2026-07-02 00:30:00 UTC",
            "x 1 Jul 2026, 17:30 EDT, feed 1 Jul 2026, 20:30 EDT",
        ),
        ("the meeting of 2026-12-24 is off", "the meeting of 2026-12-24 is off"),
        ("2026-99-24 09:00:00 UTC", "2026-99-24 09:00:00 UTC"),
    ],
)
def test_times_of_a_stored_text_are_those_of_who_reads_it(stored: str, shown: str):
    assert with_times_in(stored, ZoneInfo("America/New_York")) == shown
