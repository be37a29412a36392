"""What readers see of a campaign on one of its channels: the rendition that is sent, or the one it would have now."""

from __future__ import annotations

import html
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from distributor.channels.api import (
    Channel,
    MediaStore,
    Personalization,
    PersonalizedChannel,
    ReaderScreen,
    ReaderView,
    ReaderViews,
    RenderContext,
    ViewedChannel,
)
from distributor.domain.article import Article
from distributor.domain.campaign import Campaign, Dispatch
from distributor.domain.errors import InputError, NotFoundError
from distributor.domain.merge_fields import ReaderFields
from distributor.domain.problems import Problem
from distributor.domain.rendition import Rendition
from distributor.domain.subscriber import Subscriber
from distributor.flow.app_context import AppContext
from distributor.flow.publishing.campaign_content import load_content, read_markdown, render_content, stored_media
from distributor.storage import campaigns, channels, dispatches, merge_fields, subscribers
from distributor.storage.channels import ChannelRecord
from distributor.storage.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchViews:
    """What the readers of a dispatch see.

    `is_frozen` says that this is what is sent; before, an edit still changes it. `reader` is the subscriber who sees
    it so, None for an invented one or where all see the same. `digest` is the hash of the rendition.
    """

    dispatch: Dispatch
    is_personal: bool
    is_frozen: bool
    digest: str
    reader: Subscriber | None
    shown: ReaderViews


def views_of_dispatch(
    app: AppContext, campaign: Campaign, dispatch: Dispatch, *, subscriber_id: int | None = None
) -> DispatchViews:
    """The views of a dispatch, as a subscriber sees them if one is named; stored images are part of the pages.

    Raises NotFoundError for an unknown subscriber or a kind that is not installed, InputError and TemplateError for
    content that cannot be rendered (for this subscriber), and ConfigurationError.
    """
    with app.database.begin() as connection:
        record = channels.find_by_id(connection, dispatch.channel_id)
        content = load_content(connection, campaign, record.name, now=app.clock())
        frozen = dispatches.rendition_of(connection, dispatch.id) if dispatch.prepared_at else None
    channel = app.open_channel(record)
    rendition = frozen or render_content(app, channel, campaign, content, discovered_limits=record.discovered_limits)
    with app.database.begin() as connection:
        person, reader = _reader_of(connection, channel, rendition, subscriber_id)
    shown = _views_of(channel, rendition, reader, content.media)
    return DispatchViews(
        dispatch=dispatch,
        is_personal=isinstance(channel, PersonalizedChannel),
        is_frozen=frozen is not None,
        digest=rendition.digest,
        reader=person,
        shown=_with_stored_images(shown, images_by_url(app, content.articles, content.media)),
    )


def views_of_article(app: AppContext, article: Article, record: ChannelRecord) -> tuple[ReaderViews, list[Problem]]:
    """The views of an article by itself on a channel as it is configured, and the problems that the channel finds.

    Raises NotFoundError for a kind that is not installed, InputError, TemplateError and ConfigurationError for what
    cannot be rendered.
    """
    with app.database.begin() as connection:
        media = stored_media(connection, [article])
    channel = app.open_channel(record)
    context = RenderContext(
        site=app.site,
        templates=app.templates,
        discovered_limits=record.discovered_limits,
        media=media,
        personalization=Personalization(parse_markdown=read_markdown),
    )
    rendition = channel.render([article], context)
    shown = _views_of(channel, rendition, None, media)
    return _with_stored_images(shown, images_by_url(app, [article], media)), list(channel.check(rendition))


def dispatch_on(connection: Connection, campaign_id: int, channel_id: int) -> tuple[Campaign, Dispatch]:
    """A campaign and its dispatch on this channel. Raises NotFoundError."""
    campaign = campaigns.find(connection, campaign_id)
    for one in dispatches.of_campaign(connection, campaign_id):
        if one.channel_id == channel_id:
            return campaign, one
    raise NotFoundError(f"channel of campaign {campaign_id}", channel_id)


def _reader_of(
    connection: Connection, channel: Channel, rendition: Rendition, subscriber_id: int | None
) -> tuple[Subscriber | None, ReaderFields | None]:
    if subscriber_id is None or not isinstance(channel, PersonalizedChannel):
        return None, None
    person = subscribers.find_by_id(connection, subscriber_id)
    needs = channel.merge_fields_of(rendition)
    return person, merge_fields.reader_fields_of(connection, person.key, needs.fields)


def _views_of(channel: Channel, rendition: Rendition, reader: ReaderFields | None, media: MediaStore) -> ReaderViews:
    """The views of the channel, or else its preview and its files."""
    if isinstance(channel, ViewedChannel):
        try:
            return channel.views_of(rendition, reader, media)
        except KeyError as error:
            raise InputError(f"it was rendered by another version, without {error}: it cannot be shown") from error
    screen = ReaderScreen(name="page", title=rendition.kind, page=channel.preview(rendition, media))
    files = (
        ReaderView(name=f"file-{number}", title=name, text=body.decode("utf-8", "replace"))
        for number, (name, body) in enumerate(channel.files(rendition).items(), 1)
    )
    return ReaderViews(views=(ReaderView(name="page", title=rendition.kind, screens=(screen,)), *files))


def images_by_url(app: AppContext, found: Sequence[Article], media: MediaStore) -> Mapping[str, str]:
    """The stored images of the articles as data URLs, by their URLs in renditions: they may not be public yet."""
    return {
        app.site.absolute_url(source): f"data:{file.media_type};base64,{b64encode(file.body).decode()}"
        for source in _sources(found)
        if (file := media.open(source)) is not None
    }


def _sources(found: Iterable[Article]) -> list[str]:
    return sorted({image.src for one in found for image in one.images})


def _with_stored_images(shown: ReaderViews, images: Mapping[str, str]) -> ReaderViews:
    return replace(
        shown,
        views=tuple(
            replace(
                view, screens=tuple(replace(one, page=with_embedded_images(one.page, images)) for one in view.screens)
            )
            for view in shown.views
        ),
    )


def with_embedded_images(page: str, images: Mapping[str, str]) -> str:
    """The page with data URLs in place of these URLs of images."""
    for url, data in images.items():
        page = page.replace(f'src="{html.escape(url)}"', f'src="{data}"')
    return page
