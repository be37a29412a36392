"""HTML: files, and what is pasted from word processors and web pages. Only its content is kept, never its looks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TypeAlias
from urllib.parse import unquote

import lxml.etree
import lxml.html
import nh3
from lxml.html import HtmlElement
from markdown_it.common.normalize_url import normalizeLink

from distributor.domain.article import Manuscript
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
    on_its_own_line,
    set_large_images_apart,
)
from distributor.domain.errors import SourceError
from distributor.domain.tags import Tag
from distributor.sources.assembly import build_manuscript, take_tag_line, take_title
from distributor.sources.decoding import normalize_text
from distributor.sources.front_matter.keys import FrontMatter, checked_language
from distributor.sources.front_matter.split import split_front_matter
from distributor.sources.in_page_links import settle_in_page_links
from distributor.sources.media_links import media_file, video_page
from distributor.sources.reading_options import DEFAULT_OPTIONS, ReadingOptions
from distributor.sources.tags import read_tag_line
from distributor.sources.urls import is_allowed_image, is_allowed_link, linkify

# The last one is of chapters of books.
SUFFIXES = (".html", ".htm", ".xhtml")
CAPTION, IN_LINE = "data-caption", "data-in-line"

_SPACE = re.compile(r"[ \t\n\f\r]+")
_SPACES_AT_BREAK = re.compile(r" *\n *")
_MARKS = {
    "mark": Mark.HIGHLIGHT,
    "sub": Mark.SUBSCRIPT,
    "sup": Mark.SUPERSCRIPT,
    **dict.fromkeys(("b", "strong"), Mark.STRONG),
    **dict.fromkeys(("em", "i", "cite", "dfn"), Mark.EMPHASIS),
    **dict.fromkeys(("del", "s", "strike"), Mark.STRIKE),
    **dict.fromkeys(("code", "kbd", "samp", "tt"), Mark.CODE),
}
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
# What begins a line of its own and holds other blocks.
_CONTAINERS = frozenset(
    (
        *("address", "article", "aside", "body", "caption", "center", "dd", "details", "div", "dl", "dt", "fieldset"),
        *("footer", "form", "header", "hgroup", "li", "main", "menu", "nav", "p", "section", "summary"),
        *("table", "tbody", "td", "tfoot", "th", "thead", "tr"),
    )
)
# What no browser shows as text.
NEVER_TEXT = frozenset(
    (
        *("applet", "base", "canvas", "datalist", "embed", "frame", "frameset", "head", "link", "map", "meta"),
        *("noframes", "object", "param", "progress", "script", "select", "style", "svg", "template", "textarea"),
        "title",
    )
)
# What a whole page has around its content, or beside it.
_AROUND_CONTENT = frozenset(("button", "form", "math", "menu", "nav", "noscript"))
MEDIA = frozenset(("audio", "iframe", "video"))
_KEPT = {
    *_MARKS,
    *_HEADINGS,
    *_CONTAINERS,
    *MEDIA,
    *("a", "blockquote", "br", "figcaption", "figure", "font", "hr", "img", "input", "ol", "pre", "q", "small"),
    *("source", "span", "u", "ul"),
}
_KEPT_ATTRIBUTES = {
    "*": {"style", "class", "hidden", "align", "id"},
    "a": {"href", "name"},
    # The last two are of images in Markdown: their captions, and whether they may stay in a line of text.
    "img": {"src", "alt", "width", "height", CAPTION, IN_LINE},
    "input": {"type", "checked"},
    "ol": {"start"},
    **{name: {"src", "title"} for name in (*MEDIA, "source")},
}
_STYLES = {"display", "font-weight", "font-style", "text-decoration", "text-decoration-line", "text-align", "mso-list"}
_BOLD = re.compile(r"bold|bolder|[6-9]00")
# Word writes items of lists as paragraphs: with a bullet of a symbol font, or a number.
_WORD_BULLET = re.compile(r"\s*(?:[·•§o▪◦–-]|(\d{1,3}|[a-z])[.)])\s+", re.IGNORECASE)
_LANGUAGE_CLASS = re.compile(r"lang(?:uage)?-([\w+#.-]+)")
_TAG = re.compile(r"<(/?)([a-z][a-z0-9]*)", re.IGNORECASE)
# They need no end.
_OPEN_ENDED = frozenset(
    ("br", "dd", "dt", "hr", "img", "input", "li", "link", "meta", "option", "p", "source", "td", "th", "tr", "wbr")
)
# The parser takes a time quadratic in the depth.
_MAX_OPEN = 500
# Deeper lists and quotes become part of those around them.
_MAX_DEPTH = 10
# What leads back from a note, and what leads to the heading it stands beside.
_SIGNS_OF_LINKS = frozenset(("", "#", "¶", "§", "🔗", "↩", "↩︎", "↩\N{VARIATION SELECTOR-16}", "⏎", "↑", "^"))
_NUMBER_OF_NOTE = re.compile(r"\[?(\d{1,4}|[*†‡])\]?")
_Part: TypeAlias = "Run | Block"


def parse(text: str, *, path: str, options: ReadingOptions = DEFAULT_OPTIONS) -> Manuscript:
    """Parse a normalized text, with front matter or without. Raises SourceError if there is no title or no text.

    The first heading of level 1 is the title, else the title of the page.
    """
    front, below = split_front_matter(text, path=path, options=options)
    body = read_html(below, path=path)
    head = _read_head(below)
    title, body = take_title(body, front.title or None)
    body, tags = _take_tags(body, front, head)
    front = replace(
        front,
        author=front.author or head.author or None,
        language=front.language or head.language or None,
        summary=front.summary or head.summary or None,
    )
    title = title or head.title
    return build_manuscript(front, body, title=title, tags=tags, warnings=(), path=path, options=options)


def read_html(text: str, *, path: str = "", is_page: bool = True) -> tuple[Block, ...]:
    """The blocks of HTML, with a heading of level 1 only at their start, if it has one there. Raises SourceError.

    Of a page, only its content is read; what is not a page is all content.
    """
    require_shallow(text, path=path)
    try:
        tree = _tree(text, NEVER_TEXT | _AROUND_CONTENT if is_page else NEVER_TEXT)
        if tree is None:
            return ()
        _keep_ids_that_count(tree)
        blocks = _word_lists(list(_blocks_of(_content(tree) if is_page else tree)))
        return set_large_images_apart(settle_in_page_links(_with_section_levels(blocks)))
    except RecursionError:
        raise _too_deep(path) from None


def require_shallow(text: str, *, path: str = "") -> None:
    """Raises SourceError for HTML whose elements are nested so deeply that parsing it takes long."""
    if _most_open(text) > _MAX_OPEN:
        raise _too_deep(path)


def _too_deep(path: str) -> SourceError:
    return SourceError("nested too deeply: elements inside one another", path=path)


def _most_open(text: str) -> int:
    """How many elements are open at the same time at most, as far as their tags say."""
    depth = most = 0
    for closes, name in _TAG.findall(text):
        if name.lower() not in _OPEN_ENDED:
            depth = max(depth - 1, 0) if closes else depth + 1
            most = max(most, depth)
    return most


def looks_like_html(text: str) -> bool:
    """Whether a text is HTML rather than text that mentions some: it begins with an element, and has blocks."""
    start = text.lstrip()[:200].lower()
    if start.startswith(("<!doctype html", "<html", "<?xml")):
        return True
    return (
        start.startswith("<")
        and re.search(r"</?(?:p|div|h[1-6]|ul|ol|br|table|article|section|span|b|meta)[\s/>]", text, re.I) is not None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    """What the head of a page says."""

    title: str = ""
    author: str = ""
    language: str = ""
    summary: str = ""
    keywords: str = ""


def _read_head(text: str) -> _Head:
    if "<head" not in text.lower() and "<title" not in text.lower():
        return _Head()
    try:
        # As bytes, because a text may not declare an encoding, as XHTML does.
        page = lxml.html.document_fromstring(text.encode(), parser=lxml.html.HTMLParser(encoding="utf-8"))
    except (lxml.etree.LxmlError, ValueError):
        return _Head()
    metas = {str(one.get("name", "")).lower(): str(one.get("content", "")) for one in page.iter("meta")}
    language = str(page.get("lang", ""))
    try:
        language = checked_language(language)
    except ValueError:
        language = ""
    found = next((one.text_content() for one in page.iter("title")), "")
    return _Head(
        title=_line(found),
        author=_line(metas.get("author", "")),
        language=language,
        summary=_line(metas.get("description", "")),
        keywords=_line(metas.get("keywords", "")),
    )


def _line(text: str) -> str:
    return " ".join(normalize_text(text).split())


def _tree(text: str, left_out: frozenset[str]) -> HtmlElement | None:
    """The elements of a text as a browser would read them, without those that are left out."""
    cleaned = nh3.clean(
        text,
        tags=_KEPT - left_out,
        clean_content_tags=set(left_out),
        attributes=_KEPT_ATTRIBUTES,
        filter_style_properties=_STYLES,
        url_schemes={"http", "https", "mailto", "tel"},
        link_rel=None,
        strip_comments=True,
    )
    with suppress(lxml.etree.LxmlError, ValueError):
        tree: HtmlElement = lxml.html.fragment_fromstring(
            cleaned, create_parent="div", parser=lxml.html.HTMLParser(huge_tree=True)
        )
        return tree
    return None


def _keep_ids_that_count(tree: HtmlElement) -> None:
    """Only what a link leads to, and headings, keep their ids."""
    targets = {unquote(str(link.get("href"))[1:]) for link in tree.iter("a") if str(link.get("href")).startswith("#")}
    for element in tree.iter():
        name = element.get("id") or (element.get("name") if element.tag == "a" else None)
        if name is None:
            continue
        anchor = re.sub(r"\s+", "-", name.strip())
        if anchor and (name in targets or element.tag in _HEADINGS):
            element.set("id", anchor)
        elif element.get("id") is not None:
            del element.attrib["id"]


def _content(tree: HtmlElement) -> HtmlElement:
    """The one article of a page, or its main part; else all of it."""
    for name in ("article", "main"):
        found = list(tree.iter(name))
        if len(found) == 1 and len(found[0].text_content()) * 2 > len(tree.text_content()):
            return found[0]
    return tree


def _take_tags(body: tuple[Block, ...], front: FrontMatter, head: _Head) -> tuple[tuple[Block, ...], tuple[Tag, ...]]:
    """The body, and the tags that its last paragraph or else the head of the page lists, unless front matter does."""
    if front.tags is not None:
        return body, ()
    left, tags = take_tag_line(body, len(body) - 1)
    return left, tags or (read_tag_line(f"Tags: {head.keywords}") if head.keywords else ())


def _with_section_levels(blocks: Sequence[Block]) -> tuple[Block, ...]:
    """The headings, of which only the first block may have level 1."""
    return tuple(
        replace(block, level=2) if isinstance(block, Heading) and block.level == 1 and at else block
        for at, block in enumerate(blocks)
    )


@dataclass(frozen=True, slots=True)
class _WordItem:
    """A paragraph that Word shows as an item of a list."""

    is_numbered: bool
    paragraph: Paragraph


@dataclass(frozen=True, slots=True)
class _Style:
    """The formatting that applies to nested text."""

    marks: frozenset[Mark] = frozenset()
    href: str | None = None


@dataclass(frozen=True, slots=True)
class _ImageInLine(Run):
    """An image that may stay in a line of text, whatever its size."""


def _blocks_of(element: HtmlElement, depth: int = 0) -> Iterator[Block]:
    """The blocks in an element."""
    return _as_blocks(_parts(element, _Style(), depth))


def _as_blocks(parts: Iterable[_Part]) -> Iterator[Block]:
    """The parts as blocks: text between two blocks is a paragraph."""
    runs: list[Run] = []
    for part in parts:
        if isinstance(part, Run):
            runs.append(part)
        else:
            yield from _paragraphs(runs)
            runs = []
            yield part
    yield from _paragraphs(runs)


def _parts(element: HtmlElement, style: _Style, depth: int) -> Iterator[_Part]:
    """The text and blocks in an element, in order."""
    if element.text:
        yield Run(_spaced(element.text), style.marks, style.href)
    for child in element:
        if isinstance(child.tag, str):
            yield from _part(child, style, depth)
        if child.tail:
            yield Run(_spaced(child.tail), style.marks, style.href)


def _spaced(text: str) -> str:
    """The text with one space wherever there is white space, as a browser shows it."""
    return " " if text.isspace() and "\N{NO-BREAK SPACE}" not in text else _SPACE.sub(" ", text)


def _part(element: HtmlElement, style: _Style, depth: int) -> Iterator[_Part]:
    if _is_hidden(element):
        return
    anchor = element.get("id")
    if anchor:
        yield Run("", anchor=str(anchor))
    yield from _READERS.get(str(element.tag), _inline)(element, style, depth)


def _inline(element: HtmlElement, style: _Style, depth: int) -> Iterator[_Part]:
    tag = str(element.tag)
    marks = _styled(element, style.marks | ({_MARKS[tag]} if tag in _MARKS else set()))
    yield from _parts(element, _Style(marks, style.href), depth)


def _quotation(element: HtmlElement, style: _Style, depth: int) -> Iterator[_Part]:
    yield Run("“", style.marks, style.href)
    yield from _inline(element, style, depth)
    yield Run("”", style.marks, style.href)


def _link(element: HtmlElement, style: _Style, depth: int) -> Iterator[_Part]:
    """A link and what is in it; a reference to a note is its number."""
    href = _link_of(element)
    if href is not None and href.startswith("#"):
        text = element.text_content().strip()
        if text in _SIGNS_OF_LINKS and next(element.iterdescendants("img"), None) is None:
            return
        number = _NUMBER_OF_NOTE.fullmatch(text)
        if number and (Mark.SUPERSCRIPT in style.marks or next(element.iterdescendants("sup"), None) is not None):
            yield Run(number[1], style.marks - {Mark.SUPERSCRIPT} | {Mark.NOTE}, href)
            return
    yield from _inline(element, _Style(style.marks, href or style.href), depth)


def _line_break(element: HtmlElement, style: _Style, depth: int) -> Iterator[Run]:
    yield Run("\n", style.marks, style.href)


def _divider(element: HtmlElement, style: _Style, depth: int) -> Iterator[Block]:
    yield Divider()


def _quote(element: HtmlElement, style: _Style, depth: int) -> Iterator[Block]:
    inner = tuple(_blocks_of(element, depth + 1))
    yield from ([Quote(inner)] if inner and depth < _MAX_DEPTH else inner)


def _nothing(element: HtmlElement, style: _Style, depth: int) -> Iterator[_Part]:
    yield from ()


def _checkbox(element: HtmlElement, style: _Style, depth: int) -> Iterator[Run]:
    """The box of a task, as a sign that every mail program and network shows."""
    if str(element.get("type", "")).lower() == "checkbox":
        yield Run("☐ " if element.get("checked") is None else "☑ ", style.marks)


def _summary(element: HtmlElement, style: _Style, depth: int) -> Iterator[Block]:
    """The line that opens what is folded up, which is always open here."""
    yield from _strong(_blocks_of(element, depth))


def _strong(blocks: Iterable[Block]) -> Iterator[Block]:
    for block in blocks:
        if isinstance(block, Paragraph):
            yield Paragraph(tuple(replace(run, marks=run.marks | {Mark.STRONG}) for run in block.runs))
        else:
            yield block


def _definitions(element: HtmlElement, style: _Style, depth: int) -> Iterator[Block]:
    """Each term with the beginning of its definition below it, in one paragraph."""
    terms: list[Run] = []
    _wrap_loose_text(element, "dd")
    for child in element.iter("dt", "dd"):
        if child.getparent() is not element and child.getparent().tag != "div":
            continue
        blocks = list(_as_blocks(_part(child, _Style(), depth)))
        if child.tag == "dt":
            strong = _strong(blocks)
            terms += [*([Run("\n")] if terms else []), *(run for block in strong for run in _runs_in(block))]
            continue
        if terms and blocks and isinstance(first := blocks[0], Paragraph):
            blocks[0] = Paragraph((*terms, Run("\n"), *first.runs))
        elif terms:
            blocks.insert(0, Paragraph(tuple(terms)))
        terms = []
        yield from blocks
    if terms:
        yield Paragraph(tuple(terms))


def _media(element: HtmlElement, style: _Style, depth: int) -> Iterator[Block]:
    """A link to a film, a sound or what else is embedded, which no mail plays.

    A frame of an unknown place is one if it says what it is: others are mostly advertisements and trackers.
    """
    sources = (str(one.get("src", "")).strip() for one in (element, *element.iterdescendants("source")))
    src = next((one for one in sources if one), "")
    found = video_page(src) if element.tag == "iframe" else media_file(src)
    title = _line(str(element.get("title", "")))
    if found is not None:
        yield Paragraph((Run(f"▶ {title or found.name}", href=normalizeLink(found.url)),))
    elif src and is_allowed_link(src) and (title or element.tag != "iframe"):
        yield Paragraph((Run(title or src, href=normalizeLink(src)),))


def _container(element: HtmlElement, style: _Style, depth: int) -> Iterator[Block]:
    is_item = element.tag == "p" and "list" in str(element.get("class", "")).lower()
    for block in _blocks_of(element, depth):
        found = _word_item(block) if is_item and isinstance(block, Paragraph) else None
        if found is not None:
            yield List((ListItem((found.paragraph,)),), ordered=found.is_numbered, start=_WORD_LIST)
        else:
            yield block


def _heading(element: HtmlElement, style: _Style, depth: int) -> Iterator[Block]:
    """The heading, and what cannot be in one below it."""
    found = list(_blocks_of(element, depth))
    runs = [run for block in found if isinstance(block, Paragraph | Heading) for run in (*block.runs, Run(" "))]
    tidy = _tidy([replace(run, text=run.text.replace("\n", " ")) for run in runs if run.image is None])
    if tidy:
        yield Heading(_HEADINGS[str(element.tag)], tidy)
    yield from (on_its_own_line(run.image, run.href) for run in runs if run.image)
    yield from (block for block in found if not isinstance(block, Paragraph | Heading))


def _list_of(element: HtmlElement, style: _Style, depth: int) -> Iterator[Block]:
    items: list[ListItem] = []
    _wrap_loose_text(element, "li")
    for child in element:
        if not isinstance(child.tag, str) or _is_hidden(child):
            continue
        blocks = tuple(_as_blocks(_part(child, _Style(), depth + 1)))
        # A list directly in a list, as some editors write it, belongs to the item above it.
        if child.tag in ("ul", "ol") and items:
            items[-1] = ListItem((*items[-1].blocks, *blocks))
        elif blocks or child.tag == "li":
            items.append(ListItem(blocks))
    if depth >= _MAX_DEPTH:
        yield from (block for item in items for block in item.blocks)
    elif items:
        yield List(tuple(items), ordered=element.tag == "ol", start=_start_of(element) if element.tag == "ol" else 1)


def _wrap_loose_text(element: HtmlElement, tag: str) -> None:
    """Text directly in a list, where none may be, becomes an item of its own: browsers show it too."""
    loose = [(0, element.text or ""), *((at, child.tail or "") for at, child in enumerate(element, start=1))]
    for at, text in reversed(loose):
        if text.strip():
            item = element.makeelement(tag)
            item.text = text
            if at:
                element[at - 1].tail = None
            else:
                element.text = None
            element.insert(at, item)


def _figure(element: HtmlElement, style: _Style, depth: int) -> Iterator[Block]:
    # A gallery is a figure of figures, each with its caption.
    captions = (one for one in element.iter("figcaption") if next(one.iterancestors("figure"), None) is element)
    caption = next(captions, None)
    runs = tuple(run for block in _blocks_of(caption) for run in _runs_in(block)) if caption is not None else ()
    if caption is not None:
        caption.getparent().remove(caption)
    blocks = list(_blocks_of(element, depth))
    images = [(at, block) for at, block in enumerate(blocks) if isinstance(block, Image)]
    if len(images) == 1 and runs:
        at, image = images[0]
        text = " ".join("".join(run.text for run in runs).split())
        blocks[at] = replace(image, caption=(Run(text, href=_link_around(image)),))
    elif runs:
        blocks.append(Paragraph(runs))
    yield from blocks


def _link_around(image: Image) -> str | None:
    return next((run.href for run in image.caption if run.href), None)


def _table_of(element: HtmlElement, style: _Style, depth: int) -> Iterator[Block]:
    """The table, or what is in its cells if it only arranges them, as in mails."""
    rows = [[cell for cell in row if cell.tag in ("td", "th")] for row in element.iter("tr")]
    rows = [row for row in rows if row]
    if not _is_data(element, rows):
        yield from _blocks_of(element, depth)
        return
    width = max(map(len, rows))
    cells = [[_cell(cell, depth) for cell in row] + [()] * (width - len(row)) for row in rows]
    found = next(element.iter("caption"), None)
    if found is not None:
        yield from _blocks_of(found, depth)
    alignments = [_alignment(cell) for cell in rows[0]] + [Alignment.LEFT] * (width - len(rows[0]))
    yield Table(tuple(cells[0]), tuple(map(tuple, cells[1:])), tuple(alignments))


def _cell(cell: HtmlElement, depth: int) -> Runs:
    runs = [run for block in _blocks_of(cell, depth) for run in (*_runs_in(block), Run(" "))]
    flat = [replace(run, text=run.text.replace("\n", " ")) for run in runs]
    return _tidy([Run(run.text or run.image.src, href=run.image.src) if run.image else run for run in flat])


# The start of a list that is made of one paragraph of Word, until it is joined with its neighbours.
_WORD_LIST = -1


def _word_item(block: Paragraph) -> _WordItem | None:
    first, *others = block.runs
    found = _WORD_BULLET.match(first.text)
    if found is None:
        return None
    runs = _tidy([replace(first, text=first.text[found.end() :]), *others])
    return _WordItem(is_numbered=found[1] is not None, paragraph=Paragraph(runs)) if runs else None


def _word_lists(blocks: Sequence[Block]) -> list[Block]:
    """The blocks, with neighbouring paragraphs of Word that are items joined to lists."""
    joined: list[Block] = []
    for is_word, group in groupby(
        blocks, key=lambda one: (one.ordered, one.start) if isinstance(one, List) and one.start == _WORD_LIST else None
    ):
        members = list(group)
        if is_word is None:
            joined += members
            continue
        items = tuple(item for member in members if isinstance(member, List) for item in member.items)
        joined.append(List(items, ordered=is_word[0]))
    return [_settled(block) for block in joined]


def _settled(block: Block) -> Block:
    """The block, without lists of Word inside it that have no start yet."""
    match block:
        case Quote(blocks=inner):
            return Quote(tuple(_word_lists(inner)))
        case List(items=items):
            return replace(block, items=tuple(ListItem(tuple(_word_lists(item.blocks))) for item in items))
        case _:
            return block


def _is_hidden(element: HtmlElement) -> bool:
    return element.get("hidden") is not None or _declarations(element).get("display") == "none"


def _declarations(element: HtmlElement) -> Mapping[str, str]:
    pairs = (part.partition(":") for part in str(element.get("style", "")).split(";"))
    return {name.strip().lower(): value.strip().lower() for name, colon, value in pairs if colon}


def _styled(element: HtmlElement, marks: frozenset[Mark]) -> frozenset[Mark]:
    """The marks as the style of the element changes them: word processors write bold text as a style."""
    style = _declarations(element)
    changed = set(marks)
    if weight := style.get("font-weight"):
        (changed.add if _BOLD.search(weight) else changed.discard)(Mark.STRONG)
    if slant := style.get("font-style"):
        (changed.add if slant in ("italic", "oblique") else changed.discard)(Mark.EMPHASIS)
    if "line-through" in style.get("text-decoration", "") + style.get("text-decoration-line", ""):
        changed.add(Mark.STRIKE)
    return frozenset(changed)


def _link_of(element: HtmlElement) -> str | None:
    href = _SPACE.sub(" ", str(element.get("href", ""))).strip()
    if not href.strip("#") or not is_allowed_link(href):
        return None
    return normalizeLink(href)


def _image(element: HtmlElement, style: _Style, depth: int) -> Iterator[Run]:
    src = _SPACE.sub("", str(element.get("src", "")))
    alt = _line(str(element.get("alt", "")))
    if not is_allowed_image(src):
        # Word processors paste pictures as addresses that only they can open.
        yield from [Run(alt, style.marks, style.href)] if alt else []
        return
    size = [
        int(value) if value.isascii() and value.isdigit() and len(value) < 6 else None
        for value in (str(element.get(name, "")) for name in ("width", "height"))
    ]
    if size == [1, 1] or 0 in size:
        return
    caption = _line(str(element.get(CAPTION, "")))
    image = Image(normalizeLink(src), alt, (Run(caption),) if caption else (), width=size[0], height=size[1])
    kind = Run if element.get(IN_LINE) is None else _ImageInLine
    yield kind(alt, style.marks, style.href, image)


def _code(element: HtmlElement, style: _Style, depth: int) -> Iterator[Block]:
    for line_break in list(element.iter("br")):
        line_break.tail = f"\n{line_break.tail or ''}"
    text = element.text_content().removesuffix("\n")
    named = " ".join(str(one.get("class", "")) for one in element.iter())
    language = _LANGUAGE_CLASS.search(named)
    if text.strip():
        yield Code(text, language[1] if language else "")


def _start_of(element: HtmlElement) -> int:
    start = str(element.get("start", ""))
    return int(start) if start.isascii() and start.isdigit() and len(start) < 10 else 1


def _is_data(element: HtmlElement, rows: Sequence[Sequence[HtmlElement]]) -> bool:
    """Whether a table holds data: it has headings of columns or rows, or several of both and only text in its cells."""
    if not rows or next(element.iterdescendants("table", *_HEADINGS), None) is not None:
        return False
    if next(element.iterdescendants("th"), None) is not None:
        return True
    is_grid = len(rows) > 1 and max(map(len, rows)) > 1
    return is_grid and next(element.iterdescendants("ul", "ol", "blockquote", "pre", "hr"), None) is None


def _alignment(cell: HtmlElement) -> Alignment:
    said = str(cell.get("align", "")).lower() or _declarations(cell).get("text-align", "")
    return Alignment(said) if said in set(Alignment) else Alignment.LEFT


def _runs_in(block: Block) -> Iterator[Run]:
    """The text of a block on a line, with its formatting."""
    match block:
        case Paragraph(runs=runs) | Heading(runs=runs):
            yield from runs
        case List(items=items):
            for item in items:
                for inner in item.blocks:
                    yield from _runs_in(inner)
                    yield Run("; ")
        case Quote(blocks=blocks):
            for inner in blocks:
                yield from _runs_in(inner)
        case Code(text=text):
            yield Run(text.replace("\n", " "), frozenset({Mark.CODE}))
        case Image() as image:
            yield Run(image.alt or image.src, href=_link_around(image) or image.src)
        case _:
            pass


def _paragraphs(runs: Sequence[Run]) -> Iterator[Block]:
    """The paragraphs of a text: an empty line begins another one, and large images stand between them."""
    if not _or_nothing(runs):
        return
    if not any(run.text == "\n" for run in runs):
        yield from _split_at_images(runs)
        return
    for is_break, group in groupby(_lines(runs), key=lambda line: not line.runs):
        if is_break:
            continue
        lines = list(group)
        joined = [run for line in lines for run in (line.begun_by, *line.runs)][1:]
        yield from _split_at_images(joined)


@dataclass(frozen=True, slots=True)
class _Line:
    """The runs of a line, none if it is empty, and the line break before it."""

    begun_by: Run
    runs: Sequence[Run]


def _lines(runs: Sequence[Run]) -> Iterator[_Line]:
    begun_by, line = Run("\n"), list[Run]()
    for run in runs:
        if run.image is None and run.text == "\n":
            yield _Line(begun_by, _or_nothing(line))
            begun_by, line = run, []
        else:
            line.append(run)
    yield _Line(begun_by, _or_nothing(line))


def _or_nothing(line: Sequence[Run]) -> Sequence[Run]:
    """The runs, unless there is only white space in them."""
    return line if any(run.text.strip() or run.image or run.anchor for run in line) else ()


def _split_at_images(runs: Sequence[Run]) -> Iterator[Block]:
    """A text with its small images; the others on lines of their own, unless several stand in a row without text."""
    if not any(run.image for run in runs):
        yield from [Paragraph(tidy)] if (tidy := _tidy(runs)) else []
        return
    shown = [run for run in runs if run.image or run.text.strip()]
    has_text = any(run.image is None for run in shown)
    is_row = not has_text and len(shown) > 1

    def is_apart(run: Run) -> bool:
        if run.image is None or isinstance(run, _ImageInLine):
            return False
        is_sized = run.image.width is not None and run.image.height is not None
        has_place = (has_text and run.image.is_small) or (is_row and (run.image.is_small or not is_sized))
        return bool(run.image.caption) or not has_place

    for are_apart, group in groupby(runs, key=is_apart):
        if are_apart:
            yield from (on_its_own_line(_sizeless(run.image), run.href) for run in group if run.image)
        elif tidy := _tidy(list(group)):
            yield Paragraph(tidy)


def _sizeless(image: Image) -> Image:
    """The size in HTML is that on its page, which may be any."""
    return replace(image, width=None, height=None)


def _tidy(runs: Sequence[Run]) -> Runs:
    """The runs, with equal neighbours joined, white space as a browser shows it, and bare URLs as links."""
    joined: list[Run] = []
    is_after_space = True
    for run in runs:
        if run.image is not None:
            joined.append(Run(run.text, run.marks, run.href, _sizeless(run.image), run.anchor))
            is_after_space = False
            continue
        text = _SPACES_AT_BREAK.sub("\n", run.text) if "\n" in run.text else run.text
        if is_after_space:
            text = text.lstrip(" ")
        if text:
            if text[0] == "\n":
                _trim_last(joined)
            is_after_space = text[-1] in " \n"
        elif not run.anchor:
            continue
        last = joined[-1] if joined else None
        if last and last.image is None and not run.anchor and (last.marks, last.href) == (run.marks, run.href):
            joined[-1] = Run(last.text + text, run.marks, run.href, None, last.anchor)
        else:
            joined.append(Run(text, run.marks, run.href, None, run.anchor))
    return linkify(_without_outer_space(joined))


def _trim_last(runs: list[Run]) -> None:
    """Before a line break there is no space."""
    if runs and runs[-1].image is None and runs[-1].text.endswith(" "):
        runs[-1] = replace(runs[-1], text=runs[-1].text.rstrip(" "))


def _without_outer_space(runs: Sequence[Run]) -> list[Run]:
    """The runs without white space at both ends; where only an anchor stands, it stays."""
    begun = _without_first_space(runs, str.lstrip)
    return _without_first_space(begun[::-1], str.rstrip)[::-1]


def _without_first_space(runs: Sequence[Run], strip: Callable[[str], str]) -> list[Run]:
    kept: list[Run] = []
    for at, run in enumerate(runs):
        text = run.text if run.image else strip(run.text)
        if text or run.image:
            return [*kept, run if text == run.text else replace(run, text=text), *runs[at + 1 :]]
        if run.anchor:
            kept.append(replace(run, text=""))
    return kept


_Reader: TypeAlias = "Callable[[HtmlElement, _Style, int], Iterator[_Part]]"
# How each element is read; those that are not here only format the text in them.
_READERS: Mapping[str, _Reader] = {
    **dict.fromkeys((*_CONTAINERS, "figcaption"), _container),
    **dict.fromkeys(_HEADINGS, _heading),
    **dict.fromkeys(MEDIA, _media),
    **dict.fromkeys(("ul", "ol"), _list_of),
    "a": _link,
    "blockquote": _quote,
    "br": _line_break,
    "dl": _definitions,
    "figure": _figure,
    "hr": _divider,
    "img": _image,
    "input": _checkbox,
    "pre": _code,
    "q": _quotation,
    "source": _nothing,
    "summary": _summary,
    "table": _table_of,
}
