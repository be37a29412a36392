"""Finds reply code, enhanced status code, SMTP command and server name in the text of a notice.

Every mail server describes its session with the remote server in its own way.
"""

from __future__ import annotations

import re
from enum import StrEnum

from distributor.mail.bounces.patterns import LazyPattern

# Subjects of enhanced status codes are 0 to 7 (RFC 3463); this keeps out versions and the beginnings of IP addresses.
STATUS = r"[45]\.[0-7]\.\d{1,3}"
_STATUS = re.compile(rf"(?<![\d.]){STATUS}(?![.]?\d)")
_REPLY_AND_STATUS = re.compile(rf"(?<![\d.\w])([45]\d\d)[ -]{{1,3}}#?({STATUS})(?![.]?\d)")
_REPLY = LazyPattern(
    r"(?:^\s{0,8}|[;:'<>,\"]\s{0,4}|\b(?:said|returned|was|reason|error|problem"
    r"|(?:response|reply|error|status) ?code|response)\b:?\s{0,4})([45][0-7]\d)(?=[ \-:;,]|$)",
    re.IGNORECASE | re.MULTILINE,
)
# Reply codes of RFC 5321, of its extensions and of some servers; other numbers are no reply codes.
_KNOWN_REPLY = LazyPattern(
    r"42[12]|43[02]|44[679]|45[0-689]|471|50[0-4]|51[0-3]|52[1345]|53[03458]|541|55[0-7]|571",
)
# Codes that only say that delivery failed or expired: another one in the same text gives the cause.
_VAGUE = re.compile(r"[45]\.0\.0|[45]\.4\.7")


class SmtpCommand(StrEnum):
    """The step of the SMTP session (RFC 5321) that was rejected; CONN is the connection and greeting."""

    CONN = "CONN"
    EHLO = "EHLO"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"


_STEPS: tuple[tuple[SmtpCommand, str], ...] = (
    (
        SmtpCommand.DATA,
        r"in reply to (?:the )?(?:end of )?data\b|(?:after|for) (?:end of data|(?:pipelined )?(?:data|text"
        r"|bdat)\b|sending data)"
        r"|did not like our (?:final )?data\b|failed (?:on data command|after i sent the message)"
        r"|\[(?:data|bdat)\]|your message \(data\)|following data command|\bsmtp:data\b"
        r"|\(state 1[5-9]\)|---smtp command data\b|in data\b|during data\b|end[- ]of[- ]data",
    ),
    (
        SmtpCommand.RCPT,
        r"in reply to (?:the )?rcpt\b|(?:after|for|in) rcpt\b|did not like our rcpt\b"
        r"|does not like recipient|\[rcpt_to\]|following rcpt command|\bsmtp:rcpt\b"
        r"|\(state 1[34]\)|recipient command|rcpt to(?: command)? (?:was )?(?:rejected|failed)"
        r"|did not accept.{0,20}recipient",
    ),
    (
        SmtpCommand.MAIL,
        r"in reply to (?:the )?mail\b|(?:after|for|in) mail\b(?: from)?(?= ?[:<(]| from| command)"
        r"|did not like our mail\b"
        r"|but sender was rejected|\[mail_from\]|mail from command|\bsmtp:mail\b",
    ),
    (
        SmtpCommand.EHLO,
        r"in reply to (?:the )?[eh][eh]lo\b|(?:after|for|in) (?:ehlo|helo)\b|did not like our (?:ehlo|helo)\b"
        r"|but my name was rejected|\[(?:ehlo|helo)\]|\bsmtp:(?:ehlo|helo)\b|performing the (?:ehlo|helo) handshake",
    ),
    (
        SmtpCommand.CONN,
        r"refused to talk to me|after initial connection|but greeting failed|initial server greeting|upon connection"
        r"|while receiving the initial|\[connect\]|in greeting|greeting wait|\bsmtp:conn(?:ect)?\b",
    ),
)
_STEP = [(command, LazyPattern(pattern, re.IGNORECASE)) for command, pattern in _STEPS]

_HOST = LazyPattern(
    r"\bhost:? ([A-Za-z0-9][\w.-]{3,200})[ \[(:]|while talking to ([\w.-]{4,200}?)\.?:|Remote Server at ([\w.-]{4,200})"
    r"|\bby ([\w.-]{4,200}?)\. \[|^[ \t]*([\w-]+(?:\.[\w-]+)+) (?:gave this error|rejected your message)"
    r"|^([\w-]+(?:\.[\w-]+)+) \[[\d.:a-f]+\] did not like",
    re.IGNORECASE | re.MULTILINE,
)


def find_status(text: str) -> str:
    """The most specific enhanced status code (RFC 3463), or an empty string."""
    found = [one[2] for one in _REPLY_AND_STATUS.finditer(text)] or _STATUS.findall(text)
    return next((one for one in found if not _VAGUE.fullmatch(one)), found[0] if found else "")


def find_reply_code(text: str) -> str:
    """The reply code (RFC 5321 section 4.2) that belongs to `find_status`, else the first, or an empty string."""
    status = find_status(text)
    for found in _REPLY_AND_STATUS.finditer(text):
        if found[2] == status and _KNOWN_REPLY.fullmatch(found[1]):
            return found[1]
    return next((found[1] for found in _REPLY.finditer(text) if _KNOWN_REPLY.fullmatch(found[1])), "")


def find_command(text: str) -> SmtpCommand | None:
    """The command that was rejected: the first one in the text."""
    line = " ".join(text.split())
    places = ((found.start(), command) for command, pattern in _STEP if (found := pattern.search(line)))
    return min(places, default=(0, None), key=lambda place: place[0])[1]


def find_host(text: str) -> str:
    """The name of the replying server in lower case, or an empty string."""
    found = _HOST.search(text)
    return next(name for name in found.groups() if name).lower() if found else ""
