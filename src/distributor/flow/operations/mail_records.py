"""Evidence for an audit: what others wrote down of our mails, and what dead workers wrote down and nobody has read."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from distributor.domain.address import parse_address
from distributor.domain.delivery import Verdict
from distributor.domain.errors import AddressError
from distributor.domain.tokens import Purpose
from distributor.flow.app_context import AppContext
from distributor.flow.journal import orphaned_journals, read_journal
from distributor.mail.records.recorded_mail import RecordedMail
from distributor.mail.records.sources import MailRecordSource


@dataclass(slots=True)
class MailRecord:
    """A record that was read: how many mails it holds, of this campaign, of others, and not from here."""

    kind: str
    mails: int = 0
    of_campaign: int = 0
    of_others: int = 0
    foreign: int = 0
    # By the number of the delivery. The domain is what a Message-ID has beside the number.
    seen: Counter[int] = field(default_factory=Counter)
    returned: set[int] = field(default_factory=set)
    domains: dict[int, str] = field(default_factory=dict)
    addressees: dict[int, tuple[str, ...]] = field(default_factory=dict)

    def strangers_in(self, delivery_id: int, recipient: str) -> list[str]:
        """To whom mails of this delivery are addressed beside its recipient, as far as that can be told."""
        known = mailbox_of(recipient)
        if known is None:
            return []
        return [one for one in self.addressees.get(delivery_id, ()) if mailbox_of(one) not in (known, None)]


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """What a journal says of a delivery under an epoch; no verdict if it was begun and never answered."""

    epoch: int
    verdict: Verdict | None


def match_record(app: AppContext, record: MailRecordSource) -> MailRecord:
    """Read a record. Raises SourceError if that cannot be done."""
    witness = MailRecord(record.kind)
    for sighting in record.mails():
        witness.mails += 1
        local, _, domain = sighting.message_id.rpartition("@")
        claim = app.tokens.read(Purpose.MESSAGE, local)
        if claim is None:
            witness.foreign += 1
        else:
            _note(witness, claim.delivery_id, domain, sighting)
    return witness


def read_journals(app: AppContext) -> Mapping[int, Sequence[JournalEntry]]:
    """What dead workers of this machine wrote down and nobody has taken over yet, by delivery."""
    found: dict[int, list[JournalEntry]] = defaultdict(list)
    with orphaned_journals(app.journal_dir) as orphans:
        for evidence in map(read_journal, orphans):
            for outcome in evidence.outcomes:
                found[outcome.delivery_id].append(JournalEntry(outcome.epoch, outcome.verdict))
            for delivery_id, epoch in evidence.in_doubt.items():
                found[delivery_id].append(JournalEntry(epoch, None))
    return found


def mailbox_of(address: str) -> str | None:
    """What two spellings of one address have in common; None for what is none."""
    try:
        return parse_address(address).key
    except AddressError:
        return None


def _note(witness: MailRecord, delivery_id: int, domain: str, sighting: RecordedMail) -> None:
    witness.seen[delivery_id] += 1
    # One string for a million mails.
    witness.domains[delivery_id] = sys.intern(domain)
    if sighting.is_bounced:
        witness.returned.add(delivery_id)
    known = witness.addressees.get(delivery_id, ())
    new = tuple(address for address in sighting.addressees if address not in known)
    if new:
        witness.addressees[delivery_id] = known + new
