"""The settings of channels, checked by their kind, with secrets stored encrypted; and the removal of channels."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import regex
import structlog

from distributor.channels.registry import describe_settings, parse_settings
from distributor.described_settings import SettingDescription, require_given, require_known
from distributor.domain.errors import ConfigurationError, DistributorError, InputError, NotFoundError, StateError
from distributor.domain.stored_text import checked_key
from distributor.domain.user import Actor, AuditAction
from distributor.flow.app_context import AppContext
from distributor.flow.operations.signing_keys import key_ring
from distributor.storage import audit_log, campaigns, channels, dispatches, paused_routes
from distributor.storage.channels import ChannelRecord
from distributor.storage.database import Connection

# It is part of addresses and of file names, and options of campaigns name it before a `=`.
_LONGEST_NAME = 100
_NAME = regex.compile(r"[\p{L}\p{N}][\p{L}\p{M}\p{N}._-]*")
# As many campaigns are named that keep a channel from being removed.
_MAX_NAMED = 5

# The acts whose details name the settings that they set; older ones are not looked at.
_SETTING_ACTS = (AuditAction.CHANNEL_CREATED, AuditAction.CHANNEL_CHANGED)
_MAX_ACTS = 100

log = structlog.get_logger(__name__)


def configure(
    app: AppContext,
    name: str,
    kind: str,
    values: Mapping[str, Any],
    *,
    is_new: bool = False,
    actor: Actor | None = None,
) -> None:
    """Create a channel, or replace the settings and secrets of one, except what other commands manage.

    With `is_new` one that exists is not replaced: StateError. What an `actor` does is in the audit log. Raises
    InputError, NotFoundError for the kind, and StateError for a channel of another kind, before anything is
    written. A channel that exists keeps its name, whatever it is.
    """
    checked_key(name, "the name of the channel", limit=_LONGEST_NAME)
    described = describe_settings(kind)
    with app.database.begin() as connection:
        exists = channels.exists(connection, name, kind)
        if exists and is_new:
            raise StateError(f"there is a channel {name!r} already: choose another name")
        if not exists and not _NAME.fullmatch(name):
            raise InputError(
                f"{name!r} cannot be the name of a channel: write letters, digits, '-', '_' and '.', the first of them "
                "a letter or digit"
            )
        _require_settable(kind, described, values)
        managed = _managed_secrets(app, connection, name, kind, described)
        _store(app, connection, name, kind, values, managed)
        if actor is not None:
            action = AuditAction.CHANNEL_CHANGED if exists else AuditAction.CHANNEL_CREATED
            audit_log.record(connection, actor, action, subject=name, detail=", ".join(sorted(values)), now=app.clock())


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelSettings:
    """The settings of a channel, for a form: the values that are not secret, and the names of the secrets it has.

    `set_at` is when a secret was set last, as far as that was done in the app. `unreadable` says why the secrets cannot
    be decrypted, if so. `version` changes with every change.
    """

    record: ChannelRecord
    described: Sequence[SettingDescription]
    secrets_set: frozenset[str]
    set_at: Mapping[str, datetime]
    unreadable: str
    version: str


def read_settings(app: AppContext, name: str) -> ChannelSettings:
    """The settings of a channel. Raises NotFoundError for it, or for its kind."""
    with app.database.begin() as connection:
        record = channels.find(connection, name)
        acts = audit_log.about(connection, name, _SETTING_ACTS, limit=_MAX_ACTS)
    described, unreadable = describe_settings(record.kind), ""
    try:
        secrets = _secrets(app, record)
    except ConfigurationError as error:
        secrets, unreadable = {}, str(error)
    return ChannelSettings(
        record=record,
        described=described,
        secrets_set=frozenset(key for key, value in secrets.items() if value),
        # The newest act comes first, and stays.
        set_at={key: at for at, detail in reversed(acts) for key in detail.split(", ") if key in secrets},
        unreadable=unreadable,
        version=_version(record),
    )


def _version(record: ChannelRecord) -> str:
    content = json.dumps([record.id, record.settings], sort_keys=True).encode() + (record.sealed or b"")
    return hashlib.sha256(content).hexdigest()[:16]


def change(
    app: AppContext,
    name: str,
    values: Mapping[str, Any],
    *,
    unset: Collection[str] = (),
    seen: str = "",
    actor: Actor | None = None,
) -> None:
    """Change some settings of a channel, give those called `unset` their defaults, and keep the others.

    `seen` is the version that someone had before their eyes: StateError if it is another now. What an `actor` does
    is in the audit log. Raises NotFoundError, InputError before anything is written, and ConfigurationError if the
    secrets that are to be kept cannot be decrypted.
    """
    with app.database.begin() as connection:
        record = channels.lock(connection, name)
        if seen and seen != _version(record):
            raise StateError(f"channel {name!r} was changed by someone else meanwhile; nothing is saved")
        described = describe_settings(record.kind)
        _require_settable(record.kind, described, [*values, *unset])
        both = sorted(set(values).intersection(unset))
        if both:
            raise InputError(f"setting {both[0]!r} is both set and unset")
        kept = {**record.settings, **_secrets(app, record)}
        managed = {one.name: kept.pop(one.name) for one in described if one.managing_command and one.name in kept}
        changed = {key: value for key, value in {**kept, **values}.items() if key not in unset}
        _store(app, connection, name, record.kind, changed, managed)
        if actor is not None:
            detail = ", ".join(sorted({*values, *unset}))
            audit_log.record(
                connection, actor, AuditAction.CHANNEL_CHANGED, subject=name, detail=detail, now=app.clock()
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRemoval:
    """What is lost with a channel: the names of its secrets, and the selectors of its DKIM keys."""

    name: str
    kind: str
    secrets: tuple[str, ...]
    selectors: tuple[str, ...]


def plan_removal(app: AppContext, name: str) -> ChannelRemoval:
    """What removing a channel would delete. Raises NotFoundError, and StateError while a campaign needs it."""
    with app.database.begin() as connection:
        return _plan_removal(app, connection, channels.find(connection, name))


def remove(app: AppContext, name: str, *, actor: Actor | None = None) -> ChannelRemoval:
    """Delete the secrets of a channel, which is not used any more; what it has sent stays on record.

    Raises NotFoundError, and StateError while a campaign needs it.
    """
    with app.database.begin() as connection:
        record = channels.lock(connection, name)
        removal = _plan_removal(app, connection, record)
        channels.mark_removed(connection, record.id, now=app.clock())
        if actor is not None:
            audit_log.record(connection, actor, AuditAction.CHANNEL_REMOVED, subject=name, now=app.clock())
    log.info("channel.removed", channel=name, kind=record.kind)
    return removal


def _plan_removal(app: AppContext, connection: Connection, record: ChannelRecord) -> ChannelRemoval:
    needed_by = dispatches.open_on(connection, record.id)
    if needed_by:
        named = ", ".join(
            f"{one.campaign_id} {campaigns.find(connection, one.campaign_id).name!r} ({one.state})"
            for one in needed_by[:_MAX_NAMED]
        )
        more = f" and {len(needed_by) - _MAX_NAMED} more" if len(needed_by) > _MAX_NAMED else ""
        raise StateError(
            f"channel {record.name!r} is needed by campaign {named}{more}: cancel them, "
            "edit them to do without it, or wait until they are finished"
        )
    try:
        secrets = _secrets(app, record)
    except ConfigurationError:
        # Encrypted with a secret key that is lost: no one can use them any more.
        secrets = {}
    return ChannelRemoval(
        name=record.name,
        kind=record.kind,
        secrets=tuple(sorted(secrets)),
        selectors=_selectors(app, record),
    )


def _selectors(app: AppContext, record: ChannelRecord) -> tuple[str, ...]:
    try:
        return tuple(entry.selector for entry in key_ring(app, record.name).entries)
    except DistributorError:
        # Its kind signs nothing, or the channel cannot be opened any more.
        return ()


def _require_settable(kind: str, described: Sequence[SettingDescription], given: Collection[str]) -> None:
    """Raises InputError for a setting that the kind does not have, or that another command manages."""
    known = require_known(described, given, kind=kind)
    for key in given:
        command = known[key].managing_command
        if command:
            raise InputError(f"setting {key!r} cannot be set here: see `{command} --help`")


def _store(
    app: AppContext,
    connection: Connection,
    name: str,
    kind: str,
    values: Mapping[str, Any],
    managed: Mapping[str, str],
) -> None:
    """Check and store settings. What a server objected to before, such as a wrong password, may be corrected now."""
    described = describe_settings(kind)
    require_given(described, values, what=f"a channel of kind {kind}", command=f"distributor channel kind {kind}")
    parsed = parse_settings(kind, values)
    secret_names = {one.name for one in described if one.is_secret}
    secrets = {key: str(value) for key, value in values.items() if key in secret_names} | dict(managed)
    settings = parsed.model_dump(mode="json", include=set(values) - secret_names)
    sealed = app.vault.seal(secrets) if secrets else None
    is_changed = _is_changed(app, connection, name, settings, secrets)
    channel = channels.save(connection, name=name, kind=kind, settings=settings, sealed=sealed)
    if is_changed:
        paused = paused_routes.paused(connection, channel.id)
        paused_routes.resume_all(connection, channel.id, paused, now=app.clock())


def _is_changed(
    app: AppContext, connection: Connection, name: str, settings: Mapping[str, Any], secrets: Mapping[str, str]
) -> bool:
    """Whether the stored settings or secrets of a channel are others than these; a new channel is changed."""
    try:
        before = channels.find(connection, name)
        stored = _secrets(app, before)
    except (NotFoundError, ConfigurationError):
        return True
    return dict(before.settings) != dict(settings) or stored != dict(secrets)


def _managed_secrets(
    app: AppContext, connection: Connection, name: str, kind: str, described: Sequence[SettingDescription]
) -> dict[str, str]:
    """The secrets that stay when a channel is configured again, because other commands manage them."""
    try:
        before = channels.lock(connection, name)
        secrets = _secrets(app, before) if before.kind == kind else {}
    except (NotFoundError, ConfigurationError):
        # Encrypted with a secret key that is lost: nothing can be kept, and configuring the channel again must work.
        return {}
    return {one.name: secrets[one.name] for one in described if one.managing_command and one.name in secrets}


def _secrets(app: AppContext, record: ChannelRecord) -> dict[str, str]:
    return app.vault.open(record.sealed) if record.sealed is not None else {}
