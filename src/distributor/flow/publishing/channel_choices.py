"""The channels that a campaign can be sent on: what each does with it, what it says in its own words, what it lacks."""

from __future__ import annotations

from dataclasses import dataclass

from distributor.channels.api import (
    Channel,
    ChannelPlace,
    ConfiguredChannel,
    MeasuringChannel,
    PlacedChannel,
)
from distributor.channels.registry import kinds, present
from distributor.domain.campaign_review import Reach
from distributor.domain.errors import ConfigurationError, InputError, NotFoundError
from distributor.domain.problems import Problem
from distributor.domain.sandbox_ports import SandboxPorts
from distributor.flow.app_context import AppContext
from distributor.flow.publishing.review import reach_of
from distributor.storage import channels, site_settings
from distributor.storage.channels import ChannelRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelChoice:
    """A channel for the choice of a campaign's channels.

    `title` is what its kind is called, `account` what it goes out as, if that is known. Nobody gets what a sandbox is
    sent. `options` are the names of the message options that it uses, `max_thread` is how many posts a thread may have
    on it. `problems` keep it from sending anything.
    """

    name: str
    title: str
    reach: Reach
    account: str
    is_sandbox: bool
    options: frozenset[str]
    max_thread: int = 1
    problems: tuple[str, ...] = ()

    def uses(self, option: str) -> bool:
        """Whether its messages have this option."""
        return option in self.options


def channel_choices(app: AppContext) -> list[ChannelChoice]:
    """The channels by name. One of a kind that is not installed is left out: nothing can be sent on it."""
    with app.database.begin() as connection:
        records = channels.all_channels(connection)
        sandbox = site_settings.sandbox(connection)
    return [_choice(app, record, sandbox) for record in records if record.kind in kinds()]


def _choice(app: AppContext, record: ChannelRecord, sandbox: SandboxPorts | None) -> ChannelChoice:
    channel = _open(app, record)
    place = channel.place(app.site) if isinstance(channel, PlacedChannel) else ChannelPlace()
    problems: tuple[Problem, ...] = ()
    if isinstance(channel, ConfiguredChannel):
        problems = tuple(channel.check_settings())
    reasons = (channel,) if isinstance(channel, str) else tuple(one.message for one in problems)
    return ChannelChoice(
        name=record.name,
        title=present(record.kind).title,
        reach=reach_of(record.kind),
        account=place.account,
        is_sandbox=sandbox is not None and sandbox.is_in(_values(app, record)),
        options=kinds()[record.kind].capabilities.message_options,
        max_thread=channel.max_thread() if isinstance(channel, MeasuringChannel) else 1,
        problems=reasons,
    )


def _values(app: AppContext, record: ChannelRecord) -> list[object]:
    try:
        secrets = app.vault.open(record.sealed) if record.sealed else {}
    except ConfigurationError:
        secrets = {}
    return [*record.settings.values(), *secrets.values()]


def _open(app: AppContext, record: ChannelRecord) -> Channel | str:
    """The channel, or why it cannot be opened."""
    try:
        return app.open_channel(record)
    except (InputError, ConfigurationError, NotFoundError) as error:
        return str(error)
