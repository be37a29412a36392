"""One delivery and all of a campaign by the API: their life, retries, settlements, audits, files and results."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from distributor.domain.api_token import TokenScope
from distributor.domain.event import Event, EventKind
from distributor.flow.app_context import AppContext
from distributor.flow.publishing import campaign_deliveries
from distributor.flow.publishing.results import result_rows, results_of
from distributor.storage import audit_log, delivery_queries, events
from tests.flow.campaign_harness import CampaignHarness, make_campaign_harness
from tests.flow.conftest import scripted_kinds as scripted_kinds  # pytest finds it by its name

from .conftest import Program

PERSON, ROBOT = "Mozilla/5.0 (X11; Linux) Firefox/145.0", "Mozilla/5.0 (compatible; somebot/1.0)"
WHY = "Their postmaster has it in the log."


@pytest.fixture
def harness(app: AppContext, tmp_path: Path) -> CampaignHarness:
    made = make_campaign_harness(app, tmp_path)
    made.channel("mail", "scripted", answers={"ada@example.org": "unknown_user", "bo@example.org": "begun"})
    made.channel("wall", "scripted_posts")
    return made


@pytest.fixture
def sent(harness: CampaignHarness) -> int:
    """A campaign: ada's mailbox does not exist, of bo's mail it is not known, cy's was sent, and a post."""
    return harness.plan_and_run("mail", "wall")


def delivery_to(harness: CampaignHarness, campaign_id: int, name: str) -> int:
    with harness.app.database.begin() as connection:
        (found,) = delivery_queries.of_campaign(connection, campaign_id, recipient=f"{name}@example.org", limit=2)
    return found.id


def state_of(api: Any, delivery_id: int) -> str:
    return str(api.get(f"/deliveries/{delivery_id}").json()["state"])


def clicked(harness: CampaignHarness, delivery_id: int, agent: str, *, key: str) -> None:
    detail = {"user_agent": agent, "url": "https://example.org/a"}
    # Not at once, as scanners of links do.
    at = harness.app.clock() + timedelta(minutes=5)
    with harness.app.database.begin() as connection:
        happened = Event(delivery_id=delivery_id, kind=EventKind.CLICK, at=at, key=key, detail=detail)
        events.record(connection, [happened])


def rows_of(answer: Any) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_one_delivery_shows_its_whole_life(api: Any, harness: CampaignHarness, sent: int):
    found = api.get(f"/deliveries/{delivery_to(harness, sent, 'ada')}").json()
    assert (found["recipient"], found["state"], found["reason"]) == ("ada@example.org", "failed", "userunknown")
    assert (found["campaign"], found["channel"], found["posts"]) == (sent, "mail", [])
    assert [one["kind"] for one in found["moments"]] == ["planned", "attempt", "event"]
    assert (found["moments"][1]["state"], found["moments"][2]["event"]) == ("failed", "bounce")
    assert api.get("/deliveries/999999").status_code == 404


def test_one_failed_delivery_is_retried_and_the_history_says_by_whom(api: Any, harness: CampaignHarness, sent: int):
    ada = delivery_to(harness, sent, "ada")
    suppressed = api.post(f"/deliveries/{ada}/retry")
    assert suppressed.status_code == 409, "the mailbox does not exist"
    assert api.post("/suppressions/remove", json={"targets": ["ada@example.org"]}).status_code == 200
    assert api.post(f"/deliveries/{ada}/retry").json()["retried"] == 1
    last = api.get(f"/deliveries/{ada}").json()["moments"][-1]
    assert (last["kind"], last["by"], last["state"]) == ("by_hand", "api:test", "pending")
    refused = api.post(f"/deliveries/{delivery_to(harness, sent, 'cy')}/retry")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:distributor:problem:conflict")


def test_one_of_unknown_outcome_is_settled_once_with_a_reason(api: Any, harness: CampaignHarness, sent: int):
    bo = delivery_to(harness, sent, "bo")
    path, body = f"/deliveries/{bo}/settle", {"as": "sent", "reason": WHY}
    assert api.post(path, json={**body, "reason": "  "}).status_code == 422
    assert api.post(path, json={**body, "epoch": 77}).status_code == 409
    assert state_of(api, bo) == "unknown"
    assert [api.post(path, json=body).json() for _ in range(2)] == [{"settled": 1}, {"settled": 0}]
    last = api.get(f"/deliveries/{bo}").json()["moments"][-1]
    assert (last["kind"], last["by"], last["reason"]) == ("by_hand", "api:test", WHY)
    assert api.post(path, json={**body, "as": "not_sent"}).status_code == 409
    with harness.app.database.begin() as connection:
        (entry,) = audit_log.latest(connection, limit=5)
    assert (entry.actor, entry.action) == ("api:test", "deliveries settled")


def test_all_of_unknown_outcome_are_settled_if_there_are_as_many_as_were_seen(
    api: Any, harness: CampaignHarness, sent: int
):
    path, body = f"/campaigns/{sent}/settle-unknown", {"as": "not_sent", "reason": WHY, "channels": ["mail"]}
    assert api.post(path, json={**body, "expected": 2}).status_code == 409
    assert api.post(path, json={**body, "channels": ["nowhere"]}).status_code == 404
    assert api.post(path, json={**body, "expected": 1}).json() == {"settled": 1}
    assert state_of(api, delivery_to(harness, sent, "bo")) == "failed"
    assert api.post("/campaigns/999/settle-unknown", json=body).status_code == 404


