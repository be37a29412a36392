"""What Distributor itself exports: its columns, and the way back from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from distributor.domain.errors import InputError
from distributor.domain.importing import ImportedStatus
from distributor.domain.rendition import Json
from distributor.domain.subscriber import Frequency, Membership, SubscriberStatus
from distributor.domain.suppression import SuppressionReason
from distributor.domain.tags import slugify
from distributor.importers.statuses import standing_named
from distributor.importers.values import list_of, text_of

NAME = "distributor"
IS_ESCAPED = True
COLUMNS: Mapping[str, str] = {
    "email": "email",
    "name": "name",
    "language": "language",
    "zone": "zone",
    "tags": "tags",
    "attributes": "attributes",
    "status": "said.status",
    "suppressed": "said.suppressed",
    "created_at": "evidence.created_at",
    "lists": "ignore",
    "state": "said.state",
    "topics": "said.topics",
    "frequency": "said.frequency",
    "consent_action": "evidence.consent_action",
    "consent_method": "evidence.consent_method",
    "consent_at": "evidence.consent_at",
    "consent_network": "network",
    "consent_text": "evidence.consent_text",
}
# Who has chosen topics and then none of them; an empty cell is every article.
NO_TOPICS = "(none)"
_STATUSES = frozenset({"", *SubscriberStatus})


def is_from_here(headers: frozenset[str]) -> bool:
    return headers >= COLUMNS.keys()


def standing_of(said: Mapping[str, Json]) -> ImportedStatus:
    """As it was there, with everything that keeps mail away."""
    status = text_of(said.get("status", ""))
    if status not in _STATUSES:
        # Somebody's own JSON lines may call the state of the subscription so.
        return standing_named(status)
    return ImportedStatus(
        state=_one_of(Membership, said.get("state", ""), Membership.SUBSCRIBED),
        status=SubscriberStatus(status) if status else SubscriberStatus.ACTIVE,
        reasons=_reasons(said.get("suppressed", "")),
        topics=_topics(said.get("topics")),
        frequency=_one_of(Frequency, said.get("frequency", ""), Frequency.EVERY_ARTICLE),
    )


_Word = TypeVar("_Word", Membership, Frequency, SuppressionReason)


def _one_of(words: type[_Word], value: Json, default: _Word) -> _Word:
    word = text_of(value)
    try:
        return words(word) if word else default
    except ValueError:
        raise InputError(f"{word[:40]!r} is none of {', '.join(words)}") from None


def _reasons(value: Json) -> tuple[SuppressionReason, ...]:
    words = [word.strip() for word in list_of(value) if word.strip()]
    if SuppressionReason.ERASED in words:
        raise InputError("was erased at their own wish, and is not made known again")
    return tuple(_one_of(SuppressionReason, word, SuppressionReason.IMPORTED) for word in words)


def _topics(value: Json) -> tuple[str, ...] | None:
    if value is None:
        return None
    slugs = () if value == NO_TOPICS else tuple(slug.strip() for slug in list_of(value) if slug.strip())
    if strange := [slug for slug in slugs if slugify(slug) != slug]:
        raise InputError(f"{strange[0][:40]!r} is no topic; a topic is the slug of a tag")
    return slugs
