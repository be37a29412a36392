"""What an SMTP reply means for a delivery: temporary, about the recipient, or about the sender.

A rejection of the recipient ends one delivery; a rejection of the sender has to stop all of them, before working
addresses fail for a reason that has nothing to do with them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from distributor.domain.delivery import Verdict
from distributor.mail.bounces.reasons import Reason
from distributor.mail.smtp.connection import SmtpStage
from distributor.mail.smtp.reply import SmtpReply


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyClass:
    """The verdict on a delivery, the reason in one word, and the earliest retry if the server named a time."""

    verdict: Verdict
    reason: str
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ClassifiedReply(SmtpReply):
    """The response of an API, classified by the provider's own codes; `code` is the HTTP status."""

    classification: ReplyClass


@dataclass(frozen=True, slots=True)
class ReplyRule:
    """A 5xx reply that matches `pattern` rejects the sender (SENDER_REJECTED) or recipient (FAILED), for `reason`."""

    verdict: Verdict
    reason: Reason
    pattern: re.Pattern[str]


class RejectionScope(StrEnum):
    """MAIL: no relay would accept the mail for any recipient. RELAY and DESTINATION: the route that has to pause."""

    MAIL = "mail"
    RELAY = "relay"
    DESTINATION = "destination"


def _rule(verdict: Verdict, reason: Reason, *patterns: str) -> ReplyRule:
    return ReplyRule(verdict, reason, re.compile("|".join(patterns), re.IGNORECASE))


# Searched in order in a reply written as "550 5.1.1 text"; the first match counts. Codes: RFC 3463 and its IANA
# registry; those that end in three digits are Exchange's. The reasons are those of bounces (`mail.bounces.reasons`).
RULES: tuple[ReplyRule, ...] = (
    _rule(Verdict.SENDER_REJECTED, Reason.AUTHFAILURE, r"^5(30|34|35|38)\b"),
    _rule(Verdict.FAILED, Reason.MAILBOXFULL, r"^5\d\d 5\.2\.2\b"),
    _rule(Verdict.FAILED, Reason.SUSPEND, r"^5\d\d 5\.2\.1\b"),
    _rule(Verdict.FAILED, Reason.EXCEEDLIMIT, r"^5\d\d 5\.2\.3\b"),
    _rule(Verdict.FAILED, Reason.USERUNKNOWN, r"^5\d\d 5\.(1\.[1346]|2\.4|7\.17)\b"),
    _rule(Verdict.FAILED, Reason.HOSTUNKNOWN, r"^5\d\d 5\.(1\.2|1\.10|4\.[0-46-9]|7\.18)\b", r"^5(21|56)\b"),
    _rule(Verdict.FAILED, Reason.NORELAYING, r"^5\d\d 5\.6\.7\b"),
    _rule(
        Verdict.FAILED,
        Reason.FILTERED,
        r"\b5\.7\.1(2[3-9]|3[0-6])\b",
        r"resolver\.rst",
        r"recipient (address )?(is )?(rejected|denied|refused)",
        r"(only|not) (accept|authorized|allowed|permitted).{0,40}\b(this|the) (recipient|mailbox|group|list|user)",
    ),
    _rule(
        Verdict.SENDER_REJECTED,
        Reason.MESGTOOBIG,
        r"^5\d\d 5\.3\.4\b",
        r"(message|mail|size).{0,30}\b(too (big|large)|max\w*|limit)",
    ),
    _rule(
        Verdict.SENDER_REJECTED,
        Reason.REJECTED,
        r"^5\d\d 5\.1\.[78]\b",
        r"\b(domain of )?sender\b.{0,60}\b(reject|denied|not|no|invalid|unknown)",
    ),
    _rule(Verdict.SENDER_REJECTED, Reason.NORELAYING, r"\brelay(ing)?\b(?!\.)", r"rcpthosts"),
    _rule(
        Verdict.SENDER_REJECTED,
        Reason.AUTHFAILURE,
        r"\b(dmarc|dkim|spf)\b",
        r"authenticat",
        r"^5\d\d 5\.7\.(9|1[0-5]|2[0-9]|3[01]|509|515)\b",
    ),
    _rule(
        Verdict.SENDER_REJECTED,
        Reason.BLOCKED,
        r"spamhaus|spamcop|barracuda|\b(rbl|dnsbl|xbl|sbl|pbl)\b",
        r"\b(block|black|deny)[- ]?(ed|ing|list)",
        r"reputation|banned|listed (at|by|in|on)\b",
        r"(client|your) (host|ip|network|server)|ip address",
    ),
    _rule(Verdict.SENDER_REJECTED, Reason.SPAMDETECTED, r"spam|junk|unsolicited|bulk mail|phish"),
    _rule(Verdict.SENDER_REJECTED, Reason.VIRUSDETECTED, r"virus|malware|(illegal|forbidden|blocked) attachment"),
    _rule(
        Verdict.SENDER_REJECTED,
        Reason.NOTCOMPLIANTRFC,
        r"^5\d\d 5\.6\.\d+\b",
        r"rfc.?(28|53)22|rfc compliant|bare (lf|cr|line)",
    ),
    _rule(
        Verdict.SENDER_REJECTED,
        Reason.SPEEDING,
        r"(daily|hourly|sending|sender|messages?).{0,30}\b(quota|limit)",
        r"rate limit|too (many|much) (messages|mail|connections|recipients)",
    ),
    _rule(
        Verdict.SENDER_REJECTED,
        Reason.POLICYVIOLATION,
        r"^5\d\d 5\.7\.\d+\b",
        r"\bpolic(y|ies)\b|not allowed|prohibited|access denied",
    ),
    _rule(
        Verdict.FAILED,
        Reason.MAILBOXFULL,
        r"(mailbox|inbox|account|user|storage|recipient).{0,40}\b(full|quota|exceed|limit)|over ?quota|quota exceed",
    ),
    _rule(
        Verdict.FAILED,
        Reason.SUSPEND,
        r"(mailbox|account|user|recipient|address).{0,40}\b(disabled|suspended|inactive|closed)",
    ),
    _rule(Verdict.FAILED, Reason.HASMOVED, r"^551\b", r"\bmoved\b"),
    _rule(
        Verdict.FAILED,
        Reason.USERUNKNOWN,
        r"(no such|unknown|invalid|bad) (user|mailbox|recipient|account|address|local)",
        r"(user|mailbox|recipient|account|address).{0,60}"
        r"\b(unknown|invalid|not (found|exist|valid|known)|no longer|doesn.?t|does not|unavailable|unrecognized)",
        r"\bno longer valid\b|undeliverable address|no mail-?box",
    ),
)

