"""Postfix mail logs: the mails that were queued, and those that bounced.

A mail counts as accepted once the queue manager has it: cleanup logs its Message-ID earlier, while the mail is still
being received and may be rejected or interrupted. A line reads `… postfix/PROGRAM[PID]: QUEUE-ID: …` (postlogd(8)).
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from distributor.domain.errors import SourceError
from distributor.mail.records.recorded_mail import RecordedMail, bare_message_id

_LINE = re.compile(r" postfix(?:-[\w.-]+)?/(?:[\w.-]+/)*([\w.-]+)\[\d+\]: ([0-9A-Za-z]{5,24}): (.*)")
_MESSAGE_ID = re.compile(r"message-id=(<[^>]*>|\S+)")
_STATUS = re.compile(r"\bstatus=(\w+)")
# A content filter that reinjects the mail into the same Postfix: it continues under another queue id.
_QUEUED_AS = re.compile(r"status=sent .*\bqueued as ([0-9A-Za-z]{5,24})\b")
_BOUNCED = frozenset({"bounced", "expired"})


@dataclass(slots=True)
class _Queued:
    """A mail in the queue."""

    message_id: str
    is_accepted: bool = False
    is_bounced: bool = False
    requeued_as: str = ""


def read_postfix_logs(paths: Sequence[Path]) -> Iterator[RecordedMail]:
    """The mails of these logs, given from the oldest to the newest and read as one. A .gz file is decompressed."""
    ended, present = _queued_mails(line for path in paths for line in _lines(path))
    for mail in (*ended, *present.values()):
        if mail.is_accepted and mail.requeued_as not in present:
            yield RecordedMail(mail.message_id, mail.is_bounced)


def _queued_mails(lines: Iterable[str]) -> tuple[list[_Queued], dict[str, _Queued]]:
    """Mails whose queue id was reused later, and all others by queue id."""
    ended: list[_Queued] = []
    present: dict[str, _Queued] = {}
    for line in lines:
        match = _LINE.search(line)
        if match is None:
            continue
        program, queue_id, text = match.groups()
        found = _MESSAGE_ID.match(text) if program == "cleanup" else None
        if found is not None:
            message_id = bare_message_id(found[1])
            if queue_id in present:
                ended.append(present.pop(queue_id))
            if message_id is not None:
                present[queue_id] = _Queued(message_id)
        elif queue_id in present:
            _add(present[queue_id], program, text)
    return ended, present


def _add(mail: _Queued, program: str, text: str) -> None:
    status = _STATUS.search(text)
    if status is not None:
        queued = _QUEUED_AS.search(text)
        mail.is_accepted = True
        mail.is_bounced = status[1] in _BOUNCED
        mail.requeued_as = queued[1] if queued else mail.requeued_as
    elif program == "qmgr" and text.startswith("from="):
        mail.is_accepted = True


def _lines(path: Path) -> Iterator[str]:
    opening = gzip.open if path.suffix == ".gz" else open
    try:
        with opening(path, "rt", encoding="utf-8", errors="replace") as log:
            yield from log
    except (OSError, EOFError) as error:
        raise SourceError(f"cannot be read: {getattr(error, 'strerror', None) or error}", path=path) from error
