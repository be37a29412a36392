"""What an SMTP reply means for a delivery: its reason, and by the policy table for bounces what follows from it.

A rejection of the recipient ends one delivery; a rejection of the sender has to stop all of them, before working
addresses fail for a reason that has nothing to do with them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from distributor.domain.delivery import Verdict
from distributor.mail.bounces.classify import classify
from distributor.mail.bounces.evidence import BounceEvidence
from distributor.mail.bounces.policy import (
    Consequences,
    DeliveryEffect,
    PauseScope,
    SubscriberEffect,
    consequences_of_reply,
)
from distributor.mail.bounces.reasons import Reason
from distributor.mail.bounces.reply_text import SmtpCommand
from distributor.mail.smtp.connection import SmtpStage
from distributor.mail.smtp.reply import SmtpReply


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyClass:
    """The verdict on a delivery, and for a negative reply its reason and what follows.

    `reason` is None if the mail was accepted or the reply is unclear. `status` is the enhanced status code (RFC 3463),
    or empty. `pause` is what a rejection of the sender pauses, `retry_at` the earliest retry that the server named.
    """

    verdict: Verdict
    reason: Reason | None = None
    status: str = ""
    subscriber: SubscriberEffect = SubscriberEffect.NONE
    pause: PauseScope = PauseScope.NONE
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ClassifiedReply(SmtpReply):
    """The response of an API, classified by the provider's own codes; `code` is the HTTP status."""

    classification: ReplyClass


# The greeting stands for everything before MAIL.
_COMMANDS = {
    SmtpStage.SESSION: SmtpCommand.CONN,
    SmtpStage.MAIL: SmtpCommand.MAIL,
    SmtpStage.RCPT: SmtpCommand.RCPT,
    SmtpStage.DATA: SmtpCommand.DATA,
}
_RETRY_IN = re.compile(
    r"\b(?:again|retry|later|wait|after|delayed|greylist\w*)\b[^\d]{0,40}(\d{1,6})\s*(s|sec|seconds?|m|min|minutes?|h|hours?)\b",
    re.IGNORECASE,
)
_UNITS = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1)}
# A time that the server names is obeyed up to this.
_LONGEST_WAIT = timedelta(days=1)


def classify_reply(reply: SmtpReply, *, stage: SmtpStage, now: datetime, recipient: str = "") -> ReplyClass:
    """What the final reply to a delivery means, given at `stage` of the SMTP session."""
    if isinstance(reply, ClassifiedReply):
        return reply.classification
    if reply.is_positive:
        return ReplyClass(verdict=Verdict.SENT)
    evidence = BounceEvidence(
        recipient=recipient, reply_text=str(reply), reply_code=str(reply.code), command=_COMMANDS[stage]
    ).completed()
    reason = classify(evidence, None)
    found = consequences_of_reply(reason, status=evidence.status, reply_code=evidence.reply_code, stage=stage)
    return ReplyClass(
        verdict=verdict_of(found),
        reason=reason,
        status=evidence.status,
        subscriber=found.subscriber,
        pause=found.pause,
        retry_at=retry_time(reply, now),
    )


def verdict_of(found: Consequences) -> Verdict:
    """The verdict on a delivery after a negative reply."""
    match found.delivery:
        case DeliveryEffect.KEEP:
            return Verdict.SENDER_REJECTED
        case DeliveryEffect.DEFER:
            return Verdict.DEFERRED
        case DeliveryEffect.FAIL:
            return Verdict.FAILED


def retry_time(reply: SmtpReply, now: datetime) -> datetime | None:
    """The time of another attempt that a temporary reply names; None if it names none."""
    if isinstance(reply, ClassifiedReply):
        return reply.classification.retry_at
    named = _RETRY_IN.search(reply.text) if 400 <= reply.code < 500 else None
    if named is None:
        return None
    return now + min(int(named[1]) * _UNITS[named[2][0].lower()], _LONGEST_WAIT)
