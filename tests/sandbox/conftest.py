"""A sandbox per test, a clock that only tests advance, and clients with the test accounts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from distributor.sandbox.mastodon.account import MASTODON_ACCOUNT
from distributor.sandbox.service import Sandbox, running_sandbox
from distributor.sandbox.x.account import X_ACCOUNT

from .clients import BlueskyClient, ManualClock, plain_client


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime.now(UTC))


@pytest.fixture
def sandbox(tmp_path: Path, clock: ManualClock) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path / "sandbox", clock=clock) as running:
        yield running


@pytest.fixture
def http(sandbox: Sandbox) -> Iterator[httpx.Client]:
    """The sandbox, without credentials."""
    with plain_client(sandbox.http_url) as client:
        yield client


@pytest.fixture
def x(sandbox: Sandbox) -> Iterator[httpx.Client]:
    """X, called with the account's bearer token."""
    headers = {"authorization": f"Bearer {X_ACCOUNT.bearer_token}"}
    with plain_client(sandbox.url("x"), headers) as client:
        yield client


@pytest.fixture
def mastodon(sandbox: Sandbox) -> Iterator[httpx.Client]:
    """Mastodon, called with the account's token."""
    headers = {"authorization": f"Bearer {MASTODON_ACCOUNT.access_token}"}
    with plain_client(sandbox.url("mastodon"), headers) as client:
        yield client


@pytest.fixture
def bluesky(sandbox: Sandbox) -> Iterator[BlueskyClient]:
    """Bluesky, logged in."""
    with plain_client(sandbox.url("bluesky") + "/xrpc") as client:
        yield BlueskyClient.logged_in(client)
