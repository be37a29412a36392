"""What surrounds every page: the parts that a user may open, times of the site, the ledger bar, framed documents."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from distributor.domain.campaign import Totals
from distributor.domain.delivery import DeliveryState
from distributor.domain.user import Role
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
    assert shown == ["Brand", "Team", "Audit log", "Your account"]


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
