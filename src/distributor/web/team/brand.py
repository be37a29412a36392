"""The brand of the site: one form, in the settings and in the first run, with a mail that shows its effect."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from gettext import gettext as _

from starlette.responses import Response

from distributor.channels.api import Site
from distributor.domain.errors import DataError, InputError, StateError
from distributor.domain.schedule import known_zones
from distributor.domain.site_settings import LOGO_BYTES, SiteSetting, checked_site_setting, read_logo
from distributor.domain.user import Permission
from distributor.flow.app_context import AppContext
from distributor.flow.operations.site import SettingError, SiteChanges, change_site, proposed_site, read_site
from distributor.flow.publishing.sample_mail import sample_mail
from distributor.rendering.colours import contrast, readable_on
from distributor.web.forms import Form
from distributor.web.team.access import Gate, TeamRequest, TeamRoute, sentence_of
from distributor.web.team.pages import TeamPages

FORM_BYTES = 3 * LOGO_BYTES
"""Somewhat more than the logo, so that one that is a little too large is told so."""
_LOGO_FIELD = "logo"
_PAPER, _NIGHT = "#ffffff", "#1a1d21"


@dataclass(frozen=True, slots=True)
class BrandFault:
    """Why a form was not saved: a sentence about all of it, and one for each setting at fault."""

    sentence: str = ""
    of_settings: Mapping[SiteSetting, str] = field(default_factory=dict)
    status: int = 200


class BrandPages:
    """The form in the settings, and the mail beside it."""

    def __init__(self, app: AppContext, pages: TeamPages, gate: Gate) -> None:
        self._app = app
        self._pages = pages
        self._gate = gate

    def routes(self) -> list[TeamRoute]:
        write = Permission.SITE_WRITE
        return [
            TeamRoute("GET", "/settings/brand", self.show, write),
            TeamRoute("POST", "/settings/brand", self.save, write, max_bytes=FORM_BYTES, takes_files=True),
            TeamRoute("GET", "/settings/brand/preview", self.show_sample, write),
            TeamRoute("GET", "/settings/brand/shades", self.show_shades, write),
            TeamRoute(
                "POST", "/settings/brand/preview", self.show_proposed, write, max_bytes=FORM_BYTES, takes_files=True
            ),
        ]

    def show(self, asked: TeamRequest) -> Response:
        is_saved = asked.request.query_params.get("done") == "saved"
        return self._show(asked, notice=_("Saved. Mails, pages and feeds have it now.") if is_saved else "")

    def save(self, asked: TeamRequest) -> Response:
        fault = save_brand(self._app, asked)
        if fault is not None:
            return self._show(asked, fault=fault)
        return self._gate.redirect("/app/settings/brand?done=saved")

    def show_sample(self, asked: TeamRequest) -> Response:
        return self._frame(self._app.site)

    def show_proposed(self, asked: TeamRequest) -> Response:
        """The mail with what is typed so far. Nothing is saved."""
        changes = changes_of(asked.form)
        site = proposed_site(self._app, changes)
        if SiteSetting.LOGO not in self._app.fixed_site_settings:
            site = _with_proposed_logo(site, changes)
        return self._frame(site)

    def show_shades(self, asked: TeamRequest) -> Response:
        """How links look in a colour that is being chosen."""
        try:
            accent = checked_site_setting(SiteSetting.ACCENT, asked.request.query_params.get(SiteSetting.ACCENT, ""))
        except InputError:
            accent = ""
        return self._pages.fragment("brand_shades.html.j2", {"shades": _shades(accent or self._app.site.brand.accent)})

    def _frame(self, site: Site) -> Response:
        html = sample_mail(self._app, site)
        # Our own images, wherever the browser has come to us.
        return self._pages.frame(html.replace(f'src="{site.public_url}/', f'src="{self._pages.root}/'))

    def _show(self, asked: TeamRequest, *, fault: BrandFault | None = None, notice: str = "") -> Response:
        context = {
            "user": asked.user,
            "page": "brand",
            "notice": notice,
            "preview_path": "/app/settings/brand/preview",
            **brand_context(self._app, asked.form, fault or BrandFault()),
        }
        return self._pages.respond("brand.html.j2", context, status=fault.status if fault else 200)


def save_brand(app: AppContext, asked: TeamRequest) -> BrandFault | None:
    """Save what was typed; what is wrong with it, if anything is: then nothing is saved."""
    form = asked.form
    try:
        change_site(app, changes_of(form), seen=form.one("version"), actor=asked.actor)
    except SettingError as error:
        sentence = _("Nothing is saved yet: please look at the fields that are marked.")
        return BrandFault(sentence, {name: sentence_of(InputError(text)) for name, text in error.faults.items()}, 422)
    except DataError:
        raise
    except StateError as error:
        return BrandFault(sentence_of(error), {}, 409)
    return None


def changes_of(form: Form) -> SiteChanges:
    """What was typed and chosen. Fields that the form has not are left out."""
    files = form.files.get(_LOGO_FIELD, ())
    return SiteChanges(
        values={one: form.exact(one.value) for one in SiteSetting if one.value in form.fields},
        logo=files[0].body if files else b"",
        has_no_logo=form.one("no_logo") == "on",
    )


def brand_context(app: AppContext, form: Form, fault: BrandFault) -> dict[str, object]:
    """What the fields of the form show: what was typed if there is a fault, else what is stored."""
    stored = read_site(app)
    typed = {one: form.exact(one.value) for one in SiteSetting if one.value in form.fields} if fault.status else {}
    accent = app.site.brand.accent
    if fault.status and SiteSetting.ACCENT not in fault.of_settings:
        accent = typed.get(SiteSetting.ACCENT) or accent
    return {
        "values": {one.value: typed.get(one, value) for one, value in stored.values.items()},
        "fixed": {one.value: one.variable if one in stored.fixed else "" for one in SiteSetting},
        "errors": {one.value: fault.of_settings.get(one, "") for one in SiteSetting},
        "problem_text": fault.sentence,
        "version": stored.version,
        "zones": known_zones(),
        "logo": app.site.brand.logo,
        "shades": _shades(accent),
    }


def _shades(accent: str) -> list[dict[str, object]]:
    return [_shade(_("On light"), accent, _PAPER), _shade(_("On dark"), accent, _NIGHT)]


def _shade(label: str, accent: str, ground: str) -> dict[str, object]:
    """The colour as links have it on a ground: itself, or as much lighter or darker as it takes to be readable."""
    used = readable_on(accent, ground)
    return {
        "label": label,
        "ground": ground,
        "used": used,
        "is_same": used == accent,
        "contrast": f"{contrast(used, ground):.1f}",
    }


def _with_proposed_logo(site: Site, changes: SiteChanges) -> Site:
    logo = None if changes.has_no_logo else site.brand.logo
    if changes.logo:
        try:
            read = read_logo(changes.logo)
        except InputError:
            # The form says so when it is saved.
            return site
        logo = replace(read, url=f"data:{read.media_type};base64,{b64encode(read.body).decode()}", body=b"")
    return replace(site, brand=replace(site.brand, logo=logo))
