"""`distributor subscriber …`: the records of single subscribers, their lists and their data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from distributor.bootstrap import open_app
from distributor.cli.console import AsJson, print_fields, print_json, print_message, print_rows
from distributor.domain.address import parse_address
from distributor.domain.consent import ConsentEvidence, ConsentMethod
from distributor.domain.errors import InputError, NotFoundError, StateError
from distributor.domain.event import Event, EventKind
from distributor.domain.person import checked_attributes, clean_language, clean_name, clean_tags, clean_zone, person_of
from distributor.domain.rendition import Json
from distributor.domain.schedule import format_time, parse_local_time
from distributor.domain.subscriber import Membership, Subscriber, SubscriberStatus, Subscription
from distributor.domain.suppression import Suppression
from distributor.domain.tags import tag_slug
from distributor.flow.app_context import AppContext
from distributor.flow.people import privacy
from distributor.private_files import replace_private
from distributor.storage import consents, events, lists, memberships, subscriber_merge, subscribers, suppressions
from distributor.storage.bounce_events import cause_of
from distributor.storage.subscribers import Search

commands = typer.Typer()

ListSlug = Annotated[str, typer.Option("--list", help="The list's slug.")]
Attributes = Annotated[list[str] | None, typer.Option("--attribute", help="NAME=VALUE, VALUE as JSON or plain text.")]

# How many bounces `subscriber show` lists.
_LAST_BOUNCES = 10


@commands.command("add")
def add_subscriber(
    email: str,
    list_slug: ListSlug,
    name: str = "",
    language: str = "",
    zone: str = "",
    attribute: Attributes = None,
    tag: Annotated[list[str] | None, typer.Option(help="May be repeated.")] = None,
    consent: Annotated[str, typer.Option(help="How they consented; stored as the record.")] = (
        "Added by a team member, who states that consent was given."
    ),
) -> None:
    """Add a subscriber to a list, recording how they consented."""
    person = person_of(
        email, name=name, language=language, zone=zone, attributes=_attributes(attribute or []), tags=tag or ()
    )
    evidence = ConsentEvidence(method=ConsentMethod.PERSON, text=consent)
    with open_app() as app, app.database.begin() as connection:
        chosen = lists.find(connection, list_slug)
        is_new = memberships.subscribe(connection, chosen.id, [person], evidence, now=app.clock())
    print_message("subscribed" if is_new else "already on the list, or unsubscribed from it; nothing changed")


@commands.command("show")
def show_subscriber(email: str, as_json: AsJson = False) -> None:
    """Show a subscriber: their lists, their last bounces, and why they are suppressed, if so."""
    key = parse_address(email).key
    with open_app() as app, app.database.begin() as connection:
        subscriber = subscribers.find(connection, key)
        subscriptions = memberships.of_subscriber(connection, subscriber.id)
        reasons = suppressions.of_key(connection, key)
        policy = app.bounce_policy
        days = events.soft_bounce_days(connection, subscriber.id, since=app.clock() - policy.lapses_after)
        bounces = [one for one in events.of_subscriber(connection, subscriber.id) if one.kind is EventKind.BOUNCE]
    fields = _subscriber_fields(subscriber, subscriptions, reasons) | {
        "soft_bounces": f"on {days} days; suppressed after {policy.limit}",
        "bounces": [_bounce_line(one) for one in bounces[-_LAST_BOUNCES:]],
    }
    print_fields(fields, as_json=as_json)


@commands.command("update")
def update_subscriber(
    email: str,
    name: str | None = None,
    language: str | None = None,
    zone: str | None = None,
    attribute: Attributes = None,
    tag: Annotated[list[str] | None, typer.Option(help="A tag to add; may be repeated.")] = None,
    untag: Annotated[list[str] | None, typer.Option(help="A tag to remove; may be repeated.")] = None,
    status: Annotated[SubscriberStatus | None, typer.Option(help="disabled: no mail from any list.")] = None,
    pause: Annotated[str | None, typer.Option(help="No mail until this time, such as +30d; '' ends the pause.")] = None,
) -> None:
    """Update a subscriber; options not given change nothing. An attribute that is null is removed."""
    with open_app() as app, app.database.begin() as connection:
        now = app.clock()
        person = subscribers.lock(connection, subscribers.find(connection, parse_address(email).key).id)
        if person is None:
            raise NotFoundError("subscriber", email)
        changes: dict[str, Any] = {}
        if name is not None:
            changes["name"] = clean_name(name)
        if language is not None:
            changes["language"] = clean_language(language)
        if zone is not None:
            changes["zone"] = clean_zone(zone)
        if attribute:
            merged = {**person.attributes, **_attributes(attribute)}
            changes["attributes"] = checked_attributes({key: one for key, one in merged.items() if one is not None})
        if tag or untag:
            changes["tags"] = clean_tags([one for one in (*person.tags, *(tag or ())) if one not in set(untag or ())])
        if status is not None:
            changes["status"] = status
        if pause is not None:
            changes["paused_until"] = parse_local_time(pause, zone=None, now=now) if pause else None
        subscribers.change(connection, person.id, changes, now=now)
    print_message(f"{email} is updated")


@commands.command("preferences")
def set_preferences(
    email: str,
    list_slug: ListSlug,
    topic: Annotated[list[str] | None, typer.Option(help="A tag to follow; may be repeated.")] = None,
    every_article: Annotated[bool, typer.Option("--every-article", help="Send every article again.")] = False,
) -> None:
    """Set which topics of a list a subscriber receives; options not given change nothing."""
    with open_app() as app, app.database.begin() as connection:
        chosen = lists.find(connection, list_slug)
        number = subscribers.find(connection, parse_address(email).key).id
        subscribers.lock(connection, number)
        subscription = next((one for one in memberships.of_subscriber(connection, number) if one.list == chosen), None)
        if subscription is None or subscription.state is Membership.UNSUBSCRIBED:
            raise StateError(f"{email} is not on list {list_slug!r}: `distributor subscriber add` adds them")
        followed = None if every_article else (tuple(map(tag_slug, topic)) if topic else subscription.topics)
        memberships.set_topics(connection, number, chosen.id, followed)
    print_message(f"{email} receives {'every article' if followed is None else ', '.join(followed)} of {list_slug!r}")


@commands.command("unsubscribe")
def unsubscribe(
    email: str,
    list_slug: ListSlug,
    reason: Annotated[str, typer.Option(help="How they requested it; stored as the record.")] = (
        "Unsubscribed by a team member, who states that it was requested."
    ),
) -> None:
    """Unsubscribe a subscriber from a list; imports do not subscribe them again."""
    evidence = ConsentEvidence(method=ConsentMethod.PERSON, text=reason)
    with open_app() as app, app.database.begin() as connection:
        chosen = lists.find(connection, list_slug)
        number = subscribers.find(connection, parse_address(email).key).id
        subscribers.lock(connection, number)
        is_changed = memberships.unsubscribe(connection, number, chosen.id, evidence, now=app.clock())
    print_message("unsubscribed" if is_changed else "was not on the list; nothing changed")


@commands.command("duplicates")
def show_duplicates(limit: int = 50, as_json: AsJson = False) -> None:
    """List addresses that may be the same mailbox: equal but for a +tag, or dots at Gmail; merges nothing."""
    with open_app() as app, app.database.begin() as connection:
        found = subscriber_merge.likely_duplicates(connection, limit=limit)
    print_rows(
        ("mailbox", "addresses"),
        [(mailbox, addresses if as_json else ", ".join(addresses)) for mailbox, addresses in found],
        as_json=as_json,
        empty="No likely duplicates.",
    )


@commands.command("merge")
def merge_subscribers(
    kept: Annotated[str, typer.Argument(help="The address to keep.")],
    merged: Annotated[str, typer.Argument(help="The address to merge into it.")],
) -> None:
    """Merge two subscribers; a list that either has unsubscribed from stays unsubscribed."""
    with open_app() as app, app.database.begin() as connection:
        numbers = [subscribers.find(connection, parse_address(email).key).id for email in (kept, merged)]
        subscriber_merge.merge(connection, kept=numbers[0], merged=numbers[1], now=app.clock())
    print_message(f"{merged} is merged into {kept}")


@commands.command("data")
def show_data(
    email: str, out: Annotated[Path | None, typer.Option(help="Write it to this file instead of printing it.")] = None
) -> None:
    """Export everything that is stored about a subscriber, as JSON."""
    with open_app() as app:
        data = privacy.export_person(app, _subscriber_id(app, email))
    if out is None:
        print_json(data)
        return
    try:
        with replace_private(out) as part:
            part.write_text(json.dumps(data, ensure_ascii=False, indent=2, default=str) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"{out}: cannot be written: {error.strerror}") from error
    print_message(f"the data of {email} is in {out}")


@commands.command("erase")
def erase_subscriber(
    email: str,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    as_json: AsJson = False,
) -> None:
    """Erase a subscriber for good, and check every table for the address; only a hash stays, for imports."""
    with open_app() as app:
        number = _subscriber_id(app, email)
        if not yes:
            typer.confirm(f"Erase {email} and everything that is stored about them?", abort=True, err=True)
        erasure = privacy.erase(app, number, requested_by="person")
    if as_json:
        print_json({"counts": dict(erasure.counts), "traces": dict(erasure.traces)})
    else:
        print_rows(("table", "rows"), erasure.counts.items(), as_json=False, empty="")
    if not erasure.is_complete:
        found = ", ".join(f"{table} ({rows})" for table, rows in erasure.traces.items())
        raise StateError(f"{email} is erased, but the address is still found in {found}: remove it there")
    print_message("the address is found in no table")


@commands.command("find-data")
def find_data(email: str, as_json: AsJson = False) -> None:
    """Search every column of every table for an email address."""
    with open_app() as app:
        found = privacy.search_traces(app, parse_address(email).key)
    print_rows(("table", "rows"), found.items(), as_json=as_json, empty="The address is found in no table.")


@commands.command("search")
def search_subscribers(
    words: Annotated[
        list[str] | None, typer.Argument(help="Prefixes of words of the address, name or attributes; all must match.")
    ] = None,
    attribute: Attributes = None,
    tag: str | None = None,
    limit: int = 20,
    after: Annotated[int, typer.Option(help="Only ids above this one: the last one of a page.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Search subscribers, by ascending id."""
    with open_app() as app, app.database.begin() as connection:
        query = Search(words=" ".join(words or ()), attributes=_attributes(attribute or []), tag=tag)
        found = subscribers.search(connection, query, limit=limit, after_id=after)
    print_rows(
        ("id", "email", "name", "tags", "status"),
        [(one.id, one.email, one.name, ", ".join(one.tags), one.status.value) for one in found],
        as_json=as_json,
        empty="No subscribers found.",
    )


