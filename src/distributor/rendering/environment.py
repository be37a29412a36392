"""The Jinja2 environment: sandboxed, undefined names are errors, output is escaped unless the template is text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined, TemplateNotFound, TemplateSyntaxError
from jinja2.exceptions import TemplateError as JinjaError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from distributor.domain.errors import TemplateError
from distributor.rendering.colours import button_on, ink_on, readable_on
from distributor.rendering.words import Words, choose, read_words

_TEXT_SUFFIXES = (".txt.j2", ".text.j2")
# What Python raises for an expression in a template: 1 + "a", 1 / 0, a template that includes itself.
_EXPRESSION_ERRORS = (TypeError, ValueError, ArithmeticError, LookupError, RecursionError)


class _Environment(ImmutableSandboxedEnvironment):
    """Remembers which attributes are safe: a page asks for thousands, and only the type of the object decides."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._safe: dict[tuple[type, str], bool] = {}

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        asked = (type(obj), attr)
        known = self._safe.get(asked)
        if known is None:
            known = self._safe[asked] = super().is_safe_attribute(obj, attr, value)
        return known


class Templates:
    """Templates from one or more folders; the first folder that contains a name wins."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = tuple(folders)
        self._environment = _Environment(
            loader=FileSystemLoader([str(folder) for folder in folders]),
            autoescape=lambda name: not (name or "").endswith(_TEXT_SUFFIXES),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=False,
            # `{{ _("…") }}` and `{% trans %}`: in English, which the texts are written in.
            extensions=["jinja2.ext.i18n"],
        )
        # A palette is computed from the accent of the brand where its grounds are known: in the template.
        self._environment.filters |= {"readable_on": readable_on, "button_on": button_on, "ink_on": ink_on}
        self._environment.policies["ext.i18n.trimmed"] = True
        # Of the extension, which has no types.
        install: Any = self._environment
        install.install_null_translations(newstyle=True)

    def sharing(self, names: Mapping[str, Any]) -> Templates:
        """The same templates, all of which know these names besides, also imported macros."""
        shared = Templates(self._folders)
        shared._environment.globals |= names
        return shared

    def render(self, name: str, context: Mapping[str, Any]) -> str:
        """Render template `name`. Raises TemplateError with the template and the line of the error.

        That is the innermost template: an included one, if the error is there.
        """
        try:
            return self._environment.get_template(name).render(context)
        except TemplateSyntaxError as error:
            raise TemplateError(str(error.message), template=error.name or name, line=error.lineno) from error
        except TemplateNotFound as error:
            place, line = self._place_of(error, name)
            missing = error.name if isinstance(error.name, str) else str(error.message)
            reason = "there is no such template" if missing == name else f"there is no template {missing!r} to include"
            raise TemplateError(reason, template=place, line=line) from error
        except (JinjaError, *_EXPRESSION_ERRORS) as error:
            place, line = self._place_of(error, name)
            raise TemplateError(str(error), template=place, line=line) from error

    @cached_property
    def words(self) -> Mapping[str, Words]:
        """What our pages say, by language. Raises TemplateError."""
        return read_words(self._folders)

    def words_in(self, *languages: str) -> Words:
        """What our pages say in the first of these languages that they speak, else in English. Raises TemplateError."""
        return choose(self.words, languages)

    def _place_of(self, error: BaseException, name: str) -> tuple[str, int | None]:
        """The innermost template frame of a traceback: Jinja2 rewrites frames to the template's own file and line."""
        place, line = name, None
        traceback = error.__traceback__
        while traceback is not None:
            own_name = self._name_of(Path(traceback.tb_frame.f_code.co_filename))
            if own_name is not None:
                place, line = own_name, traceback.tb_lineno
            traceback = traceback.tb_next
        return place, line

    def _name_of(self, file: Path) -> str | None:
        """The name by which templates include `file`, or None if it is not a template."""
        for folder in self._folders:
            if file.suffix == ".j2" and file.is_relative_to(folder):
                return file.relative_to(folder).as_posix()
        return None


def shipped_templates() -> Path:
    """The folder of templates shipped with the package."""
    return shipped_folder("templates")


def shipped_folder(name: str) -> Path:
    """A folder shipped with the package, in a checkout or in the wheel."""
    package = Path(__file__).resolve().parents[1]
    in_wheel = package / "shipped" / name
    return in_wheel if in_wheel.is_dir() else package.parents[1] / name
