"""Rendering of the pages of the team's app, with their style sheet and their headers."""

from __future__ import annotations

from collections.abc import Mapping
from gettext import gettext as _
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from distributor.domain.masking import masked
from distributor.domain.schedule import clock_time, short_time, spell_delay
from distributor.domain.user import Permission, User
from distributor.flow.app_context import AppContext
from distributor.flow.team.sign_in import ACCOUNT_LINK
from distributor.storage import campaigns, generations
from distributor.web.assets import AssetFiles
from distributor.web.forms import MOST_FILES, FormFault, Resend
from distributor.web.headers import content_policy
from distributor.web.pages import StyleSheet
from distributor.web.team import histories
from distributor.web.team.ledger import ledger_parts
from distributor.web.team.navigation import navigation_for
from distributor.web.team.wording import person_of, with_campaign_links, with_times_in, without_commands

# No script and no style but those in files of our own, no image of another server, only frames of our own, and none
# around us.
_POLICY = content_policy(
    {
        "script-src": "'self'",
        "connect-src": "'self'",
        "style-src-attr": "'none'",
        "img-src": "'self' data:",
        "frame-src": "'self'",
    }
)
# What a user has written, as a document of its own: no script, no form, no link out of the frame, no other server.
_FRAME_POLICY = (
    "sandbox; default-src 'none'; img-src {images}; style-src 'unsafe-inline'; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'self'"
)
TEAM_HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": _POLICY,
    # Paths may hold one-time tokens. Not `no-referrer`: browsers would then send an opaque Origin with forms.
    "Referrer-Policy": "same-origin",
    "X-Robots-Tag": "noindex",
}


def shown_to(user: User, text: str) -> str:
    """The words of a server or of a colleague, with addresses of people masked for those who may not read people."""
    return text if user.allows(Permission.SUBSCRIBERS_READ) else masked(text)


