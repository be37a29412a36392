"""`distributor bounce take | list | show`: what came back, taken in by hand and looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from distributor.cli.session import AsJson, installation_at_hand, show, show_rows
from distributor.domain.delivery import DeliveryState
from distributor.domain.errors import SourceError
from distributor.domain.event import EventKind
from distributor.domain.suppression import Suppression
from distributor.flow.feedback.inbound_mail import receive_mail
from distributor.storage import delivery_queries, events, subscribers, suppressions
from distributor.storage.database import Connection
from distributor.storage.events import FeedbackEvent

commands = typer.Typer()


@commands.command("take")
def take(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Raw mails.")], as_json: AsJson = False
) -> None:
    """Take mails in by hand, and do what follows from them; one that was taken in before changes nothing."""
    mails = [(file, _octets(file)) for file in files]
    with installation_at_hand() as app:
        taken = [(file, receive_mail(app, raw, source="hand")) for file, raw in mails]
    show_rows(
        ("file", "meaning", "match", "delivery", "new", "suppressed", "left"),
        [
            (
                file.name,
                one.meaning.value,
                one.match.value,
                one.delivery_id,
                one.is_new,
                one.suppressed.value if one.suppressed else None,
                one.has_left,
            )
            for file, one in taken
        ],
        as_json=as_json,
        empty="",
    )


@commands.command("list")
def list_returned(
    kind: Annotated[EventKind | None, typer.Option(help="bounce, complaint or unsubscribe.")] = None,
    limit: int = 50,
    before: Annotated[int | None, typer.Option(help="The number of the last one shown before.")] = None,
    as_json: AsJson = False,
) -> None:
    """What came back, the newest first."""
    with installation_at_hand() as app, app.database.begin() as connection:
        found = events.feedback_events(connection, kind=kind, before_id=before, limit=limit)
    show_rows(
        ("id", "at", "kind", "delivery", "recipient", "hard", "reason", "status", "match", "source"),
        [list(_told(one).values())[:10] for one in found],
        as_json=as_json,
        empty="Nothing came back.",
    )


@commands.command("show")
def show_returned(number: int, as_json: AsJson = False) -> None:
    """One of them: what it was, what became of its delivery, and what holds back mail to its recipient now."""
    with installation_at_hand() as app, app.database.begin() as connection:
        found = events.find_feedback_event(connection, number)
        facts = _told(found) | {"suppressions": [one.reason.value for one in _held_back(connection, found)]}
    if as_json:
        show(facts)
    else:
        show_rows(("", " "), facts.items(), as_json=False, empty="")


def _told(one: FeedbackEvent) -> dict[str, Any]:
    detail = one.event.detail
    return {
        "id": one.id,
        "at": one.event.at,
        "kind": one.event.kind.value,
        "delivery": one.event.delivery_id,
        "recipient": one.recipient,
        "hard": bool(detail.get("hard")),
        "reason": detail.get("reason"),
        "status": detail.get("status"),
        "match": detail.get("match"),
        "source": detail.get("source"),
        "code": detail.get("code"),
        "scope": detail.get("scope"),
        "counts": bool(detail.get("counts")),
        "state": DeliveryState(one.state).value,
    }


def _held_back(connection: Connection, one: FeedbackEvent) -> list[Suppression]:
    number = delivery_queries.find(connection, one.event.delivery_id).subscriber_id
    if number is None:
        return []
    return suppressions.of_key(connection, subscribers.find_by_id(connection, number).key)


def _octets(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror}", path=file) from error
