"""The state of a sandbox on one folder: its inbox, its emulators, and the faults that are active."""

from __future__ import annotations

import fcntl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from distributor.domain.errors import ConfigurationError, NotFoundError
from distributor.sandbox.emulator import Emulator
from distributor.sandbox.faults import Switches
from distributor.sandbox.inbox import Inbox
from distributor.sandbox.registry import emulators
from distributor.sandbox.request_gate import Clock, system_clock
from distributor.sandbox.smtp_server import SMTP, SMTP_FAULTS


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxState:
    """The state of a running sandbox; `emulators` by the kind of their channel."""

    folder: Path
    clock: Clock
    switches: Switches
    inbox: Inbox
    emulators: Mapping[str, Emulator[Any]]
    lock: IO[str]

    def emulator(self, kind: str) -> Emulator[Any]:
        """The emulator of this kind. Raises NotFoundError."""
        try:
            return self.emulators[kind]
        except KeyError:
            raise NotFoundError("emulator", kind, hint=f"there are {', '.join(self.emulators)}") from None

    def close(self) -> None:
        """Close all files."""
        self.inbox.close()
        for emulator in self.emulators.values():
            emulator.close()
        self.lock.close()


def open_state(folder: Path, *, clock: Clock = system_clock) -> SandboxState:
    """Open the state kept in the folder. Raises ConfigurationError if another sandbox works on the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = _lock(folder)
    found = emulators()
    switches = Switches({SMTP: SMTP_FAULTS} | {kind: emulator.fault_profile for kind, emulator in found.items()})
    return SandboxState(
        folder=folder,
        clock=clock,
        switches=switches,
        inbox=Inbox(folder / "inbox"),
        emulators={kind: emulator(folder / kind, switches=switches, clock=clock) for kind, emulator in found.items()},
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