@commands.command("consents")
def show_consents(email: str, as_json: AsJson = False) -> None:
    """List when and how a subscriber gave and withdrew consent."""
    with open_app() as app, app.database.begin() as connection:
        found = consents.of_subscriber(connection, subscribers.find(connection, parse_address(email).key).id)
    print_rows(
        ("at", "list", "action", "method", "ip_address", "text", "text_hash", "detail"),
        [
            (
                one.at,
                one.list_slug,
                one.action.value,
                one.method.value,
                one.ip_address,
                one.text,
                one.text_hash,
                one.detail,
            )
            for one in found
        ],
        as_json=as_json,
        empty="No consent records.",
    )


def _subscriber_id(app: AppContext, email: str) -> int:
    with app.database.begin() as connection:
        return subscribers.find(connection, parse_address(email).key).id


def _attributes(given: list[str]) -> dict[str, Json]:
    attributes: dict[str, Json] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise InputError(f"{text!r} is not NAME=VALUE")
        try:
            attributes[name] = json.loads(value)
        except ValueError:
            attributes[name] = value
    return attributes


def _bounce_line(event: Event) -> str:
    """A bounce in one line; the last word says by what evidence it was taken back, if it was."""
    hardness = "hard" if event.detail.get("hard") else "soft"
    words = [f"{event.at:%Y-%m-%d %H:%M} UTC: delivery {event.delivery_id}, {hardness}", cause_of(event.detail)]
    line = " ".join(word for word in words if word)
    failed, proof = event.detail.get("failed_recipient"), event.detail.get("taken_back")
    return line + (f", of {failed}" if failed else "") + (f", taken back: {proof}" if proof else "")


def _subscriber_fields(
    subscriber: Subscriber, subscriptions: list[Subscription], reasons: list[Suppression]
) -> dict[str, Any]:
    return {
        "email": subscriber.email,
        "name": subscriber.name,
        "language": subscriber.language,
        "zone": subscriber.zone,
        "attributes": dict(subscriber.attributes),
        "tags": list(subscriber.tags),
        "status": subscriber.status.value,
        "paused_until": subscriber.paused_until,
        "since": subscriber.created_at,
        "lists": {
            one.list.slug: f"{one.state.value} since {format_time(one.state_changed_at)}" for one in subscriptions
        },
        "suppressed": [f"{one.reason.value} since {format_time(one.at)}" for one in reasons],
    }
