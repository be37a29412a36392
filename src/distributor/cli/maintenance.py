"""`distributor migrate | doctor | backup | restore`: looking after an app."""

from __future__ import annotations

import platform
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Annotated, cast

import typer
from redis import RedisError

from distributor.bootstrap import open_app_context, secret_key
from distributor.channels.api import DiagnosticContext
from distributor.channels.registry import kinds
from distributor.cli.dkim import AskedNameserver
from distributor.cli.doctor import examine_channels, parse_address, print_finding, told
from distributor.cli.session import AsJson, installation_at_hand, say, show
from distributor.domain.diagnostics import DiagnosticStatus, Finding, Nameserver
from distributor.domain.errors import ConfigurationError, DistributorError, InputError, StateError
from distributor.embedded.postgres import find_postgres
from distributor.flow.app_context import AppContext
from distributor.settings import Settings, load_settings
from distributor.storage import channels, heartbeats
from distributor.storage.backup import is_empty, read_backup, write_backup
from distributor.storage.schema import check_schema, migrate, newest_revision

_BEAT_IS_LATE = timedelta(seconds=30)


def migrate_database() -> None:
    """Bring the database to the schema of this version."""
    with open_app_context(load_settings()) as app:
        say(f"the database is at schema {migrate(app.database)}")


def doctor(
    nameserver: AskedNameserver = None,
    outgoing: Annotated[
        list[str] | None, typer.Option(help="An address that mails leave from, to look at its name; may be repeated.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check this app, and what the DNS says of its senders; exit status 5 if something is wrong."""
    settings = load_settings()
    asked = Nameserver.parse(nameserver) if nameserver else None
    leaving = [parse_address(text) for text in outgoing or ()]
    findings: list[Finding] = []
    _check(findings, "python", lambda: platform.python_version())
    _check(findings, "kinds", lambda: ", ".join(kinds()))
    _check(findings, "secret key", lambda: _about_key(settings))
    _check(findings, "postal address", lambda: _about_address(settings))
    try:
        with open_app_context(settings) as app:
            _check(findings, "postgresql", lambda: _about_postgresql(app))
            _check(findings, "schema", lambda: _about_schema(settings, app))
            _check(findings, "redis", lambda: _about_redis(app))
            _check(findings, "channels", lambda: _about_channels(app))
            _check(findings, "beat", lambda: _about_beat(app))
            diagnostic_context = DiagnosticContext(
                site=app.site, now=app.clock(), nameserver=asked, outgoing_addresses=leaving
            )
            findings += examine_channels(app, diagnostic_context)
    except DistributorError as error:
        findings.append(Finding("servers", DiagnosticStatus.FAIL, str(error)))
    if as_json:
        show([told(finding) for finding in findings])
    else:
        for finding in findings:
            print_finding(finding)
    if any(finding.state is DiagnosticStatus.FAIL for finding in findings):
        raise typer.Exit(ConfigurationError.exit_code)


def backup(file: Annotated[Path, typer.Argument(help="The file to write.")]) -> None:
    """Write the whole database to FILE (pg_dump's custom format)."""
    with installation_at_hand() as app:
        write_backup(app.database, file, programs=_programs())
    say(f"{file} holds everything but the secret key and the settings; keep those with it")


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `distributor backup` wrote.")],
    replace: Annotated[bool, typer.Option("--replace", help="Replace what the database holds.")] = False,
) -> None:
    """Bring back a backup, into an empty database or with --replace in place of what is there."""
    if not file.is_file():
        raise InputError(f"{file} is not a file; name one that `distributor backup` wrote")
    with open_app_context(load_settings()) as app:
        if not replace and not is_empty(app.database):
            raise StateError("the database is not empty; add --replace to lose what it holds")
        read_backup(app.database, file, programs=_programs())
        migrate(app.database)
    say("restored")


def _programs() -> Path | None:
    """The folder of PostgreSQL's programs that come with the embedded server; None: those on PATH."""
    try:
        return find_postgres()
    except ConfigurationError:
        return None


def _check(findings: list[Finding], check: str, look: Callable[[], str]) -> None:
    try:
        findings.append(Finding(check, DiagnosticStatus.OK, look()))
    except (DistributorError, RedisError) as error:
        findings.append(Finding(check, DiagnosticStatus.FAIL, str(error)))


def _about_key(settings: Settings) -> str:
    secret_key(settings)
    return "set" if settings.secret_key else f"kept in {settings.data_dir / 'secret_key'}"


def _about_address(settings: Settings) -> str:
    if not settings.postal_address:
        raise ConfigurationError("DISTRIBUTOR_POSTAL_ADDRESS is not set, and no newsletter goes out without it")
    return settings.postal_address


def _about_postgresql(app: AppContext) -> str:
    return app.database.version()


def _about_schema(settings: Settings, app: AppContext) -> str:
    if settings.database_url is None:
        return migrate(app.database)
    check_schema(app.database)
    return newest_revision()


def _about_redis(app: AppContext) -> str:
    app.redis.ping()
    kept = cast("dict[str, str]", app.redis.config_get("appendonly"))
    if kept.get("appendonly") != "yes":
        raise ConfigurationError("Redis answers but forgets everything when it stops: set `appendonly yes`")
    return "answers, append-only"


def _about_channels(app: AppContext) -> str:
    with app.database.begin() as connection:
        records = channels.all_channels(connection)
    for record in records:
        app.open_channel(record)
    if not records:
        raise ConfigurationError("none is configured: `distributor channel set` does it")
    return ", ".join(f"{record.name} ({record.kind})" for record in records)


def _about_beat(app: AppContext) -> str:
    with app.database.begin() as connection:
        last = heartbeats.last_heartbeat(connection, "beat")
    if last is None or app.clock() - last > _BEAT_IS_LATE:
        seen = f"was last seen at {last:%Y-%m-%d %H:%M:%S} UTC" if last else "was never seen"
        raise ConfigurationError(f"the beat {seen}: nothing goes out without `distributor beat` or `distributor up`")
    return f"ticked at {last:%H:%M:%S} UTC"
