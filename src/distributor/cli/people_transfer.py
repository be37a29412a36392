"""`distributor subscriber import`, `imports` and `export`: people in and out, by the file."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from distributor.cli.session import AsJson, err, installation_at_hand, say, show, show_rows
from distributor.domain.errors import InputError
from distributor.domain.subscriber_export import Selection
from distributor.domain.subscriber_import import (
    AttributeType,
    Import,
    ImportMode,
    ImportPlan,
    ImportSettings,
    ImportState,
)
from distributor.flow.app_context import AppContext
from distributor.flow.people.export_people import ExportFormat, export_people
from distributor.flow.people.import_files import ImportFiles
from distributor.flow.people.import_people import cancel_import, plan_import, run_import
from distributor.importers.columns import ATTRIBUTE, TARGETS
from distributor.importers.registry import all_importers
from distributor.storage import imports

commands = typer.Typer()

# What the command ends with if good rows came in and bad ones did not.
SOME_ROWS_BAD = 8
_PIECE = 1024 * 1024
_LOOK_EVERY_SECONDS = 0.5

ImportId = Annotated[int, typer.Argument(help="Its number, as `subscriber imports` shows it.")]


@commands.command("import")
def import_people(
    file: Annotated[str, typer.Argument(help="The file, or - for standard input.")] = "",
    list_slug: Annotated[str, typer.Option("--list", help="The list these people are to be on.")] = "",
    basis: Annotated[
        str, typer.Option(help="How they agreed to mail, in a sentence; kept as each one's consent.")
    ] = "",
    mode: Annotated[
        ImportMode,
        typer.Option(
            help="People known already are refused (insert), filled in and changed (update), passed by (skip)."
        ),
    ] = ImportMode.UPDATE,
    format_: Annotated[
        str, typer.Option("--format", help=f"One of {', '.join(all_importers())}; default: detected from the header.")
    ] = "",
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", help=f"HEADER=WHAT, of {', '.join(TARGETS)}, {ATTRIBUTE}NAME; may be repeated."),
    ] = None,
    types: Annotated[
        list[str] | None,
        typer.Option("--type", help=f"{ATTRIBUTE}NAME=TYPE, of {', '.join(AttributeType)}; may be repeated."),
    ] = None,
    attributes_from_rest: Annotated[
        bool, typer.Option("--attributes-from-rest", help="Columns nobody has named become attributes.")
    ] = False,
    encoding: Annotated[str, typer.Option(help="Such as cp1252; without it, found out.")] = "",
    delimiter: Annotated[str, typer.Option(help="One sign, or `tab`; without it, found out.")] = "",
    is_dry_run: Annotated[bool, typer.Option("--dry-run", help="Only report what would become of each row.")] = False,
    resume: Annotated[int | None, typer.Option(help="Go on with the import of this number.")] = None,
    as_json: AsJson = False,
) -> None:
    """Bring people in from a file. Good rows come in; bad ones are collected with their reasons.

    Ends with 0, or with 8 if some rows were bad. What was interrupted goes on when the same command is given again.
    """
    with installation_at_hand() as app:
        if resume is not None:
            begun = _find(app, resume)
        else:
            plan = ImportPlan(
                list_slug=list_slug,
                basis=basis,
                mode=mode,
                settings=ImportSettings(
                    format=format_,
                    encoding=encoding,
                    delimiter="\t" if delimiter == "tab" else delimiter,
                    columns=_pairs(mapping or [], "--map"),
                    types=_types(types or []),
                    attributes_from_rest=attributes_from_rest,
                ),
                is_dry_run=is_dry_run,
            )
            _refuse_missing(file=file, list_slug=list_slug, basis=basis)
            begun = plan_import(app, plan, name=_name(file), pieces=_pieces(file))
        ended = _run(app, begun)
        report = _report(app, ended)
    if as_json:
        show(report)
    else:
        _say_report(ended, report)
    if ended.counts.bad:
        raise typer.Exit(SOME_ROWS_BAD)


@commands.command("imports")
def list_imports(limit: int = 20, as_json: AsJson = False) -> None:
    """The imports, the newest first, and how far they are."""
    with installation_at_hand() as app:
        with app.database.begin() as connection:
            found = imports.listed(connection, limit=limit)
        reports = [_report(app, one) for one in found]
    if as_json:
        show(reports)
        return
    columns = ("id", "file", "list", "state", "percent", "read", "new", "changed", "bad", "error")
    show_rows(
        columns,
        [[report[column] for column in columns] for report in reports],
        as_json=False,
        empty="No imports yet: `distributor subscriber import FILE --list SLUG --basis SENTENCE` makes one.",
    )


@commands.command("cancel-import")
def cancel(import_id: ImportId) -> None:
    """End an import where it is. Who has come in stays."""
    with installation_at_hand() as app:
        ended = cancel_import(app, import_id)
    say(f"import {import_id} is {ended.state.value} after {ended.counts.read} rows")


@commands.command("export")
def export(
    list_slug: Annotated[str | None, typer.Option("--list", help="Who is or was on this list.")] = None,
    segment_slug: Annotated[str | None, typer.Option("--segment", help="Who is in this segment.")] = None,
    format_: Annotated[ExportFormat, typer.Option("--format", help="CSV, or one JSON object to a line.")] = (
        ExportFormat.CSV
    ),
    out: Annotated[str, typer.Option(help="A file, or - for standard output.")] = "-",
) -> None:
    """Write people out, with their state, their choices and their consent; neither option means everybody.

    In CSV, cells that a spreadsheet would run as formulas begin with an apostrophe; `subscriber import` takes it off.
    """
    selection = Selection(list_slug=list_slug, segment_slug=segment_slug)
    with installation_at_hand() as app:
        pieces = export_people(app, selection, format_=format_)
        if out == "-":
            _write_out(pieces)
        else:
            _write_file(Path(out), pieces)


def _refuse_missing(**given: str) -> None:
    names = {"file": "the FILE", "list_slug": "--list", "basis": "--basis"}
    if missing := [names[key] for key, value in given.items() if not value]:
        raise InputError(f"say {' and '.join(missing)}, or --resume the import of a number")


def _find(app: AppContext, import_id: int) -> Import:
    with app.database.begin() as connection:
        return imports.find(connection, import_id)


def _name(file: str) -> str:
    return "standard input" if file == "-" else Path(file).name


def _pieces(file: str) -> Iterator[bytes]:
    if file == "-":
        yield from iter(lambda: sys.stdin.buffer.read(_PIECE), b"")
        return
    try:
        with Path(file).open("rb") as stream:
            yield from iter(lambda: stream.read(_PIECE), b"")
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror}") from error


def _run(app: AppContext, begun: Import) -> Import:
    """Run it here; where another process is at it, watch that, and take over should it die."""
    progress = Progress(
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), console=err
    )
    with progress:
        task = progress.add_task(f"import {begun.id}", total=max(begun.size, 1), completed=begun.position)

        def watch(now: Import) -> None:
            progress.update(task, completed=now.position, description=f"import {now.id}: {now.counts.read} rows")

        try:
            while (ended := run_import(app, begun.id, watch=watch)).is_open:
                watch(ended)
                time.sleep(_LOOK_EVERY_SECONDS)
        except KeyboardInterrupt:
            say(f"go on with `distributor subscriber import --resume {begun.id}`; a worker may do so by itself")
            raise
        if ended.state is ImportState.FINISHED:
            progress.update(task, completed=max(begun.size, 1))
    return ended


def _report(app: AppContext, one: Import) -> dict[str, Any]:
    return {
        "id": one.id,
        "file": one.name,
        "list": one.list_slug,
        "format": one.plan.settings.format,
        "encoding": one.plan.settings.encoding,
        "mode": one.plan.mode.value,
        "dry_run": one.plan.is_dry_run,
        "state": one.state.value,
        "percent": one.percent,
        "read": one.counts.read,
        "new": one.counts.new,
        "changed": one.counts.changed,
        "unchanged": one.counts.unchanged,
        "skipped": one.counts.skipped,
        "bad": one.counts.bad,
        "bad_rows": str(ImportFiles(app.imports_dir).bad_rows(one.id)) if one.counts.bad else "",
        "error": one.error,
    }


def _say_report(ended: Import, report: dict[str, Any]) -> None:
    would = "would be " if ended.plan.is_dry_run else ""
    say(
        f"import {ended.id} of {ended.name} ({report['format']}, {report['encoding']}) is {ended.state.value}: "
        f"{report['read']} rows read; {report['new']} people {would}new, {report['changed']} {would}changed, "
        f"{report['unchanged']} unchanged, {report['skipped']} passed by"
    )
    if ended.counts.bad:
        say(f"{ended.counts.bad} rows are bad; they and the reasons are in {report['bad_rows']}")
        say("correct them there, and import that file")


def _pairs(given: list[str], option: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in given:
        name, equals, value = text.rpartition("=")
        if not equals or not name or not value:
            raise InputError(f"{option} {text!r} is not NAME=VALUE")
        pairs[name.strip()] = value.strip()
    return pairs


def _types(given: list[str]) -> dict[str, AttributeType]:
    types: dict[str, AttributeType] = {}
    for name, word in _pairs(given, "--type").items():
        try:
            types[name.removeprefix(ATTRIBUTE)] = AttributeType(word)
        except ValueError:
            raise InputError(f"{word!r} is no type; there is {', '.join(AttributeType)}") from None
    return types


def _write_out(pieces: Iterator[bytes]) -> None:
    try:
        for piece in pieces:
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # Whoever reads has had enough; Python must not find the closed pipe again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _write_file(path: Path, pieces: Iterator[bytes]) -> None:
    """Whole or not at all."""
    draft = path.with_name(f"{path.name}.part")
    try:
        with draft.open("wb") as file:
            file.writelines(pieces)
        draft.replace(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)
    say(f"written to {path}")
