"""The policy table: what follows from a Reason for the delivery, for the subscriber and for the route.

The same table is used for a live SMTP reply, a provider's API response, a bounce mail and a webhook event. Which column
of a row counts depends on the class of the reply (temporary or permanent) and on the stage of the session; a report
(a bounce mail or webhook event) arrives after the message was accepted and concerns only its recipient.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from distributor.mail.bounces.reasons import Reason
from distributor.mail.smtp.connection import SmtpStage


class DeliveryEffect(StrEnum):
    """FAIL: this delivery is over. DEFER: it is retried on schedule. KEEP: it is unchanged, and waits for its route."""

    FAIL = "fail"
    DEFER = "defer"
    KEEP = "keep"


class SubscriberEffect(StrEnum):
    """NONE: nothing. SOFT_BOUNCE: the day counts against the address. HARD_BOUNCE: the address is suppressed."""

    NONE = "none"
    SOFT_BOUNCE = "soft_bounce"
    HARD_BOUNCE = "hard_bounce"


class PauseScope(StrEnum):
    """What pauses: nothing, the route to this destination, everything over this relay, or the dispatch (this mail)."""

    NONE = "none"
    DESTINATION = "destination"
    RELAY = "relay"
    DISPATCH = "dispatch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Consequences:
    """What follows from one reply or report. Whatever pauses, the delivery is kept and the subscriber not affected."""

    delivery: DeliveryEffect
    subscriber: SubscriberEffect = SubscriberEffect.NONE
    pause: PauseScope = PauseScope.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonPolicy:
    """A row of the table.

    `permanent` and `temporary` are the effects on the subscriber. `rejected` and `deferred` are what pauses after a
    permanent or a temporary reply to RCPT or DATA; `before_recipient` after a permanent reply to anything earlier,
    which cannot be about the recipient.
    """

    permanent: SubscriberEffect = SubscriberEffect.NONE
    temporary: SubscriberEffect = SubscriberEffect.NONE
    rejected: PauseScope = PauseScope.NONE
    deferred: PauseScope = PauseScope.NONE
    before_recipient: PauseScope = PauseScope.RELAY


# The address or its domain is invalid, if the server says so permanently: RFC 3463 class 5.
_INVALID = ReasonPolicy(permanent=SubscriberEffect.HARD_BOUNCE, temporary=SubscriberEffect.SOFT_BOUNCE)
# The mailbox or the way to it does not work at present.
_UNAVAILABLE = ReasonPolicy(permanent=SubscriberEffect.SOFT_BOUNCE, temporary=SubscriberEffect.SOFT_BOUNCE)
# No server would accept this mail for any recipient.
_INVALID_MAIL = ReasonPolicy(rejected=PauseScope.DISPATCH, before_recipient=PauseScope.DISPATCH)
# The destination does not want this content; others may.
_UNWANTED_MAIL = ReasonPolicy(rejected=PauseScope.DESTINATION)
# The destination does not want our host, domain or address, and will reject the next mail as well.
_UNWANTED_SENDER = ReasonPolicy(rejected=PauseScope.DESTINATION, deferred=PauseScope.DESTINATION)
# The relay does not take mail from us to other domains.
_NO_RELAYING = ReasonPolicy(rejected=PauseScope.RELAY, deferred=PauseScope.RELAY)
# We send faster than allowed: a permanent rejection means a quota of the account.
_TOO_FAST = ReasonPolicy(rejected=PauseScope.RELAY, deferred=PauseScope.DESTINATION)

POLICY: dict[Reason, ReasonPolicy] = {
    Reason.USERUNKNOWN: _INVALID,
    Reason.HOSTUNKNOWN: _INVALID,
    Reason.HASMOVED: _INVALID,
    Reason.NOTACCEPT: _INVALID,
    Reason.EXCEEDLIMIT: _UNAVAILABLE,
    Reason.FILTERED: _UNAVAILABLE,
    Reason.MAILBOXFULL: _UNAVAILABLE,
    Reason.MAILERERROR: _UNAVAILABLE,
    Reason.SUSPEND: _UNAVAILABLE,
    Reason.EXPIRED: _UNAVAILABLE,
    Reason.NETWORKERROR: _UNAVAILABLE,
    Reason.SYSTEMERROR: _UNAVAILABLE,
    Reason.SYSTEMFULL: _UNAVAILABLE,
    Reason.ONHOLD: _UNAVAILABLE,
    Reason.UNDEFINED: _UNAVAILABLE,
    Reason.MESGTOOBIG: _INVALID_MAIL,
    Reason.NOTCOMPLIANTRFC: _INVALID_MAIL,
    Reason.VIRUSDETECTED: _INVALID_MAIL,
    Reason.CONTENTERROR: _INVALID_MAIL,
    Reason.POLICYVIOLATION: _UNWANTED_MAIL,
    Reason.SPAMDETECTED: _UNWANTED_MAIL,
    Reason.AUTHFAILURE: _UNWANTED_SENDER,
    Reason.BADREPUTATION: _UNWANTED_SENDER,
    Reason.BLOCKED: _UNWANTED_SENDER,
    Reason.REQUIREPTR: _UNWANTED_SENDER,
    Reason.NORELAYING: _NO_RELAYING,
    Reason.REJECTED: _UNWANTED_SENDER,
    Reason.SPEEDING: _TOO_FAST,
    Reason.TOOMANYCONN: _TOO_FAST,
    # Temporarily: the server's TLS or authentication does not work at present (454).
    Reason.SECURITYERROR: ReasonPolicy(rejected=PauseScope.DESTINATION),
    # To RCPT: this address cannot be written in the session. Earlier: a mistake that the next mail would repeat.
    Reason.SYNTAXERROR: ReasonPolicy(before_recipient=PauseScope.DISPATCH),
    # Not reasons of a failure.
    Reason.FEEDBACK: ReasonPolicy(),
    Reason.VACATION: ReasonPolicy(),
}

# RFC 4954 section 6: about our login, whatever the text says.
_LOGIN_CODES = frozenset({"530", "534", "535", "538"})
_BEFORE_RECIPIENT = frozenset({SmtpStage.SESSION, SmtpStage.MAIL})
# Judged by the content, so a server that names them in reply to RCPT means the address (RFC 6531: X.6.7).
_NEEDS_CONTENT = frozenset({Reason.CONTENTERROR, Reason.NOTCOMPLIANTRFC, Reason.VIRUSDETECTED})


def is_class_4(status: str, reply_code: str) -> bool:
    """Whether the failure is temporary by one of its codes (RFC 3463 section 2, RFC 5321 section 4.2.1)."""
    return status.startswith("4") or reply_code.startswith("4")


def consequences_of_report(reason: Reason, *, status: str, reply_code: str, is_temporary: bool = False) -> Consequences:
    """What follows from the report of a failed delivery. Class 4 is never hard.

    `is_temporary`: the reporting system says so itself, whatever codes it quotes.
    """
    row = _row(reason, status)
    soft = is_temporary or is_class_4(status, reply_code)
    return Consequences(delivery=DeliveryEffect.FAIL, subscriber=row.temporary if soft else row.permanent)


def consequences_of_reply(reason: Reason, *, status: str, reply_code: str, stage: SmtpStage) -> Consequences:
    """What follows from a negative reply at `stage` of a session; the reply code says whether it is temporary."""
    pause = _pause(reason, status, reply_code, stage)
    if pause is not PauseScope.NONE:
        return Consequences(delivery=DeliveryEffect.KEEP, pause=pause)
    report = consequences_of_report(reason, status=status, reply_code=reply_code)
    delivery = DeliveryEffect.DEFER if reply_code.startswith("4") else DeliveryEffect.FAIL
    return Consequences(delivery=delivery, subscriber=report.subscriber)


def _pause(reason: Reason, status: str, reply_code: str, stage: SmtpStage) -> PauseScope:
    row = _row(reason, status)
    if reply_code.startswith("4"):
        # Without X.7.x, which is about the sender, a rate may as well be one of the mailbox.
        is_vague = reason is Reason.SPEEDING and status[1:3] != ".7"
        scope = PauseScope.NONE if is_vague else row.deferred
        return PauseScope.RELAY if scope is not PauseScope.NONE and stage in _BEFORE_RECIPIENT else scope
    if stage in _BEFORE_RECIPIENT:
        return row.before_recipient
    if stage is SmtpStage.RCPT and reason in _NEEDS_CONTENT:
        return PauseScope.NONE
    return PauseScope.RELAY if reply_code in _LOGIN_CODES else row.rejected


def _row(reason: Reason, status: str) -> ReasonPolicy:
    """The row of a reason. With X.2.x a limit is one of the mailbox: it "receives mail at a rate that prevents …"."""
    row = POLICY[reason]
    return _UNAVAILABLE if row is _TOO_FAST and status[1:3] == ".2" else row
