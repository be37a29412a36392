"""Greeting, closing and subject of a mail: from Markdown with merge expressions to what the templates insert.

Expressions are replaced by marks before the Markdown is parsed and put back into the result, so that neither affects
the other: a value is never parsed as Markdown, and in HTML it is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from markupsafe import Markup

from distributor.channels.api import Personalization
from distributor.channels.email.personalization.expression_tree import Constants
from distributor.channels.email.personalization.expressions import expressions_of
from distributor.channels.email.personalization.literal import keep_literal
from distributor.channels.email.personalization.merge_blocks import MergeBlockWriter
from distributor.channels.email.rendering.article_view import MAIL_WIDTH
from distributor.channels.email.settings import EmailSettings
from distributor.domain.blocks import Block, Code, Mark, runs_of, walk
from distributor.domain.errors import InputError
from distributor.domain.message_options import MessageOptions
from distributor.rendering.html import html_of
from distributor.rendering.sanitize import Resolve
from distributor.rendering.text import text_of_blocks

# Private-use characters are neither space nor punctuation to Markdown; the number between them is an index.
_BEGIN, _END = "\ue000", "\ue001"
# A brace in code, where it begins no expression; and, while code is looked for, every brace with its number.
_BRACE_IN_CODE = "\ue002"
_NUMBERED_BRACE = re.compile(f"{_BRACE_IN_CODE}(\\d+)\ue003")
_PRIVATE = re.compile("[\ue000-\ue003]")
_MARK = re.compile(f"{_BEGIN}(\\d+){_END}")
_TAG = re.compile(r"<[A-Za-z/][^<>]*>")
_PARAGRAPH_OF_MARKS = re.compile(f"<p\\b[^<>]*>((?:\\s|<br/>|{_BEGIN}\\d+{_END})*)</p>")


@dataclass(frozen=True, slots=True)
class RenderedText:
    """A greeting or a closing for the templates; both forms are empty if there is none."""

    html: Markup
    text: str


def merge_constants(*, article: str, list_name: str, campaign: str, site: str) -> Constants:
    """The names in merge expressions that are the same for every recipient; `article` is the title of the first one."""
    return {
        "article": {"title": article},
        "list": {"name": list_name},
        "campaign": {"name": campaign},
        "site": {"name": site},
    }


def effective_options(options: MessageOptions, settings: EmailSettings) -> MessageOptions:
    """The options of the campaign, and where they are empty those of the channel."""
    own = MessageOptions(subject=settings.subject, greeting=settings.greeting, closing=settings.closing)
    return own.overridden_by(options)


def check_options(personalization: Personalization, settings: EmailSettings) -> None:
    """Raises InputError with the part and the line for an invalid merge expression."""
    options = effective_options(personalization.options, settings)
    writer = MergeBlockWriter(merge_constants(article="", list_name="", campaign="", site=""))
    render_subject(options, writer)
    preheader_in(options)
    for part, source in (("greeting", options.greeting), ("closing", options.closing)):
        render_part(source, writer, part=part, read=personalization.parse_markdown, styles={}, resolve=str)


def render_subject(options: MessageOptions, writer: MergeBlockWriter) -> tuple[str, Markup] | None:
    """The subject for the header and for the title of the page; None if the template has to make it."""
    source = " ".join(options.subject.split())
    if not source:
        return None
    plain = _restore_expressions(*_extract_expressions(source, part="subject"), change=keep_literal)
    escaped = _restore_expressions(
        *_extract_expressions(source, part="subject"), change=lambda text: str(Markup.escape(keep_literal(text)))
    )
    return (
        writer.write(plain, is_html=False, part="subject"),
        Markup(writer.write(escaped, is_html=True, part="subject")),  # noqa: S704 - values in it are escaped
    )


def preheader_in(options: MessageOptions) -> str:
    """The campaign's own preheader as one line; empty if it has none. Raises InputError for an expression in it."""
    preheader = " ".join(options.preheader.split())
    if "{{" in preheader or "{%" in preheader:
        raise InputError("preheader: it is the same for all recipients, so it cannot name one; leave out the braces")
    return preheader


