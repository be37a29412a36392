"""`distributor article …`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from distributor.bootstrap import open_app
from distributor.cli.console import AsJson, print_json, print_message, print_rows
from distributor.domain.blocks import plain_text
from distributor.domain.quarantine import QuarantineLoop
from distributor.flow.publishing import ingest
from distributor.storage import articles, quarantine

commands = typer.Typer()


@commands.command()
def add(file: Annotated[Path, typer.Argument(help="A Markdown or plain-text file.")], as_json: AsJson = False) -> None:
    """Add a file as an article, or as a new revision of the article it was added as before."""
    with open_app() as app:
        result = ingest.add_file(app, file)
    if as_json:
        print_json({"slug": result.slug, "change": result.change, "warnings": result.warnings})
        return
    print_message(f"{result.change}: {result.slug}")
    for warning in result.warnings:
        print_message(f"note: {warning}")


@commands.command()
def scan(as_json: AsJson = False) -> None:
    """Scan the content folder for new and changed articles; exit status 2 if a file cannot be read."""
    with open_app() as app:
        report = ingest.scan(app)
    if as_json:
        print_json({"added": report.added, "revised": report.revised, "broken": report.broken})
    else:
        print_message(f"{len(report.added)} added, {len(report.revised)} revised, {report.unchanged} unchanged")
        for reason in report.broken:
            print_message(f"cannot be read: {reason}")
    if report.broken:
        raise typer.Exit(2)


@commands.command("list")
def list_articles(as_json: AsJson = False, limit: int = 50) -> None:
    """List the newest articles, and the files that cannot be read."""
    with open_app() as app, app.database.begin() as connection:
        stored = articles.latest(connection, limit=limit)
        broken = quarantine.of_loop(connection, QuarantineLoop.FILE)
    print_rows(
        ("slug", "title", "revision", "tags", "published_at"),
        [
            (one.article.slug, one.article.title, one.article.revision, len(one.article.tags), one.article.published_at)
            for one in stored
        ],
        as_json=as_json,
        empty="No articles yet: `distributor article add FILE` or `distributor article scan` adds some.",
    )
    for item in broken.values():
        print_message(f"cannot be read: {item.reason}")


@commands.command("show")
def show_article(slug: str, as_json: AsJson = False) -> None:
    """Show one article and its text."""
    with open_app() as app, app.database.begin() as connection:
        article = articles.find_by_slug(connection, slug).article
    fields = {
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
        print_json(fields)
        return
    text = fields.pop("text")
    print_rows(("", " "), fields.items(), as_json=False, empty="")
    typer.echo(f"\n{text}")
