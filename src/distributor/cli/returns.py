"""`distributor bounce …`"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from distributor.cli.session import AsJson, err, show, show_rows
from distributor.domain.errors import SourceError
from distributor.mail.bounces import MAX_MESSAGE_BYTES, InboundReport, RecipientReport, read_inbound_report

commands = typer.Typer()

_STDIN = "-"


@commands.command("read")
def read(
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="Raw mails; - reads one from standard input.")],
    as_json: AsJson = False,
) -> None:
    """Say of each mail what it is: a bounce, a complaint, an automatic reply, an unsubscription or something other.

    A file that cannot be read is told as such and stops no other; then the command ends with 2.
    """
    found = [(file, _read(file)) for file in files]
    failed = [one for _, one in found if isinstance(one, SourceError)]
    if as_json:
        show([_as_object(file, one) for file, one in found])
    elif len(failed) < len(found):
        show_rows(
            ("file", "kind", "recipient", "status", "reply_code", "reason", "hard", "scope"),
            [
                row
                for file, one in found
                if isinstance(one, InboundReport)
                for row in _rows(_printable(Path(file).name), one)
            ],
            as_json=False,
            empty="",
        )
    for error in failed:
        err.print(f"distributor: {error}", markup=False, soft_wrap=True)
    if failed:
        raise typer.Exit(2)


def _read(file: str) -> InboundReport | SourceError:
    try:
        return read_inbound_report(_octets(file))
    except SourceError as error:
        return error


def _octets(file: str) -> bytes:
    if file == _STDIN:
        return sys.stdin.buffer.read(MAX_MESSAGE_BYTES)
    try:
        with Path(file).open("rb") as mail:
            return mail.read(MAX_MESSAGE_BYTES)
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror}", path=file) from error


def _as_object(file: str, found: InboundReport | SourceError) -> dict[str, Any]:
    if isinstance(found, SourceError):
        return {"file": _printable(file), "kind": None, "error": str(found), "recipients": []}
    return {
        "file": _printable(file),
        "kind": found.kind.value,
        "feedback_type": found.feedback_type or None,
        "recipients": [_fields(one) for one in found.recipients],
    }


def _printable(file: str) -> str:
    """A file's name, whatever octets it is made of."""
    return os.fsencode(file).decode("utf-8", "replace")


def _fields(recipient: RecipientReport) -> dict[str, Any]:
    return {
        "recipient": recipient.address,
        "status": recipient.status,
        "reply_code": recipient.reply_code,
        "reason": recipient.reason.value if recipient.reason else None,
        "hard": recipient.is_hard,
        "scope": recipient.scope.value if recipient.scope else None,
    }


def _rows(name: str, found: InboundReport) -> list[list[object]]:
    if not found.recipients:
        return [[name, found.kind.value, *[None] * 6]]
    return [
        [name, found.kind.value, *("yes" if value is True else value or None for value in _fields(one).values())]
        for one in found.recipients
    ]
