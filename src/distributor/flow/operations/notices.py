"""Notices: operators are told once of each matter that needs them, and of each campaign that has gone out.

The scheduler records what is new and what is over, and enqueues a job for what has to be told
(`flow.delivery.tell_notices`). Who is told is set by the environment or in the team's app.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from gettext import gettext as _

import structlog

from distributor.domain.address import without_addresses
from distributor.domain.campaign import Totals
from distributor.domain.delivery import DeliveryState
from distributor.domain.notice import (
    FINISHED,
    SECRET_BYTES,
    Matter,
    NoticeTargets,
    checked_hook_url,
    checked_secret,
    parse_operators,
    secret_of_bytes,
)
from distributor.domain.user import Actor, AuditAction
from distributor.flow.app_context import AppContext
from distributor.flow.jobs import Job, JobKind
from distributor.flow.notice_targets import HOOK_SECRET, current_targets, targets_set_in_app
from distributor.flow.operations.attention import SYSTEM_PATH, AttentionItem, Concern, all_attention
from distributor.storage import audit_log, delivery_totals, generations, notices, quarantine
from distributor.storage.database import Connection

_LOOK_EVERY = timedelta(seconds=10)
# A campaign that finished earlier than this is no news, such as when a service begins to tell.
_NEWS = timedelta(hours=6)
_MOST_FINISHED = 50
_MOST_ITEMS = 100
_MOST_JOBS = 50
_OUT = (DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.BOUNCED, DeliveryState.COMPLAINED)

log = structlog.get_logger(__name__)


def change_notice_settings(
    app: AppContext, *, addresses: str, hook_url: str, hook_secret: str, actor: Actor
) -> NoticeTargets:
    """Change who is told, for every process at once; what the environment sets stays. Returns what holds then.

    An empty secret keeps the one there is, or makes one for a new web hook. Raises InputError.
    """
    with app.database.begin() as connection:
        before = targets_set_in_app(app, connection)
        stored = NoticeTargets(
            addresses=parse_operators(addresses),
            hook_url=checked_hook_url(hook_url),
            hook_secret=checked_secret(hook_secret),
        )
        if stored.hook_url and not stored.hook_secret:
            made = secret_of_bytes(secrets.token_bytes(SECRET_BYTES))
            stored = replace(stored, hook_secret=before.hook_secret or made)
        sealed = app.vault.seal({HOOK_SECRET: stored.hook_secret}) if stored.hook_url else None
        notices.change_targets(connection, stored, sealed=sealed, actor=actor.name)
        detail = f"{len(stored.addresses)} addresses, {'a' if stored.hook_url else 'no'} web hook"
        audit_log.record(connection, actor, AuditAction.NOTICES_CHANGED, detail=detail, now=app.clock())
    log.info("notices.changed", addresses=len(stored.addresses), has_hook=bool(stored.hook_url))
    return app.notice_targets.or_those_of(stored)


def record_notices(app: AppContext) -> list[Job]:
    """Record what is new and what is over, at most every ten seconds; returns the jobs that tell what is due."""
    now = app.clock()
    with app.database.begin() as connection:
        is_time = notices.begin_look(connection, now=now, every=_LOOK_EVERY)
    if is_time:
        found = [*_lasting(app)]
        with app.database.begin() as connection:
            ways = current_targets(app, connection).ways
            notices.record(connection, found, ways=ways, now=now)
            notices.record_once(connection, _finished(connection, since=now - _NEWS), ways=ways, now=now)
    with app.database.begin() as connection:
        # A copy of a database tells nobody.
        if not generations.sends(connection):
            return []
        return [Job(JobKind.TELL, number) for number in notices.due(connection, now=now, limit=_MOST_JOBS)]


def _lasting(app: AppContext) -> Iterator[Matter]:
    """What needs a person. Whom an approval concerns has a mail of their own; each item in quarantine is told."""
    for one in all_attention(app):
        if one.concern not in (Concern.APPROVAL, Concern.QUARANTINE):
            yield _matter(one)
    with app.database.begin() as connection:
        held = quarantine.listed(connection, limit=_MOST_ITEMS)
    for item in held:
        sentence = _(
            "An item of the loop %(loop)s could not be processed, and is kept until somebody has looked at it."
        )
        yield Matter(
            key=f"{Concern.QUARANTINE.value} {item.id}",
            topic=Concern.QUARANTINE.value,
            about=_("Quarantine"),
            sentence=sentence % {"loop": item.loop.value},
            path=f"{SYSTEM_PATH}#quarantine",
        )


def _matter(item: AttentionItem) -> Matter:
    """The item without addresses: a notice is read by others than those who may see subscribers."""
    return Matter(
        key=item.key,
        topic=item.concern.value,
        about=without_addresses(item.about),
        sentence=without_addresses(item.sentence),
        path=item.path,
    )


def _finished(connection: Connection, *, since: datetime) -> Iterator[Matter]:
    for one in notices.finished_campaigns(connection, since=since, limit=_MOST_FINISHED):
        totals = Totals.sum_of(delivery_totals.of_dispatches(connection, one.dispatch_ids).values())
        sent = sum(totals[state] for state in _OUT)
        sentence = _(
            "It has gone out on %(channels)s: %(sent)s of %(audience)s sent, %(failed)s failed, %(unknown)s unknown."
        )
        yield Matter(
            key=f"{FINISHED} {one.id} {one.finished_at.isoformat()}",
            topic=FINISHED,
            about=without_addresses(one.name),
            sentence=sentence
            % {
                "channels": ", ".join(one.channels),
                "sent": f"{sent:,}",
                "audience": f"{totals.audience:,}",
                "failed": f"{totals[DeliveryState.FAILED]:,}",
                "unknown": f"{totals[DeliveryState.UNKNOWN]:,}",
            },
            path=f"/app/campaigns/{one.id}",
        )
