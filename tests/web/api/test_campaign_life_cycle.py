"""The life of a campaign by the API: draft, review, approval, schedule, undo; and who may do and see what."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from threading import Barrier, Event
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from distributor.domain.api_token import TokenScope
from distributor.domain.article import Manuscript
from distributor.domain.blocks import Paragraph, Run
from distributor.domain.ip_networks import parse_networks
from distributor.flow.app_context import AppContext
from distributor.flow.publishing.prepare import prepare
from distributor.flow.publishing.release import release
from distributor.storage import articles, channels
from distributor.testing.scripted_server import RecordedRequest, Reply, scripted_server
from distributor.web.app import serving
from tests.web.samples import WriteArticle

from .conftest import NewToken, Program

BODY: dict[str, Any] = {"articles": ["the-news"], "channels": ["mail"], "audience": {"lists": ["news"]}}
WRITER = (TokenScope.CAMPAIGNS_READ, TokenScope.CAMPAIGNS_WRITE)


@pytest.fixture(autouse=True)
def _newsroom(api: Any, app: AppContext, write_article: WriteArticle) -> None:
    """An article, two channels that work, one without the keys of its account, and two people on the list `news`."""
    write_article()
    with app.database.begin() as connection:
        for name, kind in (("mail", "email"), ("feed", "feed"), ("x", "x")):
            channels.save(connection, name=name, kind=kind, settings={}, sealed=None)
    api.post("/lists", json={"name": "News"})
    for name in ("ada", "bo"):
        body = {"email": f"{name}@example.org", "lists": ["news"], "consent": {"text": "On paper."}}
        assert api.post("/subscribers", json=body).status_code == 201


def create(api: Any, **changes: Any) -> Any:
    answer = api.post("/campaigns", json=BODY | changes)
    assert answer.status_code == 201, answer.text
    return answer.json()


def done(answer: httpx.Response) -> Any:
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


def actions(api: Any, number: int = 1) -> list[str]:
    return [one["action"] for one in api.get(f"/campaigns/{number}/history").json()["items"]]


def at_once(*acts: Callable[[], httpx.Response]) -> list[httpx.Response]:
    """The responses to requests that begin at the same time."""
    barrier = Barrier(len(acts))

    def begin(act: Callable[[], httpx.Response]) -> httpx.Response:
        barrier.wait()
        return act()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(begin, acts))


def test_without_a_time_a_campaign_is_a_draft(api: Any):
    made = create(api)
    assert (made["state"], made["version"], made["undo_until"], made["review"]) == ("draft", 1, None, None)
    assert [one["scheduled_at"] for one in made["dispatches"]] == [None]
    assert actions(api) == ["created"]


def test_with_a_time_it_is_reviewed_and_scheduled_by_the_token(api: Any):
    made = create(api, at="2099-03-01 09:00", zone="Europe/Berlin", channels=["mail", "feed"])
    assert (made["state"], made["undo_until"]) == ("scheduled", "2099-03-01T08:00:00Z")
    assert made["review"]["sentence"].startswith("Sends “The news” over mail to 2 subscribers of News and publishes it")
    assert made["review"]["articles"] == {"the-news": 1}
    history = api.get("/campaigns/1/history").json()["items"]
    assert [one["action"] for one in history] == ["created", "reviewed", "scheduled"]
    assert {one["by"] for one in history} == {"api:test"}


def test_what_starts_now_can_be_undone_for_a_while(api: Any, app: AppContext):
    made = create(api, now=True)
    begins = datetime.fromisoformat(made["undo_until"])
    assert app.clock() < begins <= app.clock() + app.undo_window
    assert made["dispatches"][0]["scheduled_at"] == made["undo_until"]
    undone = done(api.post("/campaigns/1/undo"))
    assert (undone["state"], undone["undo_until"]) == ("reviewed", None)
    again = api.post("/campaigns/1/undo")
    assert (again.status_code, "nothing to undo" in again.json()["detail"]) == (409, True)
    assert release(app, undone["dispatches"][0]["id"]) is False


@pytest.mark.parametrize(
    "wrong",
    [
        {"now": True, "at": "+1h"},
        {"now": True, "times": {"mail": "+1h"}},
        {"now": True, "needs_approval": True},
        {"at": "now"},
        {"times": {"mail": "+1h"}},
    ],
)
def test_times_that_contradict_one_another_are_refused(api: Any, wrong: dict[str, Any]):
    assert api.post("/campaigns", json=BODY | wrong).status_code == 422
    assert api.get("/campaigns").json()["items"] == []


def test_a_blocker_on_one_channel_holds_all_and_says_which_draft_waits(api: Any):
    refused = api.post("/campaigns", json=BODY | {"channels": ["mail", "x"], "at": "+1h"})
    problem = refused.json()
    assert (refused.status_code, problem["type"], problem["campaign"]) == (409, "urn:distributor:problem:blocked", 1)
    assert {one["channel"] for one in problem["blockers"]} == {"x"}
    assert all(one["code"] and one["message"] in problem["detail"] for one in problem["blockers"])
    draft = done(api.get("/campaigns/1"))
    assert (draft["state"], {one["state"] for one in draft["dispatches"]}) == ("draft", {"draft"})
    scheduled = done(api.post("/campaigns/1/schedule", json={"without": ["x"]}))
    assert (scheduled["state"], [one["channel"] for one in scheduled["dispatches"]]) == ("scheduled", ["mail"])


def test_a_request_repeated_with_its_key_is_scheduled_once_and_tried_again_while_it_is_blocked(
    api: Any, app: AppContext
):
    key, body = {"Idempotency-Key": "weekly"}, BODY | {"channels": ["mail", "feed"], "at": "+1h"}
    with app.database.begin() as connection:
        # As if it were misconfigured: without keys an account on X cannot be posted to.
        connection.execute(text("UPDATE channels SET kind = 'x' WHERE name = 'feed'"))
    assert api.post("/campaigns", json=body, headers=key).json()["campaign"] == 1
    with app.database.begin() as connection:
        connection.execute(text("UPDATE channels SET kind = 'feed' WHERE name = 'feed'"))
    for _ in range(2):
        assert done(api.post("/campaigns", json=body, headers=key))["id"] == 1
    assert actions(api).count("scheduled") == 1
    assert len(api.get("/campaigns").json()["items"]) == 1


def test_the_same_request_sent_twice_at_once_makes_one_scheduled_campaign(api: Any):
    body = BODY | {"at": "+1h"}

    def ask() -> httpx.Response:
        answer: httpx.Response = api.post("/campaigns", json=body, headers={"Idempotency-Key": "weekly"})
        return answer

    first, second = map(done, at_once(ask, ask))
    assert (first["id"], second["state"]) == (second["id"], "scheduled")
    assert (actions(api).count("created"), actions(api).count("scheduled")) == (1, 1)


def test_a_campaign_is_edited_field_by_field(api: Any, write_article: WriteArticle):
    write_article("more-news", title="More news")
    create(api, subject="Hello", greeting="Dear all", name="One", cut_after=3)
    edited = done(
        api.patch(
            "/campaigns/1",
            json={
                "articles": ["more-news", "the-news"],
                "channels": ["feed", "mail"],
                "subject": "Good morning",
                "cut_after": 0,
                "channel_options": {"mail": {"closing": "Yours"}},
                "at": "2099-03-01T09:00:00Z",
                "times": {"feed": "+1h"},
                "track_opens": False,
                "on_change": "keep",
            },
        )
    )
    assert (edited["version"], edited["state"], edited["review"]) == (2, "draft", None)
    assert (edited["articles"], edited["name"]) == (["more-news", "the-news"], "One")
    assert (edited["subject"], edited["greeting"], edited["cut_after"]) == ("Good morning", "Dear all", None)
    assert edited["channel_options"]["mail"]["closing"] == "Yours"
    assert (edited["track_opens"], edited["track_clicks"], edited["on_change"]) == (False, True, "keep")
    times = {one["channel"]: one["scheduled_at"] for one in edited["dispatches"]}
    assert times == {"mail": "2099-03-01T09:00:00Z", "feed": "2099-03-01T10:00:00Z"}
    assert done(api.patch("/campaigns/1", json={}))["version"] == 2
    fewer = done(api.patch("/campaigns/1", json={"channels": ["feed"]}))
    assert ([one["channel"] for one in fewer["dispatches"]], fewer["channel_options"]) == (["feed"], {})
    assert actions(api) == ["created", "edited", "edited"]


def test_a_scheduled_campaign_that_is_edited_is_reviewed_and_scheduled_again(api: Any):
    create(api, at="+1h")
    edited = done(api.patch("/campaigns/1", json={"subject": "Good morning"}))
    assert (edited["state"], edited["review"]["blockers"]) == ("scheduled", [])
    blocked = api.patch("/campaigns/1", json={"channels": ["mail", "x"]})
    assert (blocked.status_code, blocked.json()["campaign"]) == (409, 1)
    draft = done(api.get("/campaigns/1"))
    assert draft["state"] == "draft"
    assert len({one["scheduled_at"] for one in draft["dispatches"]}) == 1, "a channel that is added starts with them"


def test_an_edit_of_an_older_version_is_a_conflict(api: Any):
    version = create(api)["version"]
    assert done(api.patch("/campaigns/1", json={"subject": "One", "version": version}))["version"] == version + 1
    for path, body in (("", {"subject": "Two"}), ("/schedule", {"at": "+1h"}), ("/reschedule", {"at": "+1h"})):
        act = api.post if path else api.patch
        stale = act(f"/campaigns/1{path}", json=body | {"version": version})
        assert (stale.status_code, "changed meanwhile" in stale.json()["detail"]) == (409, True), path
    assert api.post("/campaigns/1/approve", json={"version": version}).status_code == 409
    assert done(api.get("/campaigns/1"))["subject"] == "One"


@pytest.mark.parametrize("turn", range(3))
def test_of_two_who_do_the_same_at_once_one_wins_and_the_other_is_told(api: Any, turn: int):
    create(api)

    def edit(name: str) -> Callable[[], httpx.Response]:
        return lambda: api.patch("/campaigns/1", json={"subject": name, "version": 1})

    acts: list[list[Callable[[], httpx.Response]]] = [
        [edit("One"), edit("Two")],
        [lambda: api.post("/campaigns/1/schedule", json={"at": "+1h"})] * 2,
        [lambda: api.post("/campaigns/1/undo")] * 2,
    ]
    for act in acts:
        answers = at_once(*act)
        assert sorted(one.status_code for one in answers) == [200, 409], [one.text for one in answers]
        (refused,) = [one.json() for one in answers if one.status_code == 409]
        assert refused["type"] == "urn:distributor:problem:conflict"
    assert [one for one in actions(api) if one != "reviewed"].count("scheduled") == 1
    assert [actions(api).count(name) for name in ("edited", "scheduled", "undone")] == [2, 1, 1]


def test_a_review_shows_every_channel_and_is_kept(api: Any):
    create(api, channels=["mail", "x"], zone="Europe/Berlin")
    done(api.patch("/campaigns/1", json={"at": "2099-03-01 09:00"}))
    made = done(api.post("/campaigns/1/review", json={}))
    mail, x = made["dispatches"]
    assert (mail["channel"], mail["reach"], mail["recipients"]) == ("mail", "sent", 2)
    assert {one["channel"] for one in made["warnings"]} >= {"mail"}
    assert (mail["scheduled_at"], mail["local_time"], mail["zone"]) == (
        "2099-03-01T08:00:00Z",
        "2099-03-01T09:00:00+01:00",
        "Europe/Berlin",
    )
    assert (x["channel"], x["digest"] is None or x["problems"] != []) == ("x", True)
    assert {one["channel"] for one in made["blockers"]} == {"x"}
    assert "blocker" in made["sentence"]
    done(api.post("/campaigns/1/review", json={}))
    page = done(api.get("/campaigns/1/reviews", params={"limit": 1}))
    (newest,) = page["items"]
    assert (newest["sentence"], newest["by"], newest["version"]) == (made["sentence"], "api:test", 2)
    assert (newest["blockers"], newest["approved_by"], newest["accepted_at"]) == (len(made["blockers"]), None, None)
    assert {one["channel"]: one["recipients"] for one in newest["dispatches"]}["mail"] == 2
    (older,) = done(api.get("/campaigns/1/reviews", params={"before": page["next"]}))["items"]
    assert older["id"] < newest["id"]
    assert done(api.get("/campaigns/1"))["state"] == "draft"


def test_what_needs_an_approval_is_scheduled_once_it_has_one(api: Any):
    made = create(api, needs_approval=True, at="+1h")
    assert (made["state"], made["on_change"]) == ("reviewed", "wait")
    refused = api.post("/campaigns/1/schedule", json={})
    assert (refused.status_code, "needs an approval" in refused.json()["detail"]) == (409, True)
    assert done(api.post("/campaigns/1/approve", json={"version": 1}))["state"] == "approved"
    scheduled = done(api.post("/campaigns/1/schedule", json={}))
    assert scheduled["state"] == "scheduled"
    assert done(api.get("/campaigns/1/reviews"))["items"][0]["accepted_at"] is not None
    edited = done(api.patch("/campaigns/1", json={"subject": "Other words"}))
    assert edited["state"] == "reviewed", "other words need another approval"


def test_who_writes_a_campaign_can_neither_approve_it_nor_lift_the_need_of_an_approval(program: Program):
    writer, editor = program(*WRITER), program(TokenScope.CAMPAIGNS_APPROVE, *WRITER)
    create(writer, needs_approval=True)
    assert writer.post("/campaigns/1/approve", json={}).status_code == 403
    refused = writer.patch("/campaigns/1", json={"needs_approval": False, "subject": "Free"})
    assert (refused.status_code, refused.json()["detail"]) == (403, "the token lacks the scope campaigns:approve")
    shown = done(writer.get("/campaigns/1"))
    assert (shown["needs_approval"], shown["subject"]) == (True, "")
    assert done(editor.post("/campaigns/1/approve", json={}))["state"] == "approved"
    assert done(editor.patch("/campaigns/1", json={"needs_approval": False}))["needs_approval"] is False
    assert program(TokenScope.CAMPAIGNS_APPROVE).patch("/campaigns/1", json={"subject": "x"}).status_code == 403


def test_times_change_until_the_release(api: Any, app: AppContext):
    create(api, at="2099-03-01 09:00", zone="Europe/Berlin")
    moved = done(api.post("/campaigns/1/reschedule", json={"at": "2099-10-25 02:30"}))
    assert (moved["state"], moved["dispatches"][0]["scheduled_at"]) == ("scheduled", "2099-10-25T00:30:00Z")
    assert "the first one is taken" in moved["notes"][0]
    assert api.post("/campaigns/1/reschedule", json={}).status_code == 422
    begun = done(api.post("/campaigns/1/reschedule", json={"at": "+0s"}))["dispatches"][0]["id"]
    assert prepare(app, begun)
    assert release(app, begun)
    for path, body in (("reschedule", {"at": "+1h"}), ("schedule", {"at": "+1h"}), ("undo", None)):
        late = api.post(f"/campaigns/1/{path}", json=body)
        assert (late.status_code, "has begun: mail (2) is out" in late.json()["detail"]) == (409, True), path
    assert done(api.get("/campaigns/1"))["undo_until"] is None


def test_what_is_held_by_one_channel_goes_on_without_it(api: Any, app: AppContext):
    made = create(api, at="+1h", channels=["mail", "feed"])
    with app.database.begin() as connection:
        channels.save(connection, name="feed", kind="feed", settings={"items": "many"}, sealed=None)
    numbers = {one["channel"]: one["id"] for one in made["dispatches"]}
    assert prepare(app, numbers["feed"]) is False
    held = done(api.get("/campaigns/1"))
    assert (held["state"], {one["state"] for one in held["dispatches"]}) == ("paused", {"paused"})
    blocked = api.post("/campaigns/1/resume")
    assert (blocked.status_code, {one["channel"] for one in blocked.json()["blockers"]}) == (409, {"feed"})
    assert api.post("/campaigns/1/resume", json={"without": ["x"]}).status_code == 404
    resumed = done(api.post("/campaigns/1/resume", json={"without": ["feed"]}))
    assert {one["channel"]: one["state"] for one in resumed["dispatches"]} == {"mail": "scheduled", "feed": "cancelled"}
    assert [one["channel"] for one in resumed["review"]["dispatches"]] == ["mail"]


def test_a_duplicate_is_a_draft_without_times(api: Any):
    create(api, at="+1h", subject="Hello", name="One", needs_approval=False, on_change="keep")
    copy = done(api.post("/campaigns/1/duplicate"))
    assert (copy["id"], copy["state"], copy["dispatches"][0]["scheduled_at"]) == (2, "draft", None)
    assert (copy["subject"], copy["name"], copy["on_change"]) == ("Hello", "One", "keep")
    assert "duplicated" in actions(api, 1)
    assert "duplicated" in actions(api, 2)


def test_the_life_of_a_campaign_needs_the_scope_for_writing(program: Program, api: Any):
    create(api)
    reader = program(TokenScope.CAMPAIGNS_READ)
    for path in ("review", "approve", "schedule", "reschedule", "undo", "duplicate"):
        assert reader.post(f"/campaigns/1/{path}", json={}).status_code == 403, path
    assert reader.patch("/campaigns/1", json={}).status_code == 403
    for path in ("history", "reviews"):
        assert reader.get(f"/campaigns/1/{path}").status_code == 200
        assert reader.get(f"/campaigns/99/{path}").status_code == 404
    assert actions(api) == ["created"]


@pytest.mark.parametrize("condition", ["email starts with a", "segment = outer"])
def test_a_review_counts_no_addresses_letter_by_letter(program: Program, api: Any, condition: str):
    api.post("/segments", json={"name": "Outer", "condition": "not email = bo@example.org"})
    api.post("/segments", json={"name": "Secret", "condition": condition})
    writer = program(*WRITER)
    made = create(writer, audience={"lists": ["news"], "segments": ["secret"]}, at="+1h")
    assert (made["state"], made["review"]) == ("scheduled", None)
    for refused in (writer.post("/campaigns/1/review", json={}), writer.get("/campaigns/1/reviews")):
        assert refused.status_code == 403
        assert "subscribers:read" in refused.json()["detail"]
    reader = program(*WRITER, TokenScope.SUBSCRIBERS_READ)
    assert done(reader.post("/campaigns/1/review", json={}))["dispatches"][0]["recipients"] == 1
    assert done(reader.get("/campaigns/1/reviews"))["items"][0]["dispatches"][0]["recipients"] == 1


def test_a_test_mail_shows_a_subscriber_only_to_those_who_may_read_them(program: Program, api: Any):
    create(api)
    writer = program(*WRITER)
    asked = {"to": ["me@team.example"]}
    assert writer.post("/campaigns/1/test", json=asked).status_code == 201
    assert writer.post("/campaigns/1/test", json=asked | {"as_subscriber": "ada@example.org"}).status_code == 403
    reader = program(*WRITER, TokenScope.SUBSCRIBERS_READ)
    assert reader.post("/campaigns/1/test", json=asked | {"as_subscriber": "ada@example.org"}).status_code == 201


def test_reviews_that_wait_for_other_servers_keep_no_one_else_waiting(app: AppContext, new_token: NewToken):
    reviews, asked, answers = 8, Event(), Event()

    def answer_when_told(_: RecordedRequest) -> Reply:
        asked.set()
        answers.wait()
        return Reply(404)

    with (
        scripted_server(route=answer_when_told) as elsewhere,
        serving(replace(app, fetch_networks=parse_networks("127.0.0.1"))) as address,
        httpx.Client(
            base_url=f"{address}/api/v1", headers={"Authorization": f"Bearer {new_token(TokenScope.EVERYTHING)[0]}"}
        ) as client,
        ThreadPoolExecutor(reviews) as pool,
    ):
        text = Paragraph((Run("A page", href=f"{elsewhere.url}/page"),))
        with app.database.begin() as connection:
            articles.add(
                connection,
                Manuscript(title="Links", body=(text,)),
                guid="urn:test:links",
                slug="links",
                source="test",
                source_ref="links",
                content_hash="",
                now=app.clock(),
            )
        assert client.post("/campaigns", json=BODY | {"articles": ["links"]}).status_code == 201
        waiting = [
            pool.submit(client.post, "/campaigns/1/review", json={"links": True}, timeout=300) for _ in range(reviews)
        ]
        asked.wait()
        assert client.get("/campaigns/1", timeout=60).status_code == 200
        assert client.post("/campaigns/1/review", json={}, timeout=60).status_code == 200
        assert not any(one.done() for one in waiting)
        answers.set()
        assert {one.result().status_code for one in waiting} == {200}
