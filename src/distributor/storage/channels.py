"""Configured channels. Their secrets are encrypted with a key derived from the secret key."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy import Row, select, update
from sqlalchemy.dialects.postgresql import insert

from distributor.domain.errors import ConfigurationError, NotFoundError
from distributor.domain.rendition import Json
from distributor.storage import tables
from distributor.storage.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRecord:
    """A configured channel. `sealed` is its encrypted secrets, `discovered_limits` limits its remote API reports."""

    id: int
    name: str
    kind: str
    settings: Mapping[str, Json]
    sealed: bytes | None
    discovered_limits: Mapping[str, Json]
    discovered_at: datetime | None


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
                "set that key again, or configure the channel anew with `distributor channel set`"
            ) from None
        return opened


def save(
    connection: Connection, *, name: str, kind: str, settings: Mapping[str, Json], sealed: bytes | None
) -> ChannelRecord:
    """Insert or update the channel called `name`. Limits discovered before are dropped."""
    values = {
        "kind": kind,
        "settings": dict(settings),
        "secrets": sealed,
        "discovered_limits": {},
        "discovered_at": None,
    }
    connection.execute(
        insert(tables.channels).values(name=name, **values).on_conflict_do_update(index_elements=["name"], set_=values)
    )
    return find(connection, name)


def find(connection: Connection, name: str) -> ChannelRecord:
    """Raises NotFoundError."""
    row = connection.execute(select(tables.channels).where(tables.channels.c.name == name)).one_or_none()
    if row is None:
        raise NotFoundError("channel", name, hint="`distributor channel list` lists them")
    return _record(row)


def lock(connection: Connection, name: str) -> ChannelRecord:
    """The channel, locked until the transaction ends. Raises NotFoundError."""
    connection.execute(select(tables.channels.c.id).where(tables.channels.c.name == name).with_for_update())
    return find(connection, name)


def replace_secrets(connection: Connection, channel_id: int, sealed: bytes | None) -> None:
    """Replace the secrets of a channel and nothing else."""
    connection.execute(update(tables.channels).where(tables.channels.c.id == channel_id).values(secrets=sealed))


def find_by_id(connection: Connection, channel_id: int) -> ChannelRecord:
    """The channel with this id."""
    return _record(connection.execute(select(tables.channels).where(tables.channels.c.id == channel_id)).one())


def all_channels(connection: Connection) -> list[ChannelRecord]:
    """All channels by name."""
    return [_record(row) for row in connection.execute(select(tables.channels).order_by(tables.channels.c.name))]


def save_discovered_limits(
    connection: Connection, channel_id: int, discovered_limits: Mapping[str, Json], *, now: datetime
) -> None:
    """Store the limits that the remote API reported."""
    connection.execute(
        update(tables.channels)
        .where(tables.channels.c.id == channel_id)
        .values(discovered_limits=dict(discovered_limits), discovered_at=now)
    )


def _record(row: Row[tuple[object, ...]]) -> ChannelRecord:
    return ChannelRecord(
        id=row.id,
        name=row.name,
        kind=row.kind,
        settings=row.settings,
        sealed=bytes(row.secrets) if row.secrets is not None else None,
        discovered_limits=row.discovered_limits,
        discovered_at=row.discovered_at,
    )