def test_who_only_reads_campaigns_changes_none_and_sees_no_recipient(
    program: Program, harness: CampaignHarness, sent: int
):
    reader, bo = program(TokenScope.CAMPAIGNS_READ), delivery_to(harness, sent, "bo")
    settled = {"as": "sent", "reason": WHY}
    for path, body in (
        (f"/deliveries/{bo}/settle", settled),
        (f"/deliveries/{bo}/retry", None),
        (f"/campaigns/{sent}/settle-unknown", settled),
        (f"/campaigns/{sent}/audits", None),
    ):
        assert reader.post(path, json=body).status_code == 403, path
    assert reader.get(f"/deliveries/{bo}").status_code == 403
    assert reader.get(f"/exports/deliveries?campaign={sent}").status_code == 403
    assert reader.get(f"/campaigns/{sent}/results").status_code == 200


def test_an_audit_runs_in_the_background_and_is_read(api: Any, harness: CampaignHarness, sent: int):
    assert api.get(f"/campaigns/{sent}/audits/last").status_code == 404
    started = [api.post(f"/campaigns/{sent}/audits") for _ in range(2)]
    assert [one.status_code for one in started] == [202, 202]
    assert started[0].json() == started[1].json(), "it is on its way"
    assert started[0].json()["state"] == "waiting"
    harness.run()
    found = api.get(f"/campaigns/{sent}/audits/last").json()
    assert (found["state"], found["by"], found["checked"]) == ("finished", "api:test", 4)
    assert (found["counts"], found["differences"]) == ({}, [])
    clicked(harness, delivery_to(harness, sent, "ada"), PERSON, key="late")
    assert api.post(f"/campaigns/{sent}/audits").json()["id"] > found["id"]
    harness.run()
    (difference,) = api.get(f"/campaigns/{sent}/audits/last").json()["differences"]
    assert difference["delivery"] == delivery_to(harness, sent, "ada")
    assert "recipient" not in difference


def test_the_file_has_the_deliveries_that_are_asked_for_and_no_formula(
    api: Any, harness: CampaignHarness, sent: int, monkeypatch: pytest.MonkeyPatch
):
    # So that a few deliveries are several pieces.
    monkeypatch.setattr(campaign_deliveries, "_AT_ONCE", 2)
    with harness.app.database.begin() as connection:
        connection.execute(
            text("UPDATE deliveries SET reply = :reply WHERE recipient = 'ada@example.org'"),
            {"reply": '=HYPERLINK("http://evil")'},
        )
    found = rows_of(api.get("/exports/deliveries", params={"campaign": sent}))
    assert [row["recipient"].split("@")[0] for row in found if row["channel"] == "mail"] == ["ada", "bo", "cy"]
    assert len(found) == 4
    (ada,) = [row for row in found if row["recipient"].startswith("ada")]
    assert ada["reply"].startswith("'=HYPERLINK")
    for name, query in {
        "ada": {"state": "failed", "reason": "userunknown"},
        "bo": {"state": "unknown"},
        "cy": {"person": "C", "channel": "mail"},
    }.items():
        chosen = rows_of(api.get("/exports/deliveries", params={"campaign": sent, **query}))
        assert [row["recipient"] for row in chosen] == [f"{name}@example.org"]
    clicked(harness, delivery_to(harness, sent, "cy"), ROBOT, key="a robot")
    by_all, by_people = (
        rows_of(api.get("/exports/deliveries", params={"campaign": sent, "event": "click", "by_people": people}))
        for people in (False, True)
    )
    assert ([row["recipient"] for row in by_all], by_people) == (["cy@example.org"], [])
    missing = api.get("/exports/deliveries", params={"campaign": 999})
    assert (missing.status_code, missing.json()["detail"]) == (404, "there is no campaign 999")


def test_results_are_the_numbers_of_the_page(api: Any, harness: CampaignHarness, sent: int):
    cy = delivery_to(harness, sent, "cy")
    clicked(harness, cy, PERSON, key="one")
    clicked(harness, cy, PERSON, key="two")
    clicked(harness, delivery_to(harness, sent, "bo"), ROBOT, key="three")
    found = api.get(f"/campaigns/{sent}/results").json()
    mail, wall = found["channels"]
    clicks = mail["responses"]["click"]
    assert (clicks["people"]["count"], clicks["all"]["count"], clicks["events"]) == (1, 2, 3)
    assert (mail["delivered"], wall["responses"], found["total"]["responses"]["click"]) == (2, {}, clicks)
    assert 0 < clicks["people"]["low"] < clicks["people"]["rate"] < clicks["people"]["high"] < 1
    (link,) = [one for one in found["links"] if one["clicks"]["events"]]
    assert (link["channel"], link["url"], link["clicks"]) == ("mail", "https://example.org/a", clicks)
    assert found["clicks_over_time"][-1] == {"hours": 1, "people": 1, "all": 2}
    rows = {(row[0], row[1], row[2]): row for row in result_rows(results_of(harness.app, sent))}
    assert rows["mail", "", "click"][3:7] == ["1", "2", "3", "2"]
    (summary,) = api.get("/results").json()["items"]
    assert (summary["campaign"], summary["responses"]["click"]) == (sent, clicks)
    assert api.get("/campaigns/999/results").status_code == 404
