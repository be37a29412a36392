"""The one classifier: turns the evidence of a failed delivery into a Reason.

The evidence comes from a live SMTP reply, an API response, a bounce mail or a webhook event. From the most to the least
specific: the reporting system's own phrases, phrases of known mailbox providers, common phrases of servers (where the
enhanced status code is specific and the phrase is not, the code counts), the enhanced status code, the reply code, and
last the stage that the SMTP session reached.
"""

from __future__ import annotations

import re

from distributor.mail.bounces.address_search import mask_addresses
from distributor.mail.bounces.evidence import BounceEvidence
from distributor.mail.bounces.formats.bounce_format import BounceFormat
from distributor.mail.bounces.phrases import PHRASES
from distributor.mail.bounces.phrases.by_provider import reason_of_provider
from distributor.mail.bounces.reasons import Reason
from distributor.mail.bounces.reply_text import SmtpCommand
from distributor.mail.bounces.status_codes import REPLY_CODES, reason_of_status

_MAX_TEXT = 3000
# Links are ignored, except that the name of a blocklist in them is kept.
_LINKS = re.compile(
    r"https?://(?:[\w.-]*(spamhaus|spamcop|abuseat|barracudacentral|sorbs|manitu|csi\.cloudmark"
    r"|mail-abuse)\.)?[^\s<>\"')]*"
)
_SPACES = re.compile(r"\s+")
_BLANKS = re.compile(r"[\s_]+")
# No phrase has a longer word, and patterns that begin with part of a word would search such a run again and again.
_REST_OF_LONG_WORD = re.compile(r"(?<=\S{80})\S+")
_TOO_LARGE = frozenset({Reason.MESGTOOBIG, Reason.EXCEEDLIMIT})
# Status codes that are less specific than the text of a report.
_VAGUE_STATUS = re.compile(r"\d\.(?:\d\.0|7\.1|2\.1|4\.\d)")
# Before RCPT, an "unknown" address or host can only be that of the sender.
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
# Reasons whose phrases many servers use for any cause: a specific status code or phrase counts more.
_VAGUE_PHRASE_REASONS = frozenset(
    {
        Reason.CONTENTERROR,
        Reason.EXPIRED,
        Reason.FILTERED,
        Reason.MAILERERROR,
        Reason.NETWORKERROR,
        Reason.POLICYVIOLATION,
        Reason.SECURITYERROR,
        Reason.SYNTAXERROR,
        Reason.SYSTEMERROR,
        Reason.SYSTEMFULL,
    }
)
# Status codes that servers use only for their registered meaning; those that end in three digits are Exchange's.
_TRUSTED_STATUS = re.compile(
    r"[45]\.(?:1\.(?:[1268]|10)|2\.[23]|3\.4|4\.(?:6|14)|6\.11|7\.(?:13|1[78]|2[0-7])|\d\.\d{3})",
)
# Said by a system that gave up: the reply of the remote server, if it is quoted, names the cause.
_GAVE_UP = frozenset({Reason.EXPIRED, Reason.SYSTEMERROR})
# Text that notices put before the text of any server.
_INTRODUCTION = re.compile(
    r"each of the following recipients was rejected by a remote mail server"
    r"|it was rejected by the (?:recipient|server for the recipient)"
    r" domain|recipient address rejected: (?!access denied)(?=\S)",
)


def classify(evidence: BounceEvidence, bounce_format: BounceFormat | None) -> Reason:
    """Why this delivery failed: `onhold` if the text is not recognized, `undefined` if there is none."""
    reason = (
        evidence.stated_reason
        or _from_words(evidence.reply_text, evidence, bounce_format)
        or _from_format(evidence.notice, bounce_format)
        or _from_format(evidence.surroundings, bounce_format)
        or (Reason.MAILERERROR if evidence.diagnostic_type == "x-unix" and evidence.reply_text.isdigit() else None)
        or (_from_specific_status(evidence.status) if evidence.action else None)
        or _from_words(evidence.notice, evidence, bounce_format)
        or reason_of_status(evidence.status)
        or (None if evidence.reply_text else _from_words(evidence.surroundings, evidence, None))
        or _from_reply_code(evidence)
        or (bounce_format.default_reason if bounce_format else None)
        or _from_stage(evidence)
    )
    return _BY_COMMAND.get(evidence.command, {}).get(reason, reason) if evidence.command else reason


