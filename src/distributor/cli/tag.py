"""`distributor tag …`"""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Annotated, Any

import typer

from distributor.bootstrap import open_app
from distributor.cli.console import ACTOR, AsJson, print_fields, print_json, print_message, print_rows
from distributor.domain.errors import InputError
from distributor.domain.hashtags import hashtag_of_tag
from distributor.domain.tag_suggestions import MOST_SUGGESTIONS
from distributor.domain.user import Actor
from distributor.flow.app_context import AppContext
from distributor.flow.articles import tags as tag_changes
from distributor.flow.articles.tag_suggestions import suggest_for
from distributor.flow.articles.tags import TagChanges
from distributor.storage import tags
from distributor.storage.tags import StoredTag, TagUses

commands = typer.Typer()

Slug = Annotated[str, typer.Argument(help="The tag's slug, as in `distributor tag list`, or one that it had before.")]


@commands.command("list")
def list_tags(as_json: AsJson = False) -> None:
    """List the tags with their numbers of articles."""
    with open_app() as app, app.database.begin() as connection:
        found = tags.listed(connection)
    print_rows(
        ("slug", "label", "articles", "hashtag", "parent", "synonyms"),
        [
            (
                one.slug,
                one.label,
                one.articles,
                hashtag_of_tag(one.tag),
                one.parent,
                list(one.synonyms) if as_json else ", ".join(one.synonyms),
            )
            for one in found
        ],
        as_json=as_json,
        empty="No tags yet: those of the first article are.",
    )


@commands.command("show")
def show_tag(slug: Slug, as_json: AsJson = False) -> None:
    """Show a tag, its other names, and what a rename or a merge of it would touch."""
    with open_app() as app, app.database.begin() as connection:
        found = tags.find(connection, slug)
        uses = tags.uses(connection, found.slug)
    print_fields(_tag_fields(found) | asdict(uses), as_json=as_json)


@commands.command("rename")
def rename_tag(
    slug: Slug, label: Annotated[str, typer.Argument(help="What it is called now.")], as_json: AsJson = False
) -> None:
    """Rename a tag. Its slug follows; its old name and its old pages and feeds lead to it."""
    with open_app() as app:
        found = tag_changes.change(app, slug, TagChanges(label=label), actor=Actor(name=ACTOR))
        _print_changed(app, found, f"{slug!r} is called {found.label!r} now", as_json=as_json)


@commands.command("merge")
def merge_tags(
    slug: Slug,
    into: Annotated[str, typer.Argument(help="The slug of the tag that it becomes.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let a tag become another, which cannot be undone; its name is a synonym of that one, and its pages lead there."""
    with open_app() as app:
        with app.database.begin() as connection:
            merged, kept = tags.find(connection, slug), tags.find(connection, into)
            uses = tags.uses(connection, merged.slug)
        if not yes:
            question = f"{_in_words(uses)} of {merged.label!r} will be of {kept.label!r}; that cannot be undone"
            if not sys.stdin.isatty():
                raise InputError(f"{question}: add --yes to merge them without being asked")
            typer.confirm(f"{question}. Merge them?", abort=True, err=True)
        found = tag_changes.merge(app, merged.slug, kept.slug, actor=Actor(name=ACTOR))
        _print_changed(app, found, f"{merged.label!r} is {found.label!r} now", as_json=as_json)


@commands.command("set")
def set_tag(
    slug: Slug,
    hashtag: Annotated[str | None, typer.Option(help="Its hashtag in posts; '' for the one of its label.")] = None,
    parent: Annotated[str | None, typer.Option(help="The tag that it is a part of; '' for none.")] = None,
    synonym: Annotated[list[str] | None, typer.Option(help="A label that means it too; may be repeated.")] = None,
    no_synonym: Annotated[list[str] | None, typer.Option(help="One that does not any more; may be repeated.")] = None,
    as_json: AsJson = False,
) -> None:
    """Set the hashtag, the parent and the synonyms of a tag; what is not given stays."""
    changes = TagChanges(
        hashtag=hashtag,
        parent=parent,
        add_synonyms=tuple(synonym or ()),
        remove_synonyms=tuple(no_synonym or ()),
    )
    with open_app() as app:
        found = tag_changes.change(app, slug, changes, actor=Actor(name=ACTOR))
        _print_changed(app, found, f"tag {found.slug!r} is changed", as_json=as_json)


@commands.command("suggest")
def suggest_tags(
    article: Annotated[str, typer.Argument(help="The article's slug, as in `distributor article list`.")],
    limit: int = MOST_SUGGESTIONS,
    as_json: AsJson = False,
) -> None:
    """Suggest tags for an article: those that its text names, then its key phrases. It gets none of them by this."""
    with open_app() as app:
        found = suggest_for(app, article, most=limit)
    print_rows(
        ("label", "is_known"),
        [(one.label, one.is_known) for one in found],
        as_json=as_json,
        empty="Nothing is said often enough in its text.",
    )


def _print_changed(app: AppContext, found: StoredTag, message: str, *, as_json: bool) -> None:
    if as_json:
        print_json(_tag_fields(found))
    else:
        print_message(f"{message}; its page is {app.site.public_url}/tags/{found.slug}")


def _tag_fields(found: StoredTag) -> dict[str, Any]:
    return {
        "slug": found.slug,
        "label": found.label,
        "hashtag": hashtag_of_tag(found.tag),
        "is_hashtag_chosen": bool(found.hashtag),
        "parent": found.parent,
        "synonyms": list(found.synonyms),
        "aliases": list(found.aliases),
        "articles": found.articles,
    }


def _in_words(uses: TagUses) -> str:
    return ", ".join(f"{number} {noun}" for noun, number in asdict(uses).items())
