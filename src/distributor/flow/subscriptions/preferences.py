"""Preferences: what the holder of a link in a mail wants of every list, how often, in what language, and from when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from distributor.domain.address import parse_address
from distributor.domain.consent import ConsentEvidence, ConsentMethod
from distributor.domain.errors import AddressError
from distributor.domain.event import Event, EventKind
from distributor.domain.subscriber import Frequency, MailingList, Membership, Subscriber
from distributor.domain.suppression import SuppressionReason, Target, hash_of_key
from distributor.domain.tokens import Purpose
from distributor.flow import consent_texts
from distributor.flow.app_context import AppContext
from distributor.flow.subscriptions.link_tokens import LinkOwner, find_link_owner, lock_link_owner
from distributor.storage import events, lists, memberships, subscribers, suppressions, topics
from distributor.storage.database import Connection


class MailPause(StrEnum):
    """What to do about a pause: leave it as it is, end it, or begin one."""

    KEEP = "keep"
    RESUME = "resume"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"


_LENGTHS = {
    MailPause.WEEK: timedelta(days=7),
    MailPause.MONTH: timedelta(days=30),
    MailPause.QUARTER: timedelta(days=91),
}
# Links from before an erasure are dead: who holds one of an erased person was made known again, and wrote to, since.
_LIFTED_BY_CHOOSING = frozenset({SuppressionReason.UNSUBSCRIBE, SuppressionReason.ERASED})
_ON = frozenset({Membership.SUBSCRIBED, Membership.PENDING})


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPreference:
    """A list that somebody is on or may join. `offered` are labels of topics by their slugs, those they have included.

    `topics` and `frequency` are what they chose, also before they left; None means every article.
    """

    list: MailingList
    membership: Membership | None
    topics: tuple[str, ...] | None
    frequency: Frequency
    offered: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """All that a person can choose. `held_back` is why nothing goes to them, whatever they choose, or empty.

    `paused_until` is None unless it is still to come.
    """

    delivery_id: int
    recipient: str
    person: Subscriber
    places: tuple[ListPreference, ...]
    held_back: frozenset[SuppressionReason]
    paused_until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListChoice:
    """What somebody wants of one list: to be on it, which topics or with None every article, and how often."""

    is_on: bool
    topics: tuple[str, ...] | None = None
    frequency: Frequency = Frequency.EVERY_ARTICLE


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferenceChoices:
    """What somebody saves: `lists` by slug. A list that is not in it stays as it is."""

    lists: Mapping[str, ListChoice]
    name: str
    language: str
    pause: MailPause = MailPause.KEEP


def find_preferences(app: AppContext, token: str) -> Preferences | None:
    """What the holder of this link has chosen so far; None if it is not ours, or of somebody no longer known."""
    with app.database.begin() as connection:
        holder = find_link_owner(app, connection, Purpose.PREFERENCES, token)
        return _preferences_of(app, connection, holder) if holder else None


def save(app: AppContext, token: str, choices: PreferenceChoices, network: str) -> Preferences | None:
    """Do all that was chosen, or nothing of it. Who saves last wins. None as above.

    A list that the page does not show, or a topic that its list does not have, changes nothing.
    """
    now = app.clock()
    with app.database.begin() as connection:
        holder = lock_link_owner(app, connection, Purpose.PREFERENCES, token)
        if holder is None:
            return None
        for place in _places_of(connection, holder):
            if choice := choices.lists.get(place.list.slug):
                _settle(app, connection, holder, place, choice, network)
        if any(place.membership is Membership.SUBSCRIBED for place in _places_of(connection, holder)):
            suppressions.lift(connection, _mailbox_of(holder), reasons=_LIFTED_BY_CHOOSING)
        person = subscribers.change(connection, holder.person.id, _changes_of(holder.person, choices, now), now=now)
        return _preferences_of(app, connection, replace(holder, person=person))


def unsubscribe_from_all(app: AppContext, token: str, network: str) -> Preferences | None:
    """Take the holder off every list and send them nothing more, whoever may add them. None as above."""
    now = app.clock()
    with app.database.begin() as connection:
        holder = lock_link_owner(app, connection, Purpose.PREFERENCES, token)
        if holder is None:
            return None
        for place in memberships.of_subscriber(connection, holder.person.id):
            _leave(
                connection, holder, place.list, _evidence(consent_texts.UNSUBSCRIBE_FROM_ALL, holder, network), now=now
            )
        mailbox = replace(_mailbox_of(holder), email=holder.person.email)
        suppressions.add(connection, [mailbox], SuppressionReason.UNSUBSCRIBE, note="by their own choice", now=now)
        return _preferences_of(app, connection, holder)


def identify(app: AppContext, token: str, email: str) -> Subscriber | None:
    """The holder of this link, if they also know the whole address that it was sent to; else None.

    Pages show it masked: to whom a mail was forwarded without its head, or who looks over a shoulder, does not know it.
    """
    with app.database.begin() as connection:
        holder = find_link_owner(app, connection, Purpose.PREFERENCES, token)
    try:
        key = parse_address(email.strip()).key
    except AddressError:
        return None
    return holder.person if holder and holder.person.key == key else None


def _preferences_of(app: AppContext, connection: Connection, holder: LinkOwner) -> Preferences:
    held_back = suppressions.of_key(connection, holder.person.key)
    until = holder.person.paused_until
    return Preferences(
        delivery_id=holder.delivery_id,
        recipient=holder.recipient,
        person=holder.person,
        places=tuple(_places_of(connection, holder)),
        held_back=frozenset(entry.reason for entry in held_back),
        paused_until=until if until and until > app.clock() else None,
    )


def _places_of(connection: Connection, holder: LinkOwner) -> list[ListPreference]:
    """The lists somebody is on, and those that everybody may join."""
    known = {place.list.slug: place for place in memberships.of_subscriber(connection, holder.person.id)}
    mine = [place.list for place in known.values() if place.state in _ON]
    shown = {one.slug: one for one in [*mine, *lists.public(connection)]}
    wanted = {
        slug: [*one.topics, *((known[slug].topics or ()) if slug in known else ())] for slug, one in shown.items()
    }
    labels = topics.labels(connection, (topic for those in wanted.values() for topic in those))
    return [
        ListPreference(
            list=one,
            membership=known[slug].state if slug in known else None,
            topics=known[slug].topics if slug in known else None,
            frequency=known[slug].frequency if slug in known else Frequency.EVERY_ARTICLE,
            offered={topic: labels[topic] for topic in wanted[slug]},
        )
        for slug, one in sorted(shown.items(), key=lambda item: (item[1].name.casefold(), item[0]))
    ]


def _settle(
    app: AppContext,
    connection: Connection,
    holder: LinkOwner,
    place: ListPreference,
    choice: ListChoice,
    network: str,
) -> None:
    """Make one place what was chosen."""
    now = app.clock()
    if not choice.is_on:
        _leave(connection, holder, place.list, _evidence(consent_texts.LIST_DESELECTED, holder, network), now=now)
        return
    evidence = _evidence(consent_texts.preference_consent(app.site, place.list), holder, network)
    memberships.grant(connection, holder.person.id, place.list.id, evidence, now=now)
    wanted = None if choice.topics is None else tuple(topic for topic in place.offered if topic in choice.topics)
    memberships.set_preferences(connection, holder.person.id, place.list.id, topics=wanted, frequency=choice.frequency)


def _leave(
    connection: Connection, holder: LinkOwner, left: MailingList, evidence: ConsentEvidence, *, now: datetime
) -> None:
    if not memberships.unsubscribe(connection, holder.person.id, left.id, evidence, now=now):
        return
    event = Event(
        delivery_id=holder.delivery_id,
        kind=EventKind.UNSUBSCRIBE,
        at=now,
        key=f"unsubscribe-{holder.delivery_id}-{left.id}-{now.timestamp()}",
        detail={"way": "preferences", "list": left.slug},
    )
    events.record(connection, [event])


def _changes_of(person: Subscriber, choices: PreferenceChoices, now: datetime) -> dict[str, object]:
    until = {MailPause.KEEP: person.paused_until, MailPause.RESUME: None}
    paused_until = until[choices.pause] if choices.pause in until else now + _LENGTHS[choices.pause]
    return {"name": choices.name, "language": choices.language, "paused_until": paused_until}


def _evidence(text: str, holder: LinkOwner, network: str) -> ConsentEvidence:
    return ConsentEvidence(
        method=ConsentMethod.FORM, text=text, network=network, detail={"delivery": holder.delivery_id}
    )


def _mailbox_of(holder: LinkOwner) -> Target:
    return Target(hash=hash_of_key(holder.person.key))
