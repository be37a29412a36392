"""Books: their chapters in order are one article, below the title of the book."""

from __future__ import annotations

import pytest

from distributor.domain.article import Manuscript
from distributor.domain.blocks import Heading, Image, List, Paragraph, Table, links_of, plain_text, text_of
from distributor.domain.errors import SourceError
from distributor.sources.formats import document_suffix, parse_manuscript
from tests.sources.documents.office_files import archive, epub
from tests.storage.image_fixtures import a_png


def read(data: bytes) -> Manuscript:
    return parse_manuscript(data, name="issue.epub")


def test_the_chapters_of_a_book_are_sections_in_reading_order():
    found = read(
        epub(
            {
                "nav.xhtml": "<h1>Contents</h1><ol><li>never shown</li></ol>",
                "1.xhtml": "<h1>Ebbe</h1><p>Das Meer <b>fällt</b> <i>bald</i>.<a href='2.xhtml#far'>Weiter</a></p>"
                "<ul><li>a<ul><li>b</li></ul></li></ul>",
                "2.xhtml": "<h1>Flut</h1><h2 id='far'>Fern</h2><p>Es steigt.<sup><a href='#n1'>1</a></sup></p>"
                "<table><tr><th>Ort</th></tr><tr><td>Büsum</td></tr></table>"
                "<p><img src='../img/a.png' alt='Küste'/></p>"
                "<ol><li id='n1'>Meist.</li></ol>",
                "ads.xhtml": "<p>never shown either</p>",
            },
            metadata="<dc:title>Gezeiten</dc:title><dc:title>Heft 1</dc:title><dc:creator>Ida Crane</dc:creator>"
            "<dc:language>de</dc:language><dc:description>Kurz.</dc:description><dc:subject>Meer</dc:subject>",
            more={"OEBPS/img/a.png": a_png(800, 600)},
            hidden=("ads.xhtml",),
        )
    )

    assert (found.title, found.author, found.language, found.summary) == ("Gezeiten", "Ida Crane", "de", "Kurz.")
    assert [tag.label for tag in found.tags] == ["Meer"]
    headings = [(one.level, text_of(one.runs)) for one in found.body if isinstance(one, Heading)]
    assert headings == [(2, "Ebbe"), (2, "Flut"), (3, "Fern")]
    far = next(run.anchor for one in found.body if isinstance(one, Heading) for run in one.runs if run.anchor)
    assert links_of(found.body)[0] == f"#{far}"
    assert {type(one) for one in found.body} == {Heading, Image, List, Paragraph, Table}
    (image,) = (one for one in found.body if isinstance(one, Image))
    assert (image.alt, image.width) == ("Küste", 800)
    assert [one.src for one in found.media] == [image.src]
    words = " ".join(plain_text(found.body).split())
    assert words == "Ebbe Das Meer fällt bald.Weiter a b Flut Fern Es steigt. Ort Büsum Meist."


def test_a_book_of_one_chapter_has_the_title_that_the_chapter_has():
    assert read(epub({"1.xhtml": "<h1>Tides</h1><p>Text.</p>"})).title == "Tides"
    assert read(epub({"1.xhtml": "<p>Text.</p>"})).title == "Book"


def test_nothing_in_a_chapter_runs_or_is_a_comment():
    chapter = (
        "<h1>T</h1><p onclick='x()'>Text.</p><script>alert(1)</script><!-- hidden --><img src='file:///etc/x' alt=''/>"
    )
    found = read(epub({"1.xhtml": chapter}))

    assert plain_text(found.body) == "Text."
    assert found.media == ()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"PK\x03\x04", "damaged"),
        (epub({}), "no text"),
        (archive({"META-INF/container.xml": "<container/>"}), "no package document"),
        (epub({"1.xhtml": "<p>x</p>"}, more={"../a": "x"}), "leads out of the archive"),
        (
            epub(
                {"1.xhtml": "<p>x</p>"},
                more={"META-INF/encryption.xml": "<e><EncryptionMethod Algorithm='aes256'/></e>"},
            ),
            "protected against copying",
        ),
        (epub({"1.xhtml": "<div>" * 600 + "x" + "</div>" * 600}), "too deeply|no text"),
    ],
)
def test_what_is_no_book_or_a_trap_is_refused_with_its_reason(data: bytes, message: str):
    with pytest.raises(SourceError, match=message):
        read(data)


def test_a_book_is_recognized_whatever_it_is_called():
    assert document_suffix(epub({"1.xhtml": "<p>x</p>"})) == ".epub"
