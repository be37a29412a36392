"""What is said around the articles of a campaign, as options of commands, and what it looks like, as files."""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated

import typer

from distributor.channels.api import MessageSize
from distributor.cli.session import say
from distributor.domain.errors import ConfigurationError, InputError
from distributor.domain.message_options import Attachment, MessageOptions
from distributor.domain.problems import Severity
from distributor.flow.publishing.preview import Preview

Subject = Annotated[str, typer.Option(help="In place of the title; may hold {{ subscriber.name | default('you') }}.")]
Greeting = Annotated[
    str, typer.Option(help="Above the articles, in Markdown with fields of the reader; @FILE reads a file.")
]
Closing = Annotated[str, typer.Option(help="Below the articles, in Markdown with fields of the reader; or @FILE.")]
Attach = Annotated[list[Path] | None, typer.Option(metavar="FILE", help="Goes along with each mail; may be repeated.")]


def cover_of(subject: str, greeting: str, closing: str, attach: Iterable[Path] | None) -> MessageOptions:
    """The cover that these options give. Raises InputError for a file that cannot be read."""
    return MessageOptions(
        subject=subject,
        greeting=_text_of(greeting),
        closing=_text_of(closing),
        attachments=tuple(
            Attachment(name=file.name, media_type=_media_type(file), content=_read(file)) for file in attach or ()
        ),
    )


def write_preview(shown: Preview, out: Path) -> None:
    """The files, what the checks found as `problems.json`, and a line for each mail. Raises ConfigurationError.

    Exit status 4 if a check finds something that must be mended.
    """
    problems = {
        kind: [
            {"severity": one.severity.value, "code": one.code, "message": one.message, "where": one.where}
            for one in found
        ]
        for kind, found in shown.problems.items()
    }
    try:
        for name, body in shown.files.items():
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (out / name).write_bytes(body)
        (out / "problems.json").write_text(json.dumps(problems, ensure_ascii=False, indent=2) + "\n")
    except OSError as error:
        raise ConfigurationError(
            f"cannot write to {out}: {error.strerror}; choose another folder with --out"
        ) from error
    say_weights(shown.sizes)
    blocked = False
    for kind, found in shown.problems.items():
        for problem in found:
            say(f"{kind}: {problem.severity.value}: {problem.message}")
            blocked = blocked or problem.severity is Severity.BLOCK
    say(f"{len(shown.files) + 1} files are in {out}")
    if blocked:
        raise typer.Exit(4)


def say_weights(weights: Mapping[str, MessageSize]) -> None:
    """How large the mails are, a line for each channel."""
    for name, weight in weights.items():
        say(f"{name}: the HTML has {weight.html / 1000:.1f} KB, the whole mail {weight.mail / 1000:.1f} KB")


def weights_as_json(weights: Mapping[str, MessageSize]) -> dict[str, dict[str, int]]:
    """The same for programs, in octets."""
    return {name: {"html": weight.html, "mail": weight.mail} for name, weight in weights.items()}


def _text_of(given: str) -> str:
    if not given.startswith("@"):
        return given
    file = Path(given[1:])
    try:
        return _read(file).decode()
    except UnicodeDecodeError:
        raise InputError(f"{file} is not a text in UTF-8") from None


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from error


def _media_type(file: Path) -> str:
    return mimetypes.guess_type(file.name)[0] or "application/octet-stream"
