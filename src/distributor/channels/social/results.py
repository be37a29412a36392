"""The result of a call to a network's API, and what an HTTP status means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeAlias, TypeVar

from pydantic import TypeAdapter, ValidationError

from distributor.channels.api import Delivery, Json, Outcome, Verdict

# The reply is stored: enough to understand it, not a whole page of HTML.
_MAX_REPLY_CHARACTERS = 500

_Parsed = TypeVar("_Parsed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """The post exists. `detail` keeps what a reply to it needs."""

    remote_id: str
    permalink: str | None
    detail: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """This call created no post. `is_duplicate` means that the network already has the same post."""

    verdict: Verdict
    reply: str
    reply_code: int | None = None
    retry_at: datetime | None = None
    is_duplicate: bool = False

    def outcome_for(self, delivery: Delivery, *, detail: Mapping[str, Json] | None = None) -> Outcome:
        return Outcome.of(
            delivery,
            self.verdict,
            reply_code=self.reply_code,
            reply=self.reply,
            retry_at=self.retry_at,
            detail=detail,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """The post may or may not exist. `retry_at` is the earliest time to look again, if one is known."""

    reply: str
    reply_code: int | None = None
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NotFound:
    """The network shows no such post of the account, except those that belong to others if `has_others`."""

    has_others: bool = False


PostResult: TypeAlias = Posted | Refused | Unknown
FindResult: TypeAlias = Sequence[Posted] | Unknown
LookupResult: TypeAlias = Posted | NotFound | Unknown


class JsonResponse(Protocol):
    """A response of any HTTP client."""

    @property
    def status_code(self) -> int: ...

    @property
    def content(self) -> bytes: ...


def parse_body(model: type[_Parsed], response: JsonResponse) -> _Parsed | Unknown:
    """The body of a successful response; Unknown if it is not what the API documents."""
    try:
        return TypeAdapter(model).validate_json(response.content)
    except ValidationError:
        return Unknown(reply="the response of the API cannot be parsed", reply_code=response.status_code)


def classify_status(status: int, reply: str, *, retry_at: datetime | None = None) -> Refused | Unknown:
    """The meaning of an HTTP status that is no success (RFC 9110 section 15), unless a network defines another.

    After a 5xx the post may exist. 401 to 403 concern the account, 404, 405 and redirects the URL in the settings:
    both affect every post. 408, 425 and 429 are temporary; any other 4xx concerns this post.
    """
    reply = reply[:_MAX_REPLY_CHARACTERS]
    if status >= 500 or status < 300:
        return Unknown(reply=reply, reply_code=status, retry_at=retry_at)
    if status in (401, 402, 403):
        verdict = Verdict.SENDER_REJECTED
    elif status in (404, 405) or status < 400:
        verdict = Verdict.SENDER_REJECTED
        reply = f"this URL accepts no posts; check the URL in the channel's settings: {reply}".removesuffix(": ")
    elif status in (408, 425, 429):
        verdict = Verdict.DEFERRED
    else:
        verdict = Verdict.FAILED
    return Refused(verdict=verdict, reply=reply, reply_code=status, retry_at=retry_at)


def lookup_failed(failure: Refused | Unknown) -> Unknown:
    """The result of looking a post up when the reading call failed: whether the post exists is still open."""
    return Unknown(
        reply=f"the account's posts cannot be read: {failure.reply}",
        reply_code=failure.reply_code,
        retry_at=failure.retry_at,
    )
