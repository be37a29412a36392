"""`distributor channel …`, with `channel dkim …` and `channel routes …`"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any

import typer

from distributor.bootstrap import open_app
from distributor.channels.registry import describe_settings, kind_of, kinds
from distributor.cli.campaign.report import follow
from distributor.cli.console import (
    AsJson,
    finding_as_json,
    print_fields,
    print_finding,
    print_json,
    print_message,
    print_rows,
)
from distributor.cli.given_settings import (
    SetFromEnvironment,
    SetFromFile,
    SetFromStdin,
    SetValues,
    print_settings,
    read_given,
    shown_value,
)
from distributor.domain.delivery import DeliveryState
from distributor.domain.diagnostics import DnsRecord, Nameserver
from distributor.domain.errors import ConfigurationError, InputError, StateError
from distributor.flow.app_context import AppContext
from distributor.flow.delivery.channel_test import run_channel_test
from distributor.flow.delivery.paused_routes import resume_routes
from distributor.flow.operations.channel_settings import ChannelRemoval, change, configure, plan_removal, remove
from distributor.flow.operations.signing_keys import activate_keys, key_ring, make_keys, remove_key, retire_key
from distributor.mail.dkim.keyring import KeyEntry, KeyState
from distributor.mail.dkim.keys import Algorithm
from distributor.mail.dns.lookup import DnsResolver
from distributor.storage import channels, delivery_queries, paused_routes

commands = typer.Typer()
dkim = typer.Typer(no_args_is_help=True, help="Manage the DKIM keys of an email channel.")
routes = typer.Typer(no_args_is_help=True, help="Show and resume the routes that are in backoff.")
commands.add_typer(dkim, name="dkim")
commands.add_typer(routes, name="routes")

ChannelName = Annotated[str, typer.Argument(metavar="CHANNEL", help="The channel's name.")]
NameserverOption = Annotated[
    str | None,
    typer.Option("--nameserver", help="The DNS server to query, ADDRESS or ADDRESS:PORT; default: the system's."),
]


class KeyAlgorithm(StrEnum):
    """Which keys to create. Receivers that do not support Ed25519 need the RSA signature beside it."""

    RSA = "rsa"
    ED25519 = "ed25519"
    BOTH = "both"


# Without a worker nothing happens for ever.
_PATIENCE_SECONDS = 60
_SELECTOR_SUFFIXES: Mapping[KeyAlgorithm, tuple[tuple[str, Algorithm], ...]] = {
    KeyAlgorithm.RSA: (("", Algorithm.RSA),),
    KeyAlgorithm.ED25519: (("", Algorithm.ED25519),),
    KeyAlgorithm.BOTH: (("", Algorithm.RSA), ("-ed25519", Algorithm.ED25519)),
}


@commands.command("kinds")
def list_kinds(as_json: AsJson = False) -> None:
    """List the kinds of channels; with --json also their settings, as `channel kind` shows them."""
    if as_json:
        print_json([_kind_as_json(name) for name in kinds()])
        return
    rows = [
        (
            name,
            kind.capabilities.audience.value,
            kind.capabilities.dedupe.value,
            ", ".join(" or ".join((one.name, *one.alternatives)) for one in describe_settings(name) if one.is_required),
        )
        for name, kind in kinds().items()
    ]
    print_rows(("kind", "audience", "dedupe", "required_settings"), rows, as_json=False, empty="")


@commands.command("kind")
def show_kind(
    name: Annotated[str, typer.Argument(metavar="KIND", help="One of `distributor channel kinds`.")],
    as_json: AsJson = False,
) -> None:
    """Show the settings of a kind: which are required or secret, what they mean, and their defaults."""
    if as_json:
        print_json(_kind_as_json(name))
        return
    print_settings(describe_settings(name))


def _kind_as_json(name: str) -> dict[str, Any]:
    kind = kind_of(name)
    return {
        "kind": name,
        "audience": kind.capabilities.audience.value,
        "dedupe": kind.capabilities.dedupe.value,
        "settings": [asdict(one) for one in describe_settings(name)],
    }


@commands.command("set")
def set_channel(
    name: ChannelName,
    kind: Annotated[str, typer.Option(metavar="KIND", help="One of `distributor channel kinds`.")],
    values: SetValues = None,
    from_environment: SetFromEnvironment = None,
    from_file: SetFromFile = None,
    from_stdin: SetFromStdin = None,
) -> None:
    """Create a channel, or replace all settings of one; `channel change` keeps the others.

    Secrets are stored encrypted. DKIM keys stay.
    """
    given = read_given(describe_settings(kind), values, from_environment, from_file, from_stdin)
    with open_app() as app:
        configure(app, name, kind, given)
    print_message(f"channel {name!r} of kind {kind} is configured: `distributor channel test {name}` tries it")


@commands.command("change")
def change_channel(
    name: ChannelName,
    values: SetValues = None,
    from_environment: SetFromEnvironment = None,
    from_file: SetFromFile = None,
    from_stdin: SetFromStdin = None,
    unset: Annotated[
        list[str] | None, typer.Option("--unset", metavar="KEY", help="A setting that gets its default again.")
    ] = None,
) -> None:
    """Change some settings of a channel; all others stay as they are, secrets too."""
    with open_app() as app:
        with app.database.begin() as connection:
            kind = channels.find(connection, name).kind
        given = read_given(describe_settings(kind), values, from_environment, from_file, from_stdin)
        if not given and not unset:
            raise InputError("nothing to change: name a setting with --set KEY=VALUE or --unset KEY")
        change(app, name, given, unset=unset or ())
    print_message(
        f"{', '.join([*given, *(unset or ())])} of channel {name!r} changed: `distributor channel test {name}` tries it"
    )


@commands.command("test")
def test_channel(
    name: ChannelName,
    to: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Of a channel for mail: also send one mail to this address.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Try a channel: connect, sign in, and ask who it is. Exit status 5 if that fails, 4 if the mail did not arrive.

    Only with --to anything is sent: one mail, over the queue and the workers as every mail.
    """
    with open_app() as app:
        test = run_channel_test(app, name, to=to)
        if not as_json:
            for finding in test.findings:
                print_finding(finding)
        mail = _wait_for_mail(app, test.campaign_id) if test.campaign_id is not None else None
    if as_json:
        print_json({"channel": name, "findings": [finding_as_json(one) for one in test.findings], "mail": mail})
    elif mail is not None:
        print_message(f"the mail to {mail['recipient']} is {mail['state']}: {mail['reply']}".removesuffix(": "))
    if not test.works:
        if to:
            print_message("no mail was sent")
        raise typer.Exit(ConfigurationError.exit_code)
    if mail is not None and not mail["arrived"]:
        if mail["state"] == DeliveryState.PENDING:
            print_message("no worker has taken it yet; is `distributor up` or a worker for email running?")
        raise typer.Exit(StateError.exit_code)


