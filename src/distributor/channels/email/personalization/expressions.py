"""Merge expressions: Jinja2's expressions, conditions and a few filters, and nothing else of it.

``{{ subscriber.name | default("reader") }}`` and ``{% if subscriber.city %}…{% endif %}``. A field without a value is
false in a condition and equal to nothing; to print it is an error. There are no loops, calls or arithmetic, so the time
to render a text is bounded by its length, whoever wrote it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache, wraps
from typing import Any

from jinja2 import Environment, Template, TemplateSyntaxError
from jinja2.exceptions import UndefinedError
from jinja2.filters import FILTERS
from jinja2.nodes import EvalContext
from jinja2.runtime import StrictUndefined, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.tests import TESTS

from distributor.channels.email.personalization.expression_tree import SUBSCRIBER, Constants, ExpressionValidator
from distributor.channels.email.personalization.literal import keep_literal, literal_in_html, literal_in_text
from distributor.domain.errors import InputError
from distributor.domain.merge_fields import MergeFields, field_label
from distributor.mail.mime.header_fields import CONTROL

# They replace a missing value; every other filter hands it on, for `or` and `default` behind it.
_DEFAULT_FILTERS = ("default", "d")
_FILTERS = ("title", "capitalize", "upper", "lower", "trim", "truncate", "int")
_TESTS = ("defined", "undefined", "eq", "ne", "in")
# Tokens of the lexer around plain text.
_RAW = frozenset({"raw_begin", "raw_end"})
# Errors that Python raises in an expression: upper("a") < 1, truncate(1).
_EXPRESSION_ERRORS = (UndefinedError, TypeError, ValueError, ArithmeticError, LookupError, AssertionError)

_EMPTY_PARAGRAPH = re.compile(r"<p\b[^<>]*>\s*</p>\n?")
# A run of spaces is looked at from its beginning only: from each of its characters would be quadratic.
_LEFT_SPACE = re.compile(r"(?m)^ (?=\S)|(?<![ \t])[ \t]++$")
_EMPTY_LINES = re.compile(r"\n[ \t]*\n(?:[ \t]*\n)+")


class MissingFieldError(InputError):
    """An expression prints a field that has no value for this recipient. `field` is its key."""

    def __init__(self, field: str) -> None:
        self.field = field
        super().__init__(
            f"{field_label(field)} has no value for this recipient; write {{{{ {field_label(field)} | default('…') }}}}"
        )


class _Missing(StrictUndefined):
    """A field without a value: false and equal to nothing in conditions; anything else is an error."""

    __slots__ = ()

    def __bool__(self) -> bool:  # type: ignore[override]  # the parent's is typed as never returning
        return False

    def __eq__(self, other: object) -> bool:  # type: ignore[override]  # the parent's is typed as never returning
        return isinstance(other, Undefined)

    def __ne__(self, other: object) -> bool:  # type: ignore[override]
        return not self == other

    def __hash__(self) -> int:  # type: ignore[override]
        return 0


class _Environment(ImmutableSandboxedEnvironment):
    """Looks up names in mappings only."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, Mapping) and argument in obj:
            return obj[argument]
        return self.undefined(hint=str(argument))


def _environment(*, autoescape: bool) -> _Environment:
    environment = _Environment(autoescape=autoescape, undefined=_Missing, keep_trailing_newline=True)
    environment.globals = {}
    handing_on = {name: _hands_missing_on(FILTERS[name]) for name in _FILTERS}
    environment.filters = {
        **{name: FILTERS[name] for name in _DEFAULT_FILTERS},
        **handing_on,
        "first_word": _hands_missing_on(_first_word),
    }
    environment.tests = {name: TESTS[name] for name in (*_TESTS, "==", "!=")}
    return environment


