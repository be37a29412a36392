"""`distributor doctor`"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Annotated, Any, cast

import typer
from redis import RedisError

from distributor.bootstrap import open_app_context, secret_key
from distributor.channels.api import DiagnosableChannel, DiagnosticContext
from distributor.channels.registry import broken_kinds, kinds
from distributor.cli.channel import NameserverOption
from distributor.cli.console import AsJson, out, print_json
from distributor.domain.diagnostics import DiagnosticStatus, Finding, Nameserver
from distributor.domain.errors import ConfigurationError, DistributorError, InputError
from distributor.domain.schedule import format_time
from distributor.flow.app_context import AppContext
from distributor.flow.delivery.lease import MARGIN
from distributor.flow.operations.clocks import compare_clocks
from distributor.flow.publishing.ingest import missing_files
from distributor.sandbox.registry import broken_emulators
from distributor.settings import Settings, load_settings
from distributor.storage import channels, heartbeats, postmaster_mails, quarantine
from distributor.storage.channels import ChannelRecord
from distributor.storage.schema import check_schema, migrate, newest_revision

_BEAT_IS_LATE = timedelta(seconds=30)
_CLOCK_IS_OFF = timedelta(seconds=2)
_COLOURS = {DiagnosticStatus.OK: "green", DiagnosticStatus.WARN: "yellow", DiagnosticStatus.FAIL: "red"}


def doctor(
    nameserver: NameserverOption = None,
    outgoing: Annotated[
        list[str] | None,
        typer.Option(help="An IP address that mails are sent from, to check its reverse DNS; may be repeated."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check the configuration, the servers, and the DNS records of the senders; exit status 5 if a check fails."""
    settings = load_settings()
    resolver = Nameserver.parse(nameserver) if nameserver else None
    sending_addresses = [_ip_address(text) for text in outgoing or ()]
    findings: list[Finding] = []
    _check(findings, "python", lambda: platform.python_version())
    _check(findings, "kinds", lambda: ", ".join(kinds()))
    findings += [Finding("kinds", DiagnosticStatus.FAIL, reason) for reason in broken_kinds().values()]
    findings += [Finding("emulators", DiagnosticStatus.WARN, reason) for reason in broken_emulators().values()]
    _check(findings, "secret key", lambda: _check_secret_key(settings))
    _check(findings, "postal address", lambda: _check_postal_address(settings))
    try:
        with open_app_context(settings) as app:
            _check(findings, "postgresql", lambda: app.database.version())
            _check(findings, "schema", lambda: _check_schema(settings, app))
            _check(findings, "redis", lambda: _check_redis(app))
            _check(findings, "channels", lambda: _check_channels(app))
            _check(findings, "beat", lambda: _check_beat(app))
            findings += _check_clocks(app)
            findings.append(_postmaster_mail(app))
            findings.append(_diagnose_quarantine(app))
            findings += [Finding("content", DiagnosticStatus.WARN, text) for text in missing_files(app)]
            context = DiagnosticContext(
                site=app.site, now=app.clock(), nameserver=resolver, outgoing_addresses=sending_addresses
            )
            findings += _diagnose_channels(app, context)
    except DistributorError as error:
        findings.append(Finding("servers", DiagnosticStatus.FAIL, str(error)))
    if as_json:
        print_json([_finding_as_json(finding) for finding in findings])
    else:
        for finding in findings:
            _print_finding(finding)
    if any(finding.state is DiagnosticStatus.FAIL for finding in findings):
        raise typer.Exit(ConfigurationError.exit_code)


def _check(findings: list[Finding], check: str, run: Callable[[], str]) -> None:
    try:
        findings.append(Finding(check, DiagnosticStatus.OK, run()))
    except (DistributorError, RedisError) as error:
        findings.append(Finding(check, DiagnosticStatus.FAIL, str(error)))


def _check_secret_key(settings: Settings) -> str:
    secret_key(settings)
    return "set" if settings.secret_key else f"kept in {settings.data_dir / 'secret_key'}"


def _check_postal_address(settings: Settings) -> str:
    if not settings.postal_address:
        raise ConfigurationError("DISTRIBUTOR_POSTAL_ADDRESS is not set, and no newsletter is sent without it")
    return settings.postal_address


def _check_schema(settings: Settings, app: AppContext) -> str:
    if settings.database_url is None:
        return migrate(app.database)
    check_schema(app.database)
    return newest_revision()


def _check_redis(app: AppContext) -> str:
    app.redis.ping()
    config = cast("dict[str, str]", app.redis.config_get("appendonly"))
    if config.get("appendonly") != "yes":
        raise ConfigurationError("Redis answers but loses everything when it stops: set `appendonly yes`")
    return "answers, append-only"


