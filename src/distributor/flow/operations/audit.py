"""Audit: hold the ledger against all evidence at hand, and say where they differ.

Evidence are the journals of dead workers on this machine, what posts are made of, what recipients did, and records that
others kept of the mails they took. A mail names its delivery by its Message-ID, which nobody else can make.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
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
from distributor.storage import audit_queries, campaigns, dispatches
from distributor.storage.audit_queries import AuditedDelivery

# So many differences are kept one by one; all are counted.
_MOST_NAMED = 10_000
_SENT = frozenset({DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.BOUNCED, DeliveryState.COMPLAINED})
_AT_WORK = frozenset({DeliveryState.CLAIMED, DeliveryState.IN_FLIGHT})
_TURNED_AWAY = frozenset({DeliveryState.FAILED, DeliveryState.DEFERRED})
_GONE_BACK = frozenset({DeliveryState.BOUNCED, DeliveryState.COMPLAINED})
# What only somebody can do who has the mail, and what only a mail that was taken can come to.
_DEEDS = frozenset({EventKind.OPEN, EventKind.CLICK, EventKind.UNSUBSCRIBE, EventKind.BOUNCE, EventKind.COMPLAINT})


class DifferenceKind(StrEnum):
    """How ledger and evidence differ.

    unbalanced  the states of a dispatch do not add up to the audience it was released to
    untold      a dead worker's journal knows what the ledger does not: an outcome, or that it was begun at all
    missing     sent, and in none of the records
    unbooked    not sent, says the ledger, and yet there is evidence that it was
    twice       one record holds the mail more than once, or a journal says that somebody else sent it too
    misdirected one record holds it addressed to somebody else
    found       unknown, and there is evidence that it was sent
    returned    it came back or was given up on, and the ledger takes it for sent
    unfinished  sent, and of a part of the post nobody knows whether it was made
    stranger    a mail of ours whose delivery the ledger does not have
    """

    UNBALANCED = "unbalanced"
    UNTOLD = "untold"
    MISSING = "missing"
    UNBOOKED = "unbooked"
    TWICE = "twice"
    MISDIRECTED = "misdirected"
    FOUND = "found"
    RETURNED = "returned"
    UNFINISHED = "unfinished"
    STRANGER = "stranger"


# What it comes to if somebody sent it whose claim had passed to others, by what the ledger says; else UNBOOKED.
_OUT_OF_TURN = dict.fromkeys(_SENT, DifferenceKind.TWICE) | {DeliveryState.UNKNOWN: DifferenceKind.FOUND}


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One difference; a delivery may have several. `evidence` says where it shows."""

    kind: DifferenceKind
    evidence: str
    delivery_id: int | None = None
    channel: str = ""
    recipient: str = ""
    state: DeliveryState | None = None


@dataclass(slots=True)
class Audit:
    """What came out. `seen` counts, for each state, the deliveries that the records hold."""

    campaign_id: int
    is_at_work: bool
    witnesses: Sequence[MailRecord]
    states: Counter[DeliveryState] = field(default_factory=Counter)
    seen: Counter[DeliveryState] = field(default_factory=Counter)
    counts: Counter[DifferenceKind] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)
    # Deliveries of unknown outcome that were sent after all, with their Message-ID if a record holds it.
    found: dict[int, str] = field(default_factory=dict)

    def note(self, difference: Difference) -> None:
        self.counts[difference.kind] += 1
        if len(self.differences) < _MOST_NAMED:
            self.differences.append(difference)


def audit(app: AppContext, campaign_id: int, records: Sequence[MailRecordSource]) -> Audit:
    """Compare the deliveries of a campaign with the evidence. Changes nothing.

    Raises NotFoundError for the campaign, and SourceError for a record that cannot be read.
    """
    # Read first: what is sent from here on is passed over below, and what is under way is nobody's difference.
    began = app.clock()
    with app.database.begin() as connection:
        campaigns.find(connection, campaign_id)
    witnesses = [match_record(app, record) for record in records]
    journals = read_journals(app)
    with app.database.begin() as connection:
        parts = dispatches.of_campaign(connection, campaign_id)
        made = Audit(
            campaign_id=campaign_id,
            is_at_work=any(one.state is DispatchState.RUNNING for one in parts),
            witnesses=witnesses,
        )
        ours: set[int] = set()
        for dispatch in parts:
            entries = 0
            for entry in audit_queries.entries(connection, dispatch.id):
                entries += 1
                ours.add(entry.id)
                _weigh(app, made, dispatch, entry, journals.get(entry.id, ()), began=began)
            if dispatch.audience_size is not None and entries != dispatch.audience_size:
                told = f"released to {dispatch.audience_size}, and {entries} are there"
                made.note(Difference(kind=DifferenceKind.UNBALANCED, evidence=told, channel=dispatch.channel_name))
        for witness in witnesses:
            others = witness.seen.keys() - ours
            existing = audit_queries.existing(connection, others)
            witness.of_campaign = sum(witness.seen[number] for number in witness.seen.keys() & ours)
            witness.of_others = sum(witness.seen[number] for number in existing)
            for number in sorted(others - existing):
                made.note(Difference(kind=DifferenceKind.STRANGER, evidence=witness.kind, delivery_id=number))
    return made


