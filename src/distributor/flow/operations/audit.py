"""Audit: compare the delivery states in the database with all evidence, and report every difference.

The evidence: journals of dead workers on this machine, the posts of a thread, events, and the records that servers kept
of the messages they accepted. A message names its delivery by its Message-ID, which contains a signed token.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from distributor.domain.campaign import Dispatch, DispatchState
from distributor.domain.delivery import DeliveryState, Verdict
from distributor.domain.event import EventKind
from distributor.domain.tokens import Purpose
from distributor.flow.app_context import AppContext
from distributor.flow.operations.mail_records import JournalEntry, MailRecord, match_record, read_journals
from distributor.mail.records.sources import MailRecordSource
from distributor.storage import audit_queries, campaigns, dispatches, generations, past_deliveries
from distributor.storage.audit_queries import AuditedDelivery
from distributor.storage.database import Connection

# At most so many differences are listed; all are counted.
_MAX_LISTED = 10_000
_SENT = frozenset({DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.BOUNCED, DeliveryState.COMPLAINED})
_IN_PROGRESS = frozenset({DeliveryState.CLAIMED, DeliveryState.IN_FLIGHT})
_WAITING = frozenset({DeliveryState.PENDING, DeliveryState.DEFERRED})
_REJECTED = frozenset({DeliveryState.FAILED, DeliveryState.DEFERRED})
_BOUNCED = frozenset({DeliveryState.BOUNCED, DeliveryState.COMPLAINED})
# Events that only happen to a message that was accepted.
_RECIPIENT_EVENTS = frozenset(
    {
        EventKind.OPEN,
        EventKind.CLICK,
        EventKind.UNSUBSCRIBE,
        EventKind.DELAY,
        EventKind.BOUNCE,
        EventKind.COMPLAINT,
    }
)


class DifferenceKind(StrEnum):
    """How the database and the evidence differ.

    unbalanced        the number of deliveries of a dispatch is not the size of the audience it was released to
    unrecorded        the journal of a dead worker holds what the database does not: an outcome, or a delivery's start
    missing           sent according to the database, and in none of the records
    contradicted      not sent according to the database, and there is evidence that it was
    duplicate         one record holds the message more than once, or a second worker sent it too
    misdirected       one record holds the message with another recipient
    found             of unknown outcome, or waiting since a restore, and there is evidence that it was sent
    bounced           it bounced, expired or was refused, and the database has it as sent
    incomplete        sent, and the outcome of one of the posts of its thread is unknown
    unknown_delivery  a message with a Message-ID of this system whose delivery is not in the database
    """

    UNBALANCED = "unbalanced"
    UNRECORDED = "unrecorded"
    MISSING = "missing"
    CONTRADICTED = "contradicted"
    DUPLICATE = "duplicate"
    MISDIRECTED = "misdirected"
    FOUND = "found"
    BOUNCED = "bounced"
    INCOMPLETE = "incomplete"
    UNKNOWN_DELIVERY = "unknown_delivery"


# What it means, by the state in the database, if a worker sent the message that no longer held the delivery's lease.
# For every other state: CONTRADICTED.
_SENT_WITHOUT_LEASE = dict.fromkeys(_SENT, DifferenceKind.DUPLICATE) | {DeliveryState.UNKNOWN: DifferenceKind.FOUND}


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One difference; a delivery may have several. `evidence` names where it was found."""

    kind: DifferenceKind
    evidence: str
    delivery_id: int | None = None
    channel: str = ""
    recipient: str = ""
    state: DeliveryState | None = None


