"""Markdown: CommonMark with tables and strikethrough; HTML is shown as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, TypeAlias

import regex
from markdown_it import MarkdownIt
from markdown_it.rules_block.table import escapedSplit
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

from distributor.domain.article import Manuscript
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
    images_of,
    links_of,
    on_its_own_line,
    runs_of,
    text_of,
    walk,
)
from distributor.domain.errors import SourceError
from distributor.domain.tags import Tag
from distributor.sources.assembly import build_manuscript
from distributor.sources.front_matter.keys import FrontMatter
from distributor.sources.front_matter.split import split_front_matter
from distributor.sources.reading_options import DEFAULT_OPTIONS, ReadingOptions
from distributor.sources.tags import read_tag_line
from distributor.sources.urls import is_allowed_link, linkify

_MARKS = {"strong": Mark.STRONG, "em": Mark.EMPHASIS, "s": Mark.STRIKE}
_WHITE_SPACE = " \t\n"
Part: TypeAlias = Runs | Image
_SECTION_LEVEL = 2
_QUOTE_PREFIX = " \t>"
SUFFIXES = (".md", ".markdown")
# Beyond this nesting markdown-it silently drops text. A list takes two levels.
_MAX_NESTING = 60
_MAX_BRACKETS = 500
_HTML = regex.compile(r"</?([A-Za-z][A-Za-z0-9-]*)(?=[\s/>])|<(!--)")


def parse(text: str, *, path: str, options: ReadingOptions = DEFAULT_OPTIONS) -> Manuscript:
    """Parse a normalized text. Raises SourceError with the line of a mistake in front matter or a table.

    A first heading of level 1 is the title unless front matter has another one; headings in the body start at level 2.
    Link titles, which browsers show only as tooltips, are not kept.
    """
    return parse_below(*split_front_matter(text, path=path, options=options), path=path, options=options)


def parse_below(front: FrontMatter, below: str, *, path: str, options: ReadingOptions = DEFAULT_OPTIONS) -> Manuscript:
    """As `parse`, of a text whose front matter has been read or stands elsewhere. Raises SourceError."""
    try:
        return _read(front, below, path, options)
    except RecursionError:
        raise SourceError("nested too deeply: lists, quotes or emphasis inside one another", path=path) from None


def _read(front: FrontMatter, below: str, path: str, options: ReadingOptions) -> Manuscript:
    environment: dict[str, Any] = {}  # where markdown-it stores the link definitions it finds
    tokens = _make_parser(path).parse(below, environment)
    _refuse_depth(tokens, path)
    title, nodes = _take_title(SyntaxTreeNode(tokens).children, front.title)
    body, tags = _take_tags(BlockReader(below.split("\n"), path).read(nodes), front)
    definitions = environment.get("references", {})
    warnings = (*_html_warnings(body), *_code_warnings(tokens), *_definition_warnings(definitions, body))
    return build_manuscript(front, body, title=title, tags=tags, warnings=warnings, path=path, options=options)


def _make_parser(path: str) -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": _MAX_NESTING}).enable(["table", "strikethrough"])
    parser.validateLink = is_allowed_link  # type: ignore[assignment]  # documented as replaceable
    parser.core.ruler.before("inline", "brackets", lambda state: _refuse_brackets(state.tokens, path))
    return parser


def _refuse_brackets(tokens: Sequence[Token], path: str) -> None:
    """For each open bracket the parser searches the rest of the paragraph: a few KB of brackets take minutes."""
    for token in tokens:
        if token.content.count("[") > _MAX_BRACKETS and token.type == "inline":
            line = token.map[0] + 1 if token.map else None
            raise SourceError(f"more than {_MAX_BRACKETS} brackets in one paragraph", path=path, line=line)


def _refuse_depth(tokens: Sequence[Token], path: str) -> None:
    deepest = max(tokens, key=lambda token: token.level, default=None)
    if deepest and deepest.level >= _MAX_NESTING - 1:
        line = deepest.map[0] + 1 if deepest.map else None
        raise SourceError("lists or quotes are nested too deeply", path=path, line=line)


def _take_title(nodes: Sequence[SyntaxTreeNode], known: str | None) -> tuple[str | None, Sequence[SyntaxTreeNode]]:
    """The title, and the nodes below it. A first heading that differs from the known title stays in the body."""
    if not nodes or nodes[0].tag != "h1":
        return known, nodes
    title = " ".join("".join(text_of(read_runs(inline)) for inline in nodes[0].children).split())
    if known is not None and title.casefold() != known.casefold():
        return known, nodes
    return title, nodes[1:]


def _take_tags(body: tuple[Block, ...], front: FrontMatter) -> tuple[tuple[Block, ...], tuple[Tag, ...]]:
    """The body, and the tags that its last paragraph lists, unless front matter lists tags."""
    if front.tags is None and len(body) > 1 and isinstance(last := body[-1], Paragraph):
        tags = read_tag_line(text_of(last.runs))
        return (body[:-1], tags) if tags else (body, ())
    return body, ()


def _html_warnings(body: Sequence[Block]) -> list[str]:
    """Authors who write HTML tags expect them to work."""
    runs = (run for block in walk(body) for runs in runs_of(block) for run in runs if Mark.CODE not in run.marks)
    found = dict.fromkeys("".join(names) for run in runs for names in _HTML.findall(run.text))
    return [f"HTML is shown as it is written: {', '.join(f'<{name}>' for name in found)}"] if found else []


def _code_warnings(tokens: Sequence[Token]) -> list[str]:
    left_out = [info for token in tokens for info in token.info.split()[1:] if token.type == "fence"]
    return [f"only the language of a code block is kept, not {' '.join(left_out)}"] if left_out else []


def _definition_warnings(definitions: Mapping[str, Mapping[str, Any]], body: Sequence[Block]) -> list[str]:
    used = {*links_of(body), *(image.src for image in images_of(body))}
    return [
        f"the link definition [{label.lower()}] is used nowhere and was left out"
        for label, definition in definitions.items()
        if definition["href"] not in used
    ]


class BlockReader:
    """Turns the syntax nodes of one text into blocks; `lines` are its lines, `path` is used in errors."""

    def __init__(self, lines: Sequence[str], path: str) -> None:
        self._lines = lines
        self._path = path

    def read(self, nodes: Sequence[SyntaxTreeNode]) -> tuple[Block, ...]:
        """The blocks of these nodes. Raises SourceError for a table row with more cells than the header."""
        return tuple(block for node in nodes for block in self._blocks_of(node))

    def _blocks_of(self, node: SyntaxTreeNode) -> Iterator[Block]:
        match node.type:
            case "heading":
                yield from _heading(node)
            case "paragraph":
                yield from _paragraphs(node)
            case "bullet_list":
                yield List(self._items_of(node))
            case "ordered_list":
                yield List(self._items_of(node), ordered=True, start=int(node.attrs.get("start", 1)))
            case "blockquote":
                yield Quote(self.read(node.children))
            case "fence":
                yield Code(node.content.removesuffix("\n"), language=next(iter(node.info.split()), ""))
            case "code_block":
                yield Code(node.content.removesuffix("\n"))
            case "table":
                yield self._table(node)
            case "hr":
                yield Divider()
            case _:
                # A node type of a newer parser: its text is shown as it is written.
                yield Paragraph((Run(node.content),))

    def _items_of(self, node: SyntaxTreeNode) -> tuple[ListItem, ...]:
        return tuple(ListItem(self.read(item.children)) for item in node.children)

    def _table(self, node: SyntaxTreeNode) -> Table:
        head, *bodies = node.children
        header = head.children[0]
        rows = [row for body in bodies for row in body.children]
        for row in rows:
            self._refuse_surplus_cells(row, len(header.children))
        return Table(
            header=_cells(header),
            rows=tuple(_cells(row) for row in rows),
            alignments=tuple(_alignment(cell) for cell in header.children),
        )

    def _refuse_surplus_cells(self, row: SyntaxTreeNode, columns: int) -> None:
        """Markdown drops cells beyond the last column; here nothing an author wrote is silently lost."""
        at = row.map[0] if row.map else 0
        cells = escapedSplit(self._lines[at].lstrip(_QUOTE_PREFIX).removeprefix("|").rstrip())
        if any(cell.strip() for cell in cells[columns:]):
            reason = f"this table row has more cells than the header, which has {columns}; make them equal"
            raise SourceError(reason, path=self._path, line=at + 1)


def _heading(node: SyntaxTreeNode) -> Iterator[Block]:
    """The heading, followed by the images in it."""
    parts = [part for inline in node.children for part in read_parts(inline)]
    runs = tuple(run for part in parts if not isinstance(part, Image) for run in part)
    if runs:
        yield Heading(max(_SECTION_LEVEL, int(node.tag[1])), runs)
    yield from (part for part in parts if isinstance(part, Image))


def _paragraphs(node: SyntaxTreeNode) -> Iterator[Block]:
    """A paragraph, split at the images in it that have no place in a line of text."""
    for inline in node.children:
        for part in read_parts(inline, in_line=_images_in_line(inline)):
            yield part if isinstance(part, Image) else Paragraph(part)


def _images_in_line(node: SyntaxTreeNode) -> list[bool]:
    """For each image of a paragraph, whether it may stay in it: it shares its line, or the paragraph has only images.

    An image with a caption may not, nor the only thing in a paragraph. A file beside the article may, on a line of its
    own too: its size decides, once it is read (`set_large_images_apart`).
    """
    lines: list[list[SyntaxTreeNode]] = [[]]
    for leaf in _leaves(node):
        if leaf.type in ("softbreak", "hardbreak"):
            lines.append([])
        elif leaf.type == "image" or leaf.content.strip(_WHITE_SPACE):
            lines[-1].append(leaf)
    shown = [leaf for line in lines for leaf in line]
    only_images = all(leaf.type == "image" for leaf in shown)
    return [
        len(shown) > 1 and not image.attrs.get("title") and (only_images or len(line) > 1 or _is_beside_article(image))
        for line in lines
        for image in line
        if image.type == "image"
    ]


def _leaves(node: SyntaxTreeNode) -> Iterator[SyntaxTreeNode]:
    for child in node.children:
        if child.type in (*_MARKS, "link"):
            yield from _leaves(child)
        else:
            yield child


def _is_beside_article(image: SyntaxTreeNode) -> bool:
    src = str(image.attrs["src"])
    return "://" not in src and not src.startswith("/")


def _cells(row: SyntaxTreeNode) -> tuple[Runs, ...]:
    return tuple(read_runs(cell.children[0]) if cell.children else () for cell in row.children)


def _alignment(cell: SyntaxTreeNode) -> Alignment:
    return Alignment(str(cell.attrs.get("style", "text-align:left")).removeprefix("text-align:"))


def read_parts(node: SyntaxTreeNode, *, in_line: Sequence[bool] = ()) -> list[Part]:
    """The runs of an inline node, split at images, but for those that `in_line` keeps in order. No part is empty."""
    parts: list[Part] = []
    runs: list[Run] = []
    keeps = iter(in_line)
    for inline in _inlines(node, _Style()):
        if inline.image is None or next(keeps, False):
            runs.append(inline)
            continue
        parts.extend(_tidy(runs))
        parts.append(on_its_own_line(inline.image, inline.href))
        runs = []
    parts.extend(_tidy(runs))
    return parts


def read_runs(node: SyntaxTreeNode) -> Runs:
    """An inline node as runs only: an image becomes a link with its alternative text."""
    return next(iter(_tidy([_without_image(inline) for inline in _inlines(node, _Style())])), ())


@dataclass(frozen=True, slots=True)
class _Style:
    """The marks and the link target that apply to nested text."""

    marks: frozenset[Mark] = frozenset()
    href: str | None = None


def _inlines(node: SyntaxTreeNode, style: _Style) -> Iterator[Run]:
    for child in node.children:
        match child.type:
            case "strong" | "em" | "s":
                yield from _inlines(child, replace(style, marks=style.marks | {_MARKS[child.type]}))
            case "link":
                yield from _link(child, style)
            case "image":
                yield _image(child, style)
            case "code_inline":
                yield Run(child.content, style.marks | {Mark.CODE}, style.href)
            case "softbreak":
                yield Run(" ", style.marks, style.href)
            case "hardbreak":
                yield Run("\n", style.marks, style.href)
            case _:
                # Text, and node types of newer parsers: shown as written.
                yield Run(child.content, style.marks, style.href)


def _link(node: SyntaxTreeNode, style: _Style) -> Iterator[Run]:
    """The content of a link; an empty link shows its URL, which would be lost otherwise."""
    href = str(node.attrs["href"])
    inside = list(_inlines(node, replace(style, href=href or None)))
    yield from inside or [Run(href, style.marks, href)]


def _image(node: SyntaxTreeNode, style: _Style) -> Run:
    """The image with its title as caption."""
    alt = " ".join("".join(_without_image(inline).text for inline in _inlines(node, _Style())).split())
    caption = str(node.attrs.get("title", ""))
    image = Image(str(node.attrs["src"]), alt, (Run(caption),) if caption else ())
    return Run(alt, style.marks, style.href, image)


def _without_image(inline: Run) -> Run:
    return inline if inline.image is None else Run(inline.text or inline.image.src, href=inline.image.src)


def _tidy(inlines: Sequence[Run]) -> Iterator[Runs]:
    """The runs, with equal neighbours joined, bare URLs linked and outer white space stripped; yields at most once."""
    runs = [
        joined
        for (marks, href, image), group in groupby(
            (run for run in inlines if run.text or run.image), key=lambda run: (run.marks, run.href, run.image)
        )
        for joined in (group if image else [Run("".join(run.text for run in group), marks, href)])
    ]
    shown = [at for at, run in enumerate(runs) if run.text.strip(_WHITE_SPACE) or Mark.CODE in run.marks or run.image]
    if shown:
        runs = runs[shown[0] : shown[-1] + 1]
        runs[0] = _with_text(runs[0], runs[0].text.lstrip(_WHITE_SPACE))
        runs[-1] = _with_text(runs[-1], runs[-1].text.rstrip(_WHITE_SPACE))
        yield linkify(runs)


def _with_text(run: Run, text: str) -> Run:
    return run if Mark.CODE in run.marks else replace(run, text=text)