def render_part(
    source: str,
    writer: MergeBlockWriter,
    *,
    part: str,
    read: Callable[[str], Sequence[Block]],
    styles: Mapping[str, str],
    resolve: Resolve,
) -> RenderedText:
    """A greeting or closing as HTML and text. Raises InputError."""
    if not source.strip():
        return RenderedText(Markup(), "")
    source = _protect_code(source, read)
    # Checked before it is parsed, so that an error names the right line.
    writer.check(source, part=part)
    marked, expressions = _extract_expressions(source, part=part)
    blocks = _parse_markdown(marked, read, part)
    written = html_of(blocks, resolve=resolve, styles=styles, section_level=3, mail_width=MAIL_WIDTH)
    html = _unwrap_statements(written, expressions)
    text = text_of_blocks(blocks, resolve=resolve)
    _check_positions(html, text, expressions, part)
    return RenderedText(
        html=Markup(  # noqa: S704 - made by html_of, and values in it are escaped
            writer.write(_restore_expressions(keep_literal(html), expressions), is_html=True, part=part)
        ),
        text=writer.write(_restore_expressions(keep_literal(text), expressions), is_html=False, part=part),
    )


def _parse_markdown(marked: str, read: Callable[[str], Sequence[Block]], part: str) -> Sequence[Block]:
    try:
        return read(marked)
    except InputError as error:
        raise InputError(f"{part}: {error}") from error


def _protect_code(source: str, read: Callable[[str], Sequence[Block]]) -> str:
    """The text with a mark for each brace inside Markdown code, where nothing is an expression."""
    source = _PRIVATE.sub("", source)
    numbers = count()
    numbered = re.sub(r"\{", lambda _: f"{_BRACE_IN_CODE}{next(numbers)}\ue003", source)
    if numbered == source:
        return source
    try:
        blocks = read(numbered)
    except InputError:
        # The error is found again without the numbers.
        return source
    code: list[str] = []
    for block in walk(blocks):
        code += [block.text] if isinstance(block, Code) else []
        code += [run.text for runs in runs_of(block) for run in runs if Mark.CODE in run.marks]
    in_code = {number for text in code for number in _NUMBERED_BRACE.findall(text)}
    return _NUMBERED_BRACE.sub(lambda brace: _BRACE_IN_CODE if brace[1] in in_code else "{", numbered)


def _extract_expressions(source: str, *, part: str) -> tuple[str, list[str]]:
    """The text with a mark for each expression, and the expressions by the index in the mark."""
    pieces: list[str] = []
    expressions: list[str] = []
    for piece, is_expression in expressions_of(source.replace(_BEGIN, "").replace(_END, ""), part=part):
        if is_expression:
            pieces.append(f"{_BEGIN}{len(expressions)}{_END}")
            expressions.append(piece)
        else:
            pieces.append(piece)
    return "".join(pieces), expressions


def _unwrap_statements(html: str, expressions: Sequence[str]) -> str:
    """A statement such as ``{% if … %}`` on a line of its own encloses paragraphs and must not be one."""

    def unwrap(paragraph: re.Match[str]) -> str:
        inside = [expressions[int(number)] for number in _MARK.findall(paragraph[1])]
        return paragraph[0] if any(one.startswith("{{") for one in inside) else paragraph[1]

    return _PARAGRAPH_OF_MARKS.sub(unwrap, html)


def _restore_expressions(marked: str, expressions: Sequence[str], *, change: Callable[[str], str] = str) -> str:
    """The text with its expressions; a brace beside one must not become a part of it."""
    pieces = _MARK.split(marked)
    pieces[::2] = [change(piece).replace(_BRACE_IN_CODE, "{").replace("{", "{{ '{' }}") for piece in pieces[::2]]
    pieces[1::2] = [expressions[int(number)] for number in pieces[1::2]]
    return "".join(pieces)


def _check_positions(html: str, text: str, expressions: Sequence[str], part: str) -> None:
    """Raises InputError for an expression that is not exactly once in text, but in a link's URL or an image."""
    shown = _MARK.findall(_TAG.sub("", html))
    once = [str(number) for number in range(len(expressions))]
    if sorted(shown) != sorted(once) or sorted(_MARK.findall(text)) != sorted(once):
        lost = next((expressions[int(number)] for number in once if shown.count(number) != 1), "an expression")
        raise InputError(f"{part}: {lost} is in the URL of a link or in an image; it can only be in text")
