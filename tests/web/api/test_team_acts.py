"""Comments, test groups, the calendar and what needs a person, by the API: the same as on the pages."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from distributor.domain.api_token import TokenScope
from distributor.domain.user import Actor, Role
from distributor.flow.app_context import AppContext
from distributor.flow.operations.attention import needs_attention
from distributor.flow.publishing import campaign_control
from distributor.flow.team import accounts
from distributor.storage import users
from tests.flow.campaign_harness import CampaignHarness, make_campaign_harness
from tests.flow.conftest import scripted_kinds as scripted_kinds  # pytest finds it by its name

from .conftest import Program

WRITER = (TokenScope.CAMPAIGNS_READ, TokenScope.CAMPAIGNS_WRITE)


@pytest.fixture
def harness(app: AppContext, tmp_path: Path) -> CampaignHarness:
    made = make_campaign_harness(app, tmp_path)
    made.channel("mail", "scripted")
    return made


@pytest.fixture
def draft(harness: CampaignHarness) -> int:
    return harness.draft("mail", after=timedelta(days=2))


def user(app: AppContext, email: str, role: Role) -> None:
    made, _ = accounts.create_user(app, email=email, name="", role=role, actor=Actor(name="cli:test"))
    with app.database.begin() as connection:
        users.change(connection, made.id, {"password_hash": "a hash"})


def test_a_comment_is_kept_once_and_shown(api: Any, app: AppContext, draft: int):
    user(app, "dora@gazette.example", Role.APPROVER)
    path, key = f"/campaigns/{draft}/comments", {"Idempotency-Key": "one"}
    for _ in range(2):
        made = api.post(path, json={"text": "Is the date right, @dora?"}, headers=key)
        assert made.status_code == 201
    api.post(path, json={"text": "The picture is too large."})
    newest, first = api.get(path).json()["items"]
    assert (newest["text"], newest["kind"], newest["by"]) == ("The picture is too large.", "comment", "api:test")
    assert (first["text"], first["version"]) == ("Is the date right, @dora?", 1)
    page = api.get(path, params={"limit": 1}).json()
    assert [one["id"] for one in page["items"]] == [newest["id"]]
    assert api.get(path, params={"before": page["next"]}).json()["items"] == [first]
    assert api.get("/campaigns/999/comments").status_code == 404


def test_an_approval_is_asked_of_those_who_can_give_it_and_sent_back_by_them(
    program: Program, app: AppContext, draft: int
):
    user(app, "dora@gazette.example", Role.APPROVER)
    user(app, "vic@gazette.example", Role.VIEWER)
    writer, path = program(*WRITER), f"/campaigns/{draft}/comments"
    asked = {"text": "Please look.", "kind": "asked"}
    assert writer.post(path, json={**asked, "tell": ["nobody@gazette.example"]}).status_code == 404
    assert writer.post(path, json={**asked, "tell": ["vic@gazette.example"]}).status_code == 422
    assert writer.post(path, json={**asked, "tell": ["Dora@gazette.example"]}).status_code == 201
    back = {"text": "The date is wrong.", "kind": "sent_back"}
    assert writer.post(path, json=back).status_code == 403
    assert program(*WRITER, TokenScope.CAMPAIGNS_APPROVE).post(path, json=back).status_code == 201
    assert [one["kind"] for one in writer.get(path).json()["items"]] == ["sent_back", "asked"]
    assert program(TokenScope.CAMPAIGNS_READ).post(path, json=asked).status_code == 403
    assert writer.post(path, json={"text": "x", "kind": "approved"}).status_code == 422


def test_test_groups_are_made_changed_and_removed(api: Any, program: Program):
    made = api.post("/test-groups", json={"name": "Editors", "addresses": ["me@gazette.example"]}).json()
    assert (made["name"], made["version"], made["changed_by"]) == ("Editors", 1, "api:test")
    assert api.post("/test-groups", json={"name": "EDITORS", "addresses": ["x@y.example"]}).status_code == 422
    path, body = f"/test-groups/{made['id']}", {"name": "Desk", "addresses": ["a@b.example", "A@b.example"]}
    changed = api.put(path, json={**body, "version": 1}).json()
    assert (changed["name"], changed["addresses"], changed["version"]) == ("Desk", ["a@b.example"], 2)
    assert api.put(path, json={**body, "version": 1}).status_code == 409
    assert api.get("/test-groups").json()["items"] == [changed]
    assert program(TokenScope.CAMPAIGNS_READ).get("/test-groups").status_code == 403
    assert api.delete(path).status_code == 204
    assert api.get("/test-groups").json()["items"] == []
    assert api.post("/campaigns/1/test", json={"group": made["id"]}).status_code == 404


def test_what_needs_a_person_is_that_of_the_overview(api: Any, program: Program, harness: CampaignHarness):
    campaign_id = harness.plan("mail", after=timedelta(days=2))
    campaign_control.pause(harness.app, campaign_id, actor="cli:test")
    found = api.get("/attention").json()
    shown = needs_attention(harness.app)
    assert [(one["concern"], one["about"], one["sentence"]) for one in found["items"]] == [
        (one.concern, one.about, one.sentence) for one in shown.items
    ]
    (paused,) = [one for one in found["items"] if one["concern"] == "paused"]
    assert paused["campaign"] == campaign_id
    assert program(TokenScope.CAMPAIGNS_READ).get("/attention").status_code == 403
    assert program(TokenScope.SERVICE_READ).get("/attention").status_code == 200


def test_the_calendar_has_each_campaign_on_its_day(api: Any, harness: CampaignHarness, draft: int):
    without = harness.draft("mail")
    start = harness.app.clock() + timedelta(days=2)
    found = api.get("/calendar", params={"view": "week", "from": start.date().isoformat()}).json()
    assert (found["zone"], len(found["days"])) == ("UTC", 7)
    (day,) = [one for one in found["days"] if one["entries"]]
    (entry,) = day["entries"]
    assert (day["day"], day["total"]) == (start.date().isoformat(), 1)
    assert (entry["campaign"], entry["channel"], entry["state"], entry["version"]) == (draft, "mail", "draft", 1)
    assert [one["campaign"] for one in found["without_time"]] == [without]
    empty = api.get("/calendar", params={"from": start.date().isoformat(), "channel": "feed"}).json()
    assert (sum(one["total"] for one in empty["days"]), empty["without_time_total"]) == (0, 0)
    assert api.get("/calendar", params={"view": "year"}).status_code == 422


def test_campaigns_are_listed_by_the_state_that_they_show(api: Any, harness: CampaignHarness, draft: int):
    made = {
        "draft": draft,
        "scheduled": harness.plan("mail", after=timedelta(days=3)),
        "paused": harness.plan("mail", after=timedelta(days=4)),
        "cancelled": harness.plan("mail", after=timedelta(days=5)),
        "reviewed": harness.draft("mail", after=timedelta(days=6)),
        "approved": harness.draft("mail", after=timedelta(days=7)),
    }
    campaign_control.pause(harness.app, made["paused"], actor="cli:test")
    campaign_control.cancel(harness.app, made["cancelled"], actor="cli:test")
    assert api.post(f"/campaigns/{made['reviewed']}/review", json={}).status_code == 200
    assert api.post(f"/campaigns/{made['approved']}/approve", json={}).status_code == 200
    made["finished"] = harness.plan_and_run("mail")
    shown = {one["id"]: one["state"] for one in api.get("/campaigns").json()["items"]}
    assert shown == {number: state for state, number in made.items()}
    for state, number in made.items():
        assert [one["id"] for one in api.get("/campaigns", params={"state": state}).json()["items"]] == [number]
    assert api.get("/campaigns", params={"state": "running"}).json()["items"] == []
