"""Settings that a pydantic model holds, as people give them: what each one is, and what is wrong with a value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, get_args

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

from distributor.domain.errors import InputError
from distributor.domain.rendition import Json
from distributor.validation_messages import in_words, sentence_of

_FORMS: Mapping[type, str] = {
    bool: "true or false",
    int: "whole number",
    float: "number",
    list: "list",
    dict: "names with values",
}


class InvalidSettingsError(InputError):
    """What is wrong with some settings or answers, by their names; by the empty name with all of them together."""

    def __init__(self, message: str, faults: Mapping[str, str]) -> None:
        super().__init__(message)
        self.faults = faults


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingDescription:
    """A setting of a kind, for the people who give it. `form` is what a value looks like, such as "true or false".

    `title` is what forms call it, and `choices` are its only values, if there are few. Settings of one `section`
    stand together; the first ones, in none, are the usual ones. One that `is_required` has to be given, or in its
    place one of `alternatives`. `managing_command` is the command that sets it, if it is not given by people.
    """

    name: str
    form: str
    default: Json
    description: str
    is_required: bool
    alternatives: tuple[str, ...]
    is_secret: bool
    managing_command: str
    title: str = ""
    section: str = ""
    choices: tuple[str, ...] = ()


def parse_model(model: type[BaseModel], values: Mapping[str, Any], what: str) -> BaseModel:
    """The settings with these values. Raises InvalidSettingsError; `what` names them in its message."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        found = error.errors(include_input=False)
        faults = {str(one["loc"][0]) if one["loc"] else "": sentence_of(one) for one in found}
        raise InvalidSettingsError(f"{what}: {in_words(found)}", faults) from None


def describe_model(model: type[BaseModel], groups: Sequence[Sequence[str]] = ()) -> list[SettingDescription]:
    """The settings of a model, those that are required first. Of each of the `groups` one is required."""
    described = [
        _describe(name, field, next((tuple(group) for group in groups if name in group), ()))
        for name, field in model.model_fields.items()
    ]
    return sorted(described, key=lambda one: not one.is_required)


def _describe(name: str, field: FieldInfo, group: tuple[str, ...]) -> SettingDescription:
    extra = field.json_schema_extra
    annotated = {field.annotation, *get_args(field.annotation)}
    is_secret, is_required = SecretStr in annotated, field.is_required() or group[:1] == (name,)
    has_default = not (is_secret or is_required)
    return SettingDescription(
        name=name,
        form=_form_of(annotated),
        default=to_jsonable_python(field.get_default(call_default_factory=True)) if has_default else None,
        description=field.description or field.title or "",
        is_required=is_required,
        alternatives=group[1:] if is_required else (),
        is_secret=is_secret,
        managing_command=str(extra.get("kept_by", "")) if isinstance(extra, dict) else "",
        title=field.title or name.replace("_", " ").capitalize(),
        section=str(extra.get("section", "")) if isinstance(extra, dict) else "",
        choices=_choices_of(annotated),
    )


def _choices_of(annotated: Iterable[Any]) -> tuple[str, ...]:
    for one in annotated:
        if isinstance(one, type) and issubclass(one, Enum):
            return tuple(str(member.value) for member in one)
    return ()


def _form_of(annotated: Iterable[Any]) -> str:
    """What a value of these types looks like, in words."""
    types = [one for one in annotated if isinstance(one, type)]
    for one in types:
        if issubclass(one, Enum):
            return f"one of {', '.join(str(member.value) for member in one)}"
    return next((form for form in (_FORMS.get(one) for one in types) if form), "text")


def require_known(
    described: Iterable[SettingDescription], given: Iterable[str], *, kind: str
) -> Mapping[str, SettingDescription]:
    """The settings by their names. Raises InputError for one that is given and that this kind does not have."""
    known = {one.name: one for one in described}
    unknown = [key for key in given if key not in known]
    if unknown:
        raise InputError(f"kind {kind} has no setting {unknown[0]!r}; it has {', '.join(sorted(known))}")
    return known


def require_given(
    described: Iterable[SettingDescription], values: Mapping[str, Any], *, what: str, command: str
) -> None:
    """Raises InvalidSettingsError that names every setting that is required and missing, and where it is from.

    `what` needs them, and `command` explains them.
    """
    missing = [
        one
        for one in described
        if one.is_required and not any(str(values.get(name, "")).strip() for name in (one.name, *one.alternatives))
    ]
    if missing:
        names = "; ".join(f"{' or '.join((one.name, *one.alternatives))} ({one.description})" for one in missing)
        raise InvalidSettingsError(
            f"{what} needs {names}; `{command}` explains them all", {one.name: "this is needed" for one in missing}
        )
