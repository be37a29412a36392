"""ODT: documents of LibreOffice and its relatives (OpenDocument 1.3, OASIS), converted to HTML.

What was deleted stands in the record of tracked changes, apart from the text; it and remarks reach nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape

from lxml import etree

from distributor.domain.article import Manuscript
from distributor.domain.errors import SourceError
from distributor.sources.documents.archive import SafeArchive
from distributor.sources.documents.converted import (
    TITLE,
    DocumentProperties,
    EmbeddedImages,
    read_converted,
    read_properties,
)
from distributor.sources.reading_options import DEFAULT_OPTIONS, ReadingOptions

# Their namespaces end so (part 3, section 4); OpenDocument has no other elements of these names.
_LEFT_OUT = frozenset(
    (
        *("annotation", "annotation-end", "tracked-changes", "hidden-text", "hidden-paragraph", "sequence-decls"),
        *("forms", "variable-decls", "user-field-decls", "object", "object-ole", "event-listeners"),
    )
)
_QUOTES = frozenset(("Quotations", "Quote"))
_MONOSPACED = frozenset(("Preformatted_20_Text", "Source_20_Text"))


@dataclass(frozen=True, slots=True)
class _Looks:
    """What a style means: the HTML elements of its marks, whether it hides its text, and the named style behind it."""

    marks: tuple[str, ...] = ()
    is_hidden: bool = False
    named: str = ""


def parse_document(data: bytes, *, path: str, options: ReadingOptions = DEFAULT_OPTIONS) -> Manuscript:
    """A manuscript with the images of the document. Raises SourceError if it is damaged, encrypted or without text."""
    archive = SafeArchive(data, path=path)
    archive.require_all()
    if "META-INF/manifest.xml" in archive.sizes:
        manifest = archive.read_xml("META-INF/manifest.xml")
        if next(manifest.iter("{*}encryption-data"), None) is not None:
            raise SourceError("it has a password; save it without one", path=path)
    content = archive.read_xml("content.xml")
    body = next(content.iter("{*}text"), None)
    if body is None or _name(body.getparent()) != "body":
        raise SourceError("it is no text document; save the text as ODT or DOCX", path=path)
    styles = [content, *([archive.read_xml("styles.xml")] if "styles.xml" in archive.sizes else [])]
    converter = _Converter(archive, _looks_of(styles), _numbered_lists(styles))
    try:
        html = "".join(converter.inside(body)) + converter.notes()
    except RecursionError:
        raise SourceError("nested too deeply: sections or lists inside one another", path=path) from None
    properties = _properties(archive) if "meta.xml" in archive.sizes else DocumentProperties()
    return read_converted(html, properties, converter.images, path=path, options=options)


@dataclass(slots=True)
class _Converter:
    """Writes HTML; the images and notes that it comes upon are kept until the end."""

    archive: SafeArchive
    looks: Mapping[str, _Looks]
    numbered: frozenset[tuple[str, int]]
    images: EmbeddedImages = field(default_factory=EmbeddedImages)
    found_notes: list[str] = field(default_factory=list)

    def inside(self, element: etree._Element, *, lists: tuple[str, int] = ("", 0)) -> Iterator[str]:
        """The text and the elements in an element. `lists` are the style and the depth of the list it is in."""
        yield escape(element.text or "")
        for child in element:
            if isinstance(child.tag, str):
                yield from self._element(child, lists)
            yield escape(child.tail or "")

    def notes(self) -> str:
        """The notes, to which their numbers in the text lead."""
        return f"<ol>{''.join(self.found_notes)}</ol>" if self.found_notes else ""

    def _element(self, element: etree._Element, lists: tuple[str, int]) -> Iterator[str]:
        name = _name(element)
        looks = self.looks.get(_attribute(element, "style-name"), _Looks())
        if name in _LEFT_OUT or looks.is_hidden:
            return
        match name:
            case "p":
                yield from self._paragraph(element, looks)
            case "h":
                level = _attribute(element, "outline-level")
                number = min(max(int(level), 1), 6) if level.isdecimal() else 1
                yield from (f"<h{number}>", *self.inside(element), f"</h{number}>")
            case "span":
                yield from self._marked(self.inside(element), looks)
            case "a":
                yield from (f'<a href="{escape(_attribute(element, "href"))}">', *self.inside(element), "</a>")
            case "list":
                yield from self._list(element, lists)
            case "list-item" | "list-header":
                yield from ("<li>", *self.inside(element, lists=lists), "</li>")
            case "table":
                yield from ("<table>", *self.inside(element), "</table>")
            case "table-row":
                tag = "th" if _name(element.getparent()) == "table-header-rows" else "td"
                cells = (f"<{tag}>{''.join(self.inside(cell))}</{tag}>" for cell in element)
                yield from ("<tr>", *cells, "</tr>")
            case "s":
                count = _attribute(element, "c")
                # More are a way to arrange text, which blanks cannot do here.
                yield " " * min(int(count), 100) if count.isdecimal() else " "
            case "tab":
                yield " "
            case "line-break":
                yield "<br>"
            case "note":
                yield from self._note(element)
            case "frame":
                yield from self._frame(element)
            case "bookmark" | "bookmark-start":
                yield f'<a id="{escape(_attribute(element, "name"))}"></a>'
            case _:
                yield from self.inside(element, lists=lists)

    def _paragraph(self, element: etree._Element, looks: _Looks) -> Iterator[str]:
        inner = "".join(self._marked(self.inside(element), looks))
        if looks.named == "Title":
            yield f"<h1{TITLE}>{inner}</h1>"
        elif looks.named in _QUOTES:
            yield f"<blockquote><p>{inner}</p></blockquote>"
        elif looks.named in _MONOSPACED:
            yield f"<pre>{inner}</pre>"
        else:
            yield f"<p>{inner}</p>"

    def _marked(self, inside: Iterator[str], looks: _Looks) -> Iterator[str]:
        yield "".join(f"<{mark}>" for mark in looks.marks)
        yield from inside
        yield "".join(f"</{mark}>" for mark in reversed(looks.marks))

    def _list(self, element: etree._Element, lists: tuple[str, int]) -> Iterator[str]:
        """A list; one inside another has its style if it has none (part 3, section 19.880)."""
        style, depth = _attribute(element, "style-name") or lists[0], lists[1] + 1
        tag = "ol" if (style, depth) in self.numbered else "ul"
        yield from (f"<{tag}>", *self.inside(element, lists=(style, depth)), f"</{tag}>")

    def _note(self, element: etree._Element) -> Iterator[str]:
        body = next(element.iterchildren("{*}note-body"), None)
        if body is None:
            return
        number = len(self.found_notes) + 1
        # Its place is taken before what is in it, which may hold another one.
        self.found_notes.append("")
        self.found_notes[number - 1] = f'<li id="note-{number}">{"".join(self.inside(body))}</li>'
        yield f'<sup><a href="#note-{number}">[{number}]</a></sup>'

    def _frame(self, element: etree._Element) -> Iterator[str]:
        """A picture with its text for those who do not see it, or a box with text."""
        texts = (next(element.iterchildren(f"{{*}}{name}"), None) for name in ("desc", "title"))
        alt = next((one.text for one in texts if one is not None and one.text), "")
        for image in element.iterchildren("{*}image"):
            href = _attribute(image, "href").removeprefix("./")
            if href in self.archive.sizes:
                src = self.images.add(self.archive.read(href), name=alt or href)
                yield f'<img src="{escape(src)}" alt="{escape(alt)}">'
                # Others are the same picture in other formats.
                return
        for child in element.iterchildren("{*}text-box"):
            yield from self.inside(child)


def _looks_of(roots: list[etree._Element]) -> dict[str, _Looks]:
    """The looks of all styles by name. What people choose has a name; an automatic style is based on one."""
    found: dict[str, _Looks] = {}
    for root in roots:
        for style in root.iter("{*}style"):
            name = _attribute(style, "name")
            marks = [mark for properties in style.iter("{*}text-properties") for mark in _marks(properties)]
            is_hidden = any(_attribute(one, "display") == "none" for one in style.iter("{*}text-properties"))
            is_automatic = _name(style.getparent()) == "automatic-styles"
            parent = _attribute(style, "parent-style-name")
            # A heading or a quotation is set in its own way everywhere: only what differs from that is a mark.
            kept = tuple(marks) if is_automatic or _attribute(style, "family") == "text" else ()
            found[name] = _Looks(kept, is_hidden, parent if is_automatic else name)
    return found


def _marks(properties: etree._Element) -> Iterator[str]:
    weight = _attribute(properties, "font-weight")
    if weight == "bold" or weight in ("600", "700", "800", "900"):
        yield "strong"
    if _attribute(properties, "font-style") in ("italic", "oblique"):
        yield "em"
    if _attribute(properties, "text-line-through-style") not in ("", "none"):
        yield "s"
    position = _attribute(properties, "text-position")
    if position.startswith(("super", "sub")):
        yield "sup" if position.startswith("super") else "sub"


def _numbered_lists(roots: list[etree._Element]) -> frozenset[tuple[str, int]]:
    """The styles of lists with the levels at which they have numbers."""
    return frozenset(
        (_attribute(style, "name"), int(level))
        for root in roots
        for style in root.iter("{*}list-style")
        for one in style.iterchildren("{*}list-level-style-number")
        if (level := _attribute(one, "level")).isdecimal() and _attribute(one, "num-format")
    )


def _properties(archive: SafeArchive) -> DocumentProperties:
    """What meta.xml says (part 3, section 4.3). Keywords are elements each."""
    values: dict[str, list[str]] = {}
    for element in archive.read_xml("meta.xml").iter("{*}*"):
        values.setdefault(_name(element), []).append(element.text or "")
    creators = values.get("initial-creator") or values.get("creator", [])
    return read_properties(values | {"creator": creators, "keywords": values.get("keyword", [])})


def _name(element: etree._Element | None) -> str:
    return etree.QName(element).localname if element is not None else ""


def _attribute(element: etree._Element, name: str) -> str:
    """The value of an attribute of this name in whatever namespace; empty without one."""
    return next((str(value) for key, value in element.attrib.items() if str(key).rpartition("}")[2] == name), "")