def settle_found(app: AppContext, made: Audit) -> int:
    """Write down as sent what was unknown and has been found; returns how many deliveries that are.

    The differences that this ends are taken out of the audit.
    """
    with app.database.begin() as connection:
        settled = audit_queries.mark_sent(
            connection, made.found, reply="found in the evidence of an audit", now=app.clock()
        )
    made.found.clear()
    del made.counts[DifferenceKind.FOUND]
    made.differences[:] = [one for one in made.differences if one.kind is not DifferenceKind.FOUND]
    return settled


def _weigh(
    app: AppContext,
    made: Audit,
    dispatch: Dispatch,
    entry: AuditedDelivery,
    journalled: Sequence[JournalEntry],
    *,
    began: datetime,
) -> None:
    """Hold one delivery against all there is about it."""
    showing = [witness for witness in made.witnesses if entry.id in witness.seen]
    made.states[entry.state] += 1
    made.seen[entry.state] += bool(showing)
    for kind, evidence in _differences(made.witnesses, showing, entry, journalled, began=began):
        made.note(
            Difference(
                kind=kind,
                evidence=evidence,
                delivery_id=entry.id,
                channel=dispatch.channel_name,
                recipient=entry.recipient,
                state=entry.state,
            )
        )
        if kind is DifferenceKind.FOUND:
            token = app.tokens.mint(Purpose.MESSAGE, entry.id)
            made.found[entry.id] = f"<{token}@{showing[0].domains[entry.id]}>" if showing else ""


def _differences(
    witnesses: Sequence[MailRecord],
    showing: Sequence[MailRecord],
    entry: AuditedDelivery,
    journalled: Sequence[JournalEntry],
    *,
    began: datetime,
) -> Iterator[tuple[DifferenceKind, str]]:
    yield from _what_journals_say(entry, journalled)
    for witness in showing:
        if witness.seen[entry.id] > 1:
            yield DifferenceKind.TWICE, f"{witness.kind}: {witness.seen[entry.id]} times"
        strangers = witness.strangers_in(entry.id, entry.recipient)
        if strangers:
            yield DifferenceKind.MISDIRECTED, f"{witness.kind}: to {', '.join(strangers)}"
    proof = ", ".join(_proofs(showing, entry))
    if entry.state in _SENT:
        # What was sent since then need not be in the records.
        if witnesses and not showing and entry.is_personal and entry.updated_at < began:
            yield DifferenceKind.MISSING, ", ".join(witness.kind for witness in witnesses)
        if entry.posts_intended:
            yield DifferenceKind.UNFINISHED, f"{entry.posts_intended} of its parts"
        returns = ", ".join(_returns(showing, entry))
        if returns and entry.state not in _GONE_BACK:
            yield DifferenceKind.RETURNED, returns
    elif entry.state is DeliveryState.UNKNOWN:
        if proof:
            yield DifferenceKind.FOUND, proof
    elif proof and entry.state not in _AT_WORK:
        yield DifferenceKind.UNBOOKED, proof
    elif entry.posts_sent and entry.state in {DeliveryState.FAILED, DeliveryState.SUPPRESSED}:
        yield DifferenceKind.UNBOOKED, f"{entry.posts_sent} of its parts are posted"


def _what_journals_say(
    entry: AuditedDelivery, journalled: Sequence[JournalEntry]
) -> Iterator[tuple[DifferenceKind, str]]:
    """Under its own epoch a journal completes the ledger; under another one, somebody else had the delivery in hand."""
    for one in journalled:
        is_own, is_sent = one.epoch == entry.epoch, entry.state in _SENT
        said = f"journal: {one.verdict or 'begun'}"
        if not is_own:
            said += f" under epoch {one.epoch}, the ledger is at {entry.epoch}"
        if one.verdict is Verdict.SENT and not (is_own and is_sent):
            out_of_turn = _OUT_OF_TURN.get(entry.state, DifferenceKind.UNBOOKED)
            yield DifferenceKind.UNTOLD if is_own else out_of_turn, said
        elif one.verdict is Verdict.FAILED and is_own and is_sent:
            yield DifferenceKind.RETURNED, said
        elif one.verdict is None and is_own and entry.state not in _SENT | _AT_WORK | {DeliveryState.UNKNOWN}:
            yield DifferenceKind.UNTOLD, said


def _proofs(showing: Iterable[MailRecord], entry: AuditedDelivery) -> Iterator[str]:
    """Where it shows that a mail reached somebody."""
    for witness in showing:
        yield witness.kind
    if entry.state in _TURNED_AWAY and entry.reply_code is not None and 200 <= entry.reply_code < 300:
        yield f"its own answer: {entry.reply_code}"
    if entry.is_personal:
        yield from sorted(entry.event_kinds & _DEEDS)


def _returns(showing: Iterable[MailRecord], entry: AuditedDelivery) -> Iterator[str]:
    """Where it shows that it came back."""
    for witness in showing:
        if entry.id in witness.returned:
            yield f"{witness.kind}: given up on"
    if entry.is_returned:
        yield "a hard bounce"
    if EventKind.COMPLAINT in entry.event_kinds:
        yield "a complaint"
