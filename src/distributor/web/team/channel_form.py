"""Forms made from the settings of a kind of channel or of source: one way for all, of this package or of another.

Names of fields begin with `setting:`, `secret:` or `answer:`. A secret is never written into a page: a form only says
whether it is set, and an empty field keeps it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from gettext import gettext as _
from itertools import groupby

from distributor.channels.api import Json, Question
from distributor.described_settings import InvalidSettingsError, SettingDescription
from distributor.domain.errors import ConfigurationError, DataError, InputError, StateError
from distributor.web.forms import Form
from distributor.web.team.wording import for_pages

_SETTING, _SECRET, _ANSWER = "setting:", "secret:", "answer:"
_CLEAR = "clear-secret:"
_TICK = "true or false"
_LISTS = ("list", "names with values")
_NUMBERS = {"whole number": "1", "number": "any"}
# A text of which this is part is written in a box of several lines.
_LONG = ("Markdown", "JSON", "sentence")


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """A field: `widget` is text, number, box, choice, tick or secret.

    `is_set` is of a secret that is stored, `set_at` when it was stored last, if that is known.
    """

    name: str
    label: str
    widget: str
    value: str = ""
    hint: str = ""
    step: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    is_required: bool = False
    is_set: bool = False
    set_at: datetime | None = None
    clear_name: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormSection:
    """Fields that stand together. The usual ones have no title; others are open if one of them is at fault."""

    title: str
    fields: tuple[FormField, ...]

    @property
    def is_open(self) -> bool:
        return any(one.error for one in self.fields)


@dataclass(frozen=True, slots=True)
class GivenSettings:
    """What a form asks for: settings to set, and settings that get their defaults again."""

    values: Mapping[str, Json]
    unset: tuple[str, ...]
    faults: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SettingsFault:
    """Why a form was not saved: a sentence, and one for each setting and answer at fault."""

    sentence: str
    of_fields: Mapping[str, str] = field(default_factory=dict)
    status: int = 422


def told(act: Callable[[], object]) -> SettingsFault | None:
    """What was wrong with an act that changes settings; None if it is done."""
    try:
        act()
    except InvalidSettingsError as error:
        general = error.faults.get("", "")
        return SettingsFault(for_pages(general) if general else look_at_marked(), error.faults)
    except DataError:
        raise
    except StateError as error:
        return SettingsFault(for_pages(str(error)), {}, 409)
    except (InputError, ConfigurationError) as error:
        return SettingsFault(for_pages(str(error)))
    return None


def look_at_marked() -> str:
    """What a form says above fields at fault."""
    return _("Nothing is saved yet: please look at the fields that are marked.")


def settings_form(
    described: Sequence[SettingDescription],
    values: Mapping[str, Json],
    *,
    typed: Form | None = None,
    secrets_set: Mapping[str, datetime | None] | None = None,
    without: frozenset[str] = frozenset(),
    faults: Mapping[str, str] | None = None,
) -> list[FormSection]:
    """The fields of these settings, but for those in `without`, with what was typed if there is anything."""
    shown = [one for one in described if not one.managing_command and one.name not in without]
    order = list(dict.fromkeys(one.section for one in sorted(shown, key=lambda one: one.section != "")))
    by_section = sorted(shown, key=lambda one: order.index(one.section))
    return [
        FormSection(
            title=section,
            fields=tuple(
                _field_of(one, values, typed, secrets_set or {}, (faults or {}).get(one.name, "")) for one in group
            ),
        )
        for section, group in groupby(by_section, key=lambda one: one.section)
    ]


def answers_form(
    questions: Iterable[Question], *, typed: Form | None = None, faults: Mapping[str, str] | None = None
) -> FormSection:
    """The fields of questions. Answers that are secret are not shown again."""
    return FormSection(
        title="",
        fields=tuple(
            FormField(
                name=_name_of(one),
                label=one.label,
                widget="secret" if one.is_secret else "choice" if one.choices else "text",
                value="" if one.is_secret else typed.exact(_name_of(one)) if typed else one.default,
                hint=one.hint,
                choices=one.choices,
                is_required=one.is_required,
                error=_sentence((faults or {}).get(one.name, "")),
            )
            for one in questions
        ),
    )


def read_answers(form: Form, questions: Iterable[Question]) -> dict[str, str]:
    """What was answered, by the names of the questions."""
    return {one.name: form.exact(_name_of(one)) if one.is_secret else form.one(_name_of(one)) for one in questions}


def read_settings_form(
    form: Form, described: Sequence[SettingDescription], *, without: frozenset[str] = frozenset()
) -> GivenSettings:
    """What was typed. A setting that has its default is unset; an empty secret stays as it is."""
    values: dict[str, Json] = {}
    unset: list[str] = []
    faults: dict[str, str] = {}
    for one in described:
        if one.managing_command or one.name in without:
            continue
        if one.is_secret:
            if form.one(_CLEAR + one.name):
                unset.append(one.name)
            elif form.one(_SECRET + one.name):
                values[one.name] = form.exact(_SECRET + one.name).strip("\r\n")
            continue
        try:
            value = _value_of(form, one)
        except ValueError:
            faults[one.name] = _("this cannot be read as JSON")
            continue
        if value in ("", None) or value == one.default or str(value) == str(one.default):
            unset.append(one.name)
        else:
            values[one.name] = value
    return GivenSettings(values, tuple(unset), faults)


def _value_of(form: Form, one: SettingDescription) -> Json:
    name = _SETTING + one.name
    if one.form == _TICK:
        return form.one(name) == "on"
    if one.form in _LISTS:
        return json.loads(form.one(name)) if form.one(name) else None
    return form.one(name)


def _field_of(
    one: SettingDescription,
    values: Mapping[str, Json],
    typed: Form | None,
    secrets_set: Mapping[str, datetime | None],
    fault: str,
) -> FormField:
    if one.is_secret:
        return FormField(
            name=_SECRET + one.name,
            label=one.title,
            widget="secret",
            hint=_capitalised(one.description),
            is_required=one.is_required and not one.alternatives and one.name not in secrets_set,
            is_set=one.name in secrets_set,
            set_at=secrets_set.get(one.name),
            clear_name="" if one.is_required else _CLEAR + one.name,
            error=_sentence(fault),
        )
    stored = values.get(one.name, one.default)
    name = _SETTING + one.name
    return FormField(
        name=name,
        label=one.title,
        widget=_widget_of(one),
        value=_shown(stored) if typed is None else (form_value(typed, name, one)),
        hint=_capitalised(one.description),
        step=_NUMBERS.get(one.form, ""),
        choices=tuple((choice, choice) for choice in one.choices),
        is_required=one.is_required and not one.alternatives,
        error=_sentence(fault),
    )


def form_value(typed: Form, name: str, one: SettingDescription) -> str:
    """What was typed into a field."""
    return ("true" if typed.one(name) == "on" else "") if one.form == _TICK else typed.exact(name)


def _widget_of(one: SettingDescription) -> str:
    if one.form == _TICK:
        return "tick"
    if one.choices:
        return "choice"
    if one.form in _NUMBERS:
        return "number"
    is_long = one.form in _LISTS or any(word in one.description for word in _LONG)
    return "box" if is_long else "text"


def _shown(value: Json) -> str:
    if value is None or value is False:
        return ""
    if value is True:
        return "true"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _name_of(question: Question) -> str:
    return f"{_SECRET if question.is_secret else _ANSWER}{question.name}"


def _sentence(text: str) -> str:
    return f"{_capitalised(text)}{'' if text.endswith('.') else '.'}" if text else ""


def _capitalised(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"
