"""Sign-up on the public pages, by a person whose address is not confirmed yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from distributor.domain.consent import ConsentEvidence, ConsentMethod
from distributor.domain.errors import InputError, NotFoundError
from distributor.domain.subscriber import (
    ListVisibility,
    MailingList,
    Membership,
    OptIn,
    Person,
    Subscriber,
    SubscriberStatus,
)
from distributor.domain.suppression import LIFTED_BY_CONFIRMING
from distributor.flow import consent_texts
from distributor.flow.app_context import AppContext
from distributor.flow.subscriptions.confirmation_mail import queue_confirmation
from distributor.rendering.words import ENGLISH
from distributor.storage import lists, memberships, subscribers, suppressions, tags
from distributor.storage.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class SignUp:
    """A sign-up form: `choices` maps the slugs of lists to the chosen topics, or None for every article.

    `ip_address` is the IP address of the request; `page` the origin of the other site that posted it, or empty;
    `shown_in` the language that the form was shown in.
    """

    person: Person
    choices: Mapping[str, tuple[str, ...] | None]
    ip_address: str
    page: str = ""
    shown_in: str = ENGLISH


def sign_up(app: AppContext, asked: SignUp) -> None:
    """Subscribe a person to lists, or send a confirmation mail. The caller cannot tell which, so no address leaks.

    Without confirmation only lists with single opt-in are subscribed, and only for addresses with no suppression and
    no earlier unsubscribe; the others are asked to confirm first. A suppression that the owner of the mailbox cannot
    lift means that nothing is sent or stored. Name and language of a known subscriber are never changed.

    One transaction: raises NotFoundError for a list that is unknown or not public, InputError for a topic that the
    list does not offer or for no list at all, and the errors of `queue_confirmation`.
    """
    now = app.clock()
    if not asked.choices:
        raise InputError("nothing was chosen to subscribe to; choose at least one list")
    with app.database.begin() as connection:
        chosen = [_open_list(connection, slug, asked.choices[slug]) for slug in sorted(asked.choices)]
        suppressed = suppressions.of_key(connection, asked.person.key)
        if any(entry.target.domain or entry.reason not in LIFTED_BY_CONFIRMING for entry in suppressed):
            return
        person = _locked(connection, asked.person, now=now)
        if person.status is SubscriberStatus.DISABLED:
            return
        must_confirm = bool(suppressed) or _has_unsubscribed(connection, person)
        waiting = [one for one in chosen if _request(app, connection, person, one, asked, must_confirm, now=now)]
        if waiting:
            queue_confirmation(app, connection, person, waiting[0], now=now)


def _open_list(connection: Connection, slug: str, topics: tuple[str, ...] | None) -> MailingList:
    found = lists.find(connection, slug)
    if found.visibility is not ListVisibility.PUBLIC:
        # The same error as for an unknown list: the public must not learn that it exists.
        raise NotFoundError("list", slug)
    if foreign := set(tags.current_slugs(connection, topics or ())) - set(found.topics):
        raise InputError(f"the list {found.name!r} has no topic {min(foreign)!r}")
    return found


def _locked(connection: Connection, person: Person, *, now: datetime) -> Subscriber:
    try:
        known = subscribers.lock(connection, subscribers.find(connection, person.key).id)
    except NotFoundError:
        known = None
    return known or subscribers.find_by_id(connection, subscribers.upsert(connection, [person], now=now)[person.key])


def _has_unsubscribed(connection: Connection, person: Subscriber) -> bool:
    found = memberships.of_subscriber(connection, person.id)
    return any(membership.state is Membership.UNSUBSCRIBED for membership in found)


def _request(
    app: AppContext,
    connection: Connection,
    person: Subscriber,
    chosen: MailingList,
    asked: SignUp,
    must_confirm: bool,
    *,
    now: datetime,
) -> bool:
    """Add the sign-up to one list; whether it now waits for confirmation."""
    evidence = ConsentEvidence(
        method=ConsentMethod.FORM,
        text=consent_texts.sign_up_consent(app.templates.words_in(asked.shown_in), app.site, chosen),
        ip_address=asked.ip_address,
        detail={"page": asked.page} if asked.page else {},
    )
    topics = asked.choices[chosen.slug]
    if chosen.opt_in is OptIn.SINGLE and not must_confirm:
        memberships.grant(connection, person.id, chosen.id, evidence, topics=topics, now=now)
        return False
    return memberships.request(connection, person.id, chosen.id, evidence, topics=topics, now=now)
