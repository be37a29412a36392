"""The `SendContext` of a channel: the ports of the channel contract, implemented on the storage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from distributor.channels.api import Journal, Lease, LostPeriod, PostPart, PostPartState, SendContext, UnlimitedLease
from distributor.domain.article import Media
from distributor.domain.campaign import Dispatch
from distributor.domain.delivery import Attribution, Delivery
from distributor.domain.rendition import Json
from distributor.flow import publications
from distributor.flow.app_context import AppContext
from distributor.flow.delivery.paused_routes import StoredRoutes
from distributor.flow.delivery.rate_limiter import SharedRateLimiter
from distributor.storage import articles, delivery_posts, generations
from distributor.storage.channels import ChannelRecord
from distributor.storage.database import Connection


def send_context(
    app: AppContext,
    channel: ChannelRecord,
    journal: Journal,
    lease: Lease | None = None,
    *,
    lost: LostPeriod | None = None,
) -> SendContext:
    """The context in which `channel` sends for as long as `lease` lasts; without one it may only look things up."""
    return SendContext(
        site=app.site,
        now=app.clock,
        tokens=app.tokens,
        journal=journal,
        parts=_StoredParts(app),
        publications=_StoredPublications(app, channel),
        lease=lease or UnlimitedLease(),
        rate_limiter=SharedRateLimiter(app.redis, channel.id),
        routes=StoredRoutes(app, channel.id),
        media=StoredMedia(app),
        discovered_limits=channel.discovered_limits,
        lost=lost,
    )


def lost_period(connection: Connection, dispatch: Dispatch) -> LostPeriod | None:
    """When something of this dispatch may have been sent that a restore of the database has lost."""
    if dispatch.known_until is None:
        return None
    return LostPeriod(dispatch.known_until, generations.current(connection).began_at)


class StoredMedia:
    """The images of articles, read when a channel asks for one."""

    def __init__(self, app: AppContext) -> None:
        self._app = app

    def open(self, src: str) -> Media | None:
        with self._app.database.begin() as connection:
            return articles.find_media_by_src(connection, src)


class _StoredParts:
    """The parts of posts; each change is committed before the method returns."""

    def __init__(self, app: AppContext) -> None:
        self._app = app

    def of(self, delivery: Delivery) -> Sequence[PostPart]:
        with self._app.database.begin() as connection:
            return [_part(record, is_new=False) for record in delivery_posts.of(connection, delivery.id)]

    def intend(self, delivery: Delivery, number: int, request: Mapping[str, Json]) -> PostPart:
        with self._app.database.begin() as connection:
            is_new = delivery_posts.intend(connection, delivery, number, request, now=self._app.clock())
            record = delivery_posts.of(connection, delivery.id)[number]
        return _part(record, is_new=is_new)

    def settle(
        self,
        delivery: Delivery,
        number: int,
        *,
        remote_id: str,
        permalink: str | None,
        detail: Mapping[str, Json] | None = None,
    ) -> bool:
        with self._app.database.begin() as connection:
            return delivery_posts.mark_sent(
                connection, delivery.id, number, remote_id=remote_id, permalink=permalink, detail=detail or {}
            )

    def settle_found(
        self,
        delivery: Delivery,
        number: int,
        *,
        remote_id: str,
        permalink: str | None,
        detail: Mapping[str, Json] | None = None,
    ) -> Attribution:
        with self._app.database.begin() as connection:
            return delivery_posts.mark_found(
                connection,
                delivery.id,
                number,
                remote_id=remote_id,
                permalink=permalink,
                detail=detail or {},
                now=self._app.clock(),
            )

    def withdraw(self, delivery: Delivery, number: int) -> None:
        with self._app.database.begin() as connection:
            delivery_posts.delete_intent(connection, delivery, number)


class _StoredPublications:
    """What one channel publishes."""

    def __init__(self, app: AppContext, channel: ChannelRecord) -> None:
        self._app = app
        self._channel = channel

    def publish(self, guids: Sequence[str], *, at: datetime) -> None:
        publications.publish(self._app, self._channel, guids, at=at)


def _part(record: delivery_posts.StoredPost, *, is_new: bool) -> PostPart:
    return PostPart(
        number=record.number,
        request=record.request,
        state=PostPartState.SENT if record.is_sent else PostPartState.INTENDED,
        intended_at=record.intended_at,
        is_new=is_new,
        remote_id=record.remote_id,
        permalink=record.permalink,
        detail=record.detail,
    )
