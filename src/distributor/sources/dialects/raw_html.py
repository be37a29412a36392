"""HTML in Markdown, made safe to be read together with the HTML of the text around it."""

from __future__ import annotations

import regex
from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from distributor.domain.errors import SourceError
from distributor.sources.html import MEDIA, NEVER_TEXT

# Browsers take all that follows one of these for its text, up to its end (HTML standard, section 13.2.5).
_RAW_TEXT = frozenset(
    ("iframe", "noembed", "noframes", "noscript", "plaintext", "script", "style", "textarea", "title", "xmp")
)
_HTML_NAMES = """
    a abbr acronym address applet area article aside audio b base basefont bdi bdo big blink blockquote body br button
    canvas caption center cite code col colgroup data datalist dd del details dfn dialog dir div dl dt em embed fieldset
    figcaption figure font footer form frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html i iframe img input
    ins kbd label legend li link main map mark marquee math menu meta meter nav nobr noembed noframes noscript object ol
    optgroup option output p param picture plaintext pre progress q rp rt ruby s samp script search section select slot
    small source span strike strong style sub summary sup svg table tbody td template textarea tfoot th thead time title
    tr track tt u ul var video wbr xmp
"""
_ELEMENTS = frozenset(_HTML_NAMES.split())
_VOID = frozenset(
    (
        *("area", "base", "br", "col", "embed", "frame", "hr", "img", "input", "link", "meta", "param"),
        *("source", "track", "wbr"),
    )
)
# Whose content is never shown as text: without an end, they take what follows with them.
_WITHOUT_TEXT = (_RAW_TEXT | NEVER_TEXT | MEDIA) - _VOID
# They mean something without attributes and without an end: on their own, or in what has an end.
_ALONE = frozenset(("br", "hr", "img", "input", "wbr"))
_PARTS_OF = {
    "dl": frozenset(("dd", "dt")),
    **dict.fromkeys(("menu", "ol", "ul"), frozenset(("li",))),
    "ruby": frozenset(("rp", "rt")),
    "table": frozenset(("col", "colgroup", "tbody", "td", "tfoot", "th", "thead", "tr")),
}
_TAG = regex.compile(r"<(?P<closes>/?)(?P<name>[A-Za-z][\w:.-]*)(?P<rest>(?:[^<>\"']|\"[^\"]*\"|'[^']*')*+)(?P<end>>?)")
_RAW_OPENING = regex.compile(rf"<(?P<name>{'|'.join(sorted(_RAW_TEXT))})\b(?P<rest>[^<>]*)", regex.IGNORECASE)
# A block of HTML that begins with one of these goes on to its end, over empty lines (CommonMark, section 4.6).
_OVER_EMPTY_LINES = frozenset(("script", "style", "textarea"))
_CLOSED = regex.compile(r"</([A-Za-z][\w:.-]*)")


def raw_html_plugin(parser: MarkdownIt) -> None:
    """Shows as text what only looks like a tag: `<name>` for a value, and what would swallow the rest."""
    parser.core.ruler.push("raw_html", _check)


def _check(state: StateCore) -> None:
    if "<" not in state.src:
        return
    closed = {name.lower() for name in _CLOSED.findall(state.src)}
    closed_below: set[str] = set()
    for token in reversed(state.tokens):
        if token.type == "html_block" and not token.meta.get("is_literal"):
            _refuse_endless(token, str(state.env.get("path", "")))
            ends = {name.lower() for name in _CLOSED.findall(token.content)}
            token.content = _checked_block(token.content, closed, closed_below)
            closed_below |= ends
        elif token.type == "inline" and token.children:
            _check_inline(token.children, closed)


def _refuse_endless(token: Token, path: str) -> None:
    """A block that begins with a script or style without an end would hold the rest of the text."""
    found = _RAW_OPENING.match(token.content.lstrip())
    if found and found["rest"].endswith("/") and found["name"].lower() not in _OVER_EMPTY_LINES:
        return
    if found and f"</{found['name']}".lower() not in token.content.lower():
        line = token.map[0] + 1 if token.map else None
        raise SourceError(f"<{found['name']}> has no end: close it with </{found['name']}>", path=path, line=line)


def _checked_block(html: str, closed: set[str], closed_below: set[str]) -> str:
    """The HTML, with what is no element as text, and what would swallow the rest of the text."""
    last = {found[1].lower(): found.start() for found in _CLOSED.finditer(html)}

    def checked(found: regex.Match[str]) -> str:
        name = found["name"].lower()
        if not found["end"] or _is_value(found, closed):
            return escapeHtml(found[0])
        if name in closed_below or last.get(name, -1) > found.start():
            return found[0]
        return _with_end(found)

    return _TAG.sub(checked, html)


def _check_inline(children: list[Token], closed: set[str]) -> None:
    tags = [(at, found) for at, one in enumerate(children) if (found := _tag(one)) is not None]
    last = {found["name"].lower(): at for at, found in tags if found["closes"]}
    for at, found in tags:
        if _is_value(found, closed) or (not children[at].meta.get("is_made") and _is_mentioned(found, closed)):
            children[at].content = escapeHtml(children[at].content)
        elif last.get(found["name"].lower(), -1) < at and children[at].content == found[0]:
            children[at].content = _with_end(found)


def _tag(token: Token) -> regex.Match[str] | None:
    return _TAG.match(token.content) if token.type == "html_inline" else None


def _with_end(tag: regex.Match[str]) -> str:
    """A tag without an end: one that would swallow what follows is text, or ends at once if it says so as in XML."""
    name = tag["name"].lower()
    if tag["closes"] or name not in _WITHOUT_TEXT:
        return str(tag[0])
    return f"{tag[0]}</{name}>" if tag["rest"].endswith("/") and name != "plaintext" else escapeHtml(tag[0])


def _is_value(tag: regex.Match[str], closed: set[str]) -> bool:
    """Whether it stands for something that readers are to put there, or is a type: no element is called so."""
    name = tag["name"].lower()
    return not tag["closes"] and name not in _ELEMENTS and name not in closed and "=" not in tag["rest"]


def _is_mentioned(tag: regex.Match[str], closed: set[str]) -> bool:
    """Whether a text speaks of an element, or of `a <b and b> c`: it has neither attributes nor an end anywhere."""
    name = tag["name"].lower()
    if tag["closes"] or name in _ALONE or name in closed or "=" in tag["rest"] or tag["rest"].endswith("/"):
        return False
    return not any(name in _PARTS_OF.get(whole, ()) for whole in closed)
