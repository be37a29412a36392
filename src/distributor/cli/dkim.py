"""`distributor channel dkim …`: the keys that sign mails, and the records to publish for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Any

import typer

from distributor.cli.session import AsJson, installation_at_hand, say, show, show_rows
from distributor.domain.diagnostics import DnsRecord, Nameserver
from distributor.flow.operations.signing_keys import activate_keys, key_ring, make_keys, remove_key, retire_key
from distributor.mail.dkim.keyring import KeyEntry, KeyState
from distributor.mail.dkim.keys import Algorithm
from distributor.mail.dns.lookup import DnsResolver

commands = typer.Typer(no_args_is_help=True, help="The keys that sign an email channel's mails (DKIM).")

AskedNameserver = Annotated[
    str | None, typer.Option("--nameserver", help="The DNS server to ask, ADDRESS or ADDRESS:PORT, not the system's.")
]


class KeyChoice(StrEnum):
    """Which keys to make. Receivers that know no Ed25519 need the RSA signature beside it."""

    RSA = "rsa"
    ED25519 = "ed25519"
    BOTH = "both"


_CHOSEN: Mapping[KeyChoice, tuple[tuple[str, Algorithm], ...]] = {
    KeyChoice.RSA: (("", Algorithm.RSA),),
    KeyChoice.ED25519: (("", Algorithm.ED25519),),
    KeyChoice.BOTH: (("", Algorithm.RSA), ("-ed25519", Algorithm.ED25519)),
}


@commands.command("new")
def new_key(
    name: str,
    selector: Annotated[str, typer.Option(help="A name that no key had before, e.g. with the date in it: s2026a.")],
    domain: Annotated[str | None, typer.Option(help="The domain to sign for; else that of the sender.")] = None,
    algorithm: Annotated[KeyChoice, typer.Option(help="With both, SELECTOR-ed25519 is made as well.")] = KeyChoice.RSA,
    as_json: AsJson = False,
) -> None:
    """Make a key for the channel NAME and print the record to publish. It signs once it is activated."""
    selectors = [(selector + ending, kind) for ending, kind in _CHOSEN[algorithm]]
    with installation_at_hand() as app:
        made = make_keys(app, name, selectors=selectors, domain=domain)
    _print_records(made, as_json=as_json)
    names = " ".join(entry.selector for entry in made)
    say(f"publish this, and when the DNS has it: `distributor channel dkim activate {name} {names}`")


@commands.command("list")
def list_keys(name: str, as_json: AsJson = False) -> None:
    """The keys of the channel NAME and what each is doing."""
    with installation_at_hand() as app:
        entries = key_ring(app, name).entries
    if as_json:
        show([_told(entry) for entry in entries])
        return
    show_rows(
        ("selector", "domain", "algorithm", "state", "since", "published_at"),
        [
            (entry.selector, entry.domain, entry.algorithm, entry.state, f"{entry.since:%Y-%m-%d}", entry.record_name)
            for entry in entries
        ],
        as_json=False,
        empty=f"No keys yet: `distributor channel dkim new {name} --selector SELECTOR` makes one.",
    )


@commands.command("record")
def print_record(name: str, selector: str, as_json: AsJson = False) -> None:
    """Print the record to publish for a key of the channel NAME, as a line of a zone file."""
    with installation_at_hand() as app:
        entry = key_ring(app, name).find(selector)
    _print_records([entry], as_json=as_json)


@commands.command("activate")
def activate(
    name: str,
    selectors: Annotated[list[str], typer.Argument(help="The keys that are to sign from now on.")],
    nameserver: AskedNameserver = None,
    unseen: Annotated[bool, typer.Option("--unseen", help="Do not ask the DNS whether they are published.")] = False,
) -> None:
    """Let keys sign in place of those before them, which are retired. Asks the DNS first whether they are published."""
    lookup = None if unseen else DnsResolver(Nameserver.parse(nameserver) if nameserver else None)
    with installation_at_hand() as app:
        before = key_ring(app, name)
        active = activate_keys(app, name, selectors, lookup=lookup)
        after = key_ring(app, name)
    for entry in active:
        say(f"{entry.selector} signs for {entry.domain} from the next mail on")
    for old in before.active:
        if after.find(old.selector).state is KeyState.RETIRED:
            say(f"{old.selector} is retired; leave its record published for a week, for mail that is under way")


@commands.command("retire")
def retire(name: str, selector: str) -> None:
    """Let a key sign no more. Its record should stay published for a week."""
    with installation_at_hand() as app:
        retire_key(app, name, selector)
        signing = key_ring(app, name).active
    say(f"{selector} is retired; leave its record published for a week, for mail that is under way")
    if not signing:
        say(f"nothing signs the mails of {name} now")


@commands.command("remove")
def remove(name: str, selector: str) -> None:
    """Forget a key for good. Take its record out of the DNS as well."""
    with installation_at_hand() as app:
        remove_key(app, name, selector)
    say(f"{selector} is forgotten")


def _print_records(entries: Iterable[KeyEntry], *, as_json: bool) -> None:
    if as_json:
        show([_told(entry) for entry in entries])
        return
    for entry in entries:
        # Not through the console: a record must not be wrapped.
        typer.echo(_record(entry).in_zone_file())


def _told(entry: KeyEntry) -> dict[str, Any]:
    record = _record(entry)
    return {
        "selector": entry.selector,
        "domain": entry.domain,
        "algorithm": entry.algorithm,
        "state": entry.state,
        "since": entry.since,
        "record": {"name": record.name, "type": record.type, "value": record.value},
    }


def _record(entry: KeyEntry) -> DnsRecord:
    return DnsRecord(entry.record_name, "TXT", entry.record)
