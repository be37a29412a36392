"""The sources: where articles come from and how that goes, and one with its settings, its articles and its end."""

from __future__ import annotations

import hashlib
import json
from gettext import gettext as _
from urllib.parse import quote

from starlette.responses import Response

from distributor.domain.errors import DataError, InputError, StateError
from distributor.domain.source import Source, SourceState
from distributor.domain.stored_text import storable
from distributor.domain.user import Permission
from distributor.flow.app_context import AppContext
from distributor.flow.articles import sources
from distributor.sources.kinds.registry import describe_settings, kinds
from distributor.storage import article_list
from distributor.storage.article_list import ArticleFilter
from distributor.web.team.access import Gate, TeamRequest, TeamRoute, sentence_of
from distributor.web.team.channel_form import (
    SettingsFault,
    look_at_marked,
    read_settings_form,
    told,
)
from distributor.web.team.pages import TeamPages
from distributor.web.team.source_view import (
    ShownSource,
    chosen_interval,
    chosen_publishing,
    interval_options,
    publishing_options,
    shown_source,
    source_sections,
)
from distributor.web.team.wording import for_pages

_NEWEST_ARTICLES = 10
_MOST_HELD = 20


class SourcePages:
    """Who reads articles sees where they come from; who writes articles changes that."""

    def __init__(self, app: AppContext, pages: TeamPages, gate: Gate) -> None:
        self._app = app
        self._pages = pages
        self._gate = gate

    def routes(self) -> list[TeamRoute]:
        read, write = Permission.ARTICLES_READ, Permission.ARTICLES_WRITE
        one = "/sources/{source}"
        return [
            TeamRoute("GET", "/sources", self.show_all, read),
            TeamRoute("GET", one, self.show, read),
            TeamRoute("POST", one, self.save, write),
            TeamRoute("POST", f"{one}/run", self.run, write),
            TeamRoute("POST", f"{one}/pause", self.pause, write),
            TeamRoute("POST", f"{one}/resume", self.resume, write),
            TeamRoute("GET", f"{one}/remove", self.show_removal, write),
            TeamRoute("POST", f"{one}/remove", self.remove, write),
        ]

    def show_all(self, asked: TeamRequest) -> Response:
        shown = [shown_source(view) for view in sources.listed(self._app)]
        query = asked.request.query_params
        about = next((one for one in shown if one.view.source.name == query.get("of", "")), None)
        context = {
            "user": asked.user,
            "page": "sources",
            "listed": shown,
            "now": self._app.clock(),
            "is_any": any(not one.is_content_folder for one in shown),
            "may_write": asked.user.allows(Permission.ARTICLES_WRITE),
            "notice": _notice(query.get("done", ""), about),
        }
        return self._pages.respond("sources.html.j2", context)

    def show(self, asked: TeamRequest) -> Response:
        return self._show(asked)

    def save(self, asked: TeamRequest) -> Response:
        name = source_name(asked)
        shown = shown_source(sources.show(self._app, name))
        fault = self._save(asked, shown)
        if fault is not None:
            return self._show(asked, fault=fault)
        return self._gate.redirect(f"{_path_of(name)}?done=saved")

    def run(self, asked: TeamRequest) -> Response:
        name = source_name(asked)
        try:
            sources.ask_to_run(self._app, name)
        except StateError as error:
            return self._show(asked, fault=SettingsFault(sentence_of(error), {}, 409))
        return self._gate.redirect(_back(asked, name, "asked"))

    def pause(self, asked: TeamRequest) -> Response:
        return self._set_state(asked, SourceState.PAUSED)

    def resume(self, asked: TeamRequest) -> Response:
        return self._set_state(asked, SourceState.ACTIVE)

    def show_removal(self, asked: TeamRequest) -> Response:
        view = sources.show(self._app, source_name(asked))
        context = {
            "user": asked.user,
            "page": "sources",
            "one": shown_source(view),
            "path": _path_of(view.source.name),
        }
        return self._pages.respond("source_remove.html.j2", context)

    def remove(self, asked: TeamRequest) -> Response:
        try:
            sources.remove(self._app, source_name(asked), actor=asked.actor)
        except DataError:
            raise
        except InputError as error:
            return self._show(asked, fault=SettingsFault(sentence_of(error)))
        return self._gate.redirect("/app/sources?done=removed")

    def _set_state(self, asked: TeamRequest, state: SourceState) -> Response:
        name = source_name(asked)
        sources.set_state(self._app, name, state, actor=asked.actor)
        return self._gate.redirect(_back(asked, name, "paused" if state is SourceState.PAUSED else "resumed"))

    def _save(self, asked: TeamRequest, shown: ShownSource) -> SettingsFault | None:
        """What is wrong with the form; None if what it changes is saved."""
        source, form = shown.view.source, asked.form
        if form.one("version") != _version_of(source):
            sentence = _("Nothing was saved: somebody else has changed it meanwhile. This is how it is now.")
            return SettingsFault(sentence, {}, 409)
        described = describe_settings(source.kind) if _has_settings(shown) else []
        given = read_settings_form(form, described)
        if given.faults:
            return SettingsFault(look_at_marked(), given.faults)
        before = source.settings
        values = {key: value for key, value in given.values.items() if str(before.get(key)) != str(value)}
        unset = [key for key in given.unset if key in before or key in shown.view.secrets_set]
        publishing = None if shown.is_content_folder else chosen_publishing(form)
        publishing = None if publishing is source.publishing else publishing
        interval = chosen_interval(form, source.interval)
        interval = None if interval == source.interval else interval
        if not (values or unset or publishing or interval):
            return None
        return told(
            lambda: sources.change(
                self._app,
                source.name,
                values,
                unset=unset,
                publishing=publishing,
                interval=interval,
                actor=asked.actor,
            )
        )

    def _show(self, asked: TeamRequest, *, fault: SettingsFault | None = None) -> Response:
        name = source_name(asked)
        shown = shown_source(sources.show(self._app, name))
        with self._app.database.begin() as connection:
            newest = article_list.listed(connection, ArticleFilter(source=name), limit=_NEWEST_ARTICLES + 1)
        source = shown.view.source
        typed = asked.form if fault and fault.status == 422 and "version" in asked.form.fields else None
        context = {
            "user": asked.user,
            "page": "sources",
            "one": shown,
            "path": _path_of(name),
            "problem_text": fault.sentence if fault else "",
            "failure": for_pages(shown.view.problem or source.error) if shown.view.problem or source.error else "",
            "articles": newest[:_NEWEST_ARTICLES],
            "has_more": len(newest) > _NEWEST_ARTICLES,
            "held": sources.held_items(self._app, name, limit=_MOST_HELD),
            "now": self._app.clock(),
            "may_write": asked.user.allows(Permission.ARTICLES_WRITE),
            "sections": source_sections(
                source.kind, source.settings, typed=typed, secrets_set=shown.view.secrets_set, fault=fault
            )
            if _has_settings(shown)
            else [],
            "publishing_options": publishing_options(),
            "publishing": (chosen_publishing(typed) if typed else None) or source.publishing,
            "intervals": interval_options(source.interval),
            "interval": typed.one("every") if typed else int(source.interval.total_seconds()),
            "version": _version_of(source),
            "notice": _notice(asked.request.query_params.get("done", ""), shown),
        }
        return self._pages.respond("source.html.j2", context, status=fault.status if fault else 200)


