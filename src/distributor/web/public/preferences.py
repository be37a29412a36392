"""The preference page, which a link in every mail opens: lists, topics, name, language and pause."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from distributor.domain.subscriber import Membership
from distributor.domain.suppression import SuppressionReason
from distributor.domain.tokens import Purpose
from distributor.flow import consent_texts
from distributor.flow.app_context import AppContext
from distributor.flow.subscriptions import preferences
from distributor.flow.subscriptions.preferences import ListPreference, MailPause, Preferences
from distributor.rendering.words import Words
from distributor.web.client_ip import client_ip
from distributor.web.errors import invalid_link
from distributor.web.forms import Form, read_form
from distributor.web.languages import language_choices
from distributor.web.pages import PageRenderer, masked_email
from distributor.web.public.article_view import display_date
from distributor.web.public.preferences_form import PreferencesForm, choices_from, form_from, read_preferences_form

_INVALID = 422
_UNPAUSED = (MailPause.KEEP, MailPause.WEEK, MailPause.MONTH, MailPause.QUARTER)
_PAUSED = (MailPause.KEEP, MailPause.RESUME, MailPause.WEEK, MailPause.MONTH, MailPause.QUARTER)
# The names of the texts that say why no mail is sent.
_NOTICES = {
    SuppressionReason.UNSUBSCRIBE: "unsubscribed",
    SuppressionReason.HARD_BOUNCE: "bounced",
    SuppressionReason.SOFT_BOUNCES: "bounced",
}


class PreferencePages:
    """GET shows the form and POST saves it: all of it or, if a field is invalid, nothing."""

    def __init__(self, app: AppContext, pages: PageRenderer) -> None:
        self._app = app
        self._pages = pages

    def routes(self) -> list[Route]:
        return [
            Route("/preferences/{token}", self.choose, methods=["GET", "POST"]),
            Route("/preferences/{token}/unsubscribe", self.unsubscribe_from_all, methods=["POST"]),
        ]

    async def choose(self, request: Request) -> Response:
        if request.method != "POST":
            return await run_in_threadpool(self._open, request)
        return await run_in_threadpool(self._save, request, await read_form(request))

    def unsubscribe_from_all(self, request: Request) -> Response:
        token, words = request.path_params["token"], self._words(request, self._find(request))
        left = _require(preferences.unsubscribe_from_all(self._app, token, client_ip(request), words.language))
        return self._show(request, left, form_from(left), message="left")

    def _open(self, request: Request) -> Response:
        found = self._find(request)
        return self._show(request, found, form_from(found))

    def _save(self, request: Request, form: Form) -> Response:
        found = self._find(request)
        words = self._words(request, found)
        form_state = read_preferences_form(form, found, words)
        if form_state.errors:
            return self._show(request, found, form_state, status=_INVALID)
        asked = choices_from(form_state, form, shown_in=self._pages.shown_in(form, words))
        saved = _require(preferences.save(self._app, request.path_params["token"], asked, client_ip(request)))
        return self._show(request, saved, form_from(saved), message="saved")

    def _find(self, request: Request) -> Preferences:
        return _require(preferences.find_preferences(self._app, request.path_params["token"]))

    def _words(self, request: Request, found: Preferences) -> Words:
        return self._pages.words_for(request, found.person.language)

    def _show(
        self,
        request: Request,
        found: Preferences,
        form_state: PreferencesForm,
        *,
        status: int = 200,
        message: str = "",
    ) -> Response:
        """The page, with the text `message` of its words."""
        token, words = self._app.tokens.mint(Purpose.PREFERENCES, found.delivery_id), self._words(request, found)
        context = {
            "email": masked_email(found.recipient),
            "action": f"{self._pages.root}/preferences/{token}",
            "subscriptions": [_list_context(preference, form_state) for preference in found.lists],
            "name": form_state.name,
            "language": form_state.language,
            "languages": language_choices(self._app.templates.words, self._app.site.language, form_state.language),
            "paused_until": display_date(found.paused_until, words) if found.paused_until else None,
            "pauses": [pause.value for pause in (_PAUSED if found.paused_until else _UNPAUSED)],
            "pause": form_state.pause.value,
            "notices": _notices(found),
            "errors": form_state.errors,
            "message": message,
            "is_suppressed": SuppressionReason.UNSUBSCRIBE in found.suppressed,
            "promise": consent_texts.sign_up_statement(words, self._app.site),
        }
        return self._pages.respond("preferences.html.j2", context, words, status=status)


def _list_context(preference: ListPreference, form_state: PreferencesForm) -> dict[str, object]:
    choice = form_state.choices[preference.list.slug]
    ticked = choice.topics or ()
    return {
        "list": preference.list,
        "is_on": choice.is_on,
        "is_pending": preference.membership is Membership.PENDING,
        "is_some": choice.topics is not None,
        "topics": [
            {"slug": slug, "label": label, "is_ticked": slug in ticked} for slug, label in preference.offered.items()
        ],
        "error": form_state.errors.get(f"topics:{preference.list.slug}", ""),
    }


def _notices(found: Preferences) -> list[str]:
    """The names of the texts that say why no mail is sent, each once.

    A former erasure does not matter once the subscriber has signed up again.
    """
    reasons = sorted(found.suppressed - {SuppressionReason.ERASED})
    return list(dict.fromkeys(_NOTICES.get(reason, "suppressed") for reason in reasons))


def _require(found: Preferences | None) -> Preferences:
    if found is None:
        raise invalid_link()
    return found
