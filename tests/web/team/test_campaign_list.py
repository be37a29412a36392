"""The list of campaigns: each is in exactly one stage, and no page of it counts deliveries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, text

from distributor.domain.audience import AudiencePlan
from distributor.domain.campaign import CampaignPlan, CampaignPurpose, CampaignStage
from distributor.domain.user import Role
from distributor.flow.publishing.campaign_list import list_campaigns
from distributor.storage import campaigns, channels, dispatches
from distributor.storage.database import Connection
from tests.storage.list_fixtures import NOW

from .conftest import Browser, Team

CHANNELS = ("mail", "masto", "feed")
# The states of a dispatch, and whether it goes on by itself.
STATES = ("draft", "scheduled", "running", "paused", "resting", "finished", "cancelled", "failed")


def a_campaign(
    connection: Connection, name: str, states: Sequence[str], *, hours: float | None = None, deliveries: int = 0
) -> int:
    """A campaign whose dispatches are in these states, of which those not released start so many hours from now."""
    plan = CampaignPlan(name=name, article_slugs=(), channel_names=(), audience=AudiencePlan(lists=("x",)))
    campaign_id = campaigns.add(connection, plan, [], now=NOW)
    for channel, state in zip(CHANNELS, states, strict=False):
        record = channels.save(connection, name=channel, kind="email", settings={}, sealed=None)
        at = NOW + timedelta(hours=hours) if hours is not None else None
        dispatch_id = dispatches.add(connection, campaign_id, record.id, scheduled_at=at, zone="UTC")
        is_out = state in ("running", "resting", "finished")
        connection.execute(
            text("""
                UPDATE dispatches SET state = :state, resume_at = :resume_at, released_at = :released_at, reason = :why
                WHERE id = :id
            """),
            {
                "id": dispatch_id,
                "state": "paused" if state == "resting" else state,
                "resume_at": NOW if state == "resting" else None,
                "released_at": NOW if is_out else None,
                "why": "550 <b>no</b>" if state in ("paused", "failed") else "",
            },
        )
        connection.execute(
            text("""
                INSERT INTO deliveries (dispatch_id, recipient, state, created_at, updated_at)
                SELECT :id, 'r' || i, 'sent', now(), now() FROM generate_series(1, :count) i
            """),
            {"id": dispatch_id, "count": deliveries if is_out else 0},
        )
    return campaign_id


def viewer(team: Team) -> Browser:
    return team.signed_in(team.user(Role.VIEWER))


def names_on(page: Any) -> list[str]:
    return [one.text_content() for one in page.xpath("//ul[@class='campaign-list']//div[@class='what']/a")]


def tabs_on(page: Any) -> Mapping[str, str]:
    return {one.text_content(): one.get("href") for one in page.xpath("//nav[@class='tabs']//a")}


ONE_OF_EACH = {
    "waits": ("finished", "paused"),
    "sends": ("running", "scheduled"),
    "rests": ("resting", "finished"),
    "is planned": ("scheduled", "cancelled"),
    "is written": ("draft", "draft"),
    "did not go out": ("failed", "finished"),
    "is done": ("finished", "cancelled"),
    "was stopped": ("cancelled",),
}
STAGES = {
    "attention": ["waits"],
    "running": ["rests", "sends"],
    "scheduled": ["is planned"],
    "draft": ["is written"],
    "failed": ["did not go out"],
    "finished": ["is done"],
    "cancelled": ["was stopped"],
}


def test_each_campaign_is_in_exactly_one_filter_what_needs_a_person_first(team: Team):
    with team.app.database.begin() as connection:
        for name, states in ONE_OF_EACH.items():
            a_campaign(connection, name, states)
    browser = viewer(team)
    page = browser.page("/app/campaigns")
    assert sorted(names_on(page)) == sorted(ONE_OF_EACH)
    tabs = tabs_on(page)
    assert list(tabs)[:2] == ["All 8", "Needs a person 1"]
    seen = []
    for words, path in list(tabs.items())[1:]:
        shown = names_on(browser.page(path))
        assert sorted(shown) == sorted(STAGES[path.partition("state=")[2]])
        assert words.endswith(f" {len(shown)}")
        seen += shown
    assert sorted(seen) == sorted(ONE_OF_EACH)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.sampled_from(STATES), min_size=1, max_size=3), min_size=1, max_size=6))
def test_whatever_the_states_of_its_channels_a_campaign_is_counted_once(team: Team, drawn: list[list[str]]):
    with team.app.database.begin() as connection:
        connection.execute(text("TRUNCATE campaigns CASCADE"))
        for number, states in enumerate(drawn):
            a_campaign(connection, f"c{number}", states)
    whole = list_campaigns(team.app, limit=50)
    assert sum(whole.counts.values()) == len(drawn) == len(whole.rows)
    for stage in CampaignStage:
        rows = list_campaigns(team.app, stage=stage, limit=50).rows
        assert len(rows) == whole.counts[stage]
        assert {row.listed.stage for row in rows} <= {stage}
    for row, states in zip(reversed(whole.rows), drawn, strict=True):
        assert (row.listed.stage is CampaignStage.ATTENTION) == ("paused" in states)
        assert (row.listed.stage is CampaignStage.FINISHED) == (
            {"finished"} <= set(states) <= {"finished", "cancelled"}
        )


def test_what_could_not_be_sent_says_so_why_and_nothing_says_sent(team: Team):
    with team.app.database.begin() as connection:
        a_campaign(connection, "Lost", ["failed"], hours=-3)
        a_campaign(connection, "Half", ["failed", "finished"], deliveries=5)
    page = viewer(team).page("/app/campaigns?state=failed")
    half, lost = page.xpath("//ul[@class='campaign-list']/li")
    assert "Not sent" in lost.text_content()
    assert "550 <b>no</b>" in lost.text_content()
    assert not lost.xpath(".//svg[contains(@class,'ledger-bar')]")
    assert "Partly sent" in half.text_content()
    assert "5 deliveries" in half.text_content()


def test_campaigns_are_found_by_words_of_their_names_in_every_stage(team: Team):
    with team.app.database.begin() as connection:
        a_campaign(connection, "Letter of May", ["draft"])
        a_campaign(connection, "Letter of June", ["finished"])
        a_campaign(connection, "100% off", ["finished"])
    browser = viewer(team)
    assert names_on(browser.page("/app/campaigns?q=letter+may")) == ["Letter of May"]
    assert names_on(browser.page("/app/campaigns?q=0%25")) == ["100% off"]
    page = browser.page("/app/campaigns?q=letter&state=finished")
    assert names_on(page) == ["Letter of June"]
    assert "All 2" in tabs_on(page)
    assert "No campaign is like that." in browser.get("/app/campaigns?q=nothing").text


@pytest.mark.parametrize("sort", ["", "next"])
def test_the_pages_of_the_list_hold_each_campaign_once_in_their_order(team: Team, sort: str):
    hours = [5, None, 1, 1, 9, None, 1, 3] * 8
    with team.app.database.begin() as connection:
        for number, ahead in enumerate(hours):
            a_campaign(connection, f"c{number}", ["draft"], hours=ahead)
    browser = viewer(team)
    path, seen = f"/app/campaigns?sort={sort}", []
    while path:
        page = browser.page(path)
        seen += names_on(page)
        path = next(iter(page.xpath("//a[@rel='next']/@href")), "")
    expected = [f"c{number}" for number in reversed(range(len(hours)))]
    if sort:
        expected.sort(key=lambda name: hours[int(name[1:])] or 99)
    assert seen == expected


@pytest.mark.parametrize("after", ["x", "_", "_x", "20261301T000000.0_5", f"_{2**70}", "_9" * 90, "9_" + "9" * 30])
def test_an_address_of_a_page_that_nobody_made_shows_a_page(team: Team, after: str):
    assert viewer(team).get("/app/campaigns", params={"after": after, "sort": "next"}).status_code == 200


def test_only_campaigns_of_articles_are_in_the_list_and_hostile_names_are_text(team: Team):
    with team.app.database.begin() as connection:
        plan = CampaignPlan(name="a test", article_slugs=(), channel_names=(), audience=AudiencePlan())
        campaigns.add(connection, plan, [], now=NOW, purpose=CampaignPurpose.TEST)
        a_campaign(connection, "<script>alert(1)</script>", ["paused"])
    browser = viewer(team)
    text_shown = browser.get("/app/campaigns").text
    assert names_on(browser.page("/app/campaigns")) == ["<script>alert(1)</script>"]
    assert "<script>alert" not in text_shown
    assert "<b>no" not in text_shown


def test_without_campaigns_the_page_says_what_they_are_and_offers_one_to_who_may_write_it(team: Team):
    assert "Write the first campaign" not in viewer(team).get("/app/campaigns").text
    page = team.signed_in(team.user(Role.MARKETER)).page("/app/campaigns")
    assert page.xpath("//div[@class='empty']//a/@href") == ["/app/campaigns/new"]


def test_a_page_of_many_campaigns_asks_as_much_as_one_of_a_single_one(team: Team):
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    engine = team.app.database._engine
    event.listen(engine, "before_cursor_execute", note)
    counted = []
    for count in (1, 24):
        with team.app.database.begin() as connection:
            for number in range(count):
                a_campaign(connection, f"c{number}", ["finished", "running"], deliveries=3)
        statements.clear()
        rows = list_campaigns(team.app).rows
        counted.append(len(statements))
        assert all(row.totals.audience == 6 for row in rows)
        assert not any(" deliveries " in f" {one} " and "FROM deliveries" in one for one in statements)
    event.remove(engine, "before_cursor_execute", note)
    assert counted[0] == counted[1]


def test_the_stages_of_the_filters_are_all_there_are():
    assert set(STAGES) == {one.value for one in CampaignStage}
