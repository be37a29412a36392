"""The operating system's user that the servers run as: not root, since PostgreSQL refuses to run as root."""

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

_UNPRIVILEGED_USER = "nobody"
# The capabilities root keeps while it becomes another user, the least first: none; to pass and read closed folders, for
# data below a private home; to run programs there that were installed for root alone.
_KEPT_CAPABILITIES = (None, "dac_read_search", "dac_override")


class Credentials(TypedDict, total=False):
    """The arguments of `subprocess` that change the user."""

    user: int
    group: int
    extra_groups: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OsUser:
    """A user of the operating system. `credentials` are empty where the user does not change."""

    uid: int
    gid: int
    credentials: Credentials
    capability: str | None = None

    def command(self, argv: tuple[str, ...], death_signal: Signals) -> tuple[str, ...]:
        """The command that runs `argv` as this user.

        The kernel drops a parent-death signal when the user changes, so `setpriv` sets it again.
        """
        if self.capability is None:
            return argv
        kept = f"-all,+{self.capability}"
        return (
            *("setpriv", "--reuid", str(self.uid), "--regid", str(self.gid), "--clear-groups"),
            *("--inh-caps", kept, "--ambient-caps", kept, "--pdeathsig", death_signal.name.removeprefix("SIG"), "--"),
            *argv,
        )

    def chown(self, folder: Path) -> None:
        """Make this user the owner of a folder and its content, if root runs this and the owner is another."""
        if not self.credentials and self.capability is None:
            return
        if folder.stat().st_uid == self.uid:
            return
        for parent, _, files in os.walk(folder):
            os.chown(parent, self.uid, self.gid)
            for file in files:
                os.chown(Path(parent) / file, self.uid, self.gid, follow_symlinks=False)


def choose_os_user(postgres: Path, database: Path) -> tuple[OsUser, int]:
    """The user for the servers, and the major version of the program `postgres`, which that user can run.

    For root it is the owner of the database directory, or `nobody` while there is none. Raises ConfigurationError.
    """
    _require_user_name()
    answer = ""
    for user in _candidates(database):
        answer = _run_version(user, postgres, database)
        version = re.search(r"\(PostgreSQL\) (\d+)", answer)
        if version:
            return user, int(version[1])
    raise ConfigurationError(
        f"PostgreSQL cannot be run from {postgres} for {database} ({answer.strip() or 'no output'}): "
        "start Distributor as an ordinary user, or set DISTRIBUTOR_DATABASE_URL"
    )


def permitted_user_names() -> tuple[str, ...]:
    """The names of the users that may use the servers: the supervisor's own, and root."""
    return tuple({pwd.getpwuid(os.geteuid()).pw_name, pwd.getpwuid(0).pw_name})


def _require_user_name() -> None:
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        raise ConfigurationError(
            f"user number {os.geteuid()} has no name on this machine, and PostgreSQL needs one: "
            "add it to /etc/passwd, or set DISTRIBUTOR_DATABASE_URL"
        ) from None


def _candidates(database: Path) -> Iterator[OsUser]:
    if os.geteuid() != 0:
        yield OsUser(uid=os.geteuid(), gid=os.getegid(), credentials={})
        return
    uid, gid = _owner(database)
    for capability in _KEPT_CAPABILITIES:
        if capability is None:
            yield OsUser(uid=uid, gid=gid, credentials={"user": uid, "group": gid, "extra_groups": ()})
        elif shutil.which("setpriv"):
            yield OsUser(uid=uid, gid=gid, credentials={}, capability=capability)


def _owner(database: Path) -> tuple[int, int]:
    if database.exists() and database.stat().st_uid != 0:
        return database.stat().st_uid, database.stat().st_gid
    unprivileged = pwd.getpwnam(_UNPRIVILEGED_USER)
    return unprivileged.pw_uid, unprivileged.pw_gid


def _run_version(user: OsUser, postgres: Path, database: Path) -> str:
    # Tried, not computed: whether a user can pass a folder depends on more than its permission bits.
    script = 'cd "$1" && exec "$2" --version'
    command = user.command(("/bin/sh", "-c", script, "sh", str(database.parent), str(postgres)), Signals.SIGTERM)
    answer = subprocess.run(  # noqa: S603
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, **user.credentials
    )
    return answer.stdout or answer.stderr
