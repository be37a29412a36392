"""`distributor source …`"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from distributor.bootstrap import open_app
from distributor.cli.console import AsJson, print_fields, print_json, print_message, print_rows
from distributor.cli.given_settings import (
    SetFromEnvironment,
    SetFromFile,
    SetFromStdin,
    SetValues,
    print_settings,
    read_given,
)
from distributor.domain.campaign_review import counted
from distributor.domain.errors import InputError
from distributor.domain.schedule import zone_named
from distributor.domain.source import Publishing, SourceResult, SourceState, read_interval, spell_interval
from distributor.flow.app_context import AppContext
from distributor.flow.articles import source_runs, sources
from distributor.flow.articles.folder_trial import TrialOutcome, TriedFile, try_files
from distributor.flow.articles.source_runs import TriedItem
from distributor.flow.articles.sources import RecognizedSource, SourceView
from distributor.settings import load_settings
from distributor.sources.kinds.registry import describe_settings, kind_of, kinds
from distributor.sources.reading_options import ReadingOptions

commands = typer.Typer()

# Of a reason that many files share, so many are named.
_EXAMPLES = 3

SourceName = Annotated[str, typer.Argument(metavar="SOURCE", help="The source's name.")]
KindOption = Annotated[str, typer.Option("--kind", metavar="KIND", help="One of `distributor source kinds`.")]
PublishOption = Annotated[
    Publishing | None,
    typer.Option("--publish", help="What is published as it comes in: nothing, what is new from now on, or all of it."),
]
EveryOption = Annotated[
    str, typer.Option("--every", metavar="INTERVAL", help="How often it is read: 30s, 15m, 2h, 1d.")
]


@commands.command("kinds")
def list_kinds(as_json: AsJson = False) -> None:
    """List the kinds of sources; with --json also their settings."""
    if as_json:
        print_json([_kind_as_json(name) for name in kinds()])
        return
    rows = [(name, spell_interval(kind.interval), kind.sentence) for name, kind in kinds().items()]
    print_rows(("kind", "every", "what it reads"), rows, as_json=False, empty="")


@commands.command("kind")
def show_kind(
    name: Annotated[str, typer.Argument(metavar="KIND", help="One of `distributor source kinds`.")],
    as_json: AsJson = False,
) -> None:
    """Show the settings of a kind: which are required or secret, what they mean, and their defaults."""
    if as_json:
        print_json(_kind_as_json(name))
        return
    print_settings(describe_settings(name))


@commands.command("add")
def add_source(
    address: Annotated[
        str, typer.Argument(help="A folder, the address of a site or a feed, or an account; none if others bring it.")
    ] = "",
    kind: KindOption = "",
    name: Annotated[str, typer.Option("--name", help="What it is called; default: from where it is.")] = "",
    publish: PublishOption = None,
    every: EveryOption = "",
    values: SetValues = None,
    from_environment: SetFromEnvironment = None,
    from_file: SetFromFile = None,
    from_stdin: SetFromStdin = None,
    as_json: AsJson = False,
) -> None:
    """Add a source, which is read as soon as a worker is free. What is there already is published only with all."""
    interval = read_interval(every) if every else None
    with open_app() as app:
        found = _recognized(app, address, kind)
        given = read_given(describe_settings(found.kind), values, from_environment, from_file, from_stdin)
        view = sources.add(
            app,
            name or sources.name_for(app, found),
            found.kind,
            {**found.settings, **given},
            publishing=publish or Publishing.NOTHING,
            interval=interval,
            may_be_local=True,
        )
        if as_json:
            print_json(_as_json(view))
            return
        print_message(_added(view))
        for note in found.notes:
            print_message(f"note: {note}")


@commands.command("list")
def list_sources(as_json: AsJson = False) -> None:
    """List the sources, with what their last runs found."""
    with open_app() as app:
        found = sources.listed(app)
    if as_json:
        print_json([_as_json(view) for view in found])
        return
    rows = [
        (
            one.source.name,
            one.source.kind,
            _state(one),
            one.source.last_success_at,
            one.problem or one.source.error or (_spelled(one.source.last_result) if one.source.last_result else "-"),
        )
        for one in found
    ]
    print_rows(("source", "kind", "state", "read", "result"), rows, as_json=False, empty="There are no sources.")


@commands.command("show")
def show_source(name: SourceName, as_json: AsJson = False) -> None:
    """Show a source: its settings, when it was read, and what was found or is wrong."""
    with open_app() as app:
        view = sources.show(app, name)
    if as_json:
        print_json(_as_json(view))
        return
    source, result = view.source, view.source.last_result
    print_fields(
        {
            "source": source.name,
            "kind": source.kind,
            "address": view.address,
            **({"posts go to": view.hook} if view.hook else {}),
            "settings": ", ".join(f"{key}={value}" for key, value in source.settings.items()) or "-",
            "secrets set": ", ".join(view.secrets_set) or "-",
            "state": _state(view),
            "publishes": source.publishing.value,
            "every": spell_interval(source.interval),
            "next run": source.next_run_at,
            "last run": source.last_run_at,
            "last success": source.last_success_at,
            "result": _spelled(result) if result else "-",
            **({"failing since": source.failing_since, "failures": source.failures} if source.failures else {}),
        },
        as_json=False,
    )
    for line in (view.problem, source.error, *(result.notes if result else ())):
        if line:
            print_message(line)


@commands.command("run")
def run_source(name: SourceName, as_json: AsJson = False) -> None:
    """Read a source now, as a whole, also while it is paused. Exit status 2 if it or one of its items is broken."""
    with open_app() as app:
        source = sources.show(app, name).source
        result = source_runs.run_source(app, source.id, is_asked=True)
    if result is None:
        print_message(f"{name} is being read by a worker just now: `distributor source show {name}` tells the result")
        return
    if as_json:
        print_json(asdict(result))
    else:
        print_message(f"{name}: {_spelled(result)}")
        for note in result.notes:
            print_message(f"note: {note}")
        if result.broken:
            print_message("`distributor quarantine list` shows what is wrong with each")
    if result.broken:
        raise typer.Exit(2)


@commands.command("change")
def change_source(
    name: SourceName,
    publish: PublishOption = None,
    every: EveryOption = "",
    values: SetValues = None,
    from_environment: SetFromEnvironment = None,
    from_file: SetFromFile = None,
    from_stdin: SetFromStdin = None,
    unset: Annotated[
        list[str] | None, typer.Option("--unset", metavar="KEY", help="A setting that gets its default again.")
    ] = None,
) -> None:
    """Change some settings of a source; all others stay, secrets too. It is read as a whole at once."""
    interval = read_interval(every) if every else None
    with open_app() as app:
        described = describe_settings(sources.show(app, name).source.kind)
        given = read_given(described, values, from_environment, from_file, from_stdin)
        if not (given or unset or publish or interval):
            raise InputError("nothing to change: name a setting with --set, --unset, --publish or --every")
        sources.change(app, name, given, unset=unset or (), publishing=publish, interval=interval, may_be_local=True)
    print_message(f"source {name} is changed")


@commands.command("pause")
def pause_source(name: SourceName) -> None:
    """Stop reading a source by itself."""
    with open_app() as app:
        sources.set_state(app, name, SourceState.PAUSED)
    print_message(f"source {name} is paused; `distributor source resume {name}` goes on")


@commands.command("resume")
def resume_source(name: SourceName) -> None:
    """Read a source by itself again, at once."""
    with open_app() as app:
        sources.set_state(app, name, SourceState.ACTIVE)
    print_message(f"source {name} is read again")


@commands.command("remove")
def remove_source(name: SourceName) -> None:
    """Remove a source with its secrets. Its articles stay, and are known again if it is added under the same name."""
    with open_app() as app:
        sources.remove(app, name)
    print_message(f"source {name} is removed; its articles stay")


@commands.command("try")
def try_source(
    address: Annotated[
        str, typer.Argument(help="A folder, a ZIP, a file, the address of a site or a feed, or an account.")
    ] = "",
    kind: KindOption = "",
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse a file whose front matter has anything that is not used.")
    ] = False,
    zone: Annotated[str, typer.Option(help="Of dates that name none. Default: DISTRIBUTOR_TIME_ZONE.")] = "",
    language: Annotated[str, typer.Option(help="Of articles that name none. Default: DISTRIBUTOR_LANGUAGE.")] = "",
    limit: Annotated[int, typer.Option(help="So many items of what is elsewhere are tried.", min=1, max=2000)] = 20,
    values: SetValues = None,
    from_environment: SetFromEnvironment = None,
    from_file: SetFromFile = None,
    from_stdin: SetFromStdin = None,
    as_json: AsJson = False,
) -> None:
    """Show what would come in, with reasons; nothing is changed. Exit status 2 if something is refused."""
    if not kind and address and Path(address).expanduser().exists():
        _try_files(Path(address).expanduser(), strict=strict, zone=zone, language=language, as_json=as_json)
        return
    with open_app() as app:
        found = _recognized(app, address, kind)
        given = read_given(describe_settings(found.kind), values, from_environment, from_file, from_stdin)
        tried, notes = source_runs.try_source(app, found.kind, {**found.settings, **given}, limit=limit)
    _report_trial(found, tried, [*found.notes, *notes], as_json=as_json)
    if any(one.is_refused for one in tried):
        raise typer.Exit(2)


def _recognized(app: AppContext, address: str, kind: str) -> RecognizedSource:
    if kind:
        kind_of(kind)
        return RecognizedSource(kind=kind, settings=sources.settings_at(kind, address) if address else {})
    if not address:
        raise InputError("say where the source is, or its --kind: `distributor source kinds` lists them")
    return sources.recognize(app, address, may_be_local=True)


def _report_trial(found: RecognizedSource, tried: Sequence[TriedItem], notes: Sequence[str], *, as_json: bool) -> None:
    if as_json:
        print_json({"kind": found.kind, "items": [asdict(one) for one in tried], "notes": notes})
        return
    print_rows(
        ("item", "title", "date", "tags"),
        [(one.address or one.ref, one.title, one.published_at, ", ".join(one.tags)) for one in tried],
        as_json=False,
        empty="It has no articles.",
    )
    for one in tried:
        for reason in one.reasons:
            print_message(f"{'refused: ' if one.is_refused else ''}{one.title or one.ref}: {reason}")
    for note in notes:
        print_message(f"note: {note}")
    print_message(f"{counted(len(tried), 'item')} of a source of kind {found.kind}; nothing was changed")


def _added(view: SourceView) -> str:
    source = view.source
    where = f" at {view.address}" if view.address else ""
    what = {
        Publishing.NOTHING: "everything it has comes in as drafts",
        Publishing.NEW: "what it has already comes in as drafts, and what is new is published",
        Publishing.ALL: "everything it has is published",
    }[source.publishing]
    hook = f" Send its articles to {view.hook}." if view.hook else ""
    return (
        f"source {source.name}: {source.kind}{where}, read every {spell_interval(source.interval)}; {what}.{hook} "
        f"`distributor source run {source.name}` reads it now"
    )


def _state(view: SourceView) -> str:
    if view.source.state is SourceState.PAUSED:
        return "paused"
    return "failing" if view.source.failures else "active"


def _spelled(result: SourceResult) -> str:
    """What a run found, in words: ``2 added, 1 revised``."""
    counts = {
        "added": result.added,
        "revised": result.revised,
        "gone": result.gone,
        "edited here, kept": result.held,
        "broken": result.broken,
        "left for the next run": result.postponed,
    }
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count) or "nothing new"


def _as_json(view: SourceView) -> dict[str, Any]:
    source = view.source
    return {
        "name": source.name,
        "kind": source.kind,
        "address": view.address,
        "hook": view.hook,
        "settings": dict(source.settings),
        "secrets_set": view.secrets_set,
        "state": source.state.value,
        "publishing": source.publishing.value,
        "interval_seconds": int(source.interval.total_seconds()),
        "next_run_at": source.next_run_at,
        "first_run_at": source.first_run_at,
        "last_run_at": source.last_run_at,
        "last_success_at": source.last_success_at,
        "last_result": asdict(source.last_result) if source.last_result else None,
        "failing_since": source.failing_since,
        "failures": source.failures,
        "error": view.problem or source.error,
    }


def _kind_as_json(name: str) -> dict[str, Any]:
    kind = kind_of(name)
    return {
        "kind": name,
        "title": kind.title,
        "sentence": kind.sentence,
        "interval_seconds": int(kind.interval.total_seconds()),
        "is_local": kind.is_local,
        "settings": [asdict(one) for one in describe_settings(name)],
    }


def _try_files(path: Path, *, strict: bool, zone: str, language: str, as_json: bool) -> None:
    """Try every file of a folder or a ZIP, or one file, without the database."""
    settings = load_settings()
    zone_named(zone or settings.time_zone)
    options = ReadingOptions(zone=zone or settings.time_zone, language=language or settings.language, is_strict=strict)
    tried = list(try_files(path, options=options))
    counts = Counter(one.outcome for one in tried)
    unused = Counter(key for one in tried for key in one.unused_keys)
    if as_json:
        print_json({"files": [asdict(one) for one in tried], "counts": counts, "unused_keys": unused})
    else:
        print_rows(
            ("file", "result", "title", "date", "tags"),
            [(one.path, one.outcome.value, one.title, one.published_at, ", ".join(one.tags)) for one in tried],
            as_json=False,
            empty=f"No articles: {path} holds no file in a format that can be read.",
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
