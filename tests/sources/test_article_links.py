"""Links between the articles of a source."""

from __future__ import annotations

import pytest

from distributor.domain.blocks import Paragraph, Run, links_of
from distributor.sources.article_links import SourceIndex

INDEX = SourceIndex.of(
    {
        "posts/2024-01-01-hello.md": "hello",
        "posts/soup/index.md": "soup",
        "posts/My Note.md": "my-note",
        "a/same.md": "a-same",
        "b/same.md": "b-same",
        "about.html": "about",
    }
)


@pytest.mark.parametrize(
    ("written", "target"),
    [
        ("2024-01-01-hello.md#deep", "/articles/hello#deep"),
        ("../posts/2024-01-01-hello.md", "/articles/hello"),
        ("./soup/", "/articles/soup"),
        ("soup/index.md", "/articles/soup"),
        ("/posts/soup", "/articles/soup"),
        ("/content/posts/soup.md", "/articles/soup"),
        ("My%20Note.md", "/articles/my-note"),
        ("my%20note.md", "/articles/my-note"),
        ("/_posts/2024-01-01-hello.md", "/articles/hello"),
        ("../a/same.md", "/articles/a-same"),
        ("/about.html", "/articles/about"),
        ("same.md", None),
        ("../drafts/soup.md", None),
        ("gone.md#x", None),
        ("page-of-the-site/", "page-of-the-site/"),
        ("file.pdf", "file.pdf"),
        ("https://a.example/gone.md", "https://a.example/gone.md"),
        ("#gone.md", "#gone.md"),
    ],
)
def test_a_link_to_a_file_leads_to_the_page_of_its_article(written: str, target: str | None) -> None:
    body, notes = INDEX.settle((Paragraph((Run("text", href=written),)),), beside="posts/one.md")
    assert links_of(body) == ([target] if target else [])
    assert [written in note for note in notes] == ([] if target else [True])


def test_a_body_lacks_what_it_names_and_nobody_has() -> None:
    def lacks(href: str) -> bool:
        return INDEX.lacks((Paragraph((Run("text", href=href),)),), beside="posts/one.md")

    assert lacks("later.md")
    assert not lacks("My%20Note.md")
    assert not lacks("later/")
