"""Addresses in Markdown that only a site generator can make out, and those with spaces: as plain addresses."""

from __future__ import annotations

import regex
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore

_CODE_SPAN = r"(?P<code>(?<!`)(?P<ticks>`+)(?!`).*?(?<!`)(?P=ticks)(?!`))"
_REFERENCE = regex.compile(
    r"""\{\{[<%]\s*(?:rel)?ref\s+(?:path=)?["'`]?(?P<hugo>[^"'`>%\s]++)["'`]?[^>%{}]*+[>%]\}\}
      | \{%-?\s*(?P<kind>post_url|link)\s+(?P<liquid>[^\s%]++)\s*-?%\}
      | \{\{-?\s*site\.(?:baseurl|url)\b[^{}]*\}\}
      | \{\{-?(?=[^{}]*+\}\})\s*(?P<quote>["'])(?P<filtered>[^"'{}]+)(?P=quote)\s*\|[^{}]*\b(?:url|relative_url|absolute_url|prepend|relurl|absurl)\b[^{}]*\}\}""",  # noqa: E501
    regex.VERBOSE | regex.IGNORECASE,
)
_WITH_SPACES = regex.compile(
    r"""(?<=\]\()[ ]*
        (?P<target>[^()<>\s"'][^()<>\n"']{0,200}?(?<=[^\s])[ ][^()<>\n"']{0,200}?\.\w{1,5}(?:\#[\w-]*)?)
        (?P<title>[ ]+"[^"\n]*")?[ ]*(?=\))""",
    regex.VERBOSE,
)
_SIZE = regex.compile(r"(?<=\]\([^()\n]{1,400})[ ]+=\d*x\d*(?=\))")
_RAW_BEGINS = r"\{%-?\s*(?:raw|verbatim)\s*-?%\}"
_RAW = rf"{_RAW_BEGINS}(?:(?!{_RAW_BEGINS}).)*?\{{%-?\s*end(?:raw|verbatim)\s*-?%\}}"
_OUTSIDE_CODE = regex.compile(
    rf"{_CODE_SPAN}|{_RAW}|(?P<text>(?:[^`{{]|\{{(?!%-?\s*(?:raw|verbatim)\b))++|`+|\{{)", regex.DOTALL
)


def addresses_plugin(parser: MarkdownIt) -> None:
    """Makes addresses of references to other articles, of Liquid's filters, and of file names with spaces."""
    parser.core.ruler.before("inline", "addresses", _rewrite)


def _rewrite(state: StateCore) -> None:
    for token in () if state.env.get("is_literal") else state.tokens:
        if token.meta.get("is_literal"):
            continue
        if token.type == "html_block":
            token.content = _REFERENCE.sub(_address, token.content) if "{" in token.content else token.content
        elif token.type == "inline" and ("{" in token.content or "](" in token.content):
            token.content = _OUTSIDE_CODE.sub(_rewritten, token.content)


def _rewritten(part: regex.Match[str]) -> str:
    if part["text"] is None:
        return str(part[0])
    text = _REFERENCE.sub(_address, part[0]) if "{" in part[0] else part[0]
    text = _SIZE.sub("", text)
    return _WITH_SPACES.sub(lambda found: f"<{found['target']}>{found['title'] or ''}", text)


def _address(found: regex.Match[str]) -> str:
    if found["hugo"]:
        return str(found["hugo"])
    if found["liquid"]:
        return f"{found['liquid']}.md" if found["kind"].lower() == "post_url" else f"/{found['liquid'].lstrip('/')}"
    return found["filtered"] or ""
