"""An article as its page shows it, and as each channel would send it by itself: the documents of frames."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from gettext import gettext as _

from starlette.exceptions import HTTPException
from starlette.responses import Response

from distributor.channels.api import ReaderScreen
from distributor.channels.registry import kinds, present
from distributor.domain.article import Article
from distributor.domain.errors import ConfigurationError, InputError, NotFoundError
from distributor.domain.problems import Problem
from distributor.flow.app_context import AppContext
from distributor.flow.publishing.article_checks import article_problems
from distributor.flow.publishing.campaign_content import stored_media
from distributor.flow.publishing.reader_views import images_by_url, views_of_article, with_embedded_images
from distributor.storage import channels
from distributor.storage.channels import ChannelRecord
from distributor.web.forms import number_of
from distributor.web.pages import PageRenderer
from distributor.web.public.article_view import view_of
from distributor.web.team.access import sentence_of
from distributor.web.team.pages import TeamPages

WEB = "web"
# Articles may show images of other servers, as mail programs do.
_ANY_IMAGE = "'self' http: https: data:"
# What the settings of a channel or of the site are to blame for, not the text: the review of a campaign says it.
_NOT_OF_THE_TEXT = frozenset(
    (
        *("credentials-missing", "dkim-unaligned", "link-is-local", "links-not-https", "postal-address-hidden"),
        *("postal-address-missing", "sender-local", "warm-up-slow"),
    )
)
_MESSAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="color-scheme" content="light dark">'
    "<style>body { margin: 24px; font: 16px/1.5 system-ui, sans-serif; }</style><p>%s</p></html>"
)


@dataclass(frozen=True, slots=True)
class PreviewTab:
    """A way to see an article: on its page, or on a channel, whose number is its name."""

    name: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticlePreview:
    """A document for a frame, what is wrong with the article there, and the screen's width, 0 for any."""

    page: str
    problems: Sequence[Problem] = ()
    inbox_subject: str = ""
    inbox_preheader: str = ""
    is_dark: bool = False


def _title_of(record: ChannelRecord) -> str:
    """The name of a channel; that of its kind in words, if the channel is only called as its kind is."""
    is_plain = record.name == record.kind and record.kind in kinds()
    return present(record.kind).title if is_plain else record.name


class ArticlePreviews:
    """Makes the previews. Raises TemplateError if the style sheet of public pages cannot be rendered."""

    def __init__(self, app: AppContext, pages: TeamPages) -> None:
        self._app = app
        self._pages = pages
        self._public = PageRenderer(app)

    def tabs(self) -> list[PreviewTab]:
        """The page of the article, then every channel by its name."""
        with self._app.database.begin() as connection:
            records = channels.all_channels(connection)
        return [PreviewTab(WEB, _("Web page")), *(PreviewTab(str(one.id), _title_of(one)) for one in records)]

    def of(self, article: Article, name: str) -> ArticlePreview:
        """The preview of an article in a tab. Raises HTTPException 404 for a tab that is not there."""
        if name == WEB:
            return ArticlePreview(page=self._web_page(article), problems=list(article_problems([article])))
        record = self._channel(name)
        try:
            shown, problems = views_of_article(self._app, article, record)
        except NotFoundError as error:
            return self.unseen(sentence_of(error))
        except (InputError, ConfigurationError) as error:
            return self.unseen(_("This channel cannot show it yet: %(reason)s") % {"reason": sentence_of(error)})
        screen: ReaderScreen = shown.views[0].screens[0]
        inbox = shown.inbox
        return ArticlePreview(
            page=screen.page,
            problems=[*article_problems([article]), *(one for one in problems if one.code not in _NOT_OF_THE_TEXT)],
            inbox_subject=inbox.subject if inbox else "",
            inbox_preheader=inbox.preheader if inbox else "",
            is_dark=screen.is_dark,
        )

    def unseen(self, sentence: str) -> ArticlePreview:
        """A document that says why there is nothing to see."""
        return ArticlePreview(page=_MESSAGE % html.escape(sentence))

    def respond(self, preview: ArticlePreview) -> Response:
        """The document of a frame, which can run nothing."""
        return self._pages.frame(preview.page, images=_ANY_IMAGE)

    def _channel(self, name: str) -> ChannelRecord:
        channel_id = number_of(name)
        if channel_id is None:
            raise HTTPException(404)
        with self._app.database.begin() as connection:
            found = [one for one in channels.all_channels(connection) if one.id == channel_id]
        if not found:
            raise HTTPException(404)
        return found[0]

    def _web_page(self, article: Article) -> str:
        words = self._public.site_words
        own_words = self._app.templates.words_in(article.language, self._app.site.language)
        reading = view_of(article, self._app.site.public_url, words, own_words)
        with self._app.database.begin() as connection:
            media = stored_media(connection, [article])
        page = self._public.document("article.html.j2", {"reading": reading, "feeds": []}, words)
        return with_embedded_images(page, images_by_url(self._app, [article], media))