def normalize_text(text: str) -> str:
    """A text as phrases expect it: one line, lower case, without addresses and links."""
    line = _BLANKS.sub(" ", _LINKS.sub(lambda link: link[1] or " ", mask_addresses(text[:_MAX_TEXT]))).strip().lower()
    return _INTRODUCTION.sub(" ", _REST_OF_LONG_WORD.sub("", line))


def reason_of_phrase(text: str, command: SmtpCommand | None = None) -> Reason | None:
    """The reason of the first phrase that matches a normalized text; some phrases hold only for one `command`."""
    return next(
        (one.reason for one in PHRASES if one.matches(text, command)),
        None,
    )


def _from_words(text: str, evidence: BounceEvidence, bounce_format: BounceFormat | None) -> Reason | None:
    if not text.strip():
        return None
    by_format = _from_format(text, bounce_format)
    if by_format and by_format not in _GAVE_UP:
        return by_format
    linked = _SPACES.sub(" ", mask_addresses(text[:_MAX_TEXT])).lower()
    by_phrase = reason_of_provider(evidence.host, evidence.recipient.rpartition("@")[2].lower(), linked)
    by_phrase = by_phrase or _from_phrases(text, evidence)
    return by_format if by_format and by_phrase in (None, *_VAGUE_PHRASE_REASONS) else by_phrase


def _from_phrases(text: str, evidence: BounceEvidence) -> Reason | None:
    reason = reason_of_phrase(normalize_text(text), evidence.command)
    if reason is Reason.USERUNKNOWN:
        return _of_unknown_user(evidence)
    if reason in _VAGUE_PHRASE_REASONS and _TRUSTED_STATUS.fullmatch(evidence.status):
        return reason_of_status(evidence.status) or reason
    if reason is Reason.SECURITYERROR and ".7." in evidence.status:
        return reason_of_status(evidence.status) or reason
    if reason in _TOO_LARGE:
        return Reason.EXCEEDLIMIT if evidence.status.endswith(".2.3") else reason
    return reason


def _from_format(text: str, bounce_format: BounceFormat | None) -> Reason | None:
    if bounce_format is None or not text:
        return None
    line = _SPACES.sub(" ", text)
    return next(
        (hint.reason for hint in bounce_format.hints if hint.pattern.search(text) or hint.pattern.search(line)), None
    )


def _from_specific_status(status: str) -> Reason | None:
    """The reason of a status code that names one cause; without a server's reply it counts more than the notice."""
    return None if _VAGUE_STATUS.fullmatch(status) else reason_of_status(status)


def _of_unknown_user(evidence: BounceEvidence) -> Reason:
    """ "User unknown" is believed in reply to RCPT or MAIL, with a matching status code, or in a reply that a report
    quotes without the stage.

    A server that says so after DATA or with X.2.x, the status of a mailbox that exists, may as well mean that the
    message was filtered, and so may a notice in free text.
    """
    by_status = reason_of_status(evidence.status)
    if by_status is Reason.HASMOVED:
        return Reason.HASMOVED
    is_quoted_reply = evidence.command is None and evidence.action and evidence.reply_code
    is_about_mailbox = evidence.status[1:3] == ".2"
    if (
        by_status is Reason.USERUNKNOWN
        or evidence.status[1:4] == ".1."
        or evidence.command in (SmtpCommand.RCPT, SmtpCommand.MAIL)
        or (is_quoted_reply and not is_about_mailbox)
    ):
        return Reason.USERUNKNOWN
    return Reason.FILTERED


def _from_reply_code(evidence: BounceEvidence) -> Reason | None:
    if evidence.command in (SmtpCommand.CONN, SmtpCommand.EHLO):
        return None
    return REPLY_CODES.get(evidence.reply_code)


def _from_stage(evidence: BounceEvidence) -> Reason:
    if evidence.action in ("delayed", "expired"):
        return Reason.EXPIRED
    if evidence.command in (SmtpCommand.CONN, SmtpCommand.EHLO):
        return Reason.BLOCKED
    return Reason.ONHOLD if (evidence.reply_text or evidence.notice).strip() else Reason.UNDEFINED
