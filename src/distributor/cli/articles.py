"""`distributor article …`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from distributor.cli.session import AsJson, installation_at_hand, say, show, show_rows
from distributor.domain.blocks import plain_text
from distributor.flow.publishing import ingest
from distributor.storage import articles

commands = typer.Typer()


@commands.command()
def add(file: Annotated[Path, typer.Argument(help="A Markdown or plain-text file.")], as_json: AsJson = False) -> None:
    """Bring one file in as an article, or as a revision of the one it made before."""
    with installation_at_hand() as app:
        result = ingest.add_file(app, file)
    if as_json:
        show({"slug": result.slug, "change": result.change, "warnings": result.warnings})
        return
    say(f"{result.change}: {result.slug}")
    for warning in result.warnings:
        say(f"note: {warning}")


@commands.command()
def scan(as_json: AsJson = False) -> None:
    """Scan the content folder now; exit status 2 if a file in it cannot be read."""
    with installation_at_hand() as app:
        report = ingest.scan(app)
    if as_json:
        show({"added": report.added, "revised": report.revised, "broken": report.broken})
    else:
        say(f"{len(report.added)} added, {len(report.revised)} revised, {report.unchanged} unchanged")
        for reason in report.broken:
            say(f"cannot be read: {reason}")
    if report.broken:
        raise typer.Exit(2)


@commands.command("list")
def list_articles(as_json: AsJson = False, limit: int = 50) -> None:
    """The newest articles, and the files that cannot be read."""
    with installation_at_hand() as app, app.database.begin() as connection:
        stored = articles.latest(connection, limit=limit)
        broken = articles.problems(connection)
    show_rows(
        ("slug", "title", "revision", "tags", "published_at"),
        [
            (one.article.slug, one.article.title, one.article.revision, len(one.article.tags), one.article.published_at)
            for one in stored
        ],
        as_json=as_json,
        empty="No articles yet: `distributor article add FILE` or `distributor article scan` brings some in.",
    )
    for problem in broken:
        say(f"cannot be read: {problem}")


@commands.command("show")
def show_article(slug: str, as_json: AsJson = False) -> None:
    """One article as it would be told."""
    with installation_at_hand() as app, app.database.begin() as connection:
        article = articles.find_by_slug(connection, slug).article
    facts = {
        "slug": article.slug,
        "guid": article.guid,
        "revision": article.revision,
        "title": article.title,
        "summary": article.summary,
        "author": article.author,
        "language": article.language,
        "tags": [tag.label for tag in article.tags],
        "published_at": article.published_at,
        "updated_at": article.updated_at,
        "text": plain_text(article.body),
    }
    if as_json:
        show(facts)
        return
    text = facts.pop("text")
    show_rows(("", " "), facts.items(), as_json=False, empty="")
    typer.echo(f"\n{text}")
