"""Audience preview: how many subscribers a campaign would reach, with a sample, before anything is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from distributor.domain.audience import AudiencePlan
from distributor.domain.errors import InputError
from distributor.domain.subscriber import Subscriber
from distributor.flow.app_context import AppContext
from distributor.storage import articles, audiences
from distributor.storage.audiences import AudienceQuery


@dataclass(frozen=True, slots=True, kw_only=True)
class AudiencePreview:
    """`count` is the size of the audience that a release now would freeze."""

    count: int
    sample: tuple[Subscriber, ...]


def preview_audience(
    app: AppContext, plan: AudiencePlan, article_slugs: Sequence[str], *, sample: int = 10
) -> AudiencePreview:
    """The current audience of a campaign with these articles, counted by the query that freezes it.

    Raises NotFoundError for an unknown article, list or segment, InputError for an empty plan.
    """
    if plan.is_empty:
        raise InputError("the audience is empty: name a list, a topic or a segment")
    with app.database.begin() as connection:
        ids = [articles.find_by_slug(connection, slug).id for slug in article_slugs]
        mailing = AudienceQuery(plan=plan, article_ids=tuple(ids), tag_slugs=articles.tag_slugs(connection, ids))
        now = app.clock()
        return AudiencePreview(
            count=audiences.count(connection, mailing, now=now),
            sample=tuple(audiences.sample(connection, mailing, limit=sample, now=now)),
        )
