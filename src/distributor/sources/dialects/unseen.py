"""What is written for colleagues and programs: comments of HTML, MDX, Obsidian, Hugo, Liquid and Jinja, lines of
attributes of kramdown, the imports of MDX, and what stands where a generator puts a table of contents.
"""

from __future__ import annotations

from collections.abc import Callable

import regex

from distributor.domain.errors import SourceError

_FENCE = r"^[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)*(?P<fence>`{3,}(?=[^`\n]*$)|~{3,})"
_UNSEEN = {
    "html": (r"<!--", r"-->"),
    "mdx": (r"\{/\*", r"\*/\}"),
    "hugo": (r"\{\{-?[ \t]*/\*", r"\*/[ \t]*-?\}\}"),
    "shortcode": (r"\{\{[<%][ \t]*comment\b[^>%}\n]*[%>]\}\}", r"\{\{[<%][ \t]*/[ \t]*comment[ \t]*[%>]\}\}"),
    "liquid": (r"\{%-?[ \t]*comment[ \t]*-?%\}", r"\{%-?[ \t]*endcomment[ \t]*-?%\}"),
    "liquid_line": (r"\{%-?[ \t]*#", r"%\}"),
    "jinja": (r"\{#(?=\s)", r"#\}"),
    "obsidian": (r"(?<!\S)%%", r"%%(?!\w)"),
    "contents": (
        r"^[ \t>]*(?:[-*+]|\d{1,9}[.)])[ \t]+[^\n]*\n[ \t>]*\{:[ \t]*toc\b[^{}\n]*\}[ \t]*$"
        r"|^[ \t>]*(?:\[\[_?toc_?\]\]|@?\[toc\]|\{\{[ \t]*toc[ \t]*\}\}|\{:toc\})[ \t]*$",
        r"",
    ),
    "attributes": (r"^[ \t>]*\{::?(?![^{}\n\"']*(?:,|=>))[^{}\n#]*\}[ \t]*$", r""),
    "imports": (r"^import\s+(?:[\w*$,{}\s]{1,400}?\sfrom\s+)?(?:\"[^\"\n]+\"|'[^'\n]+');?[ \t]*$", r""),
    "exports": (r"^export\s+(?:const|let|var|default|function|async|class|\{)", r"(?=\n[ \t]*(?:\n|\Z))|\Z"),
    # A link definition that no link can use.
    "definition": (r"^[ \t>]*\[(?://|comment|_metadata_[^\]\n]*|_)\]:[ \t]*(?:#|<>)", r"$"),
}
_NEXT = regex.compile(
    rf"{_FENCE}|(?P<code>`+)|(?P<escaped>\\[\\`<{{%])|"
    + "|".join(f"(?P<{name}>{opening})" for name, (opening, _) in _UNSEEN.items()),
    regex.MULTILINE | regex.IGNORECASE,
)
_ENDS = {name: regex.compile(closing, regex.MULTILINE | regex.IGNORECASE) for name, (_, closing) in _UNSEEN.items()}
_SIGNS = ("<!--", "{", "%%", "]:", "import", "export", "[toc", "[[")
_CLOSES_AT_MARGIN = regex.compile(r"^[)}\]][^\n]*", regex.MULTILINE)
_PARAGRAPH_END = regex.compile(r"\n[ \t>]*(?=\n|\Z)")
_CODE_INDENT = regex.compile(r"[ ]{4}|[ ]{0,3}\t")
_AT_MARGIN = regex.compile(r"^[^ \t\n][^\n]*", regex.MULTILINE)
# How far above a comment the beginning of a list is looked for, and the end of an export below its first line.
_FAR = 20_000
_LIST_ITEM = regex.compile(r"[ \t>]*(?:[-*+]|\d{1,9}[.)])(?:[ \t]|$)")


def without_unseen(text: str, *, path: str, is_mdx: bool) -> str:
    """The text without all of this, but what is in code; every other line keeps its number.

    Raises SourceError for an HTML comment that does not end: browsers take all that follows for it.
    """
    lowered = text.lower()
    if not any(sign in lowered for sign in _SIGNS):
        return text
    kept: list[str] = []
    # Where an end is missing, it is missing for all that follow.
    endless = {"escaped"} if is_mdx else {"escaped", "exports"}
    done = at = 0
    while found := _NEXT.search(text, at):
        name = str(found.lastgroup)
        at = found.end()
        if name in _SKIPPED:
            at = _SKIPPED[name](text, found)
            continue
        if name in endless or _is_indented_code(text, found.start()):
            continue
        end = _end_of_export(text, found) if name == "exports" else _ENDS[name].search(text, at)
        if end is None:
            endless.add(name)
            if name == "html":
                line = text.count("\n", 0, found.start()) + 1
                raise SourceError("the comment that begins here has no end: close it with -->", path=path, line=line)
            continue
        at = end.end()
        kept += [text[done : found.start()], "\n" * text.count("\n", found.start(), at)]
        done = at
    return "".join([*kept, text[done:]]) if kept else text


def _end_of_export(text: str, opening: regex.Match[str]) -> regex.Match[str] | None:
    """Where what it opens in its first line is closed at the margin, over empty lines; else before the next of them."""
    line_end = text.find("\n", opening.end())
    first = text[opening.start() : line_end] if line_end >= 0 else ""
    opens = sum(map(first.count, "({[")) > sum(map(first.count, ")}]"))
    closing = _CLOSES_AT_MARGIN.search(text, line_end, line_end + _FAR) if opens else None
    return closing or _ENDS["exports"].search(text, opening.end())


def _after_fence(text: str, opening: regex.Match[str]) -> int:
    sign, length = opening["fence"][0], len(opening["fence"])
    closing = regex.compile(rf"^[ \t>]*{sign}{{{length},}}[ \t]*$", regex.MULTILINE).search(text, opening.end())
    return closing.end() if closing else len(text)


def _after_code(text: str, opening: regex.Match[str]) -> int:
    """Behind a code span, or behind the backticks if they open none."""
    paragraph = _PARAGRAPH_END.search(text, opening.end())
    end = paragraph.start() if paragraph else len(text)
    closing = regex.compile(rf"(?<!`)`{{{len(opening['code'])}}}(?!`)").search(text, opening.end(), end)
    return closing.end() if closing else opening.end()


_SKIPPED: dict[str, Callable[[str, regex.Match[str]], int]] = {"fence": _after_fence, "code": _after_code}


def _is_indented_code(text: str, at: int) -> bool:
    """Whether a line is code by its indentation: below an empty line or more code, and in no list."""
    start = text.rfind("\n", 0, at) + 1
    if not _CODE_INDENT.match(text, start):
        return False
    above = text.rfind("\n", 0, max(start - 1, 0)) + 1
    is_below_text = start > 0 and text[above:start].strip() and not _CODE_INDENT.match(text, above)
    return not is_below_text and _LIST_ITEM.match(_last_line_at_margin(text, start)) is None


def _last_line_at_margin(text: str, end: int) -> str:
    """The last line before `end` that is not indented, empty if the text begins with others."""
    found = None
    for found in _AT_MARGIN.finditer(text, max(end - _FAR, 0), end):  # noqa: B007 - the last one is meant
        pass
    return found[0] if found else ""
