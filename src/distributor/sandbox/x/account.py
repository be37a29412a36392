"""The test account of the emulated X and the limits of its plan. Its credentials open the sandbox and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from distributor.sandbox.limits import Count, EmulatorLimits, Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class XTestAccount:
    """OAuth 1.0a credentials, and a bearer token that stands for an OAuth 2.0 user context."""

    user_id: str = "1700000000000000001"
    username: str = "distributor"
    name: str = "Distributor"
    consumer_key: str = "sandbox-consumer-key"
    consumer_secret: str = "sandbox-consumer-secret"  # noqa: S105 - public on purpose
    access_token: str = "1700000000000000001-sandbox-access-token"  # noqa: S105 - public on purpose
    access_token_secret: str = "sandbox-access-token-secret"  # noqa: S105 - public on purpose
    bearer_token: str = "sandbox-bearer-token"  # noqa: S105 - public on purpose


X_ACCOUNT = XTestAccount()


class XLimits(EmulatorLimits):
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
