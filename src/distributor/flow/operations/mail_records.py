"""Evidence for an audit: records of accepted messages, and journals of dead workers that were not recovered yet."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from distributor.domain.address import mailbox_key
from distributor.domain.delivery import Verdict
from distributor.domain.tokens import Purpose
from distributor.flow.app_context import AppContext
from distributor.flow.journal import held_orphan, journal_files, parse_journal, worker_of
from distributor.mail.records.recorded_mail import RecordedMail
from distributor.mail.records.sources import MailRecordSource


@dataclass(slots=True)
class MailRecord:
    """The content of a record: how many messages it holds, of this campaign, of others, and `foreign` ones (those that
    this system did not send). `copies`, `bounced`, `domains` (of the Message-ID) and `addressees` are by delivery id.
    """

    kind: str
    messages: int = 0
    of_campaign: int = 0
    of_others: int = 0
    foreign: int = 0
    copies: Counter[int] = field(default_factory=Counter)
    bounced: set[int] = field(default_factory=set)
    domains: dict[int, str] = field(default_factory=dict)
    addressees: dict[int, tuple[str, ...]] = field(default_factory=dict)

    def other_recipients(self, delivery_id: int, recipient: str) -> list[str]:
        """The addressees of a delivery's messages other than its recipient; none if `recipient` is no address."""
        mailbox = mailbox_key(recipient)
        if mailbox is None:
            return []
        return [one for one in self.addressees.get(delivery_id, ()) if mailbox_key(one) not in (mailbox, None)]


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """A journal's entry about one delivery in one epoch; `verdict` is None if it was started and has no outcome."""

    epoch: int
    verdict: Verdict | None


def match_record(app: AppContext, source: MailRecordSource) -> MailRecord:
    """Read a source and match its messages to deliveries. Raises SourceError if it cannot be read."""
    record = MailRecord(source.kind)
    for message in source.mails():
        record.messages += 1
        local, _, domain = message.message_id.rpartition("@")
        claim = app.tokens.read(Purpose.MESSAGE, local)
        if claim is None:
            record.foreign += 1
        else:
            _add(record, claim.delivery_id, domain, message)
    return record


def read_journals(app: AppContext) -> Mapping[int, Sequence[JournalEntry]]:
    """The entries of the journals of dead workers on this machine that were not recovered yet, by delivery id."""
    found: dict[int, list[JournalEntry]] = defaultdict(list)
    for path in journal_files(app.journal_dir):
        # One that cannot be read is in the quarantine of the recovery.
        with suppress(OSError), held_orphan(path) as data:
            content = parse_journal(worker_of(path), data or b"")
            for outcome in content.outcomes:
                found[outcome.delivery_id].append(JournalEntry(outcome.epoch, outcome.verdict))
            for delivery_id, epoch in content.in_doubt.items():
                found[delivery_id].append(JournalEntry(epoch, None))
    return found


def _add(record: MailRecord, delivery_id: int, domain: str, message: RecordedMail) -> None:
    record.copies[delivery_id] += 1
    # One string object for a million messages.
    record.domains[delivery_id] = sys.intern(domain)
    if message.is_bounced:
        record.bounced.add(delivery_id)
    known = record.addressees.get(delivery_id, ())
    new = tuple(address for address in message.addressees if address not in known)
    if new:
        record.addressees[delivery_id] = known + new
