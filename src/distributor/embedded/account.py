"""Who the servers run as. PostgreSQL refuses to run as root, so root lends it another user."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from signal import Signals
from typing import TypedDict

from distributor.domain.errors import ConfigurationError

_STAND_IN = "nobody"
# What root keeps while it becomes somebody else, least first: nothing; the right to pass and read closed folders, for
# data below a private home; the right to run programs there that were installed for root alone.
_KEPT_CAPABILITIES = (None, "dac_read_search", "dac_override")


class Credentials(TypedDict, total=False):
    """What a subprocess is told about its user."""

    user: int
    group: int
    extra_groups: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A user of the operating system. `credentials` are empty where nothing has to change."""

    uid: int
    gid: int
    credentials: Credentials
    capability: str | None = None

    def command(self, argv: tuple[str, ...], death_signal: Signals) -> tuple[str, ...]:
        """`argv` as it has to be started. The kernel forgets a death signal at a change of user, so it goes along."""
        if self.capability is None:
            return argv
        kept = f"-all,+{self.capability}"
        return (
            *("setpriv", "--reuid", str(self.uid), "--regid", str(self.gid), "--clear-groups"),
            *("--inh-caps", kept, "--ambient-caps", kept, "--pdeathsig", death_signal.name.removeprefix("SIG"), "--"),
            *argv,
        )

    def take_over(self, folder: Path) -> None:
        """Make a folder and all that is in it this user's; only root can, and only where it is not so already."""
        if not self.credentials and self.capability is None:
            return
        if folder.stat().st_uid == self.uid:
            return
        for place, _, files in os.walk(folder):
            os.chown(place, self.uid, self.gid)
            for file in files:
                os.chown(Path(place) / file, self.uid, self.gid, follow_symlinks=False)


def choose_account(postgres: Path, database: Path) -> tuple[Account, int]:
    """The user for the servers, and the major version of the program `postgres`, which that user can run.

    For root it is the owner of the database directory, or a stand-in while there is none. Raises ConfigurationError.
    """
    _require_a_name()
    said = ""
    for account in _candidates(database):
        said = _ask_version(account, postgres, database)
        version = re.search(r"\(PostgreSQL\) (\d+)", said)
        if version:
            return account, int(version[1])
    raise ConfigurationError(
        f"PostgreSQL cannot be run from {postgres} for {database} ({said.strip() or 'no answer'}): "
        "start Distributor as an ordinary user, or set DISTRIBUTOR_DATABASE_URL"
    )


def users_of_the_keeper() -> tuple[str, ...]:
    """The names of the users that may use the servers: whoever runs the keeper, and root."""
    return tuple({pwd.getpwuid(os.geteuid()).pw_name, pwd.getpwuid(0).pw_name})


def _require_a_name() -> None:
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        raise ConfigurationError(
            f"user number {os.geteuid()} has no name on this machine, and PostgreSQL needs one: "
            "add it to /etc/passwd, or set DISTRIBUTOR_DATABASE_URL"
        ) from None


def _candidates(database: Path) -> Iterator[Account]:
    if os.geteuid() != 0:
        yield Account(uid=os.geteuid(), gid=os.getegid(), credentials={})
        return
    uid, gid = _owner(database)
    for capability in _KEPT_CAPABILITIES:
        if capability is None:
            yield Account(uid=uid, gid=gid, credentials={"user": uid, "group": gid, "extra_groups": ()})
        elif shutil.which("setpriv"):
            yield Account(uid=uid, gid=gid, credentials={}, capability=capability)


def _owner(database: Path) -> tuple[int, int]:
    if database.exists() and database.stat().st_uid != 0:
        return database.stat().st_uid, database.stat().st_gid
    stand_in = pwd.getpwnam(_STAND_IN)
    return stand_in.pw_uid, stand_in.pw_gid


def _ask_version(account: Account, postgres: Path, database: Path) -> str:
    # Tried, not computed: whether a user can pass a folder depends on more than its permission bits.
    script = 'cd "$1" && exec "$2" --version'
    command = account.command(("/bin/sh", "-c", script, "sh", str(database.parent), str(postgres)), Signals.SIGTERM)
    answer = subprocess.run(  # noqa: S603
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, **account.credentials
    )
    return answer.stdout or answer.stderr
