"""Search over everything of the app that the user may see: articles, campaigns, people, channels and pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from gettext import gettext as _
from urllib.parse import quote

from starlette.responses import Response

from distributor.domain.stored_text import storable
from distributor.domain.user import Permission, User
from distributor.flow.app_context import AppContext
from distributor.storage import channels, searches, subscribers
from distributor.storage.database import Connection
from distributor.web.team.access import TeamRequest, TeamRoute
from distributor.web.team.navigation import all_items, settings_for
from distributor.web.team.pages import TeamPages

LONGEST_QUERY = 200
# Of a group; where there are more, it is said, and more words find fewer.
MOST_OF_A_GROUP = 8


@dataclass(frozen=True, slots=True)
class SearchHit:
    """One thing that was found. `detail` tells it from others with the same name."""

    label: str
    path: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class SearchGroup:
    """Things of one kind; `has_more`: there are others that are not shown."""

    title: str
    hits: Sequence[SearchHit]
    has_more: bool


@dataclass(frozen=True, slots=True)
class _Source:
    """Where things of one kind are found; the function gives one more than are shown, if there is one."""

    title: str
    permission: Permission
    find: Callable[[Connection, str], list[SearchHit]]


class SearchPages:
    """The page of results, and the same as a fragment for the dialog."""

    def __init__(self, app: AppContext, pages: TeamPages) -> None:
        self._app = app
        self._pages = pages

    def routes(self) -> list[TeamRoute]:
        return [TeamRoute("GET", "/search", self.show, Permission.ACCOUNT)]

    def show(self, asked: TeamRequest) -> Response:
        query = storable(asked.request.query_params.get("q", ""))[:LONGEST_QUERY].strip()
        groups = list(self._find(asked.user, query)) if query else []
        context = {
            "user": asked.user,
            "page": "search",
            "query": query,
            "groups": groups,
            "count": sum(len(group.hits) for group in groups),
        }
        if asked.is_partial:
            return self._pages.fragment("search_results.html.j2", context)
        return self._pages.respond("search.html.j2", context)

    def _find(self, user: User, query: str) -> Iterator[SearchGroup]:
        with self._app.database.begin() as connection:
            for source in _sources():
                if user.allows(source.permission):
                    yield from _group(source.title, source.find(connection, query))
        yield from _group(_("Pages"), _pages_named(user, query))


def _sources() -> tuple[_Source, ...]:
    return (
        _Source(_("Campaigns"), Permission.CAMPAIGNS_READ, _campaigns),
        _Source(_("Articles"), Permission.ARTICLES_READ, _articles),
        _Source(_("People"), Permission.SUBSCRIBERS_READ, _people),
        _Source(_("Channels"), Permission.CHANNELS_READ, _channels),
    )


def _group(title: str, hits: Sequence[SearchHit]) -> Iterator[SearchGroup]:
    if hits:
        yield SearchGroup(title, hits[:MOST_OF_A_GROUP], len(hits) > MOST_OF_A_GROUP)


def _campaigns(connection: Connection, query: str) -> list[SearchHit]:
    found = searches.campaigns(connection, query, limit=MOST_OF_A_GROUP + 1)
    return _told_apart(
        SearchHit(one.name, f"/app/campaigns/{one.id}", _("number %(id)d") % {"id": one.id}) for one in found
    )


def _articles(connection: Connection, query: str) -> list[SearchHit]:
    found = searches.articles(connection, query, limit=MOST_OF_A_GROUP + 1)
    return _told_apart(SearchHit(one.title, f"/app/articles/{one.id}", one.slug) for one in found)


def _told_apart(hits: Iterable[SearchHit]) -> list[SearchHit]:
    """These hits, with details only of those whose names are the same."""
    found = list(hits)
    names = Counter(one.label for one in found)
    return [one if names[one.label] > 1 else replace(one, detail="") for one in found]


def _people(connection: Connection, query: str) -> list[SearchHit]:
    found = subscribers.search(connection, subscribers.Search(words=query), limit=MOST_OF_A_GROUP + 1)
    return [SearchHit(one.name or one.email, f"/app/people/{one.id}", one.email if one.name else "") for one in found]


def _channels(connection: Connection, query: str) -> list[SearchHit]:
    found = [one for one in channels.all_channels(connection) if query.casefold() in one.name.casefold()]
    return [SearchHit(one.name, f"/app/channels/{quote(one.name, safe='')}", one.kind) for one in found]


def _pages_named(user: User, query: str) -> list[SearchHit]:
    named = [
        *((one.label, one.path) for one in all_items() if user.allows(one.permission)),
        *((one.label, one.path) for one in settings_for(user)),
    ]
    return [SearchHit(label, path) for label, path in named if query.casefold() in label.casefold()]