class TeamPages:
    """Renders pages of the team's app. Raises TemplateError if its style sheet cannot be rendered."""

    def __init__(self, app: AppContext) -> None:
        self._app = app
        # Behind a proxy the site may live below a path of its host.
        self.root = urlsplit(app.site.public_url).path
        self._scripts = AssetFiles(app.clock)
        self._templates = app.templates.sharing(
            {
                "root": self.root,
                "site": app.site,
                "permissions": Permission,
                "ledger_parts": ledger_parts,
                "short_time": short_time,
                "spell_delay": spell_delay,
                # Macros have the site of the start; its zone may have changed.
                "site_zone": lambda: self._app.site.zone,
                "clock_time": clock_time,
                "shown_to": shown_to,
                "without_commands": self._stored_words,
                "with_campaign_links": lambda text: with_campaign_links(text, self.root),
                "person_of": person_of,
                "role_name": histories.role_name,
                "action_name": histories.action_name,
                "history_detail": histories.detail_of,
                "audit_action_name": histories.audit_action_name,
                "audit_detail": histories.audit_detail_of,
                "script_url": self._script_url,
                "script_style_url": self._script_style_url,
            }
        )
        self._style = StyleSheet(app, "web/team/app.css.j2", "app")

    def respond(
        self,
        template: str,
        context: Mapping[str, object],
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """A page, which is not cached. A page of a signed-in user has the `user` in its context."""
        frame = self._frame_of(context.get("user"), str(context.get("page", "")))
        html = self._templates.render(f"web/team/{template}", {**frame, **context})
        return HTMLResponse(html, status, headers=headers)

    def text(self, template: str, context: Mapping[str, object]) -> str:
        """A part of a page as text, for a stream of changes."""
        return self._templates.render(f"web/team/{template}", {"site": self._app.site, "user": None, **context})

    def fragment(self, template: str, context: Mapping[str, object], *, status: int = 200) -> Response:
        """A part of a page, for a script that puts it into the page."""
        return HTMLResponse(self.text(template, context), status)

    def frame(self, html: str, *, images: str = "'self' data:") -> Response:
        """What a user has written, as the document of an `<iframe sandbox>`: it runs nothing and reaches nobody.

        `html` is a whole document; `images` are the sources from which it may show pictures.
        """
        return HTMLResponse(html, headers={"Content-Security-Policy": _FRAME_POLICY.format(images=images)})

    def message(self, title: str, sentence: str, *, status: int, resend: Resend | None = None) -> Response:
        """A page with a title and a sentence. `resend` is a form that was refused: what was typed into it is shown."""
        context = {"title": title, "sentence": sentence, "resend": resend}
        return self.respond("message.html.j2", context, status=status)

    def error(
        self,
        request: Request,
        status: int,
        what: str = "",
        headers: Mapping[str, str] | None = None,
        resend: Resend | None = None,
    ) -> Response:
        """The page about an error: what happened, and what to do. `resend` is a form that it offers to send again."""
        texts = {
            404: (_("Page not found"), _("The address may be mistyped, or what was here is gone.")),
            405: (_("This does not work here"), _("This page cannot do that. Nothing was changed.")),
            410: (
                _("Only the totals are kept"),
                _("What was here was removed when its retention time had passed. The results of its campaign stay."),
            ),
            413: (_("That is too much"), _("The form is too large. Nothing was changed.")),
            500: (_("Something went wrong"), _("This is our mistake, and we have logged it. Please try again later.")),
            503: (_("Not available right now"), _("Nothing was changed. Please try again in a minute.")),
        }
        title, sentence = texts.get(status, (_("Something is missing"), _("The request was incomplete.")))
        if what == ACCOUNT_LINK:
            title = _("This link does not work")
            sentence = _("It works once and for a limited time. Ask for another where it came from.")
        if what in set(FormFault):
            title, sentence = _("Nothing was changed"), _form_sentence(FormFault(what))
        if request.headers.get("hx-request") == "true":
            # A script that asked for a part of a page leaves what is there.
            return PlainTextResponse(f"{sentence}\n", status, headers={**(headers or {}), "HX-Reswap": "none"})
        context = {"title": title, "sentence": sentence, "resend": resend}
        return self.respond("message.html.j2", context, status=status, headers=headers)

    def routes(self) -> list[Route]:
        """The style sheet and the scripts, which are public like those of all pages."""
        return [self._style.route(), *self._scripts.routes()]

    def _stored_words(self, text: str) -> str:
        """A stored reason or history: without commands, and with its times in the zone of the site."""
        return with_times_in(without_commands(text), self._app.site.zone)

    def _frame_of(self, user: object, page: str) -> dict[str, object]:
        """What surrounds the content of a page: of one for a signed-in user the rail and what is being sent."""
        shared: dict[str, object] = {
            "site": self._app.site,
            "style_url": self.root + self._style.path,
            "user": None,
            "page": page,
            "live_path": "",
            "is_copy": False,
        }
        if not isinstance(user, User):
            return shared
        with self._app.database.begin() as connection:
            running = campaigns.count_running(connection) if user.allows(Permission.CAMPAIGNS_READ) else 0
            is_copy = not generations.sends(connection)
        return {
            **shared,
            "navigation": navigation_for(user, page),
            "running_campaigns": running,
            "is_copy": is_copy,
        }

    def _script_url(self, name: str) -> str | None:
        path = self._scripts.script_url(name)
        return self.root + path if path else None

    def _script_style_url(self, name: str) -> str | None:
        path = self._scripts.style_url(name)
        return self.root + path if path else None


def _form_sentence(fault: FormFault) -> str:
    """Why a form could not be read, and what to do."""
    return {
        FormFault.TOO_MANY_FILES: _("More than %(most)s files were chosen: go back, and upload them in several turns.")
        % {"most": MOST_FILES},
        FormFault.TOO_MANY_FIELDS: _("The form has more fields than any of ours: open its page again."),
        FormFault.NO_FILES: _("This form takes no files: go back, and send it without them."),
        FormFault.CHARACTERS: _(
            "A text has characters that cannot be kept, such as a NUL, or an encoding that the web does not know: go "
            "back, and take them out."
        ),
        FormFault.BROKEN: _(
            "The form did not arrive whole, or a file has too long a name: go back, and send it again."
        ),
    }[fault]
