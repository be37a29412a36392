"""Markdown: CommonMark with tables, strikethrough and HTML, and the dialects of site generators and note programs.

It is read as the HTML that it stands for, together with the HTML in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import regex
from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.rules_block.table import escapedSplit
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.footnote import footnote_plugin
from mdit_py_plugins.tasklists import tasklists_plugin

from distributor.domain.article import Manuscript
from distributor.domain.blocks import Block, Divider, List, Mark, runs_of, walk
from distributor.domain.errors import SourceError
from distributor.domain.tags import Tag
from distributor.sources.assembly import build_manuscript, take_tag_line, take_title
from distributor.sources.dialects.addresses import addresses_plugin
from distributor.sources.dialects.attributes import attributes_plugin
from distributor.sources.dialects.callouts import callouts_plugin
from distributor.sources.dialects.components import components_plugin, imported_files
from distributor.sources.dialects.inline_marks import inline_marks_plugin
from distributor.sources.dialects.notes import note
from distributor.sources.dialects.raw_html import raw_html_plugin
from distributor.sources.dialects.shortcodes import shortcodes_plugin
from distributor.sources.dialects.unseen import without_unseen
from distributor.sources.dialects.wikilinks import wikilinks_plugin
from distributor.sources.front_matter.keys import FrontMatter
from distributor.sources.front_matter.split import split_front_matter
from distributor.sources.html import CAPTION, IN_LINE, read_html
from distributor.sources.reading_options import DEFAULT_OPTIONS, ReadingOptions

SUFFIXES = (".md", ".markdown", ".mdx")
_WHITE_SPACE = " \t\n"
_QUOTE_PREFIX = " \t>"
# Beyond this nesting markdown-it silently drops text. A list takes two levels.
_MAX_NESTING = 60
_MAX_BRACKETS = 500
_MAX_SIGNS = 20_000
_SIGNS = "<&*_`$=~^{!\\"
# As Obsidian writes how wide an image is to be.
_SIZE_IN_ALT = regex.compile(r"\|\d+(?:x\d+)?\Z")
_NOT_IN_CLASS = regex.compile(r"[^\w+#.-]+")


def parse(text: str, *, path: str, options: ReadingOptions = DEFAULT_OPTIONS) -> Manuscript:
    """Parse a normalized text. Raises SourceError with the line of a mistake in front matter or HTML.

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
    is_mdx = path.lower().endswith(".mdx")
    text = without_unseen(below, path=path, is_mdx=is_mdx)
    environment: dict[str, Any] = {
        "path": path,
        "text": text,
        "notes": {},
        "is_mdx": is_mdx,
        "imported": imported_files(below),
    }
    parser = _parser(is_mdx=is_mdx)
    tokens = parser.parse(text, environment)
    _note_unused_notes(environment)
    html = parser.renderer.render(tokens, parser.options, environment)
    title, body = take_title(read_html(html, path=path, is_page=False), front.title)
    body, tags = _take_tags(body, front)
    warnings = (*environment["notes"], *_code_warnings(tokens), *_definition_warnings(tokens, environment))
    return build_manuscript(front, body, title=title, tags=tags, warnings=warnings, path=path, options=options)


@cache
def _parser(*, is_mdx: bool) -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": True, "maxNesting": _MAX_NESTING}).enable(["table", "strikethrough"])
    # What a link may lead to is decided where HTML is read.
    parser.validateLink = lambda url: True  # type: ignore[method-assign]  # documented as replaceable
    parser.core.ruler.before("inline", "limits", _refuse_what_stalls)
    parser.core.ruler.before("inline", "surplus_cells", _keep_surplus_cells)
    for plugin in (addresses_plugin, attributes_plugin, callouts_plugin, shortcodes_plugin, components_plugin):
        parser.use(plugin)
    parser.use(footnote_plugin).use(deflist_plugin).use(tasklists_plugin)
    parser.use(wikilinks_plugin).use(inline_marks_plugin).use(raw_html_plugin)
    parser.core.ruler.push("images_in_line", _mark_images_in_line)
    if is_mdx:
        parser.disable(["code", "html_block"])
    for name, rule in _RENDER_RULES.items():
        parser.add_render_rule(name, rule)
    return parser


def _refuse_what_stalls(state: StateCore) -> None:
    """For each sign that may begin something the parser searches or copies the rest of the paragraph."""
    path = str(state.env.get("path", ""))
    for token in state.tokens:
        line = token.map[0] + 1 if token.map else None
        if token.level >= _MAX_NESTING - 1:
            raise SourceError("lists or quotes are nested too deeply", path=path, line=line)
        if token.type != "inline":
            continue
        if token.content.count("[") > _MAX_BRACKETS:
            raise SourceError(f"more than {_MAX_BRACKETS} brackets in one paragraph", path=path, line=line)
        if len(token.content) > _MAX_SIGNS and any(token.content.count(sign) > _MAX_SIGNS for sign in _SIGNS):
            raise SourceError(f"more than {_MAX_SIGNS} signs of markup in one paragraph", path=path, line=line)


def _keep_surplus_cells(state: StateCore) -> None:
    """Markdown drops cells beyond the last column; here nothing an author wrote is silently lost."""
    lines: list[str] = []
    columns = 0
    for at, token in reversed(list(enumerate(state.tokens))):
        if token.type == "tr_close":
            columns = 0
        elif token.type in ("td_open", "th_open"):
            columns += 1
        elif token.type == "tr_open" and token.map and columns:
            lines = lines or state.src.split("\n")
            cells = escapedSplit(lines[token.map[0]].lstrip(_QUOTE_PREFIX).removeprefix("|").rstrip())
            surplus = cells[columns:]
            while surplus and not surplus[-1].strip():
                surplus.pop()
            end = at + 1 + 3 * columns
            state.tokens[end:end] = [one for cell in surplus for one in _cell(cell.strip(), token)]


