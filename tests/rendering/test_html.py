from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from distributor.domain.blocks import (
    Alignment,
    Block,
    Code,
    Divider,
    Heading,
    Image,
    List,
    Mark,
    Quote,
    Run,
    Table,
    links_of,
    plain_text,
)
from distributor.rendering.html import direction_of, html_of
from distributor.rendering.sanitize import resolver_for
from tests.rendering.sample_blocks import WORDS, all_blocks, item, paragraph, run, squashed

ANY_TEXT = st.lists(st.sampled_from(WORDS) | st.text(max_size=8), min_size=1, max_size=4).map(" ".join)


def test_a_text_is_escaped_once() -> None:
    assert html_of([paragraph('<b> & "it" &amp;')]) == '<p>&lt;b&gt; &amp; "it" &amp;amp;</p>'


def test_marks_are_nested_in_one_order() -> None:
    marked = paragraph(run("all", Mark.CODE, Mark.STRIKE, Mark.EMPHASIS, Mark.STRONG))
    assert html_of([marked]) == "<p><strong><em><s><code>all</code></s></em></strong></p>"


def test_adjacent_runs_with_the_same_mark_share_an_element() -> None:
    neighbours = paragraph(run("a ", Mark.STRONG), run("b", Mark.STRONG, Mark.EMPHASIS), run(" c", Mark.EMPHASIS))
    assert html_of([neighbours]) == "<p><strong>a <em>b</em></strong><em> c</em></p>"


def test_runs_with_the_same_target_make_one_link() -> None:
    linked = paragraph(run("very ", href="/a"), run("good", Mark.STRONG, href="/a"), run(" indeed"))
    assert html_of([linked]) == '<p><a href="/a">very <strong>good</strong></a> indeed</p>'


def test_marks_of_print_have_their_elements() -> None:
    marked = paragraph(
        run("H"), run("2", Mark.SUBSCRIPT), run("O "), run("3", Mark.SUPERSCRIPT), run(" new", Mark.HIGHLIGHT)
    )
    assert html_of([marked]) == "<p>H<sub>2</sub>O <sup>3</sup><mark> new</mark></p>"


def test_anchors_are_ids_that_links_lead_to_or_lead_to_the_page() -> None:
    blocks: list[Block] = [
        Heading(2, (Run("End", anchor="end"),)),
        paragraph(run("up", href="#end"), run("1", Mark.NOTE, href="#fn1"), run(" cut", href="#off")),
        List((item(paragraph(Run("A note", anchor="fn1"))),), ordered=True),
    ]
    resolve = resolver_for("https://example.org/articles/a")
    assert html_of(blocks, resolve=resolve, anchor_prefix="a-") == (
        '<h2 id="a-end">End</h2>\n<p><a href="#a-end">up</a><a href="#a-fn1"><sup>1</sup></a>'
        '<a href="https://example.org/articles/a#off"> cut</a></p>\n<ol><li><span id="a-fn1">A note</span></li></ol>'
    )
    assert html_of(blocks[:2], resolve=resolve) == (
        '<h2>End</h2>\n<p><a href="https://example.org/articles/a#end">up</a>'
        '<a href="https://example.org/articles/a#fn1"><sup>1</sup></a>'
        '<a href="https://example.org/articles/a#off"> cut</a></p>'
    )


def test_urls_become_absolute() -> None:
    blocks: list[Block] = [paragraph(run("see", href="../b?x=1&y=2#z")), Image("i.png", "an i")]
    assert html_of(blocks, resolve=resolver_for("https://example.org/articles/a")) == (
        '<p><a href="https://example.org/b?x=1&amp;y=2#z">see</a></p>\n'
        '<p><img src="https://example.org/articles/i.png" alt="an i"/></p>'
    )


@pytest.mark.parametrize("href", ["javascript:alert(1)", " java\nscript:alert(1)", "data:text/html,x", "//[", "\x01"])
def test_a_link_with_an_unsafe_scheme_leaves_its_text(href: str) -> None:
    assert html_of([paragraph(run("go", href=href))], resolve=resolver_for("https://example.org/")) == "<p>go</p>"


def test_an_image_that_cannot_be_loaded_is_replaced_by_its_alternative_text() -> None:
    assert html_of([Image("data:image/png;base64,AAAA", "a <map>")]) == "<p>a &lt;map&gt;</p>"


def test_an_image_always_has_an_alternative_text() -> None:
    assert html_of([Image("/i.png")]) == '<p><img src="/i.png" alt=""/></p>'


def test_a_caption_makes_a_figure() -> None:
    assert html_of([Image("/i.png", "x", (run("by "), run("me", href="/me")))]) == (
        '<figure><p><img src="/i.png" alt="x"/></p><figcaption>by <a href="/me">me</a></figcaption></figure>'
    )


