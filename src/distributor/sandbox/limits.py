"""Each network's terms: the limits it keeps to, as far as they differ between plans and servers."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from distributor.domain.errors import InputError, NotFoundError

Count = Annotated[int, Field(ge=0, le=10_000_000)]
Seconds = Annotated[int, Field(ge=1, le=10_000_000)]


class _Terms(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class XLimits(_Terms):
    """X's published limits. With `self_serve`, a reply needs a mention of the account in the post replied to."""

    posts_per_window: Count = 100
    reads_per_window: Count = 900
    deletes_per_window: Count = 50
    uploads_per_window: Count = 500
    window_seconds: Seconds = 900
    max_weighted_length: Count = 280
    max_cashtags: Count = 1
    duplicate_window_seconds: Count = 86_400
    self_serve: bool = False


class IdempotencyKeys(StrEnum):
    """What a server does with a repeated key: Mastodon honours it; GoToSocial, snac and Pixelfed ignore it; some
    versions of Mastodon fail on it with 500."""

    HONOUR = "honour"
    IGNORE = "ignore"
    FAIL = "fail"


class MastodonLimits(_Terms):
    """Mastodon's defaults. `polls_until_processed`: how often an upload says that it is not ready yet."""

    calls_per_window: Count = 300
    uploads_per_window: Count = 30
    deletes_per_window: Count = 30
    window_seconds: Seconds = 300
    slow_window_seconds: Seconds = 1800
    max_characters: Count = 500
    characters_reserved_per_url: Count = 23
    max_media_attachments: Count = 4
    idempotency_keys: IdempotencyKeys = IdempotencyKeys.HONOUR
    idempotency_seconds: Seconds = 3600
    polls_until_processed: Count = 0


class BlueskyLimits(_Terms):
    """A PDS's defaults. createRecord costs 3 points, putRecord 2, deleteRecord 1."""

    points_per_hour: Count = 5000
    calls_per_window: Count = 3000
    window_seconds: Seconds = 300
    logins_per_window: Count = 30
    access_token_seconds: Seconds = 7200
    refresh_token_seconds: Seconds = 5_184_000
    refresh_grace_seconds: Count = 7200


class TermsBook:
    """The terms in force. May be changed from any thread. A restart of the sandbox brings back the defaults."""

    def __init__(self) -> None:
        self.x = XLimits()
        self.mastodon = MastodonLimits()
        self.bluesky = BlueskyLimits()

    def of(self, service: str) -> BaseModel:
        """The terms of a network. Raises NotFoundError for one that has none."""
        if service not in ("x", "mastodon", "bluesky"):
            raise NotFoundError("network", service, hint="there are x, mastodon, bluesky")
        terms: BaseModel = getattr(self, service)
        return terms

    def change(self, service: str, **changes: Any) -> BaseModel:
        """Put the defaults with these changes in force. Raises NotFoundError, and InputError naming the wrong term."""
        return self.replace(service, changes)

    def replace(self, service: str, changes: Mapping[str, Any]) -> BaseModel:
        """As `change`, with the changes as a mapping."""
        try:
            terms = type(self.of(service)).model_validate(changes)
        except ValidationError as error:
            raise InputError(f"terms of {service}: {describe(error)}") from None
        setattr(self, service, terms)
        return terms


def describe_errors(error: ValidationError) -> str:
    """The faults that pydantic found, as one line for a person."""
    return "; ".join(f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in error.errors())
