"""The page of one person: what they get, what they agreed to, and every mail with what became of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from distributor.domain.event import Event, EventKind
from distributor.domain.subscriber import Subscriber
from distributor.domain.suppression import SuppressionReason, parse_target
from distributor.domain.user import Role
from distributor.flow.people.privacy import erase
from distributor.storage import delivery_queries, events, subscribers, suppressions
from tests.flow.campaign_harness import CampaignHarness, make_campaign_harness
from tests.flow.conftest import scripted_kinds as scripted_kinds  # pytest finds it by its name

from .conftest import Browser, Team

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def harness(team: Team, tmp_path: Path) -> CampaignHarness:
    made = make_campaign_harness(team.app, tmp_path)
    made.channel("mail", "scripted")
    return made


@pytest.fixture
def marketer(team: Team) -> Browser:
    return team.signed_in(team.user(Role.MARKETER))


@pytest.fixture
def ada(team: Team, harness: CampaignHarness) -> Subscriber:
    with team.app.database.begin() as connection:
        return subscribers.find(connection, "ada@example.org")


def words(browser: Browser, path: str) -> str:
    return " ".join(browser.page(path).xpath("string(//main)").split())


def test_every_mail_stands_with_its_fate(team: Team, harness: CampaignHarness, marketer: Browser, ada: Subscriber):
    first, second = harness.plan_and_run("mail"), harness.plan_and_run("mail")
    with team.app.database.begin() as connection:
        found = delivery_queries.of_subscriber(connection, ada.id)
        clicked = Event(delivery_id=found[0].id, kind=EventKind.CLICK, at=team.app.clock(), key="c")
        events.record(connection, [clicked])
        suppressions.add(
            connection,
            [parse_target("ada@example.org")],
            SuppressionReason.COMPLAINT,
            note=HOSTILE,
            now=team.app.clock(),
        )
        connection.execute(text("UPDATE subscribers SET name = :name WHERE id = :id"), {"name": HOSTILE, "id": ada.id})
        connection.execute(text("UPDATE campaigns SET name = :name"), {"name": HOSTILE})
    path = f"/app/people/{ada.id}"
    page = marketer.page(path)
    assert page.xpath("//table//td//a/@href") == [f"/app/deliveries/{one.id}" for one in reversed(found)]
    shown = words(marketer, path)
    assert "Gets no mail: they complained about one" in shown
    assert "clicked" in shown
    assert "readers" in shown
    assert "Agreed" in shown
    assert HOSTILE in shown
    assert HOSTILE not in marketer.get(path).text
    assert {first, second} == {1, 2}
    assert f"/app/people/{ada.id}" in marketer.get(f"/app/deliveries/{found[0].id}").text


def test_many_mails_are_paged(team: Team, harness: CampaignHarness, marketer: Browser, ada: Subscriber):
    harness.plan_and_run("mail")
    with team.app.database.begin() as connection:
        connection.execute(
            text("""
                INSERT INTO deliveries (dispatch_id, subscriber_id, recipient, state, created_at, updated_at)
                SELECT min(dispatch_id), :ada, 'ada' || n || '@example.org', 'sent', now(), now()
                FROM deliveries, generate_series(1, 70) AS n GROUP BY n
            """),
            {"ada": ada.id},
        )
    page = marketer.page(f"/app/people/{ada.id}")
    first = page.xpath("//table//td//a/@href")
    rest = marketer.page(page.xpath("//a[@rel='next']/@href")[0]).xpath("//table//td//a/@href")
    assert (len(first), len(rest)) == (50, 21)
    assert not set(first) & set(rest)


def test_only_those_who_may_read_subscribers_see_a_person(
    team: Team, harness: CampaignHarness, marketer: Browser, ada: Subscriber
):
    assert "Nothing has been sent to this person yet" in words(marketer, f"/app/people/{ada.id}")
    for role in (Role.VIEWER, Role.EDITOR, Role.APPROVER):
        assert team.signed_in(team.user(role)).get(f"/app/people/{ada.id}").status_code == 403
    erase(team.app, ada.id, requested_by="test")
    for path in (f"/app/people/{ada.id}", "/app/people/999", "/app/people/x"):
        assert marketer.get(path).status_code == 404
    assert marketer.get(f"/app/people/{ada.id + 1}?before=x").status_code == 404
