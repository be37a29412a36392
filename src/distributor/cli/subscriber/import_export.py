"""`distributor subscriber import`, `imports` and `export`: people in and out, by the file."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from distributor.bootstrap import open_app
from distributor.cli.console import AsJson, err, print_json, print_message, print_rows, write_output
from distributor.domain.errors import InputError
from distributor.domain.subscriber_export import Selection
from distributor.domain.subscriber_import import (
    IGNORE,
    AttributeType,
    ColumnSource,
    ColumnUse,
    Import,
    ImportMode,
    ImportOutcome,
    ImportPlan,
    ImportSettings,
    ImportState,
    WordUse,
)
from distributor.flow.app_context import AppContext
from distributor.flow.people.export_people import ExportFormat, export_people
from distributor.flow.people.import_files import ImportFiles
from distributor.flow.people.import_people import cancel_import, plan_import, run_import
from distributor.importers.columns import ATTRIBUTE, TARGETS
from distributor.importers.registry import all_importers
from distributor.importers.statuses import STATUSES
from distributor.storage import imports

commands = typer.Typer()

# The exit status if some rows were rejected and the others imported.
EXIT_BAD_ROWS = 8
_CHUNK_BYTES = 1024 * 1024
_POLL_SECONDS = 0.5

_SOURCES = {ColumnSource.MAPPED: " (mapped)", ColumnSource.FALLBACK: " (where it is empty otherwise)"}

ImportId = Annotated[int, typer.Argument(help="Its id, as `subscriber imports` shows it.")]


@commands.command("import")
def import_subscribers(
    file: Annotated[str, typer.Argument(help="The file, or - for standard input.")] = "",
    list_slug: Annotated[str, typer.Option("--list", help="The list to add the subscribers to.")] = "",
    basis: Annotated[str, typer.Option(help="How they consented, in a sentence; stored as each one's consent.")] = "",
    mode: Annotated[
        ImportMode,
        typer.Option(
            help="What to do with existing subscribers: reject the row (insert), update them, or skip the row."
        ),
    ] = ImportMode.UPDATE,
    format_: Annotated[
        str, typer.Option("--format", help=f"One of {', '.join(all_importers())}; default: detected from the header.")
    ] = "",
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", help=f"HEADER=FIELD, one of {', '.join(TARGETS)}, {ATTRIBUTE}NAME; may be repeated."),
    ] = None,
    status_words: Annotated[
        list[str] | None,
        typer.Option(
            "--map-status",
            help=f"WORD=STATUS, what a word in a column of states means: {', '.join(STATUSES)}; may be repeated.",
        ),
    ] = None,
    types: Annotated[
        list[str] | None,
        typer.Option("--type", help=f"{ATTRIBUTE}NAME=TYPE, one of {', '.join(AttributeType)}; may be repeated."),
    ] = None,
    attributes_from_rest: Annotated[
        bool, typer.Option("--attributes-from-rest", help="Import all other columns as attributes.")
    ] = False,
    encoding: Annotated[str, typer.Option(help="Such as windows-1250; default: as the whole file shows.")] = "",
    delimiter: Annotated[str, typer.Option(help="One character, or `tab`; default: detected.")] = "",
    is_dry_run: Annotated[bool, typer.Option("--dry-run", help="Only report what would happen to each row.")] = False,
    resume: Annotated[int | None, typer.Option(help="Resume the import of this id.")] = None,
    as_json: AsJson = False,
) -> None:
    """Import subscribers from a file; exit status 8 if some rows were rejected.

    Rejected rows are written to a file with their reasons, the others are imported. A file with a column that may say
    who wants no mail, and whose meaning is not known, is refused: --map says what it holds. An interrupted import
    resumes when the same command is run again.
    """
    with open_app() as app:
        if resume is not None:
            started = _find(app, resume)
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
                    statuses=_pairs(status_words or [], "--map-status"),
                    attributes_from_rest=attributes_from_rest,
                ),
                is_dry_run=is_dry_run,
            )
            _require(file=file, list_slug=list_slug, basis=basis)
            started = plan_import(app, plan, name=_name(file), pieces=_chunks(file))
        result = _run(app, started)
        report = _report(app, result)
    if as_json:
        print_json(report)
    else:
        _print_report(result, report)
    if result.counts.bad:
        raise typer.Exit(EXIT_BAD_ROWS)


@commands.command("imports")
def list_imports(
    import_id: Annotated[int | None, typer.Argument(help="Show this import, with how its file was understood.")] = None,
    limit: int = 20,
    as_json: AsJson = False,
) -> None:
    """List the imports, newest first, and their progress; or show one."""
    with open_app() as app:
        if import_id is not None:
            one = _find(app, import_id)
            report = _report(app, one)
            print_json(report) if as_json else _print_report(one, report)
            return
        with app.database.begin() as connection:
            found = imports.listed(connection, limit=limit)
        reports = [_report(app, one) for one in found]
    if as_json:
        print_json(reports)
        return
    columns = ("id", "file", "list", "state", "percent", "read", "new", "changed", "bad", "error")
    print_rows(
        columns,
        [[report[column] for column in columns] for report in reports],
        as_json=False,
        empty="No imports yet: `distributor subscriber import FILE --list SLUG --basis TEXT` starts one.",
    )


@commands.command("cancel-import")
def cancel(import_id: ImportId) -> None:
    """Cancel an import; rows imported so far stay."""
    with open_app() as app:
        result = cancel_import(app, import_id)
    print_message(f"import {import_id} is {result.state.value} after {result.counts.read} rows")


@commands.command("export")
def export_subscribers(
    list_slug: Annotated[
        str | None, typer.Option("--list", help="Only current and former subscribers of this list.")
    ] = None,
    segment_slug: Annotated[str | None, typer.Option("--segment", help="Only subscribers in this segment.")] = None,
    format_: Annotated[ExportFormat, typer.Option("--format", help="CSV, or one JSON object per line.")] = (
        ExportFormat.CSV
    ),
    out: Annotated[str, typer.Option(help="A file, or - for standard output.")] = "-",
) -> None:
    """Export subscribers with their states, preferences and consents; without options, all of them.

    In CSV, cells that a spreadsheet would run as formulas begin with an apostrophe; `subscriber import` removes it.
    """
    selection = Selection(list_slug=list_slug, segment_slug=segment_slug)
    with open_app() as app:
        chunks = export_people(app, selection, format_=format_)
        write_output(out, chunks)


def _require(**given: str) -> None:
    names = {"file": "the FILE", "list_slug": "--list", "basis": "--basis"}
    if missing := [names[key] for key, value in given.items() if not value]:
        raise InputError(f"missing {' and '.join(missing)}; or resume an import with --resume ID")


def _find(app: AppContext, import_id: int) -> Import:
    with app.database.begin() as connection:
        return imports.find(connection, import_id)


def _name(file: str) -> str:
    return "standard input" if file == "-" else Path(file).name


def _chunks(file: str) -> Iterator[bytes]:
    if file == "-":
        yield from iter(lambda: sys.stdin.buffer.read(_CHUNK_BYTES), b"")
        return
    try:
        with Path(file).open("rb") as stream:
            yield from iter(lambda: stream.read(_CHUNK_BYTES), b"")
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror}") from error


def _run(app: AppContext, started: Import) -> Import:
    """Run the import here; if another process runs it, watch that, and take over if it dies."""
    progress = Progress(
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), console=err
    )
    with progress:
        task = progress.add_task(f"import {started.id}", total=max(started.size, 1), completed=started.position)

        def watch(now: Import) -> None:
            progress.update(task, completed=now.position, description=f"import {now.id}: {now.counts.read} rows")

        try:
            while (result := run_import(app, started.id, watch=watch)).is_open:
                watch(result)
                time.sleep(_POLL_SECONDS)
        except KeyboardInterrupt:
            print_message(
                f"resume with `distributor subscriber import --resume {started.id}`; otherwise a worker resumes it"
            )
            raise
        if result.state is ImportState.FINISHED:
            progress.update(task, completed=max(started.size, 1))
    return result


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
        "outcomes": dict(one.outcomes),
        "skip_reasons": dict(one.skip_reasons),
        "columns": [asdict(use) for use in one.scan.columns],
        "words": [asdict(word) for word in one.scan.words],
        "bad_rows": str(ImportFiles(app.imports_dir).bad_rows(one.id)) if one.counts.bad else "",
        "error": one.error,
    }


def _print_report(result: Import, report: dict[str, Any]) -> None:
    for line in (*_columns_lines(result.scan.columns), *_words_lines(result.scan.words)):
        print_message(line)
    would = "would be " if result.plan.is_dry_run else ""
    print_message(
        f"import {result.id} of {result.name} ({report['format']}, {report['encoding']}) is {result.state.value}: "
        f"{report['read']} rows read; {report['new']} subscribers {would}added, {report['changed']} {would}updated, "
        f"{report['unchanged']} unchanged, {report['skipped']} skipped"
    )
    if result.outcomes:
        print_message(f"by the file they are: {_counted(result.outcomes)}")
    for reason, rows in result.skip_reasons.items():
        print_message(f"{rows} rows were passed over: {reason}")
    if result.counts.bad:
        print_message(f"{result.counts.bad} rows were rejected; they and the reasons are in {report['bad_rows']}")
        print_message("correct them there, and import that file")


def _columns_lines(columns: Sequence[ColumnUse]) -> Iterator[str]:
    used = [use for use in columns if use.target != IGNORE]
    passed_over = [use.header or "(without a name)" for use in columns if use.target == IGNORE]
    yield "columns: " + ", ".join(f"{use.header} = {use.target}{_SOURCES.get(use.source, '')}" for use in used)
    if passed_over:
        yield f"columns passed over: {', '.join(passed_over)}"


def _words_lines(words: Sequence[WordUse]) -> Iterator[str]:
    """A line for each consent column: its words, and what rows with them become."""
    for header, found in groupby(words, key=lambda word: word.header):
        shown = (f"{word.word or '(empty)'} = {word.meaning or 'rejected'} ({word.rows})" for word in found)
        yield f"{header}: {', '.join(shown)}"


def _counted(outcomes: Mapping[str, int]) -> str:
    return ", ".join(f"{outcomes[outcome]} {outcome}" for outcome in ImportOutcome if outcome in outcomes)


def _pairs(given: list[str], option: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in given:
        name, equals, value = text.rpartition("=")
        # An empty cell may have a meaning, a column without a name has none.
        if not equals or not value or not (name or option == "--map-status"):
            raise InputError(f"{option} {text!r} is not NAME=VALUE")
        pairs[name.strip()] = value.strip()
    return pairs


def _types(given: list[str]) -> dict[str, AttributeType]:
    types: dict[str, AttributeType] = {}
    for name, word in _pairs(given, "--type").items():
        try:
            types[name.removeprefix(ATTRIBUTE)] = AttributeType(word)
        except ValueError:
            raise InputError(f"{word!r} is not a type; types are {', '.join(AttributeType)}") from None
    return types
