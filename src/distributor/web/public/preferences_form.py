"""The preference form: the stored preferences, the submitted ones, and their errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from distributor.domain.errors import InputError
from distributor.domain.person import clean_language
from distributor.domain.subscriber import Membership
from distributor.flow.subscriptions.preferences import ListChoice, MailPause, PreferenceChoices, Preferences
from distributor.rendering.words import Words
from distributor.web.forms import Form
from distributor.web.public.sign_up_form import name_error


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferencesForm:
    """The values and errors of the form: `choices` by list slug, `errors` by field name.

    The field of a list's topics is named ``topics:`` and the slug.
    """

    choices: Mapping[str, ListChoice]
    name: str
    language: str
    pause: MailPause = MailPause.KEEP
    errors: Mapping[str, str] = field(default_factory=dict)


def form_from(preferences: Preferences) -> PreferencesForm:
    """The form with the stored preferences."""
    choices = {
        preference.list.slug: ListChoice(
            is_on=preference.membership in {Membership.SUBSCRIBED, Membership.PENDING},
            topics=preference.topics,
        )
        for preference in preferences.lists
    }
    return PreferencesForm(choices=choices, name=preferences.person.name, language=preferences.person.language)


def read_preferences_form(form: Form, preferences: Preferences, words: Words) -> PreferencesForm:
    """The form as it was posted, with all errors in `words`. What the form did not show stays as it is stored."""
    before = form_from(preferences)
    shown = [slug for slug in before.choices if slug in form.all("shown")]
    choices = {slug: _choice_of(form, slug) for slug in shown}
    name, language = form.one("name"), form.one("language")
    errors_by_field = {
        # A stored name that came by another way may be one that this form would not accept.
        "name": "" if name == before.name else name_error(name, words),
        "language": _language_error(language, words),
        **{
            f"topics:{slug}": words.text("errors.topics_missing")
            for slug, choice in choices.items()
            if choice.is_on and choice.topics == ()
        },
    }
    return PreferencesForm(
        choices={**before.choices, **choices},
        name=name,
        language=language,
        pause=_pause_of(form),
        errors={name: sentence for name, sentence in errors_by_field.items() if sentence},
    )


def choices_from(submitted: PreferencesForm, form: Form, *, shown_in: str) -> PreferenceChoices:
    """The choices of a form without errors, `shown_in` a language: only about the lists that it showed."""
    shown = form.all("shown")
    return PreferenceChoices(
        lists={slug: choice for slug, choice in submitted.choices.items() if slug in shown},
        name=submitted.name,
        language=submitted.language,
        pause=submitted.pause,
        shown_in=shown_in,
    )


def _choice_of(form: Form, slug: str) -> ListChoice:
    return ListChoice(
        is_on=slug in form.all("list"),
        topics=form.all(f"topic:{slug}") if form.one(f"scope:{slug}") == "some" else None,
    )


def _pause_of(form: Form) -> MailPause:
    pause = form.one("pause")
    return MailPause(pause) if pause in set(MailPause) else MailPause.KEEP


def _language_error(language: str, words: Words) -> str:
    try:
        clean_language(language)
    except InputError:
        return words.text("errors.language")
    return ""
