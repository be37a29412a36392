"""`distributor suppression …`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from distributor.bootstrap import open_app
from distributor.cli.console import AsJson, err, print_message, print_rows
from distributor.domain.errors import InputError
from distributor.domain.suppression import Suppression, SuppressionReason, Target, parse_target
from distributor.storage import suppressions

commands = typer.Typer()

Targets = Annotated[list[str], typer.Argument(help="Addresses, domains, or SHA-256 of addresses in hexadecimal.")]
Note = Annotated[str, typer.Option(help="Why, for your colleagues.")]
_BATCH = 10_000


@commands.command("add")
def add_suppressions(
    target: Targets,
    reason: Annotated[SuppressionReason, typer.Option(help="The reason to store.")] = SuppressionReason.MANUAL,
    note: Note = "",
) -> None:
    """Suppress addresses or domains: they get no mail, not even from campaigns already scheduled."""
    parsed = [parse_target(text) for text in target]
    with open_app() as app, app.database.begin() as connection:
        added = suppressions.add(connection, parsed, reason, note=note, now=app.clock())
    print_message(f"{added} suppressed, {len(parsed) - added} already were")


@commands.command("import")
def import_suppressions(
    file: Annotated[
        Path, typer.Argument(help="One address, domain or SHA-256 per line; lines that begin with # are skipped.")
    ],
    note: Note = "",
) -> None:
    """Suppress the addresses and domains of a file; lines that cannot be read are reported and skipped."""
    good, bad = _read_targets(file)
    with open_app() as app, app.database.begin() as connection:
        added = sum(
            suppressions.add(
                connection,
                good[start : start + _BATCH],
                SuppressionReason.IMPORTED,
                note=note or f"from {file.name}",
                now=app.clock(),
            )
            for start in range(0, len(good), _BATCH)
        )
    for line in bad:
        err.print(line, markup=False, soft_wrap=True)
    print_message(f"{added} suppressed, {len(good) - added} already were, {len(bad)} lines could not be read")
    if bad:
        raise typer.Exit(InputError.exit_code)


@commands.command("list")
def list_suppressions(
    reason: Annotated[SuppressionReason | None, typer.Option(help="Only suppressions for this reason.")] = None,
    limit: int = 50,
    after: Annotated[int, typer.Option(help="Only ids above this one: the last one of a page.")] = 0,
    as_json: AsJson = False,
) -> None:
    """List the suppressions, by ascending id."""
    with open_app() as app, app.database.begin() as connection:
        found = suppressions.listed(connection, reason=reason, limit=limit, after_id=after)
    _print_suppressions(found, as_json=as_json, empty="No suppressions.")


@commands.command("check")
def check_suppression(
    target: Annotated[str, typer.Argument(help="An address, domain or SHA-256.")], as_json: AsJson = False
) -> None:
    """Check whether an address or a domain is suppressed, and why."""
    parsed = parse_target(target)
    domain = parsed.email.rpartition("@")[2] if parsed.email else None
    with open_app() as app, app.database.begin() as connection:
        found = suppressions.matching(connection, parsed, domain=domain)
    _print_suppressions(found, as_json=as_json, empty=f"{target} is not suppressed.")


@commands.command("remove")
def remove_suppressions(
    target: Targets,
    reason: Annotated[list[SuppressionReason] | None, typer.Option(help="Only suppressions for this reason.")] = None,
) -> None:
    """Remove suppressions: subscribers with these addresses get mail again."""
    parsed: list[Target] = [parse_target(text) for text in target]
    with open_app() as app, app.database.begin() as connection:
        removed = sum(suppressions.lift(connection, one, reasons=tuple(reason or SuppressionReason)) for one in parsed)
    print_message(f"{removed} suppressions are removed")


def _read_targets(file: Path) -> tuple[list[Target], list[str]]:
    good: list[Target] = []
    bad: list[str] = []
    try:
        with file.open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, start=1):
                text = line.strip()
                if not text or text.startswith("#"):
                    continue
                try:
                    good.append(parse_target(text))
                except InputError as error:
                    bad.append(f"{file}:{number}: {error}")
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{file}: is not text in UTF-8: {error.reason} at byte {error.start}") from error
    return good, bad


def _print_suppressions(found: list[Suppression], *, as_json: bool, empty: str) -> None:
    print_rows(
        ("id", "target", "reason", "note", "at"),
        [(one.id, str(one.target), one.reason.value, one.note, one.at) for one in found],
        as_json=as_json,
        empty=empty,
    )
