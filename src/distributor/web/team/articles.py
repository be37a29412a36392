"""The articles: the list, one article with its state and where it went, its revisions, and how a new one begins."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from gettext import gettext as _
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.responses import Response

from distributor.domain.article import ArticleState
from distributor.domain.article_diff import differences
from distributor.domain.article_draft import DraftText
from distributor.domain.errors import ScheduleError, SourceError, StateError
from distributor.domain.schedule import parse_instant, short_time
from distributor.domain.stored_text import storable
from distributor.domain.user import Permission
from distributor.flow.app_context import AppContext
from distributor.flow.articles.ingest import FOLDER, WITHOUT_SOURCE, take_held_update
from distributor.flow.articles.uploads import UploadResult, add_page, add_uploads
from distributor.flow.articles.writing import read_paste, start, start_copy, text_of_manuscript
from distributor.flow.publishing import article_control
from distributor.sources.pasted import HTML, MARKDOWN, PLAIN
from distributor.storage import article_drafts, article_list, articles, dispatches, users
from distributor.storage import sources as source_rows
from distributor.storage.article_list import ArticleCursor, ArticleFilter
from distributor.storage.articles import StoredArticle
from distributor.storage.database import Connection
from distributor.web.forms import number_of
from distributor.web.team.access import TEXT_BYTES, UPLOAD_BYTES, Gate, TeamRequest, TeamRoute, sentence_of
from distributor.web.team.article_preview import ArticlePreviews
from distributor.web.team.pages import TeamPages
from distributor.web.team.wording import person_of

_PER_PAGE = 30
_FILTER_TAGS = 200
_UNSAVED_SHOWN = 20
_ONCE = re.compile(r"[0-9a-f]{32}")
_FORMATS = (PLAIN, MARKDOWN, HTML)
_USER = "user:"


class ArticlePages:
    """Reading needs the permission to read articles; everything that changes one, the permission to write them."""

    def __init__(self, app: AppContext, pages: TeamPages, gate: Gate, previews: ArticlePreviews) -> None:
        self._app = app
        self._pages = pages
        self._gate = gate
        self._previews = previews

    def routes(self) -> list[TeamRoute]:
        read, write = Permission.ARTICLES_READ, Permission.ARTICLES_WRITE
        one = "/articles/{article_id}"
        return [
            TeamRoute("GET", "/articles", self.show_all, read),
            TeamRoute("GET", "/articles/new", self.show_new, write),
            TeamRoute("POST", "/articles/new", self.begin, write),
            TeamRoute("POST", "/articles/paste", self.paste, write, max_bytes=TEXT_BYTES),
            TeamRoute("POST", "/articles/upload", self.upload, write, max_bytes=UPLOAD_BYTES, takes_files=True),
            TeamRoute("POST", "/articles/page", self.take_page, write),
            TeamRoute("GET", one, self.show, read),
            TeamRoute("GET", f"{one}/page/{{tab}}", self.show_page, read),
            TeamRoute("GET", f"{one}/revisions", self.show_revisions, read),
            TeamRoute("POST", f"{one}/copy", self.copy, write),
            TeamRoute("POST", f"{one}/ready", self.mark_ready, write),
            TeamRoute("POST", f"{one}/publish", self.publish, write),
            TeamRoute("POST", f"{one}/unpublish", self.unpublish, write),
            TeamRoute("POST", f"{one}/withdraw", self.withdraw, write),
            TeamRoute("POST", f"{one}/take-update", self.take_update, write),
        ]

    def show_all(self, asked: TeamRequest) -> Response:
        query = asked.request.query_params
        chosen = _filter_of(query)
        with self._app.database.begin() as connection:
            found = article_list.listed(connection, chosen, limit=_PER_PAGE + 1, after=_cursor_of(query))
            shown = found[:_PER_PAGE]
            unsaved = (
                article_drafts.never_saved(connection, asked.user.id, limit=_UNSAVED_SHOWN)
                if asked.user.allows(Permission.ARTICLES_WRITE)
                else []
            )
            context = {
                "user": asked.user,
                "page": "articles",
                "rows": shown,
                "places": article_list.places(connection, [row.id for row in shown]),
                "names": _names(connection, [row.changed_by for row in shown]),
                "tags": sorted(
                    article_list.tag_labels(connection, limit=_FILTER_TAGS), key=lambda tag: tag[1].casefold()
                ),
                "sources": _source_options(source_rows.names(connection), chosen),
                "is_any": bool(shown) or article_list.is_any(connection),
                "unsaved": [one for one in unsaved if one.text is not None and not one.text.is_empty],
            }
        now = self._app.clock()
        more = {
            "chosen": chosen,
            "is_filtered": chosen != ArticleFilter(),
            "states": _state_options(),
            "now": now,
            "next_path": _next_path(chosen, shown[-1].updated_at, shown[-1].id) if len(found) > _PER_PAGE else "",
            "back_path": f"/app/articles{_query_of(chosen)}" if "after" in query else "",
            "folder": FOLDER,
            "without_source": WITHOUT_SOURCE,
        }
        return self._pages.respond("articles.html.j2", context | more)

    def show_new(self, asked: TeamRequest) -> Response:
        return self._show_new(asked)

    def begin(self, asked: TeamRequest) -> Response:
        draft = start(self._app, key=_once(asked), user_id=asked.user.id)
        return self._gate.redirect(f"/app/articles/drafts/{draft.id}")

    def paste(self, asked: TeamRequest) -> Response:
        text, suffix = asked.form.exact("pasted"), asked.form.one("format")
        with_formatting = asked.form.exact("pasted_html")
        if text.strip() and with_formatting and not suffix:
            # The same text as the browser got it besides, with its headings, lists and links.
            text, suffix = with_formatting, HTML
        if not text.strip():
            return self._show_new(asked, errors={"paste": _("Nothing is pasted yet.")})
        try:
            read = read_paste(self._app, text, suffix=suffix if suffix in _FORMATS else "")
        except SourceError as error:
            return self._show_new(asked, errors={"paste": sentence_of(error)})
        draft = start(self._app, key=_once(asked), user_id=asked.user.id, text=read)
        return self._gate.redirect(f"/app/articles/drafts/{draft.id}?done=pasted")

    def upload(self, asked: TeamRequest) -> Response:
        files = [(storable(one.name), one.body) for one in asked.form.files.get("files", ())]
        if not files:
            return self._show_new(asked, errors={"upload": _("No file is chosen yet.")})
        results = add_uploads(self._app, files, key=_once(asked), actor=asked.actor.name)
        if len(results) == 1 and results[0].found is not None and not results[0].warnings:
            return self._gate.redirect(f"/app/articles/{results[0].found.id}?done=uploaded")
        return self._show_results(asked, results)

    def take_page(self, asked: TeamRequest) -> Response:
        address = asked.form.one("address")
        if not address:
            return self._show_new(asked, errors={"address": _("No address is given yet.")})
        result = add_page(self._app, address, key=_once(asked), actor=asked.actor.name)
        if result.found is None:
            return self._show_new(asked, errors={"address": sentence_of(SourceError(result.problem))})
        if result.warnings:
            return self._show_results(asked, [result])
        return self._gate.redirect(f"/app/articles/{result.found.id}?done=taken")

    def show(self, asked: TeamRequest) -> Response:
        return self._show(asked)

    def show_page(self, asked: TeamRequest) -> Response:
        """The document of a frame: the article as it is saved."""
        with self._app.database.begin() as connection:
            found = articles.find_by_id(connection, asked.number("article_id"))
        return self._previews.respond(self._previews.of(found.article, str(asked.request.path_params["tab"])))

    def show_revisions(self, asked: TeamRequest) -> Response:
        query = asked.request.query_params
        with self._app.database.begin() as connection:
            found = articles.find_by_id(connection, asked.number("article_id"))
            newest = found.article.revision
            after = _revision_of(query.get("to", ""), newest) or newest
            before = _revision_of(query.get("from", ""), newest) or max(after - 1, 1)
            texts = [self._text_of(connection, found, number) for number in (before, after)]
            events = articles.history(connection, found.id)
            names = _names(connection, [one.actor for one in events])
        context = {
            "user": asked.user,
            "page": "articles",
            "found": found,
            "before": before,
            "after": after,
            "fields": differences(*texts),
            "labels": field_labels(),
            "revisions": [one for one in reversed(events) if one.action in ("added", "revised")],
            "names": names,
        }
        return self._pages.respond("article_revisions.html.j2", context)

    def copy(self, asked: TeamRequest) -> Response:
        draft = start_copy(self._app, asked.number("article_id"), key=_once(asked), user_id=asked.user.id)
        return self._gate.redirect(f"/app/articles/drafts/{draft.id}?done=copied")

    def mark_ready(self, asked: TeamRequest) -> Response:
        return self._change(
            asked, "ready", lambda slug: article_control.mark_ready(self._app, slug, actor=_actor(asked))
        )

    def publish(self, asked: TeamRequest) -> Response:
        try:
            at = self._time_of(asked.form.one("at"))
        except ScheduleError as error:
            return self._show(asked, problem=sentence_of(error), status=422)
        return self._change(
            asked, "published", lambda slug: article_control.publish(self._app, slug, actor=_actor(asked), at=at)
        )

    def unpublish(self, asked: TeamRequest) -> Response:
        return self._change(
            asked, "unpublished", lambda slug: article_control.unpublish(self._app, slug, actor=_actor(asked))
        )

    def withdraw(self, asked: TeamRequest) -> Response:
        return self._change(
            asked, "withdrawn", lambda slug: article_control.withdraw(self._app, slug, actor=_actor(asked))
        )

    def take_update(self, asked: TeamRequest) -> Response:
        return self._change(asked, "updated", lambda slug: take_held_update(self._app, slug, actor=_actor(asked)))

    def _change(self, asked: TeamRequest, done: str, act: Callable[[str], object]) -> Response:
        """Do it, unless the article has got a revision that the user has not seen."""
        article_id = asked.number("article_id")
        with self._app.database.begin() as connection:
            found = articles.find_by_id(connection, article_id)
        if asked.form.one("revision") != str(found.article.revision):
            problem = _("Nothing was changed: the article has another revision by now. This is it; look at it first.")
            return self._show(asked, problem=problem, status=409)
        try:
            act(found.article.slug)
        except ScheduleError as error:
            return self._show(asked, problem=sentence_of(error), status=422)
        except StateError as error:
            return self._show(asked, problem=sentence_of(error), status=409)
        return self._gate.redirect(f"/app/articles/{article_id}?done={done}")

    def _time_of(self, text: str) -> datetime | None:
        return parse_instant(text, zone=self._app.site.time_zone) if text else None

    def _show(self, asked: TeamRequest, *, problem: str = "", status: int = 200) -> Response:
        query = asked.request.query_params
        with self._app.database.begin() as connection:
            found = articles.find_by_id(connection, asked.number("article_id"))
            events = articles.history(connection, found.id)
            writing = article_drafts.open_of_article(connection, found.id)
            context = {
                "user": asked.user,
                "page": "articles",
                "found": found,
                "events": list(reversed(events)),
                "names": _names(connection, [one.actor for one in events]),
                "places": article_list.places(connection, [found.id]).get(found.id, []),
                "open_campaigns": dispatches.open_with_article(connection, found.id),
                "others": [one for one in writing if one.user_id != asked.user.id],
                "known_sources": source_rows.names(connection),
                "own": next((one for one in writing if one.user_id == asked.user.id), None),
            }
        tabs = self._previews.tabs()
        tab = next((one for one in tabs if one.name == query.get("on", "")), tabs[0])
        now = self._app.clock()
        more = {
            "now": now,
            "is_public": found.status.is_public(now),
            "embargo": found.status.embargo(now),
            "was_public": found.status.has_been_public(now),
            "is_of_folder": found.source == FOLDER,
            "source": "" if found.source in (FOLDER, *WITHOUT_SOURCE) else found.source,
            "may_write": asked.user.allows(Permission.ARTICLES_WRITE),
            "once": uuid.uuid4().hex,
            "tabs": tabs,
            "tab": tab,
            "tab_paths": [(one.title, f"/app/articles/{found.id}?on={one.name}") for one in tabs],
            "preview": self._previews.of(found.article, tab.name),
            "notice": self._notice(query.get("done", ""), found),
            "problem": problem,
            "at": asked.form.one("at"),
        }
        return self._pages.respond("article.html.j2", context | more, status=status)

    def _notice(self, done: str, found: StoredArticle) -> str:
        embargo = found.status.embargo(self._app.clock())
        published = (
            _("Everyone can read it from %(time)s on.") % {"time": short_time(embargo, self._app.site.zone)}
            if embargo
            else _("Everyone can read it now.")
        )
        notices = {
            "saved": _("Saved as revision %(number)s.") % {"number": found.article.revision},
            "unchanged": _("Saved before: nothing has changed."),
            "uploaded": _("The file is an article now, as a draft."),
            "taken": _("What the page says is an article now, as a draft."),
            "ready": _("Marked as ready."),
            "published": published,
            "unpublished": _("It is a draft again."),
            "withdrawn": _("It is withdrawn: its page says so, and campaigns with it are paused."),
            "updated": _("It is as its source has it now. What was written here is still among the revisions."),
            "discarded": _("What was not saved is discarded."),
        }
        return notices.get(done, "")

    def _text_of(self, connection: Connection, found: StoredArticle, number: int) -> DraftText:
        manuscript = articles.find_revision(connection, found.id, number)
        return text_of_manuscript(manuscript, source_text=articles.source_text_of(connection, found.id, number))

    def _show_new(self, asked: TeamRequest, *, errors: Mapping[str, str] | None = None) -> Response:
        context = {
            "user": asked.user,
            "page": "articles",
            "errors": {"paste": "", "upload": "", "address": "", **(errors or {})},
            "address": asked.form.one("address"),
            "pasted": asked.form.exact("pasted"),
            "format": asked.form.one("format"),
            "formats": _format_options(),
            "once": uuid.uuid4().hex,
        }
        return self._pages.respond("article_new.html.j2", context, status=422 if errors else 200)

    def _show_results(self, asked: TeamRequest, results: list[UploadResult]) -> Response:
        context = {"user": asked.user, "page": "articles", "results": results}
        is_any = any(one.found for one in results)
        return self._pages.respond("article_uploads.html.j2", context, status=200 if is_any else 422)


def field_labels() -> dict[str, str]:
    """What the fields of the editor are called."""
    return {
        "title": _("Title"),
        "summary": _("Summary"),
        "tags": _("Tags"),
        "author": _("Author"),
        "language": _("Language"),
        "image": _("Image"),
        "image_alt": _("What the image shows"),
        "is_decorative": _("Decorative image"),
        "body": _("Text"),
    }


def _actor(asked: TeamRequest) -> str:
    return asked.actor.name


def _names(connection: Connection, actors: list[str]) -> dict[str, str]:
    """Who these actors are, in words: users by their names, others as they call themselves."""
    addresses = [actor.removeprefix(_USER) for actor in actors if actor.startswith(_USER)]
    known = users.names_by_email(connection, addresses)
    return {actor: known.get(actor.removeprefix(_USER), person_of(actor)) for actor in actors}


def _once(asked: TeamRequest) -> str:
    """The key of a form, which begins one draft however often it is sent."""
    once = asked.form.one("once")
    return once if _ONCE.fullmatch(once) else uuid.uuid4().hex


def _state_options() -> list[tuple[str, str]]:
    return [
        ("", _("All states")),
        (ArticleState.DRAFT.value, _("Draft")),
        (ArticleState.READY.value, _("Ready")),
        (ArticleState.PUBLISHED.value, _("Published")),
        (ArticleState.WITHDRAWN.value, _("Withdrawn")),
    ]


def _source_options(names: list[str], chosen: ArticleFilter) -> list[str]:
    """The sources to choose from, and the chosen one though it is removed."""
    return sorted({*names, *filter(None, [chosen.source])})


def _format_options() -> list[tuple[str, str]]:
    return [("", _("As it looks")), (PLAIN, _("Plain text")), (MARKDOWN, _("Markdown")), (HTML, _("HTML"))]


def _filter_of(query: Mapping[str, str]) -> ArticleFilter:
    state = query.get("state", "")
    return ArticleFilter(
        state=ArticleState(state) if state in set(ArticleState) else None,
        tag_slug=storable(query.get("tag", ""))[:300],
        words=storable(query.get("q", "")).strip()[:200],
        source=storable(query.get("source", ""))[:300],
    )


def _query_of(chosen: ArticleFilter, **more: str) -> str:
    values = {
        "q": chosen.words,
        "state": chosen.state.value if chosen.state else "",
        "tag": chosen.tag_slug,
        "source": chosen.source,
        **more,
    }
    kept = {name: value for name, value in values.items() if value}
    return f"?{urlencode(kept)}" if kept else ""


def _next_path(chosen: ArticleFilter, updated_at: datetime, article_id: int) -> str:
    return f"/app/articles{_query_of(chosen, after=f'{updated_at.isoformat()},{article_id}')}"


def _cursor_of(query: Mapping[str, str]) -> ArticleCursor | None:
    """Where the page before ended. Raises HTTPException 404 for anything that is no such place."""
    text = query.get("after", "")
    if not text:
        return None
    at, _comma, number = text.partition(",")
    article_id = number_of(number)
    try:
        updated_at = datetime.fromisoformat(at)
    except ValueError:
        raise HTTPException(404) from None
    if updated_at.tzinfo is None or article_id is None:
        raise HTTPException(404)
    return ArticleCursor(updated_at, article_id)


def _revision_of(text: str, newest: int) -> int | None:
    number = number_of(text, digits=9)
    return number if number is not None and 1 <= number <= newest else None
