"""`distributor segment …`"""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.cells import cell_len

from distributor.cli.session import AsJson, installation_at_hand, say, show, show_rows
from distributor.domain.errors import InputError, SegmentError
from distributor.domain.segments.condition import Condition, InSegment
from distributor.domain.segments.field_values import read_slug
from distributor.domain.segments.json_form import condition_to_json
from distributor.domain.segments.parser import parse
from distributor.domain.segments.printer import print_condition
from distributor.domain.segments.segment import Segment
from distributor.domain.subscriber import Subscriber
from distributor.storage import segments

commands = typer.Typer()

Expression = Annotated[
    str | None,
    typer.Argument(help="A condition: tag = vip and clicked in the last 90 days (docs/reference/segments.md)."),
]
Name = Annotated[str | None, typer.Option("--name", help="A saved segment, by its slug or name.")]
Slug = Annotated[str, typer.Argument(help="The segment's slug.")]


@commands.command("save")
def save_segment(
    name: str,
    expression: Annotated[str, typer.Argument(help="A condition: tag = vip and clicked in the last 90 days.")],
    slug: Annotated[str, typer.Option(help="Default: made from the name.")] = "",
    as_json: AsJson = False,
) -> None:
    """Save a condition by name, anew or in place of the one it had, and count who it holds now."""
    condition = _read(expression)
    with installation_at_hand() as app, app.database.begin() as connection:
        now = app.clock()
        saved = segments.save(connection, slug=read_slug(slug or name), name=name, condition=condition, now=now)
        people = segments.count(connection, condition, now=now)
    if as_json:
        show(_told(saved) | {"people": people})
    else:
        say(f"segment {saved.slug!r} holds {people} people now")


@commands.command("list")
def list_segments(as_json: AsJson = False) -> None:
    """Every saved segment."""
    with installation_at_hand() as app, app.database.begin() as connection:
        found = segments.listed(connection)
    if as_json:
        show([_told(one) for one in found])
        return
    show_rows(
        ("slug", "name", "condition"),
        [(one.slug, one.name, print_condition(one.condition)) for one in found],
        as_json=False,
        empty="No segments yet: `distributor segment save NAME 'tag = vip'` saves one.",
    )


@commands.command("show")
def show_segment(slug: Slug, as_json: AsJson = False) -> None:
    """One segment, and how many people it holds now."""
    with installation_at_hand() as app, app.database.begin() as connection:
        found = segments.find(connection, slug)
        people = segments.count(connection, found.condition, now=app.clock())
    facts = _told(found) | {"people": people}
    if as_json:
        show(facts)
        return
    del facts["json"]
    show_rows(("", " "), facts.items(), as_json=False, empty="")


@commands.command("count")
def count_people(expression: Expression = None, name: Name = None, as_json: AsJson = False) -> None:
    """How many people a condition or a saved segment holds now."""
    condition = _chosen(expression, name)
    with installation_at_hand() as app, app.database.begin() as connection:
        people = segments.count(connection, condition, now=app.clock())
    if as_json:
        show({"people": people})
    else:
        typer.echo(people)


@commands.command("sample")
def sample_people(expression: Expression = None, name: Name = None, limit: int = 10, as_json: AsJson = False) -> None:
    """Some of the people whom a condition or a saved segment holds now."""
    condition = _chosen(expression, name)
    with installation_at_hand() as app, app.database.begin() as connection:
        found = segments.sample(connection, condition, limit=limit, now=app.clock())
    show_rows(
        ("id", "email", "name", "language", "tags", "status"),
        [_row(one, as_json=as_json) for one in found],
        as_json=as_json,
        empty="Nobody fits now.",
    )


@commands.command("rename")
def rename_segment(slug: Slug, name: str) -> None:
    """Call a segment something else; its slug stays."""
    with installation_at_hand() as app, app.database.begin() as connection:
        segments.rename(connection, slug, name, now=app.clock())
    say("renamed")


@commands.command("delete")
def delete_segment(slug: Slug) -> None:
    """Delete a segment that no other one and no campaign to come refers to."""
    with installation_at_hand() as app, app.database.begin() as connection:
        segments.remove(connection, slug)
    say("deleted")


def _chosen(expression: str | None, name: str | None) -> Condition:
    if (expression is None) == (name is None):
        raise InputError("give either a condition or a saved segment with --name")
    return _read(expression) if expression is not None else InSegment(slug=read_slug(name or ""))


def _read(expression: str) -> Condition:
    try:
        return parse(expression)
    except SegmentError as error:
        raise InputError(f"{error}\n{_excerpt(expression, error)}") from None


def _excerpt(expression: str, error: SegmentError) -> str:
    """The line where it went wrong, with carets under the place."""
    if error.line is None or error.column is None:
        return ""
    line = (expression.splitlines() or [""])[error.line - 1]
    before, wrong = line[: error.column - 1], line[error.column - 1 :][: error.length]
    return f"  {_flat(line)}\n  {' ' * cell_len(_flat(before))}{'^' * max(1, cell_len(_flat(wrong)))}"


def _flat(text: str) -> str:
    """Each sign on one line, as wide as it is counted."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


def _told(segment: Segment) -> dict[str, Any]:
    return {
        "slug": segment.slug,
        "name": segment.name,
        "condition": print_condition(segment.condition),
        "json": condition_to_json(segment.condition),
        "created_at": segment.created_at,
        "updated_at": segment.updated_at,
    }


def _row(subscriber: Subscriber, *, as_json: bool) -> tuple[object, ...]:
    tags: object = list(subscriber.tags) if as_json else ", ".join(subscriber.tags)
    return (
        subscriber.id,
        subscriber.email,
        subscriber.name,
        subscriber.language,
        tags,
        subscriber.status.value,
    )
