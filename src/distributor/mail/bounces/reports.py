"""The result of reading an inbound mail: its kind, and one report per recipient."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from distributor.domain.rendition import Json
from distributor.mail.bounces.reasons import Reason, ReasonScope, is_hard, scope_of_reason

# Problems with the sender or the content are not held against the address of the recipient.
_NOT_AGAINST_ADDRESS = frozenset({ReasonScope.SENDER, ReasonScope.CONTENT})


class ReportKind(StrEnum):
    """What an inbound mail is. Only a `bounce` is a failed delivery."""

    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    AUTOREPLY = "autoreply"
    UNSUBSCRIBE = "unsubscribe"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientReport:
    """One recipient that a mail reports on.

    `address` is empty if the mail does not name it. `status` is an enhanced status code (RFC 3463), as reported or, for
    a bounce without one, `4.0.0` or `5.0.0`; `reply_code` an SMTP reply code (RFC 5321), empty if none is reported.
    `reason` is None for an unsubscribe request, which is no failure.
    """

    address: str
    status: str = ""
    reply_code: str = ""
    reason: Reason | None = None

    @property
    def is_hard(self) -> bool:
        """Whether this is a hard bounce: nothing may be sent to the address again."""
        return self.reason is not None and is_hard(self.reason, status=self.status, reply_code=self.reply_code)

    @property
    def scope(self) -> ReasonScope | None:
        """Who or what caused the failure, if known."""
        return None if self.reason is None else scope_of_reason(self.reason)

    @property
    def counts_against_address(self) -> bool:
        """Whether a soft bounce counts against the address: a full mailbox does, a blocked sender does not."""
        return not self.is_hard and self.scope not in _NOT_AGAINST_ADDRESS

    def detail(self) -> dict[str, Json]:
        """The fields that are stored with an event; unknown ones are left out."""
        known: dict[str, Json] = {
            "hard": self.is_hard or None,
            "reason": self.reason.value if self.reason else None,
            "status": self.status,
            "code": self.reply_code,
            "scope": self.scope.value if self.scope else None,
        }
        return {name: value for name, value in known.items() if value}


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundReport:
    """An inbound mail: its kind, the reported recipients in order, and the Feedback-Type of a complaint (RFC 5965)."""

    kind: ReportKind
    recipients: tuple[RecipientReport, ...] = ()
    feedback_type: str = ""


OTHER = InboundReport(kind=ReportKind.OTHER)
