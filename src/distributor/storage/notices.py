"""What operators are told: each matter once, by each way that is set up, with the attempts that were made."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, func, literal, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert

from distributor.domain.notice import Matter, Notice, NoticeAttempt, NoticeTargets, NoticeWay
from distributor.domain.stored_text import storable, stored_key
from distributor.storage import tables
from distributor.storage.database import Connection

# A matter that is over and comes again within this time was told already.
AGAIN_AFTER = timedelta(hours=1)
# How long whoever tells may take, before somebody else takes it up with the same id.
TOLD_WITHIN = timedelta(minutes=2)
MOST_IN_A_MAIL = 50

_notice = tables.notices.c
_telling = tables.notice_tellings.c
_settings = tables.notice_settings.c


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTargets:
    """Who is told as it was set in the app; `sealed` is the secret of the web hook, encrypted."""

    addresses: tuple[str, ...]
    hook_url: str
    sealed: bytes | None
    changed_by: str


def begin_look(connection: Connection, *, now: datetime, every: timedelta) -> bool:
    """Whether it is time to look for matters: of several schedulers one looks, and no more often than `every`."""
    statement = insert(tables.notice_settings).values(id=1, looked_at=now)
    looked = connection.execute(
        statement.on_conflict_do_update(
            index_elements=["id"],
            set_={"looked_at": now},
            where=or_(_settings.looked_at.is_(None), _settings.looked_at <= now - every),
        ).returning(_settings.id)
    )
    return looked.one_or_none() is not None


def record(connection: Connection, matters: Sequence[Matter], *, ways: Collection[NoticeWay], now: datetime) -> None:
    """Insert the matters that are new, and end those that are over: what was not told by then is not told any more.

    One that ended and comes again within an hour after it was told goes on and is not told again.
    """
    given = {stored_key(one.key): one for one in matters}
    over = connection.execute(
        update(tables.notices)
        .where(_notice.ended_at.is_(None), _notice.key.not_in(list(given)))
        .values(ended_at=now)
        .returning(_notice.id)
    )
    connection.execute(
        update(tables.notice_tellings).where(_telling.notice_id.in_(list(over.scalars()))).values(next_at=None)
    )
    known = set(
        connection.execute(
            select(_notice.key).where(_notice.ended_at.is_(None), _notice.key.in_(list(given)))
        ).scalars()
    )
    for key, one in given.items():
        if key not in known:
            _begin(connection, one, now=now)
    # Also those that were seen before anybody was to be told.
    for way in ways:
        lasting = select(_notice.id, literal(way.value), literal(now)).where(_notice.ended_at.is_(None))
        connection.execute(
            insert(tables.notice_tellings)
            .from_select(["notice_id", "way", "next_at"], lasting)
            .on_conflict_do_nothing()
        )


def record_once(
    connection: Connection, matters: Iterable[Matter], *, ways: Collection[NoticeWay], now: datetime
) -> None:
    """Insert what has happened and lasts no time, unless it is known: it is told once and for all."""
    given = {stored_key(one.key): one for one in matters}
    known = set(connection.execute(select(_notice.key).where(_notice.key.in_(list(given)))).scalars())
    for key, one in given.items():
        if key not in known:
            number = _insert(connection, one, now=now, ended_at=now)
            rows = [{"notice_id": number, "way": way, "next_at": now} for way in ways if number is not None]
            if rows:
                connection.execute(insert(tables.notice_tellings).values(rows))


def due(connection: Connection, *, now: datetime, limit: int) -> list[int]:
    """The notices that are to be told by some way now, the oldest first."""
    return list(
        connection.execute(
            select(_telling.notice_id)
            .where(_telling.next_at <= now)
            .group_by(_telling.notice_id)
            .order_by(_telling.notice_id)
            .limit(limit)
        ).scalars()
    )


def claim_hook(connection: Connection, notice_id: int, *, now: datetime) -> Notice | None:
    """The notice if its web hook is due, kept from others for a while; None if it is not."""
    claimed = connection.execute(
        update(tables.notice_tellings)
        .where(_telling.notice_id == notice_id, _telling.way == NoticeWay.WEB_HOOK, _telling.next_at <= now)
        .values(next_at=now + TOLD_WITHIN)
    )
    return find(connection, notice_id) if claimed.rowcount else None


def claim_mail(connection: Connection, notice_id: int, *, now: datetime) -> tuple[int, list[Notice]]:
    """The notices of one mail, with the number of that mail, if a mail about this notice is due.

    They are those that were in it on an earlier attempt, or all that are due and in none. They are kept from others for
    a while.
    """
    batch = connection.execute(
        select(_telling.batch, _telling.notice_id)
        .where(_telling.notice_id == notice_id, _telling.way == NoticeWay.MAIL, _telling.next_at <= now)
        .with_for_update()
    ).one_or_none()
    if batch is None:
        return 0, []
    number = batch.batch or notice_id
    is_in_it = _telling.batch == number if batch.batch else _telling.batch.is_(None)
    chosen = connection.execute(
        select(_telling.notice_id)
        .where(_telling.way == NoticeWay.MAIL, _telling.next_at <= now, is_in_it)
        .order_by(_telling.notice_id)
        .limit(MOST_IN_A_MAIL)
        .with_for_update(skip_locked=True)
    )
    ids = list(chosen.scalars())
    connection.execute(
        update(tables.notice_tellings)
        .where(_telling.way == NoticeWay.MAIL, _telling.notice_id.in_(ids))
        .values(batch=number, next_at=now + TOLD_WITHIN)
    )
    rows = connection.execute(select(tables.notices).where(_notice.id.in_(ids)).order_by(_notice.id))
    return number, [_of(row) for row in rows]


def settle(
    connection: Connection,
    notice_ids: Collection[int],
    way: NoticeWay,
    *,
    is_told: bool,
    detail: str,
    next_at: datetime | None,
    now: datetime,
) -> None:
    """Record an attempt: it is told, or tried again at `next_at`, or given up."""
    ids = sorted(notice_ids)
    attempts = [
        {"notice_id": number, "way": way, "at": now, "is_told": is_told, "detail": storable(detail)[:500]}
        for number in ids
    ]
    connection.execute(insert(tables.notice_attempts).values(attempts))
    connection.execute(
        update(tables.notice_tellings)
        .where(_telling.notice_id.in_(ids), _telling.way == way)
        .values(attempts=_telling.attempts + 1, next_at=next_at, told_at=now if is_told else None)
    )
    if is_told:
        connection.execute(
            update(tables.notices).where(_notice.id.in_(ids), _notice.told_at.is_(None)).values(told_at=now)
        )


def attempts_of(connection: Connection, notice_id: int, way: NoticeWay) -> int:
    """How often it was tried to tell it by this way."""
    found: int = connection.execute(
        select(_telling.attempts).where(_telling.notice_id == notice_id, _telling.way == way)
    ).scalar_one()
    return found


def find(connection: Connection, notice_id: int) -> Notice:
    """The notice, which exists."""
    return _of(connection.execute(select(tables.notices).where(_notice.id == notice_id)).one())


def latest(connection: Connection, *, limit: int, before_id: int | None = None) -> list[Notice]:
    """The newest notices, or those before the one with this id."""
    query = select(tables.notices).order_by(_notice.id.desc()).limit(limit)
    rows = connection.execute(query if before_id is None else query.where(_notice.id < before_id))
    return [_of(row) for row in rows]


def attempts(connection: Connection, notice_ids: Collection[int]) -> Mapping[int, Sequence[NoticeAttempt]]:
    """The attempts to tell each of these notices, the first one first."""
    row = tables.notice_attempts.c
    found: dict[int, list[NoticeAttempt]] = {number: [] for number in notice_ids}
    for one in connection.execute(
        select(tables.notice_attempts).where(row.notice_id.in_(list(notice_ids))).order_by(row.id)
    ):
        attempt = NoticeAttempt(at=one.at, way=NoticeWay(one.way), is_told=one.is_told, detail=one.detail)
        found[one.notice_id].append(attempt)
    return found


def count_lasting(connection: Connection) -> dict[str, int]:
    """How many matters last now, by their topic, without those that have none."""
    rows = connection.execute(
        select(_notice.topic, func.count().label("matters"))
        .where(_notice.ended_at.is_(None))
        .group_by(_notice.topic)
        .order_by(_notice.topic)
    )
    return {row.topic: row.matters for row in rows}


def purge(connection: Connection, *, before: datetime) -> int:
    """Delete the notices that were over before this time; returns how many."""
    return connection.execute(tables.notices.delete().where(_notice.ended_at < before)).rowcount


def targets(connection: Connection) -> StoredTargets:
    """Who is told, as it was set in the app."""
    row = connection.execute(select(tables.notice_settings)).one_or_none()
    if row is None:
        return StoredTargets(addresses=(), hook_url="", sealed=None, changed_by="")
    sealed = bytes(row.secrets) if row.secrets is not None else None
    return StoredTargets(
        addresses=tuple(row.addresses), hook_url=row.hook_url, sealed=sealed, changed_by=row.changed_by
    )


def change_targets(connection: Connection, changed: NoticeTargets, *, sealed: bytes | None, actor: str) -> None:
    """Replace who is told; `sealed` is the secret of the web hook, encrypted."""
    values = {
        "addresses": list(changed.addresses),
        "hook_url": changed.hook_url,
        "secrets": sealed,
        "changed_by": actor,
    }
    statement = insert(tables.notice_settings).values(id=1, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))


def tell_if_nobody(connection: Connection, address: str) -> None:
    """Tell this address from now on, unless somebody has set who is told, also if that is nobody."""
    values = {"addresses": [address], "changed_by": address}
    statement = insert(tables.notice_settings).values(id=1, **values)
    connection.execute(
        statement.on_conflict_do_update(index_elements=["id"], set_=values, where=_settings.changed_by == "")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedCampaign:
    """A campaign with articles of which nothing is to come any more. `channels` are those that finished."""

    id: int
    name: str
    finished_at: datetime
    channels: Sequence[str]
    dispatch_ids: Sequence[int]


def finished_campaigns(connection: Connection, *, since: datetime, limit: int) -> list[FinishedCampaign]:
    """The campaigns that finished after this time, the last first."""
    rows = connection.execute(
        text("""
            SELECT c.id, c.name, max(d.finished_at) AS finished_at,
                   array_agg(n.name ORDER BY n.name) AS channels, array_agg(d.id ORDER BY d.id) AS dispatch_ids
            FROM dispatches d JOIN campaigns c ON c.id = d.campaign_id JOIN channels n ON n.id = d.channel_id
            WHERE c.purpose = 'articles' AND d.state = 'finished'
              AND c.id IN (SELECT campaign_id FROM dispatches WHERE state = 'finished' AND finished_at > :since)
              AND NOT EXISTS (SELECT FROM dispatches o WHERE o.campaign_id = c.id
                              AND o.state IN ('draft', 'scheduled', 'running', 'paused'))
            GROUP BY c.id ORDER BY 3 DESC LIMIT :limit
        """),
        {"since": since, "limit": limit},
    )
    return [
        FinishedCampaign(
            id=row.id, name=row.name, finished_at=row.finished_at, channels=row.channels, dispatch_ids=row.dispatch_ids
        )
        for row in rows
    ]


def _begin(connection: Connection, matter: Matter, *, now: datetime) -> None:
    earlier = connection.execute(
        select(_notice.id, _notice.told_at)
        .where(_notice.key == stored_key(matter.key))
        .order_by(_notice.id.desc())
        .limit(1)
    ).one_or_none()
    if earlier is None or (earlier.told_at is not None and earlier.told_at <= now - AGAIN_AFTER):
        _insert(connection, matter, now=now)
        return
    connection.execute(
        update(tables.notices)
        .where(_notice.id == earlier.id)
        .values(ended_at=None, sentence=storable(matter.sentence), about=storable(matter.about), path=matter.path)
    )
    # What was over before it was told is told now.
    connection.execute(
        update(tables.notice_tellings)
        .where(_telling.notice_id == earlier.id, _telling.told_at.is_(None))
        .values(next_at=func.coalesce(_telling.next_at, now))
    )


def _insert(connection: Connection, matter: Matter, *, now: datetime, ended_at: datetime | None = None) -> int | None:
    """The id of the new notice; None if another process has inserted it."""
    number: int | None = connection.execute(
        insert(tables.notices)
        .values(
            key=stored_key(matter.key),
            topic=matter.topic,
            about=storable(matter.about),
            sentence=storable(matter.sentence),
            path=matter.path,
            first_seen_at=now,
            ended_at=ended_at,
        )
        .on_conflict_do_nothing()
        .returning(_notice.id)
    ).scalar_one_or_none()
    return number


def _of(row: Row[Any]) -> Notice:
    matter = Matter(key=row.key, topic=row.topic, about=row.about, sentence=row.sentence, path=row.path)
    return Notice(id=row.id, matter=matter, first_seen_at=row.first_seen_at, told_at=row.told_at, ended_at=row.ended_at)