@pytest.mark.parametrize(
    ("width", "height", "sizes"),
    [
        (88, 31, ' width="88" height="31"'),
        (300, 200, ' width="300"'),
        (1600, 900, ' width="520"'),
        (None, None, ""),
    ],
)
def test_an_image_in_a_mail_keeps_its_size_unless_it_is_wider_than_the_text(
    width: int | None, height: int | None, sizes: str
) -> None:
    image = Image("/i.png", "x", width=width, height=height)
    assert html_of([image], mail_width=520) == f'<p><img src="/i.png" alt="x"{sizes}/></p>'


def test_an_image_among_text_stays_there_with_its_link() -> None:
    badge = Run("Award", href="/award", image=Image("/badge.gif", "Award", width=88, height=31))
    assert html_of([paragraph("We won this: ", badge, " in spring.")], styles={"img": "a: b", "p img": "c: d"}) == (
        '<p>We won this: <a href="/award"><img src="/badge.gif" alt="Award" class="inline" width="88" height="31" '
        'style="c: d"/></a> in spring.</p>'
    )


def test_cells_have_a_padding_in_mail_programs_that_ignore_style_sheets() -> None:
    table = Table(((run("Year"),),), (((run("2026"),),),), (Alignment.LEFT,))
    assert '<table cellpadding="8">' in html_of([table], mail_width=520)
    assert "cellpadding" not in html_of([table])


def test_a_newline_in_a_run_is_a_line_break() -> None:
    assert html_of([paragraph("one\ntwo\r\nthree")]) == "<p>one<br/>two<br/>three</p>"


def test_code_keeps_its_spaces_and_line_ends() -> None:
    assert html_of([Code("\nif a < b:\n\treturn  1\n", "python")]) == (
        '<pre><code class="language-python">\nif a &lt; b:\n\treturn  1\n</code></pre>'
    )


def test_a_list_of_lines_has_no_paragraphs() -> None:
    nested = List((item("one", List((item("deep"),))), item("two")), ordered=True, start=3)
    assert html_of([nested]) == '<ol start="3"><li>one\n<ul><li>deep</li></ul></li>\n<li>two</li></ol>'


def test_an_item_of_several_blocks_keeps_its_paragraphs() -> None:
    assert html_of([List((item("one", Code("x")),))]) == "<ul><li><p>one</p>\n<pre><code>x</code></pre></li></ul>"


def test_a_table_names_its_columns_for_screen_readers() -> None:
    table = Table(((run("Year"),), ()), (((run("2026"),), (run("1"),)),), alignments=(Alignment.LEFT, Alignment.RIGHT))
    assert html_of([table]) == (
        '<table><thead><tr><th scope="col">Year</th><td style="text-align:right"></td></tr></thead>'
        '<tbody><tr><td>2026</td><td style="text-align:right">1</td></tr></tbody></table>'
    )


def test_quotes_and_dividers_have_elements_of_their_own() -> None:
    assert html_of([Quote((paragraph("q"),)), Divider()]) == "<blockquote><p>q</p></blockquote>\n<hr/>"


def test_section_headings_have_the_level_given_for_the_page() -> None:
    headings = [Heading(level, (run("h"),)) for level in (2, 3, 6)]
    assert html_of(headings) == "<h2>h</h2>\n<h3>h</h3>\n<h6>h</h6>"
    assert html_of(headings, section_level=3) == "<h3>h</h3>\n<h4>h</h4>\n<h6>h</h6>"


def test_a_style_for_parent_and_tag_takes_precedence_over_one_for_the_tag() -> None:
    styles = {"p": "margin:1em", "blockquote p": "margin:0"}
    assert html_of([paragraph("a"), Quote((paragraph("b"),))], styles=styles) == (
        '<p style="margin:1em">a</p>\n<blockquote><p style="margin:0">b</p></blockquote>'
    )


def test_a_table_is_in_a_div_that_can_scroll_if_there_is_a_style_for_it() -> None:
    table = Table(((run("h"),),), (), (Alignment.LEFT,))
    html = html_of([table], styles={"div": "overflow-x:auto"})
    assert html.startswith('<div style="overflow-x:auto"><table>')
    assert "<div" not in html_of([table], styles={"table": "width:100%"})


@settings(deadline=None, derandomize=True, max_examples=60)
@given(all_blocks(ANY_TEXT))
def test_neither_a_word_nor_a_link_is_lost_and_the_html_is_well_formed(blocks: tuple[Block, ...]) -> None:
    tree = etree.fromstring(f"<article>{html_of(blocks)}</article>")
    followed = [link for link in links_of(blocks) if not link.startswith(("javascript:", "//["))]
    assert squashed(etree.tostring(tree, method="text", encoding="unicode")) == squashed(plain_text(blocks))
    assert list(dict.fromkeys(link.get("href") for link in tree.iter("a"))) == followed


@pytest.mark.parametrize(
    ("language", "direction"),
    [
        ("en", "ltr"),
        ("ar", "rtl"),
        ("he-IL", "rtl"),
        ("AR_eg", "rtl"),
        ("az-Arab", "rtl"),
        ("ar-Latn", "ltr"),
        ("", "ltr"),
    ],
)
def test_the_script_of_a_language_decides_its_direction(language: str, direction: str) -> None:
    assert direction_of(language) == direction
