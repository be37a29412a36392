"""Generations of the database: begun by a restore, or when a mark outside it shows that it is an older snapshot."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import structlog

from distributor.domain.campaign import CampaignAction
from distributor.domain.generation import Generation, GenerationBeginning, LedgerMark
from distributor.flow.app_context import AppContext
from distributor.storage import campaigns, generations, unfinished_restore
from distributor.storage.backup import analyze
from distributor.storage.database import Connection
from distributor.storage.generations import HeldWork

_REPLY = "the database was restored while this was open: whether it was sent is not known"

log = structlog.get_logger(__name__)


def finish_restore(app: AppContext) -> HeldWork | None:
    """Begin the generation of a restore whose content is in the database; None if there is none.

    The restore leaves a note with the content, in one transaction: if it is killed then, the next process finishes it.
    """
    now = app.clock()
    with app.database.begin() as connection:
        note = unfinished_restore.find(connection)
        if note is None:
            return None
        held = _begin(app, connection, note.beginning, source=note.source, now=now)
        unfinished_restore.remove(connection)
    analyze(app.database)
    return held


def begin_if_rewound(app: AppContext, connection: Connection, marks: Iterable[LedgerMark]) -> Generation | None:
    """Begin a generation if one of these marks of the database is ahead of it; None if none is.

    They were read before. Everything that was open waits for a person then.
    """
    highest = max(marks, default=None)
    if highest is None or highest <= generations.current(connection).mark:
        return None
    generations.lock(connection)
    # Another process may have begun it meanwhile.
    if highest <= generations.current(connection).mark:
        return None
    _begin(app, connection, GenerationBeginning.REWOUND, above=highest.generation, now=app.clock())
    return generations.current(connection)


def _begin(
    app: AppContext,
    connection: Connection,
    beginning: GenerationBeginning,
    *,
    source: str = "",
    above: int = 0,
    now: datetime,
) -> HeldWork:
    begun = generations.begin(connection, beginning, source=source, above=above, now=now)
    generations.forget_processes(connection)
    reason = _reason(begun)
    held = generations.hold(connection, begun, reason=reason, unknown=_REPLY, now=now)
    for campaign_id in held.campaigns:
        campaigns.record(connection, campaign_id, CampaignAction.PAUSED, actor="", detail=reason, now=now)
    # Whoever restores a backup knows.
    write = log.warning if beginning is GenerationBeginning.REWOUND else log.info
    write(
        "generation.begun",
        number=begun.number,
        beginning=begun.beginning.value,
        known_until=begun.known_until.isoformat() if begun.known_until else "",
        dispatches=held.dispatches,
        unknown=held.unknown,
        imports=held.imports,
    )
    return held


def _reason(begun: Generation) -> str:
    until = f"{begun.known_until:%Y-%m-%d %H:%M} UTC" if begun.known_until else "an unknown time"
    is_rewound = begun.beginning is GenerationBeginning.REWOUND
    what = (
        "an older snapshot of the database was put in its place"
        if is_rewound
        else "the database was restored from a backup"
    )
    return f"{what}: what was sent after {until} is not in it, so look at what may have gone out before it goes on"
