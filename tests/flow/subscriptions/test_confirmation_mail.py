"""Confirmation mails are queued in the database and sent by the same steps as every other mail."""

from __future__ import annotations

import email
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email import policy
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from distributor.domain.campaign import Campaign, CampaignPurpose, CampaignState, FailureChoice
from distributor.domain.delivery import DeliveryState
from distributor.domain.errors import BlockedError, ConfigurationError, NotFoundError, StateError
from distributor.domain.subscriber import MailingList, Membership, Person, Subscriber
from distributor.domain.tokens import Purpose
from distributor.flow.app_context import AppContext
from distributor.flow.jobs import JobKind
from distributor.flow.operations.scheduler import run_scheduler
from distributor.flow.publishing import campaign_control
from distributor.flow.subscriptions.confirmation_mail import queue_confirmation
from distributor.rendering.environment import Templates, shipped_templates
from distributor.sandbox.service import Sandbox, running_sandbox
from distributor.storage import (
    campaigns,
    channels,
    confirmations,
    deliveries,
    delivery_queries,
    delivery_totals,
    dispatches,
    failed_deliveries,
    lists,
    memberships,
    subscribers,
)
from distributor.storage.confirmations import queued_since
from distributor.storage.database import Connection
from tests.flow.campaign_harness import EVIDENCE, CampaignHarness


@dataclass
class ConfirmationHarness:
    """A harness with a relay and a list `weekly` that people sign up for."""

    harness: CampaignHarness
    sandbox: Sandbox

    @property
    def app(self) -> AppContext:
        return self.harness.app

    @property
    def now(self) -> datetime:
        return self.app.clock()

    def set_channel(self, **settings: Any) -> None:
        with self.app.database.begin() as connection:
            channels.save(connection, name="mail", kind="email", settings=settings, sealed=None)

    def change_list(self, **changes: Any) -> None:
        with self.app.database.begin() as connection:
            lists.change(connection, "weekly", changes)

    def ask(self, connection: Connection, name: str, *, language: str = "", now: datetime | None = None) -> Subscriber:
        """What a sign-up does, within the caller's transaction."""
        at = now or self.now
        weekly = lists.find(connection, "weekly")
        person = Person(key=f"{name}@example.org", email=f"{name}@example.org", name=name, language=language)
        number = subscribers.upsert(connection, [person], now=at)[person.key]
        subscriber = subscribers.find_by_id(connection, number)
        memberships.request(connection, number, weekly.id, EVIDENCE, now=at)
        queue_confirmation(self.app, connection, subscriber, weekly, now=at)
        return subscriber

    def sign_up(self, name: str, *, language: str = "", now: datetime | None = None) -> Subscriber:
        with self.app.database.begin() as connection:
            return self.ask(connection, name, language=language, now=now)

    def campaigns(self) -> list[Campaign]:
        with self.app.database.begin() as connection:
            return campaigns.latest(connection, limit=20)

    def campaign_id(self) -> int:
        (only,) = self.campaigns()
        return only.id

    def is_exact(self) -> bool:
        """Whether every campaign's deliveries add up to the number beside them."""
        reports = [self.harness.report(one.id) for one in self.campaigns()]
        return all(one.totals.audience == one.dispatch.audience_size for report in reports for one in report.dispatches)

    def state(self) -> CampaignState:
        return self.harness.report(self.campaign_id()).state

    def mails(self) -> list[Any]:
        inbox = self.sandbox.state.inbox
        return [email.message_from_bytes(inbox.content(one.number), policy=policy.default) for one in inbox.envelopes()]


@pytest.fixture
def setup(harness: CampaignHarness, tmp_path: Path) -> Iterator[ConfirmationHarness]:
    with running_sandbox(tmp_path / "sandbox") as sandbox:
        made = ConfirmationHarness(harness, sandbox)
        made.set_channel(smtp_url=sandbox.smtp_url)
        with harness.app.database.begin() as connection:
            lists.add(connection, slug="weekly", name="The Weekly")
        yield made


