"""The list of campaigns."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from gettext import gettext as _
from urllib.parse import urlencode

from starlette.responses import Response

from distributor.domain.campaign import CampaignStage
from distributor.domain.stored_text import storable
from distributor.domain.user import Permission
from distributor.flow.app_context import AppContext
from distributor.flow.publishing.campaign_list import CampaignListPage, list_campaigns
from distributor.storage.campaign_list import CampaignPlace
from distributor.web.forms import number_of
from distributor.web.team.access import TeamRequest, TeamRoute
from distributor.web.team.pages import TeamPages

_LONGEST_QUERY = 200


class CampaignListPages:
    """The list of campaigns, for everyone who may see campaigns."""

    def __init__(self, app: AppContext, pages: TeamPages) -> None:
        self._app = app
        self._pages = pages

    def routes(self) -> list[TeamRoute]:
        return [TeamRoute("GET", "/campaigns", self.show, Permission.CAMPAIGNS_READ)]

    def show(self, asked: TeamRequest) -> Response:
        query = asked.request.query_params
        words = storable(query.get("q", ""))[:_LONGEST_QUERY].strip()
        stage = next((one for one in CampaignStage if one.value == query.get("state")), None)
        by_time = query.get("sort") == "next"
        after = _place_in(query.get("after", ""))
        page = list_campaigns(self._app, stage=stage, words=words, by_time=by_time, after=after)
        kept = {"state": stage.value if stage else "", "q": words, "sort": "next" if by_time else ""}
        context = {
            "user": asked.user,
            "page": "campaigns",
            "list": page,
            "stage": stage,
            "words": words,
            "by_time": by_time,
            "tabs": _tabs(page, kept),
            "current": _path(kept),
            "next_path": _path({**kept, "after": _text_of(page.next)}) if page.next else "",
            "first_path": _path(kept) if after else "",
        }
        return self._pages.respond("campaigns.html.j2", context)


def _tabs(page: CampaignListPage, kept: Mapping[str, str]) -> list[tuple[str, str]]:
    """A tab for each stage that has campaigns, or is looked at, with how many there are."""
    names = {
        CampaignStage.ATTENTION: _("Needs a person"),
        CampaignStage.DRAFT: _("Drafts"),
        CampaignStage.SCHEDULED: _("Scheduled"),
        CampaignStage.RUNNING: _("Sending"),
        CampaignStage.FINISHED: _("Finished"),
        CampaignStage.FAILED: _("Not sent"),
        CampaignStage.CANCELLED: _("Cancelled"),
    }
    shown = [(_("All"), "", sum(page.counts.values()))]
    shown += [(name, stage.value, page.counts[stage]) for stage, name in names.items()]
    return [
        (f"{name} {count:,}", _path({**kept, "state": value}))
        for name, value, count in shown
        if count or value in ("", kept["state"])
    ]


def _path(given: Mapping[str, str]) -> str:
    query = urlencode({name: value for name, value in given.items() if value})
    return f"/app/campaigns?{query}" if query else "/app/campaigns"


def _text_of(place: CampaignPlace | None) -> str:
    if place is None:
        return ""
    return f"{place.next_at.astimezone(UTC):%Y%m%dT%H%M%S.%f}_{place.id}" if place.next_at else f"_{place.id}"


def _place_in(text: str) -> CampaignPlace | None:
    """The place in an address; None for anything else, which is the first page then."""
    time, _underscore, digits = text.partition("_")
    number = number_of(digits)
    if number is None:
        return None
    try:
        next_at = datetime.strptime(time, "%Y%m%dT%H%M%S.%f").replace(tzinfo=UTC) if time else None
    except ValueError:
        return None
    return CampaignPlace(id=number, next_at=next_at)
