"""The site as the team changes it in the app: name, postal address, logo, colour, fonts and links."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from distributor.channels.api import Site
from distributor.domain.brand import Logo
from distributor.domain.errors import ConfigurationError, InputError, StateError
from distributor.domain.site_settings import SiteSetting, checked_site_setting, read_logo
from distributor.domain.user import Actor, AuditAction
from distributor.flow.app_context import AppContext
from distributor.flow.current_site import site_with
from distributor.flow.operations.channel_settings import change
from distributor.storage import audit_log, channels, site_settings
from distributor.storage.site_settings import StoredSetting

MADE_UP_ADDRESS = "Distributor Sandbox, 1 Example Street, 12345 Sampletown"
"""The postal address in mails to the sandbox while the site has none."""

_ADDRESS_SETTING = "postal_address"

log = structlog.get_logger(__name__)


class SettingError(InputError):
    """What is wrong with some settings, by their names."""

    def __init__(self, faults: Mapping[SiteSetting, str]) -> None:
        super().__init__("; ".join(faults.values()))
        self.faults = faults


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteForm:
    """What can be changed: the values by setting, who set them and when, and the `version` of all of them.

    Of settings in `fixed` the value is that of the environment.
    """

    values: Mapping[SiteSetting, str]
    stored: Mapping[SiteSetting, StoredSetting]
    fixed: frozenset[SiteSetting]
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteChanges:
    """What someone typed: settings that are missing stay. `logo` is the content of an uploaded file."""

    values: Mapping[SiteSetting, str]
    logo: bytes = b""
    has_no_logo: bool = False


def read_site(app: AppContext) -> SiteForm:
    """What can be changed, as it is now."""
    with app.database.begin() as connection:
        stored = site_settings.stored(connection)
    return SiteForm(
        values=_shown(app, stored),
        stored=stored,
        fixed=app.fixed_site_settings,
        version=_version(stored),
    )


def change_site(app: AppContext, changes: SiteChanges, *, seen: str, actor: Actor) -> None:
    """Change the site, for every process within a second. `seen` is the version of the form that was filled in.

    A channel that mails with the sandbox's made-up address has that of the site from then on. Raises SettingError,
    and StateError if someone else has changed the site meanwhile; nothing is changed then.
    """
    values, logo = _checked(app, changes)
    now = app.clock()
    with app.database.begin() as connection:
        site_settings.lock(connection)
        stored = site_settings.stored(connection)
        if logo is not None:
            values[SiteSetting.LOGO] = site_settings.add_logo(connection, logo)
        # A default that a form shows is not set by saving the form.
        shown = _shown(app, stored)
        changed = {
            name: value
            for name, value in values.items()
            if value != _value(stored, name) and (name in stored or value != shown[name])
        }
        # What is sent twice changes nothing the second time, so it is no conflict either.
        if changed and _version(stored) != seen:
            newest = max(stored.values(), key=lambda one: one.changed_at, default=None)
            by = f" by {newest.changed_by.removeprefix('user:')}" if newest else ""
            raise StateError(f"the site was changed{by} while you wrote; what you typed is kept here, nothing is saved")
        if changed:
            site_settings.change(connection, changed, actor=actor.name, now=now)
            detail = ", ".join(sorted(changed))
            audit_log.record(connection, actor, AuditAction.SITE_CHANGED, detail=detail, now=now)
    app.current_site.look_again()
    use_site_address(app)
    log.info("site.changed", settings=sorted(changed))


def proposed_site(app: AppContext, changes: SiteChanges) -> Site:
    """The site as it would be with these changes, for a preview. Values that are wrong are left out."""
    values: dict[SiteSetting, str] = {}
    for setting, value in changes.values.items():
        try:
            values[setting] = checked_site_setting(setting, value)
        except InputError:
            continue
    fixed = app.fixed_site_settings
    return site_with(app.site, {name: value for name, value in values.items() if name not in fixed})


def use_site_address(app: AppContext) -> list[str]:
    """Let channels with the sandbox's made-up address use that of the site, once it has one; returns their names."""
    if not app.site.postal_address.strip():
        return []
    with app.database.begin() as connection:
        records = channels.all_channels(connection)
    moved = []
    for record in records:
        if record.settings.get(_ADDRESS_SETTING) == MADE_UP_ADDRESS:
            try:
                change(app, record.name, {}, unset=[_ADDRESS_SETTING])
            except ConfigurationError:
                # Its secrets cannot be decrypted, which the doctor reports.
                continue
            moved.append(record.name)
    return moved


def _checked(app: AppContext, changes: SiteChanges) -> tuple[dict[SiteSetting, str], Logo | None]:
    values: dict[SiteSetting, str] = {}
    faults: dict[SiteSetting, str] = {}
    for setting, text in changes.values.items():
        if setting in app.fixed_site_settings or setting is SiteSetting.LOGO:
            continue
        try:
            values[setting] = checked_site_setting(setting, text)
        except InputError as error:
            faults[setting] = str(error)
    logo = None
    if SiteSetting.LOGO not in app.fixed_site_settings:
        if changes.has_no_logo:
            values[SiteSetting.LOGO] = ""
        if changes.logo:
            try:
                logo = read_logo(changes.logo)
            except InputError as error:
                faults[SiteSetting.LOGO] = str(error)
    if faults:
        raise SettingError(faults)
    return values, logo


def _shown(app: AppContext, stored: Mapping[SiteSetting, StoredSetting]) -> dict[SiteSetting, str]:
    """The value of each setting as people write it."""
    values = _values_of(app.current_site.look_again())
    typed = {name: one.value for name, one in stored.items() if name not in app.fixed_site_settings}
    return values | {name: value for name, value in typed.items() if name is not SiteSetting.LOGO}


def _values_of(site: Site) -> dict[SiteSetting, str]:
    links = ", ".join(f"{one.label}={one.url}" for one in site.brand.footer_links)
    return {
        SiteSetting.NAME: site.name,
        SiteSetting.SENDER: site.sender,
        SiteSetting.POSTAL_ADDRESS: site.postal_address,
        SiteSetting.TIME_ZONE: site.time_zone,
        SiteSetting.LOGO: site.brand.logo.url if site.brand.logo else "",
        SiteSetting.ACCENT: site.brand.accent,
        SiteSetting.FONTS: site.brand.fonts.replace("'", ""),
        SiteSetting.FOOTER_LINKS: links,
    }


def _value(stored: Mapping[SiteSetting, StoredSetting], name: SiteSetting) -> str:
    found = stored.get(name)
    return found.value if found else ""


def _version(stored: Mapping[SiteSetting, StoredSetting]) -> str:
    content = "\n".join(f"{name}={one.value}" for name, one in sorted(stored.items()))
    return hashlib.sha256(content.encode()).hexdigest()[:16]
