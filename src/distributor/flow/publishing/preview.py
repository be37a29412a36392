"""Preview: a manuscript as each channel renders it, without any server, and a campaign as one subscriber gets it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from distributor.channels.api import (
    Channel,
    InMemoryMedia,
    MessageSize,
    Personalization,
    PersonalizedChannel,
    RenderContext,
)
from distributor.channels.registry import kinds, make_channel
from distributor.domain.address import parse_address
from distributor.domain.article import Article, Manuscript, Media
from distributor.domain.campaign import Campaign, Dispatch
from distributor.domain.errors import InputError, RemovedError
from distributor.domain.merge_fields import BUILT_IN, ReaderFields, attribute_key
from distributor.domain.message_options import MailLayout, MessageOptions
from distributor.domain.problems import Problem
from distributor.domain.rendition import Rendition
from distributor.domain.tags import slugify
from distributor.flow.app_context import AppContext
from distributor.flow.publishing.campaign_content import (
    check_content,
    read_markdown,
    render_dispatch,
)
from distributor.sources.local_images import take_local_images
from distributor.storage import campaigns, channels, dispatches, merge_fields

# A file that was not ingested has no date of its own; the same file must give the same bytes every day.
_UNDATED = datetime(2000, 1, 1, tzinfo=UTC)
_NAMESPACE = uuid.UUID("7e2a4a0e-6f0f-4a5b-9a3c-0d6d5a1f8c11")


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The files of every channel by name, the problems found by channel, the sizes of mails, and warnings."""

    files: Mapping[str, bytes]
    problems: Mapping[str, Sequence[Problem]]
    sizes: Mapping[str, MessageSize]
    warnings: Sequence[str] = ()


def preview(
    manuscript: Manuscript,
    kind_names: Sequence[str],
    context: RenderContext,
    *,
    file: Path | None = None,
    options: MessageOptions | None = None,
    fields: Mapping[str, str] | None = None,
) -> Preview:
    """Render a manuscript on channels of these kinds with their default settings, and the message options if given.

    Images beside `file`, where the manuscript came from, are included as ingestion does. `fields` are the merge
    fields of the reader; without them a sample reader with all fields is used. Raises
    NotFoundError for an unknown kind, InputError for message options that cannot be rendered, and TemplateError for a
    template that cannot be rendered.
    """
    media: Sequence[Media] = ()
    if file is not None:
        manuscript, media = take_local_images(manuscript, file=file, root=file.parent)
    article = imagine_article(manuscript)
    context = replace(
        context,
        media=InMemoryMedia(media),
        personalization=Personalization(parse_markdown=read_markdown, options=options or MessageOptions()),
    )
    files: dict[str, bytes] = {}
    problems: dict[str, Sequence[Problem]] = {}
    sizes: dict[str, MessageSize] = {}
    for name in kind_names:
        channel = make_channel(name, {})
        rendition = channel.render([article], context)
        files.update(_files(channel, rendition, _reader_with(fields)))
        if isinstance(channel, PersonalizedChannel):
            sizes.update(_sizes(name, channel, rendition))
        problems[name] = channel.check(rendition)
    return Preview(files=files, problems=problems, sizes=sizes, warnings=manuscript.warnings)


def preview_campaign(
    app: AppContext, campaign_id: int, *, email: str | None = None, layout: MailLayout | None = None
) -> Preview:
    """A campaign on each of its channels by name: the rendition it is sent in, or else the one it would have now.

    With a `layout` it is the one that it would have now in that layout, on channels that have layouts. It is rendered
    for a sample reader, or as the subscriber with this email address gets it. Files are named
    CHANNEL/FILE. Raises NotFoundError, AddressError, InputError for content that cannot be rendered (for this
    subscriber), and TemplateError.
    """
    files: dict[str, bytes] = {}
    problems: dict[str, Sequence[Problem]] = {}
    sizes: dict[str, MessageSize] = {}
    with app.database.begin() as connection:
        campaign = campaigns.find(connection, campaign_id)
        planned = dispatches.of_campaign(connection, campaign_id)
    for dispatch in planned:
        name = dispatch.channel_name
        channel, rendition, problems[name] = _rendered(app, campaign, dispatch, layout)
        reader = None
        if isinstance(channel, PersonalizedChannel):
            sizes.update(_sizes(name, channel, rendition))
            if email is not None:
                needs = channel.merge_fields_of(rendition)
                with app.database.begin() as connection:
                    reader = merge_fields.reader_fields_of(connection, parse_address(email).key, needs.fields)
        files.update({f"{name}/{file}": body for file, body in _files(channel, rendition, reader).items()})
    return Preview(files=files, problems=problems, sizes=sizes)