def _wait_for_mail(app: AppContext, campaign_id: int) -> dict[str, Any]:
    """What became of the mail, or of its first attempt."""
    follow(app, campaign_id, patience=_PATIENCE_SECONDS)
    with app.database.begin() as connection:
        (sent,) = delivery_queries.of_campaign(connection, campaign_id, limit=1)
    return {
        "campaign": campaign_id,
        "recipient": sent.recipient,
        "state": sent.state.value,
        "arrived": sent.state in (DeliveryState.SENT, DeliveryState.DELIVERED),
        "reply": sent.reply,
    }


@commands.command("remove")
def remove_channel(
    name: ChannelName, yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False
) -> None:
    """Remove a channel with its secrets; what it has sent stays on record. Refused while a campaign needs it."""
    with open_app() as app:
        removal = plan_removal(app, name)
        if not yes:
            if not sys.stdin.isatty():
                raise InputError(f"{_losses(removal)}; add --yes to remove it without being asked")
            typer.confirm(f"{_losses(removal)}. Remove it?", abort=True, err=True)
        remove(app, name)
    print_message(f"channel {name!r} is removed; its campaigns and deliveries stay on record")


def _losses(removal: ChannelRemoval) -> str:
    lost = [", ".join(removal.secrets)] if removal.secrets else []
    if removal.selectors:
        lost.append(f"the DKIM keys {', '.join(removal.selectors)}")
    what = f"deletes for good {' with '.join(lost)}" if lost else "deletes no secrets"
    return f"removing channel {removal.name!r} of kind {removal.kind} {what}"


@commands.command("list")
def list_channels(as_json: AsJson = False) -> None:
    """List the configured channels."""
    with open_app() as app, app.database.begin() as connection:
        records = channels.all_channels(connection)
    as_shown = dict if as_json else _shown_together
    print_rows(
        ("name", "kind", "settings", "discovered_limits"),
        [(record.name, record.kind, *map(as_shown, (record.settings, record.discovered_limits))) for record in records],
        as_json=as_json,
        empty="No channels yet: `distributor channel set NAME --kind KIND --set KEY=VALUE` creates one.",
    )


@commands.command("show")
def show_channel(name: ChannelName, as_json: AsJson = False) -> None:
    """Show one channel; of its secrets, only which are set."""
    with open_app() as app:
        with app.database.begin() as connection:
            record = channels.find(connection, name)
        sealed = sorted(app.vault.open(record.sealed)) if record.sealed else []
    as_shown = dict if as_json else _shown_together
    fields = {
        "name": record.name,
        "kind": record.kind,
        "settings": as_shown(record.settings),
        "secrets_set": sealed if as_json else ", ".join(sealed),
        "discovered_limits": as_shown(record.discovered_limits),
    }
    print_fields(fields, as_json=as_json)


@dkim.command("create")
def create_dkim_key(
    name: ChannelName,
    selector: Annotated[str, typer.Option(help="A new name, such as one with the date in it: s2026a.")],
    domain: Annotated[str | None, typer.Option(help="The domain to sign for; default: that of the sender.")] = None,
    algorithm: Annotated[KeyAlgorithm, typer.Option(help="both: also create SELECTOR-ed25519.")] = KeyAlgorithm.RSA,
    as_json: AsJson = False,
) -> None:
    """Create a key and print the DNS record to publish. The key signs once it is activated."""
    selectors = [(selector + suffix, kind) for suffix, kind in _SELECTOR_SUFFIXES[algorithm]]
    with open_app() as app:
        made = make_keys(app, name, selectors=selectors, domain=domain)
    _print_records(made, as_json=as_json)
    names = " ".join(entry.selector for entry in made)
    print_message(
        f"publish this record, and once the DNS has it run `distributor channel dkim activate {name} {names}`"
    )


