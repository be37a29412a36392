"""Campaigns by the API: created once, paused, resumed, retried, with a record of every delivery."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from distributor.domain.api_token import TokenScope
from distributor.domain.event import Event, EventKind
from distributor.flow.app_context import AppContext
from distributor.flow.publishing.prepare import prepare
from distributor.flow.publishing.release import release
from distributor.storage import campaigns, channels, events, paused_routes
from tests.web.samples import WriteArticle

from .conftest import Program

NEWS = {"lists": ["news"]}


@pytest.fixture(autouse=True)
def office(api: Any, app: AppContext, write_article: WriteArticle) -> None:
    """An article, an email channel, and three people on the list `news`."""
    write_article()
    with app.database.begin() as connection:
        channels.save(connection, name="mail", kind="email", settings={}, sealed=None)
        channels.save(connection, name="feed", kind="feed", settings={}, sealed=None)
    api.post("/lists", json={"name": "News"})
    for name in ("ada", "bo", "cy"):
        body = {"email": f"{name}@example.org", "lists": ["news"], "consent": {"text": "On paper."}}
        assert api.post("/subscribers", json=body).status_code == 201


@pytest.fixture
def released(api: Any, app: AppContext) -> int:
    """A campaign whose audience is frozen; its number."""
    made = planned(api, at="+0s")
    prepare(app, made["dispatches"][0]["id"])
    assert release(app, made["dispatches"][0]["id"])
    number: int = made["id"]
    return number


def planned(api: Any, *, headers: dict[str, str] | None = None, **more: Any) -> Any:
    body = {"articles": ["the-news"], "channels": ["mail"], "audience": NEWS, **more}
    answer = api.post("/campaigns", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.json()


def set_state(app: AppContext, state: str, *names: str, **also: Any) -> None:
    with app.database.begin() as connection:
        for name in names:
            changes = "".join(f", {column} = :{column}" for column in also)
            connection.execute(
                text(f"UPDATE deliveries SET state = :state{changes} WHERE recipient = :recipient"),
                {"state": state, "recipient": f"{name}@example.org", **also},
            )


def test_a_campaign_is_planned_and_shown(api: Any):
    tomorrow = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    made = planned(
        api,
        name="Number one",
        channels=["mail", "feed"],
        at=tomorrow.isoformat(),
        times={"feed": (tomorrow + timedelta(hours=1)).isoformat()},
        zone="Europe/Vienna",
        track_opens=False,
        unknown="resend",
    )
    assert (made["name"], made["state"], made["articles"]) == ("Number one", "scheduled", ["the-news"])
    assert (made["audience"]["lists"], made["track_opens"], made["unknown"]) == (["news"], False, "resend")
    feed, mail = made["dispatches"]
    assert datetime.fromisoformat(mail["scheduled_at"]) == tomorrow
    assert datetime.fromisoformat(feed["scheduled_at"]) == tomorrow + timedelta(hours=1)
    assert (mail["channel"], mail["zone"], mail["audience"]) == ("mail", "Europe/Vienna", None)
    assert made.pop("notes") == []
    assert made.pop("review")["blockers"] == []
    assert api.get(f"/campaigns/{made['id']}").json() == made


def test_times_are_read_as_on_the_command_line(api: Any):
    made = planned(api, at="2099-10-25 02:30", times={"feed": "+2h"}, zone="Europe/Berlin", channels=["mail", "feed"])
    feed, mail = made["dispatches"]
    assert (mail["scheduled_at"], feed["scheduled_at"]) == ("2099-10-25T00:30:00Z", "2099-10-25T02:30:00Z")
    assert "2099-10-25T02:30+02:00 and 2099-10-25T02:30+01:00; the first one is taken" in made["notes"][0]
    offset = planned(api, at="2099-03-01 09:00", zone="GMT+10")["dispatches"][0]
    assert (offset["scheduled_at"], offset["zone"]) == ("2099-02-28T23:00:00Z", "UTC+10:00")
    for wrong in ({"at": "2099-03-29 02:30", "zone": "Europe/Berlin"}, {"at": "2099-03-01 09:00"}, {"zone": "GMT+15"}):
        body = {"articles": ["the-news"], "channels": ["mail"], "audience": NEWS, **wrong}
        assert api.post("/campaigns", json=body).status_code == 422


def test_the_newest_campaigns_come_first_page_by_page(api: Any):
    numbers = [planned(api, name=name)["id"] for name in ("one", "two", "three")]
    first = api.get("/campaigns", params={"limit": 2}).json()
    assert [one["id"] for one in first["items"]] == numbers[:0:-1]
    assert first["items"][0]["dispatches"][0]["state"] == "draft"
    rest = api.get("/campaigns", params={"limit": 2, "before": first["next"]}).json()
    assert ([one["id"] for one in rest["items"]], rest["next"]) == (numbers[:1], None)
    assert api.get("/campaigns", params={"purpose": "confirmation"}).json()["items"] == []


def test_what_is_asked_for_twice_under_one_key_is_planned_once(api: Any, program: Program):
    key = {"Idempotency-Key": "2026-11-22 weekly"}
    made = planned(api, headers=key)
    assert planned(api, headers=key)["id"] == made["id"]
    body = {"articles": ["the-news"], "channels": ["mail"], "audience": NEWS, "name": "Another"}
    answer = api.post("/campaigns", json=body, headers=key)
    assert (answer.status_code, f"made campaign {made['id']}" in answer.json()["detail"]) == (409, True)
    other = program(TokenScope.CAMPAIGNS_WRITE)
    assert planned(other, headers=key)["id"] != made["id"]
    assert planned(api)["id"] != planned(api)["id"]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"articles": []}, 422),
        ({"channels": []}, 422),
        ({"audience": {}}, 422),
        ({"articles": ["nothing"]}, 404),
        ({"channels": ["nothing"]}, 404),
        ({"audience": {"failed_of": [99]}}, 404),
        ({"audience": {"failed_of": [0]}}, 422),
        ({"at": "2020-01-01T00:00:00Z"}, 422),
        ({"times": {"feed": "2099-01-01T00:00:00Z"}}, 422),
        ({"zone": "Vienna"}, 422),
        ({"subject": "two\nlines"}, 422),
        ({"greeting": "Dear {{ subscriber.name"}, 422),
    ],
)
def test_a_campaign_that_makes_no_sense_is_refused(api: Any, changes: dict[str, Any], status: int):
    body = {"articles": ["the-news"], "channels": ["mail"], "audience": NEWS, **changes}
    assert api.post("/campaigns", json=body).status_code == status
    assert api.get("/campaigns").json()["items"] == []


def test_a_campaign_may_say_something_around_its_articles(api: Any, app: AppContext):
    made = planned(
        api,
        subject="News for {{ subscriber.name | default('you') }}",
        closing="Until next week",
        channel_options={"mail": {"greeting": "Hello", "cut_after": 3}},
    )
    with app.database.begin() as connection:
        options = campaigns.message_options_of(connection, made["id"])
        on_mail = campaigns.message_options_of(connection, made["id"], channel_name="mail")
    assert (on_mail.subject, on_mail.greeting, on_mail.cut_after) == (options.subject, "Hello", 3)
    assert (options.subject, options.closing) == ("News for {{ subscriber.name | default('you') }}", "Until next week")


def test_a_campaign_is_paused_resumed_and_cancelled(api: Any, released: int):
    assert api.post(f"/campaigns/{released}/pause").json()["state"] == "paused"
    assert api.post(f"/campaigns/{released}/resume").json()["state"] == "running"
    cancelled = api.post(f"/campaigns/{released}/cancel").json()
    assert (cancelled["state"], cancelled["totals"]["suppressed"]) == ("cancelled", 3)
    refused = api.post(f"/campaigns/{released}/cancel")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:distributor:problem:conflict")
    assert api.post("/campaigns/99/pause").status_code == 404


def test_failed_deliveries_are_counted_and_sent_again(api: Any, app: AppContext, released: int):
    set_state(app, "failed", "ada", detail='{"reason": "mailboxfull", "given_up": true}')
    set_state(app, "failed", "bo", detail='{"reason": "userunknown"}')
    path = f"/campaigns/{released}/retry-failed"
    counted = {"failed": 2, "retried": 1, "not_selected": 1, "not_sendable": 0, "received_since": 0}
    assert api.post(path, json={"failure": "temporary", "dry_run": True}).json() == counted
    assert api.post(path, json={"reasons": ["mailboxfull"], "channels": ["mail"]}).json() == counted
    assert api.get(f"/campaigns/{released}").json()["totals"]["failed"] == 1
    assert api.post(path, json={"failure": "temporary"}).status_code == 409
    assert api.post(path, json={"channels": ["feed"]}).status_code == 404


def test_a_campaign_goes_to_those_whom_another_one_failed(api: Any, app: AppContext, released: int):
    set_state(app, "sent", "ada", "cy")
    set_state(app, "failed", "bo")
    asked = {"audience": {"failed_of": [released]}, "articles": ["the-news"]}
    data = api.post("/campaigns/audience", json=asked).json()
    assert [one["email"] for one in data["sample"]] == ["bo@example.org"]
    assert planned(api, audience={"failed_of": [released]})["audience"]["failed_of"] == [released]


def test_deliveries_are_reported_page_by_page_by_state_and_by_recipient(api: Any, app: AppContext, released: int):
    set_state(app, "failed", "bo", reply_code=550, reply="5.1.1 no such user")
    path = f"/campaigns/{released}/deliveries"
    first = api.get(path, params={"limit": 2}).json()
    assert [one["recipient"][:2] for one in first["items"]] == ["ad", "bo"]
    assert [one["recipient"][:2] for one in api.get(path, params={"after": first["next"]}).json()["items"]] == ["cy"]
    (failed,) = api.get(path, params={"state": "failed"}).json()["items"]
    assert (failed["channel"], failed["reply_code"], failed["reply"]) == ("mail", 550, "5.1.1 no such user")
    assert api.get(path, params={"recipient": "BO@example.org"}).json()["items"] == [failed]
    assert api.get(path, params={"channel": "feed"}).json()["items"] == []
    assert api.get("/campaigns/99/deliveries").status_code == 404


def test_what_happened_to_a_delivery_is_reported(api: Any, app: AppContext, released: int):
    (delivery,) = api.get(f"/campaigns/{released}/deliveries", params={"limit": 1}).json()["items"]
    at = datetime(2026, 11, 22, 12, tzinfo=UTC)
    event = Event(delivery_id=delivery["id"], kind=EventKind.CLICK, at=at, key="k", detail={"link": 0})
    with app.database.begin() as connection:
        events.record(connection, [event])
    data = api.get(f"/deliveries/{delivery['id']}/events").json()
    assert data == {"items": [{"kind": "click", "at": "2026-11-22T12:00:00Z", "detail": {"link": 0}}]}
    assert api.get(f"/campaigns/{released}").json()["events"] == {"click": {"total": 1, "deliveries": 1}}
    assert api.get("/deliveries/99/events").status_code == 404


def test_the_last_report_of_a_delay_is_shown_with_its_delivery(api: Any, app: AppContext, released: int):
    path = f"/campaigns/{released}/deliveries"
    first, *others = api.get(path).json()["items"]
    assert {one["delayed_at"] for one in (first, *others)} == {None}
    times = [datetime(2026, 11, 22, hour, tzinfo=UTC) for hour in (12, 15, 13)]
    reports = [Event(delivery_id=first["id"], kind=EventKind.DELAY, at=at, key=str(at)) for at in times]
    with app.database.begin() as connection:
        events.record(connection, reports)
    assert api.get(path).json()["items"] == [first | {"delayed_at": "2026-11-22T15:00:00Z"}, *others]


def test_lanes_that_hold_a_campaign_back_are_named(api: Any, app: AppContext, released: int):
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    with app.database.begin() as connection:
        channel_id = channels.find(connection, "mail").id
        paused_routes.pause(connection, channel_id, "relay", "example.org", reason="blocked: 550 no", now=now)
    held = '{"reason": "held", "route": "relay/example.org"}'
    set_state(app, "deferred", "ada", "bo", detail=held, next_at=now + timedelta(minutes=20))
    (dispatch,) = api.get(f"/campaigns/{released}").json()["dispatches"]
    assert dispatch["waits"] == [
        {
            "route": "relay/example.org",
            "deliveries": 2,
            "reason": "blocked: 550 no",
            "since": "2026-11-22T12:00:00Z",
            "next_probe_at": "2026-11-22T12:15:00Z",
        }
    ]
    assert dispatch["next_attempt_at"] == "2026-11-22T12:20:00Z"


def test_a_campaign_is_audited(api: Any, app: AppContext, released: int):
    path = f"/campaigns/{released}/audit"
    assert api.get(path).json() == {
        "is_running": True,
        "states": {"pending": 3},
        "counts": {},
        "taken_back": {},
        "differences": [],
        "past": 0,
        "removed_at": None,
    }
    with app.database.begin() as connection:
        connection.execute(text("DELETE FROM deliveries WHERE recipient = 'bo@example.org'"))
    made = api.get(path).json()
    assert made["counts"] == {"unbalanced": 1}
    assert made["differences"][0]["evidence"] == "released to 3, but there are 2 deliveries"
    assert api.get(path, params={"limit": 0}).json()["differences"] == []


def test_a_test_of_a_campaign_is_a_campaign_of_its_own_and_not_in_the_list(api: Any):
    made = planned(api, at="2030-01-01T00:00:00Z")
    body = {"to": ["me@team.example"], "as_subscriber": "ada@example.org"}
    answer = api.post(f"/campaigns/{made['id']}/test", json=body)
    assert answer.status_code == 201, answer.text
    test = answer.json()
    assert (test["purpose"], test["totals"]["audience"], test["articles"]) == ("test", 1, [])
    assert [one["id"] for one in api.get("/campaigns").json()["items"]] == [made["id"]]
    assert [one["id"] for one in api.get("/campaigns?purpose=test").json()["items"]] == [test["id"]]


@pytest.mark.parametrize(
    ("body", "status"),
    [({}, 422), ({"to": ["nonsense"]}, 422), ({"to": ["a@b.example"] * 21}, 422), ({"channel": "feed"}, 404)],
)
def test_a_test_that_does_not_fit_the_campaign_is_a_problem(api: Any, body: dict[str, Any], status: int):
    made = planned(api, at="2030-01-01T00:00:00Z")
    assert api.post(f"/campaigns/{made['id']}/test", json=body).status_code == status
    assert api.get("/campaigns?purpose=test").json()["items"] == []


def test_a_program_that_may_only_read_changes_nothing_and_sees_no_addresses(program: Program, released: int):
    reader = program(TokenScope.CAMPAIGNS_READ)
    assert reader.get(f"/campaigns/{released}").status_code == 200
    for path in (f"/campaigns/{released}/deliveries", f"/campaigns/{released}/audit", "/deliveries/1/events"):
        assert reader.get(path).status_code == 403
    for act in ("pause", "resume", "cancel"):
        assert reader.post(f"/campaigns/{released}/{act}").status_code == 403
    assert reader.post(f"/campaigns/{released}/retry-failed", json={}).status_code == 403
    assert reader.post(f"/campaigns/{released}/test", json={"to": ["a@b.example"]}).status_code == 403
    assert reader.post("/campaigns", json={"articles": ["the-news"], "channels": ["mail"]}).status_code == 403
