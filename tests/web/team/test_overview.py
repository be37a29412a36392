"""The overview: what needs a person, what goes out, what starts and what was sent, each with a link to its place."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from redis import Redis
from sqlalchemy import text

from distributor.domain.campaign import DispatchState
from distributor.domain.delivery import DeliveryState
from distributor.domain.quarantine import QuarantineLoop
from distributor.domain.user import Role
from distributor.flow.app_context import AppContext
from distributor.flow.operations.attention import MOST_OF_A_CONCERN, Concern, needs_attention
from distributor.storage import api_tokens, articles, channels, heartbeats, paused_routes, processes, quarantine
from distributor.storage.processes import ServiceProcess
from tests.web.samples import WriteArticle

from .campaigns_in_states import add_campaign, people_on_a_list
from .conftest import MakeTeam, Team

NOON = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def works(app: AppContext) -> AppContext:
    """A service whose scheduler and worker run, with ten readers."""
    with app.database.begin() as connection:
        heartbeats.record_heartbeat(connection, heartbeats.BEAT, now=app.clock())
    people_on_a_list(app, 10)
    return app


def sentences(app: AppContext) -> list[tuple[Concern, str, str]]:
    return [(one.concern, one.about, one.sentence) for one in needs_attention(app).items]


def section(page: Any, name: str) -> str:
    (found,) = page.xpath(f"//section[@aria-labelledby='{name}']")
    return " ".join(found.text_content().split())


def test_a_service_in_which_all_is_well_needs_nobody(works: AppContext):
    add_campaign(works, "Number one", DispatchState.FINISHED, counts={DeliveryState.SENT: 10})
    assert sentences(works) == []


def test_failed_and_unknown_deliveries_are_numbers_with_links_to_them(works: AppContext, team: Team):
    counts = {DeliveryState.SENT: 7, DeliveryState.FAILED: 2, DeliveryState.UNKNOWN: 1}
    number = add_campaign(works, "Number one", DispatchState.FINISHED, counts=counts)
    assert sentences(works) == [
        (
            Concern.UNKNOWN,
            "Number one",
            "Of 1 delivery of 10 it is not known whether it arrived: look, and settle it.",
        ),
        (Concern.FAILED, "Number one", "2 deliveries of 10 failed."),
    ]
    page = team.signed_in(team.user()).page("/app")
    assert page.xpath("//section[@aria-labelledby='attention']//a/@href") == [
        f"/app/campaigns/{number}/deliveries?state=unknown",
        f"/app/campaigns/{number}/deliveries?state=failed",
    ]


def test_failures_of_long_ago_need_nobody_any_more(works: AppContext):
    then = works.clock() - timedelta(days=8)
    add_campaign(works, "Number one", DispatchState.FINISHED, at=then, counts={DeliveryState.FAILED: 2})
    assert sentences(works) == []


def test_what_was_not_sent_and_what_is_paused_says_why_and_who_has_it(works: AppContext):
    add_campaign(works, "Never", DispatchState.FAILED, reason="nobody is on the list")
    add_campaign(works, "Later", DispatchState.PAUSED, reason="it was to start 7 hours ago")
    add_campaign(works, "Half", DispatchState.PAUSED, reason="paused by hand", counts={DeliveryState.SENT: 5})
    assert sentences(works) == [
        (Concern.NOT_SENT, "Never", "It was not sent on newsletter. Nobody is on the list."),
        (Concern.PAUSED, "Half", "It is paused on newsletter, and a part of the audience has it. Paused by hand."),
        (
            Concern.PAUSED,
            "Later",
            "It is paused on newsletter, and nobody has it yet. It was to start 7 hours ago.",
        ),
    ]


def test_of_many_alike_the_first_are_named_and_the_rest_is_counted(works: AppContext, team: Team):
    for number in range(MOST_OF_A_CONCERN + 3):
        add_campaign(works, f"Number {number}", DispatchState.PAUSED)
    found = needs_attention(works)
    assert len(found.items) == MOST_OF_A_CONCERN
    assert found.more == {Concern.PAUSED: 3}
    assert "and 3 more like it" in section(team.signed_in(team.user()).page("/app"), "attention")


def test_a_service_that_does_not_run_is_said_first(works: AppContext, make_team: MakeTeam):
    add_campaign(works, "Later", DispatchState.PAUSED)
    later = replace(works, clock=lambda: works.clock() + timedelta(minutes=5))
    first, *_others = sentences(later)
    assert first[:2] == (Concern.SERVICE, "The scheduler")
    with works.database.begin() as connection:
        connection.execute(text("DELETE FROM heartbeats"))
    assert sentences(works)[0][1] == "The scheduler"


def test_processes_without_a_worker_and_silent_ones_are_said(works: AppContext):
    web = ServiceProcess(
        id=uuid4(),
        kind="web",
        name="web",
        host="elsewhere",
        pid=1,
        version="1",
        settings={},
        started_at=works.clock(),
    )
    worker = replace(web, id=uuid4(), kind="worker", name="worker mail")
    with works.database.begin() as connection:
        processes.report(connection, web)
        processes.report(connection, worker)
        connection.execute(text("UPDATE processes SET seen_at = now() - interval '10 minutes' WHERE kind = 'worker'"))
    assert [about for _, about, _ in sentences(works)] == ["The workers", "worker mail (process 1 on elsewhere)"]


def test_a_redis_that_is_away_is_said_and_the_page_is_there(works: AppContext, make_team: MakeTeam, gone_redis: Redis):
    assert sentences(replace(works, connect_redis=lambda: gone_redis))[0][:2] == (Concern.SERVICE, "Redis")


def test_routes_articles_items_and_tokens_are_each_said_with_their_place(
    works: AppContext, write_article: WriteArticle, team: Team
):
    write_article("the-news")
    now = works.clock()
    with works.database.begin() as connection:
        channel = channels.find(connection, "newsletter")
        paused_routes.pause(connection, channel.id, "relay", "big.example", reason="550 go away", now=now)
        found = articles.find_by_slug(connection, "the-news")
        articles.set_missing(connection, found.id, now)
        quarantine.hold(connection, QuarantineLoop.EVENT, "1", reason="odd", now=now)
        api_tokens.add(
            connection, "x", name="the shop", scopes=[], expires_at=now + timedelta(days=3, hours=1), now=now
        )
        api_tokens.add(connection, "y", name="gone", scopes=[], expires_at=now - timedelta(days=3), now=now)
    assert [(concern, about) for concern, about, _ in sentences(works)] == [
        (Concern.ROUTE, "newsletter"),
        (Concern.ARTICLE, "The news"),
        (Concern.QUARANTINE, "Quarantine"),
        (Concern.TOKEN, "the shop"),
    ]
    page = team.signed_in(team.user()).page("/app")
    links = page.xpath("//section[@aria-labelledby='attention']//a/@href")
    # On a slow machine the clock of the test, which stands still, is off as well.
    assert [link for link in links if link != "/app/system#processes"] == [
        "/app/channels/newsletter",
        f"/app/articles/{found.id}",
        "/app/system#quarantine",
    ]
    assert "big.example refuses us; it is tried again by itself." in section(page, "attention")


def test_what_runs_has_its_ledger_and_the_bar_says_how_many_are_being_sent(works: AppContext, team: Team):
    number = add_campaign(works, "Number one", DispatchState.RUNNING, counts={DeliveryState.SENT: 4})
    page = team.signed_in(team.user(Role.VIEWER)).page("/app")
    shown = section(page, "running")
    assert "Number one" in shown
    assert "10 in all = 4 Sent 6 Waiting" in shown
    assert page.xpath("//a[@class='sending']")[0].text_content().split() == ["1", "sending"]
    assert f"/app/campaigns/{number}/deliveries?state=sent" in page.xpath("//ul[@class='ledger-sum']//a/@href")


def test_the_next_days_are_those_of_the_zone_of_the_site(make_team: MakeTeam, works: AppContext):
    team = make_team(configured_site=replace(works.site, time_zone="Pacific/Auckland"))
    team.clock.now = NOON
    add_campaign(works, "Tomorrow there", DispatchState.SCHEDULED, at=NOON)
    add_campaign(works, "Within the week", DispatchState.SCHEDULED, at=NOON + timedelta(days=6))
    add_campaign(works, "Next month", DispatchState.SCHEDULED, at=NOON + timedelta(days=30))
    shown = section(team.signed_in(team.user()).page("/app"), "next")
    assert "Today, Wednesday 2 December 01:00 NZDT Tomorrow there newsletter" in shown
    assert "Tuesday 8 December 01:00 NZDT Within the week" in shown
    assert "Next month" not in shown


def test_what_was_sent_last_leads_to_its_results(works: AppContext, team: Team):
    number = add_campaign(works, "Number one", DispatchState.FINISHED, counts={DeliveryState.DELIVERED: 10})
    page = team.signed_in(team.user()).page("/app")
    assert "Number one" in section(page, "last")
    assert f"/app/campaigns/{number}/results" in page.xpath("//section[@aria-labelledby='last']//a/@href")


def test_an_empty_service_shows_the_way_to_the_first_campaign(app: AppContext, team: Team):
    page = team.signed_in(team.user()).page("/app")
    assert "From here to the first campaign" in section(page, "steps")
    assert "/app/setup" in page.xpath("//section[@aria-labelledby='steps']//a/@href")
    viewer = team.signed_in(team.user(Role.VIEWER)).page("/app")
    assert viewer.xpath("//section[@aria-labelledby='steps']//a") == []
    people_on_a_list(app, 1)
    assert len(team.signed_in(team.user(Role.ADMIN)).page("/app").xpath("//li[@class='is-done']")) == 2


def test_names_and_reasons_are_shown_as_text(works: AppContext, team: Team):
    evil = "<script>alert(1)</script>"
    for state in (DispatchState.PAUSED, DispatchState.FAILED, DispatchState.SCHEDULED):
        add_campaign(works, evil, state, reason=evil)
    for state in (DispatchState.RUNNING, DispatchState.FINISHED):
        add_campaign(works, evil, state, counts={DeliveryState.UNKNOWN: 1})
    page = team.signed_in(team.user()).get("/app")
    assert page.status_code == 200
    assert page.text.count("&lt;script&gt;alert(1)") >= 9
    assert "<script>alert" not in page.text


@pytest.mark.parametrize(
    ("role", "acts"),
    [
        (Role.VIEWER, []),
        (Role.EDITOR, ["/app/articles/new"]),
        (Role.MARKETER, ["/app/articles/new", "/app/campaigns/new"]),
    ],
)
def test_the_acts_are_those_of_the_role(works: AppContext, team: Team, role: Role, acts: list[str]):
    assert team.signed_in(team.user(role)).page("/app").xpath("//div[@class='acts']/a/@href") == acts
