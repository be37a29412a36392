"""Blocks as Markdown, which `markdown.parse` reads as the same blocks: for the editor, whatever an article came from.

What Markdown cannot say is written as plainly as it can: a line break in a table is a space, and formatting that no
delimiter can enclose (CommonMark 0.31, section 6.2) is left out. Text is never lost.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import regex

from distributor.domain.blocks import (
    Alignment,
    Block,
    Code,
    Divider,
    Heading,
    Image,
    List,
    ListItem,
    Mark,
    Paragraph,
    Quote,
    Run,
    Runs,
    Table,
    text_of,
)
from distributor.domain.errors import SourceError
from distributor.sources.dialects.inline_marks import holds_math
from distributor.sources.front_matter.keys import FrontMatter
from distributor.sources.markdown import parse_below
from distributor.sources.urls import linkify

_DELIMITERS = {Mark.STRONG: "**", Mark.EMPHASIS: "*", Mark.STRIKE: "~~"}
_TAGS = {Mark.HIGHLIGHT: "mark", Mark.SUPERSCRIPT: "sup", Mark.SUBSCRIPT: "sub"}
_AROUND = {
    **{mark: (sign, sign) for mark, sign in _DELIMITERS.items()},
    **{mark: (f"<{tag}>", f"</{tag}>") for mark, tag in _TAGS.items()},
}
_TAG_FREE = FrontMatter(title="-", tags=())
_RULE = {Alignment.LEFT: "---", Alignment.CENTER: ":-:", Alignment.RIGHT: "--:"}
_BULLETS, _AFTER_NUMBER = ("-", "+"), (".", ")")

_ESCAPED_ID = re.compile(r"[\s<>&\"'|`\\]")
_ENTITY = re.compile(r"&(?=#?\w+;)")
_SPECIAL = r"[`*]|~(?=~)|(?<=~)~|<(?=[A-Za-z/!?])|\\(?=[!-/:-@\[-`{-~\n]|\Z)|\{(?=[/{%#<:.])|%(?=%)"
# What begins a mark, a note or a link in one of the dialects.
_OF_DIALECTS = r"=(?==[^\s=]|=\Z|\Z)|\^(?=[^\s^~]{1,24}\^|\[|\Z)|~(?=\S|\Z)|\[(?=[\[^!]|[ xX]\] )"
_ESCAPED = re.compile(rf"{_SPECIAL}|{_OF_DIALECTS}|\](?=[(\[:])")
_ESCAPED_IN_BRACKETS = re.compile(rf"{_SPECIAL}|{_OF_DIALECTS}|[\[\]]")
# Between letters an underscore is a letter to Markdown.
_UNDERSCORE = regex.compile(r"(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])")
_BARE = re.compile(r"https?://[A-Za-z0-9][\w./?=&%#:+~,@!$;-]*[A-Za-z0-9/]\Z", re.ASCII)
# What begins a block, or makes one of the line above it.
_BLOCK_START = re.compile(
    r"(?P<mark>#{1,6}(?=\s|\Z)|>|[-+](?=\s|\Z)|[-=]{2,}|[-=]\Z|~~~|:{3}|[!?]{3}|[:~](?=\s|\Z))|(?P<number>\d{1,9})(?=[.)](?:\s|\Z))"
)
_EMPTY_LINES = re.compile(r"\n[^\S\n]*(?:\n[^\S\n]*)+")
_TABLE_RULE = re.compile(r"[ \t|:-]+\Z")


def write_markdown(blocks: Sequence[Block]) -> str:
    """The blocks as Markdown, with a line feed at its end unless there are none."""
    text = "\n\n".join(_blocks(blocks))
    return f"{text}\n" if text else ""


def _blocks(blocks: Sequence[Block], *, in_list: bool = False) -> Iterator[str]:
    others = 0
    before: Block | None = None
    for block in blocks:
        # Two lists with the same marker would be one list.
        is_next_list = isinstance(block, List) and isinstance(before, List) and block.ordered == before.ordered
        others = (others + 1) % 2 if is_next_list else 0
        written = _block(block, others, in_list=in_list)
        if written:
            yield written
            before = block


def _block(block: Block, other: int, *, in_list: bool) -> str:
    match block:
        case Heading(level=level, runs=runs):
            text = _inline(_on_one_line(runs))
            return f"{'#' * min(max(level, 2), 6)} {_closing_escaped(text)}" if text else ""
        case Paragraph(runs=runs):
            return _lines_escaped(_inline(runs))
        case List():
            return _list(block, other)
        case Quote(blocks=inner):
            return "\n".join(f"> {line}".rstrip() for line in "\n\n".join(_blocks(inner)).split("\n"))
        case Image():
            return _image_block(block)
        case Code(text=text, language=language):
            return _fenced(text, language)
        case Table():
            return _table(block)
        case Divider():
            return "***" if in_list else "---"


def _list(block: List, other: int) -> str:
    is_loose = any(not _may_follow_at_once(inner) for item in block.items for inner in item.blocks[1:])
    lines = []
    for at, item in enumerate(block.items):
        marker = f"{block.start + at}{_AFTER_NUMBER[other]} " if block.ordered else f"{_BULLETS[other]} "
        lines.append(_item(item, marker, is_loose=is_loose))
    return ("\n\n" if is_loose else "\n").join(lines)


def _may_follow_at_once(block: Block) -> bool:
    """Whether it needs no empty line between it and a paragraph: a list that begins with text, and with 1."""
    return isinstance(block, List) and block.start == 1 and bool(block.items) and bool(block.items[0].blocks)


def _item(item: ListItem, marker: str, *, is_loose: bool) -> str:
    text = ("\n\n" if is_loose else "\n").join(_blocks(item.blocks, in_list=True))
    first, *others = text.split("\n")
    indent = " " * len(marker)
    return "\n".join([f"{marker}{first}".rstrip(), *(f"{indent}{line}".rstrip() for line in others)])


def _image_block(image: Image) -> str:
    """A link around it is in its caption."""
    href = next((run.href for run in image.caption if run.href), None)
    return _image(image, text_of(image.caption), href)


def _image(image: Image, caption: str, href: str | None) -> str:
    alt = _escaped(" ".join(image.alt.split()), in_brackets=True)
    title = f' "{_quoted(caption)}"' if caption.strip() else ""
    written = f"![{alt}]({_target(image.src)}{title})"
    return f"[{written}]({_target(href)})" if href else written


def _quoted(text: str) -> str:
    return _ENTITY.sub("&amp;", " ".join(text.split()).replace("\\", "\\\\").replace('"', '\\"'))


def _target(url: str) -> str:
    escaped = _ENTITY.sub("&amp;", url.replace("\\", "%5C").replace("\n", ""))
    is_plain = re.fullmatch(r"[^\s()<>]+", escaped) is not None
    return escaped if is_plain else f"<{escaped.replace('<', '%3C').replace('>', '%3E')}>"


def _fenced(text: str, language: str) -> str:
    longest = max((len(found) for found in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    name = re.sub(r"[\s`]+", "-", language.strip())
    return f"{fence}{name}\n{text}\n{fence}"


def _table(table: Table) -> str:
    rows = [_row(table.header), f"| {' | '.join(_RULE[one] for one in table.alignments)} |"]
    return "\n".join([*rows, *(_row(row) for row in table.rows)])


def _row(cells: Sequence[Runs]) -> str:
    texts = (_inline(_on_one_line(cell), in_table=True) for cell in cells)
    return f"| {' | '.join(texts)} |"


def _on_one_line(runs: Runs) -> Runs:
    return tuple(replace(run, text=run.text.replace("\n", " ")) for run in runs)


def _closing_escaped(text: str) -> str:
    """A heading does not end at its last #."""
    return f"{text[:-1]}\\#" if text.endswith("#") else text


