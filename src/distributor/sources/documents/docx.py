"""DOCX: documents of Word and its relatives (ECMA-376, ISO/IEC 29500), converted by mammoth.

What is deleted in tracked changes, hidden text and comments reach nobody; macros are never looked at.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import PurePosixPath
from typing import Any

import mammoth
from lxml import etree

from distributor.domain.article import Manuscript
from distributor.domain.errors import SourceError
from distributor.sources.documents.archive import SafeArchive
from distributor.sources.documents.converted import (
    DocumentProperties,
    EmbeddedImages,
    read_converted,
    read_properties,
)
from distributor.sources.reading_options import DEFAULT_OPTIONS, ReadingOptions

_MAIN, _CORE, _MACROS = "word/document.xml", "docProps/core.xml", "vbaProject.bin"
# Its names of styles are the English ones, whatever the language of Word.
_STYLES = """
p[style-name='Title'] => h1.title:fresh
p[style-name='Subtitle'] => p:fresh
p[style-name='Quote'] => blockquote > p:fresh
p[style-name='Intense Quote'] => blockquote > p:fresh
p[style-name='Quotations'] => blockquote > p:fresh
r[style-name='Emphasis'] => em
r[style-name='Intense Emphasis'] => em
highlight => mark
"""
_OFF = frozenset(("0", "false", "off"))
# What mammoth reports about the looks of a text, which nobody misses.
_ABOUT_LOOKS = ("Unrecognised", "style with ID", "field")


def parse_document(data: bytes, *, path: str, options: ReadingOptions = DEFAULT_OPTIONS) -> Manuscript:
    """A manuscript with the images of the document. Raises SourceError if it is damaged, or holds no text."""
    archive = SafeArchive(data, path=path)
    archive.require_all()
    warnings = []
    if any(PurePosixPath(name).name == _MACROS for name in archive.sizes):
        warnings.append("its macros are left out: they never run here")
    images = EmbeddedImages()
    html, messages = _convert(_cleaned(archive), images, path)
    properties = _properties(archive) if _CORE in archive.sizes else DocumentProperties()
    return read_converted(html, properties, images, warnings=[*warnings, *messages], path=path, options=options)


def _convert(document: BytesIO, images: EmbeddedImages, path: str) -> tuple[str, list[str]]:
    """The document as HTML, and what was left out of it."""

    def take(image: Any) -> dict[str, str]:
        # The parts of a document that the reader of images does not know are no reason to lose the others.
        with image.open() as file:
            src = images.add(file.read(), name=image.alt_text or image.content_type or "without a name")
        return {"src": src}

    try:
        result = mammoth.convert_to_html(
            document,
            style_map=_STYLES,
            convert_image=mammoth.images.img_element(take),
            include_embedded_style_map=False,
            external_file_access=False,
        )
    except RecursionError:
        raise SourceError("nested too deeply: tables or fields inside one another", path=path) from None
    except MemoryError:
        raise
    except Exception as error:
        # mammoth fails in many ways on what is no document.
        reason = f"damaged: it cannot be read as a Word document ({type(error).__name__}: {error})"
        raise SourceError(f"{reason}; open it in Word and save it again", path=path) from None
    messages = {str(one.message) for one in result.messages}
    return str(result.value), sorted(one for one in messages if not any(words in one for words in _ABOUT_LOOKS))


def _cleaned(archive: SafeArchive) -> BytesIO:
    """The document with its texts, lists, styles and images only; without what is not to be seen in it."""
    if _MAIN not in archive.sizes:
        # Another name of the main part is allowed, but only old converters give it one.
        archive.read(_MAIN)
    document = BytesIO()
    with zipfile.ZipFile(document, "w") as written:
        for name in archive.sizes:
            if name.endswith((".xml", ".rels")):
                root = archive.read_xml(name)
                _clean(root)
                written.writestr(name, etree.tostring(root))
            elif name.startswith("word/media/"):
                written.writestr(name, archive.read(name))
    document.seek(0)
    return document


def _clean(root: etree._Element) -> None:
    for run in list(_named(root, "r")):
        if any(_is_on(one) for properties in _named(run, "rPr") for one in _named(properties, "vanish")):
            _remove(run)
    for formula in list(_named(root, "oMath")):
        _write_out(formula)


def _write_out(formula: etree._Element) -> None:
    """A formula as its characters, which is all that mails and posts can show of it."""
    space = etree.QName(formula.getroottree().getroot()).namespace
    run = etree.Element(f"{{{space}}}r")
    text = etree.SubElement(run, f"{{{space}}}t")
    text.text = "".join(one.text or "" for one in _named(formula, "t"))
    parent = formula.getparent()
    if parent is not None:
        parent.replace(formula, run)


def _named(element: etree._Element, name: str) -> Iterator[etree._Element]:
    """The elements of this name below another one, in the namespaces of either edition of the standard."""
    yield from (one for one in element.iter(f"{{*}}{name}") if one is not element)


def _is_on(element: etree._Element) -> bool:
    values = (value for key, value in element.attrib.items() if str(key).endswith("}val"))
    return next(values, "1") not in _OFF


def _remove(element: etree._Element) -> None:
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)


def _properties(archive: SafeArchive) -> DocumentProperties:
    """What docProps/core.xml says (ECMA-376 part 2, section 11)."""
    values: dict[str, list[str]] = {}
    for element in archive.read_xml(_CORE):
        values.setdefault(etree.QName(element).localname, []).append(element.text or "")
    return read_properties(values)
