"""The sandbox's well-known accounts. These values open the sandbox and nothing else in the world."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class MailAccount:
    """SMTP AUTH is offered and checked when used, but not asked for."""

    user: str = "distributor"
    password: str = "sandbox-mail-password"  # noqa: S105 - public on purpose


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


@dataclass(frozen=True, slots=True, kw_only=True)
class MastodonTestAccount:
    """An account with a token of scope read and write."""

    account_id: str = "110000000000000001"
    username: str = "distributor"
    name: str = "Distributor"
    access_token: str = "sandbox-mastodon-token"  # noqa: S105 - public on purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class BlueskyTestAccount:
    """An account with an app password. `token_key` signs the sandbox's session tokens."""

    did: str = "did:plc:sandboxdistributor234567"
    handle: str = "distributor.test"
    name: str = "Distributor"
    app_password: str = "sand-boxa-pppa-ssword"  # noqa: S105 - public on purpose
    token_key: bytes = b"sandbox-session-token-signing-key"


MAIL = MailAccount()
X = XTestAccount()
MASTODON = MastodonTestAccount()
BLUESKY = BlueskyTestAccount()
