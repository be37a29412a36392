"""Documents of LibreOffice: everything that readers are to see arrives, and nothing else."""

from __future__ import annotations

import re

import pytest

from distributor.domain.article import Manuscript
from distributor.domain.blocks import (
    Code,
    Heading,
    Image,
    List,
    Mark,
    Paragraph,
    Quote,
    Table,
    links_of,
    plain_text,
    text_of,
)
from distributor.domain.errors import SourceError
from distributor.sources.formats import document_suffix, parse_manuscript
from tests.sources.documents.office_files import archive, odt
from tests.storage.image_fixtures import a_png

STYLES = """
<style:style style:name="P1" style:family="paragraph" style:parent-style-name="Title"/>
<style:style style:name="P2" style:family="paragraph" style:parent-style-name="Quotations"/>
<style:style style:name="T1" style:family="text"><style:text-properties fo:font-weight="bold"/></style:style>
<style:style style:name="T2" style:family="text"><style:text-properties fo:font-style="italic"/></style:style>
<style:style style:name="T3" style:family="text"><style:text-properties text:display="none"/></style:style>
<text:list-style style:name="L1">
<text:list-level-style-number text:level="1" style:num-format="1"/>
<text:list-level-style-bullet text:level="2" text:bullet-char="-"/>
</text:list-style>
"""


def read(data: bytes) -> Manuscript:
    return parse_manuscript(data, name="report.odt")


def test_a_document_arrives_whole_with_its_structure():
    data = odt(
        """
        <text:p text:style-name="P1">Über die Gezeiten</text:p>
        <text:p>Ebbe<text:s text:c="2"/>und <text:span text:style-name="T1">Flut</text:span> kommen
        <text:span text:style-name="T2">zweimal</text:span> am Tag.</text:p>
        <text:h text:outline-level="1">Der Mond</text:h>
        <text:p>Siehe <text:a xlink:href="https://example.org/map">die Karte</text:a><text:note>
        <text:note-citation>1</text:note-citation>
        <text:note-body><text:p>Nach Springzeit mehr.</text:p></text:note-body>
        </text:note></text:p>
        <text:h text:outline-level="2">Nah</text:h>
        <text:list text:style-name="L1"><text:list-item><text:p>Erstens</text:p>
        <text:list><text:list-item><text:p>darin</text:p>
        </text:list-item></text:list></text:list-item>
        <text:list-item><text:p>Zweitens</text:p></text:list-item></text:list>
        <table:table><table:table-header-rows><table:table-row><table:table-cell><text:p>Ort</text:p></table:table-cell>
        <table:table-cell><text:p>Hub</text:p></table:table-cell></table:table-row></table:table-header-rows>
        <table:table-row><table:table-cell><text:p>Büsum</text:p></table:table-cell>
        <table:table-cell><text:p>3,5 m</text:p></table:table-cell></table:table-row></table:table>
        <text:p text:style-name="P2">Wer wartet,<text:line-break/>sieht mehr.</text:p>
        <text:p text:style-name="Preformatted_20_Text">a = 1</text:p>
        """,
        styles=STYLES,
        meta="<dc:title>Egal</dc:title><meta:initial-creator>Ida Crane</meta:initial-creator>"
        "<dc:creator>Ann</dc:creator><dc:description>Kurz.</dc:description><meta:keyword>Meer</meta:keyword><meta:keyword>Mond</meta:keyword>"
        "<dc:language>de-DE</dc:language>",
        more={
            "styles.xml": archive_styles(),
        },
    )
    found = read(data)

    assert (found.title, found.author) == ("Über die Gezeiten", "Ida Crane")
    assert (found.summary, found.language) == ("Kurz.", "de-DE")
    assert [tag.label for tag in found.tags] == ["Meer", "Mond"]
    headings = [(one.level, text_of(one.runs)) for one in found.body if isinstance(one, Heading)]
    assert headings == [(2, "Der Mond"), (3, "Nah")]
    first = found.body[0]
    assert isinstance(first, Paragraph)
    assert {run.text: run.marks for run in first.runs if run.marks} == {
        "Flut": {Mark.STRONG},
        "zweimal": {Mark.EMPHASIS},
    }
    numbered = next(one for one in found.body if isinstance(one, List))
    inner = numbered.items[0].blocks[1]
    assert numbered.ordered
    assert isinstance(inner, List)
    assert not inner.ordered
    grid = next(one for one in found.body if isinstance(one, Table))
    assert [text_of(cell) for cell in (*grid.header, *grid.rows[0])] == ["Ort", "Hub", "Büsum", "3,5 m"]
    assert any(isinstance(one, Quote) for one in found.body)
    assert any(isinstance(one, Code) for one in found.body)
    assert links_of(found.body)[0] == "https://example.org/map"
    assert re.findall(r"\w+", plain_text(found.body)) == re.findall(
        r"\w+",
        "Ebbe und Flut kommen zweimal am Tag Der Mond Siehe die Karte Nah Erstens darin Zweitens Ort Hub Büsum 3,5 m "
        "Wer wartet sieht mehr a 1 Nach Springzeit mehr",
    )


