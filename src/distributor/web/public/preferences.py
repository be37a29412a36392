"""Preferences: one page for everything that somebody can choose, by a link in any mail they got."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from distributor.domain.subscriber import Frequency, Membership
from distributor.domain.suppression import SuppressionReason
from distributor.domain.tokens import Purpose
from distributor.flow import consent_texts
from distributor.flow.app_context import AppContext
from distributor.flow.subscriptions import preferences
from distributor.flow.subscriptions.preferences import ListPreference, MailPause, Preferences
from distributor.web.client_ip import client_ip
from distributor.web.errors import invalid_link
from distributor.web.forms import Form, read_form
from distributor.web.pages import PageRenderer
from distributor.web.public.article_view import display_date
from distributor.web.public.languages import language_choices
from distributor.web.public.masking import masked_email
from distributor.web.public.preferences_form import PreferencesForm, choices_from, form_from, read_preferences_form

_WRONG = 422
_FREQUENCIES = {
    Frequency.EVERY_ARTICLE.value: "Each article as it appears",
    Frequency.DAILY.value: "Once a day, what is new",
    Frequency.WEEKLY.value: "Once a week, what is new",
}
_BREAKS = {
    MailPause.WEEK.value: "For a week",
    MailPause.MONTH.value: "For a month",
    MailPause.QUARTER.value: "For three months",
}
_UNPAUSED = {MailPause.KEEP.value: "No pause", **_BREAKS}
_PAUSED = {MailPause.KEEP.value: "Leave it as it is", MailPause.RESUME.value: "End it: send me mail again", **_BREAKS}
_BOUNCED = (
    "Mail to this address has come back, so we have stopped sending any. If the mailbox works again, sign up anew: "
    "following the link in the mail that you get then makes everything reach you again."
)
_HELD_BACK = (
    "No mail is sent to this address, whatever you choose here, because we were told not to. Please write to us."
)
_LEFT = "You have unsubscribed from everything. Tick a list and save, and mail comes again."
_OBSTACLES = {
    SuppressionReason.UNSUBSCRIBE: _LEFT,
    SuppressionReason.HARD_BOUNCE: _BOUNCED,
    SuppressionReason.SOFT_BOUNCES: _BOUNCED,
}


class PreferencePages:
    """GET shows and POST saves: all of it or, if something in it is wrong, nothing."""

    def __init__(self, app: AppContext, pages: PageRenderer) -> None:
        self._app = app
        self._pages = pages

    def routes(self) -> list[Route]:
        return [
            Route("/preferences/{token}", self.choose, methods=["GET", "POST"]),
            Route("/preferences/{token}/leave", self.leave_everything, methods=["POST"]),
        ]

    async def choose(self, request: Request) -> Response:
        if request.method != "POST":
            return await run_in_threadpool(self._open, request)
        return await run_in_threadpool(self._save, request, await read_form(request))

    def leave_everything(self, request: Request) -> Response:
        token = request.path_params["token"]
        left = _insist(preferences.unsubscribe_from_all(self._app, token, client_ip(request)))
        return self._show(left, form_from(left), said="It is done: you are on no list any more.")

    def _open(self, request: Request) -> Response:
        found = self._find(request)
        return self._show(found, form_from(found))

    def _save(self, request: Request, form: Form) -> Response:
        found = self._find(request)
        filled = read_preferences_form(form, found)
        if filled.errors:
            return self._show(found, filled, status=_WRONG)
        token, asked = request.path_params["token"], choices_from(filled, form)
        saved = _insist(preferences.save(self._app, token, asked, client_ip(request)))
        return self._show(saved, form_from(saved), said="Your choices are saved.")

    def _find(self, request: Request) -> Preferences:
        return _insist(preferences.find_preferences(self._app, request.path_params["token"]))

    def _show(self, found: Preferences, filled: PreferencesForm, *, status: int = 200, said: str = "") -> Response:
        token = self._app.tokens.mint(Purpose.PREFERENCES, found.delivery_id)
        context = {
            "email": masked_email(found.recipient),
            "action": f"{self._pages.root}/preferences/{token}",
            "places": [_shown(place, filled) for place in found.places],
            "name": filled.name,
            "language": filled.language,
            "languages": language_choices(filled.language),
            "frequencies": _FREQUENCIES,
            "paused_until": display_date(found.paused_until) if found.paused_until else None,
            "pauses": _PAUSED if found.paused_until else _UNPAUSED,
            "pause": filled.pause.value,
            "obstacles": _obstacles_of(found),
            "errors": filled.errors,
            "said": said,
            "promise": consent_texts.sign_up_statement(self._app.site),
        }
        return self._pages.respond("preferences.html.j2", context, status=status)


def _shown(place: ListPreference, filled: PreferencesForm) -> dict[str, object]:
    choice = filled.choices[place.list.slug]
    ticked = choice.topics or ()
    return {
        "list": place.list,
        "is_on": choice.is_on,
        "is_pending": place.membership is Membership.PENDING,
        "is_some": choice.topics is not None,
        "topics": [
            {"slug": slug, "label": label, "is_ticked": slug in ticked} for slug, label in place.offered.items()
        ],
        "frequency": choice.frequency.value,
        "error": filled.errors.get(f"topics:{place.list.slug}", ""),
    }


def _obstacles_of(found: Preferences) -> list[str]:
    """Why nothing comes, each reason once; that somebody was erased is no reason once they are known again."""
    reasons = sorted(found.held_back - {SuppressionReason.ERASED})
    return list(dict.fromkeys(_OBSTACLES.get(reason, _HELD_BACK) for reason in reasons))


def _insist(found: Preferences | None) -> Preferences:
    if found is None:
        raise invalid_link()
    return found
