"""`distributor suppression …`"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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
    """Suppress addresses or domains: they get no mail, not even from campaigns already scheduled.

    One that cannot be read is reported and does not stop the others; exit status 2 then.
    """
    parsed, bad = _read_targets(("", text) for text in target)
    with open_app() as app, app.database.begin() as connection:
        added = suppressions.add(connection, parsed, reason, note=note, now=app.clock())
    if parsed:
        print_message(f"{added} suppressed, {len(parsed) - added} already were")
    _report_bad(bad)


@commands.command("import")
def import_suppressions(
    file: Annotated[
        Path, typer.Argument(help="One address, domain or SHA-256 per line; lines that begin with # are skipped.")
    ],
    note: Note = "",
) -> None:
    """Suppress the addresses and domains of a file; lines that cannot be read are reported and skipped."""
    good, bad = _read_targets(_lines(file))
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
    print_message(f"{added} suppressed, {len(good) - added} already were, {len(bad)} lines could not be read")
    _report_bad(bad)


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
    """Remove suppressions: subscribers with these addresses get mail again.

    One that cannot be read is reported and does not stop the others; exit status 2 then.
    """
    parsed, bad = _read_targets(("", text) for text in target)
    with open_app() as app, app.database.begin() as connection:
        removed = sum(suppressions.lift(connection, one, reasons=tuple(reason or SuppressionReason)) for one in parsed)
    print_message(f"{removed} suppressions are removed")
    _report_bad(bad)


def _lines(file: Path) -> Iterator[tuple[str, str]]:
    """The place and the text of each line that is to name a target. Raises InputError if the file cannot be read."""
    try:
        with file.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                # Bytes that are no UTF-8 concern their line only: they are in no address, so it is reported.
                text = line.decode("utf-8-sig" if number == 1 else "utf-8", "surrogateescape").strip()
                if text and not text.startswith("#"):
                    yield f"{file}:{number}: ", text
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror}") from error


def _read_targets(given: Iterable[tuple[str, str]]) -> tuple[list[Target], list[str]]:
    """The targets in these texts, and a message for each text that is none, after its place."""
    good: list[Target] = []
    bad: list[str] = []
    for place, text in given:
        try:
            good.append(parse_target(text))
        except InputError as error:
            bad.append(f"{place}{error}")
    return good, bad


def _report_bad(messages: Sequence[str]) -> None:
    """Print what could not be read; exit status 2 if there is anything."""
    for message in messages:
        err.print(message, markup=False, soft_wrap=True)
    if messages:
        raise typer.Exit(InputError.exit_code)


def _print_suppressions(found: list[Suppression], *, as_json: bool, empty: str) -> None:
    print_rows(
        ("id", "target", "reason", "note", "at"),
        [(one.id, str(one.target), one.reason.value, one.note, one.at) for one in found],
        as_json=as_json,
        empty=empty,
    )