def _lines_escaped(text: str) -> str:
    """The lines of a paragraph, none of which is taken for the start of another block."""
    return "\n".join(_line_escaped(line.lstrip(" \t")) for line in text.split("\n"))


def _line_escaped(line: str) -> str:
    if _TABLE_RULE.match(line):
        return f"\\{line}"
    found = _BLOCK_START.match(line)
    if found is None:
        return line
    number = found["number"]
    return f"{number}\\{line[len(number) :]}" if number else f"\\{line}"


def _inline(runs: Runs, *, in_table: bool = False) -> str:
    """The runs as they read back the same, as far as any of these ways do."""
    runs = _stripped(runs)
    stretches = _with_enclosable_marks(runs)
    plain = [replace(run, marks=run.marks & {Mark.CODE, Mark.NOTE}) for run in runs]
    less = [replace(run, marks=run.marks - {Mark.EMPHASIS}) for run in stretches]
    text_only = [replace(run, marks=frozenset(), href=None) for run in runs]
    ways = ((stretches, True), (stretches, False), (less, False), (plain, False), (text_only, False))
    written = ""
    for some, may_be_bare in ways:
        inline = _Inline(may_be_bare=may_be_bare, in_table=in_table, escapes_dollars=_may_hold_math(some))
        written = inline.write(some, frozenset(), is_linked=False)
        if not any(run.marks or run.href or run.image for run in some) or _reads_back(written, some, in_table=in_table):
            break
    return written.strip(" \t") if not in_table else written.strip(" \t").replace("\n", " ")


