"""Campaigns, their plans and their history. Whoever changes the life of a campaign locks it first."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Row,
    ScalarSelect,
    and_,
    cast,
    delete,
    exists,
    false,
    func,
    null,
    select,
    text,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from distributor.domain.campaign import (
    LEAST_FINISHED_FIRST,
    Campaign,
    CampaignAction,
    CampaignEvent,
    CampaignPlan,
    CampaignPurpose,
    CampaignState,
    ChangePolicy,
    DispatchState,
    PlanKey,
    UnknownPolicy,
)
from distributor.domain.errors import NotFoundError, StateError
from distributor.domain.message_options import Attachment, MailLayout, MessageOptions
from distributor.storage import dispatches, tables
from distributor.storage.arrays import array_of
from distributor.storage.database import Connection
from distributor.storage.json_codec import (
    audience_from_json,
    audience_to_json,
    channel_options_from_json,
    channel_options_to_json,
)


def _newest_is_current(*conditions: ColumnElement[bool]) -> ScalarSelect[bool]:
    """Whether the newest review that meets these conditions is of what the campaign is now, and nothing blocks it."""
    review, article = tables.campaign_reviews.c, tables.articles.c
    seen = func.jsonb_each_text(review.revisions).table_valued("key", "value")
    is_revised = (
        select(article.id)
        .select_from(seen)
        .join(tables.articles, article.slug == seen.c.key)
        .where(article.revision != cast(seen.c.value, BigInteger))
        .exists()
    )
    return (
        select(and_(review.version == tables.campaigns.c.version, review.blockers == 0, ~is_revised))
        .where(review.campaign_id == tables.campaigns.c.id, *conditions)
        .order_by(review.id.desc())
        .limit(1)
        .scalar_subquery()
    )


_articles = tables.campaign_articles.c
_CAMPAIGN = select(
    tables.campaigns,
    func.array(
        select(_articles.article_id)
        .where(_articles.campaign_id == tables.campaigns.c.id)
        .order_by(_articles.position)
        .scalar_subquery(),
        type_=ARRAY(BigInteger),
    ).label("article_ids"),
    _newest_is_current(true()).label("is_reviewed"),
    _newest_is_current(tables.campaign_reviews.c.approved_at.is_not(None)).label("is_approved"),
)


def add(
    connection: Connection,
    plan: CampaignPlan,
    article_ids: Sequence[int],
    *,
    now: datetime,
    purpose: CampaignPurpose = CampaignPurpose.ARTICLES,
    key: PlanKey | None = None,
) -> int:
    """Insert a campaign without dispatches; returns its id."""
    campaign_id: int = connection.execute(
        insert(tables.campaigns)
        .values(key=str(key) if key else None, purpose=purpose, created_at=now, **_columns(plan))
        .returning(tables.campaigns.c.id)
    ).scalar_one()
    _add_parts(connection, campaign_id, plan, article_ids)
    return campaign_id


def change(connection: Connection, campaign_id: int, plan: CampaignPlan, article_ids: Sequence[int]) -> None:
    """Replace what a campaign sends, where and to whom, except its dispatches; its version grows."""
    connection.execute(
        update(tables.campaigns)
        .where(tables.campaigns.c.id == campaign_id)
        .values(version=tables.campaigns.c.version + 1, **_columns(plan))
    )
    for part in (tables.campaign_articles, tables.campaign_attachments):
        connection.execute(delete(part).where(part.c.campaign_id == campaign_id))
    _add_parts(connection, campaign_id, plan, article_ids)


def bump_version(connection: Connection, campaign_id: int) -> None:
    """The channels or times of a campaign have changed: its version grows."""
    connection.execute(
        update(tables.campaigns)
        .where(tables.campaigns.c.id == campaign_id)
        .values(version=tables.campaigns.c.version + 1)
    )


def remove(connection: Connection, campaign_id: int) -> None:
    """Delete a campaign of which nothing was ever sent."""
    connection.execute(delete(tables.campaigns).where(tables.campaigns.c.id == campaign_id))


def find(connection: Connection, campaign_id: int) -> Campaign:
    """Raises NotFoundError."""
    row = connection.execute(_CAMPAIGN.where(tables.campaigns.c.id == campaign_id)).one_or_none()
    if row is None:
        raise NotFoundError("campaign", campaign_id, hint="`distributor campaign list` lists them")
    return _campaign(row)


def lock(connection: Connection, campaign_id: int) -> Campaign:
    """Lock a campaign and its dispatches until the transaction ends: its life changes in no other one.

    It is locked before articles and deliveries. Raises NotFoundError.
    """
    chosen = tables.campaigns.c.id
    connection.execute(select(chosen).where(chosen == campaign_id).with_for_update(key_share=True))
    dispatches.lock_of_campaign(connection, campaign_id)
    return find(connection, campaign_id)


def lock_for_release(connection: Connection, dispatch_ids: Collection[int]) -> dict[int, Campaign]:
    """The campaigns of these dispatches, by id: none of them changes until the transaction ends.

    Others of their dispatches may be released at the same time.
    """
    campaign, dispatch = tables.campaigns.c.id, tables.dispatches.c
    concerned = select(dispatch.campaign_id).where(dispatch.id.in_(dispatch_ids))
    rows = connection.execute(
        select(campaign).where(campaign.in_(concerned)).order_by(campaign).with_for_update(read=True)
    )
    locked = list(rows.scalars())
    return {row.id: _campaign(row) for row in connection.execute(_CAMPAIGN.where(campaign.in_(locked)))}


def find_by_key(connection: Connection, key: PlanKey) -> int | None:
    """The campaign that was planned under this key, if any; waits for a transaction that is planning one under it.

    Raises StateError if the key was used for a different request.
    """
    # A lock id that is the same for the same name.
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": key.name})
    row = connection.execute(
        select(tables.campaigns.c.id, tables.campaigns.c.key).where(
            tables.campaigns.c.key.startswith(f"{key.name}:", autoescape=True)
        )
    ).one_or_none()
    if row is None:
        return None
    if row.key != str(key):
        raise StateError(
            f"this key was used for a different request, which made campaign {row.id}; use a new key for a new campaign"
        )
    number: int = row.id
    return number


def message_options_of(connection: Connection, campaign_id: int, *, channel_name: str = "") -> MessageOptions:
    """The message options of a campaign, on this channel if one is named. Raises NotFoundError."""
    row = connection.execute(select(tables.campaigns).where(tables.campaigns.c.id == campaign_id)).one_or_none()
    if row is None:
        raise NotFoundError("campaign", campaign_id, hint="`distributor campaign list` lists them")
    about = tables.campaign_attachments.c
    enclosed = connection.execute(
        select(about.name, about.media_type, about.body)
        .where(about.campaign_id == campaign_id)
        .order_by(about.position)
    )
    options = MessageOptions(
        subject=row.subject,
        greeting=row.greeting,
        closing=row.closing,
        attachments=tuple(Attachment(name=one.name, media_type=one.media_type, content=one.body) for one in enclosed),
        cut_after=row.cut_after,
        text=row.text,
        preheader=row.preheader,
        layout=MailLayout(row.layout) if row.layout else None,
        thread=tuple(row.thread),
        hashtags=None if row.hashtags is None else tuple(row.hashtags),
    )
    own = channel_options_from_json(row.channel_options).get(channel_name)
    return options.overridden_by(own) if own else options


def purpose_of_dispatch(connection: Connection, dispatch_id: int) -> CampaignPurpose:
    """The purpose of the campaign that a dispatch belongs to."""
    purpose = connection.execute(
        select(tables.campaigns.c.purpose)
        .join(tables.dispatches, tables.dispatches.c.campaign_id == tables.campaigns.c.id)
        .where(tables.dispatches.c.id == dispatch_id)
    ).scalar_one()
    return CampaignPurpose(purpose)


def latest(
    connection: Connection,
    *,
    limit: int,
    purposes: Collection[CampaignPurpose] = (),
    state: CampaignState | None = None,
    before_id: int | None = None,
) -> list[Campaign]:
    """The newest campaigns, if given only of some purposes, in one state or older than `before_id`."""
    query = _CAMPAIGN.order_by(tables.campaigns.c.id.desc()).limit(limit)
    if purposes:
        query = query.where(tables.campaigns.c.purpose.in_(list(purposes)))
    if state is not None:
        query = query.where(*_is_in(state))
    if before_id is not None:
        query = query.where(tables.campaigns.c.id < before_id)
    rows = connection.execute(query)
    return [_campaign(row) for row in rows]


def _is_in(state: CampaignState) -> Iterator[ColumnElement[bool]]:
    """The conditions of a campaign in this state, as `campaign_state` finds it."""
    of_drafts = (CampaignState.DRAFT, CampaignState.REVIEWED, CampaignState.APPROVED)
    least_finished = DispatchState.DRAFT if state in of_drafts else DispatchState(state.value)
    yield _has_dispatch_in([least_finished])
    yield ~_has_dispatch_in(LEAST_FINISHED_FIRST[: LEAST_FINISHED_FIRST.index(least_finished)])
    if state not in of_drafts:
        return
    is_reviewed = func.coalesce(_newest_is_current(true()), false())
    is_approved = func.coalesce(_newest_is_current(tables.campaign_reviews.c.approved_at.is_not(None)), false())
    yield ~is_reviewed if state is CampaignState.DRAFT else is_reviewed
    if state is not CampaignState.DRAFT:
        yield is_approved if state is CampaignState.APPROVED else ~is_approved


def _has_dispatch_in(states: Collection[DispatchState]) -> ColumnElement[bool]:
    dispatch = tables.dispatches.c
    return exists().where(dispatch.campaign_id == tables.campaigns.c.id, dispatch.state.in_(list(states)))


def count_running(connection: Connection) -> int:
    """How many campaigns of articles are being sent right now."""
    campaign, dispatch = tables.campaigns.c, tables.dispatches.c
    return connection.execute(
        select(func.count(dispatch.campaign_id.distinct()))
        .join(tables.campaigns, campaign.id == dispatch.campaign_id)
        .where(dispatch.state == DispatchState.RUNNING, campaign.purpose == CampaignPurpose.ARTICLES)
    ).scalar_one()


def has_any(connection: Connection) -> bool:
    """Whether there is a campaign of articles."""
    return connection.execute(
        select(exists().where(tables.campaigns.c.purpose == CampaignPurpose.ARTICLES))
    ).scalar_one()


def waiting_for_approval(connection: Connection, *, limit: int) -> list[tuple[int, str]]:
    """The id and name of each draft that is reviewed as it is now and needs an approval; the newest first."""
    campaign, dispatch = tables.campaigns.c, tables.dispatches.c
    is_draft = exists().where(dispatch.campaign_id == campaign.id, dispatch.state == DispatchState.DRAFT)
    query = (
        select(campaign.id, campaign.name)
        .where(
            campaign.needs_approval,
            campaign.purpose == CampaignPurpose.ARTICLES,
            is_draft,
            _newest_is_current(true()),
            ~func.coalesce(_newest_is_current(tables.campaign_reviews.c.approved_at.is_not(None)), false()),
        )
        .order_by(campaign.id.desc())
        .limit(limit)
    )
    return [(row.id, row.name) for row in connection.execute(query)]


def verdicts(connection: Connection, campaign_ids: Collection[int]) -> dict[int, tuple[bool, bool]]:
    """Whether each of these campaigns is reviewed, and approved, as in `Campaign`; in one query."""
    rows = connection.execute(_CAMPAIGN.where(tables.campaigns.c.id.in_(campaign_ids)))
    return {row.id: (bool(row.is_reviewed), bool(row.is_reviewed and row.is_approved)) for row in rows}


def plan_of(connection: Connection, campaign_id: int) -> CampaignPlan:
    """The plan of a campaign as it is now. Raises NotFoundError."""
    row = connection.execute(select(tables.campaigns).where(tables.campaigns.c.id == campaign_id)).one_or_none()
    if row is None:
        raise NotFoundError("campaign", campaign_id, hint="`distributor campaign list` lists them")
    of = tables.campaign_articles.c
    slugs = connection.execute(
        select(tables.articles.c.slug)
        .join(tables.campaign_articles, of.article_id == tables.articles.c.id)
        .where(of.campaign_id == campaign_id)
        .order_by(of.position)
    ).scalars()
    on_channels = sorted(dispatches.of_campaign(connection, campaign_id), key=lambda one: one.id)
    return CampaignPlan(
        name=row.name,
        article_slugs=tuple(slugs),
        channel_names=tuple(one.channel_name for one in on_channels),
        audience=audience_from_json(row.audience),
        times={one.channel_name: one.scheduled_at for one in on_channels if one.scheduled_at},
        follow_ups={one.channel_name: one.follow_up for one in on_channels if one.follow_up},
        zone=next((one.zone for one in on_channels), "UTC"),
        track_opens=row.track_opens,
        track_clicks=row.track_clicks,
        unknown_policy=UnknownPolicy(row.unknown_policy),
        message_options=message_options_of(connection, campaign_id),
        channel_options=channel_options_from_json(row.channel_options),
        needs_approval=row.needs_approval,
        on_change=ChangePolicy(row.on_change),
    )


def record(
    connection: Connection, campaign_id: int, action: CampaignAction, *, actor: str, now: datetime, detail: str = ""
) -> None:
    """Add an entry to the history of a campaign, with its version of now."""
    record_all(connection, [(campaign_id, detail)], action, actor=actor, now=now)


def record_all(
    connection: Connection, entries: Sequence[tuple[int, str]], action: CampaignAction, *, actor: str, now: datetime
) -> None:
    """Add an entry to the history of each of these campaigns, by id, with its detail."""
    connection.execute(
        text("""
            INSERT INTO campaign_history (campaign_id, action, actor, detail, version, created_at)
            SELECT c.id, :action, :actor, entry.detail, c.version, :now
            FROM unnest(CAST(:ids AS bigint[]), CAST(:details AS text[])) WITH ORDINALITY AS entry(id, detail, place)
            JOIN campaigns c ON c.id = entry.id ORDER BY entry.place
        """),
        {
            "ids": array_of(number for number, _ in entries),
            "details": array_of(detail for _, detail in entries),
            "action": action.value,
            "actor": actor,
            "now": now,
        },
    )


def history(connection: Connection, campaign_id: int) -> list[CampaignEvent]:
    """What happened to a campaign, the first event first."""
    entry = tables.campaign_history
    rows = connection.execute(select(entry).where(entry.c.campaign_id == campaign_id).order_by(entry.c.id))
    return [
        CampaignEvent(
            action=CampaignAction(row.action),
            actor=row.actor,
            detail=row.detail,
            version=row.version,
            created_at=row.created_at,
        )
        for row in rows
    ]


def last_resumption(connection: Connection, campaign_id: int) -> datetime | None:
    """When a campaign was last resumed; None if never."""
    entry = tables.campaign_history.c
    found: datetime | None = connection.execute(
        select(func.max(entry.created_at)).where(
            entry.campaign_id == campaign_id, entry.action == CampaignAction.RESUMED
        )
    ).scalar_one()
    return found


def _columns(plan: CampaignPlan) -> dict[str, object]:
    options = plan.message_options
    return {
        "name": plan.name,
        "audience": audience_to_json(plan.audience),
        "track_opens": plan.track_opens,
        "track_clicks": plan.track_clicks,
        "unknown_policy": plan.unknown_policy,
        "subject": options.subject,
        "greeting": options.greeting,
        "closing": options.closing,
        "cut_after": options.cut_after,
        "text": options.text,
        "preheader": options.preheader,
        "layout": options.layout,
        "thread": list(options.thread),
        "hashtags": null() if options.hashtags is None else list(options.hashtags),
        "channel_options": channel_options_to_json(plan.channel_options),
        "needs_approval": plan.needs_approval,
        "on_change": plan.change_policy,
    }


def _add_parts(connection: Connection, campaign_id: int, plan: CampaignPlan, article_ids: Sequence[int]) -> None:
    for position, article_id in enumerate(article_ids):
        connection.execute(
            insert(tables.campaign_articles).values(campaign_id=campaign_id, position=position, article_id=article_id)
        )
    for position, one in enumerate(plan.message_options.attachments):
        connection.execute(
            insert(tables.campaign_attachments).values(
                campaign_id=campaign_id, position=position, name=one.name, media_type=one.media_type, body=one.content
            )
        )


def _campaign(row: Row[tuple[object, ...]]) -> Campaign:
    return Campaign(
        id=row.id,
        version=row.version,
        name=row.name,
        article_ids=tuple(row.article_ids),
        purpose=CampaignPurpose(row.purpose),
        audience=audience_from_json(row.audience),
        track_opens=row.track_opens,
        track_clicks=row.track_clicks,
        unknown_policy=UnknownPolicy(row.unknown_policy),
        on_change=ChangePolicy(row.on_change),
        needs_approval=row.needs_approval,
        is_reviewed=bool(row.is_reviewed),
        is_approved=bool(row.is_reviewed and row.is_approved),
        test_of=row.test_of,
        created_at=row.created_at,
    )
