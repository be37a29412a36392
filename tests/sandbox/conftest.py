"""A sandbox per test, a clock that stands still until told, and callers that know the accounts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from distributor.sandbox import accounts
from distributor.sandbox.service import Sandbox, running_sandbox

from .clients import BlueskyCaller, StillClock, plain_client


@pytest.fixture
def clock() -> StillClock:
    return StillClock(datetime.now(UTC))


@pytest.fixture
def sandbox(tmp_path: Path, clock: StillClock) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path / "sandbox", clock=clock) as running:
        yield running


@pytest.fixture
def http(sandbox: Sandbox) -> Iterator[httpx.Client]:
    """The sandbox, spoken to by nobody in particular."""
    with plain_client(sandbox.http_url) as client:
        yield client


@pytest.fixture
def x(sandbox: Sandbox) -> Iterator[httpx.Client]:
    """X, spoken to with the account's bearer token."""
    headers = {"authorization": f"Bearer {accounts.X.bearer_token}"}
    with plain_client(sandbox.x_url, headers) as client:
        yield client


@pytest.fixture
def mastodon(sandbox: Sandbox) -> Iterator[httpx.Client]:
    """Mastodon, spoken to with the account's token."""
    headers = {"authorization": f"Bearer {accounts.MASTODON.access_token}"}
    with plain_client(sandbox.mastodon_url, headers) as client:
        yield client


@pytest.fixture
def bluesky(sandbox: Sandbox) -> Iterator[BlueskyCaller]:
    """Bluesky, logged in."""
    with plain_client(f"{sandbox.bluesky_url}/xrpc") as client:
        yield BlueskyCaller.logged_in(client)
