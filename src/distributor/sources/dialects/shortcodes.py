"""Shortcodes of Hugo, and tags and expressions of Liquid (Jekyll, Eleventy, GitBook)."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

import regex
from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from distributor.sources.dialects.embedded_tags import EmbeddedTag, html_of_tag, titled
from distributor.sources.dialects.notes import note

_TAG = regex.compile(
    # No other one begins inside: what has no end is looked at once.
    r"""\{\{[<%]-?\s*(?P<hugo>(?:[^>%"'`{]|(?&brace)|"(?:[^"{]|(?&brace))*+"|'(?:[^'{]|(?&brace))*+'
            |`(?:[^`{]|(?&brace))*+`|[>%](?!\}\}))*+)\s*-?[%>]\}\}
      | \{%-?\s*(?P<liquid>(?:[^%"'{]|(?&brace)|"(?:[^"{]|(?&brace))*+"|'(?:[^'{]|(?&brace))*+'|%(?!\}))*+)\s*-?%\}
      | (?!)(?P<brace>\{(?!\{[<%]|%))""",
    regex.VERBOSE,
)
_LITERAL = regex.compile(r"\{\{([<%])/\*(.*?)\*/([%>])\}\}", regex.DOTALL)
# Of site generators: they mean something only where the site is made.
_EXPRESSION = regex.compile(r"\{\{-?\s*(?:(?:site|page|post|layout|include|content)\b|\.|\$)[^{}]*\}\}")
_PARTS = regex.compile(
    r"""(?:(?P<name>[\w-]+)\s*[=:]\s*)?(?:"(?P<a>[^"]*)"|'(?P<b>[^']*)'|`(?P<c>[^`]*)`|(?P<d>[^\s"',]+))"""
)
# What is between them is code, or text as it is.
_CODE = frozenset(("code", "codeblock", "highlight", "katex", "latex", "math", "mermaid", "plantuml"))
_AS_IT_IS = frozenset(("raw", "verbatim"))


def shortcodes_plugin(parser: MarkdownIt) -> None:
    """Reads shortcodes as the HTML they stand for; others are left out with a note, and what is inside them is kept."""
    parser.block.ruler.before("fence", "shortcode", _block, {"alt": ["paragraph", "reference", "blockquote", "list"]})
    parser.inline.ruler.before("escape", "shortcode", _inline)
    parser.core.ruler.after("block", "shortcodes_in_html", _in_html)


def _block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A shortcode on lines of its own, or code up to the end of its shortcode."""
    begin = state.bMarks[start] + state.tShift[start]
    if state.is_code_block(start) or not state.src.startswith(("{{<", "{{%", "{%"), begin) or _is_literal(state):
        return False
    limit = state.eMarks[end - 1]
    found = _TAG.match(state.src, begin, limit)
    if found is None or state.src.startswith(("{{</*", "{{%/*"), begin):
        return False
    tag = _tag_of(found, state.src, state.env)
    is_literal = tag.name in _CODE | _AS_IT_IS and not tag.closes
    closing = _closing(tag.name, found).search(state.src, found.end(), limit) if is_literal and tag.is_paired else None
    last = _line_of(state, start, end, closing.end() if closing else found.end())
    rest = state.src[closing.end() if closing else found.end() : state.eMarks[last]]
    if rest.strip() or (is_literal and closing is None):
        return False
    if silent:
        return True
    state.line = last + 1
    if closing is None:
        token = state.push("html_block", "", 0)
        token.content = f"{_html_of(tag, state.env, is_block=True)}\n"
    elif tag.name in _AS_IT_IS:
        token = state.push("html_block", "", 0)
        token.meta["is_literal"] = True
        token.content = state.md.render(state.src[found.end() : closing.start()], {"path": "", "is_literal": True})
    else:
        token = state.push("fence", "code", 0)
        token.info = tag.named.get("lang") or tag.first or (tag.name if tag.name == "mermaid" else "")
        token.content = f"{_between(state, start, last, found.end(), closing.start())}\n"
    token.map = [start, state.line]
    return True


def _inline(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] != "{" or _is_literal(state):
        return False
    literal = _LITERAL.match(state.src, state.pos)
    if literal:
        return _push(state, silent, "text", f"{{{{{literal[1]}{literal[2]}{literal[3]}}}}}", literal.end())
    expression = _EXPRESSION.match(state.src, state.pos)
    if expression:
        return _push(state, silent, "text", _left_out(expression, state.env), expression.end())
    found = _TAG.match(state.src, state.pos)
    if found is None:
        return False
    tag = _tag_of(found, state.src, state.env)
    if tag.name in _AS_IT_IS | _CODE and not tag.closes and tag.is_paired:
        closing = _closing(tag.name, found).search(state.src, found.end())
        inside = state.src[found.end() : closing.start()] if closing else ""
        if closing and tag.name in _AS_IT_IS:
            return _push_literal(state, silent, inside, closing.end())
        if closing:
            return _push(state, silent, "code_inline", inside, closing.end())
    return _push(state, silent, "html_inline", "" if silent else _html_of(tag, state.env), found.end())


def _left_out(expression: regex.Match[str], environment: MutableMapping[str, Any]) -> str:
    note(environment, f"{expression[0]} means something only to the generator of a site: it was left out")
    return ""


def _push_literal(state: StateInline, silent: bool, content: str, end: int) -> bool:
    """Markdown in which shortcodes and expressions are text."""
    if not silent:
        if state.pending:
            state.pushPending()
        inside: list[Token] = []
        state.env["is_literal"] = True
        state.md.inline.parse(content, state.md, state.env, inside)
        state.env["is_literal"] = False
        state.tokens += inside
        state.tokens_meta += [None] * len(inside)
    state.pos = end
    return True


def _is_literal(state: StateBlock | StateInline | StateCore) -> bool:
    return bool(state.env.get("is_literal"))


def _in_html(state: StateCore) -> None:
    """In a block of HTML nothing is parsed, but generators replace shortcodes there too."""
    for token in () if _is_literal(state) else state.tokens:
        is_literal = token.meta.get("is_literal") or "<pre" in token.content
        if token.type == "html_block" and "{" in token.content and not is_literal:
            content = _TAG.sub(lambda found: _html_of(_tag_of(found, state.src, state.env), state.env), token.content)
            token.content = _EXPRESSION.sub(lambda found: _left_out(found, state.env), content)


def _push(state: StateInline, silent: bool, kind: str, content: str, end: int) -> bool:
    if not silent:
        token = state.push(kind, "", 0)
        token.content = content
        token.meta["is_made"] = True
    state.pos = end
    return True


def _tag_of(found: regex.Match[str], text: str, environment: MutableMapping[str, Any]) -> EmbeddedTag:
    written = found["hugo"] if found["hugo"] is not None else found["liquid"]
    is_liquid = found["hugo"] is None
    closes = written.startswith("/") or (is_liquid and written.startswith("end"))
    name, _, rest = written.lstrip("/ ").rstrip("/ ").partition(" ")
    name = name.strip().removeprefix("end") if is_liquid and closes else name.strip()
    if is_liquid and name.startswith("include"):
        # `{% include figure.html src="…" %}`
        name, _, rest = rest.strip().partition(" ")
    values, named = [], {}
    for part in _PARTS.finditer(rest):
        value = next((part[key] for key in "abcd" if part[key] is not None), "")
        if part["name"]:
            named[part["name"].lower()] = value
        else:
            values.append(value)
    is_paired = closes or _has_closing(name, is_liquid=is_liquid, text=text, environment=environment)
    return EmbeddedTag(name=name, values=values, named=named, closes=closes, is_paired=is_paired)


def _has_closing(name: str, *, is_liquid: bool, text: str, environment: MutableMapping[str, Any]) -> bool:
    """Whether the whole text has the end of such a tag."""
    if "closing_tags" not in environment:
        environment["closing_tags"] = set(_closing_names(environment.get("text", text)))
    found: set[str] = environment["closing_tags"]
    return (f"end{name}" if is_liquid else f"/{name}") in found


def _closing_names(text: str) -> Iterator[str]:
    yield from (f"/{name}" for name in regex.findall(r"\{\{[<%]-?\s*/\s*([\w./-]+)", text))
    yield from regex.findall(r"\{%-?\s*(end[\w-]+)", text)


def _closing(name: str, opening: regex.Match[str]) -> regex.Pattern[str]:
    if opening["hugo"] is None:
        return regex.compile(rf"\{{%-?\s*end{regex.escape(name)}\s*-?%\}}")
    return regex.compile(rf"\{{\{{[<%]-?\s*/\s*{regex.escape(name)}\s*-?[%>]\}}\}}")


def _html_of(tag: EmbeddedTag, environment: MutableMapping[str, Any], *, is_block: bool = False) -> str:
    html = html_of_tag(tag)
    if html is not None:
        return html
    kept = ", and what is inside it was kept" if tag.is_paired else ""
    note(environment, f"the shortcode {tag.name} means nothing here: it was left out{kept}")
    return titled(tag.title) if is_block and not tag.closes else ""


def _line_of(state: StateBlock, start: int, end: int, place: int) -> int:
    return next(line for line in range(start, end) if place <= state.eMarks[line])


def _between(state: StateBlock, first: int, last: int, start: int, end: int) -> str:
    """What is between two places, without what the lines of a list or quote begin with."""
    if first == last:
        return state.src[start:end]
    inside = state.getLines(first + 1, last, state.sCount[first], False)
    ending = state.src[state.bMarks[last] + state.tShift[last] : end]
    return "\n".join(part for part in (state.src[start : state.eMarks[first]], inside, ending) if part.strip())