def archive_styles() -> str:
    """What LibreOffice writes beside: the looks of named styles, which are no marks of single words."""
    return (
        '<office:document-styles xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0" '
        'xmlns:fo="urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0"><office:styles>'
        '<style:style style:name="Preformatted_20_Text" style:family="paragraph"/>'
        '<style:style style:name="Quotations" style:family="paragraph"><style:text-properties fo:font-style="italic"/>'
        "</style:style></office:styles></office:document-styles>"
    )


def test_a_picture_comes_along_with_its_text():
    frame = (
        '<draw:frame><draw:image xlink:href="Pictures/a.png"/><svg:title>T</svg:title><svg:desc>The coast</svg:desc>'
    )
    found = read(
        odt(f"<text:p>Text.</text:p><text:p>{frame}</draw:frame></text:p>", more={"Pictures/a.png": a_png(800, 600)})
    )

    image = next(one for one in found.body if isinstance(one, Image))
    assert (image.alt, image.width) == ("The coast", 800)
    assert [one.src for one in found.media] == [image.src]
    assert plain_text(found.body) == "Text."


def test_deleted_hidden_and_commented_text_reaches_nobody():
    found = read(
        odt(
            """<text:tracked-changes><text:changed-region><text:deletion><text:p>deleted</text:p></text:deletion>
            </text:changed-region></text:tracked-changes><text:p>Kept <text:change-start/>inserted <text:change-end/>
            <text:change/><office:annotation><dc:creator>Ann</dc:creator><text:p>never publish this</text:p>
            </office:annotation><text:span text:style-name="T3">hidden </text:span>text.</text:p>""",
            styles=STYLES,
        )
    )

    assert plain_text(found.body) == "Kept inserted text."


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"PK\x03\x04", "damaged"),
        (odt(""), "no text"),
        (archive({"content.xml": "<a/>"}), "no text document"),
        (odt("<text:p>x</text:p>", more={"../a.xml": "x"}), "leads out of the archive"),
        (
            odt("<text:p>x</text:p>", more={"META-INF/manifest.xml": "<m><encryption-data/></m>"}),
            "password",
        ),
        (
            archive({"content.xml": "<!DOCTYPE a [<!ENTITY b 'xxxx'><!ENTITY c '&b;&b;'>]><a>&c;</a>"}),
            "document type",
        ),
        (archive({"content.xml": b"\xff\xfe" + "<!DOCTYPE a><a/>".encode("utf-16-le")}), "document type"),
        (archive({"content.xml": "<?xml version='1.0' encoding='cp037'?><a/>"}), "encoding cp037"),
        (odt("<text:section>" * 300 + "x" + "</text:section>" * 300), "no valid XML"),
    ],
)
def test_what_is_no_document_or_a_trap_is_refused_with_its_reason(data: bytes, message: str):
    with pytest.raises(SourceError, match=message):
        read(data)


def test_a_document_is_recognized_whatever_it_is_called():
    assert document_suffix(odt("<text:p>x</text:p>")) == ".odt"
