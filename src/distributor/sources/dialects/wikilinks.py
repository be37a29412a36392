"""Links and embedded files as note programs such as Obsidian write them: `[[Page|text]]`, `![[image.png]]`."""

from __future__ import annotations

from pathlib import PurePosixPath
from urllib.parse import quote

import regex
from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from distributor.domain.anchors import anchor_of
from distributor.sources.dialects.notes import note

_LINK = regex.compile(
    r"(?P<embeds>!?)\[\[(?=[^\s\]])(?P<page>[^\[\]\n|#]*)(?:\#(?P<place>[^\[\]\n|]*))?(?:\\?\|(?P<text>[^\[\]\n]*))?\]\](?!\()"
)
_SIZE = regex.compile(r"\d+(?:x\d+)?")
_IMAGES = frozenset((".apng", ".avif", ".bmp", ".gif", ".jpeg", ".jpg", ".png", ".svg", ".webp"))
# What is no page; any other ending is part of the name of one, as in "Node.js".
_FILES = _IMAGES | frozenset(
    (
        *(".base", ".canvas", ".csv", ".doc", ".docx", ".epub", ".htm", ".html", ".markdown", ".md", ".mdx", ".odt"),
        *(".pdf", ".ppt", ".pptx", ".txt", ".xls", ".xlsx", ".zip"),
        *(".3gp", ".flac", ".m4a", ".mkv", ".mov", ".mp3", ".mp4", ".ogg", ".ogv", ".opus", ".wav", ".webm"),
    )
)


def wikilinks_plugin(parser: MarkdownIt) -> None:
    """Reads them as links to `Page.md`, and as images."""
    parser.inline.ruler.before("link", "wikilink", _wikilink)


def _wikilink(state: StateInline, silent: bool) -> bool:
    found = _LINK.match(state.src, state.pos, state.posMax) if state.src[state.pos] in "[!" else None
    if found is None:
        return False
    state.pos = found.end()
    if silent:
        return True
    page, text = found["page"].strip(), found["text"] or ""
    suffix = PurePosixPath(page).suffix.lower()
    if found["embeds"] and suffix in _IMAGES:
        token = state.push("image", "img", 0)
        token.attrs = {"src": quote(page, safe="/")}
        alt = "" if _SIZE.fullmatch(text) else text
        token.children = [_text(alt)]
        return True
    if found["embeds"]:
        note(state.env, f"{page} is not shown inside the text; there is a link to it instead")
    # An alias can have several parts: the last one is what is shown.
    shown = text.rpartition("|")[2] or found["place"] or page
    anchor = f"#{anchor_of((found['place'] or '').rpartition('#')[2].lstrip('^'))}" if found["place"] else ""
    target = f"{quote(page, safe='/')}{'' if suffix in _FILES else '.md'}" if page else ""
    state.push("link_open", "a", 1).attrs = {"href": f"{target}{anchor}"}
    state.push("text", "", 0).content = shown
    state.push("link_close", "a", -1)
    return True


def _text(content: str) -> Token:
    return Token("text", "", 0, content=content)
