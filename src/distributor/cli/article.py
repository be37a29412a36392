"""`distributor article …`"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from distributor.bootstrap import open_app
from distributor.cli.console import ACTOR, AsJson, print_fields, print_json, print_message, print_rows
from distributor.cli.source import in_words
from distributor.domain.article import ArticleState
from distributor.domain.blocks import plain_text
from distributor.domain.quarantine import QuarantineLoop
from distributor.domain.schedule import parse_local_time
from distributor.flow.app_context import AppContext
from distributor.flow.articles import ingest, revisions
from distributor.flow.articles.ingest import AddedFile, Ingested
from distributor.flow.articles.web_article import add_web_article, is_web_address
from distributor.flow.publishing import article_control
from distributor.sources.zipped import is_archive
from distributor.storage import articles, quarantine
from distributor.storage.articles import StoredArticle

commands = typer.Typer()

Slug = Annotated[str, typer.Argument(help="The article's slug, as in `distributor article list`.")]


@commands.command()
def add(
    file: Annotated[
        str,
        typer.Argument(
            help="A text, Markdown, HTML, DOCX, ODT, EPUB or PDF file, a ZIP of them with images, or a web address."
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Add a file or a web page as an article, or as a new revision of the article it was added as before.

    Each file in a ZIP is an article; exit status 2 if one of them cannot be read. A new article is a draft, unless its
    front matter has `publish: true`.
    """
    with open_app() as app:
        if is_web_address(file):
            _report(app, add_web_article(app, file, actor=ACTOR), as_json=as_json)
        elif is_archive(file):
            _report_archive(ingest.add_archive(app, Path(file), actor=ACTOR), as_json=as_json)
        else:
            _report(app, ingest.add_file(app, Path(file), actor=ACTOR), as_json=as_json)


def _report(app: AppContext, result: Ingested, *, as_json: bool) -> None:
    with app.database.begin() as connection:
        found = articles.find_by_slug(connection, result.slug)
    if as_json:
        print_json(
            {
                "slug": result.slug,
                "change": result.change,
                "state": found.status.state.value,
                "warnings": result.warnings,
            }
        )
        return
    print_message(f"{result.change}: {result.slug}; {_state_sentence(app, found)}")
    for warning in result.warnings:
        print_message(f"note: {warning}")


def _report_archive(added: Sequence[AddedFile], *, as_json: bool) -> None:
    if as_json:
        print_json({"files": [_as_json(one) for one in added]})
    else:
        for one in added:
            _print_added(one)
    if any(one.problem for one in added):
        raise typer.Exit(2)


def _print_added(one: AddedFile) -> None:
    if one.ingested is None:
        print_message(f"cannot be read: {one.path}: {one.problem}")
        return
    print_message(f"{one.ingested.change}: {one.ingested.slug}, from {one.path}")
    for warning in one.ingested.warnings:
        print_message(f"note: {one.path}: {warning}")


def _as_json(one: AddedFile) -> dict[str, object]:
    if one.ingested is None:
        return {"path": one.path, "problem": one.problem}
    return {
        "path": one.path,
        "slug": one.ingested.slug,
        "change": one.ingested.change,
        "warnings": one.ingested.warnings,
    }


@commands.command()
def scan(as_json: AsJson = False) -> None:
    """Scan the content folder for new and changed articles; exit status 2 if a file cannot be read.

    A new article is a draft, unless DISTRIBUTOR_CONTENT_PUBLISH is on or its front matter has `publish: true`.
    """
    with open_app() as app:
        report = ingest.scan(app)
    if as_json:
        print_json(
            {
                "added": report.added,
                "revised": report.revised,
                "broken": report.broken,
                "missing": report.missing,
                "unused_keys": report.unused_keys,
            }
        )
    else:
        print_message(f"{len(report.added)} added, {len(report.revised)} revised, {report.unchanged} unchanged")
        for reason in report.broken:
            print_message(f"cannot be read: {reason}")
        for reason in report.missing:
            print_message(reason)
        if report.unused_keys:
            print_message(f"note: front matter keys that mean nothing here: {in_words(report.unused_keys)}")
    if report.broken:
        raise typer.Exit(2)


@commands.command("list")
def list_articles(
    state: Annotated[ArticleState | None, typer.Option(help="Only articles in this state.")] = None,
    as_json: AsJson = False,
    limit: int = 50,
) -> None:
    """List the newest articles, and the files that cannot be read or are missing."""
    with open_app() as app:
        with app.database.begin() as connection:
            stored = articles.latest(connection, limit=limit, state=state)
            broken = quarantine.of_loop(connection, QuarantineLoop.FILE)
        missing = ingest.missing_files(app)
    print_rows(
        ("slug", "title", "state", "publish_at", "published_at", "revision", "tags"),
        [
            (
                one.article.slug,
                one.article.title,
                one.status.state.value,
                one.status.publish_at,
                one.status.published_at,
                one.article.revision,
                len(one.article.tags),
            )
            for one in stored
        ],
        as_json=as_json,
        empty="No articles yet: `distributor article add FILE` or `distributor article scan` adds some.",
    )
    for item in broken.values():
        print_message(f"cannot be read: {item.reason}")
    for reason in missing:
        print_message(reason)


