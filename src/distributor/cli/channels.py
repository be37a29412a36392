"""`distributor channel …`"""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer
from pydantic import BaseModel, SecretStr

from distributor.channels.registry import kind_of, kinds, make_channel
from distributor.cli import dkim, lanes
from distributor.cli.session import AsJson, installation_at_hand, say, show, show_rows
from distributor.domain.errors import ConfigurationError, InputError, NotFoundError
from distributor.flow.app_context import AppContext
from distributor.storage import channels
from distributor.storage.database import Connection

commands = typer.Typer()
commands.add_typer(dkim.commands, name="dkim")
commands.add_typer(lanes.commands, name="lanes")


@commands.command("kinds")
def list_kinds(as_json: AsJson = False) -> None:
    """Every kind of channel and its settings."""
    rows = [
        (
            name,
            kind.capabilities.audience.value,
            kind.capabilities.dedupe.value,
            ", ".join(kind.settings_model.model_fields),
        )
        for name, kind in kinds().items()
    ]
    show_rows(("kind", "audience", "dedupe", "settings"), rows, as_json=as_json, empty="")


@commands.command("set")
def set_channel(
    name: str,
    kind: Annotated[str, typer.Option(help="One of `distributor channel kinds`.")],
    values: Annotated[
        list[str] | None,
        typer.Option("--set", help="KEY=VALUE, or KEY=@VARIABLE to read it from the environment; may be repeated."),
    ] = None,
) -> None:
    """Configure a channel, new or again. Secrets are kept encrypted."""
    with installation_at_hand() as app:
        configure(app, name, kind, _parse(values or []))
    say(f"channel {name!r} of kind {kind} is configured")


@commands.command("list")
def list_channels(as_json: AsJson = False) -> None:
    """Every configured channel."""
    with installation_at_hand() as app, app.database.begin() as connection:
        records = channels.all_channels(connection)
    show_rows(
        ("name", "kind", "settings", "discovered_limits"),
        [(record.name, record.kind, dict(record.settings), dict(record.discovered_limits)) for record in records],
        as_json=as_json,
        empty="No channels yet: `distributor channel set NAME --kind KIND --set KEY=VALUE` makes one.",
    )


@commands.command("show")
def show_channel(name: str, as_json: AsJson = False) -> None:
    """One channel; of its secrets only which are set."""
    with installation_at_hand() as app:
        with app.database.begin() as connection:
            record = channels.find(connection, name)
        sealed = sorted(app.vault.open(record.sealed)) if record.sealed else []
    told = {
        "name": record.name,
        "kind": record.kind,
        "settings": dict(record.settings),
        "secrets_set": sealed,
        "discovered_limits": dict(record.discovered_limits),
    }
    if as_json:
        show(told)
    else:
        show_rows(("", " "), told.items(), as_json=False, empty="")


def configure(app: AppContext, name: str, kind: str, values: dict[str, Any]) -> None:
    """Check and keep the settings of a channel. Raises InputError or NotFoundError before anything is written."""
    model = kind_of(kind).settings_model
    unknown = sorted(set(values) - set(model.model_fields))
    if unknown:
        raise InputError(f"kind {kind} has no setting {unknown[0]!r}; it has {', '.join(model.model_fields)}")
    for key in values:
        keeper = _keeper_of(model, key)
        if keeper:
            raise InputError(f"setting {key!r} is not set by hand: see `{keeper} --help`")
    make_channel(kind, values)
    secrets = {key: str(value) for key, value in values.items() if _is_secret(model, key)}
    settings = {key: value for key, value in values.items() if key not in secrets}
    with app.database.begin() as connection:
        secrets |= _kept(app, connection, name, kind)
        sealed = app.vault.seal(secrets) if secrets else None
        channels.save(connection, name=name, kind=kind, settings=settings, sealed=sealed)


def _parse(values: list[str]) -> dict[str, str]:
    parsed = {}
    for one in values:
        key, equals, value = one.partition("=")
        if not equals:
            raise InputError(f"--set {one!r}: write KEY=VALUE")
        if value.startswith("@"):
            if value[1:] not in os.environ:
                raise InputError(f"--set {key}={value}: the environment has no variable {value[1:]}")
            value = os.environ[value[1:]]
        parsed[key] = value
    return parsed


def _kept(app: AppContext, connection: Connection, name: str, kind: str) -> dict[str, str]:
    """The secrets that a channel keeps when it is configured again, because other commands look after them."""
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
        # Sealed under a key that is gone: configuring the channel anew is the way out, and nothing can be kept.
        return {}
    return {key: value for key, value in secrets.items() if key in model.model_fields and _keeper_of(model, key)}


def _keeper_of(model: type[BaseModel], key: str) -> str:
    """The command that looks after a setting, if one does."""
    extra = model.model_fields[key].json_schema_extra
    return str(extra.get("kept_by", "")) if isinstance(extra, dict) else ""


def _is_secret(model: type[BaseModel], key: str) -> bool:
    return SecretStr in (
        model.model_fields[key].annotation,
        *getattr(model.model_fields[key].annotation, "__args__", ()),
    )