def source_name(asked: TeamRequest) -> str:
    """The name of the source in the path."""
    return storable(str(asked.request.path_params["source"]))


def _path_of(name: str) -> str:
    return f"/app/sources/{quote(name, safe='')}"


def _back(asked: TeamRequest, name: str, done: str) -> str:
    """The page on which the button was, with what was done."""
    if asked.form.one("from") == "list":
        return f"/app/sources?done={done}&of={quote(name, safe='')}"
    return f"{_path_of(name)}?done={done}"


def _has_settings(shown: ShownSource) -> bool:
    """Whether its settings are changed in the app: those of files of the server are not."""
    return shown.view.source.kind in kinds() and not shown.is_local


def _version_of(source: Source) -> str:
    """What tells these settings from all others: a form that began from others is not saved."""
    parts = [dict(source.settings), source.publishing.value, source.interval.total_seconds()]
    sealed = source.sealed or b""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode() + sealed).hexdigest()[:16]


def _notice(done: str, shown: ShownSource | None) -> str:
    """What was done, in words; with this source, unless it is gone."""
    if shown is not None and shown.takes_posts:
        texts = {
            "added": _("The source is there, and takes what is sent to it."),
            "saved": _("Saved."),
            "paused": _("%(name)s is paused: nothing comes in until it is resumed."),
            "resumed": _("%(name)s takes again what is sent to it."),
        }
    else:
        texts = {
            "added": _("The source is there. It is read as soon as a worker is free."),
            "saved": _("Saved. It is read with that as soon as a worker is free."),
            "removed": _("The source is removed. Its articles stay."),
            "asked": _("%(name)s is read as soon as a worker is free."),
            "paused": _("%(name)s is paused: nothing comes in until it is resumed."),
            "resumed": _("%(name)s is read again, as soon as a worker is free."),
        }
    return texts.get(done, "") % {"name": shown.view.source.name if shown else _("The source")}
