"""MDX: components and JSX attributes, and expressions in braces."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from html import escape
from typing import Any

import regex
from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

from distributor.sources.dialects.embedded_tags import EmbeddedTag, html_of_tag, titled
from distributor.sources.dialects.notes import note

# An expression in braces, with others in it. No deeper: braces without an end would be read again from each of them.
_MAX_BRACES = 12
_BRACES = r"(?!)"
for _ in range(_MAX_BRACES):
    _BRACES = rf"""\{{(?:[^{{}}"'`]++|"[^"\n]*"|'[^'\n]*'|`[^`]*`|{_BRACES})*+\}}"""
_TAG = regex.compile(
    rf"""<(?P<closes>/?)(?P<name>[A-Za-z][\w.:-]*)
        (?P<attributes>(?:\s+(?:[\w:@.-]+(?:=(?:"[^"]*"|'[^']*'|{_BRACES}|[^\s"'{{}}<>=`/]+))?|{_BRACES}))*+)
        \s*(?P<ends>/?)>|</?>""",
    regex.VERBOSE,
)
_EXPRESSION = regex.compile(_BRACES)
_ATTRIBUTE = regex.compile(
    rf"""(?P<name>[\w:@.-]+)(?:=(?:"(?P<a>[^"]*)"|'(?P<b>[^']*)'|(?P<braces>{_BRACES})|(?P<c>[^\s"'{{}}<>=`/]+)))?"""
)
_STRING = regex.compile(
    r"""\{\s*(?:"([^"]*)"|'([^']*)'|`([^`$]*)`|(-?[\d.]+)|require\(\s*["']([^"']+)["']\s*\)(?:\.default)?)\s*\}"""
)
_CLOSED = regex.compile(r"</([A-Z][\w.:-]*)")
_IMPORTED = regex.compile(r"""^import\s+(\w+)\s+from\s+["']([^"'\n]+\.\w{2,5})["']""", regex.MULTILINE)


def components_plugin(parser: MarkdownIt) -> None:
    """Reads components as the HTML they stand for; others are left out with a note, and what is inside them is kept."""
    parser.block.ruler.before(
        "html_block", "component", _block, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )
    parser.inline.ruler.before("html_inline", "component", _inline)
    parser.inline.ruler.before("escape", "expression", _expression)


def imported_files(text: str) -> Mapping[str, str]:
    """The paths of files that an MDX text imports, by the names it gives them."""
    return dict(_IMPORTED.findall(text)) if "import" in text else {}


def _block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Tags on lines of their own: what is between them is Markdown."""
    begin = state.bMarks[start] + state.tShift[start]
    if state.src[begin : begin + 1] != "<" or state.is_code_block(start):
        return False
    limit = state.eMarks[end - 1]
    at, written = begin, []
    while found := _component(state.src, at, limit, state.env):
        written.append(found)
        last = next(line for line in range(start, end) if found.end() <= state.eMarks[line])
        at = found.end()
        if not state.src[at : state.eMarks[last]].strip():
            break
    if not written or state.src[at : state.eMarks[last]].strip():
        return False
    if not silent:
        token = state.push("html_block", "", 0)
        token.content = "".join(_html_of(one, state.env, is_block=True) for one in written) + "\n"
        token.map = [start, last + 1]
    state.line = last + 1
    return True


def _inline(state: StateInline, silent: bool) -> bool:
    found = _component(state.src, state.pos, state.posMax, state.env)
    if found is None:
        return False
    if not silent:
        token = state.push("html_inline", "", 0)
        token.content = _html_of(found, state.env)
        token.meta["is_made"] = True
    state.pos = found.end()
    return True


def _component(text: str, at: int, end: int, environment: Mapping[str, Any]) -> regex.Match[str] | None:
    """The tag of a component, or of an element with attributes that only JSX has; in MDX, of any."""
    found = _TAG.match(text, at, end)
    if found is None:
        return None
    if found["name"] is None:
        return found if environment.get("is_mdx") else None
    has_braces = "{" in found["attributes"] and not found["closes"]
    is_component = found["name"][0].isupper() and (
        found["ends"]
        or found["closes"]
        or "=" in found["attributes"]
        or "{" in found["attributes"]
        or found["name"] in _closed(environment)
    )
    is_jsx = environment.get("is_mdx") and found["name"][0].islower()
    return found if has_braces or is_component or is_jsx else None


def _closed(environment: Mapping[str, Any]) -> set[str]:
    if "closed_components" not in environment and isinstance(environment, MutableMapping):
        environment["closed_components"] = set(_CLOSED.findall(environment.get("text", "")))
    found: set[str] = environment["closed_components"]
    return found


def _expression(state: StateInline, silent: bool) -> bool:
    """An expression in MDX: a string is text, anything else means something only where a program runs."""
    if state.src[state.pos] != "{" or not state.env.get("is_mdx"):
        return False
    found = _EXPRESSION.match(state.src, state.pos)
    if found is None:
        return False
    if not silent:
        text = _literal(found[0])
        if text is None:
            note(state.env, f"{found[0][:60]} means something only where a program runs: it was left out")
        token = state.push("text", "", 0)
        token.content = text or ""
    state.pos = found.end()
    return True


def _html_of(found: regex.Match[str], environment: MutableMapping[str, Any], *, is_block: bool = False) -> str:
    if found["name"] is None:
        return ""
    named = dict(_attributes(found["attributes"], environment.get("imported", {})))
    closes = bool(found["closes"])
    name = found["name"]
    if name[0].islower() and "{" not in (found["attributes"] or ""):
        return str(found[0])
    if name[0].islower():
        written = "".join(f' {key}="{escape(value)}"' for key, value in named.items())
        return f"<{name}{written}>{f'</{name}>' if found['ends'] and name != 'img' else ''}"
    is_paired = closes or (not found["ends"] and name in _closed(environment))
    tag = EmbeddedTag(name=name.rpartition(".")[2], named=named, closes=closes, is_paired=is_paired)
    html = html_of_tag(tag)
    if html is not None:
        return html
    if not closes:
        kept = ", and what is inside it was kept" if is_paired else ""
        note(environment, f"the component {name} means nothing here: it was left out{kept}")
    return titled(tag.title) if is_block and not closes else ""


def _attributes(written: str, imported: Mapping[str, str]) -> list[tuple[str, str]]:
    """The attributes with a value that can be read, by their names in lower case."""
    read = []
    for one in _ATTRIBUTE.finditer(written or ""):
        value = next((one[key] for key in "abc" if one[key] is not None), None)
        if value is None and one["braces"]:
            value = _literal(one["braces"]) or imported.get(one["braces"].strip("{} \n"))
        if value is not None:
            read.append((one["name"].lower(), value))
    return read


def _literal(expression: str) -> str | None:
    """The string in the braces, None if there is something else."""
    found = _STRING.fullmatch(expression)
    return next((part for part in found.groups() if part is not None), "") if found else None
