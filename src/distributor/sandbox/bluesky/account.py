"""The test account of the emulated PDS and the server's limits. Its password opens the sandbox and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from distributor.sandbox.limits import Count, EmulatorLimits, Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class BlueskyTestAccount:
    """An account with an app password. `token_key` signs the sandbox's session tokens."""

    did: str = "did:plc:sandboxdistributor234567"
    handle: str = "distributor.test"
    name: str = "Distributor"
    app_password: str = "sand-boxa-pppa-ssword"  # noqa: S105 - public on purpose
    token_key: bytes = b"sandbox-session-token-signing-key"


BLUESKY_ACCOUNT = BlueskyTestAccount()


class BlueskyLimits(EmulatorLimits):
    """A PDS's defaults. createRecord costs 3 points, putRecord 2, deleteRecord 1."""

    points_per_hour: Count = 5000
    calls_per_window: Count = 3000
    window_seconds: Seconds = 300
    logins_per_window: Count = 30
    access_token_seconds: Seconds = 7200
    refresh_token_seconds: Seconds = 5_184_000
    refresh_grace_seconds: Count = 7200