def _check_channels(app: AppContext) -> str:
    with app.database.begin() as connection:
        records = channels.all_channels(connection)
    if not records:
        raise ConfigurationError("none is configured: `distributor channel set` configures one")
    failed = [f"{record.name}: {error}" for record in records if (error := _error_of(app, record))]
    if failed:
        raise ConfigurationError("; ".join(failed))
    return ", ".join(f"{record.name} ({record.kind})" for record in records)


def _error_of(app: AppContext, record: ChannelRecord) -> DistributorError | None:
    """Why a channel cannot be opened."""
    try:
        app.open_channel(record)
    except DistributorError as error:
        return error
    except Exception as error:
        # The kind may be another package's.
        return ConfigurationError(f"it cannot be opened: {type(error).__name__}: {error}")
    return None


def _diagnose_quarantine(app: AppContext) -> Finding:
    try:
        with app.database.begin() as connection:
            counts = quarantine.count_by_loop(connection)
    except DistributorError as error:
        return Finding("quarantine", DiagnosticStatus.FAIL, str(error))
    shown = ", ".join(f"{count} of loop {loop}" for loop, count in counts.items() if count)
    if not shown:
        return Finding("quarantine", DiagnosticStatus.OK, "empty")
    return Finding(
        "quarantine", DiagnosticStatus.WARN, f"items that failed: {shown}; `distributor quarantine list` says why"
    )


def _check_beat(app: AppContext) -> str:
    with app.database.begin() as connection:
        last = heartbeats.last_heartbeat(connection, heartbeats.BEAT)
    if last is None or app.clock() - last > _BEAT_IS_LATE:
        seen = f"was last seen at {format_time(last)}" if last else "was never seen"
        raise ConfigurationError(f"the beat {seen}: nothing is sent without `distributor beat` or `distributor up`")
    return f"ticked at {format_time(last)}"


def _check_clocks(app: AppContext) -> Iterator[Finding]:
    try:
        differences = compare_clocks(app)
    except (DistributorError, RedisError) as error:
        yield Finding("clocks", DiagnosticStatus.FAIL, f"cannot be compared: {error}")
        return
    wrong = [one for one in differences if abs(one.ahead) >= _CLOCK_IS_OFF]
    if not wrong:
        names = ", ".join(one.name for one in differences)
        sentence = f"within {_CLOCK_IS_OFF.total_seconds():g} s of PostgreSQL's: {names}"
        yield Finding("clocks", DiagnosticStatus.OK, sentence)
    for one in wrong:
        is_unsafe = abs(one.ahead) >= MARGIN
        seconds = f"{abs(one.ahead).total_seconds():.1f} s {'ahead of' if one.ahead > timedelta() else 'behind'}"
        danger = "mails may be sent twice, because leases end by these clocks" if is_unsafe else "times are off by that"
        yield Finding(
            "clocks",
            DiagnosticStatus.FAIL if is_unsafe else DiagnosticStatus.WARN,
            f"the clock of {one.name} is {seconds} PostgreSQL's: {danger}; keep every machine's clock right by NTP, "
            "such as with chrony or systemd-timesyncd",
        )


def _postmaster_mail(app: AppContext) -> Finding:
    with app.database.begin() as connection:
        waiting = postmaster_mails.count(connection)
    if not waiting:
        return Finding("postmaster mail", DiagnosticStatus.OK, "none")
    sentence = f"{waiting} to read: `distributor bounce postmaster list` lists them until they are deleted"
    return Finding("postmaster mail", DiagnosticStatus.WARN, sentence)


def _diagnose_channels(app: AppContext, context: DiagnosticContext) -> Iterator[Finding]:
    """The findings of each channel about its servers and DNS. One that cannot be opened was reported before."""
    with app.database.begin() as connection:
        records = channels.all_channels(connection)
    for record in records:
        if _error_of(app, record) is not None:
            continue
        channel = app.open_channel(record)
        try:
            if isinstance(channel, DiagnosableChannel):
                for finding in channel.diagnose(context):
                    yield replace(finding, check=f"{record.name}: {finding.check}")
        except Exception as error:
            reason = f"its check failed: {type(error).__name__}: {error}"
            yield Finding(record.name, DiagnosticStatus.FAIL, reason)


def _ip_address(text: str) -> IPv4Address | IPv6Address:
    try:
        return ip_address(text)
    except ValueError:
        raise InputError(f"--outgoing {text}: write an IPv4 or IPv6 address") from None


def _print_finding(finding: Finding) -> None:
    out.print(f"[{_COLOURS[finding.state]}]{finding.state:6}[/] {finding.check}: ", end="")
    out.print(finding.sentence, markup=False)
    if finding.record is not None:
        # Not through the console: a record must not be wrapped.
        typer.echo(f"       {finding.record.in_zone_file()}")


def _finding_as_json(finding: Finding) -> dict[str, Any]:
    record = finding.record
    return {
        "check": finding.check,
        "state": finding.state,
        "finding": finding.sentence,
        "record": {"name": record.name, "type": record.type, "value": record.value} if record else None,
    }
