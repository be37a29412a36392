"""Markdown: CommonMark with tables and strikethrough; HTML in it is text like any other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import regex
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

from distributor.domain.article import Manuscript
from distributor.domain.blocks import Block, Image, Mark, Paragraph, links_of, runs_of, text_of, walk
from distributor.domain.errors import SourceError
from distributor.domain.tags import Tag
from distributor.sources.assembly import assemble
from distributor.sources.front_matter import FrontMatter, split_front_matter
from distributor.sources.markdown_blocks import BlockReader
from distributor.sources.markdown_inline import read_runs
from distributor.sources.tag_labels import read_tag_line
from distributor.sources.web_addresses import may_link

SUFFIXES = (".md", ".markdown")

# Beyond this markdown-it drops text silently. A list costs two levels.
_DEEPEST = 60
_MOST_BRACKETS = 500
_HTML = regex.compile(r"</?([A-Za-z][A-Za-z0-9-]*)(?=[\s/>])|<(!--)")


def parse(text: str, *, path: str) -> Manuscript:
    """The manuscript that a clean text is. Raises SourceError with the line for front matter or a table that is wrong.

    A first heading of level 1 is the title unless front matter has another one; headings in the body begin with level
    2. The title of a link, which shows only under a mouse, is not kept.
    """
    front, below = split_front_matter(text, path=path)
    try:
        return _read(front, below, path)
    except RecursionError:
        raise SourceError("nested too deeply: lists, quotes or emphasis inside one another", path=path) from None


def _read(front: FrontMatter, below: str, path: str) -> Manuscript:
    environment: dict[str, Any] = {}  # markdown-it's own: the link definitions it finds are left in it
    tokens = _make_parser(path).parse(below, environment)
    _refuse_depth(tokens, path)
    title, nodes = _take_title(SyntaxTreeNode(tokens).children, front.title)
    body, tags = _take_tags(BlockReader(below.split("\n"), path).read(nodes), front)
    definitions = environment.get("references", {})
    warnings = (*_doubt_html(body), *_doubt_code(tokens), *_doubt_definitions(definitions, body))
    return assemble(front, body, title=title, tags=tags, warnings=warnings, path=path)


def _make_parser(path: str) -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": _DEEPEST}).enable(["table", "strikethrough"])
    parser.validateLink = may_link  # type: ignore[assignment]  # meant to be replaced
    parser.core.ruler.before("inline", "brackets", lambda state: _refuse_brackets(state.tokens, path))
    return parser


def _refuse_brackets(tokens: Sequence[Token], path: str) -> None:
    """The parser looks for the end of each open bracket to the end of the paragraph: some KB take minutes."""
    for token in tokens:
        if token.content.count("[") > _MOST_BRACKETS and token.type == "inline":
            line = token.map[0] + 1 if token.map else None
            raise SourceError(f"more than {_MOST_BRACKETS} brackets in one paragraph", path=path, line=line)


def _refuse_depth(tokens: Sequence[Token], path: str) -> None:
    deepest = max(tokens, key=lambda token: token.level, default=None)
    if deepest and deepest.level >= _DEEPEST - 1:
        line = deepest.map[0] + 1 if deepest.map else None
        raise SourceError("lists or quotes are nested too deeply", path=path, line=line)


def _take_title(nodes: Sequence[SyntaxTreeNode], known: str | None) -> tuple[str | None, Sequence[SyntaxTreeNode]]:
    """The title, and the nodes below it. A first heading that says something else than the known title stays."""
    if not nodes or nodes[0].tag != "h1":
        return known, nodes
    title = " ".join("".join(text_of(read_runs(inline)) for inline in nodes[0].children).split())
    if known is not None and title.casefold() != known.casefold():
        return known, nodes
    return title, nodes[1:]


def _take_tags(body: tuple[Block, ...], front: FrontMatter) -> tuple[tuple[Block, ...], tuple[Tag, ...]]:
    """The body and the tags that its last paragraph lists, where front matter lists none."""
    if front.tags is None and len(body) > 1 and isinstance(last := body[-1], Paragraph):
        tags = read_tag_line(text_of(last.runs))
        return (body[:-1], tags) if tags else (body, ())
    return body, ()


def _doubt_html(body: Sequence[Block]) -> list[str]:
    """Authors who write tags expect them to work."""
    runs = (run for block in walk(body) for runs in runs_of(block) for run in runs if Mark.CODE not in run.marks)
    found = dict.fromkeys("".join(names) for run in runs for names in _HTML.findall(run.text))
    return [f"HTML is shown as it is written: {', '.join(f'<{name}>' for name in found)}"] if found else []


def _doubt_code(tokens: Sequence[Token]) -> list[str]:
    left_out = [info for token in tokens for info in token.info.split()[1:] if token.type == "fence"]
    return [f"only the language of a code block is kept, not {' '.join(left_out)}"] if left_out else []


def _doubt_definitions(definitions: Mapping[str, Mapping[str, Any]], body: Sequence[Block]) -> list[str]:
    used = {*links_of(body), *(block.src for block in walk(body) if isinstance(block, Image))}
    return [
        f"the link definition [{label.lower()}] is used nowhere and was left out"
        for label, definition in definitions.items()
        if definition["href"] not in used
    ]
