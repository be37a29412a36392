"""HTML as a format of articles: the content of pages and of what word processors put on the clipboard."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from distributor.domain.blocks import (
    Alignment,
    Block,
    Code,
    Heading,
    Image,
    List,
    ListItem,
    Mark,
    Paragraph,
    Quote,
    Run,
    Table,
    images_of,
    links_of,
    plain_text,
)
from distributor.domain.errors import SourceError
from distributor.domain.tags import Tag
from distributor.sources.decoding import normalize_text
from distributor.sources.formats import parse_manuscript
from distributor.sources.front_matter.keys import FrontMatter
from distributor.sources.html import looks_like_html, read_html
from distributor.sources.markdown import parse_below
from distributor.sources.markdown_writer import write_markdown

STRONG, EMPHASIS = frozenset({Mark.STRONG}), frozenset({Mark.EMPHASIS})


def paragraph(text: str) -> Paragraph:
    return Paragraph((Run(text),))


def test_the_head_of_xhtml_is_read_although_it_declares_an_encoding():
    declaration = '<?xml version="1.0" encoding="UTF-8"?>'
    page = f'{declaration}<html lang="de"><head><title>Ebbe</title></head><body><p>Flut.</p></body></html>'
    found = parse_manuscript(page.encode(), name="chapter.xhtml")
    assert (found.title, found.language) == ("Ebbe", "de")


def test_a_page_becomes_an_article_with_the_title_tags_and_words_about_it():
    page = """<!doctype html><html lang="de-AT"><head><title>The site: a page</title>
    <meta name="author" content="Ada  Writer"><meta name="description" content="What it is about">
    <meta name="keywords" content="water, Harbour news"><style>p { color: red }</style></head>
    <body><nav><a href="/">Home</a></nav><main><article><h1>A page</h1><p>Hello <b>world</b>.</p>
    <script>alert(1)</script><h2>More</h2><p>Text</p></article></main><footer>Imprint</footer></body></html>"""
    found = parse_manuscript(page.encode(), name="a.html")
    assert (found.title, found.author, found.language, found.summary) == (
        "A page",
        "Ada Writer",
        "de-AT",
        "What it is about",
    )
    assert [tag.label for tag in found.tags] == ["water", "Harbour news"]
    assert found.body == (
        Paragraph((Run("Hello "), Run("world", STRONG), Run("."))),
        Heading(2, (Run("More"),)),
        paragraph("Text"),
    )


def test_without_a_heading_the_title_of_the_page_is_that_of_the_article_and_a_last_line_lists_the_tags():
    found = parse_manuscript(b"<title>Tides</title><p>Text</p><p>Tags: sea, moon</p>", name="a.htm")
    assert (found.title, found.tags, found.body) == ("Tides", (Tag("sea"), Tag("moon")), (paragraph("Text"),))


@pytest.mark.parametrize(
    ("html", "blocks"),
    [
        ("one<br>two<br><br>three", (paragraph("one\ntwo"), paragraph("three"))),
        ("<div>a<div>b</div>c</div>", (paragraph("a"), paragraph("b"), paragraph("c"))),
        ("<h1>t</h1><h1>u</h1>", (Heading(1, (Run("t"),)), Heading(2, (Run("u"),)))),
        (
            "<ul><li>a<ol start=3><li>b</ol><ul><li>c</ul></ul>",
            (
                List(
                    (
                        ListItem(
                            (
                                paragraph("a"),
                                List((ListItem((paragraph("b"),)),), True, 3),
                                List((ListItem((paragraph("c"),)),)),
                            )
                        ),
                    )
                ),
            ),
        ),
        (
            "<blockquote><p>a<blockquote>b</blockquote></blockquote>",
            (Quote((paragraph("a"), Quote((paragraph("b"),)))),),
        ),
        ('<pre><code class="language-python">a\n  b</code></pre>', (Code("a\n  b", "python"),)),
        (
            '<figure><img src="/a.png" alt="A"><figcaption>One <b>two</b></figcaption></figure>',
            (Image("/a.png", "A", (Run("One two"),)),),
        ),
        (
            '<p>see <a href="/x"><img src="https://example.org/b.png" alt="B" width=300 height=200></a> there',
            (paragraph("see"), Image("https://example.org/b.png", "B", (Run("B", href="/x"),)), paragraph("there")),
        ),
        (
            "<table><tr><th>a<th align=right>b<tr><td>1<td>2<br>3<tr><td>4</table>",
            (
                Table(
                    ((Run("a"),), (Run("b"),)),
                    (((Run("1"),), (Run("2 3"),)), ((Run("4"),), ())),
                    (Alignment.LEFT, Alignment.RIGHT),
                ),
            ),
        ),
        ("<table><tr><td><table><tr><td><h2>a</h2>b</table></table>", (Heading(2, (Run("a"),)), paragraph("b"))),
        (
            '<b style="font-weight:normal"><p><span style="font-weight:700">a</span> <i>b</i></p></b>',
            (Paragraph((Run("a", STRONG), Run(" "), Run("b", EMPHASIS))),),
        ),
        (
            "<p class=MsoListParagraph>·&nbsp;&nbsp; a</p><p class=MsoListParagraph>·  b</p>"
            '<p class="MsoListParagraph">1. c</p>',
            (
                List((ListItem((paragraph("a"),)), ListItem((paragraph("b"),)))),
                List((ListItem((paragraph("c"),)),), ordered=True),
            ),
        ),
        (
            "<p>go to https://example.org/x.",
            (Paragraph((Run("go to "), Run("https://example.org/x", href="https://example.org/x"), Run("."))),),
        ),
        ("<p hidden>a</p><p style='display: none'>b</p><img src=/x.png width=1 height=1>c", (paragraph("c"),)),
        ("<pre>a<br>b <b>c</b><br></pre>", (Code("a\nb c"),)),
        (
            "<ul>loose<li>a</li>more</ul><dl><dt>t</dt>rest</dl>",
            (
                List(tuple(ListItem((paragraph(text),)) for text in ("loose", "a", "more"))),
                Paragraph((Run("t", STRONG), Run("\n"), Run("rest"))),
            ),
        ),
        (
            '<iframe src="https://a.example/form" title="The form"></iframe><video src="local.mp4"></video>',
            tuple(
                Paragraph((Run(text, href=href),))
                for text, href in (("The form", "https://a.example/form"), ("local.mp4", "local.mp4"))
            ),
        ),
        ("", ()),
        ("<p> </p><ul></ul><table></table>", ()),
    ],
)
def test_elements_become_blocks(html: str, blocks: tuple[Block, ...]):
    assert read_html(normalize_text(html)) == blocks


@pytest.mark.parametrize(
    "html",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<a href='javascript:alert(1)'>x</a>",
        "<a href='java\nscript:alert(1)'>x</a>",
        "<a href=' data:text/html,<script>alert(1)</script>'>x</a>",
        "<img src='data:image/svg+xml,<svg onload=alert(1)>' alt=y>",
        "<svg><a xlink:href='javascript:alert(1)'><text>x</text></a></svg>",
        "<math><mi xlink:href='javascript:alert(1)'>x</mi></math>",
        "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
        "<style><img src=x onerror=alert(1)></style>",
        "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
        "<form action='javascript:alert(1)'><button>x</button></form>",
    ],
)
def test_nothing_that_runs_is_kept(html: str):
    blocks = read_html(f"<p>a</p>{html}<p>b</p>")
    said = plain_text(blocks)
    assert said.startswith("a")
    assert said.endswith("b")
    assert "alert" not in said
    assert not any("script" in href or href.startswith("data") for href in links_of(blocks))
    assert not any(image.src.startswith(("data", "javascript")) for image in images_of(blocks))


def test_what_is_nested_without_end_is_refused_in_words_or_read():
    for element in ("div", "ul><li", "blockquote", "b", "span", "table><tr><td"):
        text = f"<h1>t</h1>{f'<{element}>' * 20_000}text"
        try:
            found = parse_manuscript(text.encode(), name="a.html")
        except SourceError as error:
            assert "nested too deeply" in str(error) or "no text" in str(error), element
        else:
            assert "text" in plain_text(found.body), element


def test_text_about_html_is_not_html():
    assert not looks_like_html("Use <b> and <p> in your page.")
    assert not looks_like_html("<3 to all of you")
    assert looks_like_html("  <p>Hello</p>")
    assert looks_like_html("<!DOCTYPE html>\nHello")


PIECES = st.sampled_from(
    [
        *(
            "<p>",
            "</p>",
            "<b>",
            "</b>",
            "<i>",
            "<ul>",
            "</ul>",
            "<li>",
            "<ol start=2>",
            "</ol>",
            "<br>",
            "<hr>",
            "<h2>",
        ),
        *("</h2>", "<table>", "<tr>", "<td>", "<th>", "</table>", "<blockquote>", "</blockquote>", "<pre>", "</pre>"),
        *(
            "<code>",
            "</code>",
            "<a href='/x'>",
            "</a>",
            "<img src='/y.png' alt='z'>",
            "<figure>",
            "<figcaption>",
            "<s>",
        ),
        *("</figure>", "<span style='font-weight:700'>", "</span>", "<p class=MsoListParagraph>", "&amp;", "&lt;b&gt;"),
        *("Word ", "* ", "_", "[x](y)", "1. ", "# ", "“q”", "·  ", "\n", "\t", "Ü", "<", ">", "&", "`", "~~", "!", "|"),
        *("https://example.org/a_b", "<!--", "-->", "<![CDATA["),
    ]
)


def shown(text: str) -> str:
    return re.sub(r"\s+", "", normalize_text(text))


@settings(max_examples=400, deadline=None)
@given(st.lists(PIECES, max_size=25).map("".join))
@example("<p>a<b>b<table><td>c<td>d<tr><td>|<td>*")
def test_any_html_becomes_markdown_that_says_the_same_and_stays_as_it_is(html: str):
    blocks = read_html(normalize_text(html))
    written = write_markdown(blocks)
    if not plain_text(blocks).strip():
        return
    again = parse_below(FrontMatter(title="-", tags=()), written, path="").body
    assert shown(plain_text(again)) == shown(plain_text(blocks))
    if "https:" not in html:
        assert {*links_of(again)} == {*links_of(blocks)}
    assert write_markdown(again) == written