@commands.command("show")
def show_article(slug: Slug, as_json: AsJson = False) -> None:
    """Show one article, its state and its text."""
    with open_app() as app, app.database.begin() as connection:
        found = articles.find_by_slug(connection, slug)
    article, status = found.article, found.status
    fields = {
        "slug": article.slug,
        "state": status.state.value,
        "publish_at": status.publish_at,
        "published_at": status.published_at,
        "withdrawn_at": status.withdrawn_at,
        "file_missing_since": found.missing_since,
        "guid": article.guid,
        "revision": article.revision,
        "title": article.title,
        "summary": article.summary,
        "author": article.author,
        "language": article.language,
        "tags": [tag.label for tag in article.tags],
        "updated_at": article.updated_at,
        "text": plain_text(article.body),
    }
    if as_json:
        print_json(fields)
        return
    text = fields.pop("text")
    print_fields(fields, as_json=False)
    typer.echo(f"\n{text}")


@commands.command()
def ready(slug: Slug, as_json: AsJson = False) -> None:
    """Mark a draft as ready to be published."""
    with open_app() as app:
        _print_state(app, article_control.mark_ready(app, slug, actor=ACTOR), as_json=as_json)


@commands.command()
def publish(
    slug: Slug,
    at: Annotated[
        str | None,
        typer.Option(
            help="now, +2h, or a time such as '2027-03-01 09:00'; until then it is under embargo. "
            "Default: its date, if that is in the future, else now."
        ),
    ] = None,
    zone: Annotated[str | None, typer.Option(help="IANA time zone of the time, such as Europe/Berlin.")] = None,
    as_json: AsJson = False,
) -> None:
    """Publish an article, now or at a time; one that was withdrawn keeps its GUID and its first publication."""
    with open_app() as app:
        time = None if at is None else parse_local_time(at, zone=zone, now=app.clock())
        found = article_control.publish(app, slug, actor=ACTOR, at=time)
        _print_state(app, found, as_json=as_json)


@commands.command()
def unpublish(slug: Slug, as_json: AsJson = False) -> None:
    """Make an article a draft again that is ready or under embargo and was never public."""
    with open_app() as app:
        _print_state(app, article_control.unpublish(app, slug, actor=ACTOR), as_json=as_json)


@commands.command()
def withdraw(slug: Slug, as_json: AsJson = False) -> None:
    """Withdraw a published article: its page is gone (410), and campaigns with it are paused."""
    with open_app() as app:
        result = article_control.withdraw(app, slug, actor=ACTOR)
        _print_state(app, result.article, as_json=as_json)
    for campaign_id in result.paused_campaigns:
        print_message(f"campaign {campaign_id} is paused: `distributor campaign show {campaign_id}` says why")


@commands.command("take-update")
def take_update(slug: Slug, as_json: AsJson = False) -> None:
    """Take the newer version that the source of an article has, which was held because the article was edited here.

    What was written here stays as a revision.
    """
    with open_app() as app:
        _print_state(app, ingest.take_held_update(app, slug, actor=ACTOR), as_json=as_json)


@commands.command()
def history(slug: Slug, as_json: AsJson = False) -> None:
    """Show what happened to an article: revisions and changes of its state, with who made them and when."""
    with open_app() as app, app.database.begin() as connection:
        events = articles.history(connection, articles.find_by_slug(connection, slug).id)
    print_rows(
        ("at", "action", "by", "revision", "state", "publish_at", "note"),
        [
            (one.created_at, one.action.value, one.actor, one.revision, one.state.value, one.publish_at, one.note)
            for one in events
        ],
        as_json=as_json,
        empty="",
    )


@commands.command()
def diff(
    slug: Slug,
    before: Annotated[
        int | None, typer.Option("--from", min=1, help="The older revision; default: the one before the newer.")
    ] = None,
    after: Annotated[
        int | None, typer.Option("--to", min=1, help="The newer revision; default: the current one.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show how two revisions of an article differ, as a unified diff of their text."""
    with open_app() as app:
        text = revisions.compare(app, slug, before=before, after=after)
    if as_json:
        print_json({"diff": text})
    else:
        typer.echo(text or "The revisions read the same.")


def _print_state(app: AppContext, found: StoredArticle, *, as_json: bool) -> None:
    if as_json:
        status = found.status
        print_json(
            {
                "slug": found.article.slug,
                "state": status.state.value,
                "publish_at": status.publish_at,
                "published_at": status.published_at,
                "withdrawn_at": status.withdrawn_at,
            }
        )
        return
    print_message(f"{found.article.slug}: {_state_sentence(app, found)}")


def _state_sentence(app: AppContext, found: StoredArticle) -> str:
    """The state of an article, and what that means for its readers."""
    slug, status, now = found.article.slug, found.status, app.clock()
    embargo = status.embargo(now)
    match status.state:
        case ArticleState.PUBLISHED if embargo is not None:
            return f"it is published, under embargo until {embargo:%Y-%m-%d %H:%M} UTC"
        case ArticleState.PUBLISHED:
            return f"it is public on {app.site.public_url}/articles/{slug}"
        case ArticleState.WITHDRAWN:
            return f"it is withdrawn; `distributor article publish {slug}` publishes it again"
        case ArticleState.DRAFT | ArticleState.READY:
            dated = f", at {embargo:%Y-%m-%d %H:%M} UTC" if embargo is not None else ""
            return (
                f"it is {'a draft' if status.state is ArticleState.DRAFT else 'ready'}; a campaign with it or "
                f"`distributor article publish {slug}` publishes it{dated}"
            )