def _may_hold_math(runs: Sequence[Run]) -> bool:
    text = "".join(run.text for run in runs)
    return text.count("$") > 1 and (len(runs) > 1 or holds_math(text))


def _stripped(runs: Runs) -> Runs:
    """The runs without white space at both ends, and without what a reader would not see: code and links of it."""
    kept: list[Run] = []
    coded = (run for run in runs if run.text.strip() or run.image or Mark.CODE not in run.marks)
    for _, group in groupby(coded, key=lambda run: run.href):
        linked = list(group)
        is_seen = any(run.text.strip() or run.image for run in linked)
        kept += linked if is_seen else (replace(run, href=None) for run in linked)
    for at, strip in ((0, str.lstrip), (-1, str.rstrip)):
        while kept and not kept[at].image and Mark.CODE not in kept[at].marks:
            kept[at] = replace(kept[at], text=strip(kept[at].text))
            if kept[at].text:
                break
            del kept[at]
    return tuple(_without_empty_lines(kept))


def _without_empty_lines(runs: Sequence[Run]) -> Iterator[Run]:
    """A paragraph of Markdown ends at an empty line."""
    is_line_ended = False
    for run in runs:
        if run.image or Mark.CODE in run.marks:
            is_line_ended = False
            yield run
            continue
        text = _EMPTY_LINES.sub("\n", f"\n{run.text}" if is_line_ended else run.text)
        if is_line_ended:
            text = text.removeprefix("\n")
        is_line_ended = text.rstrip(" \t").endswith("\n") if text.strip(" \t") else is_line_ended
        yield replace(run, text=text)


def _reads_back(written: str, runs: Sequence[Run], *, in_table: bool) -> bool:
    """Whether the text, on its own, is read as these runs."""
    text = _lines_escaped(written)
    try:
        body = parse_below(_TAG_FREE, f"| {text} |\n| --- |" if in_table else text, path="").body
    except SourceError:
        return False
    match body:
        case (Table(header=(read,)),) if in_table:
            return _styles(read) == _styles(runs)
        case (Paragraph(runs=read),):
            return _styles(read) == _styles(runs)
        case (Image() as image,):
            return [run.image and run.image.src for run in runs if run.image or run.text.strip()] == [image.src]
        case _:
            return False


def _styles(runs: Sequence[Run]) -> list[tuple[str, frozenset[Mark], str | None, str | None]]:
    """What a reader sees of each stretch, without white space at its ends."""
    linked = linkify(runs)
    grouped = groupby(
        (run for run in linked if run.text.strip() or run.image or Mark.CODE in run.marks),
        key=lambda run: (run.marks, _outward(run.href), run.image.src if run.image else None),
    )
    return [(" ".join("".join(run.text for run in group).split()), *style) for style, group in grouped]


def _outward(href: str | None) -> str | None:
    """The target of a link that leads out of the article: a paragraph on its own does not have the others."""
    return None if href is None or href.startswith("#") else href


