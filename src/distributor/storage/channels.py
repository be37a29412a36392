"""Configured channels. Their secrets are encrypted with a key derived from the secret key."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy import Row, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from distributor.domain.errors import ConfigurationError, NotFoundError, StateError
from distributor.domain.rendition import Json
from distributor.storage import tables
from distributor.storage.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRecord:
    """A configured channel. `sealed` is its encrypted secrets, `discovered_limits` limits its remote API reports.

    One that was removed has no secrets any more.
    """

    id: int
    name: str
    kind: str
    settings: Mapping[str, Json]
    sealed: bytes | None
    discovered_limits: Mapping[str, Json]
    discovered_at: datetime | None
    removed_at: datetime | None = None


_LIVE = select(tables.channels).where(tables.channels.c.removed_at.is_(None))


class SecretBox:
    """Encrypts and decrypts secrets by Fernet (AES-128-CBC, HMAC-SHA256) with a key derived from the secret key."""

    def __init__(self, secret: bytes) -> None:
        derived = hashlib.sha256(b"distributor/vault/1\n" + secret).digest()
        self._fernet = Fernet(base64.urlsafe_b64encode(derived))

    def seal(self, secrets: Mapping[str, str]) -> bytes:
        """Encrypt the secrets."""
        return self._fernet.encrypt(json.dumps(secrets).encode())

    def open(self, sealed: bytes) -> dict[str, str]:
        """Decrypt the secrets. Raises ConfigurationError if they were encrypted under another key."""
        try:
            opened: dict[str, str] = json.loads(self._fernet.decrypt(sealed))
        except InvalidToken:
            raise ConfigurationError(
                "the secrets of a channel were sealed under another DISTRIBUTOR_SECRET_KEY; "
                "set that key again, or give the channel all of them anew with `distributor channel set`"
            ) from None
        return opened


def save(
    connection: Connection, *, name: str, kind: str, settings: Mapping[str, Json], sealed: bytes | None
) -> ChannelRecord:
    """Insert or update the channel called `name`. Limits discovered before are dropped.

    A channel of this name and kind that was removed is configured again. Raises StateError if there is a channel of
    this name and another kind: its keys and its history belong to that kind.
    """
    column = tables.channels.c
    values = {"settings": dict(settings), "secrets": sealed, "discovered_limits": {}, "discovered_at": None}
    if not _is_live(connection, name):
        removed = select(func.max(column.id)).where(column.name == name, column.kind == kind).scalar_subquery()
        connection.execute(update(tables.channels).where(column.id == removed).values(removed_at=None))
    connection.execute(
        insert(tables.channels)
        .values(name=name, kind=kind, **values)
        .on_conflict_do_update(
            index_elements=["name"], index_where=column.removed_at.is_(None), set_=values, where=column.kind == kind
        )
    )
    saved = find(connection, name)
    _require_kind(saved, kind)
    return saved


def exists(connection: Connection, name: str, kind: str) -> bool:
    """Whether there is a channel of this name and kind. Raises StateError if there is one of another kind."""
    row = connection.execute(_LIVE.where(tables.channels.c.name == name)).one_or_none()
    if row is not None:
        _require_kind(_record(row), kind)
    return row is not None


def _require_kind(record: ChannelRecord, kind: str) -> None:
    if record.kind != kind:
        raise StateError(
            f"channel {record.name!r} is of kind {record.kind}, and its kind cannot change to {kind}: choose another "
            f"name, or remove it first with `distributor channel remove {record.name}`"
        )


def find(connection: Connection, name: str) -> ChannelRecord:
    """The channel called `name`, unless it was removed. Raises NotFoundError."""
    row = connection.execute(_LIVE.where(tables.channels.c.name == name)).one_or_none()
    if row is None:
        raise NotFoundError("channel", name, hint="`distributor channel list` lists them")
    return _record(row)


def hold(connection: Connection, name: str) -> ChannelRecord:
    """The channel, which is not removed until the transaction ends. Raises NotFoundError."""
    row = connection.execute(
        _LIVE.where(tables.channels.c.name == name).with_for_update(read=True, key_share=True)
    ).one_or_none()
    return _record(row) if row is not None else find(connection, name)


def lock(connection: Connection, name: str) -> ChannelRecord:
    """The channel, locked until the transaction ends. Raises NotFoundError."""
    connection.execute(_LIVE.where(tables.channels.c.name == name).with_for_update())
    return find(connection, name)


def replace_secrets(connection: Connection, channel_id: int, sealed: bytes | None) -> None:
    """Replace the secrets of a channel and nothing else."""
    connection.execute(update(tables.channels).where(tables.channels.c.id == channel_id).values(secrets=sealed))


def mark_removed(connection: Connection, channel_id: int, *, now: datetime) -> None:
    """Delete the secrets and the routes in backoff of a channel, which is not used any more; its row stays."""
    connection.execute(delete(tables.paused_routes).where(tables.paused_routes.c.channel_id == channel_id))
    connection.execute(
        update(tables.channels).where(tables.channels.c.id == channel_id).values(secrets=None, removed_at=now)
    )


def find_by_id(connection: Connection, channel_id: int) -> ChannelRecord:
    """The channel with this id, also if it was removed."""
    return _record(connection.execute(select(tables.channels).where(tables.channels.c.id == channel_id)).one())


def all_channels(connection: Connection) -> list[ChannelRecord]:
    """All channels by name, without those that were removed."""
    return [_record(row) for row in connection.execute(_LIVE.order_by(tables.channels.c.name))]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelUsage:
    """When a channel began to send last, and how many campaigns that are not finished have it."""

    last_at: datetime | None
    open_campaigns: int


def usage(connection: Connection) -> dict[int, ChannelUsage]:
    """How each channel is used, by its number; tests do not count."""
    rows = connection.execute(
        text("""
            SELECT x.channel_id, max(x.released_at) AS last_at,
                   count(*) FILTER (WHERE x.state IN ('draft', 'scheduled', 'running', 'paused')) AS open_campaigns
            FROM dispatches x JOIN campaigns c ON c.id = x.campaign_id
            WHERE c.purpose = 'articles'
            GROUP BY 1
        """)
    )
    return {row.channel_id: ChannelUsage(last_at=row.last_at, open_campaigns=row.open_campaigns) for row in rows}


def ever_configured(connection: Connection) -> list[ChannelRecord]:
    """All channels by name, also those that were removed."""
    by_name = select(tables.channels).order_by(tables.channels.c.name, tables.channels.c.id)
    return [_record(row) for row in connection.execute(by_name)]


def save_discovered_limits(
    connection: Connection, channel_id: int, discovered_limits: Mapping[str, Json], *, now: datetime
) -> None:
    """Store the limits that the remote API reported."""
    connection.execute(
        update(tables.channels)
        .where(tables.channels.c.id == channel_id)
        .values(discovered_limits=dict(discovered_limits), discovered_at=now)
    )


def _is_live(connection: Connection, name: str) -> bool:
    return connection.execute(_LIVE.where(tables.channels.c.name == name)).first() is not None


def _record(row: Row[tuple[object, ...]]) -> ChannelRecord:
    return ChannelRecord(
        id=row.id,
        name=row.name,
        kind=row.kind,
        settings=row.settings,
        sealed=bytes(row.secrets) if row.secrets is not None else None,
        discovered_limits=row.discovered_limits,
        discovered_at=row.discovered_at,
        removed_at=row.removed_at,
    )
