"""The words around the articles of a mail: from Markdown with expressions to what the templates put in place.

Expressions are taken out before the Markdown is read, so that neither can spoil the other, and put back into what has
become of it. A value is therefore never read as Markdown, and in HTML it is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from distributor.channels.api import Personalization
from distributor.channels.email.personalization.expression_tree import Constants
from distributor.channels.email.personalization.expressions import expressions_of
from distributor.channels.email.personalization.literal import keep_literal
from distributor.channels.email.personalization.merge_blocks import MergeBlocks
from distributor.channels.email.settings import EmailSettings
from distributor.domain.blocks import Block
from distributor.domain.errors import InputError
from distributor.domain.message_options import MessageOptions
from distributor.rendering.html import html_of
from distributor.rendering.text import text_of_blocks
from distributor.rendering.urls import Resolve

# Private use, so they are neither space nor punctuation to Markdown; the number between them counts expressions.
_BEGIN, _END = "\ue000", "\ue001"
_HIDDEN = re.compile(f"{_BEGIN}(\\d+){_END}")
_TAG = re.compile(r"<[A-Za-z/][^<>]*>")
_LONE = re.compile(f"<p\\b[^>]*>((?:\\s|<br/>|{_BEGIN}\\d+{_END})*)</p>")


@dataclass(frozen=True, slots=True)
class Words:
    """A greeting or a closing for the templates; both empty if there is none."""

    html: Markup
    text: str


def constants(*, article: str, list_name: str, campaign: str, site: str) -> Constants:
    """What a cover may say that is the same for everybody, given the title of the first article and three names."""
    return {
        "article": {"title": article},
        "list": {"name": list_name},
        "campaign": {"name": campaign},
        "site": {"name": site},
    }


def cover_of(cover: MessageOptions, settings: EmailSettings) -> MessageOptions:
    """What the campaign says, and where it says nothing, what the channel does."""
    return MessageOptions(
        subject=cover.subject or settings.subject,
        greeting=cover.greeting or settings.greeting,
        closing=cover.closing or settings.closing,
        attachments=cover.attachments,
    )


def check_cover(covering: Personalization, settings: EmailSettings) -> None:
    """Raises InputError with the part and the line for what cannot be said."""
    cover = cover_of(covering.cover, settings)
    book = MergeBlocks(constants(article="", list_name="", campaign="", site=""))
    subject_of(cover, book)
    for part, source in (("greeting", cover.greeting), ("closing", cover.closing)):
        words_of(source, book, part=part, read=covering.read, styles={}, resolve=str)


def subject_of(cover: MessageOptions, book: MergeBlocks) -> tuple[str, Markup] | None:
    """The subject for the header and for the title of the page; None if the template shall say it."""
    source = " ".join(cover.subject.split())
    if not source:
        return None
    plain = _put_back(*_hide(source, part="subject"), change=keep_literal)
    escaped = _put_back(*_hide(source, part="subject"), change=lambda text: str(Markup.escape(keep_literal(text))))
    return (
        book.write(plain, is_html=False, part="subject"),
        Markup(book.write(escaped, is_html=True, part="subject")),  # noqa: S704 - values in it are escaped
    )


def words_of(
    source: str,
    book: MergeBlocks,
    *,
    part: str,
    read: Callable[[str], Sequence[Block]],
    styles: Mapping[str, str],
    resolve: Resolve,
) -> Words:
    """The words in both forms. Raises InputError."""
    if not source.strip():
        return Words(Markup(), "")
    # What is wrong with an expression is told by its place in what was written.
    book.check(source, part=part)
    marked, hidden = _hide(source, part=part)
    blocks = _read(marked, read, part)
    html = _without_lone_statements(html_of(blocks, resolve=resolve, styles=styles, section_level=3), hidden)
    text = text_of_blocks(blocks, resolve=resolve)
    _insist_on_place(html, text, hidden, part)
    return Words(
        html=Markup(  # noqa: S704 - made by html_of, and values in it are escaped
            book.write(_put_back(keep_literal(html), hidden), is_html=True, part=part)
        ),
        text=book.write(_put_back(keep_literal(text), hidden), is_html=False, part=part),
    )


def _read(marked: str, read: Callable[[str], Sequence[Block]], part: str) -> Sequence[Block]:
    try:
        return read(marked)
    except InputError as error:
        raise InputError(f"{part}: {error}") from error


def _hide(source: str, *, part: str) -> tuple[str, list[str]]:
    """The text with a mark for each expression, and the expressions by their numbers."""
    pieces: list[str] = []
    hidden: list[str] = []
    for piece, is_expression in expressions_of(source.replace(_BEGIN, "").replace(_END, ""), part=part):
        if is_expression:
            pieces.append(f"{_BEGIN}{len(hidden)}{_END}")
            hidden.append(piece)
        else:
            pieces.append(piece)
    return "".join(pieces), hidden


def _without_lone_statements(html: str, hidden: Sequence[str]) -> str:
    """A condition on a line of its own stands around paragraphs and makes none."""

    def bare(paragraph: re.Match[str]) -> str:
        inside = [hidden[int(number)] for number in _HIDDEN.findall(paragraph[1])]
        return paragraph[0] if any(one.startswith("{{") for one in inside) else paragraph[1]

    return _LONE.sub(bare, html)


def _put_back(marked: str, hidden: Sequence[str], *, change: Callable[[str], str] = str) -> str:
    """The expressions in their places; a brace beside one must not become a part of it."""
    pieces = _HIDDEN.split(marked)
    pieces[::2] = [change(piece).replace("{", "{{ '{' }}") for piece in pieces[::2]]
    pieces[1::2] = [hidden[int(number)] for number in pieces[1::2]]
    return "".join(pieces)


def _insist_on_place(html: str, text: str, hidden: Sequence[str], part: str) -> None:
    """Each expression stands once, in a text and not in an address."""
    shown = _HIDDEN.findall(_TAG.sub("", html))
    once = [str(number) for number in range(len(hidden))]
    if sorted(shown) != sorted(once) or sorted(_HIDDEN.findall(text)) != sorted(once):
        lost = next((hidden[int(number)] for number in once if shown.count(number) != 1), "an expression")
        raise InputError(f"{part}: {lost} stands in an address or a picture; it can only stand in text")
