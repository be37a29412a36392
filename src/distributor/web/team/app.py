"""The team's app as an ASGI application, mounted at `/app`."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import Receive, Scope, Send

from distributor.flow.app_context import AppContext
from distributor.web.config import WebConfig
from distributor.web.errors import exception_handlers
from distributor.web.forms import Resend
from distributor.web.headers import SecurityHeaders
from distributor.web.team.access import Gate, TeamRoute
from distributor.web.team.account import AccountPages
from distributor.web.team.article_editor import ArticleEditorPages
from distributor.web.team.article_preview import ArticlePreviews
from distributor.web.team.articles import ArticlePages
from distributor.web.team.brand import BrandPages
from distributor.web.team.calendar import CalendarPages
from distributor.web.team.calendar_feed import CalendarFeedPages
from distributor.web.team.campaign import CampaignPages
from distributor.web.team.campaign_preview import CampaignPreviewPages
from distributor.web.team.campaign_review import CampaignReviewPages
from distributor.web.team.campaign_schedule import CampaignSchedulePages
from distributor.web.team.campaign_tests import CampaignTestPages
from distributor.web.team.campaigns import CampaignListPages
from distributor.web.team.channel_dns import ChannelDnsPages
from distributor.web.team.channels import ChannelPages
from distributor.web.team.components import ComponentPages
from distributor.web.team.composer import ComposerPages
from distributor.web.team.deliveries import DeliveryPages
from distributor.web.team.delivery_audit import DeliveryAuditPages
from distributor.web.team.first_run import FirstRunPages
from distributor.web.team.notices import NoticePages
from distributor.web.team.overview import OverviewPages
from distributor.web.team.pages import TEAM_HEADERS, TeamPages
from distributor.web.team.people import PeoplePages
from distributor.web.team.results import ResultPages
from distributor.web.team.search import SearchPages
from distributor.web.team.sign_in import SignInPages
from distributor.web.team.source_addition import SourceAdditionPages
from distributor.web.team.sources import SourcePages
from distributor.web.team.system import SystemPages
from distributor.web.team.tags import TagPages
from distributor.web.team.users import UserPages

_PATH = "/app"
# In bytes: less fits into two packets as it is.
_SMALLEST_COMPRESSED = 2000


class TeamApp:
    """The pages of the team. `declared` are all of its routes with the permission that each needs.

    Raises TemplateError if its style sheet cannot be rendered.
    """

    def __init__(self, app: AppContext, config: WebConfig) -> None:
        self._pages = TeamPages(app)
        self.gate = Gate(app, self._pages)
        previews = ArticlePreviews(app, self._pages)
        self._campaigns = CampaignPages(app, self._pages, self.gate)
        self._feeds = CalendarFeedPages(app, self._pages, self.gate)
        self.declared: tuple[TeamRoute, ...] = (
            *SignInPages(app, self._pages, self.gate, config).routes(),
            *OverviewPages(app, self._pages).routes(),
            *ComponentPages(self._pages).routes(),
            *DeliveryPages(app, self._pages, self.gate).routes(),
            *DeliveryAuditPages(app, self._pages, self.gate).routes(),
            *PeoplePages(app, self._pages, self.gate).routes(),
            *SearchPages(app, self._pages).routes(),
            *ResultPages(app, self._pages, self.gate).routes(),
            *AccountPages(app, self._pages, self.gate).routes(),
            *CalendarPages(app, self._pages, self.gate).routes(),
            *self._feeds.routes(),
            *ArticleEditorPages(app, self._pages, self.gate, previews).routes(),
            *ArticlePages(app, self._pages, self.gate, previews).routes(),
            *TagPages(app, self._pages, self.gate).routes(),
            *SourceAdditionPages(app, self._pages, self.gate).routes(),
            *SourcePages(app, self._pages, self.gate).routes(),
            *CampaignListPages(app, self._pages).routes(),
            *ComposerPages(app, self._pages, self.gate).routes(),
            *self._campaigns.routes(),
            *BrandPages(app, self._pages, self.gate).routes(),
            *CampaignReviewPages(app, self._pages, self.gate).routes(),
            *CampaignSchedulePages(app, self._pages, self.gate).routes(),
            *CampaignTestPages(app, self._pages, self.gate).routes(),
            *CampaignPreviewPages(app, self._pages, self.gate).routes(),
            *ChannelPages(app, self._pages, self.gate).routes(),
            *ChannelDnsPages(app, self._pages, self.gate).routes(),
            *FirstRunPages(app, self._pages, self.gate).routes(),
            *UserPages(app, self._pages, self.gate).routes(),
            *SystemPages(app, self._pages, self.gate).routes(),
            *NoticePages(app, self._pages, self.gate).routes(),
        )
        self._asgi = Starlette(
            routes=self.gate.routes(self.declared),
            middleware=[
                Middleware(SecurityHeaders, headers=TEAM_HEADERS),
                # Streams of events are left as they are.
                Middleware(GZipMiddleware, minimum_size=_SMALLEST_COMPRESSED, compresslevel=5),
            ],
            exception_handlers=exception_handlers(self._pages.error),
        )
        self._asgi.router.redirect_slashes = False

    def close(self) -> None:
        """End the responses that would go on: the server stops. Called in its own loop."""
        self._campaigns.live.close()

    def error_page(
        self,
        request: Request,
        status: int,
        what: str = "",
        headers: Mapping[str, str] | None = None,
        resend: Resend | None = None,
    ) -> Response:
        """The page about an error that happens before a request is here, with the headers of every page."""
        return self._pages.error(request, status, what, {**TEAM_HEADERS, **(headers or {})}, resend)

    def routes(self) -> list[BaseRoute]:
        """What the web application mounts."""
        return [
            *self._pages.routes(),
            *self._feeds.public_routes(),
            Route(_PATH, _Front(self._asgi)),
            Mount(_PATH, app=self._asgi),
        ]


class _Front:
    """`/app` itself, which a mount does not match: to the application it is the path `/`."""

    def __init__(self, asgi: Starlette) -> None:
        self._asgi = asgi

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        root = scope.get("root_path", "")
        scope.update(root_path=root + _PATH, path=f"{root}{_PATH}/")
        await self._asgi(scope, receive, send)
