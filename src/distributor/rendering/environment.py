"""The one Jinja2 environment: sandboxed, an undefined name is an error, markup is escaped unless the file is text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined, TemplateNotFound, TemplateSyntaxError, UndefinedError
from jinja2.exceptions import SecurityError
from jinja2.exceptions import TemplateError as JinjaError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from distributor.domain.errors import TemplateError

_PLAIN_TEXT = (".txt.j2", ".text.j2")


class Templates:
    """Templates from one or more folders; the first folder that has a name wins."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._environment = ImmutableSandboxedEnvironment(
            loader=FileSystemLoader([str(folder) for folder in folders]),
            autoescape=lambda name: not (name or "").endswith(_PLAIN_TEXT),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=False,
        )

    def render(self, name: str, context: Mapping[str, Any]) -> str:
        """The text of template `name`. Raises TemplateError with the template and the line at fault."""
        try:
            return self._environment.get_template(name).render(context)
        except TemplateNotFound as error:
            raise TemplateError("there is no such template", template=error.name or name) from error
        except TemplateSyntaxError as error:
            raise TemplateError(str(error.message), template=error.name or name, line=error.lineno) from error
        except (UndefinedError, SecurityError, JinjaError) as error:
            place, line = _place_of(error, name)
            raise TemplateError(str(error), template=place, line=line) from error


@cache
def shipped_templates() -> Path:
    """The folder of templates that comes with the project, from a checkout or from the wheel."""
    package = Path(__file__).resolve().parents[1]
    in_wheel = package / "shipped" / "templates"
    return in_wheel if in_wheel.is_dir() else package.parents[1] / "templates"


def _place_of(error: BaseException, name: str) -> tuple[str, int | None]:
    """The innermost template frame of a traceback: Jinja2 rewrites frames to the template's own file and line."""
    place, line = name, None
    traceback = error.__traceback__
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        if file.endswith(".j2"):
            place, line = Path(file).name, traceback.tb_lineno
        traceback = traceback.tb_next
    return place, line