@dataclass(slots=True)
class Audit:
    """The result. `recorded` counts, for each state, the deliveries that at least one of the records holds."""

    campaign_id: int
    is_running: bool
    records: Sequence[MailRecord]
    states: Counter[DeliveryState] = field(default_factory=Counter)
    recorded: Counter[DeliveryState] = field(default_factory=Counter)
    counts: Counter[DifferenceKind] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)
    # The remote id of each delivery of unknown outcome that was sent; "" if no record holds its Message-ID.
    found: dict[int, str] = field(default_factory=dict)
    # How many of them are past deliveries, and since when.
    past: int = 0
    removed_at: datetime | None = None
    # The evidence by which the bounce of a delivery was taken back: its message arrived after all.
    taken_back: dict[int, str] = field(default_factory=dict)

    def add(self, difference: Difference) -> None:
        """Count a difference, and list it while there is room."""
        self.counts[difference.kind] += 1
        if len(self.differences) < _MAX_LISTED:
            self.differences.append(difference)

    def add_past(self, counts: Mapping[DeliveryState, int], removed_at: datetime | None) -> None:
        """Count the past deliveries of a dispatch: of them nothing but the state is left to compare."""
        self.states.update(counts)
        self.past += sum(counts.values())
        if removed_at is not None:
            self.removed_at = min(removed_at, self.removed_at or removed_at)

    def check_balance(self, connection: Connection, dispatch: Dispatch, compared: int) -> None:
        """Whether the number of deliveries is the audience; `compared` is that of the dispatch without past ones."""
        if dispatch.audience_size in (None, compared):
            return
        # In one statement: some may have become past ones meanwhile.
        count = audit_queries.count(connection, dispatch.id)
        if count != dispatch.audience_size:
            evidence = f"released to {dispatch.audience_size}, but there are {count} deliveries"
            self.add(Difference(kind=DifferenceKind.UNBALANCED, evidence=evidence, channel=dispatch.channel_name))


def audit(app: AppContext, campaign_id: int, sources: Sequence[MailRecordSource]) -> Audit:
    """Compare the deliveries of a campaign with the evidence. Changes nothing.

    Raises NotFoundError for the campaign, and SourceError for a source that cannot be read.
    """
    # The records are read before the database: a delivery that is sent from now on need not be in them.
    started_at = app.clock()
    with app.database.begin() as connection:
        campaigns.find(connection, campaign_id)
    records = [match_record(app, source) for source in sources]
    journals = read_journals(app)
    with app.database.begin() as connection:
        campaign_dispatches = dispatches.of_campaign(connection, campaign_id)
        result = Audit(
            campaign_id=campaign_id,
            is_running=any(one.state is DispatchState.RUNNING for one in campaign_dispatches),
            records=records,
        )
        of_campaign: set[int] = set()
        past = past_deliveries.count_by_state(connection, [one.id for one in campaign_dispatches])
        for dispatch in campaign_dispatches:
            count = 0
            for delivery in audit_queries.audited_deliveries(connection, dispatch.id):
                count += 1
                of_campaign.add(delivery.id)
                compare(app, result, dispatch, delivery, journals.get(delivery.id, ()), started_at=started_at)
            result.add_past(past.get(dispatch.id, {}), dispatch.deliveries_removed_at)
            result.check_balance(connection, dispatch, count)
        for record in records:
            of_campaign |= audit_queries.past_of(connection, [one.id for one in campaign_dispatches], record.copies)
            others = record.copies.keys() - of_campaign
            existing = audit_queries.existing(connection, others)
            record.of_campaign = sum(record.copies[number] for number in record.copies.keys() & of_campaign)
            record.of_others = sum(record.copies[number] for number in existing)
            for number in sorted(others - existing):
                result.add(Difference(kind=DifferenceKind.UNKNOWN_DELIVERY, evidence=record.kind, delivery_id=number))
    return result


def settle_found(app: AppContext, result: Audit) -> int:
    """Mark the deliveries of unknown outcome that were found as sent; returns how many.

    Removes these differences from the result.
    """
    with app.database.begin() as connection:
        settled = audit_queries.mark_sent(connection, result.found, reply="found by an audit", now=app.clock())
        # What waits since a restore is not of unknown outcome, but may have been sent as well.
        sources = dict.fromkeys(result.found, "found by an audit, from after the backup")
        settled += generations.mark_found(connection, sources, state=DeliveryState.SENT, now=app.clock())
    result.found.clear()
    del result.counts[DifferenceKind.FOUND]
    result.differences[:] = [one for one in result.differences if one.kind is not DifferenceKind.FOUND]
    return settled


def compare(
    app: AppContext,
    result: Audit,
    dispatch: Dispatch,
    delivery: AuditedDelivery,
    journal_entries: Sequence[JournalEntry],
    *,
    started_at: datetime,
) -> None:
    """Compare one delivery with all evidence about it."""
    holding = [record for record in result.records if delivery.id in record.copies]
    result.states[delivery.state] += 1
    result.recorded[delivery.state] += bool(holding)
    if delivery.taken_back:
        result.taken_back[delivery.id] = delivery.taken_back
    is_open = delivery.state is DeliveryState.UNKNOWN or (dispatch.is_held and delivery.state in _WAITING)
    for kind, evidence in _differences(
        result.records, holding, delivery, journal_entries, started_at=started_at, is_open=is_open
    ):
        result.add(
            Difference(
                kind=kind,
                evidence=evidence,
                delivery_id=delivery.id,
                channel=dispatch.channel_name,
                recipient=delivery.recipient,
                state=delivery.state,
            )
        )
        if kind is DifferenceKind.FOUND:
            token = app.tokens.mint(Purpose.MESSAGE, delivery.id)
            result.found[delivery.id] = f"<{token}@{holding[0].domains[delivery.id]}>" if holding else ""


