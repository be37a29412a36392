"""Tick: once a second, see what is due or has stalled, and say whom to ring. Several ticks at once do no harm."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from distributor.channels.shelf import kind_of
from distributor.domain.campaign import Dispatch
from distributor.flow.installation import Installation
from distributor.storage import campaigns, deliveries, heartbeats

# How many dispatches one tick looks after; the next one comes in a second.
_LIMIT = 50
# One worker is rung for each so many of an audience, up to the limit.
_AUDIENCE_PER_WORKER = 1000
_MOST_WORKERS = 8


class Verb(StrEnum):
    """The steps that a dispatch may be rung for."""

    RENDER = "render"
    RELEASE = "release"
    DELIVER = "deliver"
    SETTLE = "settle"


@dataclass(frozen=True, slots=True)
class Ring:
    """Somebody who listens on `queue` should do `verb` to this dispatch. It may be lost or doubled without harm."""

    verb: Verb
    dispatch_id: int
    queue: str


def tick(installation: Installation) -> list[Ring]:
    """Take back what is held by nobody, finish what is settled, and return what there is to do."""
    now = installation.clock()
    with installation.database.begin() as connection:
        heartbeats.beat(connection, "beat", now=now)
        deliveries.expire_leases(connection, now=now)
        campaigns.finish_settled(connection, now=now)
    with installation.database.begin() as connection:
        rings = [Ring(Verb.RENDER, n, "default") for n in campaigns.to_render(connection, limit=_LIMIT)]
        rings += [Ring(Verb.RELEASE, n, "default") for n in campaigns.to_release(connection, now=now, limit=_LIMIT)]
        for dispatch in campaigns.stalled(connection, now=now, limit=_LIMIT):
            rings.extend(delivery_rings(dispatch))
        rings += [Ring(Verb.SETTLE, n, "default") for n in campaigns.doubtful(connection, now=now, limit=_LIMIT)]
    return rings


def delivery_rings(dispatch: Dispatch) -> list[Ring]:
    """Rings for as many workers as the audience of a running dispatch is worth."""
    wanted = -(-(dispatch.audience or 1) // _AUDIENCE_PER_WORKER)
    queue = kind_of(dispatch.kind).capabilities.queue
    return [Ring(Verb.DELIVER, dispatch.id, queue)] * max(1, min(wanted, _MOST_WORKERS))
