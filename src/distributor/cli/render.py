"""`distributor render`: every channel's rendition of a file, without database or broker."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from distributor.bootstrap import make_site, make_templates
from distributor.channels.contract import RenderContext
from distributor.channels.shelf import kinds
from distributor.cli.session import say
from distributor.domain.errors import ConfigurationError
from distributor.domain.problems import Severity
from distributor.flow.preview import Preview, preview
from distributor.settings import load_settings
from distributor.sources.formats import read_manuscript


def render(
    file: Annotated[Path, typer.Argument(help="A Markdown or plain-text article.")],
    channel: Annotated[str, typer.Option(help="A kind of channel, or all.")] = "all",
    out: Annotated[Path, typer.Option(help="The folder to write to.")] = Path("out"),
) -> None:
    """Show what every channel would say about FILE. Exit status 4 if a check finds something that must be mended."""
    settings = load_settings()
    manuscript = read_manuscript(file)
    context = RenderContext(site=make_site(settings), templates=make_templates(settings))
    names = list(kinds()) if channel == "all" else [channel]
    shown = preview(manuscript, names, context)
    _write(shown, out)
    for warning in manuscript.warnings:
        say(f"note: {warning}")
    blocked = False
    for kind, problems in shown.problems.items():
        for problem in problems:
            say(f"{kind}: {problem.severity.value}: {problem.message}")
            blocked = blocked or problem.severity is Severity.BLOCK
    say(f"{len(shown.files) + 1} files are in {out}")
    if blocked:
        raise typer.Exit(4)


def _write(shown: Preview, out: Path) -> None:
    problems = {
        kind: [
            {"severity": one.severity.value, "code": one.code, "message": one.message, "where": one.where}
            for one in found
        ]
        for kind, found in shown.problems.items()
    }
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, body in shown.files.items():
            (out / name).write_bytes(body)
        (out / "problems.json").write_text(json.dumps(problems, ensure_ascii=False, indent=2) + "\n")
    except OSError as error:
        raise ConfigurationError(
            f"cannot write to {out}: {error.strerror}; choose another folder with --out"
        ) from error
