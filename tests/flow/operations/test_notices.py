"""Operators are told once of each matter: over the first channel that works, and by a signed web hook."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from distributor.domain.errors import InputError
from distributor.domain.ip_networks import parse_networks
from distributor.domain.notice import Notice, NoticeAttempt, NoticeTargets
from distributor.domain.quarantine import QuarantineLoop
from distributor.domain.user import Actor
from distributor.embedded import Services
from distributor.flow.app_context import AppContext
from distributor.flow.delivery import tell_notices
from distributor.flow.delivery.tell_notices import tell
from distributor.flow.jobs import JobKind
from distributor.flow.notice_targets import current_targets
from distributor.flow.operations import attention
from distributor.flow.operations.notices import change_notice_settings, record_notices
from distributor.flow.operations.scheduler import run_scheduler
from distributor.flow.publishing import campaign_control
from distributor.flow.team import sign_in
from distributor.flow.team.links import first_owner_link
from distributor.sandbox.faults import FaultKind, InjectedFault
from distributor.sandbox.smtp_server import SMTP
from distributor.storage import channels, heartbeats, notices, quarantine
from distributor.storage.database import Database
from distributor.testing.scripted_server import Reply, ScriptedServer, closed_port, scripted_server
from distributor.web.beat_watch import BeatWatch
from tests.chaos.mail_relay import Relay, running_relay
from tests.flow.campaign_harness import CampaignHarness, make_campaign_harness

ADA = "ada@operators.example"
CLIENT = sign_in.Client(ip_address="192.0.2.7", user_agent="Test/1")
SECRET = "whsec_" + base64.b64encode(b"a secret of twenty-four bytes or more").decode()
OPERATOR = Actor(name="cli:test")


class Clock:
    """The time, which tests move."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Office:
    """A service whose operators are told, and what has arrived."""

    app: AppContext
    clock: Clock
    relay: Relay
    hook: ScriptedServer
    harness: CampaignHarness

    def look(self, *, after: timedelta = timedelta(seconds=11)) -> None:
        """Let time pass, and let the scheduler and a worker do what is due."""
        self.clock.now += after
        with self.app.database.begin() as connection:
            heartbeats.record_heartbeat(connection, heartbeats.BEAT, now=self.clock())
        for job in record_notices(self.app):
            assert job.kind is JobKind.TELL
            tell(self.app, job.subject_id)

    def hold(self, key: str = "a mail", *, reason: str = "it is broken") -> None:
        """Put an item into quarantine."""
        with self.app.database.begin() as connection:
            quarantine.hold(
                connection, QuarantineLoop.MAIL, key, reason=reason, now=self.clock(), content=b"From: x\r\n\r\n"
            )

    def mails(self) -> dict[str, list[str]]:
        """The Message-IDs of the mails that arrived, by recipient."""
        found: dict[str, list[str]] = {}
        for (recipient, message_id), times in self.relay.mails().items():
            found.setdefault(recipient, []).extend([message_id] * times)
        return found

    def told(self) -> int:
        """How many mails ada has got."""
        return len(self.mails().get(ADA, []))

    def notices(self, topic: str = "quarantine") -> list[tuple[Notice, list[NoticeAttempt]]]:
        with self.app.database.begin() as connection:
            found = [one for one in notices.latest(connection, limit=100) if one.matter.topic == topic]
            attempts = notices.attempts(connection, [one.id for one in found])
        return [(one, list(attempts[one.id])) for one in found]


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[Relay]:
    with running_relay(tmp_path / "inbox") as relay:
        yield relay


