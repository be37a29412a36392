"""Preferences: the lists, topics, language and pause that a subscriber chooses by the link in a mail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from distributor.domain.address import parse_address
from distributor.domain.consent import ConsentEvidence, ConsentMethod
from distributor.domain.errors import AddressError
from distributor.domain.event import Event, EventKind
from distributor.domain.stored_text import storable
from distributor.domain.subscriber import MailingList, Membership, Subscriber
from distributor.domain.suppression import SuppressionReason, Target, hash_of_key
from distributor.domain.tokens import Purpose
from distributor.flow import consent_texts
from distributor.flow.app_context import AppContext
from distributor.flow.subscriptions.link_tokens import LinkOwner, find_link_owner, lock_link_owner
from distributor.rendering.words import ENGLISH
from distributor.storage import events, lists, memberships, subscribers, suppressions, tags, topics
from distributor.storage.database import Connection


class MailPause(StrEnum):
    """What happens to the pause of a subscriber: it is kept, ended, or begins now."""

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
# Links from before an erasure are invalid: a valid link of an erased subscriber was sent after a new sign-up.
_LIFTED_BY_CHOOSING = frozenset({SuppressionReason.UNSUBSCRIBE, SuppressionReason.ERASED})
_ON = frozenset({Membership.SUBSCRIBED, Membership.PENDING})


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPreference:
    """A list that a subscriber is on or may join. `offered` has the labels of topics by slug, chosen ones included.

    `topics` are the last choice, also after an unsubscribe; None means every article.
    """

    list: MailingList
    membership: Membership | None
    topics: tuple[str, ...] | None
    offered: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """All choices of a subscriber. `suppressed` are the reasons why mail to them is suppressed.

    `paused_until` is None unless it lies in the future.
    """

    delivery_id: int
    recipient: str
    person: Subscriber
    lists: tuple[ListPreference, ...]
    suppressed: frozenset[SuppressionReason]
    paused_until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListChoice:
    """The choice for one list: whether to be on it, and which topics (None: every article)."""

    is_on: bool
    topics: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferenceChoices:
    """The saved form, which was `shown_in` a language: `lists` by slug. A list that is not in it stays as it is."""

    lists: Mapping[str, ListChoice]
    name: str
    language: str
    pause: MailPause = MailPause.KEEP
    shown_in: str = ENGLISH


def find_preferences(app: AppContext, token: str) -> Preferences | None:
    """The current choices of this link's owner; None if the token is not valid or the subscriber was deleted."""
    with app.database.begin() as connection:
        owner = find_link_owner(app, connection, Purpose.PREFERENCES, token)
        return _preferences_of(app, connection, owner) if owner else None


def save(app: AppContext, token: str, choices: PreferenceChoices, ip_address: str) -> Preferences | None:
    """Save all choices in one transaction. The last save wins. None as above.

    A list that the page does not show, or a topic that its list does not have, is ignored.
    """
    now = app.clock()
    with app.database.begin() as connection:
        owner = lock_link_owner(app, connection, Purpose.PREFERENCES, token)
        if owner is None:
            return None
        for preference in _lists_of(connection, owner):
            if choice := choices.lists.get(preference.list.slug):
                _apply_choice(app, connection, owner, preference, choice, choices.shown_in, ip_address)
        if any(one.membership is Membership.SUBSCRIBED for one in _lists_of(connection, owner)):
            suppressions.lift(connection, _mailbox_of(owner), reasons=_LIFTED_BY_CHOOSING)
        person = subscribers.change(connection, owner.person.id, _changes_of(owner.person, choices, now), now=now)
        return _preferences_of(app, connection, replace(owner, person=person))


def unsubscribe_from_all(app: AppContext, token: str, ip_address: str, shown_in: str = ENGLISH) -> Preferences | None:
    """Unsubscribe the link's owner from every list and suppress the address. None as above.

    `shown_in` is the language of the page with the button.
    """
    now = app.clock()
    text = app.templates.words_in(shown_in).text("preferences.unsubscribe_all")
    with app.database.begin() as connection:
        owner = lock_link_owner(app, connection, Purpose.PREFERENCES, token)
        if owner is None:
            return None
        for membership in memberships.of_subscriber(connection, owner.person.id):
            _unsubscribe(connection, owner, membership.list, _evidence(text, owner, ip_address), now=now)
        mailbox = replace(_mailbox_of(owner), email=owner.person.email)
        suppressions.add(
            connection, [mailbox], SuppressionReason.UNSUBSCRIBE, note="unsubscribed from everything", now=now
        )
        return _preferences_of(app, connection, owner)


