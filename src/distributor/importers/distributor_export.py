"""Our own export: its columns, and how they are read back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from distributor.domain.errors import InputError
from distributor.domain.rendition import Json
from distributor.domain.subscriber import Membership, SubscriberStatus
from distributor.domain.subscriber_import import ImportedStatus
from distributor.domain.suppression import SuppressionReason
from distributor.domain.tags import slugify
from distributor.importers.values import parse_list, parse_object, parse_text

NAME = "distributor"
IS_ESCAPED = True
COLUMNS: Mapping[str, str] = {
    "email": "email",
    "name": "name",
    "language": "language",
    "zone": "zone",
    "tags": "tags",
    "attributes": "attributes",
    "status": "source.status",
    "suppressed": "source.suppressed",
    "created_at": "evidence.created_at",
    "lists": "source.lists",
    "state": "source.state",
    "topics": "source.topics",
    "consent_action": "evidence.consent_action",
    "consent_method": "evidence.consent_method",
    "consent_at": "evidence.consent_at",
    "consent_ip_address": "ip_address",
    "consent_text": "evidence.consent_text",
}
# The subscriber has deselected every topic; an empty cell means every article.
NO_TOPICS = "(none)"


def matches(headers: frozenset[str]) -> bool:
    return headers >= COLUMNS.keys()


def status_of(source: Mapping[str, Json]) -> ImportedStatus:
    """The exported status, with suppressions and topics."""
    state = source.get("state")
    return ImportedStatus(
        state=_one_of(Membership, state, Membership.PENDING) if state else _state_of_lists(source.get("lists", "{}")),
        status=_one_of(SubscriberStatus, source.get("status", ""), SubscriberStatus.ACTIVE),
        reasons=_reasons(source.get("suppressed", "")),
        topics=_topics(source.get("topics")),
    )


_Word = TypeVar("_Word", Membership, SubscriberStatus, SuppressionReason)


def _one_of(words: type[_Word], value: Json, default: _Word) -> _Word:
    word = parse_text(value)
    try:
        return words(word) if word else default
    except ValueError:
        raise InputError(f"{word[:40]!r} is not one of {', '.join(words)}") from None


def _state_of_lists(value: Json) -> Membership:
    """The state on every list, as an export of all lists has none of its own."""
    states = {_one_of(Membership, state, Membership.UNSUBSCRIBED) for state in parse_object(value).values()}
    if len(states) != 1:
        are = "on several lists with different states" if states else "on no list"
        raise InputError(f"is {are} in this export, which is not of one list: export the list with --list")
    return states.pop()


def _reasons(value: Json) -> tuple[SuppressionReason, ...]:
    words = [word.strip() for word in parse_list(value) if word.strip()]
    if SuppressionReason.ERASED in words:
        raise InputError("was erased at their own request, and is not imported again")
    return tuple(_one_of(SuppressionReason, word, SuppressionReason.IMPORTED) for word in words)


def _topics(value: Json) -> tuple[str, ...] | None:
    if value is None:
        return None
    slugs = () if value == NO_TOPICS else tuple(slug.strip() for slug in parse_list(value) if slug.strip())
    if invalid := [slug for slug in slugs if slugify(slug) != slug]:
        raise InputError(f"invalid topic {invalid[0][:40]!r}; a topic is the slug of a tag")
    return slugs
