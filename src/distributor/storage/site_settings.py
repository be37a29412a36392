"""What the team has set about its site, and the logos that it has uploaded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert

from distributor.domain.brand import Logo
from distributor.domain.sandbox_ports import SandboxPorts
from distributor.domain.site_settings import SiteSetting, logo_path
from distributor.storage import tables
from distributor.storage.database import Connection

# What is kept beside them: where the sandbox is.
_SANDBOX = "sandbox"

_settings = tables.site_settings.c
_logos = tables.site_logos.c


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSetting:
    """A value that was set in the app, by whom, and when."""

    value: str
    changed_by: str
    changed_at: datetime


def stored(connection: Connection) -> dict[SiteSetting, StoredSetting]:
    """What is set. Settings of a later version are left out."""
    known = {one.value for one in SiteSetting}
    return {
        SiteSetting(row.name): StoredSetting(value=row.value, changed_by=row.changed_by, changed_at=row.changed_at)
        for row in connection.execute(select(tables.site_settings).order_by(_settings.name))
        if row.name in known
    }


def lock(connection: Connection) -> None:
    """Until the transaction ends no one else changes the settings; they can still be read."""
    connection.execute(text("LOCK TABLE site_settings IN SHARE ROW EXCLUSIVE MODE"))


def change(connection: Connection, values: Mapping[SiteSetting, str], *, actor: str, now: datetime) -> None:
    """Set these values; an empty one is no longer set."""
    unset = [setting for setting, value in values.items() if not value]
    connection.execute(delete(tables.site_settings).where(_settings.name.in_(unset)))
    rows = [
        {"name": setting, "value": value, "changed_by": actor, "changed_at": now}
        for setting, value in values.items()
        if value
    ]
    if rows:
        statement = insert(tables.site_settings).values(rows)
        changed = {name: statement.excluded[name] for name in ("value", "changed_by", "changed_at")}
        connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=changed))


def remember_sandbox(connection: Connection, ports: SandboxPorts, *, now: datetime) -> None:
    """Keep where the sandbox of this service listens."""
    value = json.dumps({"host": ports.host, "http": ports.http, "smtp": ports.smtp})
    statement = insert(tables.site_settings).values(name=_SANDBOX, value=value, changed_by="", changed_at=now)
    changed = {"value": value, "changed_at": now}
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=changed))


def sandbox(connection: Connection) -> SandboxPorts | None:
    """Where the sandbox of this service listened last; None if it has none."""
    value = connection.execute(select(_settings.value).where(_settings.name == _SANDBOX)).scalar_one_or_none()
    return SandboxPorts(**json.loads(value)) if value else None


def add_logo(connection: Connection, logo: Logo) -> str:
    """Store an uploaded logo; returns its name."""
    name = logo.url.removeprefix(logo_path(""))
    connection.execute(
        insert(tables.site_logos)
        .values(name=name, media_type=logo.media_type, width=logo.width, height=logo.height, body=logo.body)
        .on_conflict_do_nothing()
    )
    return name


def find_logo(connection: Connection, name: str) -> Logo | None:
    """The logo of this name, also one that is not used any more."""
    row = connection.execute(select(tables.site_logos).where(_logos.name == name)).one_or_none()
    if row is None:
        return None
    return Logo(
        url=logo_path(row.name),
        media_type=row.media_type,
        width=row.width,
        height=row.height,
        body=bytes(row.body),
    )
