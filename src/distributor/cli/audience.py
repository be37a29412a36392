"""`distributor list …` and `distributor subscriber …`"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import track

from distributor.cli.session import AsJson, err, installation_at_hand, say, show, show_rows
from distributor.domain.address import parse_address
from distributor.domain.errors import AddressError, InputError
from distributor.domain.tags import slugify
from distributor.storage import audience
from distributor.storage.audience import Person

lists = typer.Typer(no_args_is_help=True, help="Lists that people subscribe to.")
subscribers = typer.Typer(no_args_is_help=True, help="People who get mail.")

ListSlug = Annotated[str, typer.Option("--list", help="The list's slug.")]
_BATCH = 1000


@lists.command("create")
def create_list(name: str, slug: Annotated[str, typer.Option(help="Default: made from the name.")] = "") -> None:
    """Make a list."""
    chosen = slugify(slug or name)
    if not chosen:
        raise InputError(f"{slug or name!r} has no letters or digits to make a slug of: give one with --slug")
    with installation_at_hand() as installation, installation.database.begin() as connection:
        made = audience.add_list(connection, slug=chosen, name=name)
        people = audience.count_subscribed(connection, made.id)
    say(f"list {made.slug!r} has {people} subscribers")


@lists.command("list")
def list_lists(as_json: AsJson = False) -> None:
    """Every list and how many people are on it."""
    with installation_at_hand() as installation, installation.database.begin() as connection:
        found = audience.all_lists(connection)
    show_rows(
        ("slug", "name", "subscribed"),
        [(one.slug, one.name, people) for one, people in found],
        as_json=as_json,
        empty="No lists yet: `distributor list create NAME` makes one.",
    )


@lists.command("show")
def show_list(slug: str, as_json: AsJson = False, limit: int = 50) -> None:
    """The people on a list."""
    with installation_at_hand() as installation, installation.database.begin() as connection:
        members = audience.members(connection, audience.find_list(connection, slug).id, limit=limit)
    show_rows(
        ("address", "name", "state"),
        [(subscriber.address, subscriber.name, state.value) for subscriber, state in members],
        as_json=as_json,
        empty=f"Nobody is on {slug!r}: `distributor subscriber add ADDRESS --list {slug}` adds somebody.",
    )


@subscribers.command("add")
def add_subscriber(address: str, list_slug: ListSlug, name: str = "") -> None:
    """Put one person on a list."""
    person = _person(address, name)
    with installation_at_hand() as installation, installation.database.begin() as connection:
        chosen = audience.find_list(connection, list_slug)
        is_new = audience.subscribe(connection, chosen.id, [person], now=installation.clock())
    say("subscribed" if is_new else "was on the list before, or has left it; nothing changed")


@subscribers.command("import")
def import_subscribers(
    file: Annotated[Path, typer.Argument(help="CSV with a header that names a column `email`, perhaps `name`.")],
    list_slug: ListSlug,
) -> None:
    """Put the people of a CSV file on a list, all or, if any line is wrong, none."""
    people = _read_people(file)
    with installation_at_hand() as installation, installation.database.begin() as connection:
        chosen = audience.find_list(connection, list_slug)
        added = 0
        for start in track(range(0, len(people), _BATCH), "Importing", console=err, disable=len(people) < _BATCH):
            batch = people[start : start + _BATCH]
            added += audience.subscribe(connection, chosen.id, batch, now=installation.clock())
    say(f"{added} subscribed, {len(people) - added} were on the list before or have left it")


@subscribers.command("show")
def show_subscriber(address: str, as_json: AsJson = False) -> None:
    """One person and the lists they are on."""
    key = parse_address(address).key
    with installation_at_hand() as installation, installation.database.begin() as connection:
        subscriber = audience.find_subscriber(connection, key)
        memberships = audience.memberships_of(connection, subscriber.id)
    facts = {
        "address": subscriber.address,
        "name": subscriber.name,
        "since": subscriber.created_at,
        "lists": {slug: f"{state.value} since {moment:%Y-%m-%d %H:%M} UTC" for slug, state, moment in memberships},
    }
    if as_json:
        show(facts)
    else:
        show_rows(("", " "), facts.items(), as_json=False, empty="")


def _person(address: str, name: str) -> Person:
    parsed = parse_address(address)
    if any(ord(sign) < 32 or ord(sign) == 127 for sign in name):
        raise InputError(f"the name for {address} holds control characters; write it without them")
    return Person(key=parsed.key, address=parsed.address, name=name.strip())


def _read_people(file: Path) -> list[Person]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            return list(_people(csv.DictReader(lines), file))
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{file}: is not a CSV file in UTF-8: {error}") from error


def _people(rows: csv.DictReader[str], file: Path) -> Iterator[Person]:
    if "email" not in (rows.fieldnames or ()):
        raise InputError(
            f"{file}:1: the header names no column `email`; it has {', '.join(rows.fieldnames or ['nothing'])}"
        )
    for row in rows:
        try:
            yield _person(row["email"] or "", row.get("name") or "")
        except (AddressError, InputError) as error:
            raise InputError(f"{file}:{rows.line_num}: {error}") from error
