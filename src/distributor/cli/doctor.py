"""`distributor doctor`"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Annotated, TypeAlias, cast

import typer
from redis import RedisError

from distributor.bootstrap import make_app_context, migrate_embedded, open_services, secret_key, this_process
from distributor.channels import registry as channel_registry
from distributor.channels.api import DiagnosableChannel, DiagnosticContext
from distributor.channels.registry import kinds
from distributor.cli.channel import NameserverOption
from distributor.cli.console import AsJson, finding_as_json, print_finding, print_json
from distributor.cli.first_start import unused_settings
from distributor.domain.diagnostics import DiagnosticStatus, Finding, Nameserver
from distributor.domain.errors import ConfigurationError, DistributorError, InputError
from distributor.domain.schedule import format_time
from distributor.domain.site_settings import SiteSetting
from distributor.flow.app_context import AppContext
from distributor.flow.articles.ingest import missing_files
from distributor.flow.delivery.lease import MARGIN
from distributor.flow.operations.attention import Concern, needs_attention
from distributor.flow.operations.clocks import compare_clocks
from distributor.flow.operations.data_sizes import measure_data, spell_bytes
from distributor.flow.operations.processes import (
    SECRET_KEY,
    SettingDifference,
    compare_settings,
    split_by_life,
)
from distributor.sandbox.registry import broken_emulators
from distributor.settings import Settings, address_problems, load_settings, unknown_settings
from distributor.sources.kinds import registry as source_registry
from distributor.storage import (
    channels,
    generations,
    heartbeats,
    postmaster_mails,
    processes,
    quarantine,
    site_settings,
)
from distributor.storage.channels import ChannelRecord
from distributor.storage.processes import ServiceProcess
from distributor.storage.schema import check_schema, newest_revision

IpAddress: TypeAlias = IPv4Address | IPv6Address

# The name of the doctor itself among the processes that it compares.
_HERE = "this command"
_BEAT_IS_LATE = timedelta(seconds=30)
_CLOCK_IS_OFF = timedelta(seconds=2)
_CHECKED_OTHERWISE = frozenset({Concern.SERVICE, Concern.CLOCK, Concern.QUARANTINE, Concern.ARTICLE})


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
    _check(findings, "kinds of sources", lambda: ", ".join(source_registry.kinds()))
    broken = (*channel_registry.broken_kinds().values(), *source_registry.broken_kinds().values())
    findings += [Finding("kinds", DiagnosticStatus.FAIL, reason) for reason in broken]
    findings += [Finding("emulators", DiagnosticStatus.WARN, reason) for reason in broken_emulators().values()]
    _check(findings, "secret key", lambda: _check_secret_key(settings))
    findings += [Finding("environment", DiagnosticStatus.WARN, problem) for problem in unknown_settings()]
    findings += [Finding("public url", DiagnosticStatus.WARN, problem) for problem in address_problems(settings)]
    try:
        with open_services(settings) as services, closing(make_app_context(settings, services)) as app:
            _check(findings, "postgresql", lambda: app.database.version())
            _check(findings, "redis", lambda: _check_redis(app))
            if _check(findings, "schema", lambda: _check_schema(settings, app)):
                findings += _diagnose_processes(app, this_process(settings, services, "up", name=_HERE))
                findings += [
                    Finding("first start", DiagnosticStatus.WARN, one) for one in unused_settings(app, settings)
                ]
                findings += _diagnose_data(app, resolver, sending_addresses)
    except DistributorError as error:
        findings.append(Finding("servers", DiagnosticStatus.FAIL, str(error)))
    if as_json:
        print_json([finding_as_json(finding) for finding in findings])
    else:
        for finding in findings:
            print_finding(finding)
    if any(finding.state is DiagnosticStatus.FAIL for finding in findings):
        raise typer.Exit(ConfigurationError.exit_code)


def _check(findings: list[Finding], check: str, run: Callable[[], str]) -> bool:
    """Add what `run` finds; whether that is well."""
    try:
        findings.append(Finding(check, DiagnosticStatus.OK, run()))
    except (DistributorError, RedisError) as error:
        findings.append(Finding(check, DiagnosticStatus.FAIL, str(error)))
    return findings[-1].state is DiagnosticStatus.OK


def _diagnose_data(app: AppContext, resolver: Nameserver | None, outgoing: Sequence[IpAddress]) -> Iterator[Finding]:
    """What the database tells about the service, and the DNS about its senders."""
    findings: list[Finding] = []
    _check(findings, "channels", lambda: _check_channels(app))
    _check(findings, "beat", lambda: _check_beat(app))
    yield from findings
    yield from _diagnose_generation(app)
    yield from _check_clocks(app)
    yield _postmaster_mail(app)
    yield _diagnose_quarantine(app)
    yield from _diagnose_attention(app)
    yield from (Finding("content", DiagnosticStatus.WARN, text) for text in missing_files(app))
    yield from _diagnose_sizes(app)
    context = DiagnosticContext(site=app.site, now=app.clock(), nameserver=resolver, outgoing_addresses=outgoing)
    yield from _diagnose_channels(app, context)


def _diagnose_generation(app: AppContext) -> Iterator[Finding]:
    """Whether this is a copy that sends nothing, and what waits for a person since a restore."""
    with app.database.begin() as connection:
        sends, waiting = generations.sends(connection), generations.held(connection, limit=1)
    if not sends:
        sentence = "the database is a copy, which sends nothing: `distributor generation activate` lets it send"
        yield Finding("generation", DiagnosticStatus.WARN, sentence)
    if waiting:
        sentence = "campaigns wait since the database was restored: `distributor generation review` shows them"
        yield Finding("generation", DiagnosticStatus.WARN, sentence)


def _check_secret_key(settings: Settings) -> str:
    secret_key(settings)
    return "set" if settings.secret_key else f"kept in {settings.data_dir / 'secret_key'}"


def _diagnose_processes(app: AppContext, here: ServiceProcess) -> Iterator[Finding]:
    """Which processes run, and whether they work with the same settings as one another and as this command."""
    with app.database.begin() as connection:
        reported = processes.all_reported(connection)
        records = channels.all_channels(connection)
        set_in_app = site_settings.stored(connection).get(SiteSetting.POSTAL_ADDRESS)
    running, silent = split_by_life(reported)
    if running:
        yield Finding("processes", DiagnosticStatus.OK, f"running: {_titles(running)}")
    else:
        sentence = "none is running on this database: `distributor up` starts all of them on this machine"
        yield Finding("processes", DiagnosticStatus.WARN, sentence)
    for one in silent:
        sentence = (
            f"{one.process.title} has reported nothing for {one.silent_for.total_seconds() / 60:.0f} min: it was "
            "killed, is stopped, or is cut off from PostgreSQL"
        )
        yield Finding("processes", DiagnosticStatus.WARN, sentence)
    for version, outdated in _by_version(running).items():
        if version != here.version:
            sentence = f"{_titles(outdated)} {_runs(outdated)} version {version}, and this command is {here.version}"
            yield Finding("processes", DiagnosticStatus.WARN, f"{sentence}: {_start_again(running, outdated)}")
    yield from _diagnose_settings(running, here)
    if set_in_app is None:
        yield _diagnose_postal_address(running, here, records)
    else:
        yield Finding("postal address", DiagnosticStatus.OK, f"{set_in_app.value} (set in the app)")


def _diagnose_settings(running: Sequence[ServiceProcess], here: ServiceProcess) -> Iterator[Finding]:
    differences = compare_settings([*running, here])
    if running and not differences:
        sentence = "the running processes have the same, and so has this command: also the secret key"
        yield Finding("settings", DiagnosticStatus.OK, sentence)
    for difference in differences:
        by_value = [
            f"{_named(found, running)} {_has(found)} {_shown(value, difference, number)}"
            for number, (value, found) in enumerate(difference.values.items())
        ]
        other = [one for value, found in difference.values.items() if here not in found for one in found]
        sentence = f"DISTRIBUTOR_{difference.setting.upper()} is not the same: {', '.join(by_value)}"
        is_key = difference.setting == SECRET_KEY
        danger = "; links made with one key are invalid under another, and so are stored secrets" if is_key else ""
        remedy = f"settings are read at the start, so {_start_again(running, other)}, all with the same value"
        state = DiagnosticStatus.FAIL if is_key else DiagnosticStatus.WARN
        yield Finding("settings", state, f"{sentence}{danger}; {remedy}")


def _diagnose_postal_address(
    running: Sequence[ServiceProcess], here: ServiceProcess, records: Sequence[ChannelRecord]
) -> Finding:
    """That of the running processes, which is what mails have; without any, that of this command.

    It is missed only by channels that need one and have none of their own.
    """
    found = running or [here]
    without = [process for process in found if not process.settings["postal_address"].strip()]
    if without:
        needing = [
            one
            for one in records
            if (kind := kinds().get(one.kind)) is not None and "postal_address" in kind.settings_model.model_fields
        ]
        missing = [one.name for one in needing if not one.settings.get("postal_address")]
        where = f"DISTRIBUTOR_POSTAL_ADDRESS is not set in {_named(without, running)}"
        if needing and not missing:
            sentence = f"{where}; mails have that of their channel: {', '.join(one.name for one in needing)}"
            return Finding("postal address", DiagnosticStatus.WARN, sentence)
        which = f" on {', '.join(missing)}" if missing else ""
        return Finding("postal address", DiagnosticStatus.FAIL, f"{where}, and no newsletter{which} is sent without it")
    addresses = " / ".join(dict.fromkeys(process.settings["postal_address"] for process in found))
    return Finding("postal address", DiagnosticStatus.OK, f"{addresses} (in {_named(found, running)})")


def _by_version(found: Sequence[ServiceProcess]) -> dict[str, list[ServiceProcess]]:
    return {version: [one for one in found if one.version == version] for version in {one.version for one in found}}


def _start_again(running: Sequence[ServiceProcess], outdated: Sequence[ServiceProcess]) -> str:
    """What to start again: `up`, which starts the others on its machine, or the processes themselves."""
    with_up = {one.host for one in running if one.kind == "up"}
    alone = [one.title for one in outdated if one.host not in with_up]
    ups = [f"`distributor up` on {host}" for host in sorted(with_up & {one.host for one in outdated})]
    return f"start {', '.join([*ups, *alone])} again"


def _titles(found: Sequence[ServiceProcess]) -> str:
    return ", ".join(_HERE if one.name == _HERE else one.title for one in found)


def _named(found: Sequence[ServiceProcess], running: Sequence[ServiceProcess]) -> str:
    """The names of processes, shorter if they are all that run."""
    return "all running processes" if len(running) > 1 and list(found) == list(running) else _titles(found)


def _has(found: Sequence[ServiceProcess]) -> str:
    return "has" if len(found) == 1 else "have"


def _runs(found: Sequence[ServiceProcess]) -> str:
    return "runs" if len(found) == 1 else "run"


def _shown(value: str, difference: SettingDifference, number: int) -> str:
    """A value in a sentence; of a secret only whether it is set, and that it differs."""
    if not value:
        return "none"
    if difference.is_secret:
        return "one" if number == 0 else "another"
    return repr(value)


def _check_schema(settings: Settings, app: AppContext) -> str:
    if settings.database_url is not None:
        check_schema(app.database)
    elif (backup := migrate_embedded(settings, app.database)) is not None:
        return f"{newest_revision()}: migrated now, after a backup to {backup}"
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


def _diagnose_attention(app: AppContext) -> Iterator[Finding]:
    """What needs a person and is none of the other checks: campaigns, routes, imports, tokens."""
    found = needs_attention(app)
    items = [one for one in found.items if one.concern not in _CHECKED_OTHERWISE]
    if not items:
        yield Finding("attention", DiagnosticStatus.OK, "no campaign, route, import or token needs a person")
    for one in items:
        yield Finding(one.concern.value, DiagnosticStatus.WARN, f"{one.about}: {one.sentence}")
    for concern, count in found.more.items():
        if concern not in _CHECKED_OTHERWISE:
            yield Finding(concern.value, DiagnosticStatus.WARN, f"{count} more: `distributor attention` lists them")


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


def _diagnose_sizes(app: AppContext) -> Iterator[Finding]:
    """The room that each kind of data takes, how long it is kept, and whether the disk is short."""
    try:
        found = measure_data(app)
    except DistributorError as error:
        yield Finding("data", DiagnosticStatus.FAIL, str(error))
        return
    sentence = f"{spell_bytes(found.database)} in PostgreSQL, with indexes; rows are estimates"
    yield Finding("data", DiagnosticStatus.OK, sentence, figures={"bytes": found.database})
    for one, noun in [*((one, "rows") for one in found.stored), *((one, "files here") for one in found.files)]:
        sentence = f"{spell_bytes(one.bytes)}, {one.rows:,} {noun}"
        figures = {"bytes": one.bytes, noun.partition(" ")[0]: one.rows}
        yield Finding(f"data: {one.kind}", DiagnosticStatus.OK, sentence, figures=figures)
    for rule in found.rules:
        kept = f"for {rule.days} days" if rule.days else "for good"
        sentence = f"{rule.what} are kept {kept} ({rule.setting})"
        yield Finding("retention", DiagnosticStatus.OK, sentence, figures={"days": rule.days})
    disk = found.disk
    sentence = f"{spell_bytes(disk.free)} of {spell_bytes(disk.total)} are free where {disk.folder} is"
    if disk.is_short:
        advice = f"free some space, or keep less: {', '.join(one.setting for one in found.rules)}"
        sentence = f"only {sentence}: {advice}"
    state = DiagnosticStatus.WARN if disk.is_short else DiagnosticStatus.OK
    yield Finding("disk", state, sentence, figures={"free": disk.free, "total": disk.total})


def _ip_address(text: str) -> IpAddress:
    try:
        return ip_address(text)
    except ValueError:
        raise InputError(f"--outgoing {text}: write an IPv4 or IPv6 address") from None
