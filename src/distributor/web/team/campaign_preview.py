"""The preview of a campaign: what it says on each of its channels, as its readers see it."""

from __future__ import annotations

from gettext import gettext as _
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.responses import Response

from distributor.channels.api import Audience, ReaderView
from distributor.channels.registry import kind_of
from distributor.domain.campaign import Campaign, CampaignPurpose, Dispatch
from distributor.domain.errors import ConfigurationError, InputError, NotFoundError, PermissionDeniedError, RemovedError
from distributor.domain.user import Permission
from distributor.flow.app_context import AppContext
from distributor.flow.publishing.reader_views import DispatchViews, dispatch_on, views_of_dispatch
from distributor.storage import campaigns, dispatches, subscribers
from distributor.storage.subscribers import Search
from distributor.web.forms import number_of
from distributor.web.team.access import Gate, TeamRequest, TeamRoute, sentence_of
from distributor.web.team.pages import TeamPages

_FOUND_READERS = 8
# Articles may show images of other servers, as mail programs do.
_ANY_IMAGE = "'self' http: https: data:"


class CampaignPreviewPages:
    """A page for each channel of a campaign, and the documents in its frames. Seeing it changes nothing."""

    def __init__(self, app: AppContext, pages: TeamPages, gate: Gate) -> None:
        self._app = app
        self._pages = pages
        self._gate = gate

    def routes(self) -> list[TeamRoute]:
        read = Permission.CAMPAIGNS_READ
        channel = "/campaigns/{campaign_id}/preview/{channel_id}"
        return [
            TeamRoute("GET", "/campaigns/{campaign_id}/preview", self.show_first, read),
            TeamRoute("GET", channel, self.show, read),
            TeamRoute("GET", f"{channel}/{{view}}/{{screen}}", self.show_screen, read),
        ]

    def show_first(self, asked: TeamRequest) -> Response:
        """The first channel that is read as a whole, or else that there is none yet."""
        campaign_id = asked.number("campaign_id")
        with self._app.database.begin() as connection:
            campaign = _shown(campaigns.find(connection, campaign_id))
            planned = dispatches.of_campaign(connection, campaign_id)
        if planned:
            return self._gate.redirect(f"/app/campaigns/{campaign_id}/preview/{planned[0].channel_id}")
        return self._pages.respond("campaign_preview.html.j2", self._context(asked, campaign, []))

    def show(self, asked: TeamRequest) -> Response:
        """One channel: the views as tabs, the chosen one below."""
        with self._app.database.begin() as connection:
            campaign, dispatch = dispatch_on(connection, asked.number("campaign_id"), asked.number("channel_id"))
            planned = dispatches.of_campaign(connection, _shown(campaign).id)
        reader_id = _reader_id(asked)
        context = self._context(asked, campaign, planned) | {
            "dispatch": dispatch,
            "is_personal": kind_of(dispatch.kind).capabilities.audience is Audience.SUBSCRIBERS,
            "found": self._find_readers(asked),
        }
        try:
            views = views_of_dispatch(self._app, campaign, dispatch, subscriber_id=reader_id)
        except RemovedError as error:
            return self._unseen(context, error, "removed")
        except NotFoundError as error:
            return self._unseen(context, error, "not-found")
        except (InputError, ConfigurationError) as error:
            return self._unseen(context, error, "reader" if reader_id else "content")
        view = _view_of(views, asked.request.query_params.get("view", ""))
        return self._pages.respond("campaign_preview.html.j2", context | _view_context(views, view))

    def show_screen(self, asked: TeamRequest) -> Response:
        """The document of a frame, which can run nothing."""
        with self._app.database.begin() as connection:
            campaign, dispatch = dispatch_on(connection, asked.number("campaign_id"), asked.number("channel_id"))
        views = views_of_dispatch(self._app, _shown(campaign), dispatch, subscriber_id=_reader_id(asked))
        params = asked.request.path_params
        for view in views.shown.views:
            for screen in view.screens:
                if (view.name, screen.name) == (params["view"], params["screen"]):
                    return self._pages.frame(screen.page, images=_ANY_IMAGE if screen.has_images else "'none'")
        raise HTTPException(404)

    def _context(self, asked: TeamRequest, campaign: Campaign, planned: list[Dispatch]) -> dict[str, object]:
        may_choose = asked.user.allows(Permission.SUBSCRIBERS_READ)
        return {
            "user": asked.user,
            "page": "campaigns",
            "campaign": campaign,
            "planned": planned,
            "campaign_title": campaign.name or _("Campaign %(number)s") % {"number": campaign.id},
            "channel_tabs": [
                (one.channel_name, f"/app/campaigns/{campaign.id}/preview/{one.channel_id}") for one in planned
            ],
            "views": None,
            "view": None,
            "error": "",
            "may_choose_reader": may_choose,
            "words": asked.request.query_params.get("find", "").strip()[:200] if may_choose else "",
        }

    def _unseen(self, context: dict[str, object], error: Exception, why: str) -> Response:
        sentence = {
            "not-found": _("There is no such subscriber any more, so the preview cannot be shown as them."),
            "removed": _("This mail is not kept any more: its retention time has passed. Its totals and results stay."),
            "reader": _("This subscriber cannot get the mail: %(reason)s"),
            "content": _("This channel cannot be shown yet: %(reason)s"),
        }[why]
        status = 410 if why == "removed" else 422
        problem = sentence % {"reason": sentence_of(error)} if "%(" in sentence else sentence
        return self._pages.respond("campaign_preview.html.j2", context | {"error": problem}, status=status)

    def _find_readers(self, asked: TeamRequest) -> list[dict[str, object]]:
        """Subscribers whose address or name begins with the words that were searched for."""
        words = asked.request.query_params.get("find", "").strip()[:200]
        if not words or not asked.user.allows(Permission.SUBSCRIBERS_READ):
            return []
        with self._app.database.begin() as connection:
            people = subscribers.search(connection, Search(words=words), limit=_FOUND_READERS)
        return [{"id": one.id, "email": one.email, "name": one.name} for one in people]


def _view_context(views: DispatchViews, chosen: ReaderView) -> dict[str, object]:
    reader = {"reader": views.reader.id} if views.reader else {}
    here = f"/app/campaigns/{views.dispatch.campaign_id}/preview/{views.dispatch.channel_id}"
    paths = {one.name: f"{here}?{urlencode({'view': one.name, **reader})}" for one in views.shown.views}
    return {
        "views": views,
        "view": chosen,
        "view_tabs": [(one.title, paths[one.name]) for one in views.shown.views],
        "view_path": paths[chosen.name],
        "reader_query": f"?{urlencode(reader)}" if reader else "",
    }


def _shown(campaign: Campaign) -> Campaign:
    """A campaign that people make; others, such as those of single mails to users, have no such page."""
    if campaign.purpose is not CampaignPurpose.ARTICLES:
        raise HTTPException(404)
    return campaign


def _reader_id(asked: TeamRequest) -> int | None:
    """The subscriber to look as; only those who may see subscribers choose one."""
    text = asked.request.query_params.get("reader", "")
    if not text:
        return None
    if not asked.user.allows(Permission.SUBSCRIBERS_READ):
        raise PermissionDeniedError(_("your role does not see subscribers, so it cannot look as one of them"))
    number = number_of(text)
    if number is None:
        raise HTTPException(404)
    return number


def _view_of(views: DispatchViews, name: str) -> ReaderView:
    return next((one for one in views.shown.views if one.name == name), views.shown.views[0])
