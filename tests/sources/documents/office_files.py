"""Small documents of office programs, written part by part."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from io import BytesIO

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_SPACES = (
    f'xmlns:w="{W}" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" '
    'xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing" '
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
    'xmlns:pic="http://schemas.openxmlformats.org/drawingml/2006/picture" '
    'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'
)
_TYPES = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def archive(parts: Mapping[str, bytes | str], *, stored: tuple[str, ...] = ()) -> bytes:
    """A ZIP with these entries in their order."""
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as written:
        for name, body in parts.items():
            written.writestr(name, body, zipfile.ZIP_STORED if name in stored else zipfile.ZIP_DEFLATED)
    return file.getvalue()


def run(text: str, properties: str = "") -> str:
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def paragraph(*runs: str, style: str = "", level: int | None = None, list_id: int = 1) -> str:
    numbered = f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{list_id}"/></w:numPr>' if level is not None else ""
    named = f'<w:pStyle w:val="{style}"/>' if style else ""
    inside = "".join(one if one.startswith("<") else run(one) for one in runs)
    return f"<w:p><w:pPr>{named}{numbered}</w:pPr>{inside}</w:p>"


def table(*rows: tuple[str, ...]) -> str:
    cells = ("".join(f"<w:tc>{paragraph(cell)}</w:tc>" for cell in row) for row in rows)
    return f"<w:tbl>{''.join(f'<w:tr>{row}</w:tr>' for row in cells)}</w:tbl>"


def link(text: str, relation: str) -> str:
    return f'<w:hyperlink r:id="{relation}">{run(text)}</w:hyperlink>'


def picture(relation: str, alt: str, *, how: str = "embed") -> str:
    return (
        f'<w:r><w:drawing><wp:inline><wp:docPr id="1" name="p" descr="{alt}"/><a:graphic><a:graphicData>'
        f'<pic:pic><pic:blipFill><a:blip r:{how}="{relation}"/></pic:blipFill></pic:pic>'
        "</a:graphicData></a:graphic></wp:inline></w:drawing></w:r>"
    )


def docx(
    *paragraphs: str,
    core: str = "",
    links: Mapping[str, str] | None = None,
    images: Mapping[str, bytes] | None = None,
    footnotes: Mapping[int, str] | None = None,
    more: Mapping[str, bytes | str] | None = None,
) -> bytes:
    """A Word document. Links and images by the ids of their relations, footnotes by theirs; `more` are other files."""
    relations = [
        f'<Relationship Id="{key}" Type="{_TYPES}/hyperlink" Target="{target}" TargetMode="External"/>'
        for key, target in (links or {}).items()
    ]
    relations += [f'<Relationship Id="{key}" Type="{_TYPES}/image" Target="media/{key}.png"/>' for key in images or {}]
    if footnotes:
        relations.append(f'<Relationship Id="notes" Type="{_TYPES}/footnotes" Target="footnotes.xml"/>')
    packages = "http://schemas.openxmlformats.org/package/2006"
    names = {"Title": "Title", "Heading1": "heading 1", "Heading2": "heading 2", "Quote": "Quote"}
    levels = {1: "bullet", 2: "decimal"}
    parts: dict[str, bytes | str] = {
        "[Content_Types].xml": f'<Types xmlns="{packages}/content-types">'
        '<Default Extension="png" ContentType="image/png"/><Default Extension="xml" ContentType="application/xml"/>'
        "</Types>",
        "_rels/.rels": f'<Relationships xmlns="{packages}/relationships">'
        f'<Relationship Id="d" Type="{_TYPES}/officeDocument" Target="word/document.xml"/></Relationships>',
        "word/_rels/document.xml.rels": f'<Relationships xmlns="{packages}/relationships">'
        f"{''.join(relations)}</Relationships>",
        "word/styles.xml": f"<w:styles {_SPACES}>"
        + "".join(
            f'<w:style w:type="paragraph" w:styleId="{key}"><w:name w:val="{name}"/></w:style>'
            for key, name in names.items()
        )
        + "</w:styles>",
        "word/numbering.xml": f"<w:numbering {_SPACES}>"
        + "".join(
            f'<w:abstractNum w:abstractNumId="{key}">'
            + "".join(f'<w:lvl w:ilvl="{at}"><w:numFmt w:val="{kind}"/></w:lvl>' for at in range(3))
            + f'</w:abstractNum><w:num w:numId="{key}"><w:abstractNumId w:val="{key}"/></w:num>'
            for key, kind in levels.items()
        )
        + "</w:numbering>",
        "word/document.xml": '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
        f"<w:document {_SPACES}><w:body>{''.join(paragraphs)}</w:body></w:document>",
    }
    if footnotes:
        parts["word/footnotes.xml"] = (
            f"<w:footnotes {_SPACES}>"
            + "".join(f'<w:footnote w:id="{key}">{paragraph(text)}</w:footnote>' for key, text in footnotes.items())
            + "</w:footnotes>"
        )
    if core:
        parts["docProps/core.xml"] = (
            f'<cp:coreProperties xmlns:cp="{packages}/metadata/core-properties" '
            f'xmlns:dc="http://purl.org/dc/elements/1.1/">{core}</cp:coreProperties>'
        )
    parts |= {f"word/media/{key}.png": body for key, body in (images or {}).items()}
    return archive(parts | dict(more or {}))


_ODF = "urn:oasis:names:tc:opendocument:xmlns:"
_ODF_SPACES = " ".join(
    (
        *(f'xmlns:{name}="{_ODF}{name}:1.0"' for name in ("office", "text", "style", "table", "meta", "manifest")),
        f'xmlns:draw="{_ODF}drawing:1.0" xmlns:fo="{_ODF}xsl-fo-compatible:1.0" xmlns:svg="{_ODF}svg-compatible:1.0"',
        'xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:dc="http://purl.org/dc/elements/1.1/"',
    )
)


def odt(body: str, *, styles: str = "", meta: str = "", more: Mapping[str, bytes | str] | None = None) -> bytes:
    """A document of LibreOffice with this text and these automatic styles, in XML; `more` are other files."""
    parts: dict[str, bytes | str] = {
        "mimetype": "application/vnd.oasis.opendocument.text",
        "content.xml": f"<office:document-content {_ODF_SPACES}><office:automatic-styles>{styles}"
        f"</office:automatic-styles><office:body><office:text>{body}</office:text></office:body>"
        "</office:document-content>",
        "meta.xml": f"<office:document-meta {_ODF_SPACES}><office:meta>{meta}</office:meta></office:document-meta>",
    }
    return archive(parts | dict(more or {}), stored=("mimetype",))


def epub(
    chapters: Mapping[str, str],
    *,
    metadata: str = "<dc:title>Book</dc:title>",
    more: Mapping[str, bytes | str] | None = None,
    hidden: tuple[str, ...] = (),
) -> bytes:
    """A book with these chapters, by file name, in `text/`; those that are `hidden` stand beside its text."""
    items = "".join(
        f'<item id="c{at}" href="text/{name}" media-type="application/xhtml+xml" '
        f'properties="{"nav" if name.startswith("nav") else ""}"/>'
        for at, name in enumerate(chapters)
    )
    order = "".join(
        f'<itemref idref="c{at}" linear="{"no" if name in hidden else "yes"}"/>' for at, name in enumerate(chapters)
    )
    parts: dict[str, bytes | str] = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
        '<rootfile full-path="OEBPS/book.opf"/></rootfiles></container>',
        "OEBPS/book.opf": '<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<metadata>{metadata}</metadata><manifest>{items}</manifest><spine>{order}</spine></package>",
    }
    parts |= {
        f"OEBPS/text/{name}": '<?xml version="1.0" encoding="UTF-8"?><!DOCTYPE html>'
        f'<html xmlns="http://www.w3.org/1999/xhtml"><head><title>{name}</title></head><body>{body}</body></html>'
        for name, body in chapters.items()
    }
    return archive(parts | dict(more or {}), stored=("mimetype",))
