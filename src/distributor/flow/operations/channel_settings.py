"""The settings of channels: checked by their kind, stored, and of secrets only encrypted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, SecretStr

from distributor.channels.registry import kind_of, make_channel
from distributor.domain.errors import ConfigurationError, InputError, NotFoundError
from distributor.domain.stored_text import checked_key
from distributor.flow.app_context import AppContext
from distributor.storage import channels, paused_routes
from distributor.storage.database import Connection

# It is part of addresses and of file names.
_LONGEST_NAME = 100


def configure(app: AppContext, name: str, kind: str, values: dict[str, Any]) -> None:
    """Check and store the settings of a channel. Raises InputError or NotFoundError before anything is written."""
    checked_key(name, "the name of the channel", limit=_LONGEST_NAME)
    model = kind_of(kind).settings_model
    unknown = sorted(set(values) - set(model.model_fields))
    if unknown:
        raise InputError(f"kind {kind} has no setting {unknown[0]!r}; it has {', '.join(model.model_fields)}")
    for key in values:
        command = _managing_command(model, key)
        if command:
            raise InputError(f"setting {key!r} cannot be set here: see `{command} --help`")
    make_channel(kind, values)
    secrets = {key: str(value) for key, value in values.items() if _is_secret(model, key)}
    settings = {key: value for key, value in values.items() if key not in secrets}
    with app.database.begin() as connection:
        secrets |= _managed_secrets(app, connection, name, kind)
        sealed = app.vault.seal(secrets) if secrets else None
        is_changed = _is_changed(app, connection, name, settings, secrets)
        channel = channels.save(connection, name=name, kind=kind, settings=settings, sealed=sealed)
        if is_changed:
            # What a server objected to, such as a wrong password, may be corrected now.
            paused = paused_routes.paused(connection, channel.id)
            paused_routes.resume_all(connection, channel.id, paused, now=app.clock())


def _is_changed(
    app: AppContext, connection: Connection, name: str, settings: Mapping[str, Any], secrets: Mapping[str, str]
) -> bool:
    """Whether the stored settings or secrets of a channel are others than these; a new channel is changed."""
    try:
        before = channels.find(connection, name)
        stored = app.vault.open(before.sealed) if before.sealed is not None else {}
    except (NotFoundError, ConfigurationError):
        return True
    return dict(before.settings) != dict(settings) or stored != dict(secrets)


def _managed_secrets(app: AppContext, connection: Connection, name: str, kind: str) -> dict[str, str]:
    """The secrets that stay when a channel is configured again, because other commands manage them."""
    try:
        before = channels.lock(connection, name)
    except NotFoundError:
        return {}
    if before.kind != kind or before.sealed is None:
        return {}
    model = kind_of(kind).settings_model
    try:
        secrets = app.vault.open(before.sealed)
    except ConfigurationError:
        # Encrypted with a secret key that is lost: nothing can be kept, and configuring the channel again must work.
        return {}
    return {key: value for key, value in secrets.items() if key in model.model_fields and _managing_command(model, key)}


def _managing_command(model: type[BaseModel], key: str) -> str:
    """The command that manages a setting; empty if `channel set` does."""
    extra = model.model_fields[key].json_schema_extra
    return str(extra.get("kept_by", "")) if isinstance(extra, dict) else ""


def _is_secret(model: type[BaseModel], key: str) -> bool:
    return SecretStr in (
        model.model_fields[key].annotation,
        *getattr(model.model_fields[key].annotation, "__args__", ()),
    )
