"""The content of a campaign on one of its channels. Rendering freezes it, and a preview shows it."""

from __future__ import annotations

import asyncio
import difflib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from gettext import gettext as _
from itertools import combinations

import httpx

from distributor.channels.api import (
    Audience,
    Channel,
    CheckedChannel,
    DiscoveringChannel,
    InMemoryMedia,
    MediaStore,
    Personalization,
    PersonalizedChannel,
    RenderContext,
    TrackingOptions,
)
from distributor.domain.article import Article, ArticleStatus
from distributor.domain.blocks import Block
from distributor.domain.campaign import Campaign, Dispatch
from distributor.domain.campaign_review import called, some_of
from distributor.domain.errors import InputError, NotFoundError, ServiceError, SourceError
from distributor.domain.merge_fields import FieldGroup, attribute_path, field_label
from distributor.domain.message_options import MailLayout, MessageOptions
from distributor.domain.problems import CheckResult, Problem, Severity
from distributor.domain.rendition import Json, Rendition
from distributor.domain.subscriber import MailingList
from distributor.flow.app_context import AppContext
from distributor.flow.publishing.article_control import status_in_campaign
from distributor.sources.decoding import normalize_text
from distributor.sources.markdown import parse
from distributor.storage import articles, audiences, campaigns, channels, dispatches, lists, merge_fields
from distributor.storage.articles import StoredArticle
from distributor.storage.audiences import AudienceQuery
from distributor.storage.channels import ChannelRecord
from distributor.storage.database import Connection

DISCOVERED_LIMITS_MAX_AGE = timedelta(days=1)
# The code of a warning that becomes a blocking problem when the campaign is to be sent.
MISSING_FIELD = "field-missing"