def test_who_signs_up_gets_a_mail_whose_link_is_theirs(setup: ConfirmationHarness) -> None:
    ann = setup.sign_up("ann")
    setup.harness.run()
    (mail,) = setup.mails()
    assert (mail["To"], mail["Subject"]) == ("ann@example.org", "Please confirm your subscription to The Weekly")
    words = mail.get_body(("plain",)).get_content().split()
    (link,) = [word for word in words if "/confirm/" in word]
    claim = setup.app.tokens.read(Purpose.CONFIRM, link.rpartition("/")[2])
    assert claim is not None
    with setup.app.database.begin() as connection:
        record = delivery_queries.find(connection, claim.delivery_id)
        weekly = lists.find(connection, "weekly")
        assert (record.subscriber_id, record.list_id, record.state) == (ann.id, weekly.id, DeliveryState.SENT)
        assert memberships.state_of(connection, ann.id, weekly.id) is Membership.PENDING


def test_the_ledger_tells_of_it_as_of_any_campaign(setup: ConfirmationHarness) -> None:
    setup.sign_up("ann")
    (campaign,) = setup.campaigns()
    assert campaign.purpose is CampaignPurpose.CONFIRMATION
    assert campaign.name == f"Confirmations: The Weekly (en), {setup.now:%Y-%m-%d}"
    assert campaign.audience.lists == ("weekly",)
    assert (campaign.track_opens, campaign.track_clicks) == (False, False)
    assert setup.harness.counts(campaign.id) == {"audience": 1, "pending": 1}
    setup.harness.run()
    assert setup.harness.counts(campaign.id) == {"audience": 1, "sent": 1}
    assert setup.state() is CampaignState.FINISHED


def test_it_does_not_stand_between_the_campaigns_that_people_plan(setup: ConfirmationHarness) -> None:
    campaign_id = setup.harness.plan("mail")
    setup.sign_up("ann")
    with setup.app.database.begin() as connection:
        planned = campaigns.latest(connection, limit=9, purposes=[CampaignPurpose.ARTICLES])
    assert [one.id for one in planned] == [campaign_id]


def test_the_next_tick_rings_for_it(setup: ConfirmationHarness) -> None:
    setup.sign_up("ann")
    (ring,) = run_scheduler(setup.app)
    assert (ring.kind, ring.queue) == (JobKind.DELIVER, "email")


def test_within_five_minutes_an_address_is_asked_once(setup: ConfirmationHarness) -> None:
    setup.sign_up("ann")
    setup.sign_up("ann")
    setup.harness.run()
    setup.sign_up("ann")
    setup.harness.run()
    assert len(setup.mails()) == 1
    assert setup.is_exact()


def test_a_mail_that_is_sent_again_belongs_to_another_campaign_of_the_day(setup: ConfirmationHarness) -> None:
    noon = datetime.fromisoformat("2026-11-23T12:00:00+00:00")
    for minutes in (0, 5, 10, 15):
        setup.sign_up("ann", now=noon + timedelta(minutes=minutes))
    setup.sign_up("bo", now=noon + timedelta(minutes=20))
    setup.harness.run()
    assert sorted(mail["To"] for mail in setup.mails()) == ["ann@example.org"] * 3 + ["bo@example.org"]
    day = "Confirmations: The Weekly (en), 2026-11-23"
    assert {one.name for one in setup.campaigns()} == {day, f"{day}, sent again (2)", f"{day}, sent again (3)"}
    assert setup.is_exact()


def test_the_next_day_it_is_asked_again_by_another_campaign(setup: ConfirmationHarness) -> None:
    setup.sign_up("ann")
    setup.sign_up("ann", now=setup.now + timedelta(days=1))
    setup.harness.run()
    assert len(setup.mails()) == 2
    assert len(setup.campaigns()) == 2
    with setup.app.database.begin() as connection:
        # What is said is the same, and kept once.
        assert connection.execute(text("SELECT count(*) FROM renditions")).scalar_one() == 1


def test_a_day_ends_at_midnight_utc(setup: ConfirmationHarness) -> None:
    setup.sign_up("ann", now=datetime.fromisoformat("2026-11-23T00:30:00+01:00"))
    assert setup.campaigns()[0].name.endswith("2026-11-22")


