"""What is pasted and uploaded is judged by its content."""

from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from distributor.domain.blocks import Heading, Paragraph, Run, plain_text
from distributor.domain.errors import SourceError
from distributor.sources.formats import read_manuscript
from distributor.sources.front_matter.keys import FrontMatter
from distributor.sources.markdown import parse_below
from distributor.sources.markdown_writer import write_markdown
from distributor.sources.pasted import HTML, MARKDOWN, PLAIN, format_of, read_pasted, read_uploaded
from tests.paths import SHARED

ARTICLES = sorted((SHARED / "articles").glob("*.txt"))


@pytest.mark.parametrize(
    ("text", "suffix"),
    [
        ("A title\n\nText with 2 * 3 and a - dash.\n\n- one\n- two\n\n1. a\n2. b", PLAIN),
        ("A title\n\n* one\n* two\n\n---\n\nText_with_underscores and [brackets] and **", PLAIN),
        ("# A title\n\nText", MARKDOWN),
        ("Title\n\nSee [the page](https://example.org).", MARKDOWN),
        ("Title\n\nThis is **important**.", MARKDOWN),
        ("---\ntitle: x\n---\nText", MARKDOWN),
        ("Title\n\n| a | b |\n| --- | --- |\n| 1 | 2 |", MARKDOWN),
        ("<p>Text</p>", HTML),
        ("<!doctype html><title>x</title>", HTML),
        ("Use <b> for bold.", PLAIN),
    ],
)
def test_the_format_is_that_of_the_content(text: str, suffix: str):
    assert format_of(text) == suffix


def test_a_pasted_text_without_a_title_or_without_more_than_one_keeps_all_of_its_text():
    found = read_pasted("Some **text** only.\n\nAnd more.")
    assert (found.title, plain_text(found.body)) == ("", "Some text only.\nAnd more.")
    found = read_pasted("One line")
    assert (found.title, plain_text(found.body)) == ("", "One line")
    found = read_pasted("<p>Hello <b>you</b></p>")
    assert (found.title, plain_text(found.body)) == ("", "Hello you")


def test_an_uploaded_file_is_read_by_its_content_and_its_name_decides_the_rest():
    as_markdown = read_uploaded(b"Title\n\ntext *so*", name="a.txt")
    assert as_markdown.body == (Paragraph((Run("text *so*"),)),)
    assert read_uploaded(b"# Title\n\n*so*", name="a.md").body[0] != Paragraph((Run("*so*"),))
    assert read_uploaded(b"# Title\n\n## Part\n\ntext", name="notes").body[0] == Heading(2, (Run("Part"),))
    assert read_uploaded(b"<h1>Title</h1><p>text</p>", name="a.txt").title == "Title"
    assert read_uploaded(b"Title\n\ntext", name="a.html").title == "Title"


def office_document() -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("word/document.xml", "<w:document/>")
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "name", "message"),
    [
        (office_document(), "a.docx", "damaged"),
        (office_document(), "a.md", "damaged"),
        (b"PK\x03\x04 ...", "a.docx", "archive or a document of another kind"),
        (b"\xd0\xcf\x11\xe0 ...", "a.doc", "without a password"),
        (b"%PDF-1.7 ...", "a.txt", "damaged"),
        (b"\x89PNG\r\n\x1a\n" + bytes(30), "a.txt", "an image"),
        (b"GIF89a<script>alert(1)</script>", "a.html", "an image"),
        (b"\0\1\2\3", "a.md", "NUL"),
        (b"", "a.md", "empty"),
        (b"only a title", "a.txt", "no text besides the title"),
        (b"x" * (5 * 1024 * 1024 + 1), "a.txt", "larger than 5 MB"),
    ],
)
def test_a_file_that_is_no_article_is_refused_with_what_it_is(data: bytes, name: str, message: str):
    with pytest.raises(SourceError, match=message):
        read_uploaded(data, name=name)


@pytest.mark.skipif(not ARTICLES, reason="the acceptance articles are not beside this repository")
@pytest.mark.parametrize("path", ARTICLES, ids=lambda path: path.name)
def test_the_acceptance_article_pasted_has_the_blocks_of_its_file(path: Path):
    of_file, pasted = read_manuscript(path), read_pasted(path.read_text(encoding="utf-8"))
    assert (pasted.title, pasted.tags, pasted.body) == (of_file.title, of_file.tags, of_file.body)
    front = FrontMatter(title=pasted.title, tags=pasted.tags)
    assert parse_below(front, write_markdown(pasted.body), path="").body == of_file.body
    with_windows_ends = path.read_text(encoding="utf-8").replace("\n", "\r\n")
    assert read_pasted(with_windows_ends).body == of_file.body
