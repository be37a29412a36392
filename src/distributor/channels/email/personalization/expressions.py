"""The language in which a mail speaks of its reader: Jinja2's expressions, conditions and a few filters, no more.

``{{ subscriber.name | default("reader") }}`` and ``{% if subscriber.city %}…{% endif %}``. What is not known of
somebody is false in a condition and equal to nothing; to print it is an error. There is no loop, call or arithmetic, so
a text costs no more than its length whoever wrote it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from jinja2 import Template, TemplateSyntaxError
from jinja2.exceptions import UndefinedError
from jinja2.filters import FILTERS
from jinja2.runtime import StrictUndefined, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.tests import TESTS

from distributor.channels.email.personalization.expression_tree import SUBSCRIBER, Constants, TreeReader
from distributor.channels.email.personalization.literal import keep_literal, literal_in_html, literal_in_text
from distributor.domain.errors import InputError
from distributor.domain.merge_fields import MergeFields, field_label
from distributor.mail.mime.header_fields import CONTROL

_FILTERS = ("default", "d", "title", "capitalize", "upper", "lower", "trim", "truncate", "int")
_TESTS = ("defined", "undefined", "eq", "ne", "in")
# What stands between these is plain text.
_RAW = frozenset({"raw_begin", "raw_end"})
# What an expression can raise in Python itself: upper("a") < 1, truncate(1).
_EXPRESSION_ERRORS = (UndefinedError, TypeError, ValueError, ArithmeticError, LookupError, AssertionError)

_EMPTY_PARAGRAPH = re.compile(r"<p\b[^>]*>\s*</p>\n?")
_LEFT_SPACE = re.compile(r"(?m)^ (?=\S)|[ \t]+$")
_EMPTY_LINES = re.compile(r"\n[ \t]*\n(?:[ \t]*\n)+")


class MissingFieldError(InputError):
    """Something is to be said that is not known of this recipient. `field` is its key."""

    def __init__(self, field: str) -> None:
        self.field = field
        super().__init__(
            f"{field_label(field)} is not known of this recipient; write {{{{ {field_label(field)} | default('…') }}}}"
        )


class _Missing(StrictUndefined):
    """What is not known: false and equal to nothing, so that conditions can ask for it; else an error."""

    __slots__ = ()

    def __bool__(self) -> bool:  # type: ignore[override]  # the parent's returns to nobody
        return False

    def __eq__(self, other: object) -> bool:  # type: ignore[override]  # the parent's returns to nobody
        return isinstance(other, Undefined)

    def __ne__(self, other: object) -> bool:  # type: ignore[override]
        return not self == other

    def __hash__(self) -> int:  # type: ignore[override]
        return 0


class _Environment(ImmutableSandboxedEnvironment):
    """Looks into mappings of ours and nothing else."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, Mapping) and argument in obj:
            return obj[argument]
        return self.undefined(hint=str(argument))


def _environment(*, autoescape: bool) -> _Environment:
    made = _Environment(autoescape=autoescape, undefined=_Missing, keep_trailing_newline=True)
    made.globals = {}
    made.filters = {name: FILTERS[name] for name in _FILTERS} | {"first_word": _first_word}
    made.tests = {name: TESTS[name] for name in (*_TESTS, "==", "!=")}
    return made


def _first_word(text: str) -> str:
    """The first name of somebody, mostly."""
    words = str(text).split()
    return words[0] if words else ""


_IN_HTML = _environment(autoescape=True)
_IN_TEXT = _environment(autoescape=False)


class Passage:
    """A text with expressions, ready to be said to one person after another.

    `source` is HTML, in which values are escaped, or text; `constants` are what is the same for everybody, as in
    ``article.title``; `part` names the text in messages. Raises InputError with the line for what is not in the
    language, and for a name that does not exist.
    """

    def __init__(self, source: str, *, is_html: bool, constants: Constants, part: str) -> None:
        self.is_html = is_html
        self.part = part
        environment = _IN_HTML if is_html else _IN_TEXT
        try:
            tree = environment.parse(source)
            reader = TreeReader(constants)
            reader.visit(tree)
            self._template = Template.from_code(environment, environment.compile(tree), {})
        except TemplateSyntaxError as error:
            raise InputError(f"{part}, line {error.lineno}: {_worded(error)}") from None
        except (RecursionError, SyntaxError, MemoryError):
            raise InputError(f"{part}: expressions are nested too deeply") from None
        self.needs = MergeFields(fields=frozenset(reader.fields), decisive=frozenset(reader.decisive))
        self._order = tuple(sorted(self.needs.fields))
        # Greetings repeat: most people of a list share a few first names, or none.
        self._said = lru_cache(maxsize=1024)(self._say)

    def say_to(self, fields: Mapping[str, str]) -> str:
        """What is said to somebody of whom these fields are known. Raises MissingFieldError, and InputError."""
        return self._said(tuple(fields.get(name) or "" for name in self._order))

    def say_to_all(self) -> str:
        """What is said to everybody, where nothing differs; marked as by `keep_literal`. Raises InputError."""
        return self._marked(())

    def _say(self, values: tuple[str, ...]) -> str:
        marked = self._marked(values)
        return literal_in_html(marked) if self.is_html else literal_in_text(marked)

    def _marked(self, values: tuple[str, ...]) -> str:
        given = zip(self._order, values, strict=False)
        known = {name: keep_literal(CONTROL.sub(" ", value)) for name, value in given if value}
        try:
            said = self._template.render({SUBSCRIBER: known})
        except UndefinedError as error:
            missing = str(error)
            if missing in self.needs.fields:
                raise MissingFieldError(missing) from None
            raise InputError(f"{self.part}: {missing}") from None
        except _EXPRESSION_ERRORS as error:
            raise InputError(f"{self.part}: an expression makes no sense: {error}") from None
        # What a condition has left empty.
        if self.is_html:
            return _EMPTY_PARAGRAPH.sub("", said)
        return _EMPTY_LINES.sub("\n\n", _LEFT_SPACE.sub("", said)).strip("\n")


def expressions_of(source: str, *, part: str) -> Iterator[tuple[str, bool]]:
    """The text in pieces, in order: what is plain, and with True what is an expression, a statement or a comment.

    Raises InputError for an expression that is not closed.
    """
    inside: list[str] = []
    try:
        for _, kind, piece in _IN_TEXT.lex(source):
            if kind == "data":
                yield piece, False
                continue
            if kind in _RAW:
                continue
            inside.append(piece)
            if kind.endswith("_end"):
                yield "".join(inside), True
                inside.clear()
    except TemplateSyntaxError as error:
        raise InputError(f"{part}, line {error.lineno}: {_worded(error)}") from None
    if inside:
        raise InputError(f"{part}: {''.join(inside)[:40]!r} is not closed")


def _worded(error: TemplateSyntaxError) -> str:
    return str(error.message or "it cannot be read").rstrip(".")
