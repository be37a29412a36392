"""The parts of the app: what the rail shows, and what each part needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from gettext import gettext as _

from distributor.domain.user import Permission, User


@dataclass(frozen=True, slots=True)
class NavigationItem:
    """A part of the app. `page` is what pages of it call themselves, `icon` the name of a drawing in `parts.j2`."""

    page: str
    label: str
    path: str
    icon: str
    permission: Permission


@dataclass(frozen=True, slots=True)
class Navigation:
    """What one user sees: the items of the rail, and on a phone the `first` ones with the `rest` behind "More"."""

    items: Sequence[NavigationItem]
    current: str

    @property
    def first(self) -> Sequence[NavigationItem]:
        return self.items[:_IN_THE_BAR]

    @property
    def rest(self) -> Sequence[NavigationItem]:
        return self.items[_IN_THE_BAR:]

    @property
    def is_rest_current(self) -> bool:
        return any(item.page == self.current for item in self.rest)


# More do not fit beside each other on a phone, with their words.
_IN_THE_BAR = 4
# Pages that are reached through another part.
_PART_OF = {
    "account": "",
    "tags": "articles",
    "sources": "articles",
    "users": "settings",
    "audit": "settings",
    "brand": "settings",
    "data": "settings",
    "system": "settings",
    "notices": "settings",
}


def all_items() -> tuple[NavigationItem, ...]:
    """Every part, in the order of the rail."""
    return (
        NavigationItem("overview", _("Overview"), "/app", "overview", Permission.ACCOUNT),
        NavigationItem("articles", _("Articles"), "/app/articles", "articles", Permission.ARTICLES_READ),
        NavigationItem("campaigns", _("Campaigns"), "/app/campaigns", "campaigns", Permission.CAMPAIGNS_READ),
        NavigationItem("calendar", _("Calendar"), "/app/calendar", "calendar", Permission.CAMPAIGNS_READ),
        NavigationItem("results", _("Results"), "/app/results", "results", Permission.CAMPAIGNS_READ),
        NavigationItem("channels", _("Channels"), "/app/channels", "channels", Permission.CHANNELS_READ),
        NavigationItem("settings", _("Settings"), "/app/settings", "settings", Permission.ACCOUNT),
    )


@dataclass(frozen=True, slots=True)
class SettingsItem:
    """A page of the settings, and what it is for."""

    label: str
    help: str
    path: str
    permission: Permission


def settings_for(user: User) -> list[SettingsItem]:
    """The pages of the settings that the user may open."""
    items = (
        SettingsItem(
            _("Brand"),
            _("Name, address, logo, colour and font of what you send."),
            "/app/settings/brand",
            Permission.SITE_WRITE,
        ),
        SettingsItem(_("Team"), _("Who works here, and what each may do."), "/app/users", Permission.USERS_READ),
        SettingsItem(
            _("Data"),
            _("How much room everything takes, and how long it is kept."),
            "/app/settings/data",
            Permission.SITE_WRITE,
        ),
        SettingsItem(_("Audit log"), _("Who did what, and when."), "/app/audit-log", Permission.AUDIT_LOG_READ),
        SettingsItem(
            _("System"),
            _("Which processes run, what could not be processed, and what became of imports."),
            "/app/system",
            Permission.SERVICE_READ,
        ),
        SettingsItem(
            _("Notices"),
            _("Who is told what needs a person, by mail and by a web hook, and what was told."),
            "/app/settings/notices",
            Permission.SERVICE_READ,
        ),
        SettingsItem(
            _("Your account"),
            _("Your name, your password, and where you are signed in."),
            "/app/account",
            Permission.ACCOUNT,
        ),
    )
    return [item for item in items if user.allows(item.permission)]


def navigation_for(user: User, page: str) -> Navigation:
    """The parts that the user may open, of which one is that of the page called `page`."""
    items = tuple(item for item in all_items() if user.allows(item.permission))
    return Navigation(items, _PART_OF.get(page, page))
