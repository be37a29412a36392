"""Generations of the database (domain.generation): where ids begin in each, and what waits for a person since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from sqlalchemy import ColumnElement, Row, Table, case, delete, func, insert, literal, null, or_, select, text, update

from distributor.domain.campaign import CampaignPurpose, DispatchState
from distributor.domain.delivery import DeliveryState
from distributor.domain.generation import (
    Generation,
    GenerationBeginning,
    LedgerMark,
    first_epoch,
    first_short_id,
    next_number,
)
from distributor.domain.stored_text import storable
from distributor.domain.subscriber_import import ImportState
from distributor.storage import dispatches, heartbeats, tables
from distributor.storage.database import Connection

# What people name by its id. Of everything else a million may be added each second.
_SHORT_IDS = (
    tables.api_tokens,
    tables.articles,
    tables.campaigns,
    tables.channels,
    tables.dispatches,
    tables.imports,
    tables.lists,
    tables.segments,
    tables.test_groups,
    tables.users,
)
# Nobody lets these go on: whoever needs one asks for it again. What was open in them is not sent, and they go on for
# new recipients.
_ONGOING = (CampaignPurpose.CONFIRMATION, CampaignPurpose.ACCOUNT, CampaignPurpose.TEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldWork:
    """What waits for a person since a generation began: campaigns by their ids, and how many of everything else."""

    campaigns: Sequence[int]
    dispatches: int
    unknown: int
    imports: int


def current(connection: Connection) -> Generation:
    """The generation that the database is in."""
    table = tables.database_generations
    return _generation(connection.execute(select(table).order_by(table.c.number.desc()).limit(1)).one())


def listed(connection: Connection) -> list[Generation]:
    """All generations of the database, the newest first."""
    table = tables.database_generations
    return [_generation(row) for row in connection.execute(select(table).order_by(table.c.number.desc()))]


def advance(connection: Connection, *, now: datetime) -> LedgerMark:
    """Note that the service runs, which takes the database one position further; returns how far it has come."""
    table = tables.database_generations
    row = connection.execute(
        update(table)
        .where(_is_current())
        .values(position=table.c.position + 1, seen_at=now)
        .returning(table.c.number, table.c.position)
    ).one()
    return LedgerMark(row.number, row.position)


def lock(connection: Connection) -> None:
    """Keep others from beginning a generation, or advancing this one, until the transaction ends."""
    connection.execute(text("LOCK TABLE database_generations IN SHARE ROW EXCLUSIVE MODE"))


def begin(
    connection: Connection,
    beginning: GenerationBeginning,
    *,
    source: str = "",
    above: int = 0,
    now: datetime,
) -> Generation:
    """Begin a generation, above this number too: no id is given out again. A copy sends nothing until it is told to."""
    lock(connection)
    before = current(connection)
    ids = [connection.execute(select(func.max(table.c.id))).scalar_one() or 0 for table in _long_ids()]
    number = next_number(now, above=max(before.number, above, *ids))
    # A backup of a version that had no generations knows when its scheduler ran last.
    known_until = before.seen_at or heartbeats.last_heartbeat(connection, heartbeats.BEAT) or before.began_at
    is_copy = beginning is GenerationBeginning.COPIED
    is_still = is_copy or before.sends_since is None
    connection.execute(
        insert(tables.database_generations).values(
            number=number,
            database_id=uuid4() if is_copy else before.database_id,
            beginning=beginning,
            began_at=now,
            known_until=known_until,
            source=source,
            sends_since=None if is_still else now,
            key_fingerprint=before.key_fingerprint,
        )
    )
    for table in (*_long_ids(), *_SHORT_IDS):
        first = number if table not in _SHORT_IDS else first_short_id(number)
        sequence = func.pg_get_serial_sequence(table.name, "id")
        # `nextval` first: it is above the last id that was given out.
        unused = func.greatest(func.nextval(sequence), first)
        connection.execute(select(func.setval(sequence, unused, literal(value=False))))
    return current(connection)


def hold(connection: Connection, generation: Generation, *, reason: str, unknown: str, now: datetime) -> HeldWork:
    """Let everything that was open before this generation wait for a person; `reason` is shown with it.

    Deliveries in flight become unknown with the reply `unknown`, as do open ones of confirmations, tests and mails to
    users: these campaigns go on for new recipients. A journal or a process of before the generation settles nothing any
    more.
    """
    dispatch, campaign = tables.dispatches, tables.campaigns
    # In the order of all locks: of an older snapshot processes may run.
    dispatches.lock(connection)
    ongoing = select(campaign.c.id).where(campaign.c.purpose.in_(_ONGOING))
    open_states = [DispatchState.SCHEDULED, DispatchState.RUNNING, DispatchState.PAUSED]
    # What failed or is a draft may be sent as well, when a person says so: networks are asked then what they have.
    connection.execute(update(dispatch).values(known_until=func.least(dispatch.c.known_until, generation.known_until)))
    rows = connection.execute(
        update(dispatch)
        .where(
            dispatch.c.state.in_(open_states),
            or_(dispatch.c.campaign_id.not_in(ongoing), dispatch.c.released_at.is_(None)),
        )
        .values(
            # Restored twice without a decision in between, it is still what it was at first.
            held_state=func.coalesce(dispatch.c.held_state, dispatch.c.state),
            state=DispatchState.PAUSED,
            reason=reason,
            resume_at=None,
            prepared_at=case((dispatch.c.released_at.is_not(None), dispatch.c.prepared_at), else_=null()),
        )
        .returning(dispatch.c.campaign_id)
    )
    held = list(rows.scalars())
    unknown_now = connection.execute(
        text("""
            WITH changed AS (
                UPDATE deliveries d SET epoch = greatest(d.epoch + 1, :epoch), worker = NULL, lease_until = NULL,
                       updated_at = :now, next_at = CASE WHEN open.becomes = 'unknown' THEN NULL ELSE d.next_at END,
                       state = open.becomes, reply = CASE WHEN open.is_new THEN :unknown ELSE d.reply END
                FROM (
                    SELECT late.id, fate.becomes, fate.becomes = 'unknown' AND late.state <> 'unknown' AS is_new
                    FROM deliveries late
                    JOIN dispatches x ON x.id = late.dispatch_id JOIN campaigns c ON c.id = x.campaign_id
                    CROSS JOIN LATERAL (SELECT CASE
                        WHEN late.state = 'in_flight' THEN 'unknown'
                        WHEN c.purpose = ANY(CAST(:ongoing AS text[]))
                             AND late.state IN ('pending', 'claimed', 'deferred') THEN 'unknown'
                        WHEN late.state = 'claimed' THEN 'pending'
                        ELSE late.state
                    END AS becomes) fate
                    -- A failed one may be tried again.
                    WHERE late.state IN ('pending', 'claimed', 'in_flight', 'deferred', 'unknown', 'failed')
                ) open WHERE d.id = open.id
                RETURNING open.is_new
            )
            SELECT count(*) FROM changed WHERE is_new
        """),
        {
            "epoch": first_epoch(generation.number),
            "unknown": unknown,
            "ongoing": [one.value for one in _ONGOING],
            "now": now,
        },
    ).scalar_one()
    one = tables.imports
    imports = connection.execute(
        update(one)
        .where(one.c.state.in_([ImportState.WAITING, ImportState.RUNNING]))
        .values(state=ImportState.FAILED, error=reason, updated_at=now, finished_at=None)
    ).rowcount
    return HeldWork(campaigns=sorted(set(held)), dispatches=len(held), unknown=unknown_now, imports=imports)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldDispatch:
    """A dispatch that waits for a person since a restore.

    `state` is what it was in the backup; `open` of its deliveries were not sent then, `unknown` may or may not have
    been, `sent` is everything else. `known_until`: what was sent of it after this is not in the database.
    """

    campaign_id: int
    campaign_name: str
    channel_name: str
    state: DispatchState
    known_until: datetime
    open: int
    unknown: int
    sent: int


def held(connection: Connection, *, limit: int) -> list[HeldDispatch]:
    """What waits for a person since a restore, campaign by campaign."""
    rows = connection.execute(
        text("""
            SELECT c.id, c.name, n.name AS channel_name, x.held_state, x.known_until, t.*
            FROM dispatches x JOIN campaigns c ON c.id = x.campaign_id JOIN channels n ON n.id = x.channel_id
            CROSS JOIN LATERAL (
                SELECT count(*) FILTER (WHERE state IN ('pending', 'deferred')) AS open,
                       count(*) FILTER (WHERE state = 'unknown') AS unknown,
                       count(*) FILTER (WHERE state NOT IN ('pending', 'deferred', 'unknown')) AS sent
                FROM deliveries WHERE dispatch_id = x.id
            ) t
            WHERE x.state = 'paused' AND x.held_state IS NOT NULL ORDER BY c.id, n.name LIMIT :limit
        """),
        {"limit": limit},
    )
    return [
        HeldDispatch(
            campaign_id=row.id,
            campaign_name=row.name,
            channel_name=row.channel_name,
            state=DispatchState(row.held_state),
            known_until=row.known_until,
            open=row.open,
            unknown=row.unknown,
            sent=row.sent,
        )
        for row in rows
    ]


def sends(connection: Connection) -> bool:
    """Whether this database sends: one that was restored as a copy does only once it is told to."""
    return current(connection).sends_since is not None


def let_send(connection: Connection, *, now: datetime) -> bool:
    """From now on it sends; False if it did already."""
    table = tables.database_generations
    changed = connection.execute(
        update(table).where(_is_current(), table.c.sends_since.is_(None)).values(sends_since=now)
    )
    return changed.rowcount > 0


def note_key(connection: Connection, fingerprint: str) -> None:
    """Keep the fingerprint of the secret key that the database is used with."""
    table = tables.database_generations
    connection.execute(
        update(table).where(_is_current(), table.c.key_fingerprint != fingerprint).values(key_fingerprint=fingerprint)
    )


def mark_found(connection: Connection, sources: Mapping[int, str], *, state: DeliveryState, now: datetime) -> int:
    """Give this state to deliveries that wait since a restore and for which a record shows it; returns how many.

    `sources` names the record for each; it is kept in the history of the delivery.
    """
    marked: int = connection.execute(
        text("""
            WITH found AS (
                UPDATE deliveries d SET state = :state, next_at = NULL, updated_at = :now, reply = s.source
                FROM unnest(CAST(:ids AS bigint[]), CAST(:sources AS text[])) AS s(id, source), dispatches x
                WHERE d.id = s.id AND x.id = d.dispatch_id AND x.known_until IS NOT NULL
                  AND x.state = 'paused' AND x.held_state IS NOT NULL
                  AND d.state IN ('pending', 'deferred', 'failed', 'unknown') AND d.state <> :state
                RETURNING d.id, d.state, d.attempt, s.source
            ), kept AS (
                INSERT INTO delivery_history (delivery_id, at, state, attempt, reason)
                SELECT id, :now, state, attempt, source FROM found
            )
            SELECT count(*) FROM found
        """),
        {
            "ids": list(sources),
            "sources": [storable(one) for one in sources.values()],
            "state": state.value,
            "now": now,
        },
    ).scalar_one()
    return marked


def forget_processes(connection: Connection) -> None:
    """Delete what processes of before the restore have reported: they run elsewhere or not at all."""
    connection.execute(delete(tables.heartbeats))
    connection.execute(delete(tables.processes))
    connection.execute(delete(tables.user_sessions))
    link = tables.user_links
    connection.execute(delete(link).where(link.c.used_at.is_(None)))


def _is_current() -> ColumnElement[bool]:
    numbers = tables.database_generations.alias()
    return tables.database_generations.c.number == select(func.max(numbers.c.number)).scalar_subquery()


def _long_ids() -> Sequence[Table]:
    """The tables with ids that no person names."""
    return [
        table
        for table in tables.metadata.sorted_tables
        if table not in _SHORT_IDS and "id" in table.c and table.c.id.identity is not None
    ]


def _generation(row: Row[tuple[object, ...]]) -> Generation:
    return Generation(
        number=row.number,
        database_id=row.database_id,
        beginning=GenerationBeginning(row.beginning),
        began_at=row.began_at,
        known_until=row.known_until,
        source=row.source,
        position=row.position,
        seen_at=row.seen_at,
        sends_since=row.sends_since,
        key_fingerprint=row.key_fingerprint,
    )
