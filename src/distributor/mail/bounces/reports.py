"""The result of reading an inbound mail: its kind, and one report per recipient."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from distributor.domain.rendition import Json
from distributor.mail.bounces.policy import SubscriberEffect, consequences_of_report
from distributor.mail.bounces.reasons import Reason, ReasonScope, scope_of_reason

# Our mails have one recipient each; a report names more if that one forwards them. The rest of more is not read.
MAX_RECIPIENTS = 100


class ReportKind(StrEnum):
    """What an inbound mail is. A `bounce` reports a failed or delayed delivery, a `delivery` only successful ones."""

    BOUNCE = "bounce"
    DELIVERY = "delivery"
    COMPLAINT = "complaint"
    AUTOREPLY = "autoreply"
    UNSUBSCRIBE = "unsubscribe"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientReport:
    """One recipient that a mail reports on.

    `address` is empty if the mail does not name it. `status` is an enhanced status code (RFC 3463), as reported or, for
    a bounce without one, `4.0.0` or `5.0.0`; `reply_code` an SMTP reply code (RFC 5321), empty if none is reported.
    `reason` is None if nothing failed: for an unsubscribe request or a successful delivery. `action` is the Action of
    the report (RFC 3464 section 2.3.3), also of a notice in plain text that says so, or empty. `is_temporary`: the
    reporting system itself calls the failure temporary, whatever codes it quotes. `reported_as` are all addresses by
    which a bounce names the recipient: Original-Recipient and Final-Recipient differ if the mail was passed on.
    """

    address: str
    status: str = ""
    reply_code: str = ""
    reason: Reason | None = None
    action: str = ""
    is_temporary: bool = False
    reported_as: tuple[str, ...] = ()

    @property
    def is_delayed(self) -> bool:
        """Whether the mail is still being retried: then this is no bounce, whatever the reply says."""
        return self.action == "delayed"

    @property
    def effect(self) -> SubscriberEffect:
        """What follows for the subscriber."""
        if self.reason is None or self.is_delayed:
            return SubscriberEffect.NONE
        return consequences_of_report(
            self.reason, status=self.status, reply_code=self.reply_code, is_temporary=self.is_temporary
        ).subscriber

    @property
    def is_hard(self) -> bool:
        """Whether this is a hard bounce: nothing may be sent to the address again."""
        return self.effect is SubscriberEffect.HARD_BOUNCE

    @property
    def scope(self) -> ReasonScope | None:
        """Who or what caused the failure, if known."""
        return None if self.reason is None else scope_of_reason(self.reason)

    @property
    def counts_against_address(self) -> bool:
        """Whether a soft bounce counts against the address: a full mailbox does, a blocked sender does not."""
        return self.effect is SubscriberEffect.SOFT_BOUNCE

    def detail(self) -> dict[str, Json]:
        """The fields that are stored with an event; unknown ones are left out."""
        known: dict[str, Json] = {
            "hard": self.is_hard or None,
            "reason": self.reason.value if self.reason else None,
            "status": self.status,
            "code": self.reply_code,
            "scope": self.scope.value if self.scope else None,
            "action": self.action,
        }
        return {name: value for name, value in known.items() if value}


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundReport:
    """An inbound mail: its kind, the reported recipients in order, and the Feedback-Type of a complaint (RFC 5965).

    `succeeded` are the recipients that a bounce of others reports as delivered.
    """

    kind: ReportKind
    recipients: tuple[RecipientReport, ...] = ()
    succeeded: tuple[RecipientReport, ...] = ()
    feedback_type: str = ""


OTHER = InboundReport(kind=ReportKind.OTHER)
