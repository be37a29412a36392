"""`distributor bounce …`: bounces, complaints and unsubscribe mails."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from distributor.bootstrap import open_app
from distributor.cli.console import AsJson, err, print_fields, print_json, print_message, print_rows
from distributor.domain.delivery import DeliveryState
from distributor.domain.errors import SourceError
from distributor.domain.event import EventKind
from distributor.domain.suppression import Suppression
from distributor.flow.app_context import AppContext
from distributor.flow.feedback.apply_feedback import AppliedFeedback
from distributor.flow.feedback.inbound_mail import accept_mail
from distributor.mail.bounces import MAX_MESSAGE_BYTES, InboundReport, RecipientReport, read_inbound_report
from distributor.mail.mime.received_message import parse_message
from distributor.storage import delivery_queries, events, postmaster_mails, subscribers, suppressions
from distributor.storage.database import Connection
from distributor.storage.events import FeedbackEvent

commands = typer.Typer()
postmaster = typer.Typer(help="Read mails to postmaster@ a bounce domain.", no_args_is_help=True)
commands.add_typer(postmaster, name="postmaster")

_STDIN = "-"
_LISTED = ("id", "at", "kind", "delivery", "recipient", "hard", "reason", "status", "match", "source", "taken_back")


@commands.command("classify")
def classify(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Raw messages; - reads standard input.")],
    as_json: AsJson = False,
) -> None:
    """Classify raw messages without storing anything; exit status 2 if a file cannot be read.

    Each is a bounce, a complaint, an automatic reply, an unsubscribe request or something else. A file that cannot be
    read is reported and does not stop the others.
    """
    found = [(file, _classify(file)) for file in files]
    failed = [result for _, result in found if isinstance(result, SourceError)]
    if as_json:
        print_json([_report_as_json(file, result) for file, result in found])
    elif len(failed) < len(found):
        print_rows(
            ("file", "kind", "recipient", "status", "reply_code", "reason", "hard", "scope"),
            [
                row
                for file, result in found
                if isinstance(result, InboundReport)
                for row in _report_rows(_printable(Path(file).name), result)
            ],
            as_json=False,
            empty="",
        )
    _report_failed(failed)


@commands.command("process")
def process(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Raw messages; - reads standard input.")],
    as_json: AsJson = False,
) -> None:
    """Process raw messages as if they had been received; one that was processed before changes nothing.

    A file that cannot be read is reported, a message that cannot be processed goes to the quarantine, and the others
    are processed. Exit status 2 if there was one of either.
    """
    with open_app() as app:
        results = [(file, _process(app, file)) for file in files]
    processed = [(file, result) for file, result in results if isinstance(result, AppliedFeedback)]
    if processed or as_json:
        print_rows(
            ("file", "kind", "match", "delivery", "new", "suppressed", "unsubscribed", "took_back"),
            [
                (
                    _printable(Path(file).name),
                    result.kind.value,
                    result.match.value,
                    result.delivery_id,
                    result.is_new,
                    result.suppressed.value if result.suppressed else None,
                    result.unsubscribed,
                    result.took_back,
                )
                for file, result in processed
            ],
            as_json=as_json,
            empty="",
        )
    _report_failed([result for _, result in results if isinstance(result, SourceError)])


@commands.command("list")
def list_bounces(
    kind: Annotated[EventKind | None, typer.Option(help="bounce, delay, complaint or unsubscribe.")] = None,
    limit: int = 50,
    before: Annotated[int | None, typer.Option(help="Only those with a smaller id: the last one of a page.")] = None,
    as_json: AsJson = False,
) -> None:
    """List bounces, delays, complaints and unsubscribes, newest first."""
    with open_app() as app, app.database.begin() as connection:
        found = events.feedback_events(connection, kind=kind, before_id=before, limit=limit)
    print_rows(
        _LISTED,
        [[_bounce_fields(one)[name] for name in _LISTED] for one in found],
        as_json=as_json,
        empty="No bounces yet.",
    )


@commands.command("show")
def show_bounce(number: Annotated[int, typer.Argument(metavar="ID")], as_json: AsJson = False) -> None:
    """Show one bounce or delay, the state of its delivery, and why its recipient is suppressed, if so.

    `failed` is the address that failed: another than the recipient's if that mailbox passed the mail on. `taken_back`
    names the evidence that the mail arrived after all (click, delivered or sent).
    """
    with open_app() as app, app.database.begin() as connection:
        found = events.find_feedback_event(connection, number)
        fields = _bounce_fields(found) | {
            "suppressions": [one.reason.value for one in _suppressions(connection, found)]
        }
    print_fields(fields, as_json=as_json)


@postmaster.command("list")
def list_postmaster_mails(as_json: AsJson = False) -> None:
    """List the mails to postmaster, newest first; they are deleted after 90 days."""
    with open_app() as app, app.database.begin() as connection:
        found = postmaster_mails.listed(connection)
    rows = []
    for mail in found:
        fields = parse_message(mail.raw).fields
        rows.append((mail.id, mail.received_at, fields.get("from"), fields.get("subject")))
    print_rows(("id", "received_at", "from", "subject"), rows, as_json=as_json, empty="No mail to postmaster.")


@postmaster.command("show")
def show_postmaster_mail(number: Annotated[int, typer.Argument(metavar="ID")]) -> None:
    """Print a mail as it was received, without control characters, which could command a terminal."""
    with open_app() as app, app.database.begin() as connection:
        text = postmaster_mails.find(connection, number).raw.decode("utf-8", "replace")
    typer.echo("".join(one for one in text if one.isprintable() or one in "\n\t"))


@postmaster.command("delete")
def delete_postmaster_mail(number: Annotated[int, typer.Argument(metavar="ID")]) -> None:
    """Delete a mail that has been dealt with."""
    with open_app() as app, app.database.begin() as connection:
        postmaster_mails.remove(connection, number)
    print_message(f"mail {number} is deleted")


def _classify(file: str) -> InboundReport | SourceError:
    try:
        return read_inbound_report(_read_message(file))
    except SourceError as error:
        return error
    except Exception as error:
        return SourceError(f"cannot be classified: {type(error).__name__}: {error}", path=_printable(file))


def _process(app: AppContext, file: str) -> AppliedFeedback | SourceError:
    try:
        raw = _read_message(file)
    except SourceError as error:
        return error
    why = "cannot be processed and is in quarantine: `distributor quarantine list --loop mail` shows the reason"
    return accept_mail(app, raw, source="hand") or SourceError(why, path=_printable(file))


def _report_failed(failed: Sequence[SourceError]) -> None:
    """Print these errors; exit status 2 if there are any."""
    for error in failed:
        err.print(f"distributor: {error}", markup=False, soft_wrap=True)
    if failed:
        raise typer.Exit(SourceError.exit_code)


def _read_message(file: str) -> bytes:
    if file == _STDIN:
        return sys.stdin.buffer.read(MAX_MESSAGE_BYTES)
    try:
        with Path(file).open("rb") as message:
            return message.read(MAX_MESSAGE_BYTES)
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror}", path=_printable(file)) from error


def _report_as_json(file: str, result: InboundReport | SourceError) -> dict[str, Any]:
    if isinstance(result, SourceError):
        return {"file": _printable(file), "kind": None, "error": str(result), "recipients": []}
    return {
        "file": _printable(file),
        "kind": result.kind.value,
        "feedback_type": result.feedback_type or None,
        "recipients": [_recipient_fields(one) for one in result.recipients],
    }


def _report_rows(name: str, report: InboundReport) -> list[list[object]]:
    if not report.recipients:
        return [[name, report.kind.value, *[None] * 6]]
    return [
        [
            name,
            report.kind.value,
            *("yes" if value is True else value or None for value in _recipient_fields(one).values()),
        ]
        for one in report.recipients
    ]


def _recipient_fields(recipient: RecipientReport) -> dict[str, Any]:
    return {
        "recipient": recipient.address,
        "status": recipient.status,
        "reply_code": recipient.reply_code,
        "reason": recipient.reason.value if recipient.reason else None,
        "hard": recipient.is_hard,
        "scope": recipient.scope.value if recipient.scope else None,
    }


def _printable(file: str) -> str:
    """A file's name as text, whatever bytes it is made of."""
    return os.fsencode(file).decode("utf-8", "replace")


def _bounce_fields(bounce: FeedbackEvent) -> dict[str, Any]:
    detail = bounce.event.detail
    return {
        "id": bounce.id,
        "at": bounce.event.at,
        "kind": bounce.event.kind.value,
        "delivery": bounce.event.delivery_id,
        "recipient": bounce.recipient,
        "hard": bool(detail.get("hard")),
        "reason": detail.get("reason"),
        "status": detail.get("status"),
        "match": detail.get("match"),
        "source": detail.get("source"),
        "failed": detail.get("failed_recipient") or bounce.recipient,
        "taken_back": detail.get("taken_back"),
        "code": detail.get("code"),
        "scope": detail.get("scope"),
        "counts": bool(detail.get("counts")),
        "state": DeliveryState(bounce.state).value,
    }


def _suppressions(connection: Connection, bounce: FeedbackEvent) -> list[Suppression]:
    number = delivery_queries.find(connection, bounce.event.delivery_id).subscriber_id
    if number is None:
        return []
    return suppressions.of_key(connection, subscribers.find_by_id(connection, number).key)
