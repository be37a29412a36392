"""Callouts, which become quotes that begin with their title: `> [!NOTE]`, `:::note`, `!!! note`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import regex
from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from mdit_py_plugins.admon.index import admonition
from mdit_py_plugins.container import container_plugin

_NAMES = """
    abstract attention bug caution check cite danger done error example fail failure faq help hint important info
    missing note question quote seealso success summary tip tldr todo warn warning
"""
CALLOUTS = frozenset(_NAMES.split())
_QUOTED = regex.compile(r"\[!([\w-]+)(?:\|[^\]\n]*)?\][+-]?[ \t]*([^\n]*)(?:\n|\Z)")
# `note Title`, `note[Title]`, `{.callout-note title="Title"}`, `{note} Title`
_DIRECTIVE = regex.compile(
    r"""\{?\.?(?:callout-)?(?P<name>[\w-]+)(?:[^\w\s{}\[][\w-]*)*
        (?:\[(?P<bracketed>[^\]\n]*)\])?
        (?P<attributes>[^\n]*?\})?[ \t]*(?P<title>[^\n{}]*)(?:\{[^\n]*)?""",
    regex.VERBOSE,
)
_ADMONITION = regex.compile(r"[!?]{3}\+?[ \t]+([\w-]+)")
_TITLE_ATTRIBUTE = regex.compile(r"title=\"([^\"]*)\"")


def callouts_plugin(parser: MarkdownIt) -> None:
    """Reads the callouts of GitHub and Obsidian, of Docusaurus and Pandoc, and of MkDocs."""
    container_plugin(parser, "callout", validate=lambda params, markup: _DIRECTIVE.match(params.strip()) is not None)
    parser.block.ruler.before(
        "fence", "admonition", _admonition, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )
    parser.core.ruler.after("block", "callouts", _begin_with_titles)
    for name, written in _RENDERED.items():
        parser.add_render_rule(name, lambda self, tokens, at, options, environment, written=written: written)


_RENDERED = {
    "container_callout_open": "",
    "container_callout_close": "",
    "admonition_open": "<blockquote>\n",
    "admonition_close": "</blockquote>\n",
    "admonition_title_open": "<p><strong>",
    "admonition_title_close": "</strong></p>\n",
}


def _admonition(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Only what has a name that is known: three exclamation marks may just be loud."""
    begin = state.bMarks[start] + state.tShift[start]
    found = _ADMONITION.match(state.src, begin, state.eMarks[start])
    return found is not None and found[1].lower() in CALLOUTS and admonition(state, start, end, silent)


def _begin_with_titles(state: StateCore) -> None:
    tokens: list[Token] = []
    ends: list[str] = []
    for at, token in enumerate(state.tokens):
        if token.type == "container_callout_open":
            opening, closing = _directive(token)
            ends.append(closing)
            tokens += [token, *opening]
        elif token.type == "container_callout_close":
            tokens += [_html(ends.pop()), token]
        elif token.type == "inline" and [one.type for one in state.tokens[max(at - 2, 0) : at]] == _IN_QUOTE:
            tokens += _quoted(token, tokens)
        else:
            tokens.append(token)
    state.tokens = tokens


_IN_QUOTE = ["blockquote_open", "paragraph_open"]


def _quoted(token: Token, before: list[Token]) -> Iterator[Token]:
    """The beginning of a quote, with the title of its callout on a line of its own."""
    found = _QUOTED.match(token.content)
    if found is None:
        yield token
        return
    opening = before.pop()
    yield from _titled(found[2].strip() or found[1].replace("-", " ").capitalize(), token)
    yield opening
    token.content = token.content[found.end() :]
    yield token


def _directive(token: Token) -> tuple[list[Token], str]:
    """What a container begins with and ends with: a quote if its name is that of a callout."""
    found = _DIRECTIVE.match(token.info.strip())
    name = found["name"].lower() if found else ""
    attribute = _TITLE_ATTRIBUTE.search(token.info)
    title = attribute[1] if attribute else (found["bracketed"] or found["title"]).strip(' :"') if found else ""
    if name not in CALLOUTS:
        return list(_titled(title, token)) if title else [], ""
    return [_html("<blockquote>\n"), *_titled(title or name.capitalize(), token)], "</blockquote>\n"


def _titled(title: str, at: Token) -> Sequence[Token]:
    inline = Token("inline", "", 0, content=title, map=at.map, level=at.level + 1, children=[])
    return _html("<p><strong>"), inline, _html("</strong></p>\n")


def _html(content: str) -> Token:
    return Token("html_block", "", 0, content=content, block=True)