def test_everybody_is_asked_in_their_language_and_a_region_is_none(setup: ConfirmationHarness) -> None:
    for name, language in (("ann", "de-AT"), ("bo", "de"), ("cy", "")):
        setup.sign_up(name, language=language)
    setup.harness.run()
    subjects = {mail["To"]: mail["Subject"] for mail in setup.mails()}
    assert (
        subjects["ann@example.org"] == subjects["bo@example.org"] == "Bitte bestätigen Sie Ihr Abonnement: The Weekly"
    )
    assert subjects["cy@example.org"] == "Please confirm your subscription to The Weekly"
    assert len(setup.campaigns()) == 2


def test_a_dispatch_that_had_finished_runs_again_for_the_next_one(setup: ConfirmationHarness) -> None:
    setup.sign_up("ann")
    setup.harness.run()
    assert setup.state() is CampaignState.FINISHED
    setup.sign_up("bo")
    assert setup.state() is CampaignState.RUNNING
    assert setup.is_exact()
    setup.harness.run()
    assert [mail["To"] for mail in setup.mails()] == ["ann@example.org", "bo@example.org"]
    assert setup.state() is CampaignState.FINISHED
    assert setup.is_exact()


def test_two_who_sign_up_at_the_same_moment_share_one_campaign(setup: ConfirmationHarness) -> None:
    with setup.app.database.begin() as first:
        setup.ask(first, "ann")
        other = threading.Thread(target=setup.sign_up, args=["bo"])
        other.start()
        _wait_for_somebody_who_waits(setup)
    other.join()
    assert setup.harness.counts(setup.campaign_id()) == {"audience": 2, "pending": 2}
    assert setup.is_exact()


def test_when_the_first_of_two_gives_up_the_other_begins_the_campaign(setup: ConfirmationHarness) -> None:
    with _rolled_back(setup) as first:
        setup.ask(first, "ann")
        other = threading.Thread(target=setup.sign_up, args=["bo"])
        other.start()
        _wait_for_somebody_who_waits(setup)
    other.join()
    assert setup.harness.counts(setup.campaign_id()) == {"audience": 1, "pending": 1}


def test_who_signs_up_while_the_dispatch_is_being_finished_is_not_forgotten(setup: ConfirmationHarness) -> None:
    """The tick sees nothing left to do, and meanwhile there is."""
    setup.sign_up("ann")
    setup.harness.run(rounds=1)
    assert setup.state() is CampaignState.RUNNING
    with setup.app.database.begin() as joining:
        setup.ask(joining, "bo")
        ticking = threading.Thread(target=run_scheduler, args=[setup.app])
        ticking.start()
        _wait_for_somebody_who_waits(setup, unless=ticking)
    ticking.join()
    assert setup.state() is CampaignState.RUNNING
    setup.harness.run()
    assert len(setup.mails()) == 2


def test_a_failed_delivery_that_is_tried_again_while_the_dispatch_is_being_finished_is_not_forgotten(
    harness: CampaignHarness,
) -> None:
    harness.channel("mail", "scripted", answers={"bo@example.org": "failed"})
    campaign_id = harness.plan("mail")
    harness.run(rounds=3)
    assert harness.report(campaign_id).state is CampaignState.RUNNING
    app = harness.app
    with app.database.begin() as connection:
        campaign = campaigns.find(connection, campaign_id)
        assert failed_deliveries.retry_failed(connection, campaign, FailureChoice(), now=app.clock()).retried == 1
        with app.database.begin() as ticking:
            assert dispatches.finish_settled(ticking, now=app.clock()) == []
    assert harness.report(campaign_id).state is CampaignState.RUNNING


def test_who_leaves_before_the_mail_goes_out_is_not_asked(setup: ConfirmationHarness) -> None:
    ann = setup.sign_up("ann")
    with setup.app.database.begin() as connection:
        memberships.unsubscribe(connection, ann.id, lists.find(connection, "weekly").id, EVIDENCE, now=setup.now)
    setup.harness.run()
    assert setup.mails() == []
    assert setup.harness.counts(setup.campaign_id()) == {"audience": 1, "suppressed": 1}


def test_a_pause_of_all_mail_does_not_keep_back_the_mail_that_was_just_asked_for(setup: ConfirmationHarness) -> None:
    ann = setup.sign_up("ann")
    with setup.app.database.begin() as connection:
        until = setup.now + timedelta(days=7)
        subscribers.change(connection, ann.id, {"paused_until": until}, now=setup.now)
    setup.harness.run()
    assert len(setup.mails()) == 1


