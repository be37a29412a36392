"""`distributor segment …`"""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.cells import cell_len

from distributor.bootstrap import open_app
from distributor.cli.console import AsJson, print_fields, print_json, print_message, print_rows
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
Name = Annotated[str | None, typer.Option("--name", help="A segment, by its slug or name.")]
Slug = Annotated[str, typer.Argument(help="The segment's slug.")]


@commands.command("save")
def save_segment(
    name: str,
    expression: Annotated[str, typer.Argument(help="A condition: tag = vip and clicked in the last 90 days.")],
    slug: Annotated[str, typer.Option(help="Default: derived from the name.")] = "",
    as_json: AsJson = False,
) -> None:
    """Create a segment or replace its condition, and count its subscribers."""
    condition = _read(expression)
    with open_app() as app, app.database.begin() as connection:
        now = app.clock()
        saved = segments.save(connection, slug=read_slug(slug or name), name=name, condition=condition, now=now)
        count = segments.count(connection, condition, now=now)
    if as_json:
        print_json(_segment_fields(saved) | {"count": count})
    else:
        print_message(f"segment {saved.slug!r} matches {count} subscribers now")


@commands.command("list")
def list_segments(as_json: AsJson = False) -> None:
    """List the segments."""
    with open_app() as app, app.database.begin() as connection:
        found = segments.listed(connection)
    if as_json:
        print_json([_segment_fields(one) for one in found])
        return
    print_rows(
        ("slug", "name", "condition"),
        [(one.slug, one.name, print_condition(one.condition)) for one in found],
        as_json=False,
        empty="No segments yet: `distributor segment save NAME 'tag = vip'` creates one.",
    )


@commands.command("show")
def show_segment(slug: Slug, as_json: AsJson = False) -> None:
    """Show a segment and count its subscribers."""
    with open_app() as app, app.database.begin() as connection:
        found = segments.find(connection, slug)
        count = segments.count(connection, found.condition, now=app.clock())
    fields = _segment_fields(found) | {"count": count}
    if as_json:
        print_json(fields)
        return
    del fields["json"]
    print_fields(fields, as_json=False)


@commands.command("count")
def count_subscribers(expression: Expression = None, name: Name = None, as_json: AsJson = False) -> None:
    """Count the subscribers that a condition or a segment matches now."""
    condition = _condition(expression, name)
    with open_app() as app, app.database.begin() as connection:
        count = segments.count(connection, condition, now=app.clock())
    if as_json:
        print_json({"count": count})
    else:
        typer.echo(count)


@commands.command("sample")
def sample_subscribers(
    expression: Expression = None, name: Name = None, limit: int = 10, as_json: AsJson = False
) -> None:
    """List some of the subscribers that a condition or a segment matches now."""
    condition = _condition(expression, name)
    with open_app() as app, app.database.begin() as connection:
        found = segments.sample(connection, condition, limit=limit, now=app.clock())
    print_rows(
        ("id", "email", "name", "language", "tags", "status"),
        [_row(one, as_json=as_json) for one in found],
        as_json=as_json,
        empty="No subscribers match now.",
    )


@commands.command("rename")
def rename_segment(slug: Slug, name: str) -> None:
    """Rename a segment; its slug stays."""
    with open_app() as app, app.database.begin() as connection:
        segments.rename(connection, slug, name, now=app.clock())
    print_message(f"segment {slug!r} is renamed")


@commands.command("delete")
def delete_segment(slug: Slug) -> None:
    """Delete a segment that no other segment and no scheduled campaign uses."""
    with open_app() as app, app.database.begin() as connection:
        segments.remove(connection, slug)
    print_message(f"segment {slug!r} is deleted")


def _condition(expression: str | None, name: str | None) -> Condition:
    if (expression is None) == (name is None):
        raise InputError("give either a condition or a segment with --name")
    return _read(expression) if expression is not None else InSegment(slug=read_slug(name or ""))


def _read(expression: str) -> Condition:
    try:
        return parse(expression)
    except SegmentError as error:
        raise InputError(f"{error}\n{_excerpt(expression, error)}") from None


def _excerpt(expression: str, error: SegmentError) -> str:
    """The line with the error, with carets below the place."""
    if error.line is None or error.column is None:
        return ""
    line = (expression.splitlines() or [""])[error.line - 1]
    before, wrong = line[: error.column - 1], line[error.column - 1 :][: error.length]
    return f"  {_flat(line)}\n  {' ' * cell_len(_flat(before))}{'^' * max(1, cell_len(_flat(wrong)))}"


def _flat(text: str) -> str:
    """The text on one line, control characters as blanks."""
    return "".join(character if character.isprintable() else " " for character in text)


def _segment_fields(segment: Segment) -> dict[str, Any]:
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
