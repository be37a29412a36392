"""The test account of the emulated Mastodon server and its limits. Its token opens the sandbox and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from distributor.sandbox.limits import Count, EmulatorLimits, Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class MastodonTestAccount:
    """An account with a token of scope read and write."""

    account_id: str = "110000000000000001"
    username: str = "distributor"
    name: str = "Distributor"
    access_token: str = "sandbox-mastodon-token"  # noqa: S105 - public on purpose


MASTODON_ACCOUNT = MastodonTestAccount()


class IdempotencyKeys(StrEnum):
    """What a server does with a repeated key: Mastodon honours it; GoToSocial, snac and Pixelfed ignore it; some
    versions of Mastodon fail on it with 500."""

    HONOUR = "honour"
    IGNORE = "ignore"
    FAIL = "fail"


class MastodonLimits(EmulatorLimits):
    """Mastodon's defaults. `polls_until_processed`: how many polls report that an upload is not ready yet."""

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
