"""Markdown blocks: from the tree of a parsed text to the blocks of an article."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from markdown_it.rules_block.table import escapedSplit
from markdown_it.tree import SyntaxTreeNode

from distributor.domain.blocks import (
    Alignment,
    Block,
    Code,
    Divider,
    Heading,
    Image,
    List,
    ListItem,
    Paragraph,
    Quote,
    Run,
    Runs,
    Table,
)
from distributor.domain.errors import SourceError
from distributor.sources.markdown_inline import read_parts, read_runs

_SECTION = 2
_QUOTE_MARKS = " \t>"


class BlockReader:
    """Reads the nodes of one text; `lines` are its lines, `path` is for errors."""

    def __init__(self, lines: Sequence[str], path: str) -> None:
        self._lines = lines
        self._path = path

    def read(self, nodes: Sequence[SyntaxTreeNode]) -> tuple[Block, ...]:
        """The blocks of these nodes. Raises SourceError for a table with more cells in a row than in its header."""
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
                # A construct of a later parser: its text is shown as it was written.
                yield Paragraph((Run(node.content),))

    def _items_of(self, node: SyntaxTreeNode) -> tuple[ListItem, ...]:
        return tuple(ListItem(self.read(item.children)) for item in node.children)

    def _table(self, node: SyntaxTreeNode) -> Table:
        head, *bodies = node.children
        header = head.children[0]
        rows = [row for body in bodies for row in body.children]
        for row in rows:
            self._refuse_surplus(row, len(header.children))
        return Table(
            header=_cells(header),
            rows=tuple(_cells(row) for row in rows),
            alignments=tuple(_alignment(cell) for cell in header.children),
        )

    def _refuse_surplus(self, row: SyntaxTreeNode, columns: int) -> None:
        """Markdown drops the cells that have no column; here nothing an author wrote disappears silently."""
        at = row.map[0] if row.map else 0
        cells = escapedSplit(self._lines[at].lstrip(_QUOTE_MARKS).removeprefix("|").rstrip())
        if any(cell.strip() for cell in cells[columns:]):
            reason = f"this row of the table has more cells than its header, which has {columns}; make them equal"
            raise SourceError(reason, path=self._path, line=at + 1)


def _heading(node: SyntaxTreeNode) -> Iterator[Block]:
    """The heading, and after it the images that were in it."""
    parts = [part for inline in node.children for part in read_parts(inline)]
    runs = tuple(run for part in parts if not isinstance(part, Image) for run in part)
    if runs:
        yield Heading(max(_SECTION, int(node.tag[1])), runs)
    yield from (part for part in parts if isinstance(part, Image))


def _paragraphs(node: SyntaxTreeNode) -> Iterator[Block]:
    """A paragraph, cut where images stand in it."""
    for inline in node.children:
        for part in read_parts(inline):
            yield part if isinstance(part, Image) else Paragraph(part)


def _cells(row: SyntaxTreeNode) -> tuple[Runs, ...]:
    return tuple(read_runs(cell.children[0]) if cell.children else () for cell in row.children)


def _alignment(cell: SyntaxTreeNode) -> Alignment:
    return Alignment(str(cell.attrs.get("style", "text-align:left")).removeprefix("text-align:"))
