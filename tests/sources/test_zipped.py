"""A ZIP of articles: each file is one, with its images; what is bad in it stays out and stops nothing."""

from __future__ import annotations

import stat
import zipfile
from io import BytesIO

import pytest

from distributor.domain.article import Manuscript
from distributor.domain.blocks import images_of
from distributor.domain.errors import SourceError
from distributor.sources.items import SourceItem
from distributor.sources.zipped import holds_articles, read_archive
from tests.sources.documents.office_files import archive, docx, paragraph
from tests.storage.image_fixtures import a_png


def manuscripts(data: bytes) -> dict[str, Manuscript]:
    found = {one.ref: one for one in read_archive(data, path="a.zip")}
    return {path: one.manuscript for path, one in found.items() if isinstance(one, SourceItem) and one.manuscript}


def reasons(data: bytes) -> dict[str, str]:
    found = list(read_archive(data, path="a.zip"))
    return {one.ref: str(one.error) for one in found if not isinstance(one, SourceItem)}


def test_each_file_is_an_article_with_the_images_beside_it():
    found = manuscripts(
        archive(
            {
                "issue/tides.md": "# Tides\n\nText.\n\n![The coast](img/the%20coast.png)\n\n![Site](/logo.png)",
                "issue/moon.html": "<h1>Moon</h1><p>Text.</p><img src='../shared/a.png' alt='A'>",
                "issue/report.docx": docx(paragraph("Report", style="Title"), paragraph("Text.")),
                "issue/img/the coast.png": a_png(800, 600),
                "issue/static/logo.png": a_png(40, 20),
                "shared/a.png": a_png(300, 300),
                "__MACOSX/issue/._tides.md": "x",
                "issue/.hidden.md": "# Hidden\n\nx",
                "issue/notes.xlsx": "x",
            }
        )
    )

    assert {path: one.title for path, one in found.items()} == {
        "issue/moon.html": "Moon",
        "issue/report.docx": "Report",
        "issue/tides.md": "Tides",
    }
    tides = found["issue/tides.md"]
    assert [(image.alt, image.width) for image in images_of(tides.body)] == [("The coast", 800), ("Site", 40)]
    assert [one.body for one in tides.media] == [a_png(800, 600), a_png(40, 20)]
    assert {image.src for image in images_of(tides.body)} == {one.src for one in tides.media}
    assert len(found["issue/moon.html"].media) == 1


def test_an_image_that_is_not_there_is_a_warning():
    (found,) = manuscripts(archive({"a.md": "# A\n\n![x](../../etc/passwd)"})).values()

    assert found.media == ()
    assert any("not in the archive" in warning for warning in found.warnings)


def test_a_bad_file_does_not_stop_the_others():
    data = archive(
        {
            "a.md": "# A\n\nText.",
            "b.md": "---\ntitle: [\n---\ntext",
            "c.docx": b"PK no document",
            "d.zip": archive({"e.md": "# E\n\nText."}),
            "../f.md": "# F\n\nText.",
            "/g.md": "# G\n\nText.",
            "..\\h.md": "# H\n\nText.",
            "i.md": "# I\n\n" + "x" * 3_000_000,
        }
    )

    assert list(manuscripts(data)) == ["a.md"]
    found = reasons(data)
    assert set(found) == {"b.md", "c.docx", "d.zip", "../f.md", "/g.md", "..\\h.md", "i.md"}
    assert "damaged" in found["c.docx"]
    assert "not opened" in found["d.zip"]
    assert all("leads out of the archive" in found[name] for name in ("../f.md", "/g.md", "..\\h.md"))
    assert "would become" in found["i.md"]


def test_a_symbolic_link_is_not_followed():
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as written:
        link = zipfile.ZipInfo("link.md")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        written.writestr(link, "/etc/passwd")
        written.writestr("a.md", "# A\n\nText.")

    assert "symbolic link" in reasons(file.getvalue())["link.md"]
    assert list(manuscripts(file.getvalue())) == ["a.md"]


def test_two_files_of_one_name_are_not_both_read():
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as written:
        written.writestr("a.md", "# A\n\nText.")
        with pytest.warns(UserWarning, match="Duplicate"):
            written.writestr("a.md", "# B\n\nText.")

    assert [one.title for one in manuscripts(file.getvalue()).values()] == ["A"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"PK\x03\x04", "damaged"),
        (archive({"a.xlsx": "x"}), "no file in it"),
        (archive({}), "no file in it"),
        (archive({f"{number}.md": "x" for number in range(2_001)}), "more than 2000"),
        (archive({f"{number}.md": bytes(30_000_000) for number in range(4)}), "114 MB unpacked"),
        (bytes(20 * 2**20 + 1), "larger than 20 MB"),
    ],
)
def test_what_is_no_archive_or_a_bomb_is_refused_with_its_reason(data: bytes, message: str):
    with pytest.raises(SourceError, match=message):
        list(read_archive(data, path="a.zip"))


def test_a_size_that_lies_is_found_out():
    data = bytearray(archive({"a.md": "# A\n\n" + "text " * 1000}))
    # The size after unpacking in the central directory (APPNOTE 4.3.12).
    at = data.rindex(b"PK\x01\x02") + 24
    data[at : at + 4] = (10).to_bytes(4, "little")

    assert "damaged" in reasons(bytes(data))["a.md"]


def test_a_document_is_no_archive_of_articles():
    assert holds_articles(archive({"a.md": "# A"}))
    assert not holds_articles(docx(paragraph("x")))
