"""A restore is a new history: nothing goes out unasked, and nothing of the lost one is taken for something else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from distributor.bootstrap import postgres_programs
from distributor.cli.sandbox import configure_sandbox_channels
from distributor.domain.campaign import CampaignAction, CampaignEvent, CampaignState, DispatchState
from distributor.domain.delivery import Delivery, Outcome, Verdict
from distributor.domain.errors import NotFoundError, StateError
from distributor.domain.generation import GenerationBeginning
from distributor.domain.sandbox_ports import SandboxPorts
from distributor.domain.tokens import Purpose
from distributor.embedded import Services
from distributor.flow.app_context import AppContext
from distributor.flow.generations import finish_restore
from distributor.flow.journal import open_journal
from distributor.flow.operations.audit import audit, settle_found
from distributor.flow.operations.lost_mails import find_lost_mails
from distributor.flow.publishing import campaign_control, life_cycle
from distributor.flow.subscriptions.link_tokens import find_link_owner
from distributor.mail.records.sources import parse_record_sources
from distributor.sandbox.service import Sandbox, running_sandbox
from distributor.storage import campaigns, delivery_history, delivery_queries, generations, heartbeats
from distributor.storage.backup import write_backup
from tests.flow.campaign_harness import CampaignHarness, make_campaign_harness
from tests.flow.restoring import Machines, back_up, machines, read_content, restore

LATER = timedelta(hours=2)


@dataclass(frozen=True, kw_only=True)
class World:
    """A harness whose channels send to a sandbox, and other machines."""

    harness: CampaignHarness
    sandbox: Sandbox
    machines: Machines
    folder: Path

    def mails(self) -> list[str]:
        """Who got a mail, in order."""
        return [one.recipients[0] for one in self.sandbox.state.inbox.envelopes()]

    def posts(self, network: str) -> int:
        return len(self.sandbox.state.emulators[network].posts())

    def back_up(self) -> Path:
        return back_up(self.harness.app, self.folder / "all.backup")

    def elsewhere(self) -> CampaignHarness:
        """The harness of another machine, which has nothing yet."""
        return CampaignHarness(self.machines.another(self.harness.app, self.folder / "elsewhere"), self.folder)

    def at_a_later_time(self, harness: CampaignHarness) -> CampaignHarness:
        return CampaignHarness(harness.later(days=2.1 / 24), harness.folder)


@pytest.fixture
def world(app: AppContext, services: Services, tmp_path: Path) -> Iterator[World]:
    with running_sandbox(tmp_path / "sandbox") as sandbox, machines(services.database_url) as others:
        harness = make_campaign_harness(app, tmp_path)
        configure_sandbox_channels(app, SandboxPorts(http=sandbox.http_port, smtp=sandbox.smtp_port))
        yield World(harness=harness, sandbox=sandbox, machines=others, folder=tmp_path)


@pytest.mark.parametrize("is_elsewhere", [False, True], ids=["in place", "elsewhere"])
@pytest.mark.parametrize("network", ["email", "x", "mastodon", "bluesky"])
def test_what_was_sent_after_the_backup_is_not_sent_again_unasked(
    world: World, network: str, is_elsewhere: bool
) -> None:
    campaign_id = world.harness.plan(network, after=LATER)
    file = world.back_up()
    world.at_a_later_time(world.harness).run()
    taken = (len(world.mails()), sum(map(world.posts, ("x", "mastodon", "bluesky"))))
    assert sum(taken) == (3 if network == "email" else 1)
    restored = world.elsewhere() if is_elsewhere else world.harness
    restore(restored.app, file)
    world.at_a_later_time(restored).run()
    assert (len(world.mails()), sum(map(world.posts, ("x", "mastodon", "bluesky")))) == taken
    assert restored.report(campaign_id).state is CampaignState.PAUSED


@pytest.mark.parametrize("network", ["x", "mastodon", "bluesky"])
def test_a_network_is_asked_before_a_post_is_made_that_may_be_there_already(world: World, network: str) -> None:
    was_posted, is_new = world.harness.plan(network, after=LATER), world.harness.plan(network, after=3 * LATER)
    file = world.back_up()
    world.at_a_later_time(world.harness).run()
    assert world.posts(network) == 1
    restore(world.harness.app, file)
    # Time in which the network shows what it has.
    tomorrow = world.at_a_later_time(world.harness)
    campaign_control.resume(tomorrow.app, was_posted, after_restore=True)
    tomorrow.run()
    assert tomorrow.counts(was_posted) == {"audience": 1, "sent": 1}
    assert world.posts(network) == 1
    assert tomorrow.counts(is_new) == {}


def test_the_rest_of_a_mailing_goes_out_when_a_person_says_so(world: World) -> None:
    campaign_id = world.harness.plan("email")
    _release_only(world.harness)
    file = world.back_up()
    restore(world.harness.app, file)
    with pytest.raises(StateError, match="waits: the database was restored from a backup"):
        campaign_control.resume(world.harness.app, campaign_id)
    with pytest.raises(StateError, match="waits"):
        life_cycle.undo(world.harness.app, campaign_id, actor="ada")
    world.harness.run()
    assert world.mails() == []
    campaign_control.resume(world.harness.app, campaign_id, after_restore=True, actor="ada")
    world.harness.run()
    assert sorted(world.mails()) == ["ada@example.org", "bo@example.org", "cy@example.org"]
    assert world.harness.counts(campaign_id) == {"audience": 3, "sent": 3}


def test_it_can_be_cancelled_instead(world: World) -> None:
    campaign_id = world.harness.plan("email")
    _release_only(world.harness)
    restore(world.harness.app, world.back_up())
    campaign_control.cancel(world.harness.app, campaign_id)
    world.harness.run()
    assert world.mails() == []
    assert world.harness.counts(campaign_id) == {"audience": 3, "suppressed": 3}


def test_what_a_server_has_accepted_since_the_backup_is_marked_as_sent_and_only_the_rest_goes_out(world: World) -> None:
    campaign_id = world.harness.plan("email")
    _release_only(world.harness)
    file = world.back_up()
    world.harness.run()
    assert len(world.mails()) == 3
    # The log was cut off: it has two of the three.
    kept = sorted((world.folder / "sandbox").rglob("*.eml"))[:2]
    log = world.folder / "log"
    log.mkdir()
    for one in kept:
        (log / one.name).write_bytes(one.read_bytes())
    restore(world.harness.app, file)
    found = audit(world.harness.app, campaign_id, parse_record_sources([f"inbox:{log}"]))
    assert settle_found(world.harness.app, found) == 2
    assert world.harness.counts(campaign_id) == {"audience": 3, "sent": 2, "pending": 1}
    campaign_control.resume(world.harness.app, campaign_id, after_restore=True)
    world.harness.run()
    assert len(world.mails()) == 4
    with world.harness.app.database.begin() as connection:
        steps = [
            delivery_history.of_delivery(connection, one.id)
            for one in delivery_queries.of_campaign(connection, campaign_id, limit=9)
        ]
    assert (
        sorted(step.reason for history in steps for step in history) == ["found by an audit, from after the backup"] * 2
    )


def test_mails_of_a_campaign_that_was_only_scheduled_in_the_backup_are_counted_as_lost(world: World) -> None:
    known = world.harness.plan_and_run("email")
    campaign_id = world.harness.plan("email", after=LATER)
    file = world.back_up()
    world.at_a_later_time(world.harness).run()
    restore(world.harness.app, file)
    (found,) = find_lost_mails(world.harness.app, parse_record_sources([f"inbox:{world.folder / 'sandbox'}"]))
    assert (found.lost, found.known) == (3, 3)
    assert world.harness.counts(campaign_id) == {}
    assert world.harness.counts(known) == {"audience": 3, "sent": 3}


def test_a_journal_of_the_lost_history_tells_what_was_sent_and_begun_and_settles_nothing_else(world: World) -> None:
    campaign_id = world.harness.plan("email")
    _release_only(world.harness)
    app = world.harness.app
    file = world.back_up()
    with pytest.raises(ZeroDivisionError), open_journal(app.journal_dir) as journal:
        for delivery, verdict in zip(
            _deliveries(app, campaign_id), (Verdict.SENT, None, Verdict.DEFERRED), strict=True
        ):
            begun = Delivery(
                id=delivery.id,
                dispatch_id=delivery.dispatch_id,
                recipient=delivery.recipient,
                epoch=1,
                attempt=1,
                created_at=app.clock(),
            )
            journal.begin(begun)
            if verdict:
                journal.settle(Outcome.of(begun, verdict, retry_at=app.clock()))
        raise ZeroDivisionError
    restore(app, file)
    world.harness.run()
    assert world.harness.counts(campaign_id) == {"audience": 3, "sent": 1, "unknown": 1, "pending": 1}
    assert world.mails() == []


def test_ids_of_the_lost_history_are_never_given_out_again(world: World) -> None:
    """Neither by a restore nor by a second one of the same file, on this machine or another."""
    first = world.harness.plan_and_run("email")
    file = world.back_up()
    seen: set[int] = set()
    for harness in (world.harness, world.harness, world.elsewhere(), world.harness):
        if harness.app is not world.harness.app or seen:
            # Two restores of one backup never begin in one second: campaigns are numbered from the second on.
            time.sleep(1 - time.time() % 1)
            restore(harness.app, file)
        campaign_id = harness.plan_and_run("email")
        with harness.app.database.begin() as connection:
            numbers = {one.id for one in delivery_queries.of_campaign(connection, campaign_id, limit=9)}
        assert len(numbers) == 3
        assert not (numbers | {campaign_id, -first}) & seen
        # They are exact numbers in JavaScript as well.
        assert max(numbers) < 2**53
        seen |= numbers | {campaign_id}


def test_links_of_the_lost_history_are_unknown_and_those_of_before_work(world: World) -> None:
    app = world.harness.app
    kept = world.harness.plan_and_run("email")
    file = world.back_up()
    lost = world.harness.plan_and_run("email")
    links = {
        (one.recipient, is_kept): app.tokens.mint(Purpose.UNSUBSCRIBE, one.id)
        for campaign_id, is_kept in ((kept, True), (lost, False))
        for one in _deliveries(app, campaign_id)
    }
    restore(app, file)
    world.harness.people("dee", "eve", "flo", list_slug="others")
    world.harness.plan_and_run("email")
    with app.database.begin() as connection:
        for (recipient, is_kept), token in links.items():
            if is_kept:
                owner = find_link_owner(app, connection, Purpose.UNSUBSCRIBE, token)
                assert owner is not None
                assert owner.recipient == recipient
            else:
                with pytest.raises(NotFoundError, match="no mail"):
                    find_link_owner(app, connection, Purpose.UNSUBSCRIBE, token)


def test_a_restore_that_is_killed_is_finished_by_the_next_start(world: World) -> None:
    campaign_id = world.harness.plan("email")
    file = world.back_up()
    read_content(world.harness.app, file)
    held = finish_restore(world.harness.app)
    assert held is not None
    assert held.dispatches == 1
    assert finish_restore(world.harness.app) is None
    world.harness.run()
    assert world.mails() == []
    assert world.harness.report(campaign_id).state is CampaignState.PAUSED


def test_a_backup_of_the_version_before_is_known_until_its_scheduler_ran_last(world: World) -> None:
    app = world.harness.app
    world.harness.run()
    with app.database.begin() as connection:
        last = heartbeats.last_heartbeat(connection, heartbeats.BEAT)
        # As the migration leaves it, which runs after the restore.
        connection.execute(text("UPDATE database_generations SET seen_at = NULL, began_at = now(), position = 0"))
    campaign_id = world.harness.plan("email", after=LATER)
    write_backup(app.database, world.folder / "all.backup", programs=postgres_programs())
    restore(app, world.folder / "all.backup")
    with app.database.begin() as connection:
        assert generations.current(connection).known_until == last
    assert world.harness.report(campaign_id).dispatches[0].dispatch.known_until == last
    history = _history(app, campaign_id)
    assert (history[-1].action, history[-1].actor) == (CampaignAction.PAUSED, "")
    assert history[-1].detail.startswith("the database was restored from a backup: what was sent after")


def test_mails_in_flight_are_unknown_and_no_policy_sends_them_again(world: World) -> None:
    campaign_id = world.harness.plan("email")
    _release_only(world.harness)
    with world.harness.app.database.begin() as connection:
        connection.execute(
            text("UPDATE deliveries SET state = 'in_flight', worker = 'gone', lease_until = now(), epoch = 1")
        )
        connection.execute(text("UPDATE campaigns SET unknown_policy = 'resend'"))
    restore(world.harness.app, world.back_up())
    world.at_a_later_time(world.harness).run()
    assert world.mails() == []
    assert world.harness.counts(campaign_id) == {"audience": 3, "unknown": 3}


def test_a_copy_sends_nothing_until_it_is_told_to(world: World) -> None:
    file = world.back_up()
    copy = world.elsewhere()
    restore(copy.app, file, GenerationBeginning.COPIED)
    campaign_id = copy.plan("email")
    copy.run()
    assert world.mails() == []
    assert copy.report(campaign_id).dispatches[0].dispatch.state is DispatchState.SCHEDULED
    with copy.app.database.begin() as connection:
        assert generations.let_send(connection, now=copy.app.clock())
        assert not generations.let_send(connection, now=copy.app.clock())
    copy.run()
    assert len(world.mails()) == 3
    # The original is another database: neither takes the marks of the other for its own.
    world.harness.run()
    with world.harness.app.database.begin() as connection:
        assert [one.beginning for one in generations.listed(connection)] == [GenerationBeginning.CREATED]


def _release_only(harness: CampaignHarness) -> None:
    """Freeze the audience, and send nothing yet."""
    for _ in range(2):
        harness.run(1, arranged=lambda jobs: [job for job in jobs if job.kind.value in ("prepare", "release")])


def _history(app: AppContext, campaign_id: int) -> list[CampaignEvent]:
    with app.database.begin() as connection:
        return campaigns.history(connection, campaign_id)


def _deliveries(app: AppContext, campaign_id: int) -> list[delivery_queries.DeliveryRecord]:
    with app.database.begin() as connection:
        return list(delivery_queries.of_campaign(connection, campaign_id, limit=99))
