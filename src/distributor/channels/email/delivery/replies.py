"""What an SMTP reply means for a delivery: temporary, about the recipient, or about us.

Who is meant decides what happens next: a refusal of the recipient ends one delivery, a refusal of the sender has to
stop all of them before good addresses are used up.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from distributor.domain.delivery import Verdict
from distributor.mail.bounces.reasons import Reason
from distributor.mail.smtp.connection import SmtpStage
from distributor.mail.smtp.reply import SmtpReply


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The verdict on a delivery, why in one word, and the earliest time of another try where the server named one."""

    verdict: Verdict
    reason: str
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class JudgedReply(SmtpReply):
    """The answer of an API, which has been judged by the provider's own codes; `code` is the HTTP status."""

    judgement: Judgement


@dataclass(frozen=True, slots=True)
class ReplyRule:
    """A permanent refusal that reads like `pattern` is about us (REFUSED) or the recipient (FAILED), for `reason`."""

    verdict: Verdict
    reason: Reason
    pattern: re.Pattern[str]


def _rule(verdict: Verdict, reason: Reason, *patterns: str) -> ReplyRule:
    return ReplyRule(verdict, reason, re.compile("|".join(patterns), re.IGNORECASE))


# Searched in order in a reply written as "550 5.1.1 text"; the first that is found holds. Codes: RFC 3463 and its IANA
# registry; those with three digits at the end are Exchange's. What is refused at once and what comes back later have
# one vocabulary of reasons.
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

# Addresses and links hold words that say nothing: "unknown user <joe@antispam.example>" is not about spam.
NAMES = re.compile(r"<?[^\s<>]+@[^\s<>]+>?|https?://\S+")

# Before the recipient is named, a refusal can only be about us.
_ABOUT_US = frozenset({SmtpStage.SESSION, SmtpStage.MAIL})

_RETRY_IN = re.compile(
    r"\b(?:again|retry|later|wait|after|delayed|greylist\w*)\b[^\d]{0,40}(\d{1,6})\s*(s|sec|seconds?|m|min|minutes?|h|hours?)\b",
    re.IGNORECASE,
)
_UNITS = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1)}
# A stranger's wish is followed within reason.
_LONGEST_WAIT = timedelta(days=1)


def judge(reply: SmtpReply, *, stage: SmtpStage, now: datetime) -> Judgement:
    """What a final reply to `stage` of a delivery means."""
    if isinstance(reply, JudgedReply):
        return reply.judgement
    if reply.is_positive:
        return Judgement(verdict=Verdict.SENT, reason="delivered")
    if reply.code < 500:
        return Judgement(verdict=Verdict.DEFERRED, reason=Reason.UNDEFINED.value, retry_at=_retry_at(reply, now))
    words = NAMES.sub("…", str(reply))
    rule = next((rule for rule in RULES if rule.pattern.search(words)), None)
    reason = (rule.reason if rule else Reason.UNDEFINED).value
    if stage in _ABOUT_US:
        return Judgement(verdict=Verdict.SENDER_REJECTED, reason=reason)
    return Judgement(verdict=rule.verdict if rule else Verdict.FAILED, reason=reason)


def _retry_at(reply: SmtpReply, now: datetime) -> datetime | None:
    wish = _RETRY_IN.search(reply.text)
    if wish is None:
        return None
    return now + min(int(wish[1]) * _UNITS[wish[2][0].lower()], _LONGEST_WAIT)
