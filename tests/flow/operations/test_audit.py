"""An audit of campaigns that were really sent finds every difference from evidence that was tampered with."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from distributor.domain.delivery import Delivery, DeliveryState, Outcome, Verdict
from distributor.domain.errors import NotFoundError
from distributor.domain.event import Event, EventKind
from distributor.domain.tokens import Purpose
from distributor.flow.delivery.deliver import deliver
from distributor.flow.failpoints import Failpoint
from distributor.flow.journal import open_journal
from distributor.flow.operations.audit import Audit, DifferenceKind, audit, settle_found
from distributor.flow.operations.channel_settings import configure
from distributor.flow.publishing.prepare import prepare
from distributor.flow.publishing.release import release
from distributor.mail.records.sources import MailRecordSource, parse_record_sources
from distributor.sandbox.faults import FaultKind, FaultStage, InjectedFault
from distributor.sandbox.smtp_server import SMTP
from distributor.storage import audit_queries, deliveries, delivery_posts, delivery_queries, events
from tests.chaos.mail_relay import Relay, running_relay
from tests.flow.campaign_harness import CampaignHarness


@dataclass(frozen=True, kw_only=True)
class Mailing:
    """A harness with a mail channel, and the relay it sends to."""

    harness: CampaignHarness
    relay: Relay

    @property
    def inbox(self) -> list[MailRecordSource]:
        return parse_record_sources([f"inbox:{self.relay.folder}"])

    def send(self, *faults: InjectedFault) -> int:
        self.relay.switches.set(SMTP, *faults)
        campaign_id = self.harness.plan("email")
        self.harness.run()
        self.relay.wait_until_idle()
        return campaign_id

    def audit(self, campaign_id: int, records: list[MailRecordSource] | None = None) -> Audit:
        return audit(self.harness.app, campaign_id, self.inbox if records is None else records)

    def deliveries(self, campaign_id: int) -> list[delivery_queries.DeliveryRecord]:
        dispatch_id = self.harness.report(campaign_id).dispatches[0].dispatch.id
        with self.harness.app.database.begin() as connection:
            return delivery_queries.listed(connection, dispatch_id, state=None, limit=100)

    def forge(self, name: str, **columns: object) -> None:
        """Change the row of a delivery without any cause."""
        changes = ", ".join(f"{column} = :{column}" for column in columns)
        with self.harness.app.database.begin() as connection:
            connection.execute(
                text(f"UPDATE deliveries SET {changes} WHERE recipient = :recipient"),
                {**columns, "recipient": f"{name}@example.org"},
            )

    def journal(
        self, record: delivery_queries.DeliveryRecord, line: str, *, epoch: int, verdict: Verdict = Verdict.SENT
    ) -> None:
        """The journal of a worker that died after a `begin`, or after the `settle` that followed it."""
        delivery = Delivery(
            id=record.id,
            dispatch_id=record.dispatch_id,
            recipient=record.recipient,
            epoch=epoch,
            attempt=1,
            created_at=record.updated_at,
        )
        with pytest.raises(KeyboardInterrupt), open_journal(self.harness.app.journal_dir) as journal:
            journal.begin(delivery)
            if line == "settle":
                journal.settle(Outcome.of(delivery, verdict))
            raise KeyboardInterrupt

    def mail_of(self, delivery: delivery_queries.DeliveryRecord) -> Path:
        assert delivery.remote_id is not None
        return next(file for file in self.relay.folder.glob("*.eml") if delivery.remote_id in file.read_text())


@pytest.fixture
def mailing(harness: CampaignHarness, tmp_path: Path) -> Iterator[Mailing]:
    with running_relay(tmp_path / "inbox") as relay:
        configure(harness.app, "email", "email", {"smtp_url": relay.url})
        yield Mailing(harness=harness, relay=relay)


def differences(result: Audit) -> list[tuple[str, str]]:
    assert result.counts.total() == len(result.differences)
    return [(one.kind.value, one.recipient) for one in result.differences]


def test_a_campaign_that_went_well_has_no_differences(mailing: Mailing) -> None:
    campaign_id = mailing.send()
    result = mailing.audit(campaign_id)
    assert differences(result) == []
    assert result.states == result.recorded == {DeliveryState.SENT: 3}
    assert not result.is_running


def test_the_database_alone_can_be_audited(mailing: Mailing) -> None:
    result = mailing.audit(mailing.send(), [])
    assert differences(result) == []
    assert result.states == {DeliveryState.SENT: 3}


def test_a_message_that_no_record_holds_is_missing(mailing: Mailing) -> None:
    campaign_id = mailing.send()
    first = mailing.deliveries(campaign_id)[0]
    mailing.mail_of(first).unlink()
    assert differences(mailing.audit(campaign_id)) == [("missing", first.recipient)]


def test_a_message_in_two_copies_is_a_duplicate(mailing: Mailing) -> None:
    campaign_id = mailing.send()
    first = mailing.deliveries(campaign_id)[0]
    shutil.copy(mailing.mail_of(first), mailing.relay.folder / "copy.eml")
    assert differences(mailing.audit(campaign_id)) == [("duplicate", first.recipient)]


def test_a_message_in_two_records_is_no_duplicate(mailing: Mailing, tmp_path: Path) -> None:
    campaign_id = mailing.send()
    ids = tmp_path / "ids"
    ids.write_text("\n".join(str(one.remote_id) for one in mailing.deliveries(campaign_id)))
    assert differences(mailing.audit(campaign_id, [*mailing.inbox, *parse_record_sources([f"ids:{ids}"])])) == []


def test_a_message_that_the_relay_refused_and_kept_contradicts_the_database(mailing: Mailing) -> None:
    campaign_id = mailing.send(InjectedFault(kind=FaultKind.DENY_AFTER_COMMIT, code=550, only_for="bo@*"))
    assert differences(mailing.audit(campaign_id)) == [("contradicted", "bo@example.org")]


def test_an_unknown_delivery_whose_message_was_accepted_can_be_settled_as_sent(mailing: Mailing) -> None:
    campaign_id = mailing.send(InjectedFault(kind=FaultKind.LOSE_RESPONSE, only_for="bo@*", times=1))
    assert mailing.harness.counts(campaign_id) == {"audience": 3, "sent": 2, "unknown": 1}
    result = mailing.audit(campaign_id)
    assert differences(result) == [("found", "bo@example.org")]
    assert settle_found(mailing.harness.app, result) == 1
    assert differences(result) == []
    assert mailing.harness.counts(campaign_id) == {"audience": 3, "sent": 3}
    assert differences(mailing.audit(campaign_id)) == []
    assert all(mailing.mail_of(one) for one in mailing.deliveries(campaign_id))


def test_an_unknown_delivery_that_no_record_holds_stays_unknown(mailing: Mailing) -> None:
    campaign_id = mailing.send(InjectedFault(kind=FaultKind.LOSE_RESPONSE, only_for="bo@*", times=1))
    for file in mailing.relay.folder.glob("*.eml"):
        if "bo@example.org" in file.read_text():
            file.unlink()
    result = mailing.audit(campaign_id)
    assert differences(result) == []
    assert settle_found(mailing.harness.app, result) == 0
    assert result.states[DeliveryState.UNKNOWN] == 1
    assert result.recorded[DeliveryState.UNKNOWN] == 0


def test_a_delivery_whose_message_was_opened_was_sent(mailing: Mailing) -> None:
    campaign_id = mailing.send(InjectedFault(kind=FaultKind.LOSE_RESPONSE, only_for="bo@*", times=1))
    unsettled = next(one for one in mailing.deliveries(campaign_id) if one.state is DeliveryState.UNKNOWN)
    _record_event(mailing, unsettled.id, EventKind.OPEN)
    result = mailing.audit(campaign_id, [])
    assert [(one.kind, one.evidence) for one in result.differences] == [(DifferenceKind.FOUND, "open")]
    settle_found(mailing.harness.app, result)
    assert mailing.harness.counts(campaign_id) == {"audience": 3, "sent": 3}


def test_a_hard_bounce_of_a_delivery_in_state_sent_is_a_difference_and_a_soft_one_is_none(mailing: Mailing) -> None:
    campaign_id = mailing.send()
    first, second, _ = mailing.deliveries(campaign_id)
    _record_event(mailing, first.id, EventKind.BOUNCE, hard=True)
    _record_event(mailing, second.id, EventKind.BOUNCE, hard=False)
    assert differences(mailing.audit(campaign_id)) == [("bounced", first.recipient)]


def test_messages_of_other_campaigns_and_of_other_systems_are_counted_and_are_no_differences(mailing: Mailing) -> None:
    mailing.send()
    (mailing.relay.folder / "other.eml").write_text("Message-ID: <private@gazette.example>\n\nHello\n")
    forged = mailing.harness.app.tokens.mint(Purpose.OPEN, 1)
    (mailing.relay.folder / "forged.eml").write_text(f"Message-ID: <{forged}@gazette.example>\n\nHello\n")
    result = mailing.audit(mailing.send())
    assert differences(result) == []
    (record,) = result.records
    assert (record.messages, record.of_campaign, record.of_others, record.foreign) == (8, 3, 3, 2)


def test_a_deleted_delivery_is_unknown_and_its_dispatch_unbalanced(mailing: Mailing) -> None:
    campaign_id = mailing.send()
    first = mailing.deliveries(campaign_id)[0]
    with mailing.harness.app.database.begin() as connection:
        connection.execute(text("DELETE FROM deliveries WHERE id = :id"), {"id": first.id})
    result = mailing.audit(campaign_id)
    assert [(one.kind.value, one.delivery_id) for one in result.differences] == [
        ("unbalanced", None),
        ("unknown_delivery", first.id),
    ]


def test_an_outcome_that_only_the_journal_of_a_dead_worker_holds_is_unrecorded(mailing: Mailing) -> None:
    campaign_id = mailing.harness.plan("email")
    dispatch_id = mailing.harness.report(campaign_id).dispatches[0].dispatch.id
    prepare(mailing.harness.app, dispatch_id)
    release(mailing.harness.app, dispatch_id)

    def crash(point: Failpoint) -> None:
        if point is Failpoint.BEFORE_COMMIT:
            raise KeyboardInterrupt

    crashing = replace(mailing.harness.app, failpoint=crash)
    with pytest.raises(KeyboardInterrupt):
        deliver(crashing, dispatch_id, until=crashing.clock() + timedelta(seconds=20))
    result = mailing.audit(campaign_id)
    assert set(differences(result)) == {("unrecorded", one.recipient) for one in mailing.deliveries(campaign_id)}
    assert result.is_running
    mailing.harness.run()
    assert differences(mailing.audit(campaign_id)) == []


def test_a_row_that_is_forged_to_hide_a_message_is_contradicted(mailing: Mailing) -> None:
    campaign_id = mailing.send()
    for forged in ("failed", "deferred", "pending", "suppressed"):
        mailing.forge("bo", state=forged)
        assert differences(mailing.audit(campaign_id)) == [("contradicted", "bo@example.org")]


def test_a_forged_row_is_contradicted_by_its_own_reply_even_without_records(mailing: Mailing) -> None:
    campaign_id = mailing.send()
    for forged in ("failed", "deferred"):
        mailing.forge("bo", state=forged)
        result = mailing.audit(campaign_id, [])
        assert [(one.kind.value, one.evidence) for one in result.differences] == [("contradicted", "reply 250")]


def test_a_row_that_is_forged_to_claim_a_message_is_missing(mailing: Mailing) -> None:
    campaign_id = mailing.send(InjectedFault(kind=FaultKind.REFUSE, code=550, on=FaultStage.DOT, only_for="bo@*"))
    assert differences(mailing.audit(campaign_id)) == []
    mailing.forge("bo", state="sent")
    assert differences(mailing.audit(campaign_id)) == [("missing", "bo@example.org")]


def test_a_line_removed_from_a_list_of_message_ids_is_missing(mailing: Mailing, tmp_path: Path) -> None:
    campaign_id = mailing.send()
    ids = tmp_path / "ids"
    ids.write_text("\n".join(str(one.remote_id) for one in mailing.deliveries(campaign_id)[1:]))
    assert differences(mailing.audit(campaign_id, parse_record_sources([f"ids:{ids}"]))) == [
        ("missing", "ada@example.org")
    ]


def test_a_message_addressed_to_another_recipient_is_misdirected(mailing: Mailing) -> None:
    campaign_id = mailing.send()
    first = mailing.deliveries(campaign_id)[0]
    mail = mailing.mail_of(first)
    mail.write_bytes(mail.read_bytes().replace(b"To: ada@example.org", b"To: Eve <EVE@example.org>"))
    result = mailing.audit(campaign_id)
    assert [(one.kind.value, one.recipient, one.evidence) for one in result.differences] == [
        ("misdirected", "ada@example.org", "inbox: to EVE@example.org")
    ]
    mail.write_bytes(mail.read_bytes().replace(b"EVE@example.org", b"ADA@EXAMPLE.ORG"))
    assert differences(mailing.audit(campaign_id)) == []


def test_a_row_that_is_made_up_unbalances_its_dispatch(mailing: Mailing) -> None:
    campaign_id = mailing.send()
    with mailing.harness.app.database.begin() as connection:
        connection.execute(
            text("""
                INSERT INTO deliveries (dispatch_id, list_id, recipient, state, created_at, updated_at)
                SELECT dispatch_id, list_id, 'eve@example.org', 'sent', created_at, created_at
                FROM deliveries LIMIT 1
            """)
        )
    assert differences(mailing.audit(campaign_id)) == [("missing", "eve@example.org"), ("unbalanced", "")]


@pytest.mark.parametrize(
    ("line", "state", "expected"),
    [
        ("settle", "sent", ("duplicate", "journal: sent in epoch 7, the database has epoch 1")),
        ("settle", "failed", ("contradicted", "journal: sent in epoch 7, the database has epoch 1")),
        ("settle", "unknown", ("found", "journal: sent in epoch 7, the database has epoch 1")),
        ("begin", "sent", None),
    ],
)
def test_a_journal_of_another_epoch_shows_that_a_second_worker_sent_it(
    mailing: Mailing, line: str, state: str, expected: tuple[str, str] | None
) -> None:
    campaign_id = mailing.send()
    first = mailing.deliveries(campaign_id)[0]
    mailing.forge("ada", state=state, reply_code=None)
    mailing.journal(first, line, epoch=7)
    found = [(one.kind.value, one.evidence) for one in mailing.audit(campaign_id, []).differences]
    assert found == ([expected] if expected else [])


@pytest.mark.parametrize(
    ("line", "verdict", "state", "expected"),
    [
        ("begin", Verdict.SENT, "pending", ("unrecorded", "journal: begun")),
        ("begin", Verdict.SENT, "unknown", None),
        ("settle", Verdict.SENT, "deferred", ("unrecorded", "journal: sent")),
        ("settle", Verdict.FAILED, "sent", ("bounced", "journal: failed")),
        ("settle", Verdict.FAILED, "failed", None),
    ],
)
def test_a_journal_of_the_same_epoch_completes_the_database(
    mailing: Mailing, line: str, verdict: Verdict, state: str, expected: tuple[str, str] | None
) -> None:
    campaign_id = mailing.send()
    mailing.forge("ada", state=state, reply_code=None)
    mailing.journal(mailing.deliveries(campaign_id)[0], line, epoch=1, verdict=verdict)
    found = [(one.kind.value, one.evidence) for one in mailing.audit(campaign_id, []).differences]
    assert found == ([expected] if expected else [])


def test_deliveries_in_progress_are_left_out(mailing: Mailing) -> None:
    campaign_id = mailing.send()
    with mailing.harness.app.database.begin() as connection:
        connection.execute(text("UPDATE deliveries SET state = 'in_flight', lease_until = now() + interval '1 day'"))
    assert differences(mailing.audit(campaign_id)) == []
    assert differences(mailing.audit(campaign_id, [])) == []


def test_deliveries_sent_after_the_records_were_read_need_not_be_in_them(mailing: Mailing) -> None:
    campaign_id = mailing.send()
    mailing.mail_of(mailing.deliveries(campaign_id)[0]).unlink()
    with mailing.harness.app.database.begin() as connection:
        connection.execute(text("UPDATE deliveries SET updated_at = now() + interval '1 hour'"))
    assert differences(mailing.audit(campaign_id)) == []


def test_a_thread_with_a_post_of_unknown_outcome_is_incomplete(mailing: Mailing) -> None:
    mailing.harness.channel("board", "scripted_broadcast")
    campaign_id = mailing.harness.plan("board")
    mailing.harness.run()
    (only,) = mailing.deliveries(campaign_id)
    now = mailing.harness.app.clock()
    with mailing.harness.app.database.begin() as connection:
        (delivery,) = deliveries.find_for_sending(connection, [only.id])
        delivery_posts.intend(connection, delivery, 0, {}, now=now)
    assert differences(mailing.audit(campaign_id)) == [("incomplete", "@one")]
    with mailing.harness.app.database.begin() as connection:
        delivery_posts.mark_sent(connection, only.id, 0, remote_id="1", permalink=None, detail={})
    assert differences(mailing.audit(campaign_id)) == []
    with mailing.harness.app.database.begin() as connection:
        connection.execute(text("UPDATE deliveries SET state = 'failed'"))
    assert differences(mailing.audit(campaign_id)) == [("contradicted", "@one")]


def test_deliveries_are_read_page_by_page_and_none_is_left_out(mailing: Mailing) -> None:
    sent = mailing.deliveries(mailing.send())
    with mailing.harness.app.database.begin() as connection:
        for page in (1, 2, 3, 4):
            read = audit_queries.audited_deliveries(connection, sent[0].dispatch_id, page=page)
            assert [delivery.id for delivery in read] == [one.id for one in sent]


def test_a_campaign_that_does_not_exist_is_an_error(mailing: Mailing) -> None:
    with pytest.raises(NotFoundError):
        mailing.audit(4711)


def _record_event(mailing: Mailing, delivery_id: int, kind: EventKind, **detail: bool) -> None:
    event = Event(
        delivery_id=delivery_id, kind=kind, at=mailing.harness.app.clock(), key=f"{kind}{delivery_id}", detail=detail
    )
    with mailing.harness.app.database.begin() as connection:
        assert events.record(connection, [event]) == 1
