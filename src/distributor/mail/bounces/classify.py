"""The reason of a failed delivery out of its evidence.

Most particular first: what the reporting system says in words of its own, what the receiving provider is known to mean,
how servers word a refusal, the status code, the reply code, and last how far the session came.
"""

from __future__ import annotations

import re

from distributor.mail.bounces.address_search import mask_addresses
from distributor.mail.bounces.evidence import BounceEvidence
from distributor.mail.bounces.formats.bounce_format import BounceFormat
from distributor.mail.bounces.phrases import PHRASES
from distributor.mail.bounces.phrases.mailbox_providers import reason_of_provider
from distributor.mail.bounces.reasons import Reason
from distributor.mail.bounces.reply_text import SmtpCommand
from distributor.mail.bounces.status_codes import REPLY_CODES, reason_of_status

_LONGEST = 3000
# A link says nothing, except that it leads to a blocklist.
_LINKS = re.compile(
    r"https?://(?:[\w.-]*(spamhaus|spamcop|abuseat|barracudacentral|sorbs|manitu|csi\.cloudmark"
    r"|mail-abuse)\.)?[^\s<>\"')]*"
)
_SPACES = re.compile(r"\s+")
_BLANKS = re.compile(r"[\s_]+")
_TOO_LARGE = frozenset({Reason.MESGTOOBIG, Reason.EXCEEDLIMIT})
# Statuses that say less than the prose of a report.
_VAGUE_STATUS = re.compile(r"\d\.(?:\d\.0|7\.1|2\.1|4\.\d)")
# Before a recipient is named, what is unknown can only be the sender or his host.
_BY_COMMAND: dict[SmtpCommand, dict[Reason, Reason]] = {
    SmtpCommand.MAIL: dict.fromkeys((Reason.USERUNKNOWN, Reason.HOSTUNKNOWN, Reason.NOTACCEPT), Reason.REJECTED),
    **dict.fromkeys(
        (SmtpCommand.CONN, SmtpCommand.EHLO),
        dict.fromkeys(
            (Reason.USERUNKNOWN, Reason.HOSTUNKNOWN, Reason.REJECTED, Reason.SECURITYERROR, Reason.SYSTEMERROR),
            Reason.BLOCKED,
        ),
    ),
}
# Reasons that many servers name for want of a better word; and those whose statuses are used as loosely, so that such
# a status does not outdo the words.
_VAGUE_WORDS = frozenset(
    {
        Reason.CONTENTERROR,
        Reason.EXPIRED,
        Reason.MAILERERROR,
        Reason.NETWORKERROR,
        Reason.SECURITYERROR,
        Reason.SYNTAXERROR,
        Reason.SYSTEMERROR,
        Reason.SYSTEMFULL,
    }
)
_VAGUE_MEANINGS = frozenset(
    {
        Reason.EXPIRED,
        Reason.HOSTUNKNOWN,
        Reason.NETWORKERROR,
        Reason.NOTACCEPT,
        Reason.SECURITYERROR,
        Reason.SUSPEND,
        Reason.SYNTAXERROR,
        Reason.SYSTEMERROR,
        Reason.USERUNKNOWN,
    }
)
# What notices say in front of a server's words, whatever these are.
_INTRODUCTION = re.compile(
    r"each of the following recipients was rejected by a remote mail server"
    r"|it was rejected by the (?:recipient|server for the recipient)"
    r" domain|recipient address rejected: (?=\S)",
)


def classify(evidence: BounceEvidence, form: BounceFormat | None) -> Reason:
    """Why this delivery failed: `onhold` if what was told is not understood, `undefined` if nothing was told."""
    reason = (
        evidence.verdict
        or _from_words(evidence.words, evidence, form)
        or _hinted(evidence.notice, form)
        or _hinted(evidence.surroundings, form)
        or (Reason.MAILERERROR if evidence.dialect == "x-unix" and evidence.words.isdigit() else None)
        or (_of_a_precise_status(evidence.status) if evidence.action else None)
        or _from_words(evidence.notice, evidence, form)
        or reason_of_status(evidence.status)
        or (None if evidence.words else _from_words(evidence.surroundings, evidence, None))
        or _from_reply(evidence)
        or (form.silence if form else None)
        or _by_progress(evidence)
    )
    return _BY_COMMAND.get(evidence.command, {}).get(reason, reason) if evidence.command else reason


def normalize_text(text: str) -> str:
    """A text in the form in which phrases are searched: one line, lower case, without addresses and links."""
    line = _BLANKS.sub(" ", _LINKS.sub(lambda link: link[1] or " ", mask_addresses(text[:_LONGEST]))).strip().lower()
    return _INTRODUCTION.sub(" ", line)


def reason_of_phrase(text: str, command: SmtpCommand | None = None) -> Reason | None:
    """The reason of the first phrase that matches a normalized text; some phrases hold only for one `command`."""
    return next(
        (one.reason for one in PHRASES if one.command in (None, command) and one.pattern.search(text)),
        None,
    )


def _from_words(text: str, evidence: BounceEvidence, form: BounceFormat | None) -> Reason | None:
    if not text.strip():
        return None
    if hinted := _hinted(text, form):
        return hinted
    linked = _SPACES.sub(" ", mask_addresses(text[:_LONGEST])).lower()
    if meant := reason_of_provider(evidence.host, evidence.recipient.rpartition("@")[2].lower(), linked):
        return meant
    reason = reason_of_phrase(normalize_text(text), evidence.command)
    if reason is Reason.USERUNKNOWN:
        return _of_an_unknown_user(evidence)
    if reason in _VAGUE_WORDS and (told := reason_of_status(evidence.status)) and told not in _VAGUE_MEANINGS:
        return told
    if reason is Reason.SECURITYERROR and ".7." in evidence.status:
        return reason_of_status(evidence.status) or reason
    if reason in _TOO_LARGE:
        return Reason.EXCEEDLIMIT if evidence.status.endswith(".2.3") else reason
    return reason


def _hinted(text: str, form: BounceFormat | None) -> Reason | None:
    if form is None or not text:
        return None
    line = _SPACES.sub(" ", text)
    return next((hint.reason for hint in form.hints if hint.pattern.search(text) or hint.pattern.search(line)), None)


def _of_a_precise_status(status: str) -> Reason | None:
    """What a report means by a status that names one cause; without words of a server, that is more than prose."""
    return None if _VAGUE_STATUS.fullmatch(status) else reason_of_status(status)


def _of_an_unknown_user(evidence: BounceEvidence) -> Reason:
    """A server that knows no such user says so when the recipient is named, or by its status code.

    One that says it after it has seen the mail, or at a step nobody knows, may as well have filtered it.
    """
    told = reason_of_status(evidence.status)
    if told is Reason.HASMOVED:
        return Reason.HASMOVED
    if (
        told is Reason.USERUNKNOWN
        or evidence.status[1:4] == ".1."
        or evidence.command in (SmtpCommand.RCPT, SmtpCommand.MAIL)
    ):
        return Reason.USERUNKNOWN
    return Reason.FILTERED


def _from_reply(evidence: BounceEvidence) -> Reason | None:
    if evidence.command in (SmtpCommand.CONN, SmtpCommand.EHLO):
        return None
    return REPLY_CODES.get(evidence.reply_code)


def _by_progress(evidence: BounceEvidence) -> Reason:
    if evidence.action in ("delayed", "expired"):
        return Reason.EXPIRED
    if evidence.command in (SmtpCommand.CONN, SmtpCommand.EHLO):
        return Reason.BLOCKED
    return Reason.ONHOLD if (evidence.words or evidence.notice).strip() else Reason.UNDEFINED
