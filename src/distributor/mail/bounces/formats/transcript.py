"""SMTP transcripts of Sendmail and similar systems: `>>>` are commands, `<<<` replies."""

from __future__ import annotations

import re
from dataclasses import dataclass

from distributor.mail.bounces.address_search import ADDRESS, trim_address
from distributor.mail.bounces.evidence import BounceEvidence
from distributor.mail.bounces.reply_text import SmtpCommand

_SENT = re.compile(r"^[ \t]*>>>[ \t]*([A-Za-z]{4})\b", re.MULTILINE)
_ANSWERED = re.compile(r"^[ \t]*<<<[ \t]*(.*)$", re.MULTILINE)
_TALKING = re.compile(r"while talking to ([\w.-]{2,200}?)\.?:", re.IGNORECASE)
_CONCLUDED = re.compile(rf"^[ \t]*(\d\d\d) (?:\d\.\d\.\d{{1,3}} )?<?({ADDRESS})>?\.\.\.[ \t]*(.*)$")
_REASON = re.compile(r"^[ \t]*\(reason: (.{3,})\)[ \t]*$", re.MULTILINE)
_DEFERRED = re.compile(r"\bDeferred(?::[ \t]*(.*))?$", re.MULTILINE)
# Replies that only follow from the rejection of all recipients.
_AFTERMATH = re.compile(
    r"[45]\d\d[ -](?:[45]\.\d\.\d )?(?:.{0,60}\b)?(?:need rcpt|no valid recipients|no recipients"
    r"|too many errors|need recipient|bad sequence)",
    re.IGNORECASE,
)
_COMMANDS = {
    "ehlo": SmtpCommand.EHLO,
    "helo": SmtpCommand.EHLO,
    "mail": SmtpCommand.MAIL,
    "rcpt": SmtpCommand.RCPT,
    "data": SmtpCommand.DATA,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptReply:
    """The negative reply in a transcript, the rejected command, and the name of the server."""

    reply_text: str
    command: SmtpCommand | None
    host: str


def parse_session(transcript: str) -> TranscriptReply:
    """The negative reply in the transcript of one session."""
    command: SmtpCommand | None = None
    refusals: list[str] = []
    decided: SmtpCommand | None = None
    for line in transcript.split("\n"):
        if sent := _SENT.match(line):
            command = _COMMANDS.get(sent[1].lower())
        elif (answered := _ANSWERED.match(line)) and re.match(r"[45]\d\d", answered[1]):
            if _AFTERMATH.match(answered[1]) and refusals:
                continue
            decided = decided or command
            refusals.append(answered[1])
    host = _TALKING.findall(transcript)
    words = " ".join(refusals) or next(iter(_REASON.findall(transcript)), "")
    deferred = _DEFERRED.search(transcript)
    if deferred and deferred[1] and deferred[1] not in words:
        words = f"{words} Deferred: {deferred[1]}".strip()
    return TranscriptReply(reply_text=words, command=decided, host=host[-1].lower() if host else "")


def parse_recipient_lines(transcript: str) -> list[BounceEvidence]:
    """The failed recipients of a notice that is only a transcript (Sendmail 5 and 8.8): one result line for each."""
    found: list[BounceEvidence] = []
    pending: list[str] = []
    for line in transcript.split("\n"):
        concluded = _CONCLUDED.match(line)
        if not concluded:
            if _TALKING.search(line):
                pending.clear()
            pending.append(line)
            continue
        if concluded[1][0] in "45":
            reply = parse_session("\n".join(pending))
            found.append(
                BounceEvidence(
                    recipient=trim_address(concluded[2]),
                    reply_text=reply.reply_text
                    or (concluded[3] if concluded[3][:1] in ("4", "5") else f"{concluded[1]} {concluded[3]}"),
                    notice=concluded[3],
                    command=reply.command,
                    host=reply.host,
                )
            )
        pending.clear()
    return found
