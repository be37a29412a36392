"""Answers: what a call to a network came to, whichever network it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from distributor.domain.delivery import Delivery, Outcome, Verdict
from distributor.domain.rendition import Json

# The other side's words go into a table: enough to understand, not a whole page of HTML.
_MOST_WORDS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """The post is there. `detail` keeps what a reply to it needs."""

    remote_id: str
    permalink: str | None
    detail: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """This call made no post. `is_repetition` says that the network knows the same post from an earlier call."""

    verdict: Verdict
    reply: str
    reply_code: int | None = None
    retry_at: datetime | None = None
    is_repetition: bool = False

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
    """Whether the post is there cannot be told. `retry_at` is the earliest time to ask again, if one was named."""

    reply: str
    reply_code: int | None = None
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NotFound:
    """The account has no such post, as far as the network shows."""


PostAnswer: TypeAlias = Posted | Refused | Unknown
Trace: TypeAlias = Posted | NotFound | Unknown


def classify_status(status: int, words: str, *, retry_at: datetime | None = None) -> Refused | Unknown:
    """What an HTTP status means that is no success (RFC 9110 section 15), where a network gives it no other meaning.

    A server's own error may come after the post was made. 401 to 403 are about the account, 404 and redirects about
    the address in the settings: both concern all posts. 408, 425 and 429 pass; any other refusal is about this post.
    """
    reply = words[:_MOST_WORDS]
    if status >= 500 or status < 300:
        return Unknown(reply=reply, reply_code=status, retry_at=retry_at)
    if status in (401, 402, 403):
        verdict = Verdict.SENDER_REJECTED
    elif status in (404, 405) or status < 400:
        verdict = Verdict.SENDER_REJECTED
        reply = f"nothing takes posts at this address, is the URL in the settings right? {reply}".strip()
    elif status in (408, 425, 429):
        verdict = Verdict.DEFERRED
    else:
        verdict = Verdict.FAILED
    return Refused(verdict=verdict, reply=reply, reply_code=status, retry_at=retry_at)
