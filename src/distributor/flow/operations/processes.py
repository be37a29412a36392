"""The running processes of the service: each reports its settings, and they are compared with one another.

A process reads its settings when it starts. One that was not started again after a change, or that was started with
another environment, works with other values than the rest.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import socket
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import structlog

from distributor.domain.errors import DistributorError
from distributor.storage import processes
from distributor.storage.database import Database
from distributor.storage.processes import ReportedProcess, ServiceProcess

_REPORT_SECONDS = 10.0
# A process that ends does not wait for longer for a report that is under way.
_STOP_SECONDS = 1.0
# A process that waits for a slow database may be late.
SILENT_AFTER = timedelta(seconds=60)
"""A process that has not reported for so long was killed, is stopped, or is cut off from the database."""
_FORGET_AFTER = timedelta(hours=1)
SECRET_KEY = "secret_key"  # noqa: S105 - the name of the setting
_FINGERPRINT = "fingerprint "
# Settings whose values belong to a machine: what differs between machines is no mistake.
_OF_A_MACHINE = frozenset({"data_dir", "content_dir", "templates_dir", "host", "port", "inbound_listen"})

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingDifference:
    """A setting that processes have different values of: the processes by the value, which is "" where it is unset."""

    setting: str
    values: Mapping[str, Sequence[ServiceProcess]]

    @property
    def is_secret(self) -> bool:
        """Whether the values are fingerprints of secrets."""
        return any(value.startswith(_FINGERPRINT) for value in self.values)


def fingerprint(secret: str, *, setting: str, key: bytes) -> str:
    """What is stored in place of a secret: HMAC-SHA256 under the secret key, shortened. Empty for an empty secret."""
    if not secret:
        return ""
    return _FINGERPRINT + hmac.new(key, f"{setting}\n{secret}".encode(), hashlib.sha256).hexdigest()[:16]


@contextmanager
def reporting(database_url: str, process: ServiceProcess) -> Iterator[None]:
    """Report this process while the context lasts. A database that is away does not matter.

    It has a connection of its own, for moments only: the pool of a process may be busy, and must not cross a fork.
    """
    database, stop = Database(database_url, pool_size=0), threading.Event()
    _report_first(database, process)
    reporter = threading.Thread(target=_report_until, args=(database, process, stop), name="reporter", daemon=True)
    reporter.start()
    try:
        yield
    finally:
        stop.set()
        reporter.join(_STOP_SECONDS)
        with _tolerated(), database.begin() as connection:
            processes.forget(connection, [process.id])


def split_by_life(reported: Collection[ReportedProcess]) -> tuple[list[ServiceProcess], list[ReportedProcess]]:
    """Those that run, and those that have ended without notice or fallen silent.

    Of processes of this machine the operating system knows at once whether they have ended.
    """
    running = [one.process for one in reported if one.silent_for < SILENT_AFTER and not _has_ended(one.process)]
    return running, [one for one in reported if one.process not in running]


def compare_settings(found: Sequence[ServiceProcess]) -> list[SettingDifference]:
    """The settings that these processes have different values of, as far as both read them.

    Secrets are compared by fingerprints under the secret key, so nothing can be said about them if that differs.
    """
    names = dict.fromkeys(name for process in found for name in process.settings)
    differences = [difference for name in names for difference in _compare(name, found)]
    if any(difference.setting == SECRET_KEY for difference in differences):
        return [one for one in differences if one.setting == SECRET_KEY or not one.is_secret]
    return differences


def changed_since(former: Sequence[ServiceProcess], now: ServiceProcess) -> list[str]:
    """The settings that these processes of before had other values of than this one, but for those of a machine."""
    names = dict.fromkeys(name for process in former for name in process.settings)
    return [
        name
        for name in names
        if name in now.settings
        and name not in _OF_A_MACHINE
        and any(process.settings.get(name, now.settings[name]) != now.settings[name] for process in former)
    ]


def has_one_secret_key(reported: Collection[ReportedProcess]) -> bool:
    """Whether all running processes have the same secret key."""
    running, _ = split_by_life(reported)
    return len({process.settings[SECRET_KEY] for process in running if SECRET_KEY in process.settings}) <= 1


def _compare(name: str, found: Sequence[ServiceProcess]) -> Iterator[SettingDifference]:
    hosts = dict.fromkeys(process.host for process in found) if name in _OF_A_MACHINE else [None]
    for host in hosts:
        values: dict[str, list[ServiceProcess]] = {}
        for process in found:
            if name in process.settings and host in (None, process.host):
                values.setdefault(process.settings[name], []).append(process)
        if len(values) > 1:
            yield SettingDifference(setting=name, values=values)


def _report_first(database: Database, process: ServiceProcess) -> None:
    """Report the process, in place of those of this machine that were killed, and of those silent for long."""
    with _tolerated(), database.begin() as connection:
        ended = [
            one.process.id
            for one in processes.all_reported(connection)
            if one.silent_for > _FORGET_AFTER or _has_ended(one.process)
        ]
        processes.forget(connection, ended)
        processes.report(connection, process)


def _report_until(database: Database, process: ServiceProcess, stop: threading.Event) -> None:
    while not stop.wait(_REPORT_SECONDS):
        with _tolerated(), database.begin() as connection:
            processes.report(connection, process)


@contextmanager
def _tolerated() -> Iterator[None]:
    """The work of a process does not depend on its reports."""
    try:
        yield
    except DistributorError as error:
        _log.info("process.not_reported", reason=str(error))
    except Exception:
        _log.exception("process.not_reported")


def _has_ended(process: ServiceProcess) -> bool:
    """Whether it was a process of this machine and has ended."""
    if process.host != socket.gethostname():
        return False
    try:
        os.kill(process.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
