"""Postfix mail logs: the mails that were queued, and those that bounced.

A mail counts as accepted once the queue manager has it: cleanup logs its Message-ID earlier, while the mail is still
being received and may be rejected or interrupted. A line reads `… postfix/PROGRAM[PID]: QUEUE-ID: …` (postlogd(8)).
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from distributor.domain.errors import SourceError
from distributor.mail.records.recorded_mail import RecordedMail, bare_message_id

_LINE = re.compile(r" postfix(?:-[\w.-]+)?/(?:[\w.-]+/)*([\w.-]+)\[\d+\]: ([0-9A-Za-z]{5,24}): (.*)")
_MESSAGE_ID = re.compile(r"message-id=(<[^>]*>|\S+)")
_STATUS = re.compile(r"\bstatus=(\w+)")
# A content filter that reinjects the mail into the same Postfix: it continues under another queue id.
_QUEUED_AS = re.compile(r"\bqueued as ([0-9A-Za-z]{5,24})\b")
# A copy that local(8) makes because a recipient has their mail forwarded: nothing that we sent.
_FORWARDED_AS = re.compile(r"status=sent \(forwarded as ([0-9A-Za-z]{5,24})\)")
_RECIPIENT = re.compile(r"to=<([^>]*)>")
_BOUNCED = frozenset({"bounced", "expired"})


@dataclass(slots=True)
class _Queued:
    """A mail in the queue."""

    message_id: str
    is_accepted: bool = False
    # Made by this host and not submitted to it: a notification (without sender), or sent by a local program.
    is_from_here: bool = False
    requeued_as: str = ""
    forwarded_as: set[str] = field(default_factory=set)
    # The last status of each recipient: an alias may stand for several.
    statuses: dict[str, str] = field(default_factory=dict)

    @property
    def is_bounced(self) -> bool:
        """Whether it bounced and reached no one."""
        statuses = set(self.statuses.values())
        return bool(statuses & _BOUNCED) and "sent" not in statuses


def read_postfix_logs(paths: Sequence[Path]) -> Iterator[RecordedMail]:
    """The mails that were sent, by logs given from the oldest to the newest and read as one; .gz is decompressed.

    Each counts once, however often it was deferred. Notifications do not count, nor do copies that this host made.
    """
    ended, present = _queued_mails(line for path in paths for line in _lines(path))
    copies = {copy for mail in (*ended, *present.values()) for copy in mail.forwarded_as}
    sent = [*ended, *(mail for queue_id, mail in present.items() if queue_id not in copies)]
    for mail in sent:
        if mail.is_accepted and not mail.is_from_here and mail.requeued_as not in present:
            yield RecordedMail(mail.message_id, mail.is_bounced)


def _queued_mails(lines: Iterable[str]) -> tuple[list[_Queued], dict[str, _Queued]]:
    """Mails whose queue id was reused later, and all others by queue id."""
    ended: list[_Queued] = []
    present: dict[str, _Queued] = {}
    picked_up: set[str] = set()
    for line in lines:
        match = _LINE.search(line)
        if match is None:
            continue
        program, queue_id, text = match.groups()
        if program == "pickup":
            picked_up.add(queue_id)
        found = _MESSAGE_ID.match(text) if program == "cleanup" else None
        if found is not None:
            message_id = bare_message_id(found[1])
            if queue_id in present:
                ended.append(present.pop(queue_id))
            if message_id is not None:
                present[queue_id] = _Queued(message_id, is_from_here=queue_id in picked_up)
            picked_up.discard(queue_id)
        elif queue_id in present:
            _add(present[queue_id], program, text)
    return ended, present


def _add(mail: _Queued, program: str, text: str) -> None:
    status = _STATUS.search(text)
    if status is not None:
        recipient, forwarded = _RECIPIENT.match(text), _FORWARDED_AS.search(text)
        queued = _QUEUED_AS.findall(text, status.end()) if status[1] == "sent" else []
        mail.is_accepted = True
        mail.statuses[recipient[1] if recipient else ""] = status[1]
        mail.requeued_as = queued[-1] if queued else mail.requeued_as
        if forwarded:
            mail.forwarded_as.add(forwarded[1])
    elif program == "qmgr" and text.startswith("from="):
        mail.is_accepted = True
        mail.is_from_here = mail.is_from_here or text.startswith("from=<>")


def _lines(path: Path) -> Iterator[str]:
    opening = gzip.open if path.suffix == ".gz" else open
    try:
        with opening(path, "rt", encoding="utf-8", errors="replace") as log:
            yield from log
    except (OSError, EOFError) as error:
        raise SourceError(f"cannot be read: {getattr(error, 'strerror', None) or error}", path=path) from error
