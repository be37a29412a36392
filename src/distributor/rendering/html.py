"""Renders blocks as semantic HTML that is also well-formed XML, for mails, feeds and web pages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import assert_never

import nh3

from distributor.domain.anchors import anchors_in
from distributor.domain.blocks import (
    Alignment,
    Block,
    Code,
    Divider,
    Heading,
    Image,
    List,
    ListItem,
    Mark,
    Paragraph,
    Quote,
    Run,
    Runs,
    Table,
)
from distributor.rendering.sanitize import Resolve, image_source, link_target, printable

# Outermost first, so that the same marks always nest in the same order.
_TAG_OF_MARK = {
    Mark.NOTE: "sup",
    Mark.STRONG: "strong",
    Mark.EMPHASIS: "em",
    Mark.STRIKE: "s",
    Mark.HIGHLIGHT: "mark",
    Mark.SUPERSCRIPT: "sup",
    Mark.SUBSCRIPT: "sub",
    Mark.CODE: "code",
}

_ATTRIBUTES = {
    "*": {"id", "style"},
    "a": {"href"},
    "code": {"class"},
    "img": {"src", "alt", "class", "width", "height"},
    "ol": {"start"},
    "table": {"cellpadding"},
    "th": {"scope"},
}
_TAGS = {
    *("h1", "h2", "h3", "h4", "h5", "h6", "p", "br", "hr", "a", "strong", "em", "s", "code", "pre", "blockquote"),
    *("ul", "ol", "li", "figure", "figcaption", "img", "div", "table", "thead", "tbody", "tr"),
    *("th", "td", "mark", "span", "sub", "sup"),
}

_VOID_TAG = re.compile(r"<(br|hr|img)((?:\s[a-z]+=\"[^\"]*\")*)>")
_NOT_IN_CLASS = re.compile(r"[^\w+#.-]+")

_RIGHT_TO_LEFT_LANGUAGES = frozenset(
    {"ar", "arc", "ckb", "dv", "fa", "he", "iw", "ji", "lrc", "mzn", "nqo", "pnb", "ps", "sd", "syr", "ug", "ur", "yi"}
)
_RIGHT_TO_LEFT_SCRIPTS = frozenset({"adlm", "arab", "hebr", "mand", "mend", "nkoo", "rohg", "samr", "syrc", "thaa"})


def html_of(
    blocks: Sequence[Block],
    *,
    resolve: Resolve | None = None,
    styles: Mapping[str, str] | None = None,
    section_level: int = 2,
    mail_width: int | None = None,
    anchor_prefix: str | None = None,
) -> str:
    """The blocks as an HTML fragment that is well-formed XML too.

    `resolve` makes URLs absolute; without it they stay as they are. `styles` are inline declarations by tag, or by
    parent and tag ("pre code" takes precedence over "code"). If there is a style for "div", each table is put into a
    div, so that wide tables can scroll. `section_level` is the level of a section heading (level 2 in the blocks) on
    the page. `mail_width` is that of the text of a mail, in pixels, for mail clients that ignore style sheets: no image
    is wider, and cells of tables have a padding.

    Images have their own width, as far as it is known, and are never enlarged. Those among text have the class
    "inline", and their styles are those of "p img".

    With an `anchor_prefix` anchors are ids that begin with it, and links to them lead there; without, links to anchors
    are resolved like any other, so that they lead to the page of the article.
    """
    writer = _Writer(
        resolve=resolve,
        styles=styles or {},
        section_level=section_level,
        mail_width=mail_width,
        ids={} if anchor_prefix is None else {name: f"{anchor_prefix}{name}" for name in anchors_in(blocks)},
    )
    return _sanitized(writer.blocks(blocks))


def direction_of(language: str) -> str:
    """The direction of a BCP 47 language, "rtl" or "ltr"; a script subtag takes precedence."""
    first, *others = language.lower().replace("_", "-").split("-")
    script = next((part for part in others if len(part) == 4 and part.isalpha()), None)
    is_right_to_left = script in _RIGHT_TO_LEFT_SCRIPTS if script else first in _RIGHT_TO_LEFT_LANGUAGES
    return "rtl" if is_right_to_left else "ltr"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Writer:
    resolve: Resolve | None
    styles: Mapping[str, str]
    section_level: int
    mail_width: int | None
    # By anchor.
    ids: Mapping[str, str]

    def blocks(self, blocks: Iterable[Block], parent: str = "") -> str:
        return "\n".join(self.block(block, parent) for block in blocks)

    def block(self, block: Block, parent: str) -> str:
        match block:
            case Heading(level=level, runs=runs):
                shifted = min(max(level + self.section_level - 2, 1), 6)
                return self.heading(f"h{shifted}", runs, parent)
            case Paragraph(runs=runs):
                return self.element("p", self.runs(runs), parent)
            case List():
                return self.listing(block, parent)
            case Quote(blocks=inner):
                return self.element("blockquote", self.blocks(inner, "blockquote"), parent)
            case Image():
                return self.image(block, parent)
            case Code(text=text, language=language):
                # A space would make several classes of the name.
                name = _NOT_IN_CLASS.sub("-", language.strip())
                code = self.element("code", _escaped(text), "pre", **({"class": f"language-{name}"} if name else {}))
                return self.element("pre", code, parent)
            case Table():
                return self.table(block, parent)
            case Divider():
                return self.void("hr", parent)
            case _:
                assert_never(block)

    def heading(self, tag: str, runs: Runs, parent: str) -> str:
        """The heading, which has the id of an anchor at its beginning itself."""
        name = self.ids.get(runs[0].anchor) if runs else None
        if not name:
            return self.element(tag, self.runs(runs), parent)
        return self.element(tag, self.runs((replace(runs[0], anchor=""), *runs[1:])), parent, id=name)

    def listing(self, block: List, parent: str) -> str:
        tag = "ol" if block.ordered else "ul"
        items = "\n".join(self.item(item) for item in block.items)
        start = {"start": str(block.start)} if block.ordered and block.start != 1 else {}
        return self.element(tag, items, parent, **start)

    def item(self, item: ListItem) -> str:
        match item.blocks:
            case (Paragraph(runs=runs), *nested) if all(isinstance(block, List) for block in nested):
                return self.element("li", "\n".join([self.runs(runs), *(self.block(each, "li") for each in nested)]))
            case blocks:
                return self.element("li", self.blocks(blocks, "li"))

    def image(self, block: Image, parent: str) -> str:
        picture = self.element("p", self.picture(block, ""), "figure" if block.caption else parent)
        if not block.caption:
            return picture
        return self.element("figure", picture + self.element("figcaption", self.runs(block.caption), "figure"), parent)

    def picture(self, image: Image, parent: str, **attributes: str) -> str:
        source = image_source(image.src, self.resolve)
        if source is None:
            return _escaped(image.alt)
        width = min(image.width or 0, self.mail_width or image.width or 0)
        # Where style sheets are ignored, a height beside a reduced width would distort it.
        sizes = {"width": width, "height": image.height if image.is_small else 0}
        given = attributes | {name: str(size) for name, size in sizes.items() if size}
        return self.void("img", parent, src=source, alt=image.alt, **given)

    def table(self, block: Table, parent: str) -> str:
        head = self.row(block.header, block.alignments, head=True) if any(block.header) else ""
        rows = "\n".join(self.row(row, block.alignments, head=False) for row in block.rows)
        parts = (self.element("thead", head) if head else "", self.element("tbody", rows) if rows else "")
        padding = {"cellpadding": "8"} if self.mail_width else {}
        if "div" not in self.styles:
            return self.element("table", "".join(parts), parent, **padding)
        return self.element("div", self.element("table", "".join(parts), "div", **padding), parent)

    def row(self, cells: Sequence[Runs], alignments: Sequence[Alignment], *, head: bool) -> str:
        written = (self.cell(cell, alignment, head) for cell, alignment in zip(cells, alignments, strict=True))
        return self.element("tr", "".join(written))

    def cell(self, runs: Runs, alignment: Alignment, head: bool) -> str:
        # Screen readers handle a plain cell better than an empty header cell.
        tag = "th" if head and runs else "td"
        # Left is the default; in right-to-left text, stating it would be wrong.
        align = f"text-align:{alignment.value}" if alignment is not Alignment.LEFT else ""
        return self.element(tag, self.runs(runs), style=align, **({"scope": "col"} if tag == "th" else {}))

    def runs(self, runs: Runs) -> str:
        return "".join(self.link(href, list(group)) for href, group in groupby(runs, key=lambda run: run.href))

    def link(self, href: str | None, runs: Sequence[Run]) -> str:
        text = self.marked(runs, tuple(_TAG_OF_MARK))
        name = self.ids.get(href.removeprefix("#")) if href and href.startswith("#") else None
        target = f"#{name}" if name else link_target(href, self.resolve) if href else None
        return self.element("a", text, href=target) if target else text

    def marked(self, runs: Sequence[Run], marks: Sequence[Mark]) -> str:
        """The runs with elements for `marks`; the first is outermost, and adjacent runs share elements."""
        if not marks:
            return "".join(self.leaf(run) for run in runs)
        mark, *others = marks
        return "".join(
            self.element(_TAG_OF_MARK[mark], self.marked(list(group), others))
            if has_mark
            else self.marked(list(group), others)
            for has_mark, group in groupby(runs, key=lambda run: mark in run.marks)
        )

    def leaf(self, run: Run) -> str:
        if run.image is not None:
            written = self.picture(replace(run.image, alt=run.text), "p", **{"class": "inline"})
        else:
            written = _escaped(run.text).replace("\n", "<br/>")
        name = self.ids.get(run.anchor)
        return self.element("span", written, id=name) if name else written

    def element(self, tag: str, content: str, parent: str = "", **attributes: str) -> str:
        return f"<{tag}{self.attributes(tag, parent, attributes)}>{content}</{tag}>"

    def void(self, tag: str, parent: str, **attributes: str) -> str:
        return f"<{tag}{self.attributes(tag, parent, attributes)}/>"

    def attributes(self, tag: str, parent: str, given: Mapping[str, str]) -> str:
        styles = (self.styles.get(f"{parent} {tag}") or self.styles.get(tag, ""), given.get("style", ""))
        style = ";".join(part.rstrip("; ") for part in styles if part)
        written = {**given, "style": style}
        return "".join(
            f' {name}="{_escaped(value)}"' for name, value in written.items() if value or name in ("alt", "href", "src")
        )


def _escaped(text: str) -> str:
    return printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def _sanitized(html: str) -> str:
    """The last line of defence: whatever a text or URL contained, only known tags and attributes remain."""
    clean = nh3.clean(
        html, tags=_TAGS, attributes=_ATTRIBUTES, url_schemes={"http", "https", "mailto", "tel"}, link_rel=None
    )
    return _VOID_TAG.sub(_as_xml, clean).replace("&nbsp;", "&#160;")


def _as_xml(tag: re.Match[str]) -> str:
    """The sanitizer writes HTML, in which void tags are not closed and attributes may contain angle brackets."""
    attributes = tag[2].replace("<", "&lt;").replace(">", "&gt;")
    return f"<{tag[1]}{attributes}/>"