def test_a_relay_that_is_away_for_a_while_only_delays_the_question(setup: ConfirmationHarness) -> None:
    setup.set_channel(smtp_url="smtp://127.0.0.1:1")
    setup.sign_up("ann")
    setup.harness.run()
    assert setup.harness.counts(setup.campaign_id()) == {"audience": 1, "deferred": 1}
    assert setup.state() is CampaignState.RUNNING
    setup.set_channel(smtp_url=setup.sandbox.smtp_url)
    with setup.app.database.begin() as connection:
        connection.execute(text("UPDATE deliveries SET next_at = now()"))
    setup.harness.run()
    assert len(setup.mails()) == 1
    assert setup.harness.counts(setup.campaign_id()) == {"audience": 1, "sent": 1}


def test_a_worker_that_dies_while_asking_does_not_ask_twice(setup: ConfirmationHarness) -> None:
    setup.sign_up("ann")
    dispatch_id = setup.harness.report(setup.campaign_id()).dispatches[0].dispatch.id
    with setup.app.database.begin() as connection:
        past = setup.now - timedelta(minutes=5)
        held = deliveries.claim(connection, [dispatch_id], worker="w", limit=9, now=past, lease_until=past).deliveries
        deliveries.mark_in_flight(connection, held, now=past, lease_until=past)
    setup.harness.run()
    assert setup.mails() == []
    assert setup.harness.counts(setup.campaign_id()) == {"audience": 1, "unknown": 1}
    assert setup.state() is CampaignState.FINISHED


def test_a_paused_dispatch_takes_people_in_and_asks_them_once_it_goes_on(setup: ConfirmationHarness) -> None:
    setup.sign_up("ann")
    campaign_control.pause(setup.app, setup.campaign_id())
    setup.sign_up("bo")
    setup.harness.run()
    assert setup.mails() == []
    campaign_control.resume(setup.app, setup.campaign_id())
    setup.harness.run()
    assert len(setup.mails()) == 2


def test_after_the_setupof_a_day_were_cancelled_nobody_is_told_to_wait_for_one(setup: ConfirmationHarness) -> None:
    setup.sign_up("ann")
    campaign_control.cancel(setup.app, setup.campaign_id())
    with pytest.raises(StateError, match="for list 'weekly' were cancelled with campaign"):
        setup.sign_up("dee")
    with setup.app.database.begin() as connection, pytest.raises(NotFoundError):
        subscribers.find(connection, "dee@example.org")
    assert setup.harness.counts(setup.campaign_id()) == {"audience": 1, "suppressed": 1}


def test_without_a_channel_for_mail_nobody_can_be_asked(harness: CampaignHarness) -> None:
    harness.channel("board", "scripted_broadcast")
    weekly = MailingList(id=1, slug="weekly", name="The Weekly")
    with harness.app.database.begin() as connection:
        ada = subscribers.find(connection, "ada@example.org")
        with pytest.raises(ConfigurationError, match="there is no email channel"):
            queue_confirmation(harness.app, connection, ada, weekly, now=harness.app.clock())


def test_a_mail_that_cannot_go_out_is_told_to_whoever_asks_for_it_and_leaves_nothing(
    setup: ConfirmationHarness,
) -> None:
    setup.change_list(sender="nobody")
    with pytest.raises(
        ConfigurationError, match="confirmation mails for list 'weekly' cannot be sent: the mails of list"
    ):
        setup.sign_up("ann")
    assert setup.campaigns() == []
    silent = ConfirmationHarness(
        replace(setup.harness, app=replace(setup.app, configured_site=replace(setup.app.site, postal_address=""))),
        setup.sandbox,
    )
    setup.change_list(sender="")
    with pytest.raises(ConfigurationError, match="DISTRIBUTOR_POSTAL_ADDRESS"):
        silent.sign_up("ann")


