"""The context that every step of the flow works in: the servers, the site, the keys and the clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from distributor.channels.api import Channel, Site
from distributor.channels.registry import make_channel
from distributor.domain.diagnostics import Nameserver
from distributor.domain.feedback import BouncePolicy
from distributor.domain.ip_networks import IpNetwork
from distributor.domain.notice import NoticeTargets
from distributor.domain.site_settings import SiteSetting
from distributor.domain.tokens import TokenSigner
from distributor.flow.current_site import CurrentSite
from distributor.flow.failpoints import Failpoint, do_nothing
from distributor.rendering.environment import Templates
from distributor.storage.channels import ChannelRecord, SecretBox
from distributor.storage.database import Database

if TYPE_CHECKING:
    from redis import Redis


@dataclass(frozen=True, kw_only=True)
class AppContext:
    """One deployment of Distributor. `journal_dir` and `imports_dir` are on this machine; machines share the rest."""

    database: Database
    # Called for the first use of Redis: most commands do without, and the client takes long to import.
    connect_redis: Callable[[], Redis]
    # As the environment describes it; `site` is with what the team has changed.
    configured_site: Site
    templates: Templates
    tokens: TokenSigner
    vault: SecretBox
    journal_dir: Path
    imports_dir: Path
    content_dir: Path
    clock: Callable[[], datetime]
    # The settings of the site that the environment sets, and no one changes in the app.
    fixed_site_settings: frozenset[SiteSetting] = frozenset()
    # Whether articles of the content folder start published; otherwise as drafts.
    content_publish: bool = False
    # Whether its files are refused if their front matter has anything that is not used.
    content_strict: bool = False
    # Whether images of articles that are elsewhere on the web are fetched and kept.
    content_fetch_images: bool = False
    # Who is told what needs a person, as far as the environment says.
    notice_targets: NoticeTargets = field(default_factory=NoticeTargets)
    # After how many soft bounces an address is suppressed.
    bounce_policy: BouncePolicy = field(default_factory=BouncePolicy)
    # Networks whose addresses may be fetched for outsiders although they are not public.
    fetch_networks: tuple[IpNetwork, ...] = ()
    # How long events are kept; None: as long as their deliveries.
    event_retention: timedelta | None = None
    # How long deliveries, attachments and renditions are kept once their campaign has ended; None: for good.
    delivery_retention: timedelta | None = None
    # How long what is sent at once waits, so that it can be undone.
    undo_window: timedelta = timedelta(seconds=30)
    # The name server that is asked about senders; None: those of the system.
    nameserver: Nameserver | None = None
    # Called at each failpoint; tests kill the process there.
    failpoint: Callable[[Failpoint], None] = do_nothing

    @property
    def site(self) -> Site:
        """The site as it is now, the same object until something changes."""
        return self.current_site.get()

    @cached_property
    def current_site(self) -> CurrentSite:
        """What watches for changes of the site."""
        return CurrentSite(self.database, self.configured_site, self.fixed_site_settings)

    @cached_property
    def redis(self) -> Redis:
        """The client of Redis; it connects when it is used."""
        return self.connect_redis()

    def close(self) -> None:
        """Close the connections to the servers."""
        self.database.close()
        if "redis" in vars(self):
            self.redis.close()

    def open_channel(self, record: ChannelRecord) -> Channel:
        """The channel as configured, with its secrets. Raises InputError or ConfigurationError."""
        secrets = self.vault.open(record.sealed) if record.sealed else {}
        return make_channel(record.kind, {**record.settings, **secrets})
