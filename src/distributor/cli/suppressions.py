"""`distributor suppression …`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from distributor.cli.session import AsJson, err, installation_at_hand, say, show_rows
from distributor.domain.errors import InputError
from distributor.domain.suppression import Suppression, SuppressionReason, Target, parse_target
from distributor.storage import suppressions

commands = typer.Typer()

Targets = Annotated[list[str], typer.Argument(help="Addresses, domains, or SHA-256 of addresses in hexadecimal.")]
Note = Annotated[str, typer.Option(help="Why, for those who come after you.")]
_BATCH = 10_000


@commands.command("add")
def add_suppressions(
    target: Targets,
    reason: Annotated[SuppressionReason, typer.Option(help="What it is counted as.")] = SuppressionReason.MANUAL,
    note: Note = "",
) -> None:
    """Send nothing more to these addresses or domains, also not what is planned already."""
    parsed = [parse_target(text) for text in target]
    with installation_at_hand() as app, app.database.begin() as connection:
        added = suppressions.add(connection, parsed, reason, note=note, now=app.clock())
    say(f"{added} suppressed, {len(parsed) - added} were before")


@commands.command("import")
def import_suppressions(
    file: Annotated[Path, typer.Argument(help="One address, domain or SHA-256 a line; lines with # are passed over.")],
    note: Note = "",
) -> None:
    """Suppress all that a file names. Lines that cannot be read are shown and left out."""
    good, bad = _read_targets(file)
    with installation_at_hand() as app, app.database.begin() as connection:
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
    say(f"{added} suppressed, {len(good) - added} were before, {len(bad)} lines could not be read")
    if bad:
        raise typer.Exit(InputError.exit_code)


@commands.command("list")
def list_suppressions(
    reason: Annotated[SuppressionReason | None, typer.Option(help="Only for this reason.")] = None,
    limit: int = 50,
    after: Annotated[int, typer.Option(help="The number of the last one shown before.")] = 0,
    as_json: AsJson = False,
) -> None:
    """What is suppressed, and why, by ascending number."""
    with installation_at_hand() as app, app.database.begin() as connection:
        found = suppressions.listed(connection, reason=reason, limit=limit, after_id=after)
    _show(found, as_json=as_json, empty="Nothing is suppressed.")


@commands.command("check")
def check_suppression(
    target: Annotated[str, typer.Argument(help="An address, domain or SHA-256.")], as_json: AsJson = False
) -> None:
    """Why mail to an address or a domain is held back, if it is."""
    parsed = parse_target(target)
    domain = parsed.email.rpartition("@")[2] if parsed.email else None
    with installation_at_hand() as app, app.database.begin() as connection:
        found = suppressions.matching(connection, parsed, domain=domain)
    _show(found, as_json=as_json, empty=f"Nothing holds back mail to {target}.")


@commands.command("lift")
def lift_suppressions(
    target: Targets,
    reason: Annotated[list[SuppressionReason] | None, typer.Option(help="Only entries for this reason.")] = None,
) -> None:
    """Take entries back: mail goes there again, where somebody has agreed to it."""
    parsed: list[Target] = [parse_target(text) for text in target]
    with installation_at_hand() as app, app.database.begin() as connection:
        lifted = sum(suppressions.lift(connection, one, reasons=tuple(reason or SuppressionReason)) for one in parsed)
    say(f"{lifted} entries are taken back")


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
        raise InputError(f"{file}: is not a text in UTF-8: {error.reason} at octet {error.start}") from error
    return good, bad


def _show(found: list[Suppression], *, as_json: bool, empty: str) -> None:
    show_rows(
        ("id", "target", "reason", "note", "at"),
        [(one.id, str(one.target), one.reason.value, one.note, one.at) for one in found],
        as_json=as_json,
        empty=empty,
    )
