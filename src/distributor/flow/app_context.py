"""What every step of the flow works with: the servers, the site, the keys and the clock of one app."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from redis import Redis

from distributor.channels.api import Channel, Site
from distributor.channels.registry import make_channel
from distributor.domain.feedback import BouncePolicy
from distributor.domain.tokens import TokenSigner
from distributor.flow.failpoints import Failpoint, go_on
from distributor.rendering.environment import Templates
from distributor.storage.channels import ChannelRecord, Vault
from distributor.storage.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class AppContext:
    """One app. `journal_dir` and `imports_dir` are on this machine; the rest is shared by all machines."""

    database: Database
    redis: Redis
    site: Site
    templates: Templates
    tokens: TokenSigner
    vault: Vault
    journal_dir: Path
    imports_dir: Path
    content_dir: Path
    clock: Callable[[], datetime]
    # How much bounces that are not hard have to say before an address is suppressed.
    bounce_policy: BouncePolicy = field(default_factory=BouncePolicy)
    # How long events are kept; None for as long as their deliveries.
    event_retention: timedelta | None = None
    # What happens at each failpoint; a test may let the process die there.
    failpoint: Callable[[Failpoint], None] = go_on

    def open_channel(self, record: ChannelRecord) -> Channel:
        """The channel as configured, with its secrets. Raises InputError or ConfigurationError."""
        secrets = self.vault.open(record.sealed) if record.sealed else {}
        return make_channel(record.kind, {**record.settings, **secrets})