@dkim.command("list")
def list_dkim_keys(name: ChannelName, as_json: AsJson = False) -> None:
    """List the keys of a channel and their states."""
    with open_app() as app:
        entries = key_ring(app, name).entries
    if as_json:
        print_json([_key_as_json(entry) for entry in entries])
        return
    print_rows(
        ("selector", "domain", "algorithm", "state", "since", "published_at"),
        [
            (entry.selector, entry.domain, entry.algorithm, entry.state, entry.since, entry.record_name)
            for entry in entries
        ],
        as_json=False,
        empty=f"No keys yet: `distributor channel dkim create {name} --selector SELECTOR` creates one.",
    )


@dkim.command("record")
def show_dkim_record(name: ChannelName, selector: str, as_json: AsJson = False) -> None:
    """Print the DNS record to publish for a key, as a line of a zone file."""
    with open_app() as app:
        entry = key_ring(app, name).find(selector)
    _print_records([entry], as_json=as_json)


@dkim.command("activate")
def activate_dkim_keys(
    name: ChannelName,
    selectors: Annotated[list[str], typer.Argument(help="The keys that sign from now on.")],
    nameserver: NameserverOption = None,
    skip_dns_check: Annotated[
        bool, typer.Option("--skip-dns-check", help="Do not query whether the DNS has the records.")
    ] = False,
) -> None:
    """Sign with these keys from now on and retire those before them; the DNS must have their records."""
    lookup = None if skip_dns_check else DnsResolver(Nameserver.parse(nameserver) if nameserver else None)
    with open_app() as app:
        before = key_ring(app, name)
        active = activate_keys(app, name, selectors, lookup=lookup)
        after = key_ring(app, name)
    for entry in active:
        print_message(f"{entry.selector} signs for {entry.domain} from the next message on")
    for old in before.active:
        if after.find(old.selector).state is KeyState.RETIRED:
            print_message(f"{old.selector} is retired; keep its record published for a week, for messages in transit")


@dkim.command("retire")
def retire_dkim_key(name: ChannelName, selector: str) -> None:
    """Stop signing with a key. Keep its record published for a week."""
    with open_app() as app:
        retire_key(app, name, selector)
        signing = key_ring(app, name).active
    print_message(f"{selector} is retired; keep its record published for a week, for messages in transit")
    if not signing:
        print_message(f"no key signs the messages of {name} now")


@dkim.command("remove")
def remove_dkim_key(name: ChannelName, selector: str) -> None:
    """Delete a key for good. Remove its record from the DNS as well."""
    with open_app() as app:
        remove_key(app, name, selector)
    print_message(f"{selector} is removed")


@routes.command("list")
def list_routes(name: ChannelName, as_json: AsJson = False) -> None:
    """List the routes in backoff: how many deliveries wait, why, and when the next probe is sent."""
    with open_app() as app, app.database.begin() as connection:
        waits = paused_routes.waits(connection, channels.find(connection, name).id)
    print_rows(
        ("route", "waiting", "since", "next_probe_at", "probes", "reason"),
        [
            (
                wait.route.name,
                wait.deliveries,
                wait.route.since,
                wait.route.next_probe_at,
                wait.route.probes,
                wait.route.reason,
            )
            for wait in waits
        ],
        as_json=as_json,
        empty=f"No route of channel {name!r} is in backoff.",
    )


@routes.command("resume")
def resume(
    name: ChannelName,
    route: Annotated[str, typer.Argument(help="RELAY or RELAY/DESTINATION as listed; default: all of them.")] = "",
) -> None:
    """End the backoff of routes; the deliveries that wait for them are sent at once."""
    with open_app() as app:
        count = resume_routes(app, name, route)
    print_message(f"{count} routes are resumed")


def _shown_together(values: Mapping[str, object]) -> str:
    return "\n".join(f"{key}={shown_value(value)}" for key, value in values.items())


def _print_records(entries: Iterable[KeyEntry], *, as_json: bool) -> None:
    if as_json:
        print_json([_key_as_json(entry) for entry in entries])
        return
    for entry in entries:
        # Not through the console: a record must not be wrapped.
        typer.echo(_dns_record(entry).in_zone_file())


def _key_as_json(entry: KeyEntry) -> dict[str, Any]:
    record = _dns_record(entry)
    return {
        "selector": entry.selector,
        "domain": entry.domain,
        "algorithm": entry.algorithm,
        "state": entry.state,
        "since": entry.since,
        "record": {"name": record.name, "type": record.type, "value": record.value},
    }


def _dns_record(entry: KeyEntry) -> DnsRecord:
    return DnsRecord(entry.record_name, "TXT", entry.record)