# Words in these do not count: "unknown user <joe@antispam.example>" is not about spam.
ADDRESSES_AND_LINKS = re.compile(r"<?[^\s<>]+@[^\s<>]+>?|https?://\S+")

# Before RCPT, a rejection can only be about the sender.
_BEFORE_RECIPIENT = frozenset({SmtpStage.SESSION, SmtpStage.MAIL})

_RETRY_IN = re.compile(
    r"\b(?:again|retry|later|wait|after|delayed|greylist\w*)\b[^\d]{0,40}(\d{1,6})\s*(s|sec|seconds?|m|min|minutes?|h|hours?)\b",
    re.IGNORECASE,
)
_UNITS = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1)}
# A time that the server names is obeyed up to this.
_LONGEST_WAIT = timedelta(days=1)


# A reason that is not listed comes from a destination, which received our mails and judges by itself.
_SCOPES: dict[str, RejectionScope] = {
    Reason.MESGTOOBIG: RejectionScope.MAIL,
    Reason.VIRUSDETECTED: RejectionScope.MAIL,
    Reason.NOTCOMPLIANTRFC: RejectionScope.MAIL,
    # Only APIs give these two.
    Reason.CONTENTERROR: RejectionScope.MAIL,
    Reason.SYNTAXERROR: RejectionScope.MAIL,
    Reason.NORELAYING: RejectionScope.RELAY,
    Reason.REJECTED: RejectionScope.RELAY,
    Reason.SPEEDING: RejectionScope.RELAY,
    Reason.TOOMANYCONN: RejectionScope.RELAY,
}
# RFC 4954 section 6: about our login, whatever the text says.
_LOGIN_CODES = frozenset({530, 534, 535, 538})


def classify_reply(reply: SmtpReply, *, stage: SmtpStage, now: datetime) -> ReplyClass:
    """What the final reply to a delivery means, given at `stage` of the SMTP session."""
    if isinstance(reply, ClassifiedReply):
        return reply.classification
    if reply.is_positive:
        return ReplyClass(verdict=Verdict.SENT, reason="delivered")
    if reply.code < 500:
        return ReplyClass(verdict=Verdict.DEFERRED, reason=Reason.UNDEFINED.value, retry_at=_retry_at(reply, now))
    words = ADDRESSES_AND_LINKS.sub("…", str(reply))
    rule = next((rule for rule in RULES if rule.pattern.search(words)), None)
    reason = (rule.reason if rule else Reason.UNDEFINED).value
    if stage in _BEFORE_RECIPIENT:
        return ReplyClass(verdict=Verdict.SENDER_REJECTED, reason=reason)
    return ReplyClass(verdict=rule.verdict if rule else Verdict.FAILED, reason=reason)


def scope_of(reason: str, *, stage: SmtpStage, reply: SmtpReply) -> RejectionScope:
    """What a reply that rejects the sender for `reason` applies to."""
    if reply.code in _LOGIN_CODES or stage in _BEFORE_RECIPIENT:
        return _SCOPES[reason] if _SCOPES.get(reason) is RejectionScope.MAIL else RejectionScope.RELAY
    return _SCOPES.get(reason, RejectionScope.DESTINATION)


def _retry_at(reply: SmtpReply, now: datetime) -> datetime | None:
    named = _RETRY_IN.search(reply.text)
    if named is None:
        return None
    return now + min(int(named[1]) * _UNITS[named[2][0].lower()], _LONGEST_WAIT)
