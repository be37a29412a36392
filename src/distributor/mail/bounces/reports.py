"""What a mail that came back means: the answer of the engine."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from distributor.mail.bounces.reasons import Reason, ReasonScope, is_hard, scope_of_reason


class ReportKind(StrEnum):
    """What a mail is to a sender of mail. Only a `bounce` is a failed delivery."""

    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    AUTOREPLY = "autoreply"
    UNSUBSCRIBE = "unsubscribe"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientReport:
    """One recipient that a mail tells of.

    `address` is empty where the mail does not name it. `status` is an enhanced status code (RFC 3463), as reported or,
    for a bounce that reports none, `4.0.0` or `5.0.0`; `reply_code` an SMTP reply code (RFC 5321), empty where none is
    told. `reason` is None for somebody who unsubscribes: that is a wish, not a failure.
    """

    address: str
    status: str = ""
    reply_code: str = ""
    reason: Reason | None = None

    @property
    def is_hard(self) -> bool:
        """Whether the address must never be mailed again."""
        return self.reason is not None and is_hard(self.reason, status=self.status, reply_code=self.reply_code)

    @property
    def scope(self) -> ReasonScope | None:
        """Whose fault it was, where the mail tells."""
        return None if self.reason is None else scope_of_reason(self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundReport:
    """A mail that was read: its kind, the recipients it tells of in order, and the type of a complaint (RFC 5965)."""

    kind: ReportKind
    recipients: tuple[RecipientReport, ...] = ()
    feedback_type: str = ""


OTHER = InboundReport(kind=ReportKind.OTHER)
