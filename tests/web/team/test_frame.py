"""What surrounds every page: the parts that a user may open, times of the site, the ledger bar, framed documents."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from distributor.domain.campaign import CampaignState, Totals
from distributor.domain.delivery import DeliveryState
from distributor.domain.generation import GenerationBeginning
from distributor.domain.user import Role
from distributor.rendering.colours import contrast
from distributor.rendering.environment import shipped_templates
from distributor.storage import generations
from distributor.web.team.ledger import ledger_parts
from distributor.web.team.pages import TeamPages

from .conftest import MakeTeam, Team

EVERYTHING = ["Overview", "Articles", "Campaigns", "Calendar", "Results", "Channels", "Settings"]
RAIL = "//nav[@class='rail']"


@pytest.mark.parametrize("role", Role)
def test_the_rail_shows_the_parts_that_a_role_may_open(team: Team, role: Role):
    page = team.signed_in(team.user(role)).page("/app")
    assert page.xpath(f"{RAIL}/ul/li/a/span/text()") == EVERYTHING
    assert page.xpath(f"{RAIL}/ul/li/a[@aria-current]/span/text()") == ["Overview"]


def test_on_a_phone_what_does_not_fit_is_behind_more(team: Team):
    page = team.signed_in(team.user()).page("/app/settings")
    assert page.xpath(f"{RAIL}/details//a/span/text()") == EVERYTHING[4:]
    assert page.xpath(f"{RAIL}/details/summary/@class") == ["current"]


def test_the_settings_show_only_what_the_role_may_open(team: Team):
    titles = "//main//h2/a/text()"
    assert team.signed_in(team.user(Role.VIEWER)).page("/app/settings").xpath(titles) == ["Your account"]
    shown = team.signed_in(team.user(Role.OWNER)).page("/app/settings").xpath(titles)
    assert shown == ["Brand", "Team", "Data", "Audit log", "System", "Notices", "Your account"]


def test_every_page_of_a_copy_of_the_database_says_that_it_is_one(team: Team):
    browser = team.signed_in(team.user())
    notice = "//main/div[@role='status']/p/text()"
    assert browser.page("/app/campaigns").xpath(notice) == []
    with team.app.database.begin() as connection:
        generations.begin(connection, GenerationBeginning.COPIED, now=team.app.clock())
    for path in ("/app", "/app/campaigns", "/app/settings", "/app/account"):
        (sentence,) = browser.page(path).xpath(notice)
        assert sentence.startswith("This is a copy of the database, beside the original: it sends and posts nothing.")


def test_times_are_those_of_the_zone_of_the_site(make_team: MakeTeam, team: Team):
    site = replace(team.app.site, time_zone="Europe/Berlin")
    there = make_team(configured_site=site)
    there.clock.now = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
    page = there.signed_in(there.user()).page("/app/account")
    (first, *_) = page.xpath("//main//time")
    assert first.text == "1 Dec 2026, 09:00 CET"
    assert datetime.fromisoformat(first.get("datetime")) == there.clock.now


# How long a machine takes is no finding.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(DeliveryState), st.integers(0, 20_000_000), min_size=1))
def test_the_bar_is_as_long_as_the_audience_and_no_state_of_it_is_unseen(counts: dict[DeliveryState, int]):
    parts = ledger_parts(Totals(counts))
    assert sum(part.count for part in parts) == sum(counts.values())
    assert {part.state for part in parts} == {state for state, count in counts.items() if count}
    if parts:
        assert sum(part.width for part in parts) == pytest.approx(100, abs=0.1)
    assert all(part.width >= 0.5 for part in parts)


def test_a_document_of_a_user_runs_nothing_and_reaches_nobody(team: Team):
    response = TeamPages(team.app).frame("<!doctype html><p>Hello")
    policy = response.headers["content-security-policy"].split("; ")
    assert {"sandbox", "default-src 'none'", "img-src 'self' data:", "form-action 'none'"} <= set(policy)
    assert "frame-ancestors 'self'" in policy
    assert "script-src" not in response.headers["content-security-policy"]
    assert response.body == b"<!doctype html><p>Hello"


def tokens_of(sheet: str) -> dict[str, tuple[str, str]]:
    """The colours of the style sheet by name: in the light theme, and in the dark one."""
    return {
        name: (light, dark) for name, light, dark in re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", sheet)
    }


STATE_COLOURS = (
    *("sent", "delivered", "deferred", "failed", "bounced", "complained", "unknown", "suppressed"),
    *("running", "scheduled"),
)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_words_can_be_read_on_every_ground(team: Team, theme: int):
    (path,) = team.browser().page("/app/sign-in").xpath("//link[@rel='stylesheet']/@href")
    colours = tokens_of(team.browser().get(path).text)
    for name in (*STATE_COLOURS, "ink", "muted", "accent", "danger", "good"):
        for ground in ("page", "surface", "sunken"):
            assert contrast(colours[name][theme], colours[ground][theme]) >= 4.5, (name, ground)
    for ground in ("page", "surface"):
        assert contrast(colours["edge"][theme], colours[ground][theme]) >= 3


def test_no_two_states_have_the_same_colour(team: Team):
    (path,) = team.browser().page("/app/sign-in").xpath("//link[@rel='stylesheet']/@href")
    colours = tokens_of(team.browser().get(path).text)
    assert len({colours[name] for name in STATE_COLOURS}) == len(STATE_COLOURS)


def test_every_state_is_shown_as_a_drawing_and_a_word(team: Team):
    page = team.signed_in(team.user()).page("/app/_components")
    states = page.xpath("//section[@aria-labelledby='states']//span[contains(@class, 'state')]")
    assert len(states) == len(CampaignState) + len(DeliveryState)
    assert all(one.xpath(".//svg/@aria-hidden") == ["true"] for one in states)
    words = [one.text_content().strip() for one in states]
    assert all(words)
    assert len(set(words[: len(CampaignState)])) == len(CampaignState)
    assert len(set(words[len(CampaignState) :])) == len(DeliveryState)


def test_the_numbers_under_the_bar_add_up_to_the_audience(team: Team):
    page = team.signed_in(team.user()).page("/app/_components")
    bars = page.xpath("//ul[@class='ledger-sum']")
    assert len(bars) > 4
    for bar in bars:
        whole, *parts = (int(text.replace(",", "")) for text in bar.xpath(".//span[@class='number']/text()"))
        assert sum(parts) == whole


STYLES = sorted((shipped_templates() / "web" / "team" / "styles").glob("*.css.j2"))


def test_the_pages_share_no_class_in_their_own_styles():
    """What two of them need is a component; what one of them says about a class would change the other's page."""
    of_components = set(re.findall(r"\.([a-z][\w-]*)", (STYLES[0].parents[1] / "app.css.j2").read_text()))
    users: dict[str, set[str]] = {}
    for file in STYLES:
        source = re.sub(r"\{#.*?#\}|\d\.\w+", "", file.read_text(encoding="utf-8"), flags=re.DOTALL)
        for selector in re.findall(r"(?:^|[,{}])\s*\.([a-z][\w-]*)", source):
            users.setdefault(selector, set()).add(file.name)
    shared = {name: files for name, files in users.items() if len(files) > 1 and name not in of_components}
    assert len(users) > 20
    assert shared == {}