def identify(app: AppContext, token: str, email: str) -> Subscriber | None:
    """The subscriber of this link, if `email` is the address that it was sent to; else None.

    Pages mask the address, so a person to whom the mail was forwarded does not know it.
    """
    with app.database.begin() as connection:
        owner = find_link_owner(app, connection, Purpose.PREFERENCES, token)
    try:
        key = parse_address(email.strip()).key
    except AddressError:
        return None
    return owner.person if owner and owner.person.key == key else None


def _preferences_of(app: AppContext, connection: Connection, owner: LinkOwner) -> Preferences:
    entries = suppressions.of_key(connection, owner.person.key)
    until = owner.person.paused_until
    return Preferences(
        delivery_id=owner.delivery_id,
        recipient=owner.recipient,
        person=owner.person,
        lists=tuple(_lists_of(connection, owner)),
        suppressed=frozenset(entry.reason for entry in entries),
        paused_until=until if until and until > app.clock() else None,
    )


def _lists_of(connection: Connection, owner: LinkOwner) -> list[ListPreference]:
    """The lists a subscriber is on, and the public ones."""
    known = {one.list.slug: one for one in memberships.of_subscriber(connection, owner.person.id)}
    mine = [one.list for one in known.values() if one.state in _ON]
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
            offered={topic: labels[topic] for topic in wanted[slug]},
        )
        for slug, one in sorted(shown.items(), key=lambda item: (item[1].name.casefold(), item[0]))
    ]


def _apply_choice(
    app: AppContext,
    connection: Connection,
    owner: LinkOwner,
    preference: ListPreference,
    choice: ListChoice,
    shown_in: str,
    ip_address: str,
) -> None:
    """Apply the choice for one list."""
    now = app.clock()
    if not choice.is_on:
        _unsubscribe(
            connection, owner, preference.list, _evidence(consent_texts.LIST_DESELECTED, owner, ip_address), now=now
        )
        return
    text = consent_texts.preference_consent(app.templates.words_in(shown_in), app.site, preference.list)
    evidence = _evidence(text, owner, ip_address)
    memberships.grant(connection, owner.person.id, preference.list.id, evidence, now=now)
    wanted = None
    if choice.topics is not None:
        # A topic may have been renamed while the page was open.
        ticked = tags.current_slugs(connection, map(storable, choice.topics))
        wanted = tuple(topic for topic in preference.offered if topic in ticked)
    memberships.set_topics(connection, owner.person.id, preference.list.id, wanted)


def _unsubscribe(
    connection: Connection, owner: LinkOwner, mailing_list: MailingList, evidence: ConsentEvidence, *, now: datetime
) -> None:
    if not memberships.unsubscribe(connection, owner.person.id, mailing_list.id, evidence, now=now):
        return
    event = Event(
        delivery_id=owner.delivery_id,
        kind=EventKind.UNSUBSCRIBE,
        at=now,
        key=f"unsubscribe-{owner.delivery_id}-{mailing_list.id}-{now.timestamp()}",
        detail={"way": "preferences", "list": mailing_list.slug},
    )
    events.record(connection, [event])


def _changes_of(person: Subscriber, choices: PreferenceChoices, now: datetime) -> dict[str, object]:
    until = {MailPause.KEEP: person.paused_until, MailPause.RESUME: None}
    paused_until = until[choices.pause] if choices.pause in until else now + _LENGTHS[choices.pause]
    return {"name": choices.name, "language": choices.language, "paused_until": paused_until}


def _evidence(text: str, owner: LinkOwner, ip_address: str) -> ConsentEvidence:
    return ConsentEvidence(
        method=ConsentMethod.FORM, text=text, ip_address=ip_address, detail={"delivery": owner.delivery_id}
    )


def _mailbox_of(owner: LinkOwner) -> Target:
    return Target(hash=hash_of_key(owner.person.key))
