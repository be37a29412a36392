"""Documents of Word: everything that readers are to see arrives, and nothing else."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.domain.article import Manuscript
from distributor.domain.blocks import Heading, Image, List, Mark, Paragraph, Quote, Table, links_of, plain_text, text_of
from distributor.domain.errors import SourceError
from distributor.sources.formats import parse_manuscript
from tests.sources.documents.office_files import docx, link, paragraph, picture, run, table
from tests.storage.image_fixtures import a_png


def read(data: bytes, *, name: str = "report.docx") -> Manuscript:
    return parse_manuscript(data, name=name)


def shown(manuscript: Manuscript) -> str:
    return plain_text(manuscript.body)


def test_a_document_arrives_whole_with_its_structure():
    found = read(
        docx(
            paragraph("Über die Gezeiten", style="Title"),
            paragraph("Ebbe und ", run("Flut", "<w:b/>"), " kommen ", run("zweimal", "<w:i/>"), " am Tag."),
            paragraph("Der Mond", style="Heading1"),
            paragraph("Siehe ", link("die Karte", "map"), run(" an"), '<w:r><w:footnoteReference w:id="2"/></w:r>'),
            paragraph("Nah", style="Heading2"),
            paragraph("Erstens", level=0, list_id=2),
            paragraph("darin", level=1, list_id=1),
            paragraph("Zweitens", level=0, list_id=2),
            table(("Ort", "Hub"), ("Büsum", "3,5 m")),
            paragraph("Wer wartet, sieht mehr.", style="Quote"),
            paragraph(picture("coast", "Die Küste")),
            links={"map": "https://example.org/map"},
            images={"coast": a_png(800, 600)},
            footnotes={2: "Nach Springzeit mehr."},
            core="<dc:title>Egal</dc:title><dc:creator>Ida Crane</dc:creator><dc:description>Kurz.</dc:description>"
            "<cp:keywords>Meer, Mond; Küste</cp:keywords><dc:language>de-DE</dc:language>",
        )
    )

    assert (found.title, found.author) == ("Über die Gezeiten", "Ida Crane")
    assert (found.summary, found.language) == ("Kurz.", "de-DE")
    assert [tag.label for tag in found.tags] == ["Meer", "Mond", "Küste"]
    assert [(one.level, text_of(one.runs)) for one in found.body if isinstance(one, Heading)] == [
        (2, "Der Mond"),
        (3, "Nah"),
    ]
    first = found.body[0]
    assert isinstance(first, Paragraph)
    assert {run.text: run.marks for run in first.runs if run.marks} == {
        "Flut": {Mark.STRONG},
        "zweimal": {Mark.EMPHASIS},
    }
    numbered = next(one for one in found.body if isinstance(one, List))
    assert numbered.ordered
    assert [len(item.blocks) for item in numbered.items] == [2, 1]
    grid = next(one for one in found.body if isinstance(one, Table))
    assert [text_of(cell) for cell in (*grid.header, *grid.rows[0])] == ["Ort", "Hub", "Büsum", "3,5 m"]
    assert any(isinstance(one, Quote) for one in found.body)
    assert links_of(found.body)[0] == "https://example.org/map"
    words = re.findall(r"\w+", shown(found))
    assert words == re.findall(
        r"\w+",
        "Ebbe und Flut kommen zweimal am Tag Der Mond Siehe die Karte an Nah Erstens darin Zweitens Ort Hub Büsum "
        "3,5 m Wer wartet, sieht mehr Nach Springzeit mehr",
    )
    assert found.warnings == ()


def test_a_picture_comes_along_with_its_size_and_its_text():
    found = read(docx(paragraph("Text."), paragraph(picture("coast", "The coast")), images={"coast": a_png(640, 480)}))

    image = next(one for one in found.body if isinstance(one, Image))
    assert (image.alt, image.width, image.height) == ("The coast", 640, 480)
    assert [(one.src, one.media_type, one.body) for one in found.media] == [(image.src, "image/png", a_png(640, 480))]


def test_a_picture_that_mails_do_not_show_is_left_out_with_a_note():
    found = read(docx(paragraph("Text."), paragraph(picture("old", "A sketch")), images={"old": b"\xd7\xcd\xc6\x9a.."}))

    assert found.media == ()
    assert any("A sketch" in warning and "left out" in warning for warning in found.warnings)


def test_a_picture_elsewhere_is_not_fetched():
    data = docx(
        paragraph("Text."),
        paragraph(picture("far", "Far", how="link")),
        links={"far": "file:///etc/passwd"},
    )

    assert read(data).media == ()


def test_deleted_hidden_and_commented_text_reaches_nobody():
    found = read(
        docx(
            paragraph(
                "Kept ",
                f"<w:ins>{run('inserted ')}</w:ins>",
                '<w:del><w:r><w:delText xml:space="preserve">deleted </w:delText></w:r></w:del>',
                f"<w:moveFrom>{run('moved ')}</w:moveFrom>",
                run("hidden ", "<w:vanish/>"),
                run("seen ", '<w:vanish w:val="0"/>'),
                '<w:commentRangeStart w:id="1"/>',
                run("text."),
                '<w:commentRangeEnd w:id="1"/><w:r><w:commentReference w:id="1"/></w:r>',
            ),
            more={
                "word/comments.xml": '<w:comments xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
                f'<w:comment w:id="1">{paragraph("never publish this")}</w:comment></w:comments>'
            },
        )
    )

    assert shown(found) == "Kept inserted seen text."


def test_a_formula_is_shown_as_its_characters():
    assert "E=mc²." in shown(
        read(docx(paragraph("So ", "<m:oMath><m:r><m:t>E=mc²</m:t></m:r></m:oMath>", run("."))))
    ).replace(" ", "")


@pytest.mark.parametrize("name", ["a.docm", "a.docx"])
def test_macros_never_run_and_a_note_says_so(name: str):
    found = read(docx(paragraph("Text."), more={"word/vbaProject.bin": b"\xd0\xcf\x11\xe0"}), name=name)

    assert shown(found) == "Text."
    assert any("macros" in warning for warning in found.warnings)


def test_the_first_heading_is_the_title_where_no_style_says_what_is():
    found = read(
        docx(
            paragraph("Tides", style="Heading1"),
            paragraph("Text."),
            paragraph("Moon", style="Heading1"),
            paragraph("Near", style="Heading2"),
            paragraph("More."),
        )
    )

    assert found.title == "Tides"
    assert [one.level for one in found.body if isinstance(one, Heading)] == [2, 3]


def test_without_a_heading_the_properties_name_the_title():
    assert read(docx(paragraph("Text."), core="<dc:title>Tides</dc:title>")).title == "Tides"
    assert read(docx(paragraph("Text."))).title == "Report"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"PK\x03\x04 nothing", "damaged"),
        (docx(paragraph("Text."))[:-40], "damaged"),
        (docx(), "no text"),
        (docx(paragraph("x"), more={"../../evil.xml": "<a/>"}), "leads out of the archive"),
        (docx(paragraph("x"), more={"/etc/evil.xml": "<a/>"}), "leads out of the archive"),
        (docx(paragraph("x"), more={"word/theme.xml": "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"}), "document type"),
        (docx(paragraph("x"), more={"word/theme.xml": "<a>" + "x" * 5_000_000 + "</a>"}), "would become"),
        (docx("<w:p>"), "no valid XML"),
        (docx("<w:p>" * 2_000 + "</w:p>" * 2_000), "no valid XML|too deeply"),
    ],
)
def test_what_is_no_document_or_a_trap_is_refused_with_its_reason(data: bytes, message: str):
    with pytest.raises(SourceError, match=message):
        read(data)


def test_two_megabytes_in_one_line_are_read():
    text = "word " * 400_000
    # Random enough not to look like a bomb.
    varied = " ".join(f"{number * 2654435761 % 4294967296:x}" for number in range(200_000))

    assert len(shown(read(docx(paragraph(varied))))) == len(varied)
    with pytest.raises(SourceError, match="would become"):
        read(docx(paragraph(text)))


_WORDS = st.lists(st.from_regex(r"[A-Za-zäöüß]{1,9}", fullmatch=True), min_size=1, max_size=5).map(" ".join)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(_WORDS, st.sampled_from(["", "Heading1", "Quote", "list", "table", "bold"])), min_size=2))
def test_whatever_a_document_consists_of_no_word_is_lost(parts: list[tuple[str, str]]):
    written = {
        "list": lambda text: paragraph(text, level=0),
        "table": lambda text: table((text, "a"), ("b", "c")),
        "bold": lambda text: paragraph(run(text, "<w:b/>")),
    }
    blocks = [written.get(kind, lambda text, kind=kind: paragraph(text, style=kind))(text) for text, kind in parts]
    found = read(docx(paragraph("Start", style="Title"), *blocks, paragraph("End.")))

    expected = [f"{text} a b c" if kind == "table" else text for text, kind in parts]
    assert re.findall(r"\w+", shown(found)) == re.findall(r"\w+", " ".join([*expected, "End"]))
