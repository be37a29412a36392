"""Preview: what channels would say about a manuscript, without any server, and what a campaign says to somebody."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from distributor.channels.api import Channel, Coverable, Covering, RenderContext, Weight
from distributor.channels.registry import kind_of, make_channel
from distributor.domain.address import parse_address
from distributor.domain.article import Article, Manuscript
from distributor.domain.errors import InputError
from distributor.domain.merge_fields import BUILT_IN, Reader, attribute_key
from distributor.domain.message_options import Cover
from distributor.domain.problems import Problem
from distributor.domain.rendition import Rendition
from distributor.domain.tags import slugify
from distributor.flow.app_context import Installation
from distributor.flow.publishing.campaign_content import check, gather, read_passage, say
from distributor.storage import campaigns, channels, dispatches, merge_fields

# An article that has not been brought in has no date of its own; the same file must give the same bytes every day.
_UNDATED = datetime(2000, 1, 1, tzinfo=UTC)
_NAMESPACE = uuid.UUID("7e2a4a0e-6f0f-4a5b-9a3c-0d6d5a1f8c11")


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The files of every channel by name, what the checks found by kind, and how large mails are."""

    files: Mapping[str, bytes]
    problems: Mapping[str, Sequence[Problem]]
    weights: Mapping[str, Weight]


def preview(
    manuscript: Manuscript,
    kind_names: Sequence[str],
    context: RenderContext,
    *,
    cover: Cover | None = None,
    fields: Mapping[str, str] | None = None,
) -> Preview:
    """Render a manuscript on channels of these kinds with their default settings, and a cover where that is possible.

    `fields` are what is known of the reader by the names of fields; without them it is an imagined one, of whom
    everything is known. Raises NotFoundError for an unknown kind, InputError for a cover that cannot be said, and
    TemplateError for a template that cannot be rendered.
    """
    article = imagine_article(manuscript)
    context = replace(context, covering=Covering(read=read_passage, cover=cover or Cover()))
    files: dict[str, bytes] = {}
    problems: dict[str, Sequence[Problem]] = {}
    weights: dict[str, Weight] = {}
    for name in kind_names:
        channel = make_channel(name, {})
        rendition = channel.render([article], context)
        files.update(_files(channel, rendition, _reader_with(fields)))
        if isinstance(channel, Coverable):
            weights.update(_weight(name, channel, rendition))
        problems[name] = channel.check(rendition)
    return Preview(files=files, problems=problems, weights=weights)


def preview_campaign(installation: Installation, campaign_id: int, *, address: str | None = None) -> Preview:
    """What a campaign says on each of its channels, by their names: what is frozen, else what it would say now.

    To whom it may concern, or as the subscriber with this address gets it. Files are named CHANNEL/FILE. Raises
    NotFoundError, AddressError, InputError for what cannot be said (to this subscriber), and TemplateError.
    """
    files: dict[str, bytes] = {}
    problems: dict[str, Sequence[Problem]] = {}
    weights: dict[str, Weight] = {}
    with installation.database.begin() as connection:
        campaign = campaigns.find(connection, campaign_id)
        matter = gather(connection, campaign)
        for dispatch in dispatches.of_campaign(connection, campaign_id):
            name, record = dispatch.channel_name, channels.find_by_id(connection, dispatch.channel_id)
            channel = installation.open_channel(record)
            if dispatch.rendition_id is not None:
                rendition = dispatches.rendition_of(connection, dispatch.id)
            else:
                rendition = say(installation, channel, campaign, matter, facts=record.facts)
            problems[name] = check(connection, channel, rendition, campaign, now=installation.clock())
            reader = None
            if isinstance(channel, Coverable):
                weights.update(_weight(name, channel, rendition))
                if address is not None:
                    needs = channel.needs_of(rendition)
                    reader = merge_fields.reader_of(connection, parse_address(address).key, needs.fields)
            files.update({f"{name}/{file}": body for file, body in _files(channel, rendition, reader).items()})
    return Preview(files=files, problems=problems, weights=weights)


def weigh_campaign(installation: Installation, campaign_id: int) -> Mapping[str, Weight]:
    """How large the mails of a campaign are, by the names of its channels, as far as they are rendered."""
    weights: dict[str, Weight] = {}
    with installation.database.begin() as connection:
        for dispatch in dispatches.of_campaign(connection, campaign_id):
            if dispatch.rendition_id is None or not issubclass(kind_of(dispatch.kind), Coverable):
                continue
            # The settings may be others by now, and wrong: how large a mail is does not depend on them.
            channel = make_channel(dispatch.kind, {})
            assert isinstance(channel, Coverable), "its kind is"  # noqa: S101
            weights.update(_weight(dispatch.channel_name, channel, dispatches.rendition_of(connection, dispatch.id)))
    return weights


def _reader_with(fields: Mapping[str, str] | None) -> Reader | None:
    if fields is None:
        return None
    keys = {name: name if name in BUILT_IN else attribute_key(name.split(".")) for name in fields}
    address = fields.get("email", "reader@example.org")
    return Reader(address=address, fields={keys[name]: value for name, value in fields.items()})


def _files(channel: Channel, rendition: Rendition, reader: Reader | None) -> Mapping[str, bytes]:
    if reader is None or not isinstance(channel, Coverable):
        return channel.files(rendition)
    return channel.files_for(rendition, reader)


def _weight(name: str, channel: Coverable, rendition: Rendition) -> Mapping[str, Weight]:
    """Nothing for what cannot be composed: the check says so."""
    try:
        return {name: channel.weigh(rendition)}
    except InputError:
        return {}


def imagine_article(manuscript: Manuscript) -> Article:
    """The article that this manuscript would become, with an identity made from its title."""
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
