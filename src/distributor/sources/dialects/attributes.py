"""Attributes in braces as kramdown, Pandoc and Hugo have them: an id names a place, the rest is about looks."""

from __future__ import annotations

from html import escape

import regex
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore

_INSIDE = r"""(?::?[ \t]*(?:[.#][\w:.-]+|[\w-]+=(?:"[^"\n]*"|'[^'\n]*'|[^\s{}"']+)|-)(?:[ \t]+|(?=\})))++"""
_HEADING = regex.compile(rf"[ \t]*\{{[ \t]*(?P<inside>{_INSIDE})\}}[ \t]*\Z")
# Of kramdown besides: `{::nomarkdown}`, `{:/}`, `{:toc}`.
_EXTENSION = r"/[a-z]*|:(?:comment|nomarkdown|options)\b[^{}\n]*|[ \t]*toc"
_BEHIND = regex.compile(
    rf"(?<=[)\]*_`])\{{[ \t]*(?P<inside>{_INSIDE})\}}|(?<!\\)\{{:(?:[ \t]*(?P<alone>{_INSIDE})|{_EXTENSION})\}}"
)
_CODE_SPAN = regex.compile(r"(?<!`)(`+)(?!`).{1,20000}?(?<!`)\1(?!`)", regex.DOTALL)
_ID = regex.compile(r"#([\w:.-]+)")


def attributes_plugin(parser: MarkdownIt) -> None:
    """Takes the attributes out of the text, and gives headings the ids in them."""
    parser.core.ruler.before("inline", "attributes", _take)


def _take(state: StateCore) -> None:
    for at, token in enumerate(state.tokens):
        if token.type != "inline" or "{" not in token.content:
            continue
        opening = state.tokens[at - 1]
        found = _HEADING.search(token.content) if opening.type == "heading_open" else None
        if found:
            token.content = token.content[: found.start()]
            name = _ID.search(found["inside"])
            if name:
                opening.attrs["id"] = name[1]
        token.content = _without(token.content)


def _without(text: str) -> str:
    """The text without attributes outside of code; an id becomes an empty element with it."""
    kept, done = [], 0
    for code in (*_CODE_SPAN.finditer(text), None):
        kept.append(_BEHIND.sub(_place, text[done : code.start() if code else len(text)]))
        if code:
            kept.append(code[0])
            done = code.end()
    return "".join(kept)


def _place(found: regex.Match[str]) -> str:
    name = _ID.search(found["inside"] or found["alone"] or "")
    return f'<span id="{escape(name[1])}"></span>' if name else ""
