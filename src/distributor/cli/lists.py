"""`distributor list …`"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from distributor.cli.session import AsJson, installation_at_hand, say, show, show_rows
from distributor.domain.address import checked_sender
from distributor.domain.errors import InputError
from distributor.domain.subscriber import ListVisibility, MailingList, Membership, OptIn
from distributor.domain.tags import slugify
from distributor.storage import lists, memberships

commands = typer.Typer()

Slug = Annotated[str, typer.Argument(help="The list's slug.")]
Topics = Annotated[list[str] | None, typer.Option("--topic", help="A tag offered as a topic; may be repeated.")]
Sender = Annotated[str | None, typer.Option(help="Whom its mails come from; '' for the site's own.")]
Footer = Annotated[str | None, typer.Option(help="What stands at the end of its mails; '' for nothing.")]
Description = Annotated[str | None, typer.Option(help="What subscribers get, in a sentence.")]


@commands.command("create")
def create_list(
    name: str,
    slug: Annotated[str, typer.Option(help="Default: made from the name.")] = "",
    visibility: Annotated[ListVisibility, typer.Option(help="Whether strangers see it and can subscribe.")] = (
        ListVisibility.PRIVATE
    ),
    opt_in: Annotated[OptIn, typer.Option(help="Whether signing up has to be confirmed from the mailbox.")] = (
        OptIn.DOUBLE
    ),
    description: Description = None,
    sender: Sender = None,
    footer: Footer = None,
    topic: Topics = None,
) -> None:
    """Make a list."""
    chosen = slugify(slug or name)
    if not chosen:
        raise InputError(f"{slug or name!r} has no letters or digits to make a slug of: give one with --slug")
    with installation_at_hand() as app, app.database.begin() as connection:
        made = lists.add(
            connection,
            slug=chosen,
            name=name,
            description=description or "",
            visibility=visibility,
            opt_in=opt_in,
            sender=checked_sender(sender or ""),
            footer=footer or "",
            topics=_slugs(topic or []),
        )
        people = lists.counts(connection, made.id)[Membership.SUBSCRIBED]
    say(f"list {made.slug!r} has {people} subscribers")


@commands.command("change")
def change_list(
    slug: Slug,
    name: str | None = None,
    visibility: ListVisibility | None = None,
    opt_in: OptIn | None = None,
    description: Description = None,
    sender: Sender = None,
    footer: Footer = None,
    topic: Topics = None,
    no_topics: Annotated[bool, typer.Option("--no-topics", help="Offer no topics any more.")] = False,
) -> None:
    """Change what is said of a list; what is not named stays."""
    changes: dict[str, Any] = {
        "name": name,
        "visibility": visibility,
        "opt_in": opt_in,
        "description": description,
        "sender": checked_sender(sender) if sender is not None else None,
        "footer": footer,
        "topics": list(_slugs(topic or [])) if topic or no_topics else None,
    }
    with installation_at_hand() as app, app.database.begin() as connection:
        lists.change(connection, slug, {key: value for key, value in changes.items() if value is not None})
    say(f"list {slug!r} is changed")


@commands.command("remove")
def remove_list(slug: Slug) -> None:
    """Remove a list that nobody was ever on."""
    with installation_at_hand() as app, app.database.begin() as connection:
        lists.remove(connection, slug)
    say(f"list {slug!r} is removed")


@commands.command("list")
def list_lists(as_json: AsJson = False) -> None:
    """Every list and how many people are on it."""
    with installation_at_hand() as app, app.database.begin() as connection:
        found = [(one, lists.counts(connection, one.id)) for one in lists.listed(connection)]
    show_rows(
        ("slug", "name", "visibility", "opt_in", "subscribed", "pending", "unsubscribed"),
        [
            (
                one.slug,
                one.name,
                one.visibility.value,
                one.opt_in.value,
                people[Membership.SUBSCRIBED],
                people[Membership.PENDING],
                people[Membership.UNSUBSCRIBED],
            )
            for one, people in found
        ],
        as_json=as_json,
        empty="No lists yet: `distributor list create NAME` makes one.",
    )


@commands.command("show")
def show_list(slug: Slug, as_json: AsJson = False) -> None:
    """One list with its settings and counts."""
    with installation_at_hand() as app, app.database.begin() as connection:
        found = lists.find(connection, slug)
        people = lists.counts(connection, found.id)
    facts = _told(found) | {state.value: count for state, count in people.items()}
    if as_json:
        show(facts)
    else:
        show_rows(("", " "), facts.items(), as_json=False, empty="")


@commands.command("members")
def list_members(slug: Slug, as_json: AsJson = False, limit: int = 50, after: int = 0) -> None:
    """The people who are or were on a list, by ascending number, from after the number `--after`."""
    with installation_at_hand() as app, app.database.begin() as connection:
        found = memberships.members(connection, lists.find(connection, slug).id, limit=limit, after_id=after)
    show_rows(
        ("id", "email", "name", "state"),
        [(subscriber.id, subscriber.email, subscriber.name, state.value) for subscriber, state in found],
        as_json=as_json,
        empty=f"Nobody is on {slug!r}: `distributor subscriber add ADDRESS --list {slug}` adds somebody.",
    )


def _slugs(labels: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(slug for slug in map(slugify, labels) if slug))


def _told(found: MailingList) -> dict[str, Any]:
    facts = asdict(found)
    return {**facts, "topics": list(found.topics)}