def _differences(
    records: Sequence[MailRecord],
    holding: Sequence[MailRecord],
    delivery: AuditedDelivery,
    journal_entries: Sequence[JournalEntry],
    *,
    started_at: datetime,
    is_open: bool,
) -> Iterator[tuple[DifferenceKind, str]]:
    """Each difference with its evidence. `holding` are those of the records that hold the delivery's message.

    `is_open` is whether it is not known what became of it.
    """
    yield from _journal_differences(delivery, journal_entries)
    for record in holding:
        if record.copies[delivery.id] > 1:
            yield DifferenceKind.DUPLICATE, f"{record.kind}: {record.copies[delivery.id]} times"
        other_recipients = record.other_recipients(delivery.id, delivery.recipient)
        if other_recipients:
            yield DifferenceKind.MISDIRECTED, f"{record.kind}: to {', '.join(other_recipients)}"
    sent_evidence = ", ".join(_evidence_of_sending(holding, delivery))
    if delivery.state in _SENT:
        if records and not holding and delivery.is_personal and delivery.updated_at < started_at:
            yield DifferenceKind.MISSING, ", ".join(record.kind for record in records)
        if delivery.posts_intended:
            yield DifferenceKind.INCOMPLETE, f"{delivery.posts_intended} posts of its thread are of unknown outcome"
        bounce_evidence = ", ".join(_evidence_of_bounces(holding, delivery))
        if bounce_evidence and delivery.state not in _BOUNCED and not delivery.taken_back:
            yield DifferenceKind.BOUNCED, bounce_evidence
    elif is_open:
        if sent_evidence:
            yield DifferenceKind.FOUND, sent_evidence
    elif sent_evidence and delivery.state not in _IN_PROGRESS:
        yield DifferenceKind.CONTRADICTED, sent_evidence
    elif delivery.posts_sent and delivery.state in {DeliveryState.FAILED, DeliveryState.SUPPRESSED}:
        yield DifferenceKind.CONTRADICTED, f"{delivery.posts_sent} posts of its thread are published"


def _journal_differences(
    delivery: AuditedDelivery, journal_entries: Sequence[JournalEntry]
) -> Iterator[tuple[DifferenceKind, str]]:
    """Only an entry with the epoch in the database is about the current lease."""
    for entry in journal_entries:
        is_current, is_sent = entry.epoch == delivery.epoch, delivery.state in _SENT
        evidence = f"journal: {entry.verdict or 'begun'}"
        if not is_current:
            evidence += f" in epoch {entry.epoch}, the database has epoch {delivery.epoch}"
        if entry.verdict is Verdict.SENT and not (is_current and is_sent):
            without_lease = _SENT_WITHOUT_LEASE.get(delivery.state, DifferenceKind.CONTRADICTED)
            yield DifferenceKind.UNRECORDED if is_current else without_lease, evidence
        elif entry.verdict is Verdict.FAILED and is_current and is_sent:
            yield DifferenceKind.BOUNCED, evidence
        elif (
            entry.verdict is None
            and is_current
            and delivery.state not in _SENT | _IN_PROGRESS | {DeliveryState.UNKNOWN}
        ):
            yield DifferenceKind.UNRECORDED, evidence


def _evidence_of_sending(holding: Iterable[MailRecord], delivery: AuditedDelivery) -> Iterator[str]:
    for record in holding:
        yield record.kind
    if delivery.state in _REJECTED and delivery.reply_code is not None and 200 <= delivery.reply_code < 300:
        yield f"reply {delivery.reply_code}"
    if delivery.is_personal:
        yield from sorted(delivery.event_kinds & _RECIPIENT_EVENTS)


def _evidence_of_bounces(holding: Iterable[MailRecord], delivery: AuditedDelivery) -> Iterator[str]:
    for record in holding:
        if delivery.id in record.bounced:
            yield f"{record.kind}: bounced"
    if delivery.has_hard_bounce:
        yield "hard bounce"
    if EventKind.COMPLAINT in delivery.event_kinds:
        yield "complaint"
