"""`distributor render`: every channel's rendition of a file, without database or broker."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from distributor.bootstrap import make_site, make_templates
from distributor.channels.api import RenderContext
from distributor.channels.registry import kinds
from distributor.cli.console import print_message
from distributor.cli.preview import (
    AttachOption,
    ClosingOption,
    CutAfterOption,
    GreetingOption,
    HashtagsOption,
    LayoutOption,
    PreheaderOption,
    SubjectOption,
    TextOption,
    ThreadOption,
    message_options,
    write_preview,
)
from distributor.domain.errors import InputError
from distributor.flow.publishing.preview import preview
from distributor.settings import load_settings
from distributor.sources.formats import read_manuscript


def render(
    file: Annotated[Path, typer.Argument(help="A Markdown or plain-text article.")],
    channel: Annotated[str, typer.Option(help="A kind of channel, or all.")] = "all",
    out: Annotated[Path, typer.Option(help="The folder to write to.")] = Path("out"),
    subject: SubjectOption = "",
    greeting: GreetingOption = "",
    closing: ClosingOption = "",
    cut_after: CutAfterOption = None,
    text: TextOption = "",
    thread: ThreadOption = None,
    hashtags: HashtagsOption = None,
    preheader: PreheaderOption = "",
    layout: LayoutOption = None,
    attach: AttachOption = None,
    field: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A merge field of the subscriber, such as city=Graz.")
    ] = None,
) -> None:
    """Render an article file for every channel; exit status 4 if a check finds a blocking problem."""
    settings = load_settings()
    manuscript = read_manuscript(file)
    context = RenderContext(site=make_site(settings), templates=make_templates(settings))
    names = list(kinds()) if channel == "all" else [channel]
    options = message_options(
        subject,
        greeting,
        closing,
        attach,
        cut_after=cut_after,
        text=text,
        preheader=preheader,
        layout=layout,
        thread=thread or (),
        hashtags=hashtags,
    )
    result = preview(manuscript, names, context, file=file, options=options, fields=_fields(field))
    for warning in result.warnings:
        print_message(f"note: {warning}")
    write_preview(result, out)


def _fields(given: list[str] | None) -> dict[str, str] | None:
    if given is None:
        return None
    pairs = [one.partition("=") for one in given]
    for name, equals, _ in pairs:
        if not (name and equals):
            raise InputError(f"--field {name!r}: write NAME=VALUE, as in city=Graz")
    return {name: value for name, _, value in pairs}