def _rendered(
    app: AppContext, campaign: Campaign, dispatch: Dispatch, layout: MailLayout | None
) -> tuple[Channel, Rendition, Sequence[Problem]]:
    """The channel, the frozen rendition or the one it would have now, and the problems in it."""
    if dispatch.prepared_at is None or layout is not None:
        rendered = render_dispatch(app, campaign, dispatch, layout=layout)
        return rendered.channel, rendered.rendition, rendered.problems
    with app.database.begin() as connection:
        channel = app.open_channel(channels.find_by_id(connection, dispatch.channel_id))
        rendition = dispatches.rendition_of(connection, dispatch.id)
        checked = check_content(connection, channel, rendition, campaign, now=app.clock())
    return channel, rendition, checked.problems


def measure_campaign(app: AppContext, campaign_id: int) -> Mapping[str, MessageSize]:
    """The sizes of the mails of a campaign by channel name, for channels that are reviewed or prepared.

    A channel of a kind that is not installed has no size.
    """
    sizes: dict[str, MessageSize] = {}
    with app.database.begin() as connection:
        for dispatch in dispatches.of_campaign(connection, campaign_id):
            kind = kinds().get(dispatch.kind)
            if dispatch.rendition_id is None or kind is None or not issubclass(kind, PersonalizedChannel):
                continue
            # The settings may have changed, even to invalid ones; the size of a mail does not depend on them.
            channel = make_channel(dispatch.kind, {})
            assert isinstance(channel, PersonalizedChannel), "its kind is"  # noqa: S101
            with suppress(RemovedError):
                rendition = dispatches.rendition_of(connection, dispatch.id)
                sizes.update(_sizes(dispatch.channel_name, channel, rendition))
    return sizes


def _reader_with(fields: Mapping[str, str] | None) -> ReaderFields | None:
    if fields is None:
        return None
    keys = {name: name if name in BUILT_IN else attribute_key(name.split(".")) for name in fields}
    email = fields.get("email", "reader@example.org")
    return ReaderFields(email=email, fields={keys[name]: value for name, value in fields.items()})


def _files(channel: Channel, rendition: Rendition, reader: ReaderFields | None) -> Mapping[str, bytes]:
    if reader is None or not isinstance(channel, PersonalizedChannel):
        return channel.files(rendition)
    return channel.files_for(rendition, reader)


def _sizes(name: str, channel: PersonalizedChannel, rendition: Rendition) -> Mapping[str, MessageSize]:
    """The size by name; empty for a message that cannot be composed, which the check reports."""
    try:
        return {name: channel.measure(rendition)}
    except InputError:
        return {}


def imagine_article(manuscript: Manuscript) -> Article:
    """The article that this manuscript would become, with a GUID derived from its slug."""
    slug = manuscript.slug or slugify(manuscript.title)
    published_at = manuscript.published_at or _UNDATED
    return Article(
        guid=f"urn:uuid:{uuid.uuid5(_NAMESPACE, slug)}",
        slug=slug,
        revision=1,
        title=manuscript.title,
        body=manuscript.body,
        tags=manuscript.tags,
        summary=manuscript.summary,
        author=manuscript.author,
        language=manuscript.language,
        image=manuscript.image,
        published_at=published_at,
        updated_at=published_at,
    )
