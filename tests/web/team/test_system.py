"""The system and the notices: what runs, what is held, what was imported, and who is told of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from distributor.domain.notice import Matter, NoticeTargets, NoticeWay
from distributor.domain.quarantine import QuarantineLoop
from distributor.domain.user import Role
from distributor.flow.notice_targets import current_targets
from distributor.storage import heartbeats, notices, quarantine

from .conftest import Browser, MakeTeam, Team

SYSTEM, NOTICES = "/app/system", "/app/settings/notices"
HOSTILE = "<script>alert(1)</script>"
MAIL = b"From: robin@example.org\r\nTo: bounces@example.org\r\nSubject: x\r\n\r\nHello.\r\n"


@pytest.fixture
def owner(team: Team) -> Browser:
    return team.signed_in(team.user(Role.OWNER))


def words(browser: Browser, path: str) -> str:
    return " ".join(browser.page(path).xpath("string(//main)").split())


def hold(team: Team, loop: QuarantineLoop = QuarantineLoop.MAIL, content: bytes | None = MAIL) -> int:
    with team.app.database.begin() as connection:
        quarantine.hold(connection, loop, f"key {HOSTILE}", reason=f"no {HOSTILE}", now=team.clock(), content=content)
        return quarantine.listed(connection, limit=1)[0].id


def test_an_empty_service_says_so(owner: Browser):
    shown = words(owner, SYSTEM)
    assert "The scheduler has never run" in shown
    assert "No process has reported" in shown
    assert "It is empty: everything could be processed" in shown
    assert "Nobody has imported subscribers yet" in shown


def test_processes_are_shown_with_what_differs_among_them(team: Team, owner: Browser):
    with team.app.database.begin() as connection:
        heartbeats.record_heartbeat(connection, heartbeats.BEAT, now=team.clock())
        connection.execute(
            text("""
                INSERT INTO processes (id, kind, name, host, pid, version, settings, started_at, seen_at)
                SELECT gen_random_uuid(), kind, name, 'one.example', 7, '1', CAST(settings AS jsonb), now(),
                       now() - silent * interval '1 minute'
                FROM (VALUES
                    ('web', 'web', '{"site_name": "A", "secret_key": "fingerprint 1"}', 0),
                    ('worker', 'worker email', '{"site_name": "B", "secret_key": "fingerprint 1"}', 0),
                    ('worker', 'worker old', '{}', 9)
                ) AS reported (kind, name, settings, silent)
            """)
        )
    shown = words(owner, SYSTEM)
    assert "Silent for 9 minutes" in shown
    assert "DISTRIBUTOR_SITE_NAME A: web B: worker email" in shown
    assert "fingerprint" not in shown


def test_an_item_is_tried_again_and_discarded_by_those_who_run_the_service(team: Team, owner: Browser):
    kept, read_again = hold(team), hold(team, QuarantineLoop.FILE, None)
    page = owner.get(SYSTEM)
    assert HOSTILE not in page.text
    assert "2 items could not be processed" in words(owner, SYSTEM)
    path = f"{SYSTEM}/quarantine/{kept}"
    assert owner.post(f"{path}/retry").headers["location"].endswith("done=works#quarantine")
    assert owner.post(f"{SYSTEM}/quarantine/{read_again}/retry").headers["location"].endswith("done=later#quarantine")
    for done in ("discarded", "gone"):
        answer = owner.post(f"{SYSTEM}/quarantine/{read_again}/discard")
        assert answer.headers["location"].endswith(f"done={done}#quarantine"), "it is discarded once"
    assert owner.post(f"{path}/retry").headers["location"].endswith("done=gone#quarantine")
    assert "It is empty" in words(owner, SYSTEM)
    assert [action for _, action, _ in team.log() if "quarantine" in action] == [
        "quarantine retried",
        "quarantine retried",
        "quarantine discarded",
    ]


def test_one_that_still_fails_says_why_and_stays(team: Team, owner: Browser):
    item = hold(team, QuarantineLoop.EVENT, b"no event")
    answer = owner.post(f"{SYSTEM}/quarantine/{item}/retry")
    assert (answer.status_code, "It still fails" in answer.text) == (409, True)
    assert "1 item could not be processed" in words(owner, SYSTEM)


def test_others_have_neither_page(team: Team):
    item = hold(team)
    for role in (Role.MARKETER, Role.EDITOR, Role.APPROVER, Role.VIEWER):
        browser = team.signed_in(team.user(role))
        assert [browser.get(path).status_code for path in (SYSTEM, NOTICES)] == [403, 403]
        assert browser.post(f"{SYSTEM}/quarantine/{item}/discard").status_code == 403
        assert browser.post(NOTICES, {"addresses": "a@operators.example"}).status_code == 403
        assert SYSTEM not in browser.get("/app").text
        assert SYSTEM not in browser.get("/app/settings").text


def test_the_overview_leads_to_what_is_held(team: Team, owner: Browser):
    hold(team)
    links = owner.page("/app").xpath("//section[@aria-labelledby='attention']//a/@href")
    assert any(link.endswith("/app/system#quarantine") for link in links)


def test_who_is_told_is_saved_and_the_secret_is_shown_once(team: Team, owner: Browser):
    form = {"addresses": "ada@operators.example\nbo@operators.example", "hook_url": "https://hook.example/a"}
    answer = owner.post(NOTICES, {**form, "hook_secret": ""})
    with team.app.database.begin() as connection:
        targets = current_targets(team.app, connection)
    assert targets.addresses == ("ada@operators.example", "bo@operators.example")
    assert targets.hook_secret in answer.text
    page = owner.get(NOTICES).text
    assert targets.hook_secret not in page
    assert "https://hook.example/a" in page
    assert owner.post(NOTICES, {**form, "hook_secret": ""}).status_code == 303
    wrong = owner.post(NOTICES, {"addresses": "nobody", "hook_url": "", "hook_secret": ""})
    assert (wrong.status_code, "nobody" in wrong.text) == (422, True)
    assert ("user:owner@example.org", "notices changed", "") in team.log()


def test_what_was_told_is_listed_with_every_attempt(team: Team, owner: Browser):
    with team.app.database.begin() as connection:
        matter = Matter(
            key="paused 1", topic="paused", about=HOSTILE, sentence="It is paused.", path="/app/campaigns/1"
        )
        notices.record(connection, [matter], ways=[NoticeWay.MAIL], now=team.clock())
        (notice,) = notices.latest(connection, limit=2)
        for is_told, detail in ((False, "mail: no connection"), (True, "over other")):
            now = team.clock() + timedelta(minutes=5)
            notices.settle(
                connection, [notice.id], NoticeWay.MAIL, is_told=is_told, detail=detail, next_at=None, now=now
            )
    shown = words(owner, NOTICES)
    assert "not told, mail: no connection" in shown
    assert "told, over other" in shown
    assert f"<bdi>{HOSTILE}" not in owner.get(NOTICES).text


def test_what_the_environment_sets_holds(make_team: MakeTeam):
    targets = NoticeTargets(
        addresses=("root@operators.example",), hook_url="https://hook.example", hook_secret="c2VjcmV0"
    )
    team = make_team(notice_targets=targets)
    shown = words(team.signed_in(team.user(Role.OWNER)), NOTICES)
    assert "The environment sets the addresses: root@operators.example" in shown
    assert "The environment sets the web hook" in shown
