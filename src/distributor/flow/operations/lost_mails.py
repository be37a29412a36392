"""Lost mails: what servers accepted of this system, and the database does not know since it was restored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from distributor.flow.app_context import AppContext
from distributor.flow.operations.mail_records import match_record
from distributor.mail.records.sources import MailRecordSource
from distributor.storage import audit_queries


@dataclass(frozen=True, slots=True, kw_only=True)
class LostMails:
    """How many mails a record holds of deliveries that the database does not know, and of those that it knows."""

    kind: str
    lost: int
    known: int


def find_lost_mails(app: AppContext, sources: Sequence[MailRecordSource]) -> list[LostMails]:
    """Count them in each source: a campaign that was scheduled in the backup may have sent the lost ones.

    Raises SourceError for a source that cannot be read.
    """
    found = []
    for source in sources:
        record = match_record(app, source)
        with app.database.begin() as connection:
            known = audit_queries.existing(connection, record.copies.keys())
        found.append(LostMails(kind=record.kind, lost=len(record.copies) - len(known), known=len(known)))
    return found
