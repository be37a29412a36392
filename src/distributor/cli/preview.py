"""What `campaign` and `render` share: the options for the text around the articles, and the files of a preview."""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from distributor.channels.api import MessageSize
from distributor.cli.console import print_message
from distributor.domain.errors import ConfigurationError, InputError
from distributor.domain.hashtags import read_hashtags
from distributor.domain.message_options import Attachment, MailLayout, MessageOptions
from distributor.domain.problems import Severity
from distributor.flow.publishing.preview import Preview

SubjectOption = Annotated[
    str, typer.Option(help="Instead of the title; may contain merge fields: {{ subscriber.name | default('you') }}.")
]
GreetingOption = Annotated[
    str, typer.Option(help="Text above the articles, in Markdown with merge fields; @FILE reads a file.")
]
ClosingOption = Annotated[str, typer.Option(help="Text below the articles, in Markdown with merge fields; or @FILE.")]
CutAfterOption = Annotated[
    int | None,
    typer.Option(min=1, help="End each article in a mail after so many blocks, with a link to its page to read on."),
]
TextOption = Annotated[str, typer.Option(help="What a post says instead of title and summary; or @FILE.")]
ThreadOption = Annotated[
    list[str] | None,
    typer.Option("--thread", metavar="TEXT", help="A post that continues the text, or @FILE; may be repeated."),
]
HashtagsOption = Annotated[
    str | None,
    typer.Option(metavar="HASHTAGS", help="Those under a post, in this order, or none; default: from its tags."),
]
LayoutOption = Annotated[
    MailLayout | None,
    typer.Option(help="How a mail shows the articles: in full, as a picture with a summary and a button, as a list."),
]
PreheaderOption = Annotated[
    str, typer.Option(help="What an inbox shows beside the subject; default: the article's summary.")
]
AttachOption = Annotated[
    list[Path] | None, typer.Option(metavar="FILE", help="A file to attach to each message; may be repeated.")
]


def message_options(
    subject: str,
    greeting: str,
    closing: str,
    attach: Iterable[Path] | None = None,
    *,
    cut_after: int | None = None,
    text: str = "",
    preheader: str = "",
    layout: MailLayout | None = None,
    thread: Sequence[str] = (),
    hashtags: str | None = None,
) -> MessageOptions:
    """The message options that these command-line options give; `hashtags` are as `read_hashtags` reads them, or none.

    Raises InputError for a file that cannot be read and for words that are no hashtags.
    """
    return MessageOptions(
        subject=subject,
        greeting=_text(greeting),
        closing=_text(closing),
        attachments=tuple(
            Attachment(name=file.name, media_type=_media_type(file), content=_read(file)) for file in attach or ()
        ),
        cut_after=cut_after,
        text=_text(text),
        preheader=_text(preheader),
        layout=layout,
        thread=tuple(text for one in thread if (text := _text(one))),
        hashtags=_hashtags(hashtags) if hashtags else None,
    )


def write_preview(result: Preview, out: Path) -> None:
    """Write the files and `problems.json`, and print the problems and message sizes.

    Raises ConfigurationError if the folder cannot be written to; exit status 4 if a check finds a blocking problem.
    """
    problems = {
        kind: [
            {"severity": one.severity.value, "code": one.code, "message": one.message, "where": one.where}
            for one in found
        ]
        for kind, found in result.problems.items()
    }
    try:
        for name, body in result.files.items():
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (out / name).write_bytes(body)
        (out / "problems.json").write_text(json.dumps(problems, ensure_ascii=False, indent=2) + "\n")
    except OSError as error:
        raise ConfigurationError(
            f"cannot write to {out}: {error.strerror}; choose another folder with --out"
        ) from error
    print_sizes(result.sizes)
    blocked = False
    for kind, found in result.problems.items():
        for problem in found:
            print_message(f"{kind}: {problem.severity.value}: {problem.message}")
            blocked = blocked or problem.severity is Severity.BLOCK
    print_message(f"{len(result.files) + 1} files are in {out}")
    if blocked:
        raise typer.Exit(4)


def print_sizes(sizes: Mapping[str, MessageSize]) -> None:
    """Print the size of the messages, a line for each channel."""
    for name, size in sizes.items():
        print_message(f"{name}: the HTML has {size.html / 1000:.1f} KB, the whole message {size.mail / 1000:.1f} KB")


def sizes_as_json(sizes: Mapping[str, MessageSize]) -> dict[str, dict[str, int]]:
    """The sizes of the messages in bytes, by channel."""
    return {name: {"html": size.html, "mail": size.mail} for name, size in sizes.items()}


def _hashtags(given: str) -> tuple[str, ...]:
    return () if given.strip().casefold() == "none" else read_hashtags(given)


def _text(given: str) -> str:
    if not given.startswith("@"):
        return given
    file = Path(given[1:])
    try:
        return _read(file).decode()
    except UnicodeDecodeError:
        raise InputError(f"{file} is not text in UTF-8") from None


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from error


def _media_type(file: Path) -> str:
    return mimetypes.guess_type(file.name)[0] or "application/octet-stream"