def _hands_missing_on(function: Callable[..., Any]) -> Callable[..., Any]:
    """The filter, except that the result for a missing value is this missing value."""

    # Copies the marks of jinja2.pass_environment too; such a filter gets its value as the second argument.
    @wraps(function)
    def filtered(*arguments: Any, **keywords: Any) -> Any:
        value = next(one for one in arguments if not isinstance(one, Environment | EvalContext))
        return value if isinstance(value, Undefined) else function(*arguments, **keywords)

    return filtered


def _first_word(text: str) -> str:
    """In most cases a first name."""
    words = str(text).split()
    return words[0] if words else ""


_IN_HTML = _environment(autoescape=True)
_IN_TEXT = _environment(autoescape=False)


class MergeBlock:
    """A text with merge expressions, compiled once and rendered for each recipient.

    `source` is HTML, in which values are escaped, or text; `constants` are the same for every recipient, as in
    ``article.title``; `part` names the text in error messages. Raises InputError with the line for an invalid
    expression and for a name that does not exist.
    """

    def __init__(self, source: str, *, is_html: bool, constants: Constants, part: str) -> None:
        self.is_html = is_html
        self.part = part
        environment = _IN_HTML if is_html else _IN_TEXT
        try:
            tree = environment.parse(source)
            validator = ExpressionValidator(constants)
            validator.visit(tree)
            self._template = Template.from_code(environment, environment.compile(tree), {})
        except TemplateSyntaxError as error:
            raise InputError(f"{part}, line {error.lineno}: {_reason(error)}") from None
        except (RecursionError, SyntaxError, MemoryError):
            raise InputError(f"{part}: expressions are nested too deeply") from None
        except ValueError:
            # The lexer reads whole numbers with int(), which refuses more than 4300 digits.
            raise InputError(f"{part}: a number in an expression has too many digits") from None
        self.merge_fields = MergeFields(fields=frozenset(validator.fields), decisive=frozenset(validator.decisive))
        self._order = tuple(sorted(self.merge_fields.fields))
        # Results repeat: most subscribers of a list share a few first names, or have none.
        self._cached = lru_cache(maxsize=1024)(self._render)

    def render_for(self, fields: Mapping[str, str]) -> str:
        """The text for a recipient with these fields. Raises MissingFieldError, and InputError."""
        return self._cached(tuple(fields.get(name) or "" for name in self._order))

    def render_constant(self) -> str:
        """The text of a block without merge fields, marked as by `keep_literal`. Raises InputError."""
        return self._render_marked(())

    def _render(self, values: tuple[str, ...]) -> str:
        marked = self._render_marked(values)
        return literal_in_html(marked) if self.is_html else literal_in_text(marked)

    def _render_marked(self, values: tuple[str, ...]) -> str:
        given = zip(self._order, values, strict=False)
        known = {name: keep_literal(CONTROL.sub(" ", value)) for name, value in given if value}
        try:
            rendered = self._template.render({SUBSCRIBER: known})
        except UndefinedError as error:
            missing = str(error)
            if missing in self.merge_fields.fields:
                raise MissingFieldError(missing) from None
            raise InputError(f"{self.part}: {missing}") from None
        except OverflowError:
            raise InputError(f"{self.part}: an expression cannot be evaluated: a number is too large") from None
        except _EXPRESSION_ERRORS as error:
            raise InputError(f"{self.part}: an expression cannot be evaluated: {error}") from None
        # Paragraphs and lines that a condition has left empty.
        if self.is_html:
            return _EMPTY_PARAGRAPH.sub("", rendered)
        return _EMPTY_LINES.sub("\n\n", _LEFT_SPACE.sub("", rendered)).strip("\n")


def expressions_of(source: str, *, part: str) -> Iterator[tuple[str, bool]]:
    """The text in pieces, in order: with False plain text, with True an expression, a statement or a comment.

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
        raise InputError(f"{part}, line {error.lineno}: {_reason(error)}") from None
    if inside:
        raise InputError(f"{part}: {''.join(inside)[:40]!r} is not closed")


def _reason(error: TemplateSyntaxError) -> str:
    return str(error.message or "it cannot be read").rstrip(".")
