"""`distributor source …`"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from distributor.cli.console import AsJson, print_json, print_message, print_rows
from distributor.domain.campaign_review import counted
from distributor.domain.schedule import zone_named
from distributor.flow.articles.folder_trial import TrialOutcome, TriedFile, try_folder
from distributor.settings import load_settings
from distributor.sources.reading_options import ReadingOptions

commands = typer.Typer()

# Of a reason that many files share, so many are named.
_EXAMPLES = 3


@commands.command("try")
def try_source(
    folder: Annotated[Path, typer.Argument(help="A folder with articles: a blog, a vault, a content folder.")],
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse a file whose front matter has anything that is not used.")
    ] = False,
    zone: Annotated[str, typer.Option(help="Of dates that name none. Default: DISTRIBUTOR_TIME_ZONE.")] = "",
    language: Annotated[str, typer.Option(help="Of articles that name none. Default: DISTRIBUTOR_LANGUAGE.")] = "",
    as_json: AsJson = False,
) -> None:
    """Show what would come in from a folder, with reasons; nothing is changed. Exit status 2 if a file is refused."""
    settings = load_settings()
    zone_named(zone or settings.time_zone)
    options = ReadingOptions(zone=zone or settings.time_zone, language=language or settings.language, is_strict=strict)
    tried = list(try_folder(folder, options=options))
    counts = Counter(one.outcome for one in tried)
    unused = Counter(key for one in tried for key in one.unused_keys)
    if as_json:
        print_json({"files": [asdict(one) for one in tried], "counts": counts, "unused_keys": unused})
    else:
        print_rows(
            ("file", "result", "title", "date", "tags"),
            [(one.path, one.outcome.value, one.title, one.published_at, ", ".join(one.tags)) for one in tried],
            as_json=False,
            empty=f"No articles: {folder} holds no file in a format that can be read.",
        )
        _print_reasons(tried)
        if unused:
            print_message(f"front matter keys that mean nothing here: {in_words(unused)}")
        elsewhere = {url for one in tried for url in one.remote_images}
        if elsewhere and settings.content_fetch_images:
            print_message(f"{counted(len(elsewhere), 'image')} elsewhere on the web would be fetched and kept")
        if tried:
            print_message(", ".join(f"{counts[outcome]} {outcome.value}" for outcome in TrialOutcome))
    if counts[TrialOutcome.REFUSED]:
        raise typer.Exit(2)


def in_words(unused: Mapping[str, int]) -> str:
    """Keys with the number of files that have each, the most frequent first."""
    ranked = sorted(unused.items(), key=lambda one: (-one[1], one[0]))
    return ", ".join(f"{key} ({count})" for key, count in ranked)


def _print_reasons(tried: Iterable[TriedFile]) -> None:
    """Each reason once, those of refused files first, with the files that it is about."""
    about: dict[tuple[bool, str], list[str]] = {}
    for one in tried:
        for reason in one.reasons:
            about.setdefault((one.outcome is not TrialOutcome.REFUSED, reason), []).append(one.path)
    for (_, reason), paths in sorted(about.items(), key=lambda one: (one[0][0], -len(one[1]))):
        print_message(f"{_named(paths)}: {reason}")


def _named(paths: Sequence[str]) -> str:
    more = len(paths) - _EXAMPLES
    return ", ".join(paths[:_EXAMPLES]) + (f" and {more} more" if more > 0 else "")
