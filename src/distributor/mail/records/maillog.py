"""The log of a Postfix: which mails it took into its queue, and which of them it gave up on.

A mail is taken once the queue manager has it: cleanup writes down its Message-ID before, while it is still being
received and may yet be refused or broken off. A line reads `… postfix/PROGRAM[PID]: QUEUE-ID: …` (postlogd(8)).
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
# A filter that gives the mail back to the same Postfix: it lives on in the queue under another name.
_QUEUED_AS = re.compile(r"status=sent .*\bqueued as ([0-9A-Za-z]{5,24})\b")
_GIVEN_UP = frozenset({"bounced", "expired"})


@dataclass(slots=True)
class _Queued:
    """A stay in the queue."""

    message_id: str
    is_taken: bool = False
    is_returned: bool = False
    became: str = ""


def read_postfix_logs(paths: Sequence[Path]) -> Iterator[RecordedMail]:
    """The mails of these logs, which are read as one: the oldest first. One that ends in .gz is unpacked."""
    ended, present = _stays(line for path in paths for line in _lines(path))
    for stay in (*ended, *present.values()):
        if stay.is_taken and stay.became not in present:
            yield RecordedMail(stay.message_id, stay.is_returned)


def _stays(lines: Iterable[str]) -> tuple[list[_Queued], dict[str, _Queued]]:
    """Stays whose name in the queue was given to another mail later, and all others by that name."""
    ended: list[_Queued] = []
    present: dict[str, _Queued] = {}
    for line in lines:
        match = _LINE.search(line)
        if match is None:
            continue
        program, name, told = match.groups()
        found = _MESSAGE_ID.match(told) if program == "cleanup" else None
        if found is not None:
            message_id = bare_message_id(found[1])
            if name in present:
                ended.append(present.pop(name))
            if message_id is not None:
                present[name] = _Queued(message_id)
        elif name in present:
            _add(present[name], program, told)
    return ended, present


def _add(stay: _Queued, program: str, told: str) -> None:
    status = _STATUS.search(told)
    if status is not None:
        queued = _QUEUED_AS.search(told)
        stay.is_taken = True
        stay.is_returned = status[1] in _GIVEN_UP
        stay.became = queued[1] if queued else stay.became
    elif program == "qmgr" and told.startswith("from="):
        stay.is_taken = True


def _lines(path: Path) -> Iterator[str]:
    opening = gzip.open if path.suffix == ".gz" else open
    try:
        with opening(path, "rt", encoding="utf-8", errors="replace") as log:
            yield from log
    except (OSError, EOFError) as error:
        raise SourceError(f"cannot be read: {getattr(error, 'strerror', None) or error}", path=path) from error
