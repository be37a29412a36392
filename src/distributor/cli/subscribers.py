"""`distributor subscriber …`"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from distributor.cli.session import AsJson, installation_at_hand, say, show, show_rows
from distributor.domain.address import parse_address
from distributor.domain.consent import ConsentEvidence, ConsentMethod
from distributor.domain.errors import InputError, NotFoundError, StateError
from distributor.domain.person import checked_attributes, clean_language, clean_name, clean_tags, clean_zone, person_of
from distributor.domain.rendition import Json
from distributor.domain.schedule import parse_local_time
from distributor.domain.subscriber import Frequency, Membership, Subscriber, SubscriberStatus, Subscription
from distributor.domain.suppression import Suppression
from distributor.domain.tags import slugify
from distributor.flow.app_context import AppContext
from distributor.flow.people import privacy
from distributor.storage import consents, events, lists, memberships, subscriber_merge, subscribers, suppressions
from distributor.storage.subscribers import Search

commands = typer.Typer()

ListSlug = Annotated[str, typer.Option("--list", help="The list's slug.")]
Attributes = Annotated[list[str] | None, typer.Option("--attribute", help="NAME=VALUE, VALUE as JSON or plain text.")]


@commands.command("add")
def add_subscriber(
    email: str,
    list_slug: ListSlug,
    name: str = "",
    language: str = "",
    zone: str = "",
    attribute: Attributes = None,
    tag: Annotated[list[str] | None, typer.Option(help="May be repeated.")] = None,
    consent: Annotated[str, typer.Option(help="How this person agreed, in a sentence; kept as the record.")] = (
        "Added by a person of the team, who says that consent was given."
    ),
) -> None:
    """Put one person on a list, on your word that they agreed to it."""
    person = person_of(
        email, name=name, language=language, zone=zone, attributes=_attributes(attribute or []), tags=tag or ()
    )
    evidence = ConsentEvidence(method=ConsentMethod.PERSON, text=consent)
    with installation_at_hand() as app, app.database.begin() as connection:
        chosen = lists.find(connection, list_slug)
        is_new = memberships.subscribe(connection, chosen.id, [person], evidence, now=app.clock())
    say("subscribed" if is_new else "was on the list before, or has left it; nothing changed")


@commands.command("show")
def show_subscriber(email: str, as_json: AsJson = False) -> None:
    """One person: the lists they are on, and what keeps mail from them."""
    key = parse_address(email).key
    with installation_at_hand() as app, app.database.begin() as connection:
        subscriber = subscribers.find(connection, key)
        places = memberships.of_subscriber(connection, subscriber.id)
        reasons = suppressions.of_key(connection, key)
        policy = app.bounce_policy
        days = events.soft_bounce_days(connection, subscriber.id, since=app.clock() - policy.lapses_after)
    facts = _told(subscriber, places, reasons) | {"soft_bounces": f"on {days} days; {policy.limit} suppress"}
    if as_json:
        show(facts)
    else:
        show_rows(("", " "), facts.items(), as_json=False, empty="")


@commands.command("change")
def change_subscriber(
    email: str,
    name: str | None = None,
    language: str | None = None,
    zone: str | None = None,
    attribute: Attributes = None,
    tag: Annotated[list[str] | None, typer.Option(help="A tag to add; may be repeated.")] = None,
    untag: Annotated[list[str] | None, typer.Option(help="A tag to take away; may be repeated.")] = None,
    status: Annotated[SubscriberStatus | None, typer.Option(help="Disabled gets no mail from any list.")] = None,
    pause: Annotated[str | None, typer.Option(help="No mail until this time, such as +30d; '' ends a pause.")] = None,
) -> None:
    """Change what is known about somebody; what is not named stays. An attribute that is null is taken away."""
    with installation_at_hand() as app, app.database.begin() as connection:
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
    say(f"{email} is changed")


@commands.command("choose")
def choose_for_subscriber(
    email: str,
    list_slug: ListSlug,
    topic: Annotated[list[str] | None, typer.Option(help="A tag to follow; may be repeated.")] = None,
    every_article: Annotated[bool, typer.Option("--every-article", help="Follow everything again.")] = False,
    frequency: Annotated[Frequency | None, typer.Option(help="How often mail is wanted.")] = None,
) -> None:
    """What somebody wants of a list that they are on; what is not named stays."""
    with installation_at_hand() as app, app.database.begin() as connection:
        chosen = lists.find(connection, list_slug)
        number = subscribers.find(connection, parse_address(email).key).id
        subscribers.lock(connection, number)
        place = next((one for one in memberships.of_subscriber(connection, number) if one.list == chosen), None)
        if place is None or place.state is Membership.UNSUBSCRIBED:
            raise StateError(f"{email} is not on list {list_slug!r}: `distributor subscriber add` puts people there")
        followed = None if every_article else (tuple(map(slugify, topic)) if topic else place.topics)
        memberships.set_preferences(
            connection, number, chosen.id, topics=followed, frequency=frequency or place.frequency
        )
    say(f"{email} gets {'every article' if followed is None else ', '.join(followed)} of {list_slug!r}")


@commands.command("remove")
def remove_subscriber(
    email: str,
    list_slug: ListSlug,
    reason: Annotated[str, typer.Option(help="How this person asked for it; kept as the record.")] = (
        "Taken off by a person of the team, who says that it was asked for."
    ),
) -> None:
    """Take one person off a list, as if they had left it themselves: no import brings them back."""
    evidence = ConsentEvidence(method=ConsentMethod.PERSON, text=reason)
    with installation_at_hand() as app, app.database.begin() as connection:
        chosen = lists.find(connection, list_slug)
        number = subscribers.find(connection, parse_address(email).key).id
        subscribers.lock(connection, number)
        has_left = memberships.unsubscribe(connection, number, chosen.id, evidence, now=app.clock())
    say("is off the list" if has_left else "was not on the list; nothing changed")


@commands.command("duplicates")
def show_duplicates(limit: int = 50, as_json: AsJson = False) -> None:
    """Addresses that may be one mailbox: the same but for what follows a +, or dots at Gmail. Nothing is merged."""
    with installation_at_hand() as app, app.database.begin() as connection:
        found = subscriber_merge.likely_duplicates(connection, limit=limit)
    show_rows(
        ("mailbox", "addresses"),
        [(mailbox, addresses if as_json else ", ".join(addresses)) for mailbox, addresses in found],
        as_json=as_json,
        empty="There are none.",
    )


@commands.command("merge")
def merge_subscribers(
    kept: Annotated[str, typer.Argument(help="The address that stays.")],
    merged: Annotated[str, typer.Argument(help="The address whose record goes over to the other.")],
) -> None:
    """Make one person of two records; who has left a list with either address has left it."""
    with installation_at_hand() as app, app.database.begin() as connection:
        numbers = [subscribers.find(connection, parse_address(email).key).id for email in (kept, merged)]
        subscriber_merge.merge(connection, kept=numbers[0], merged=numbers[1], now=app.clock())
    say(f"{merged} is now part of {kept}")


@commands.command("data")
def show_data(
    email: str, out: Annotated[Path | None, typer.Option(help="Write it to this file instead of printing it.")] = None
) -> None:
    """Everything that is kept about somebody, as JSON."""
    with installation_at_hand() as app:
        told = privacy.export_person(app, _number_of(app, email))
    if out is None:
        show(told)
        return
    out.write_text(json.dumps(told, ensure_ascii=False, indent=2, default=str) + "\n", encoding="utf-8")
    say(f"everything about {email} is in {out}")


@commands.command("erase")
def erase_subscriber(
    email: str,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether this is meant.")] = False,
    as_json: AsJson = False,
) -> None:
    """Erase somebody everywhere, for good, and prove it by a search. Only a hash stays, against imports."""
    with installation_at_hand() as app:
        number = _number_of(app, email)
        if not yes:
            typer.confirm(f"Erase {email} and all that is known about them?", abort=True, err=True)
        done = privacy.erase(app, number, requested_by="person")
    if as_json:
        show({"counts": dict(done.counts), "traces": dict(done.traces)})
    else:
        show_rows(("table", "rows"), done.counts.items(), as_json=False, empty="")
    if not done.is_complete:
        found = ", ".join(f"{table} ({rows})" for table, rows in done.traces.items())
        raise StateError(f"{email} is erased, but the address itself is still found in {found}: look there")
    say("a search of every table finds the address nowhere")


@commands.command("traces")
def search_traces(email: str, as_json: AsJson = False) -> None:
    """Search every table for an address, wherever it may stand."""
    with installation_at_hand() as app:
        found = privacy.search_traces(app, parse_address(email).key)
    show_rows(("table", "rows"), found.items(), as_json=as_json, empty="It is found nowhere.")


@commands.command("search")
def search_subscribers(
    words: Annotated[list[str] | None, typer.Argument(help="Beginnings of words of address, name, attributes.")] = None,
    attribute: Attributes = None,
    tag: str | None = None,
    limit: int = 20,
    after: Annotated[int, typer.Option(help="The number of the last one shown before.")] = 0,
    as_json: AsJson = False,
) -> None:
    """People whom all of the words fit, by ascending number."""
    with installation_at_hand() as app, app.database.begin() as connection:
        asked = Search(words=" ".join(words or ()), attributes=_attributes(attribute or []), tag=tag)
        found = subscribers.search(connection, asked, limit=limit, after_id=after)
    show_rows(
        ("id", "email", "name", "tags", "status"),
        [(one.id, one.email, one.name, ", ".join(one.tags), one.status.value) for one in found],
        as_json=as_json,
        empty="Nobody is found.",
    )


@commands.command("consents")
def show_consents(email: str, as_json: AsJson = False) -> None:
    """The record of how somebody agreed to mail, or took that back."""
    with installation_at_hand() as app, app.database.begin() as connection:
        found = consents.of_subscriber(connection, subscribers.find(connection, parse_address(email).key).id)
    show_rows(
        ("at", "list", "action", "method", "network", "text", "text_hash", "detail"),
        [
            (
                one.at,
                one.list_slug,
                one.action.value,
                one.method.value,
                one.network,
                one.text,
                one.text_hash,
                one.detail,
            )
            for one in found
        ],
        as_json=as_json,
        empty="There is no record.",
    )


def _number_of(app: AppContext, email: str) -> int:
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


def _told(subscriber: Subscriber, places: list[Subscription], reasons: list[Suppression]) -> dict[str, Any]:
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
            place.list.slug: f"{place.state.value} since {place.state_changed_at:%Y-%m-%d %H:%M} UTC"
            for place in places
        },
        "suppressed": [f"{one.reason.value} since {one.at:%Y-%m-%d %H:%M} UTC" for one in reasons],
    }