# So many fields may be present or missing in 64 combinations.
_MAX_COMBINED_FIELDS = 6
# The parser expects a title and tags, which a greeting does not have.
_FRONT = "---\ntitle: '-'\ntags: []\n---\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignContent:
    """What a campaign sends: articles with their images, the texts around them, the list it is sent for."""

    articles: tuple[Article, ...]
    list: MailingList | None
    personalization: Personalization
    media: MediaStore


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedDispatch:
    """The rendition of a dispatch on its channel as configured now, and what its checks found, blocking ones first.

    `revisions` are those of the articles in it, by slug.
    """

    channel: Channel
    rendition: Rendition
    revisions: Mapping[str, int]
    checked: CheckResult

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with it."""
        return self.checked.problems


def render_dispatch(
    app: AppContext, campaign: Campaign, dispatch: Dispatch, *, layout: MailLayout | None = None
) -> RenderedDispatch:
    """Render and check what the dispatch would send now; stores nothing but the limits of the remote API.

    A `layout` takes the place of the one that the campaign has.

    Raises NotFoundError for a kind that is not installed, InputError, TemplateError and ConfigurationError for what
    cannot be rendered, and ServiceError if PostgreSQL is away.
    """
    with app.database.begin() as connection:
        record = channels.find_by_id(connection, dispatch.channel_id)
        content = load_content(connection, campaign, record.name, now=app.clock())
    if layout is not None:
        words = content.personalization
        words = replace(words, options=replace(words.options, layout=layout))
        content = replace(content, personalization=words)
    channel = app.open_channel(record)
    discovered_limits = _discovered_limits(app, channel, record)
    rendition = render_content(app, channel, campaign, content, discovered_limits=discovered_limits)
    with app.database.begin() as connection:
        checked = check_content(connection, channel, rendition, campaign, now=app.clock())
    revisions = {one.slug: one.revision for one in content.articles}
    return RenderedDispatch(channel=channel, rendition=rendition, revisions=revisions, checked=checked)


def load_content(connection: Connection, campaign: Campaign, channel_name: str, *, now: datetime) -> CampaignContent:
    """The current content of a campaign on the channel of this name, with its articles dated as its release does."""
    start = dispatches.start_of_campaign(connection, campaign.id) or now
    found = tuple(
        _dated(one, status_in_campaign(one, start=start, now=now))
        for one in articles.find_many(connection, campaign.article_ids)
    )
    return CampaignContent(
        articles=found,
        list=_list_of(connection, campaign),
        personalization=Personalization(
            parse_markdown=read_markdown,
            options=campaigns.message_options_of(connection, campaign.id, channel_name=channel_name),
            campaign=campaign.name,
        ),
        media=stored_media(connection, found),
    )


def render_content(
    app: AppContext,
    channel: Channel,
    campaign: Campaign,
    content: CampaignContent,
    *,
    discovered_limits: Mapping[str, Json],
    test_of: int | None = None,
    embeds_images: bool = False,
) -> Rendition:
    """The rendition on a channel; `test_of` and `embeds_images` as in RenderContext.

    Raises InputError and TemplateError for content that cannot be rendered.
    """
    context = RenderContext(
        site=app.site,
        templates=app.templates,
        list=content.list,
        tracking=TrackingOptions(opens=campaign.track_opens, clicks=campaign.track_clicks),
        discovered_limits=discovered_limits,
        media=content.media,
        personalization=content.personalization,
        test_of=test_of,
        embeds_images=embeds_images,
    )
    return channel.render(content.articles, context)


def check_content(
    connection: Connection, channel: Channel, rendition: Rendition, campaign: Campaign, *, now: datetime
) -> CheckResult:
    """What the channel finds, who got it already, unknown merge fields and missing ones; blocking problems first."""
    found = _checked_by(channel, rendition)
    if channel.capabilities.audience is Audience.BROADCAST:
        new = _("None of these accounts and feeds got it before.")
        return CheckResult.of([(new, _about_repetition(connection, channel, rendition, campaign))]) + found
    if not isinstance(channel, PersonalizedChannel) or any(one.severity is Severity.BLOCK for one in found.problems):
        return found
    needs = channel.merge_fields_of(rendition)
    if not needs.fields:
        return found
    known = CheckResult.of(
        [(_("Subscribers have the fields that the text uses."), _about_fields(connection, needs.fields))]
    )
    if known.problems:
        return known + found
    lacking = count_missing_fields(
        channel, rendition, audiences.field_groups(connection, audience_query_of(connection, campaign), needs, now=now)
    )
    lack = (_about_lack(key, count) for key, count in lacking.most_common())
    return found + known + CheckResult.of([(_("Nobody in the audience lacks a field that the text needs."), lack)])


def _checked_by(channel: Channel, rendition: Rendition) -> CheckResult:
    """What the channel finds; one that does not tell what it checked may have checked anything."""
    if isinstance(channel, CheckedChannel):
        return channel.check_all(rendition)
    return CheckResult(problems=tuple(channel.check(rendition)))


def audience_query_of(connection: Connection, campaign: Campaign) -> AudienceQuery:
    """The query for the audience of a campaign."""
    return audience_query(campaign, articles.tags_of(connection, campaign.article_ids))


def audience_query(campaign: Campaign, tags: Mapping[int, Set[str]]) -> AudienceQuery:
    """The same from the slugs of the tags of each article that has any."""
    return AudienceQuery(
        plan=campaign.audience,
        article_ids=campaign.article_ids,
        tag_slugs=tuple(sorted(set().union(*(tags.get(number, ()) for number in campaign.article_ids)))),
        campaign_id=campaign.id,
    )


def count_missing_fields(
    channel: PersonalizedChannel, rendition: Rendition, people: Iterable[FieldGroup]
) -> Counter[str]:
    """How many of these subscribers lack each field that their message needs. `people` is not read if none can."""
    lacking: Counter[str] = Counter()
    if _needs_no_field(channel, rendition):
        return lacking
    for one in people:
        missing = channel.missing_field_for(rendition, one)
        if missing is not None:
            lacking[missing] += one.count
    return lacking


def _needs_no_field(channel: PersonalizedChannel, rendition: Rendition) -> bool:
    """Whether it can be sent to every subscriber, whatever fields they have: tries all combinations if they are few."""
    needs = channel.merge_fields_of(rendition)
    others = needs.fields.difference({"email"})
    if needs.decisive or len(others) > _MAX_COMBINED_FIELDS:
        return False
    held = (frozenset(some) | {"email"} for size in range(len(others) + 1) for some in combinations(others, size))
    return all(channel.missing_field_for(rendition, FieldGroup(count=0, held=one, values={})) is None for one in held)


def check_channel_options(name: str, channel: Channel, own: MessageOptions) -> None:
    """Raises InputError for options of a channel by itself that its kind does not use."""
    used = channel.capabilities.message_options
    for one in fields(MessageOptions):
        if getattr(own, one.name) != one.default and one.name not in used:
            known = f"it uses {', '.join(sorted(used))}" if used else "it has no options"
            raise InputError(f"channel {name} does not use {one.name}: {known}")


def check_message_options(channel: Channel, options: MessageOptions) -> None:
    """Raises InputError with the line for message options that this channel cannot render."""
    if isinstance(channel, PersonalizedChannel):
        channel.check_message_options(Personalization(parse_markdown=read_markdown, options=options))


def read_markdown(text: str) -> Sequence[Block]:
    """Markdown text as blocks. Raises InputError with the line."""
    try:
        return parse(_FRONT + normalize_text(text), path="").body
    except SourceError as error:
        line = f"line {error.line - _FRONT.count(chr(10))}: " if error.line else ""
        raise InputError(f"{line}{error.reason}") from None


def _discovered_limits(app: AppContext, channel: Channel, record: ChannelRecord) -> Mapping[str, Json]:
    """The limits of the remote API, fetched once a day; if it does not answer, those of the last time."""
    now = app.clock()
    is_fresh = record.discovered_at is not None and now - record.discovered_at < DISCOVERED_LIMITS_MAX_AGE
    if is_fresh or not isinstance(channel, DiscoveringChannel):
        return record.discovered_limits
    try:
        discovered_limits = asyncio.run(channel.discover())
    except (ServiceError, httpx.HTTPError, OSError):
        return record.discovered_limits
    with app.database.begin() as connection:
        channels.save_discovered_limits(connection, record.id, discovered_limits, now=now)
    return discovered_limits


def _dated(found: StoredArticle, status: ArticleStatus) -> Article:
    """The article with the date that this status gives it."""
    if status.published_at is None:
        return found.article
    updated_at = max(found.article.updated_at, status.published_at)
    return replace(found.article, published_at=status.published_at, updated_at=updated_at)


def _list_of(connection: Connection, campaign: Campaign) -> MailingList | None:
    """The list that a campaign is sent on behalf of: its first one; None if that was deleted."""
    if not campaign.audience.lists:
        return None
    with suppress(NotFoundError):
        return lists.find(connection, campaign.audience.lists[0])
    return None


def stored_media(connection: Connection, found: Sequence[Article]) -> InMemoryMedia:
    """The images of these articles that are stored here."""
    sources = {image.src for one in found for image in one.images}
    return InMemoryMedia(file for source in sources if (file := articles.find_media_by_src(connection, source)))


def without_repetition(
    connection: Connection, channel: Channel, rendition: Rendition, campaign: Campaign
) -> tuple[list[str], str]:
    """The accounts and feeds that get it, and why the others do not: another campaign sent them one of the articles."""
    recipients = list(dict.fromkeys(channel.recipients(rendition)))
    query = audience_query_of(connection, campaign)
    earlier = audiences.received_by_accounts(connection, query, channel.kind, recipients)
    received: dict[str, list[str]] = {}
    for recipient in recipients:
        if (one := earlier.get(recipient)) is not None:
            by = called(one.campaign_id, campaigns.find(connection, one.campaign_id).name)
            what = f"already got {one.title!r} by {by} on {one.at.day} {one.at:%B %Y}"
            received.setdefault(what, []).append(recipient)
    reasons = [f"{some_of(names)} {what}" for what, names in received.items()]
    return [recipient for recipient in recipients if recipient not in earlier], "; ".join(reasons)


def _about_repetition(
    connection: Connection, channel: Channel, rendition: Rendition, campaign: Campaign
) -> Iterator[Problem]:
    left, reason = without_repetition(connection, channel, rendition, campaign)
    if reason and left:
        advice = f"{reason}; only {some_of(left)} {'gets' if len(left) == 1 else 'get'} it now"
        yield Problem(Severity.WARN, "already-posted", advice)
    elif reason:
        yield Problem(Severity.BLOCK, "already-posted", f"{reason}; --again sends it once more")


def _about_lack(key: str, count: int) -> Problem:
    advice = (
        f"{count} subscribers of the audience have no {field_label(key)}, and the text uses it without a default; "
        "the campaign is not sent to anyone until every subscriber has a value or the text has a default"
    )
    return Problem(Severity.WARN, MISSING_FIELD, advice, field_label(key))


def _about_fields(connection: Connection, keys: frozenset[str]) -> Iterator[Problem]:
    unheld = merge_fields.unknown_attributes(connection, keys)
    known = merge_fields.recent_attributes(connection) if unheld else ()
    for key in unheld:
        similar = difflib.get_close_matches(attribute_path(key)[0], known, n=2)
        hint = (
            f"did you mean {' or '.join(f'subscriber.{name}' for name in similar)}?"
            if similar
            else (
                f"known attributes are {', '.join(known[:20])}"
                if known
                else "subscribers get attributes by an import or through the API"
            )
        )
        yield Problem(
            Severity.BLOCK, "field-unknown", f"no subscriber has {field_label(key)}; {hint}", field_label(key)
        )