@pytest.fixture
def office(app: AppContext, relay: Relay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """Ada is told by mail, and a web hook; a beat and nothing else has run."""
    # The time is moved, and that is no news.
    monkeypatch.setattr(attention, "compare_clocks", lambda _: [])
    clock = Clock(app.clock())
    with scripted_server(route=lambda _: Reply(204, b"")) as hook:
        targets = NoticeTargets(addresses=(ADA,), hook_url=f"{hook.url}/hook", hook_secret=SECRET)
        changed = replace(app, clock=clock, notice_targets=targets, fetch_networks=parse_networks("127.0.0.1"))
        with app.database.begin() as connection:
            channels.save(connection, name="mail", kind="email", settings={}, sealed=seal(app, relay.url))
        office = Office(changed, clock, relay, hook, make_campaign_harness(changed, tmp_path))
        run_scheduler(changed)
        yield office


def seal(app: AppContext, url: str) -> bytes:
    return app.vault.seal({"smtp_url": url})


def test_a_matter_is_told_once_however_long_it_lasts(office: Office):
    office.hold()
    for _ in range(4):
        office.look()
    assert (office.told(), len(office.hook.requests)) == (1, 1)
    ((notice, attempts),) = office.notices()
    assert notice.told_at is not None
    assert sorted((one.way.value, one.is_told) for one in attempts) == [("mail", True), ("web_hook", True)]


def test_a_dead_beat_is_told_by_the_web_server_once_and_a_restart_is_not(office: Office):
    watch = BeatWatch(office.app)
    assert not watch.look(), "it is alive"
    office.clock.now += timedelta(hours=3)
    assert not watch.look(), "the whole service may have been away, and start again"
    done = []
    for _ in range(12):
        office.clock.now += timedelta(seconds=15)
        done.append(watch.look())
    assert done == [False] * 5 + [True] * 7
    ((notice, _),) = office.notices("service")
    assert (notice.matter.about, office.told(), len(office.hook.requests)) == ("The scheduler", 1, 1)
    office.look()
    assert not watch.look()


def test_the_web_hook_is_signed_as_the_specification_says(office: Office):
    office.hold()
    office.look()
    (request,) = office.hook.requests
    signed = ".".join(
        (request.headers["webhook-id"], request.headers["webhook-timestamp"], request.raw_body.decode())
    ).encode()
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert request.headers["webhook-signature"] == f"v1,{expected}"
    assert request.body["type"] == "notice.quarantine"
    assert request.body["data"]["url"].startswith("http://gazette.example/app")


def test_what_flaps_is_told_again_only_after_an_hour(office: Office):
    begin(office)
    office.look()
    for minutes in (10, 20, 20):
        end(office)
        office.look(after=timedelta(minutes=minutes / 2))
        begin(office)
        office.look(after=timedelta(minutes=minutes / 2))
    assert office.told() == 1
    end(office)
    office.look(after=timedelta(minutes=61))
    begin(office)
    office.look()
    assert office.told() == 2
    assert len(office.notices("service")) == 2


def begin(office: Office) -> None:
    """A worker falls silent."""
    with office.app.database.begin() as connection:
        connection.execute(
            text("""
                INSERT INTO processes (id, kind, name, host, pid, version, settings, started_at, seen_at)
                VALUES ('00000000-0000-0000-0000-000000000001', 'worker', 'one', 'elsewhere', 7, '1', '{}', now(),
                        now() - interval '5 minutes')
            """)
        )


def end(office: Office) -> None:
    with office.app.database.begin() as connection:
        connection.execute(text("DELETE FROM processes"))


def test_the_mail_goes_over_the_first_channel_that_works(office: Office):
    with closed_port() as gone, office.app.database.begin() as connection:
        url = gone.replace("http", "smtp")
        connection.execute(text("UPDATE channels SET secrets = :sealed"), {"sealed": seal(office.app, url)})
        channels.save(connection, name="other", kind="email", settings={}, sealed=seal(office.app, office.relay.url))
    office.hold()
    office.look()
    assert office.told() == 1
    ((_, attempts),) = office.notices()
    assert [one.detail for one in attempts if one.way.value == "mail"] == ["over other"]


def test_while_no_channel_works_it_is_tried_again_with_the_reason(office: Office):
    office.relay.switches.set(SMTP, InjectedFault(kind=FaultKind.REFUSE))
    office.hold()
    office.look()
    ((notice, attempts),) = office.notices()
    (failed,) = [one for one in attempts if one.way.value == "mail"]
    assert not failed.is_told
    assert failed.detail.startswith("mail: ")
    assert notice.told_at is not None, "the web hook has told it"
    office.relay.switches.clear(SMTP)
    office.look()
    assert office.told() == 1


@pytest.mark.parametrize("way", ["mail", "web_hook"])
def test_whoever_is_killed_between_sending_and_recording_doubles_it_at_most_with_the_same_id(
    office: Office, fresh_services: Services, way: str
):
    targets = office.app.notice_targets
    only = replace(targets, hook_url="") if way == "mail" else replace(targets, addresses=())
    office.app = replace(office.app, notice_targets=only)
    office.hold()
    office.clock.now += timedelta(seconds=11)
    (job,) = record_notices(office.app)
    assert killed_while_telling(office.app, fresh_services.database_url, job.subject_id) == -signal.SIGKILL
    # Somebody else might still be at it.
    office.look()
    office.look(after=timedelta(minutes=3))
    office.look(after=timedelta(minutes=3))
    ids = office.mails().get(ADA, []) + [one.headers["webhook-id"] for one in office.hook.requests]
    assert len(ids) == 2
    assert len(set(ids)) == 1
    ((_, attempts),) = office.notices()
    assert [one.is_told for one in attempts] == [True]


def killed_while_telling(app: AppContext, database_url: str, notice_id: int) -> int:
    """Tell a notice in a process that is killed when it would record that; how that ended."""
    child = os.fork()
    if child == 0:
        tell_notices._settle = lambda *_arguments, **_more: os.kill(os.getpid(), signal.SIGKILL)
        try:
            tell(replace(app, database=Database(database_url, pool_size=0)), notice_id)
        finally:
            os._exit(3)
    return -os.WTERMSIG(os.waitpid(child, 0)[1])


def test_a_web_hook_that_fails_is_tried_again_and_one_that_is_gone_is_not(office: Office):
    office.app = replace(office.app, notice_targets=replace(office.app.notice_targets, addresses=()))
    office.hook.route = None
    office.hook.then(
        Reply(500, {}), Reply(302, {}, {"Location": "http://127.0.0.1:1/"}), Reply(200, {}), Reply(410, {})
    )
    office.hold()
    office.look()
    office.look(after=timedelta(seconds=11))
    office.look(after=timedelta(minutes=1))
    assert len(office.hook.requests) == 2, "the third attempt is after five minutes"
    office.look(after=timedelta(minutes=5))
    office.hold("another mail")
    office.look()
    office.look(after=timedelta(days=1))
    assert len({one.headers["webhook-id"] for one in office.hook.requests}) == 2
    (gone, second), (_, first) = office.notices()
    assert [(one.is_told, one.detail) for one in first] == [
        (False, "500 Internal Server Error"),
        (False, "302 Found"),
        (True, "200 OK"),
    ]
    assert [(one.is_told, one.detail) for one in second] == [(False, "410 Gone")]
    assert gone.told_at is None


def test_a_web_hook_reaches_no_address_that_is_not_public(office: Office):
    office.app = replace(office.app, fetch_networks=())
    office.hold()
    office.look()
    assert office.hook.requests == []
    ((_, attempts),) = office.notices()
    (failed,) = [one for one in attempts if one.way.value == "web_hook"]
    assert "not a public address" in failed.detail or "is not asked" in failed.detail


def test_what_is_new_at_once_is_one_mail_and_a_web_hook_each(office: Office):
    for number in range(3):
        office.hold(f"mail {number}", reason="robin@example.org is in it")
    office.look()
    assert (office.told(), len(office.hook.requests)) == (1, 3)
    (file,) = office.relay.folder.glob("*.eml")
    assert b"robin@" not in file.read_bytes()
    assert all(b"robin@" not in one.raw_body for one in office.hook.requests)


def test_a_paused_and_a_finished_campaign_are_told_once_each(office: Office):
    office.harness.channel("posts", "scripted")
    finished = office.harness.plan_and_run("posts")
    paused = office.harness.plan("posts", after=timedelta(days=2))
    campaign_control.pause(office.app, paused, actor="cli:test")
    for _ in range(3):
        office.look()
    topics = [(one.body["type"], one.body["data"]["url"].rpartition("/")[2]) for one in office.hook.requests]
    assert sorted(topics) == [("notice.finished", str(finished)), ("notice.paused", str(paused))]
    ((notice, _),) = office.notices("finished")
    assert notice.matter.sentence.startswith("It has gone out on posts: 3 of 3 sent")


def test_who_is_told_is_set_in_the_app_and_the_environment_holds(app: AppContext):
    def change(where: AppContext, addresses: str, url: str = "", secret: str = "") -> NoticeTargets:
        return change_notice_settings(where, addresses=addresses, hook_url=url, hook_secret=secret, actor=OPERATOR)

    made = change(app, "ada@operators.example, bo@operators.example", "https://hook.example/a")
    assert made.addresses == ("ada@operators.example", "bo@operators.example")
    assert made.hook_secret.startswith("whsec_")
    with app.database.begin() as connection:
        assert current_targets(app, connection) == made
        stored = connection.execute(text("SELECT secrets FROM notice_settings")).scalar_one()
    assert made.hook_secret.encode() not in bytes(stored)
    assert change(app, "ada@operators.example", "https://hook.example/b").hook_secret == made.hook_secret
    fixed = replace(app, notice_targets=NoticeTargets(addresses=("root@operators.example",)))
    assert change(fixed, "ada@operators.example").addresses == ("root@operators.example",)
    wrong: Callable[[], object]
    for wrong in (
        lambda: change(app, "nobody"),
        lambda: change(app, "", "ftp://hook.example"),
        lambda: change(app, "", "https://user:password@hook.example"),
        lambda: change(app, "", "https://hook.example", "short"),
    ):
        with pytest.raises(InputError):
            wrong()


def test_the_first_owner_is_told_until_somebody_says_otherwise(app: AppContext):
    secret = first_owner_link(app).rsplit("/", 1)[1]
    sign_in.use_link(app, secret, password="a sentence that only tests know", client=CLIENT, email=ADA, name="Ada")
    with app.database.begin() as connection:
        assert current_targets(app, connection).addresses == (ADA,)
    change_notice_settings(app, addresses="", hook_url="", hook_secret="", actor=OPERATOR)
    with app.database.begin() as connection:
        notices.tell_if_nobody(connection, "bo@operators.example")
        assert current_targets(app, connection).addresses == ()


def test_nobody_is_told_and_nothing_is_enqueued_until_somebody_is_to_be(office: Office):
    office.app = replace(office.app, notice_targets=NoticeTargets())
    office.hold()
    office.look()
    assert (office.told(), office.hook.requests) == (0, [])
    change_notice_settings(office.app, addresses=ADA, hook_url="", hook_secret="", actor=OPERATOR)
    office.look()
    assert office.told() == 1, "what lasts is told then"
