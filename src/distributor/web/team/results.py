"""What came of campaigns: numbers with how certain they are, the same on the page and in the file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from gettext import gettext as _

from starlette.responses import Response

from distributor.domain.event import EventKind
from distributor.domain.tags import slugify
from distributor.domain.user import Permission
from distributor.flow.app_context import AppContext
from distributor.flow.publishing.results import (
    FEWEST_OF_TAG,
    MEASURES,
    OVERVIEW_COLUMNS,
    RESULT_COLUMNS,
    ClickPoint,
    overview_rows,
    result_rows,
    results_of,
    results_overview,
)
from distributor.importers.values import escape_formula
from distributor.web.team.access import Gate, TeamRequest, TeamRoute
from distributor.web.team.pages import TeamPages

_PER_PAGE = 50
# Hours after the release of which the table beside the chart tells.
_TOLD = (1, 2, 3, 6, 12, 24, 48, 72)


class ResultPages:
    """Pages that only show; they name no person."""

    def __init__(self, app: AppContext, pages: TeamPages, gate: Gate) -> None:
        self._app = app
        self._pages = pages
        self._gate = gate

    def routes(self) -> list[TeamRoute]:
        read = Permission.CAMPAIGNS_READ
        return [
            TeamRoute("GET", "/results", self.show_all, read),
            TeamRoute("GET", "/results.csv", self.download_all, read),
            TeamRoute("GET", "/campaigns/{campaign_id}/results", self.show, read),
            TeamRoute("GET", "/campaigns/{campaign_id}/results.csv", self.download, read),
        ]

    def show_all(self, asked: TeamRequest) -> Response:
        before = asked.before()
        found = results_overview(self._app, before_id=before, limit=_PER_PAGE)
        context = {
            "user": asked.user,
            "page": "results",
            "found": found,
            "fewest_of_tag": FEWEST_OF_TAG,
            "kinds": EventKind,
            "csv_path": f"/app/results.csv?before={before}" if before else "/app/results.csv",
            "next_path": f"/app/results?before={found.next_id}" if found.next_id else "",
            "back_path": "/app/results" if before else "",
        }
        return self._pages.respond("results.html.j2", context)

    def show(self, asked: TeamRequest) -> Response:
        found = results_of(self._app, asked.number("campaign_id"))
        context = {
            "user": asked.user,
            "page": "campaigns",
            "found": found,
            "measures": MEASURES,
            "kinds": EventKind,
            "chart": chart_of(found.clicks_over_time),
            "told": [one for one in found.clicks_over_time if one.hours in _TOLD],
        }
        return self._pages.respond("campaign_results.html.j2", context)

    def download_all(self, asked: TeamRequest) -> Response:
        before = asked.before()
        found = results_overview(self._app, before_id=before, limit=_PER_PAGE)
        name = f"results-before-{before}" if before else "results"
        return _file(name, OVERVIEW_COLUMNS, overview_rows(found))

    def download(self, asked: TeamRequest) -> Response:
        found = results_of(self._app, asked.number("campaign_id"))
        name = f"results-{found.campaign.id}-{slugify(found.campaign.name)[:40] or 'campaign'}"
        return _file(name, RESULT_COLUMNS, result_rows(found))


def _file(name: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Response:
    """A CSV file in which no cell is taken for a formula."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([escape_formula(cell) for cell in row])
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """The clicks over time as lines in a drawing: points of `people` and of `all`, and the marks of both axes.

    Marks are pairs of a place and a word.
    """

    width: int
    height: int
    left: int
    people: str
    all: str
    hours: Sequence[tuple[float, str]]
    counts: Sequence[tuple[float, str]]


_WIDTH, _HEIGHT = 640, 220
_LEFT, _TOP, _BOTTOM, _RIGHT = 64, 12, 28, 32


def chart_of(points: Sequence[ClickPoint]) -> Chart | None:
    """The drawing; None while nobody has clicked."""
    highest = max((one.all for one in points), default=0)
    if not highest:
        return None
    last = points[-1].hours
    top = _round_up(highest)

    def x(hours: float) -> float:
        return round(_LEFT + (_WIDTH - _LEFT - _RIGHT) * hours / last, 1)

    def y(count: float) -> float:
        return round(_HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * count / top, 1)

    step = next(one for one in (1, 2, 3, 6, 12, 24) if last / one <= 6)
    return Chart(
        width=_WIDTH,
        height=_HEIGHT,
        left=_LEFT,
        people=" ".join(f"{x(one.hours)},{y(one.people)}" for one in points),
        all=" ".join(f"{x(one.hours)},{y(one.all)}" for one in points),
        hours=[(x(hours), _("%(hours)s h") % {"hours": hours}) for hours in range(0, last + 1, step)],
        counts=[(y(count), f"{count:,}") for count in sorted({0, top // 2, top})],
    )


def _round_up(number: int) -> int:
    """The next number that reads well: 1, 2, 4, 5 or 10 times a power of ten."""
    power: int = 10 ** (len(str(number)) - 1)
    return next(factor * power for factor in (1, 2, 4, 5, 10) if factor * power >= number)
