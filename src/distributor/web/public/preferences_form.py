"""The form of somebody's choices: as it stands in the ledger, as it was filled in, and what is wrong with that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from distributor.domain.errors import InputError
from distributor.domain.person import clean_language, clean_name
from distributor.domain.subscriber import Frequency, Membership
from distributor.flow.subscriptions.preferences import ListChoice, MailPause, PreferenceChoices, Preferences
from distributor.web.forms import Form


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferencesForm:
    """The form with what stands in its fields: `choices` by the slug of a list, `errors` sentences by field.

    The field of a list's topics goes by ``topics:`` and its slug.
    """

    choices: Mapping[str, ListChoice]
    name: str
    language: str
    pause: MailPause = MailPause.KEEP
    errors: Mapping[str, str] = field(default_factory=dict)


def form_from(preferences: Preferences) -> PreferencesForm:
    """The form as it is opened."""
    choices = {
        place.list.slug: ListChoice(
            is_on=place.membership in {Membership.SUBSCRIBED, Membership.PENDING},
            topics=place.topics,
            frequency=place.frequency,
        )
        for place in preferences.places
    }
    return PreferencesForm(choices=choices, name=preferences.person.name, language=preferences.person.language)


def read_preferences_form(form: Form, preferences: Preferences) -> PreferencesForm:
    """The form as it was posted, with every fault found. What it did not show stays as it is."""
    before = form_from(preferences)
    shown = [slug for slug in before.choices if slug in form.all("shown")]
    choices = {slug: _choice_of(form, slug) for slug in shown}
    name, language = form.one("name"), form.one("language")
    faults = {
        # A name that came in by another door may be one that this door would not take.
        "name": "" if name == before.name else _fault_of_name(name),
        "language": _fault_of_language(language),
        **{
            f"topics:{slug}": "Please choose a topic, or every article."
            for slug, choice in choices.items()
            if choice.is_on and choice.topics == ()
        },
    }
    return PreferencesForm(
        choices={**before.choices, **choices},
        name=name,
        language=language,
        pause=_pause_of(form),
        errors={name: sentence for name, sentence in faults.items() if sentence},
    )


def choices_from(filled: PreferencesForm, form: Form) -> PreferenceChoices:
    """What a form without faults asks for: nothing about lists that it did not show."""
    shown = form.all("shown")
    return PreferenceChoices(
        lists={slug: choice for slug, choice in filled.choices.items() if slug in shown},
        name=filled.name,
        language=filled.language,
        pause=filled.pause,
    )


def _choice_of(form: Form, slug: str) -> ListChoice:
    frequency = form.one(f"frequency:{slug}")
    return ListChoice(
        is_on=slug in form.all("list"),
        topics=form.all(f"topic:{slug}") if form.one(f"scope:{slug}") == "some" else None,
        frequency=Frequency(frequency) if frequency in set(Frequency) else Frequency.EVERY_ARTICLE,
    )


def _pause_of(form: Form) -> MailPause:
    pause = form.one("pause")
    return MailPause(pause) if pause in set(MailPause) else MailPause.KEEP


def _fault_of_name(name: str) -> str:
    try:
        clean_name(name)
    except InputError as error:
        return f"{str(error)[:1].upper()}{str(error)[1:]}."
    return ""


def _fault_of_language(language: str) -> str:
    try:
        clean_language(language)
    except InputError:
        return "Please choose one of the languages."
    return ""