def test_a_channel_or_a_template_that_is_broken_is_no_fault_of_who_signs_up(
    setup: ConfirmationHarness, tmp_path: Path
) -> None:
    setup.set_channel(conections=4)
    with pytest.raises(
        ConfigurationError, match="list 'weekly' cannot be sent: settings of a channel of kind email: conections"
    ):
        setup.sign_up("ann")
    setup.set_channel()
    (tmp_path / "email").mkdir()
    (tmp_path / "email" / "confirmation.txt.j2").write_text("{{ nothing }}")
    broken = replace(setup.app, templates=Templates([tmp_path, shipped_templates()]))
    with pytest.raises(
        ConfigurationError, match=r"list 'weekly' cannot be sent: template email/confirmation\.txt\.j2, line 1"
    ):
        ConfirmationHarness(replace(setup.harness, app=broken), setup.sandbox).sign_up("ann")


def test_the_first_channel_that_can_ask_does(setup: ConfirmationHarness) -> None:
    with setup.app.database.begin() as connection:
        channels.save(connection, name="a mail of another", kind="email", settings={}, sealed=None)
        channels.save(connection, name="gone", kind="of a package that was removed", settings={}, sealed=None)
    setup.sign_up("ann")
    assert setup.harness.report(setup.campaign_id()).dispatches[0].dispatch.channel_name == "mail"


def test_whether_somebody_was_asked_is_known_for_any_list(setup: ConfirmationHarness) -> None:
    before = setup.now - timedelta(hours=1)
    ann = setup.sign_up("ann")
    with setup.app.database.begin() as connection:
        assert len(queued_since(connection, ann.id, before)) == 1
        assert queued_since(connection, ann.id, setup.now + timedelta(seconds=1)) == []
        assert queued_since(connection, ann.id + 1000, before) == []


def test_what_was_suppressed_or_carried_an_article_asked_nobody(setup: ConfirmationHarness) -> None:
    before = setup.now - timedelta(hours=1)
    ann = setup.sign_up("ann")
    with setup.app.database.begin() as connection:
        memberships.unsubscribe(connection, ann.id, lists.find(connection, "weekly").id, EVIDENCE, now=setup.now)
    setup.harness.plan("mail")
    setup.harness.run()
    with setup.app.database.begin() as connection:
        ada = subscribers.find(connection, "ada@example.org")
        assert delivery_totals.of_dispatch(connection, delivery_queries.find(connection, 2).dispatch_id).audience == 3
        assert queued_since(connection, ann.id, before) == []
        assert queued_since(connection, ada.id, before) == []


def test_a_dispatch_joins_nobody_twice(setup: ConfirmationHarness) -> None:
    ann = setup.sign_up("ann")
    with setup.app.database.begin() as connection:
        dispatch_id = dispatches.of_campaign(connection, setup.campaign_id())[0].id
        weekly = lists.find(connection, "weekly")
        assert not confirmations.join(connection, dispatch_id, ann, weekly, now=setup.now)
        assert dispatches.find(connection, dispatch_id).audience_size == 1


def test_a_campaign_speaks_in_the_voice_of_the_first_list_it_goes_to(setup: ConfirmationHarness) -> None:
    with setup.app.database.begin() as connection:
        lists.change(connection, "readers", {"sender": "Readers <readers@gazette.example>", "footer": "Our own."})
    setup.harness.plan("mail")
    setup.harness.run()
    mail = setup.mails()[0]
    assert mail["From"] == "Readers <readers@gazette.example>"
    assert mail["List-Id"] == "readers <readers.gazette.example>"
    assert "Our own." in mail.get_body(("plain",)).get_content()


def test_a_list_whose_sender_is_none_keeps_its_campaign_from_going_out(setup: ConfirmationHarness) -> None:
    with setup.app.database.begin() as connection:
        lists.change(connection, "readers", {"sender": "nobody"})
    with pytest.raises(BlockedError, match="the mails of list 'readers' have no sender: 'nobody'"):
        setup.harness.plan("mail")


@contextmanager
def _rolled_back(setup: ConfirmationHarness) -> Iterator[Connection]:
    class GivingUpError(Exception):
        pass

    with pytest.raises(GivingUpError), setup.app.database.begin() as connection:
        yield connection
        raise GivingUpError


def _wait_for_somebody_who_waits(setup: ConfirmationHarness, *, unless: threading.Thread | None = None) -> None:
    """Until another connection waits for a lock, or `unless` has ended."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    while unless is None or unless.is_alive():
        with setup.app.database.begin() as connection:
            if connection.execute(waiting).scalar_one():
                return
