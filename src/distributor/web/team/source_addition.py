"""A new source: where it is, what would come in from there, and what becomes of that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from gettext import gettext as _
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.responses import Response

from distributor.domain.errors import ConfigurationError, DataError, InputError
from distributor.domain.rendition import Json
from distributor.domain.source import Publishing
from distributor.domain.user import Permission
from distributor.flow.app_context import AppContext
from distributor.flow.articles import sources
from distributor.flow.articles.source_runs import TriedItem, try_source
from distributor.flow.articles.sources import RecognizedSource
from distributor.sources.kinds.api import SourceKind
from distributor.sources.kinds.registry import describe_settings, kinds
from distributor.web.team.access import Gate, TeamRequest, TeamRoute, sentence_of
from distributor.web.team.channel_form import SettingsFault, look_at_marked, read_settings_form, told
from distributor.web.team.pages import TeamPages
from distributor.web.team.source_view import (
    chosen_interval,
    chosen_publishing,
    interval_options,
    publishing_options,
    source_sections,
    takes_posts,
)
from distributor.web.team.wording import for_pages

_TRIED_ITEMS = 6
_NEW = "new"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trial:
    """What would come in, and what whoever adds it should know."""

    items: Sequence[TriedItem]
    notes: Sequence[str]


class SourceAdditionPages:
    """Who writes articles adds a source: by its address, which is looked at first, or by its kind."""

    def __init__(self, app: AppContext, pages: TeamPages, gate: Gate) -> None:
        self._app = app
        self._pages = pages
        self._gate = gate

    def routes(self) -> list[TeamRoute]:
        write = Permission.ARTICLES_WRITE
        return [
            TeamRoute("GET", "/sources/new", self.show_new, write),
            TeamRoute("POST", "/sources/new", self.look, write),
            TeamRoute("GET", "/sources/new/{kind}", self.show_kind, write),
            TeamRoute("POST", "/sources/new/{kind}", self.add, write),
        ]

    def show_new(self, asked: TeamRequest) -> Response:
        return self._show_new(asked)

    def look(self, asked: TeamRequest) -> Response:
        """What is at an address, with its first items as they would come in. Nothing is stored."""
        address = asked.form.one("address")
        if not address:
            return self._show_new(asked, problem=_("No address is given yet."))
        try:
            found = sources.recognize(self._app, address)
            sources.require_not_local(found.kind)
            trial = self._try(found)
            name = sources.name_for(self._app, found)
        except DataError:
            raise
        except (InputError, ConfigurationError) as error:
            return self._show_new(asked, problem=sentence_of(error))
        return self._show_form(asked, found.kind, values=found.settings, name=name, trial=trial)

    def show_kind(self, asked: TeamRequest) -> Response:
        kind = _kind_in_path(asked)
        return self._show_form(asked, kind.kind, values={}, name=self._free_name(kind.kind))

    def add(self, asked: TeamRequest) -> Response:
        kind, form = _kind_in_path(asked), asked.form
        name = form.one("name")
        given = read_settings_form(form, describe_settings(kind.kind))
        fault = SettingsFault(look_at_marked(), given.faults) if given.faults else None
        if name == _NEW:
            # Its page would be that of new sources.
            fault = SettingsFault(_("%(name)s cannot be the name of a source: choose another one.") % {"name": name})
        if fault is None:
            fault = told(
                lambda: sources.add(
                    self._app,
                    name,
                    kind.kind,
                    given.values,
                    publishing=chosen_publishing(form) or Publishing.NOTHING,
                    interval=chosen_interval(form, kind.interval),
                    actor=asked.actor,
                )
            )
        if fault is not None:
            return self._show_form(asked, kind.kind, values={}, name=name, fault=fault)
        return self._gate.redirect(f"/app/sources/{quote(name, safe='')}?done=added")

    def _try(self, found: RecognizedSource) -> _Trial | None:
        """The first items; None if it cannot be read before more is known, such as a key."""
        if any(one.is_required and one.name not in found.settings for one in describe_settings(found.kind)):
            return None
        items, notes = try_source(self._app, found.kind, found.settings, limit=_TRIED_ITEMS)
        return _Trial(items=items, notes=[for_pages(note) for note in (*found.notes, *notes)])

    def _show_new(self, asked: TeamRequest, *, problem: str = "") -> Response:
        context = {
            "user": asked.user,
            "page": "sources",
            "problem_text": problem,
            "address": asked.form.one("address"),
            "choices": [kind for kind in kinds().values() if _is_chosen(kind)],
        }
        return self._pages.respond("source_new.html.j2", context, status=422 if problem else 200)

    def _show_form(
        self,
        asked: TeamRequest,
        kind_name: str,
        *,
        values: Mapping[str, Json],
        name: str,
        trial: _Trial | None = None,
        fault: SettingsFault | None = None,
    ) -> Response:
        kind, typed = kinds()[kind_name], asked.form if fault else None
        context = {
            "user": asked.user,
            "page": "sources",
            "kind": kind,
            "trial": trial,
            "most_tried": _TRIED_ITEMS,
            "name": name,
            "problem_text": fault.sentence if fault else "",
            "sections": source_sections(kind_name, values, typed=typed, fault=fault),
            "publishing_options": publishing_options(),
            "publishing": (chosen_publishing(typed) if typed else None) or Publishing.NOTHING,
            "takes_posts": takes_posts(kind_name),
            "intervals": interval_options(kind.interval),
            "interval": typed.one("every") if typed else int(kind.interval.total_seconds()),
        }
        return self._pages.respond("source_form.html.j2", context, status=fault.status if fault else 200)

    def _free_name(self, kind: str) -> str:
        """The kind in words that a name may have, with a number if there is a source of that name."""
        taken = {view.source.name for view in sources.listed(self._app)}
        stem = kind.replace("_", "-")
        return next((name for name in (stem, *(f"{stem}-{n}" for n in range(2, 100))) if name not in taken), "")


def _kind_in_path(asked: TeamRequest) -> type[SourceKind]:
    """The kind in the path. Raises HTTPException 404 if there is none, or one of files of the server."""
    kind = kinds().get(str(asked.request.path_params["kind"]))
    if kind is None or kind.is_local:
        raise HTTPException(404)
    return kind


def _is_chosen(kind: type[SourceKind]) -> bool:
    """Whether a kind is chosen by people: an address does not tell all that it needs."""
    needs_secret = any(one.is_required and one.is_secret for one in describe_settings(kind.kind))
    return not kind.is_local and (needs_secret or takes_posts(kind.kind))
