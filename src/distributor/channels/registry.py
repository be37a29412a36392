"""Which kinds of channel there are: the modules of this folder, and the entry points of other packages."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, cast, get_args

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

import distributor.channels as folder
from distributor.channels.api import (
    Channel,
    InvalidSettingsError,
    Json,
    KindPresentation,
    PresentedKind,
    RequiringChannel,
)
from distributor.domain.errors import NotFoundError
from distributor.plugins import Plugins, load_plugins
from distributor.validation_messages import sentence_of

ENTRY_POINT_GROUP = "distributor.channels"
_FORMS: Mapping[type, str] = {
    bool: "true or false",
    int: "whole number",
    float: "number",
    list: "list",
    dict: "names with values",
}


@cache
def kinds() -> Mapping[str, type[Channel]]:
    """Every kind by its name, in alphabetical order."""
    found = {channel.kind: channel for channel in (*_from_folder(), *_from_entry_points())}
    return dict(sorted(found.items()))


def kind_of(name: str) -> type[Channel]:
    """The kind called `name`. Raises NotFoundError."""
    try:
        return kinds()[name]
    except KeyError:
        raise NotFoundError("kind of channel", name, hint=f"installed are {', '.join(kinds())}") from None


def make_channel(kind: str, settings: Mapping[str, Any]) -> Channel:
    """The channel of this kind with these settings. Raises InputError naming what is wrong with which of them."""
    return kind_of(kind)(parse_settings(kind, settings))


def parse_settings(kind: str, settings: Mapping[str, Any]) -> BaseModel:
    """The settings of a channel of this kind. Raises InputError naming what is wrong with which of them."""
    try:
        return kind_of(kind).settings_model.model_validate(settings)
    except ValidationError as error:
        found = error.errors(include_input=False)
        told = "; ".join(": ".join(filter(None, (".".join(map(str, one["loc"])), sentence_of(one)))) for one in found)
        faults = {str(one["loc"][0]) if one["loc"] else "": sentence_of(one) for one in found}
        raise InvalidSettingsError(f"settings of a channel of kind {kind}: {told}", faults) from None


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


def describe_settings(kind: str) -> list[SettingDescription]:
    """The settings of this kind, those that are required first. Raises NotFoundError."""
    channel = kind_of(kind)
    groups = channel.required_settings() if issubclass(channel, RequiringChannel) else ()
    described = [
        _describe(name, field, next((tuple(group) for group in groups if name in group), ()))
        for name, field in channel.settings_model.model_fields.items()
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


def present(kind: str) -> KindPresentation:
    """A kind in words; one that has none is called by its name. Raises NotFoundError."""
    channel = kind_of(kind)
    if isinstance(channel, PresentedKind):
        return channel.presentation()
    return KindPresentation(title=kind.replace("_", " ").capitalize(), sentence="")


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


def template_folders() -> list[Path]:
    """The folders `templates` beside the modules of kinds from other packages."""
    files = [inspect.getsourcefile(channel) for channel in _from_entry_points()]
    folders = [Path(file).parent / "templates" for file in files if file]
    return [folder for folder in folders if folder.is_dir()]


def _from_folder() -> list[type[Channel]]:
    modules = (
        importlib.import_module(f"{folder.__name__}.{module.name}") for module in pkgutil.iter_modules(folder.__path__)
    )
    return [cast("type[Channel]", module.CHANNEL) for module in modules if hasattr(module, "CHANNEL")]


def broken_kinds() -> Mapping[str, str]:
    """The kinds of other packages that cannot be loaded, with the reason. They do not keep the others from working."""
    return _plugins().broken


def _from_entry_points() -> list[type[Channel]]:
    return [cast("type[Channel]", channel) for channel in _plugins().classes]


def _plugins() -> Plugins:
    return load_plugins(ENTRY_POINT_GROUP, attributes=("kind", "settings_model", "capabilities"))
