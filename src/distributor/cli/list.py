"""`distributor list …`"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from distributor.bootstrap import open_app
from distributor.cli.console import AsJson, print_fields, print_message, print_rows
from distributor.domain.address import checked_sender
from distributor.domain.errors import InputError
from distributor.domain.subscriber import ListVisibility, MailingList, Membership, OptIn
from distributor.domain.tags import slugify, tag_slug
from distributor.storage import lists, memberships

commands = typer.Typer()

Slug = Annotated[str, typer.Argument(help="The list's slug.")]
Topics = Annotated[list[str] | None, typer.Option("--topic", help="A tag offered as a topic; may be repeated.")]
Sender = Annotated[str | None, typer.Option(help="The sender of its messages; '' for the site's.")]
Footer = Annotated[str | None, typer.Option(help="The text at the end of its messages; '' for none.")]
After = Annotated[int, typer.Option(help="Only ids above this one: the last one of a page.")]
Description = Annotated[str | None, typer.Option(help="What subscribers receive, in a sentence.")]


@commands.command("create")
def create_list(
    name: str,
    slug: Annotated[str, typer.Option(help="Default: derived from the name.")] = "",
    visibility: Annotated[ListVisibility, typer.Option(help="Whether it is on the public pages.")] = (
        ListVisibility.PRIVATE
    ),
    opt_in: Annotated[OptIn, typer.Option(help="Whether a sign-up must be confirmed by mail.")] = (OptIn.DOUBLE),
    description: Description = None,
    sender: Sender = None,
    footer: Footer = None,
    topic: Topics = None,
) -> None:
    """Create a list."""
    checked_slug = slugify(slug or name)
    if not checked_slug:
        raise InputError(f"{slug or name!r} has no letters or digits for a slug: set one with --slug")
    with open_app() as app, app.database.begin() as connection:
        created = lists.add(
            connection,
            slug=checked_slug,
            name=name,
            description=description or "",
            visibility=visibility,
            opt_in=opt_in,
            sender=checked_sender(sender or ""),
            footer=footer or "",
            topics=_slugs(topic or []),
        )
        counts = lists.counts(connection, created.id)[Membership.SUBSCRIBED]
    print_message(f"list {created.slug!r} has {counts} subscribers")


@commands.command("update")
def update_list(
    slug: Slug,
    name: str | None = None,
    visibility: ListVisibility | None = None,
    opt_in: OptIn | None = None,
    description: Description = None,
    sender: Sender = None,
    footer: Footer = None,
    topic: Topics = None,
    no_topics: Annotated[bool, typer.Option("--no-topics", help="Remove all topics.")] = False,
) -> None:
    """Update a list; options not given change nothing."""
    changes: dict[str, Any] = {
        "name": name,
        "visibility": visibility,
        "opt_in": opt_in,
        "description": description,
        "sender": checked_sender(sender) if sender is not None else None,
        "footer": footer,
        "topics": list(_slugs(topic or [])) if topic or no_topics else None,
    }
    with open_app() as app, app.database.begin() as connection:
        lists.change(connection, slug, {key: value for key, value in changes.items() if value is not None})
    print_message(f"list {slug!r} is updated")


@commands.command("delete")
def delete_list(slug: Slug) -> None:
    """Delete a list that never had subscribers."""
    with open_app() as app, app.database.begin() as connection:
        lists.remove(connection, slug)
    print_message(f"list {slug!r} is deleted")


@commands.command("list")
def list_lists(as_json: AsJson = False) -> None:
    """List the lists with their numbers of subscribers."""
    with open_app() as app, app.database.begin() as connection:
        found = [(one, lists.counts(connection, one.id)) for one in lists.listed(connection)]
    print_rows(
        ("slug", "name", "visibility", "opt_in", "subscribed", "pending", "unsubscribed"),
        [
            (
                one.slug,
                one.name,
                one.visibility.value,
                one.opt_in.value,
                counts[Membership.SUBSCRIBED],
                counts[Membership.PENDING],
                counts[Membership.UNSUBSCRIBED],
            )
            for one, counts in found
        ],
        as_json=as_json,
        empty="No lists yet: `distributor list create NAME` creates one.",
    )


@commands.command("show")
def show_list(slug: Slug, as_json: AsJson = False) -> None:
    """Show a list with its settings and numbers of subscribers."""
    with open_app() as app, app.database.begin() as connection:
        found = lists.find(connection, slug)
        counts = lists.counts(connection, found.id)
    fields = _list_fields(found) | {state.value: count for state, count in counts.items()}
    print_fields(fields, as_json=as_json)


@commands.command("members")
def list_members(slug: Slug, as_json: AsJson = False, limit: int = 50, after: After = 0) -> None:
    """List the current and former subscribers of a list, by ascending id."""
    with open_app() as app, app.database.begin() as connection:
        found = memberships.members(connection, lists.find(connection, slug).id, limit=limit, after_id=after)
    print_rows(
        ("id", "email", "name", "state"),
        [(subscriber.id, subscriber.email, subscriber.name, state.value) for subscriber, state in found],
        as_json=as_json,
        empty=f"No one is on {slug!r}: `distributor subscriber add ADDRESS --list {slug}` adds a subscriber.",
    )


def _slugs(labels: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(slug for slug in map(tag_slug, labels) if slug))


def _list_fields(found: MailingList) -> dict[str, Any]:
    fields = asdict(found)
    return {**fields, "topics": list(found.topics)}