def _cell(text: str, row: Token) -> list[Token]:
    inline = Token("inline", "", 0, content=text, map=row.map, level=row.level + 2, children=[])
    return [Token("td_open", "td", 1, level=row.level + 1), inline, Token("td_close", "td", -1, level=row.level + 1)]


def _mark_images_in_line(state: StateCore) -> None:
    for at, token in enumerate(state.tokens):
        if token.type == "inline" and token.children and state.tokens[at - 1].type == "paragraph_open":
            for image in _images_in_line(token.children):
                image.attrs[IN_LINE] = ""


def _images_in_line(children: Sequence[Token]) -> Iterator[Token]:
    """The images of a paragraph that may stay in it: those that share their line, or all if there is nothing else.

    An image with a caption may not, nor the only thing in a paragraph. A file beside the article may, on a line of its
    own too: its size decides, once it is read (`set_large_images_apart`).
    """
    lines: list[list[Token]] = [[]]
    for leaf in children:
        if leaf.type in ("softbreak", "hardbreak"):
            lines.append([])
        elif leaf.type == "image" or (leaf.type != "html_inline" and leaf.content.strip(_WHITE_SPACE)):
            lines[-1].append(leaf)
    shown = [leaf for line in lines for leaf in line]
    only_images = all(leaf.type == "image" for leaf in shown)
    for line in lines:
        for image in line:
            if image.type != "image" or len(shown) == 1 or image.attrs.get("title"):
                continue
            if only_images or len(line) > 1 or _is_beside_article(image):
                yield image


def _is_beside_article(image: Token) -> bool:
    src = str(image.attrs["src"])
    return "://" not in src and not src.startswith("/")


def _render_fence(self: RendererHTML, tokens: Sequence[Token], at: int, options: Any, environment: Any) -> str:
    token = tokens[at]
    name = _NOT_IN_CLASS.sub("-", next(iter(token.info.split()), "")).strip("-")
    language = f' class="language-{escapeHtml(name)}"' if name else ""
    return f"<pre><code{language}>{escapeHtml(token.content)}</code></pre>\n"


def _render_link_open(self: RendererHTML, tokens: Sequence[Token], at: int, options: Any, environment: Any) -> str:
    """The beginning of a link; an empty link shows its URL, which would be lost otherwise."""
    href = escapeHtml(str(tokens[at].attrs["href"]))
    return f'<a href="{href}">{href if tokens[at + 1].type == "link_close" else ""}'


def _render_image(self: RendererHTML, tokens: Sequence[Token], at: int, options: Any, environment: Any) -> str:
    """The image with its title as caption."""
    token = tokens[at]
    alt = _SIZE_IN_ALT.sub("", self.renderInlineAsText(token.children or [], options, environment))
    given = {"src": str(token.attrs["src"]), "alt": alt, CAPTION: str(token.attrs.get("title", ""))}
    if IN_LINE in token.attrs:
        given[IN_LINE] = "true"
    attributes = (f' {name}="{escapeHtml(value)}"' for name, value in given.items() if value)
    return f"<img{''.join(attributes)}>"


def _render_note_number(self: RendererHTML, tokens: Sequence[Token], at: int, options: Any, environment: Any) -> str:
    number = tokens[at].meta["id"] + 1
    return f'<sup><a href="#fn{number}">{number}</a></sup>'


def _render_nothing(self: RendererHTML, tokens: Sequence[Token], at: int, options: Any, environment: Any) -> str:
    return ""


_RENDER_RULES: Mapping[str, Callable[..., str]] = {
    "fence": _render_fence,
    "footnote_anchor": _render_nothing,
    "footnote_ref": _render_note_number,
    "image": _render_image,
    "link_open": _render_link_open,
}


def _note_unused_notes(environment: dict[str, Any]) -> None:
    for label, place in environment.get("footnotes", {}).get("refs", {}).items():
        if place < 0:
            note(environment, f"the note [^{label.removeprefix(':')}] is referred to nowhere and was left out")


def _take_tags(body: tuple[Block, ...], front: FrontMatter) -> tuple[tuple[Block, ...], tuple[Tag, ...]]:
    """The body, and the tags that its last paragraph lists, unless front matter lists tags. Notes may follow it."""
    if front.tags is not None:
        return body, ()
    return take_tag_line(body, len(body) - (3 if _ends_with_notes(body) else 1))


def _ends_with_notes(body: Sequence[Block]) -> bool:
    match body[-2:]:
        case (Divider(), List(ordered=True)):
            return any(Mark.NOTE in run.marks for block in walk(body) for runs in runs_of(block) for run in runs)
        case _:
            return False


def _code_warnings(tokens: Sequence[Token]) -> list[str]:
    left_out = [info for token in tokens for info in token.info.split()[1:] if token.type == "fence"]
    return [f"only the language of a code block is kept, not {' '.join(left_out)}"] if left_out else []


def _definition_warnings(tokens: Sequence[Token], environment: Mapping[str, Any]) -> list[str]:
    inline = [one for token in tokens for one in token.children or ()]
    used = {one.attrs.get("href") or one.attrs.get("src") for one in inline}
    return [
        f"the link definition [{label.lower()}] is used nowhere and was left out"
        for label, definition in environment.get("references", {}).items()
        if definition["href"] not in used
    ]
