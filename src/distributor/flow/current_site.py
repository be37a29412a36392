"""The site as it is now: what the environment configures, with what the team has changed in the app.

Every process of a service looks at most once a second whether something was changed, so that none has to be started
again. Where PostgreSQL is away, the site stays as it was known last.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import replace

import structlog

from distributor.channels.api import Site
from distributor.domain.brand import Logo, parse_colour, parse_fonts, parse_footer_links
from distributor.domain.errors import DistributorError
from distributor.domain.site_settings import SiteSetting
from distributor.storage import site_settings
from distributor.storage.database import Database

_LOOK_SECONDS = 1.0
# To connect to a server that is away may take long, and pages must not wait for it each second.
_AWAY_SECONDS = 10.0

log = structlog.get_logger(__name__)


class CurrentSite:
    """Reads what was changed. `fixed` are the settings that the environment sets, which hold."""

    def __init__(self, database: Database, configured: Site, fixed: frozenset[SiteSetting]) -> None:
        self._database = database
        self._configured = configured
        self._fixed = fixed
        self._values: Mapping[SiteSetting, str] = {}
        self._logo: Logo | None = None
        self._site = configured
        self._look_at = 0.0
        self._looking = threading.Lock()

    def get(self) -> Site:
        """The site. It is the same object until something changes."""
        # One thread looks, and the others go on with what is known: a pool must not run dry by it.
        if time.monotonic() >= self._look_at and self._looking.acquire(blocking=False):
            try:
                self._look()
            finally:
                self._looking.release()
        return self._site

    def look_again(self) -> Site:
        """The site after a change that this process has made or heard of."""
        with self._looking:
            self._look()
        return self._site

    def _look(self) -> None:
        try:
            with self._database.begin() as connection:
                found = site_settings.stored(connection)
                values = {name: one.value for name, one in found.items() if name not in self._fixed}
                name = values.get(SiteSetting.LOGO, "")
                if values != self._values and name:
                    self._logo = site_settings.find_logo(connection, name)
        except DistributorError as error:
            self._look_at = time.monotonic() + _AWAY_SECONDS
            log.warning("site.unknown", error=type(error).__name__)
            return
        if values != self._values:
            self._values, self._site = values, site_with(self._configured, values, logo=self._logo if name else None)
        self._look_at = time.monotonic() + _LOOK_SECONDS


def site_with(site: Site, values: Mapping[SiteSetting, str], *, logo: Logo | None = None) -> Site:
    """The site with these values, which were checked, and this logo in place of its own."""
    brand = site.brand
    if fonts := values.get(SiteSetting.FONTS):
        brand = replace(brand, fonts=parse_fonts(fonts)[0], safe_fonts=parse_fonts(fonts)[1])
    if accent := values.get(SiteSetting.ACCENT):
        brand = replace(brand, accent=parse_colour(accent))
    if links := values.get(SiteSetting.FOOTER_LINKS):
        brand = replace(brand, footer_links=parse_footer_links(links))
    return replace(
        site,
        name=values.get(SiteSetting.NAME) or site.name,
        sender=values.get(SiteSetting.SENDER) or site.sender,
        time_zone=values.get(SiteSetting.TIME_ZONE) or site.time_zone,
        postal_address=values.get(SiteSetting.POSTAL_ADDRESS) or site.postal_address,
        brand=replace(brand, logo=logo or brand.logo),
    )
