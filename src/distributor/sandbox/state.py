"""All the stand-ins together, on one folder."""

from __future__ import annotations

import fcntl
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from starlette.applications import Starlette

from distributor.domain.errors import ConfigurationError
from distributor.sandbox.bluesky.emulator import BlueskyEmulator
from distributor.sandbox.request_gate import Clock, system_clock
from distributor.sandbox.faults import Switches
from distributor.sandbox.inbox import Inbox
from distributor.sandbox.mastodon.emulator import MastodonEmulator
from distributor.sandbox.media import UploadStore
from distributor.sandbox.display import DisplayedPost
from distributor.sandbox.limits import TermsBook
from distributor.sandbox.x.emulator import XEmulator


class Network(Protocol):
    """What the emulators of social networks have in common."""

    app: Starlette
    media: UploadStore

    def shown(self) -> list[DisplayedPost]: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxState:
    """The state of a running sandbox."""

    folder: Path
    clock: Clock
    switches: Switches
    terms: TermsBook
    inbox: Inbox
    networks: dict[str, Network]
    lock: IO[str]

    def close(self) -> None:
        """Let go of all files."""
        self.inbox.close()
        for network in self.networks.values():
            network.close()
        self.lock.close()


def open_state(folder: Path, *, clock: Clock = system_clock) -> SandboxState:
    """The world as the folder remembers it. Raises ConfigurationError if another sandbox works on the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = _lock(folder)
    switches, terms = Switches(), TermsBook()
    networks: dict[str, Network] = {
        "x": XEmulator(folder / "x", switches=switches, terms=terms, clock=clock),
        "mastodon": MastodonEmulator(folder / "mastodon", switches=switches, terms=terms, clock=clock),
        "bluesky": BlueskyEmulator(folder / "bluesky", switches=switches, terms=terms, clock=clock),
    }
    return SandboxState(
        folder=folder,
        clock=clock,
        switches=switches,
        terms=terms,
        inbox=Inbox(folder / "inbox"),
        networks=networks,
        lock=lock,
    )


def _lock(folder: Path) -> IO[str]:
    """Two sandboxes on one folder would overwrite each other's mail. The lock ends with its process."""
    lock = (folder / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise ConfigurationError(
            f"another sandbox is already running on {folder}; stop it, or choose another folder"
        ) from None
    return lock
