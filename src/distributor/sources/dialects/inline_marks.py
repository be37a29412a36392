"""Marks in a line of text: `==highlighted==`, `x^2^`, `H~2~O`, `~struck~`, and math between dollar signs."""

from __future__ import annotations

import regex
from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.rules_inline import StateInline
from mdit_py_plugins.dollarmath.index import math_block_dollar

_HIGHLIGHTED = regex.compile(r"==(?![\s=])(?P<text>[^=\n]+?)(?<!\s)==(?!=)")
_RAISED = regex.compile(r"\^(?P<text>[^\s^~`\\]{1,24})\^")
_LOWERED = regex.compile(r"~(?P<text>[\w+,()-]{1,24})~")
_STRUCK = regex.compile(r"~(?![\s~])(?P<text>[^~\n`]{1,200}?)(?<![\s~])~(?![~/\w])")
_MATH = regex.compile(r"\$\$(?P<block>[^$\n]+)\$\$|\$(?![\s$])(?P<text>(?:\\.|[^$\\\n]){1,400}?)(?<!\s)\$(?![\w$])")
_TEX = regex.compile(r"[\\^_{}=]")
_CALCULATION = regex.compile(r"[A-Za-z)]\s*[+\-*/<>]\s*[\w(]")
_QUANTITY = regex.compile(r"\A[A-Za-z]{1,2}'?(?:\([\w, ]*\))?\Z")


def inline_marks_plugin(parser: MarkdownIt) -> None:
    """Reads them as the elements of HTML, and math as code."""
    parser.inline.ruler.before("emphasis", "highlighted", _highlighted)
    parser.inline.ruler.before("strikethrough", "raised_or_lowered", _raised_or_lowered)
    parser.inline.ruler.before("escape", "math_inline", _math)
    parser.block.ruler.before("fence", "math_block", math_block_dollar(allow_labels=False, allow_blank_lines=False))
    parser.add_render_rule(
        "math_block",
        lambda self, tokens, at, options, environment: (
            f'<pre><code class="language-math">{escapeHtml(tokens[at].content.strip())}</code></pre>\n'
        ),
    )


def holds_math(text: str) -> bool:
    """Whether a part of the text would be taken for math."""
    found = _MATH.finditer(text, overlapped=True)
    return any(one["block"] or _is_math(one["text"]) for one in found)


def _highlighted(state: StateInline, silent: bool) -> bool:
    found = _HIGHLIGHTED.match(state.src, state.pos, state.posMax) if state.src[state.pos] == "=" else None
    if found is None or (_is_ascii_word(state.src, state.pos - 1) and _is_ascii_word(state.src, found.end())):
        return False
    return _enclose(state, silent, "mark", found)


def _raised_or_lowered(state: StateInline, silent: bool) -> bool:
    sign = state.src[state.pos]
    if sign not in "^~":
        return False
    is_behind_word = state.pos > 0 and (state.src[state.pos - 1].isalnum() or state.src[state.pos - 1] == ")")
    tag, pattern = ("sup", _RAISED) if sign == "^" else ("sub", _LOWERED) if is_behind_word else ("s", _STRUCK)
    found = pattern.match(state.src, state.pos, state.posMax) if is_behind_word or sign == "~" else None
    return found is not None and _enclose(state, silent, tag, found)


def _enclose(state: StateInline, silent: bool, tag: str, found: regex.Match[str]) -> bool:
    if not silent:
        end = state.posMax
        state.push(f"{tag}_open", tag, 1)
        state.pos, state.posMax = found.start("text"), found.end("text")
        state.md.inline.tokenize(state)
        state.posMax = end
        state.push(f"{tag}_close", tag, -1)
    state.pos = found.end()
    return True


def _math(state: StateInline, silent: bool) -> bool:
    """Math, which is told apart from prices: `$5 and $10`."""
    found = _MATH.match(state.src, state.pos, state.posMax) if state.src[state.pos] == "$" else None
    if found is None or (state.pos > 0 and (state.src[state.pos - 1].isalnum() or state.src[state.pos - 1] == "$")):
        return False
    text = found["block"] or found["text"]
    if not found["block"] and not _is_math(text):
        return False
    if not silent:
        token = state.push("code_inline", "code", 0)
        token.content = text.strip()
    state.pos = found.end()
    return True


def _is_math(text: str) -> bool:
    """Whether it has a sign of TeX, a calculation with letters, or is only the name of a quantity."""
    if text[0].isdigit() and _TEX.search(text) is None:
        return False
    return any(one.search(text) for one in (_TEX, _CALCULATION, _QUANTITY))


def _is_ascii_word(text: str, at: int) -> bool:
    return 0 <= at < len(text) and text[at].isascii() and text[at].isalnum()
