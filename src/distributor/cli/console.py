"""What the commands print: results on standard output, messages for people on standard error."""

from __future__ import annotations

import json
import os
import pwd
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from distributor.cli.tables import lay_out, record_lines
from distributor.domain.diagnostics import DiagnosticStatus, Finding
from distributor.domain.errors import InputError
from distributor.private_files import replace_private


def _actor() -> str:
    """The user of the operating system; with sudo, the one who called it."""
    user = os.getuid()
    called_sudo = os.environ.get("SUDO_USER", "") if user == 0 else ""
    try:
        return f"cli:{called_sudo or pwd.getpwuid(user).pw_name}"
    except KeyError:
        return f"cli:{user}"


# Who acts, in the history of articles and campaigns.
ACTOR = _actor()

_COLOURS = {DiagnosticStatus.OK: "green", DiagnosticStatus.WARN: "yellow", DiagnosticStatus.FAIL: "red"}

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def print_json(value: Any) -> None:
    """Print a value as one JSON document."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=_as_json) + "\n")


def print_rows(columns: Sequence[str], rows: Iterable[Sequence[object]], *, as_json: bool, empty: str) -> None:
    """Print rows as a table, or as a JSON list of objects; `empty` is printed instead of a table without rows.

    A table shows each time with its zone, and JSON with its offset. The name of a field is shown with spaces.
    """
    listed = [list(row) for row in rows]
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in listed])
        return
    if not listed:
        out.print(empty)
        return
    table = lay_out(columns, listed, width=out.width)
    for line in table.header:
        _print_line(line, style="bold")
    for line in table.body:
        _print_line(line)


def print_fields(fields: Mapping[str, object], *, as_json: bool) -> None:
    """Print one record: as lines of names and values, or as a JSON object."""
    if as_json:
        print_json(fields)
        return
    for line in record_lines(fields, width=out.width):
        _print_line(line)


def print_message(text: str) -> None:
    """Print a message for people on standard error; it is not part of the output that programs read."""
    err.print(text, markup=False)


def write_output(out: str, chunks: Iterator[bytes]) -> None:
    """Write to the file `out`, as a whole or not at all, or for ``-`` to standard output. Raises InputError."""
    if out == "-":
        _write_stdout(chunks)
        return
    path = Path(out)
    try:
        with replace_private(path) as part, part.open("wb") as file:
            file.writelines(chunks)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from error
    print_message(f"written to {path}")


def print_finding(finding: Finding) -> None:
    """Print a finding with its status; a DNS record to publish is a line of its own."""
    out.print(f"[{_COLOURS[finding.state]}]{finding.state:6}[/] {finding.check}: ", end="")
    out.print(finding.sentence, markup=False)
    if finding.record is not None:
        # Not through the console: a record must not be wrapped.
        typer.echo(f"       {finding.record.in_zone_file()}")


def finding_as_json(finding: Finding) -> dict[str, Any]:
    """The same for programs."""
    record = finding.record
    return {
        "check": finding.check,
        "state": finding.state,
        "finding": finding.sentence,
        "figures": dict(finding.figures),
        "record": {"name": record.name, "type": record.type, "value": record.value} if record else None,
    }


def _write_stdout(chunks: Iterator[bytes]) -> None:
    try:
        for chunk in chunks:
            sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # The reader closed the pipe; Python must not write to it again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _as_json(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _print_line(line: str, *, style: str = "") -> None:
    # As it is: square brackets in data are not markup, and what is too long is for the terminal to wrap.
    out.print(line, style=style, markup=False, soft_wrap=True)
