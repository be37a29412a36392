"""The first run: which of its steps are done, read from what there is and not from notes about what was clicked."""

from __future__ import annotations

from dataclasses import dataclass

from distributor.domain.site_settings import SiteSetting
from distributor.flow.app_context import AppContext
from distributor.flow.operations.channel_list import ChannelOverview, all_channels
from distributor.storage import articles, lists, site_settings

STEPS = 4
"""The owner, the brand, the way of mails, and what is sent to whom."""

# The name of a site that nobody has named.
_UNNAMED = "Distributor"


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstRun:
    """What there is. `mail` is the channel that mails go over; None if there is none."""

    is_named: bool
    has_address: bool
    mail: ChannelOverview | None
    has_list: bool
    has_article: bool

    @property
    def has_brand(self) -> bool:
        return self.is_named and self.has_address

    @property
    def can_mail(self) -> bool:
        return self.mail is not None and not self.mail.problems

    @property
    def has_content(self) -> bool:
        return self.has_list and self.has_article

    @property
    def steps_done(self) -> int:
        """Of four: the owner, who reads this, is the first."""
        return 1 + sum((self.has_brand, self.can_mail, self.has_content))


def first_run(app: AppContext) -> FirstRun:
    """How far the first run is."""
    with app.database.begin() as connection:
        stored = site_settings.stored(connection)
        has_list = bool(lists.listed(connection))
        has_article = bool(articles.latest(connection, limit=1))
    site = app.site
    return FirstRun(
        is_named=SiteSetting.NAME in stored or SiteSetting.NAME in app.fixed_site_settings or site.name != _UNNAMED,
        has_address=bool(site.postal_address.strip()),
        mail=mail_channel(app),
        has_list=has_list,
        has_article=has_article,
    )


def mail_channel(app: AppContext) -> ChannelOverview | None:
    """The channel that the first mails go over: one to people if there is one, else the sandbox's."""
    found = [one for one in all_channels(app) if one.is_for_subscribers]
    return min(found, key=lambda one: (one.is_sandbox, bool(one.problems)), default=None)
