"""`distributor quarantine …`: items that a loop could not process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from distributor.bootstrap import open_app
from distributor.cli.console import AsJson, err, print_fields, print_message, print_rows
from distributor.domain.errors import InputError, NotFoundError, StateError
from distributor.domain.quarantine import QuarantinedItem, QuarantineLoop
from distributor.flow.app_context import AppContext
from distributor.flow.quarantine_retries import retry_item
from distributor.storage import quarantine

commands = typer.Typer()

Ids = Annotated[list[int] | None, typer.Argument(metavar="ID...", help="Items, by their ids.")]
Loop = Annotated[QuarantineLoop | None, typer.Option("--loop", help="All items of this loop.")]

_PAGE = 1000


@commands.command("list")
def list_items(
    loop: Loop = None,
    limit: int = 50,
    before: Annotated[int | None, typer.Option(help="Only those with a smaller id: the last one of a page.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the items in quarantine, newest first."""
    with open_app() as app, app.database.begin() as connection:
        found = quarantine.listed(connection, loop=loop, before_id=before, limit=limit)
    print_rows(
        ("id", "loop", "key", "reason", "failures", "first_at", "last_at", "retry_at"),
        [list(_fields(item).values()) for item in found],
        as_json=as_json,
        empty="The quarantine is empty.",
    )


@commands.command("show")
def show_item(item_id: Annotated[int, typer.Argument(metavar="ID")], as_json: AsJson = False) -> None:
    """Show an item with its content, such as a mail or the records of a journal, if it is kept with it."""
    with open_app() as app, app.database.begin() as connection:
        item = quarantine.find(connection, item_id)
    content = item.content.decode("utf-8", "backslashreplace") if item.content is not None else None
    print_fields(_fields(item) | {"detail": dict(item.detail), "content": content}, as_json=as_json)


@commands.command("retry")
def retry_items(ids: Ids = None, loop: Loop = None, as_json: AsJson = False) -> None:
    """Try items again; one that works leaves the quarantine. Exit status 4 if one still fails, 3 if there is none."""
    results: list[tuple[QuarantinedItem, bool, str]] = []
    with open_app() as app:
        missing = _each(_chosen(app, ids, loop), lambda item_id: results.append(_retry(app, item_id)))
    print_rows(
        ("id", "loop", "key", "result"),
        [(item.id, item.loop.value, item.key, result) for item, _, result in results],
        as_json=as_json,
        empty="" if missing else "The quarantine is empty.",
    )
    if not all(works for _, works, _ in results):
        raise typer.Exit(StateError.exit_code)
    # What left by itself while a whole loop was tried is no mistake.
    if missing and ids:
        raise typer.Exit(NotFoundError.exit_code)


@commands.command("discard")
def discard_items(ids: Ids = None, loop: Loop = None) -> None:
    """Delete items with their content. One that its loop reads again comes back if it fails again."""
    with open_app() as app, app.database.begin() as connection:
        chosen = _chosen(app, ids, loop)
        missing = _each(chosen, lambda item_id: quarantine.discard(connection, item_id))
    print_message(f"{len(chosen) - missing} items discarded")
    if missing and ids:
        raise typer.Exit(NotFoundError.exit_code)


def _each(chosen: Sequence[int], act: Callable[[int], None]) -> int:
    """Call `act` for each item, and report those that there are not; returns how many."""
    missing = 0
    for item_id in chosen:
        try:
            act(item_id)
        except NotFoundError as error:
            missing += 1
            err.print(f"distributor: {error}", markup=False, soft_wrap=True)
    return missing


def _chosen(app: AppContext, ids: list[int] | None, loop: QuarantineLoop | None) -> list[int]:
    if bool(ids) == (loop is not None):
        raise InputError("name items by their ids, or all items of a loop by --loop")
    if ids:
        return list(dict.fromkeys(ids))
    chosen: list[int] = []
    with app.database.begin() as connection:
        while True:
            before = chosen[-1] if chosen else None
            page = quarantine.listed(connection, loop=loop, before_id=before, limit=_PAGE)
            chosen += [item.id for item in page]
            if len(page) < _PAGE:
                return chosen


def _retry(app: AppContext, item_id: int) -> tuple[QuarantinedItem, bool, str]:
    """The item, whether it may be well now, and the result in words."""
    found = retry_item(app, item_id)
    if found.is_later:
        return found.item, True, "will be tried again by the next pass of its loop"
    if found.is_well:
        return found.item, True, "works and has left the quarantine"
    return found.item, False, f"still fails: {found.reason}"


def _fields(item: QuarantinedItem) -> dict[str, Any]:
    return {
        "id": item.id,
        "loop": item.loop.value,
        "key": item.key,
        "reason": item.reason,
        "failures": item.failures,
        "first_at": item.first_at,
        "last_at": item.last_at,
        "retry_at": item.retry_at,
    }