@dataclass(frozen=True, slots=True, kw_only=True)
class _Inline:
    """Writes runs; with `may_be_bare`, a link whose text is its URL is written as that."""

    may_be_bare: bool
    in_table: bool
    escapes_dollars: bool

    def write(self, runs: Sequence[Run], applied: frozenset[Mark], *, is_linked: bool) -> str:
        written = ""
        at = 0
        while at < len(runs):
            length, wrap, inner = self._longest(runs[at:], applied, is_linked=is_linked)
            part = wrap(inner)
            if part.startswith("[") and written.endswith("!"):
                written = f"{written[:-1]}\\!"
            written += part
            at += length
        return written

    def _longest(
        self, runs: Sequence[Run], applied: frozenset[Mark], *, is_linked: bool
    ) -> tuple[int, Callable[[Sequence[Run]], str], Sequence[Run]]:
        """How many runs share the style that reaches farthest, how they are written, and they."""
        first = runs[0]
        length, mark = 0, None
        for one in (one for one in _AROUND if one in first.marks - applied):
            reach = next((at for at, run in enumerate(runs) if one not in run.marks), len(runs))
            if reach > length:
                length, mark = reach, one
        if first.href and not is_linked:
            linked = next((at for at, run in enumerate(runs) if run.href != first.href), len(runs))
            if linked >= length:
                return linked, lambda inner: self._link(inner, applied), runs[:linked]
        if mark is not None:
            (opening, closing), wider = _AROUND[mark], applied | {mark}
            return (
                length,
                lambda inner: f"{opening}{self.write(inner, wider, is_linked=is_linked)}{closing}",
                runs[:length],
            )
        return 1, lambda inner: self._plain(inner[0], is_linked=is_linked), runs[:1]

    def _link(self, runs: Sequence[Run], applied: frozenset[Mark]) -> str:
        href = runs[0].href or ""
        text = "".join(run.text for run in runs)
        is_bare = self.may_be_bare and text == href and len(runs) == 1 and not runs[0].marks - applied
        if is_bare and runs[0].image is None and _BARE.match(text):
            return text.replace("&", "&amp;") if _ENTITY.search(text) else text
        link = f"[{self.write(runs, applied, is_linked=True)}]({_target(href)})"
        return f"<sup>{link}</sup>" if Mark.NOTE in runs[0].marks else link

    def _plain(self, run: Run, *, is_linked: bool) -> str:
        anchor = f'<span id="{_ESCAPED_ID.sub("", run.anchor)}"></span>' if run.anchor else ""
        return f"{anchor}{self._leaf(run, is_linked=is_linked)}"

    def _leaf(self, run: Run, *, is_linked: bool) -> str:
        if run.image is not None:
            return _image(run.image, text_of(run.image.caption), None)
        if Mark.CODE in run.marks:
            return self._code(run.text)
        text = _escaped(run.text, in_brackets=is_linked)
        if self.escapes_dollars:
            text = text.replace("$", "\\$")
        if self.in_table:
            text = text.replace("|", "\\|")
        return text.replace("\n", "\\\n")

    def _code(self, text: str) -> str:
        text = text.replace("\n", " ")
        longest = max((len(found) for found in re.findall(r"`+", text)), default=0)
        fence = "`" * (longest + 1)
        needs_space = text[:1] in ("`", " ") or text[-1:] in ("`", " ") if text.strip() else False
        padded = f" {text} " if needs_space else text
        return f"{fence}{padded.replace('|', chr(92) + '|') if self.in_table else padded}{fence}"


def _escaped(text: str, *, in_brackets: bool) -> str:
    pattern = _ESCAPED_IN_BRACKETS if in_brackets else _ESCAPED
    escaped = _UNDERSCORE.sub(r"\\_", pattern.sub(_backslashed, text))
    return _ENTITY.sub(r"\\&", escaped)


def _backslashed(found: re.Match[str]) -> str:
    return f"\\{found[0]}"


def _with_enclosable_marks(runs: Runs) -> list[Run]:
    """The runs, with each mark only where its delimiters can open and close: next to no white space, and not between a
    letter outside and punctuation inside."""
    signs = [(sign, run) for run in runs for sign in ([run.text] if _is_whole(run) else run.text)]
    styles = [set(run.marks) for _, run in signs]
    for mark in _DELIMITERS:
        at = 0
        while at < len(signs):
            if mark not in styles[at]:
                at += 1
                continue
            end = next((place for place in range(at, len(signs)) if mark not in styles[place]), len(signs))
            _shrink(signs, styles, mark, at, end)
            at = end
    grouped = groupby(zip(signs, styles, strict=True), key=lambda one: (_unit(one[0]), frozenset(one[1])))
    written: list[Run] = []
    for (_, marks), group in grouped:
        members = [sign for sign, _ in group]
        run = members[0][1]
        # Only the first part of a run has its anchor.
        anchor = "" if written and written[-1].anchor == run.anchor else run.anchor
        written.append(replace(run, text="".join(sign for sign, _ in members), marks=marks, anchor=anchor))
    return written


def _unit(one: tuple[str, Run]) -> object:
    """What must be equal in signs that are written as one run."""
    _, run = one
    return id(run) if _is_whole(run) or run.anchor else run.href


def _is_whole(run: Run) -> bool:
    return run.image is not None or not run.marks.isdisjoint((Mark.CODE, Mark.NOTE))


def _shrink(signs: list[tuple[str, Run]], styles: list[set[Mark]], mark: Mark, start: int, end: int) -> None:
    """Take the mark away from the ends of a stretch that it cannot enclose."""
    while start < end and not _can_enclose(signs, start, start - 1):
        styles[start].discard(mark)
        start += 1
    while end > start and not _can_enclose(signs, end - 1, end):
        end -= 1
        styles[end].discard(mark)


def _can_enclose(signs: list[tuple[str, Run]], inside: int, outside: int) -> bool:
    sign, run = signs[inside]
    if _is_whole(run):
        first, is_space = "`", False
    else:
        first, is_space = sign, sign.isspace()
    if is_space:
        return False
    beyond = signs[outside][0][-1:] if 0 <= outside < len(signs) else ""
    return not _is_punctuation(first) or not beyond or beyond.isspace() or _is_punctuation(beyond)


def _is_punctuation(sign: str) -> bool:
    return unicodedata.category(sign[:1] or " ")[0] in "PS"
