"""PDF: its text arrives in paragraphs, without what pages repeat; what holds no text says what to do."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import pytest
from pypdf import PdfReader, PdfWriter

from distributor.domain.article import Manuscript
from distributor.domain.blocks import Heading, List, plain_text, text_of
from distributor.domain.errors import SourceError
from distributor.sources.formats import document_suffix, parse_manuscript

# Text, size and height on the page.
Line = tuple[str, int, int]


def pdf(*pages: Sequence[Line], info: str = "") -> bytes:
    """A PDF with these lines, in Helvetica and the encoding of Windows."""
    streams = [
        b"BT\n"
        + b"".join(f"/F1 {size} Tf 1 0 0 1 72 {y} Tm ({text}) Tj\n".encode("cp1252") for text, size, y in page)
        + b"ET"
        for page in pages
    ]
    count = len(pages)
    kids = " ".join(f"{4 + 2 * at} 0 R" for at in range(count))
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Kids[{kids}]/Count {count}>>".encode(),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
    ]
    for at, stream in enumerate(streams):
        objects.append(
            f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F1 3 0 R>>>>"
            f"/Contents {5 + 2 * at} 0 R>>".encode()
        )
        objects.append(b"<</Length %d>>\nstream\n%s\nendstream" % (len(stream), stream))
    objects.append(f"<<{info}>>".encode())
    file, places = bytearray(b"%PDF-1.7\n"), []
    for number, body in enumerate(objects, start=1):
        places.append(len(file))
        file += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(file)
    file += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    file += b"".join(b"%010d 00000 n \n" % place for place in places)
    size, last = len(objects) + 1, len(objects)
    file += b"trailer\n<</Size %d/Root 1 0 R/Info %d 0 R>>\nstartxref\n%d\n%%%%EOF" % (size, last, start)
    return bytes(file)


def read(data: bytes) -> Manuscript:
    return parse_manuscript(data, name="report.pdf")


def page(number: int, *lines: Line) -> list[Line]:
    """A page with a running head and its number."""
    return [("The Tide Report 2026", 9, 810), *lines, (f"Page {number} of 3", 9, 30)]


REPORT = pdf(
    page(
        1,
        ("Über die Gezeiten", 24, 760),
        ("an der Küste", 24, 732),
        ("Die Flut kommt zweimal am Tag und steigt an manchen Stellen bis zu sie-", 11, 700),
        ("ben Meter hoch, was man bei Hoch-Wasser an den Mauern der Hafenstadt", 11, 687),
        ("sieht.", 11, 674),
        ("Der Mond", 16, 640),
        ("Er zieht das Meer zu sich, und wo er steht, da steht auch das Hoch-", 11, 610),
        ("wasser, das die Fischer seit vielen hundert Jahren kennen und das ihre", 11, 597),
    ),
    page(
        2,
        ("Fahrten bestimmt.", 11, 760),
        ("Es gibt:", 11, 730),
        ("• Ebbe", 11, 717),
        ("• Flut", 11, 704),
    ),
    page(3, ("Am Ende bleibt der Schlick, in dem die Kinder laufen.", 11, 760)),
    info="/Author(Ida Crane)/Keywords(Meer, Mond)/Title(report_final.indd)",
)


def test_the_text_arrives_in_paragraphs_without_what_pages_repeat():
    found = read(REPORT)

    assert (found.title, found.author) == ("Über die Gezeiten an der Küste", "Ida Crane")
    assert [tag.label for tag in found.tags] == ["Meer", "Mond"]
    assert [text_of(one.runs) for one in found.body if isinstance(one, Heading)] == ["Der Mond"]
    (bullets,) = (one for one in found.body if isinstance(one, List))
    assert len(bullets.items) == 2
    text = plain_text(found.body)
    assert "bis zu sieben Meter hoch" in text
    assert "das ihre Fahrten bestimmt." in text
    assert "Tide Report" not in text
    assert "Page" not in text
    assert any("only its text" in warning for warning in found.warnings)


def test_a_word_that_is_written_with_a_hyphen_elsewhere_keeps_it():
    data = pdf(
        [
            ("A Title", 20, 760),
            ("This is a well-known way of life, and whoever lives in it says it is well-", 11, 700),
            ("known everywhere.", 11, 687),
        ]
    )

    assert plain_text(read(data).body).endswith("it is well-known everywhere.")


def test_the_number_of_a_single_page_is_left_out_and_other_numbers_stay():
    lines = [("A Title", 20, 760), ("It happened in the year", 11, 700), ("2026", 11, 687)]

    assert plain_text(read(pdf([*lines, ("- 1 -", 9, 30)])).body).split()[-1] == "2026"


def encrypted(password: str) -> bytes:
    writer, file = PdfWriter(clone_from=PdfReader(BytesIO(REPORT))), BytesIO()
    writer.encrypt(user_password=password, owner_password="owner")
    writer.write(file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"%PDF-1.7", "damaged"),
        (b"%PDF-1.7\n" + b"\0" * 500, "damaged"),
        (REPORT[:200], "damaged"),
        (pdf([]), r"only pictures of pages.*OCR"),
        (pdf(*[[("x", 9, 9)]] * 201), "201 pages, more than 200"),
        (encrypted("secret"), "password"),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_to_do(data: bytes, message: str):
    with pytest.raises(SourceError, match=message):
        read(data)


def test_a_password_for_changes_alone_does_not_matter():
    assert read(encrypted("")).title == "Über die Gezeiten an der Küste"


def test_a_pdf_is_recognized_whatever_it_is_called():
    assert document_suffix(REPORT) == ".pdf"
