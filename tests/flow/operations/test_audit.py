"""An audit of campaigns that were really sent: it finds every difference to evidence that was tampered with."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from distributor.cli.channel import configure
from distributor.domain.delivery import Delivery, DeliveryState, Outcome, Verdict
from distributor.domain.errors import NotFoundError
from distributor.domain.event import Event, EventKind
from distributor.domain.tokens import Purpose
from distributor.flow.delivery.deliver import deliver
from distributor.flow.failpoints import Failpoint
from distributor.flow.journal import open_journal
from distributor.flow.operations.audit import Audit, DifferenceKind, audit, settle_found
from distributor.flow.publishing.release import release
from distributor.flow.publishing.render import render
from distributor.mail.records.sources import MailRecordSource, parse_record_sources
from distributor.sandbox.faults import FaultKind, FaultStage, InjectedFault
from distributor.sandbox.smtp_server import SMTP
from distributor.storage import audit_queries, delivery_posts, delivery_queries, events
from tests.chaos.mail_relay import Relay, running_relay
from tests.flow.campaign_harness import CampaignHarness


@dataclass(frozen=True, kw_only=True)
class Post:
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
        """Write into the ledger what nobody has said."""
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
def post(harness: CampaignHarness, tmp_path: Path) -> Iterator[Post]:
    with running_relay(tmp_path / "inbox") as relay:
        configure(harness.app, "email", "email", {"smtp_url": relay.url})
        yield Post(harness=harness, relay=relay)


def differences(made: Audit) -> list[tuple[str, str]]:
    assert made.counts.total() == len(made.differences)
    return [(one.kind.value, one.recipient) for one in made.differences]


def test_a_campaign_that_went_well_has_no_differences(post: Post) -> None:
    campaign_id = post.send()
    made = post.audit(campaign_id)
    assert differences(made) == []
    assert made.states == made.seen == {DeliveryState.SENT: 3}
    assert not made.is_at_work


def test_the_ledger_alone_can_be_audited(post: Post) -> None:
    made = post.audit(post.send(), [])
    assert differences(made) == []
    assert made.states == {DeliveryState.SENT: 3}


def test_a_mail_that_nobody_has_is_missing(post: Post) -> None:
    campaign_id = post.send()
    first = post.deliveries(campaign_id)[0]
    post.mail_of(first).unlink()
    assert differences(post.audit(campaign_id)) == [("missing", first.recipient)]


def test_a_mail_that_came_in_two_copies_is_told(post: Post) -> None:
    campaign_id = post.send()
    first = post.deliveries(campaign_id)[0]
    shutil.copy(post.mail_of(first), post.relay.folder / "copy.eml")
    assert differences(post.audit(campaign_id)) == [("twice", first.recipient)]


def test_a_mail_in_two_records_is_not_there_twice(post: Post, tmp_path: Path) -> None:
    campaign_id = post.send()
    ids = tmp_path / "ids"
    ids.write_text("\n".join(str(one.remote_id) for one in post.deliveries(campaign_id)))
    assert differences(post.audit(campaign_id, [*post.inbox, *parse_record_sources([f"ids:{ids}"])])) == []


def test_a_relay_that_refuses_a_mail_and_keeps_it_is_found_out(post: Post) -> None:
    campaign_id = post.send(InjectedFault(kind=FaultKind.DENY_AFTER_COMMIT, code=550, only_for="bo@*"))
    assert differences(post.audit(campaign_id)) == [("unbooked", "bo@example.org")]


def test_what_is_unknown_and_was_taken_can_be_settled_as_sent(post: Post) -> None:
    campaign_id = post.send(InjectedFault(kind=FaultKind.LOSE_RESPONSE, only_for="bo@*", times=1))
    assert post.harness.counts(campaign_id) == {"audience": 3, "sent": 2, "unknown": 1}
    made = post.audit(campaign_id)
    assert differences(made) == [("found", "bo@example.org")]
    assert settle_found(post.harness.app, made) == 1
    assert differences(made) == []
    assert post.harness.counts(campaign_id) == {"audience": 3, "sent": 3}
    assert differences(post.audit(campaign_id)) == []
    assert all(post.mail_of(one) for one in post.deliveries(campaign_id))


def test_what_is_unknown_and_nowhere_to_be_found_stays_unknown(post: Post) -> None:
    campaign_id = post.send(InjectedFault(kind=FaultKind.LOSE_RESPONSE, only_for="bo@*", times=1))
    for file in post.relay.folder.glob("*.eml"):
        if "bo@example.org" in file.read_text():
            file.unlink()
    made = post.audit(campaign_id)
    assert differences(made) == []
    assert settle_found(post.harness.app, made) == 0
    assert made.states[DeliveryState.UNKNOWN] == 1
    assert made.seen[DeliveryState.UNKNOWN] == 0


def test_whoever_opens_a_mail_has_it(post: Post) -> None:
    campaign_id = post.send(InjectedFault(kind=FaultKind.LOSE_RESPONSE, only_for="bo@*", times=1))
    unsettled = next(one for one in post.deliveries(campaign_id) if one.state is DeliveryState.UNKNOWN)
    _happens(post, unsettled.id, EventKind.OPEN)
    made = post.audit(campaign_id, [])
    assert [(one.kind, one.evidence) for one in made.differences] == [(DifferenceKind.FOUND, "open")]
    settle_found(post.harness.app, made)
    assert post.harness.counts(campaign_id) == {"audience": 3, "sent": 3}


def test_a_hard_bounce_that_the_ledger_has_not_taken_in_is_told_and_a_soft_one_is_none(post: Post) -> None:
    campaign_id = post.send()
    first, second, _ = post.deliveries(campaign_id)
    _happens(post, first.id, EventKind.BOUNCE, hard=True)
    _happens(post, second.id, EventKind.BOUNCE, hard=False)
    assert differences(post.audit(campaign_id)) == [("returned", first.recipient)]


def test_mails_of_other_campaigns_and_of_others_are_counted_and_no_differences(post: Post) -> None:
    post.send()
    (post.relay.folder / "other.eml").write_text("Message-ID: <private@gazette.example>\n\nHello\n")
    forged = post.harness.app.tokens.mint(Purpose.OPEN, 1)
    (post.relay.folder / "forged.eml").write_text(f"Message-ID: <{forged}@gazette.example>\n\nHello\n")
    made = post.audit(post.send())
    assert differences(made) == []
    (witness,) = made.witnesses
    assert (witness.mails, witness.of_campaign, witness.of_others, witness.foreign) == (8, 3, 3, 2)


def test_a_mail_whose_delivery_is_gone_is_a_stranger_and_the_audience_does_not_add_up(post: Post) -> None:
    campaign_id = post.send()
    first = post.deliveries(campaign_id)[0]
    with post.harness.app.database.begin() as connection:
        connection.execute(text("DELETE FROM deliveries WHERE id = :id"), {"id": first.id})
    made = post.audit(campaign_id)
    assert [(one.kind.value, one.delivery_id) for one in made.differences] == [
        ("unbalanced", None),
        ("stranger", first.id),
    ]


def test_what_a_dead_workers_journal_knows_and_nobody_has_written_down_is_told(post: Post) -> None:
    campaign_id = post.harness.plan("email")
    dispatch_id = post.harness.report(campaign_id).dispatches[0].dispatch.id
    render(post.harness.app, dispatch_id)
    release(post.harness.app, dispatch_id)

    def fall(point: Failpoint) -> None:
        if point is Failpoint.BEFORE_COMMIT:
            raise KeyboardInterrupt

    fallen = replace(post.harness.app, failpoint=fall)
    with pytest.raises(KeyboardInterrupt):
        deliver(fallen, dispatch_id, until=fallen.clock() + timedelta(seconds=20))
    made = post.audit(campaign_id)
    assert set(differences(made)) == {("untold", one.recipient) for one in post.deliveries(campaign_id)}
    assert made.is_at_work
    post.harness.run()
    assert differences(post.audit(campaign_id)) == []


def test_a_row_that_is_forged_to_hide_a_mail_is_named(post: Post) -> None:
    campaign_id = post.send()
    for forged in ("failed", "deferred", "pending", "suppressed"):
        post.forge("bo", state=forged)
        assert differences(post.audit(campaign_id)) == [("unbooked", "bo@example.org")]


def test_a_forged_row_contradicts_the_answer_beside_it_even_without_records(post: Post) -> None:
    campaign_id = post.send()
    for forged in ("failed", "deferred"):
        post.forge("bo", state=forged)
        made = post.audit(campaign_id, [])
        assert [(one.kind.value, one.evidence) for one in made.differences] == [("unbooked", "its own answer: 250")]


def test_a_row_that_is_forged_to_claim_a_mail_is_named(post: Post) -> None:
    campaign_id = post.send(InjectedFault(kind=FaultKind.REFUSE, code=550, on=FaultStage.DOT, only_for="bo@*"))
    assert differences(post.audit(campaign_id)) == []
    post.forge("bo", state="sent")
    assert differences(post.audit(campaign_id)) == [("missing", "bo@example.org")]


def test_a_line_that_is_taken_out_of_a_list_of_mails_is_missed(post: Post, tmp_path: Path) -> None:
    campaign_id = post.send()
    ids = tmp_path / "ids"
    ids.write_text("\n".join(str(one.remote_id) for one in post.deliveries(campaign_id)[1:]))
    assert differences(post.audit(campaign_id, parse_record_sources([f"ids:{ids}"]))) == [
        ("missing", "ada@example.org")
    ]


def test_a_mail_of_ours_to_somebody_who_is_not_in_the_ledger_is_named(post: Post) -> None:
    campaign_id = post.send()
    first = post.deliveries(campaign_id)[0]
    mail = post.mail_of(first)
    mail.write_bytes(mail.read_bytes().replace(b"To: ada@example.org", b"To: Eve <EVE@example.org>"))
    made = post.audit(campaign_id)
    assert [(one.kind.value, one.recipient, one.evidence) for one in made.differences] == [
        ("misdirected", "ada@example.org", "inbox: to EVE@example.org")
    ]
    mail.write_bytes(mail.read_bytes().replace(b"EVE@example.org", b"ADA@EXAMPLE.ORG"))
    assert differences(post.audit(campaign_id)) == []


def test_a_row_that_is_made_up_is_one_too_many(post: Post) -> None:
    campaign_id = post.send()
    with post.harness.app.database.begin() as connection:
        connection.execute(
            text("""
                INSERT INTO deliveries (dispatch_id, list_id, recipient, state, created_at, updated_at)
                SELECT dispatch_id, list_id, 'eve@example.org', 'sent', created_at, created_at
                FROM deliveries LIMIT 1
            """)
        )
    assert differences(post.audit(campaign_id)) == [("missing", "eve@example.org"), ("unbalanced", "")]


@pytest.mark.parametrize(
    ("line", "state", "expected"),
    [
        ("settle", "sent", ("twice", "journal: sent under epoch 7, the ledger is at 1")),
        ("settle", "failed", ("unbooked", "journal: sent under epoch 7, the ledger is at 1")),
        ("settle", "unknown", ("found", "journal: sent under epoch 7, the ledger is at 1")),
        ("begin", "sent", None),
    ],
)
def test_a_journal_of_another_epoch_says_that_somebody_else_sent_it(
    post: Post, line: str, state: str, expected: tuple[str, str] | None
) -> None:
    campaign_id = post.send()
    first = post.deliveries(campaign_id)[0]
    post.forge("ada", state=state, reply_code=None)
    post.journal(first, line, epoch=7)
    told = [(one.kind.value, one.evidence) for one in post.audit(campaign_id, []).differences]
    assert told == ([expected] if expected else [])


@pytest.mark.parametrize(
    ("line", "verdict", "state", "expected"),
    [
        ("begin", Verdict.SENT, "pending", ("untold", "journal: begun")),
        ("begin", Verdict.SENT, "unknown", None),
        ("settle", Verdict.SENT, "deferred", ("untold", "journal: sent")),
        ("settle", Verdict.FAILED, "sent", ("returned", "journal: failed")),
        ("settle", Verdict.FAILED, "failed", None),
    ],
)
def test_a_journal_of_the_same_epoch_completes_the_ledger(
    post: Post, line: str, verdict: Verdict, state: str, expected: tuple[str, str] | None
) -> None:
    campaign_id = post.send()
    post.forge("ada", state=state, reply_code=None)
    post.journal(post.deliveries(campaign_id)[0], line, epoch=1, verdict=verdict)
    told = [(one.kind.value, one.evidence) for one in post.audit(campaign_id, []).differences]
    assert told == ([expected] if expected else [])


def test_what_is_being_sent_is_left_out(post: Post) -> None:
    campaign_id = post.send()
    with post.harness.app.database.begin() as connection:
        connection.execute(text("UPDATE deliveries SET state = 'in_flight', lease_until = now() + interval '1 day'"))
    assert differences(post.audit(campaign_id)) == []
    assert differences(post.audit(campaign_id, [])) == []


def test_what_was_sent_after_the_records_were_read_need_not_be_in_them(post: Post) -> None:
    campaign_id = post.send()
    post.mail_of(post.deliveries(campaign_id)[0]).unlink()
    with post.harness.app.database.begin() as connection:
        connection.execute(text("UPDATE deliveries SET updated_at = now() + interval '1 hour'"))
    assert differences(post.audit(campaign_id)) == []


def test_a_post_of_which_a_part_is_in_doubt_is_unfinished(post: Post) -> None:
    post.harness.channel("board", "scripted_broadcast")
    campaign_id = post.harness.plan("board")
    post.harness.run()
    (only,) = post.deliveries(campaign_id)
    now = post.harness.app.clock()
    with post.harness.app.database.begin() as connection:
        delivery_posts.intend(connection, only.id, 0, {}, now=now)
    assert differences(post.audit(campaign_id)) == [("unfinished", "@one")]
    with post.harness.app.database.begin() as connection:
        delivery_posts.mark_sent(connection, only.id, 0, remote_id="1", permalink=None, detail={})
    assert differences(post.audit(campaign_id)) == []
    with post.harness.app.database.begin() as connection:
        connection.execute(text("UPDATE deliveries SET state = 'failed'"))
    assert differences(post.audit(campaign_id)) == [("unbooked", "@one")]


def test_deliveries_are_read_page_by_page_and_none_is_left_out(post: Post) -> None:
    sent = post.deliveries(post.send())
    with post.harness.app.database.begin() as connection:
        for page in (1, 2, 3, 4):
            read = audit_queries.entries(connection, sent[0].dispatch_id, page=page)
            assert [entry.id for entry in read] == [one.id for one in sent]


def test_a_campaign_that_is_none_is_said_to_be_none(post: Post) -> None:
    with pytest.raises(NotFoundError):
        post.audit(4711)


def _happens(post: Post, delivery_id: int, kind: EventKind, **detail: bool) -> None:
    event = Event(
        delivery_id=delivery_id, kind=kind, at=post.harness.app.clock(), key=f"{kind}{delivery_id}", detail=detail
    )
    with post.harness.app.database.begin() as connection:
        assert events.record(connection, [event]) == 1
