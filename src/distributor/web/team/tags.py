"""The tags: all of them with their articles, and one with its names, its hashtag, and what merging it would touch."""

from __future__ import annotations

from collections.abc import Sequence
from gettext import gettext as _
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.responses import Response

from distributor.domain.article_draft import DraftText
from distributor.domain.errors import DataError, InputError, NotFoundError, StateError
from distributor.domain.hashtags import hashtag_of, hashtag_of_tag
from distributor.domain.stored_text import storable
from distributor.domain.tags import Tag
from distributor.domain.user import Permission
from distributor.flow.app_context import AppContext
from distributor.flow.articles import tags as tag_changes
from distributor.flow.articles.tags import TagChanges
from distributor.storage import tags
from distributor.storage.tags import StoredTag
from distributor.web.team.access import Gate, TeamRequest, TeamRoute, sentence_of
from distributor.web.team.pages import TeamPages

_PER_PAGE = 100


class TagPages:
    """Who reads articles sees the tags; who writes articles changes and merges them."""

    def __init__(self, app: AppContext, pages: TeamPages, gate: Gate) -> None:
        self._app = app
        self._pages = pages
        self._gate = gate

    def routes(self) -> list[TeamRoute]:
        one = "/tags/{tag_slug}"
        return [
            TeamRoute("GET", "/tags", self.show_all, Permission.ARTICLES_READ),
            TeamRoute("GET", one, self.show, Permission.ARTICLES_READ),
            TeamRoute("POST", one, self.change, Permission.ARTICLES_WRITE),
            TeamRoute("GET", f"{one}/merge", self.show_merge, Permission.ARTICLES_WRITE),
            TeamRoute("POST", f"{one}/merge", self.merge, Permission.ARTICLES_WRITE),
        ]

    def show_all(self, asked: TeamRequest) -> Response:
        after = asked.request.query_params.get("after", "")
        with self._app.database.begin() as connection:
            found = tags.listed(connection)
        labels = {tag.slug: tag.label for tag in found}
        start = next((place + 1 for place, tag in enumerate(found) if tag.slug == after), 0)
        shown = found[start : start + _PER_PAGE]
        context = {
            "user": asked.user,
            "page": "tags",
            "tags": shown,
            "hashtags": {tag.slug: hashtag_of_tag(tag.tag) for tag in shown},
            "labels": labels,
            "next_path": f"/app/tags?after={quote(shown[-1].slug)}" if len(found) > start + _PER_PAGE else "",
            "back_path": "/app/tags" if start else "",
            "notice": _notice(asked),
        }
        return self._pages.respond("tags.html.j2", context)

    def show(self, asked: TeamRequest) -> Response:
        return self._show(asked)

    def change(self, asked: TeamRequest) -> Response:
        form = asked.form
        with self._app.database.begin() as connection:
            before = self._found(tags.listed(connection), asked)
        wanted = {tag.key: tag.label for tag in DraftText(tags=form.one("synonyms")).tag_list}
        had = {Tag(label).key: label for label in before.synonyms}
        hashtag = form.one("hashtag").removeprefix("#")
        # What follows from the label, or was shown because it did, is not chosen.
        not_chosen = {hashtag_of(form.one("label")), None if before.hashtag else hashtag_of(before.label)}
        changes = TagChanges(
            label=form.one("label"),
            hashtag="" if hashtag in not_chosen else hashtag,
            parent=form.one("parent"),
            add_synonyms=tuple(label for key, label in wanted.items() if key not in had and key != before.tag.key),
            remove_synonyms=tuple(label for key, label in had.items() if key not in wanted),
        )
        try:
            changed = tag_changes.change(self._app, before.slug, changes, actor=asked.actor)
        except DataError:
            raise
        except (InputError, StateError, NotFoundError) as error:
            return self._show(asked, error=sentence_of(error))
        return self._gate.redirect(f"/app/tags/{changed.slug}?done=changed")

    def show_merge(self, asked: TeamRequest) -> Response:
        """What merging two tags touches, before it is done."""
        into = storable(asked.request.query_params.get("into", ""))
        with self._app.database.begin() as connection:
            found = self._found(tags.listed(connection), asked)
            kept = tags.current_slug(connection, into)
            if kept is None or kept == found.slug:
                return self._show(asked, error=_("Choose the tag that it becomes."))
            context = {
                "user": asked.user,
                "page": "tags",
                "tag": found,
                "kept": tags.find(connection, kept),
                "uses": tags.uses(connection, found.slug),
            }
        return self._pages.respond("tag_merge.html.j2", context)

    def merge(self, asked: TeamRequest) -> Response:
        slug, into = storable(str(asked.request.path_params["tag_slug"])), storable(asked.form.one("into"))
        try:
            kept = tag_changes.merge(self._app, slug, into, actor=asked.actor)
        except DataError:
            raise
        except InputError as error:
            return self._show(asked, error=sentence_of(error))
        except NotFoundError:
            raise HTTPException(404) from None
        return self._gate.redirect(f"/app/tags/{kept.slug}?done=merged")

    def _show(self, asked: TeamRequest, *, error: str = "") -> Response:
        with self._app.database.begin() as connection:
            every = tags.listed(connection)
            found = self._found(every, asked)
            uses = tags.uses(connection, found.slug)
        typed = asked.form if asked.request.method == "POST" and "label" in asked.form.fields else None
        others = [(tag.slug, tag.label) for tag in every if tag.slug != found.slug]
        context = {
            "user": asked.user,
            "page": "tags",
            "tag": found,
            "uses": uses,
            "own_path": f"/tags/{found.slug}",
            "old_paths": [f"/tags/{slug}" for slug in found.aliases],
            "values": {
                "label": typed.one("label") if typed else found.label,
                "hashtag": typed.one("hashtag") if typed else hashtag_of_tag(found.tag) or "",
                "parent": typed.one("parent") if typed else found.parent,
                "synonyms": typed.one("synonyms") if typed else ", ".join(found.synonyms),
            },
            "parents": [("", _("No other tag")), *others],
            "others": [("", _("Choose a tag")), *others],
            "error": error,
            "notice": _notice(asked),
        }
        return self._pages.respond("tag.html.j2", context, status=422 if error else 200)

    def _found(self, every: Sequence[StoredTag], asked: TeamRequest) -> StoredTag:
        """The tag of the path, by a slug that it has or had. Raises HTTPException 404."""
        slug = str(asked.request.path_params["tag_slug"])
        for tag in every:
            if slug == tag.slug or slug in tag.aliases:
                return tag
        raise HTTPException(404)


def _notice(asked: TeamRequest) -> str:
    texts = {
        "changed": _("The tag is saved."),
        "merged": _("They are one tag now."),
    }
    return texts.get(asked.request.query_params.get("done", ""), "")
