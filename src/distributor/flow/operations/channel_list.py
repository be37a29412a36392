"""The channels as the team sees them: what each goes out as, where to, and whether anything keeps it from sending."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from distributor.channels.api import (
    Audience,
    Channel,
    ChannelPlace,
    ConfiguredChannel,
    IdentifyingChannel,
    KindPresentation,
    PlacedChannel,
    Severity,
    SigningChannel,
    Site,
)
from distributor.channels.registry import kinds, present
from distributor.domain.errors import DistributorError
from distributor.domain.sandbox_ports import SandboxPorts
from distributor.flow.app_context import AppContext
from distributor.storage import channels, paused_routes, site_settings
from distributor.storage.channels import ChannelRecord
from distributor.storage.paused_routes import PausedRouteRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelOverview:
    """A channel. `problems` keep it from sending; `routes` are in backoff, and go on by themselves.

    `is_sandbox` means that nobody gets what it sends. A channel that `has_keys` can sign its mails, and one that
    `can_be_tried` can connect and say who it is there.
    """

    record: ChannelRecord
    presentation: KindPresentation
    place: ChannelPlace
    is_sandbox: bool
    is_for_subscribers: bool
    can_be_tried: bool
    has_keys: bool
    problems: tuple[str, ...]
    routes: tuple[PausedRouteRecord, ...]
    last_used_at: datetime | None
    open_campaigns: int


def all_channels(app: AppContext) -> list[ChannelOverview]:
    """Every channel, by name."""
    with app.database.begin() as connection:
        records = channels.all_channels(connection)
        sandbox = site_settings.sandbox(connection)
        used = channels.usage(connection)
        routes = {record.id: paused_routes.paused(connection, record.id) for record in records}
    return [_overview(app, record, sandbox, used.get(record.id), routes[record.id]) for record in records]


def find_channel(app: AppContext, name: str) -> ChannelOverview:
    """One channel. Raises NotFoundError."""
    with app.database.begin() as connection:
        record = channels.find(connection, name)
        sandbox = site_settings.sandbox(connection)
        used = channels.usage(connection).get(record.id)
        routes = paused_routes.paused(connection, record.id)
    return _overview(app, record, sandbox, used, routes)


def _overview(
    app: AppContext,
    record: ChannelRecord,
    sandbox: SandboxPorts | None,
    used: channels.ChannelUsage | None,
    routes: Sequence[PausedRouteRecord],
) -> ChannelOverview:
    kind = kinds().get(record.kind)
    channel, problem = _open(app, record)
    return ChannelOverview(
        record=record,
        presentation=present(record.kind) if kind else KindPresentation(title=record.kind, sentence=""),
        place=_place(channel, app.site),
        is_sandbox=sandbox is not None and sandbox.is_in(_values(app, record)),
        is_for_subscribers=kind is not None and kind.capabilities.audience is Audience.SUBSCRIBERS,
        can_be_tried=isinstance(channel, IdentifyingChannel),
        has_keys=isinstance(channel, SigningChannel),
        problems=(problem,) if problem else _missing(channel),
        routes=tuple(routes),
        last_used_at=used.last_at if used else None,
        open_campaigns=used.open_campaigns if used else 0,
    )


def _place(channel: object, site: Site) -> ChannelPlace:
    return channel.place(site) if isinstance(channel, PlacedChannel) else ChannelPlace()


def _open(app: AppContext, record: ChannelRecord) -> tuple[Channel | None, str]:
    try:
        return app.open_channel(record), ""
    except DistributorError as error:
        return None, str(error)


def _missing(channel: Channel | None) -> tuple[str, ...]:
    if not isinstance(channel, ConfiguredChannel):
        return ()
    return tuple(one.message for one in channel.check_settings() if one.severity is Severity.BLOCK)


def _values(app: AppContext, record: ChannelRecord) -> list[object]:
    try:
        secrets = app.vault.open(record.sealed) if record.sealed else {}
    except DistributorError:
        secrets = {}
    return [*record.settings.values(), *secrets.values()]
