from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.domain.article import Manuscript
from distributor.domain.blocks import (
    Code,
    Image,
    List,
    ListItem,
    Mark,
    Paragraph,
    Run,
    Table,
    links_of,
    plain_text,
    walk,
)
from distributor.domain.errors import SourceError
from distributor.sources import markdown
from distributor.sources.formats import parse_manuscript

from .outline import outline_of_blocks
from .words import words_in, words_of


def parse(text: str) -> Manuscript:
    return parse_manuscript(text.encode(), name="a.md")


def outline(body: str) -> list[str]:
    return list(outline_of_blocks(parse(f"# Title\n\n{body}").body))


def test_a_first_heading_is_the_title_and_not_in_the_body() -> None:
    manuscript = parse("# The *Title*\n\nText.")

    assert manuscript.title == "The Title"
    assert outline("Text.") == ["p Text."]


def test_the_title_of_front_matter_takes_precedence() -> None:
    manuscript = parse("---\ntitle: Mine\n---\n# Theirs\n\nText.")

    assert manuscript.title == "Mine"
    assert list(outline_of_blocks(manuscript.body)) == ["h2 Theirs", "p Text."]


def test_a_first_heading_that_repeats_the_title_is_left_out() -> None:
    assert list(outline_of_blocks(parse("---\ntitle: Mine\n---\n# mine\n\nText.").body)) == ["p Text."]


def test_later_headings_begin_with_level_two() -> None:
    assert outline("# One\n\n## Two\n\n###### Six\n\nUnder\n=====") == ["h2 One", "h2 Two", "h6 Six", "h2 Under"]


@pytest.mark.parametrize(
    ("text", "reason"), [("Text.", "there is no title"), ("# T", "there is no text besides the title")]
)
def test_a_text_without_title_or_body_is_refused(text: str, reason: str) -> None:
    with pytest.raises(SourceError, match=reason):
        markdown.parse(text, path="")


def test_the_first_heading_of_any_level_is_the_title_of_a_text_that_has_none() -> None:
    manuscript = parse("## Two\n\nText.\n\n## Next\n\nMore.")
    assert manuscript.title == "Two"
    assert list(outline_of_blocks(manuscript.body)) == ["p Text.", "h2 Next", "p More."]
    below = parse("Text.\n\n## Below\n\nMore.")
    assert below.title == "Below"
    assert list(outline_of_blocks(below.body)) == ["p Text.", "h2 Below", "p More."]


def test_the_name_of_the_file_is_the_title_of_a_text_without_headings() -> None:
    assert markdown.parse("Text.", path="a/2026-05-04-the-rope_walk.md").title == "The rope walk"


def test_marks_are_nested() -> None:
    assert outline("a **b *c ~~d `e`~~***") == [
        "p a [strong: b ][emphasis strong: c ][emphasis strike strong: d ][code emphasis strike strong: e]"
    ]


def test_a_soft_line_break_is_a_space_and_a_hard_one_stays() -> None:
    assert outline("one\ntwo\\\nthree  \nfour") == ["p one two⏎three⏎four"]


@pytest.mark.parametrize(
    ("html", "blocks"),
    [
        ("<b>bold</b> *<u>under</u>*", ["p [strong: bold] [emphasis: under]"]),
        ("a <!-- note --> b<script>alert(1)</script><style>p { color: red }</style> c", ["p a b c"]),
        ("<div>\ntext *as it is*\n\n**more**\n\n</div>", ["p text *as it is*", "p [strong: more]"]),
        ('<a href="x">y</a> <a href="javascript:alert(1)">z</a>', ["p [y → x] z"]),
        ("H<sub>2</sub>O, 2<sup>nd</sup>, <mark>new</mark>, <kbd>Ctrl</kbd>", [
            "p H[subscript: 2]O, 2[superscript: nd], [highlight: new], [code: Ctrl]"
        ]),
        ("one<br>two<br/>\nthree", ["p one⏎two⏎three"]),
        ('<img src="i.png" alt="An i" onerror="alert(1)">', ["image i.png (An i)"]),
        ('<figure>\n  <img src="i.png" alt="An i">\n  <figcaption>The <i>i</i></figcaption>\n</figure>', [
            "image i.png (An i) The i"
        ]),
        ("<figure>\n\n![An i](i.png)\n\n<figcaption>\n\nThe *i*\n\n</figcaption></figure>", [
            "image i.png (An i) The i"
        ]),
        ('<p align="center">\n<a href="/ci"><img src="b.svg" alt="CI"></a>\n<img src="c.svg" alt="C">\n</p>', [
            "p (b.svg: CI → /ci) (c.svg: C)"
        ]),
        ("<details>\n<summary>More</summary>\n\n- a\n\n</details>", ["p [strong: More]", "*", "    p a"]),
        ("<dl><dt>A<dt>B<dd>first<dd>second</dl>", ["p [strong: A]⏎[strong: B]⏎first", "p second"]),
        ("<table><tr><th>a</th></tr><tr><td>\n\n**b**\n\n</td></tr></table>", [
            "table left", "    a", "    [strong: b]"
        ]),
        ('<iframe src="https://www.youtube.com/embed/x-1?rel=0" title="How to"></iframe>', [
            "p [▶ How to → https://www.youtube.com/watch?v=x-1]"
        ]),
        ('<iframe src="https://player.vimeo.com/video/12"></iframe> <iframe src="https://b.example/"></iframe>', [
            "p [▶ Vimeo → https://vimeo.com/12]"
        ]),
        ('<video controls><source src="https://a.example/v/tour.mp4">no video</video>', [
            "p [▶ tour.mp4 → https://a.example/v/tour.mp4]"
        ]),
        ("<my-element><custom x=1>kept</custom></my-element>", ["p kept"]),
        ("<button>Press</button> <nav>A</nav> <form>B</form>", ["p Press", "p A", "p B"]),
        ("<input type=checkbox checked> done", ["p ☑ done"]),
    ],
)  # fmt: skip
def test_html_becomes_blocks_like_the_markdown_around_it(html: str, blocks: list[str]) -> None:
    assert outline(f"{html}\n\nLast.") == [*blocks, "p Last."]


def test_what_only_looks_like_a_tag_is_text() -> None:
    assert outline("git clone <url> and Vec<T>, a <script> tag, a <title>, 1 < 2") == [
        "p git clone <url> and Vec<T>, a <script> tag, a <title>, 1 < 2"
    ]


@pytest.mark.parametrize("text", ["<script>\nalert(1)\n\nText", "Text\n\n<!-- a comment\n\nText"])
def test_what_would_hide_the_rest_of_a_text_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(SourceError, match=r"^a\.md:[35]: .* has no end: close it"):
        parse(f"# T\n\n{text}")


@pytest.mark.parametrize(
    "comment",
    [
        "<!-- ask\n\nthe lawyer -->", "{/* ask the lawyer */}", "{{/* ask the lawyer */}}", "%%ask the lawyer%%",
        "{{< comment >}}ask\n\nthe lawyer{{< /comment >}}", "{% comment %}\nask\n\nthe lawyer\n{% endcomment %}",
        "{%- # ask the lawyer -%}", "{# ask the lawyer #}", "[//]: # (ask (the) lawyer)", "<!--ask the lawyer--->",
    ],
)  # fmt: skip
@pytest.mark.parametrize("before", ["", "Text ", "- item\n\n    ", "> "])
def test_a_comment_reaches_nobody(comment: str, before: str) -> None:
    if comment.startswith("[") and before == "Text ":
        return
    manuscript = parse(f"# T\n\nFirst.\n\n{before}{comment}\n\nLast.")
    assert not {"ask", "lawyer", "comment", "endcomment"} & words_of(manuscript).keys()
    assert {"First", "Last"} <= words_of(manuscript).keys()


@pytest.mark.parametrize("code", ["`{}`", "```\n{}\n```", "    {}", "~~~~\n~~~\n{}\n~~~~"])
def test_a_comment_in_code_is_code(code: str) -> None:
    comment = "<!-- a --> {/* b */} {% comment %} c {% endcomment %} %%d%%"
    assert comment in plain_text(parse(f"# T\n\nFirst.\n\n{code.format(comment)}\n\nLast.").body)


@pytest.mark.parametrize(
    "target",
    ["javascript:alert(1)", "JaVaScRiPt:alert(1)", "java&#x0A;script:alert(1)", "&#106;avascript:x", "data:text/html,x",
     "vbscript:x", "file:///etc/passwd", "javascript%3A:x"],
)  # fmt: skip
def test_a_link_to_code_or_data_is_not_a_link(target: str) -> None:
    body = parse(f"# T\n\n[click]({target}) ![see]({target}) <{target}>").body

    assert links_of(body) == []
    assert [block for block in body if isinstance(block, Image)] == []


def test_links_may_be_http_mailto_or_relative() -> None:
    body = parse(
        "# T\n\n[a](https://a.example) [b](../b.md#c) [c](mailto:c@d.example) [t](tel:+491) <https://e.example>"
    ).body

    assert links_of(body) == ["https://a.example", "../b.md#c", "mailto:c@d.example", "tel:+491", "https://e.example"]


def test_bare_urls_become_links_but_not_in_code() -> None:
    assert outline("See www.a.example/x_y_z, `www.b.example`.") == [
        "p See [www.a.example/x_y_z → https://www.a.example/x_y_z], [code: www.b.example]."
    ]


def test_a_link_without_text_shows_its_url() -> None:
    assert outline("[](https://a.example)") == ["p [https://a.example → https://a.example]"]


def test_an_image_with_a_caption_splits_its_paragraph() -> None:
    assert outline('before ![a *b*](i.png "Caption") after') == ["p before", "image i.png (a b) Caption", "p after"]


@pytest.mark.parametrize("src", ["i.gif", "/media/i.gif", "https://example.org/i.gif"])
def test_an_image_among_text_stays_there(src: str) -> None:
    assert outline(f"We won this: ![Award]({src}) in **spring**.") == [
        f"p We won this: ({src}: Award) in [strong: spring]."
    ]


def test_several_images_in_a_paragraph_stay_beside_one_another() -> None:
    linked = "[![CI](https://a.example/ci.svg)](https://a.example) ![](b.png)\n![c](https://c.example/c.svg)"
    assert outline(linked) == [
        "p (https://a.example/ci.svg: CI → https://a.example) (b.png: ) (https://c.example/c.svg: c)"
    ]


def test_an_image_of_another_site_on_a_line_of_its_own_splits_its_paragraph() -> None:
    assert outline("before\n![a](https://a.example/a.jpg)\nafter") == [
        "p before", "image https://a.example/a.jpg (a)", "p after",
    ]  # fmt: skip


def test_images_on_lines_of_their_own_stay_among_text_until_their_files_are_read() -> None:
    assert outline("before\n![a](a.png)\nafter") == ["p before (a.png: a) after"]


def test_a_link_around_an_image_is_kept_in_the_caption() -> None:
    assert outline("[![alt](i.png)](https://a.example)") == ["image i.png (alt) [alt → https://a.example]"]


def test_an_image_in_a_heading_follows_it() -> None:
    assert outline("## Head ![alt](i.png)\n\n## ![](j.png)") == ["h2 Head", "image i.png (alt)", "image j.png ()"]


def test_lists_hold_paragraphs_lists_and_quotes() -> None:
    assert outline("3. a\n\n   b\n\n   > c\n4. - d") == [
        "3.", "    p a", "    p b", "    quote", "        p c", "4.", "    *", "        p d",
    ]  # fmt: skip


def test_an_empty_item_is_kept() -> None:
    assert parse("# T\n\n- a\n-").body == (List((ListItem((Paragraph((Run("a"),)),)), ListItem(()))),)


def test_code_is_literal() -> None:
    assert parse("# T\n\n```html title\n<a>\n\n\t`&`\n```\n\n    indented <b>").body == (
        Code("<a>\n\n\t`&`", "html"),
        Code("indented <b>"),
    )


def test_words_after_the_language_of_a_code_block_are_reported() -> None:
    warnings = parse("# T\n\n```python title=x\ncode\n```").warnings

    assert warnings[0] == "only the language of a code block is kept, not title=x"


def test_a_table_has_alignments_and_filled_rows() -> None:
    (table,) = parse("# T\n\n| a | b |\n|--:|:-:|\n| *1* |\n| x\\|y | ![alt](i.png) |").body

    assert table == Table(
        header=((Run("a"),), (Run("b"),)),
        rows=(((Run("1", frozenset({Mark.EMPHASIS})),), ()), ((Run("x|y"),), (Run("alt", href="i.png"),))),
        alignments=(table.alignments[0], table.alignments[1]) if isinstance(table, Table) else (),
    )
    assert outline("| a | b | c |\n|--:|:-:|---|")[0] == "table right center left"


@pytest.mark.parametrize("prefix", ["", "> ", "- "])
def test_a_row_with_more_cells_than_its_header_makes_the_table_wider(prefix: str) -> None:
    below = prefix.replace("-", " ")
    body = parse(f"# T\n\n{prefix}| a | b |\n{below}|---|--:|\n{below}| 1 | 2 | *3* | |\n{below}| 4 | 5 |").body

    (table,) = (block for block in walk(body) if isinstance(block, Table))
    assert [len(row) for row in (table.header, *table.rows, table.alignments)] == [3, 3, 3, 3]
    assert table.rows[0][2] == (Run("3", frozenset({Mark.EMPHASIS})),)


@pytest.mark.parametrize("prefix", ["", "> ", "- "])
def test_a_row_with_as_many_cells_as_its_header_is_read_in_quotes_and_lists(prefix: str) -> None:
    below = prefix.replace("-", " ")
    body = parse(f"# T\n\n{prefix}| a | b |\n{below}|---|---|\n{below}| 1 | 2 |").body

    assert [len(block.rows) for block in walk(body) if isinstance(block, Table)] == [1]


def test_a_definition_that_no_link_uses_is_reported() -> None:
    warnings = parse("# T\n\n[used][a]\n\n[a]: https://a.example\n[b]: https://b.example").warnings

    assert warnings[0] == "the link definition [b] is used nowhere and was left out"


def test_a_last_paragraph_of_tags_is_read_if_front_matter_has_none() -> None:
    manuscript = parse("# T\n\nText.\n\nTags: soil, worms")

    assert [tag.label for tag in manuscript.tags] == ["soil", "worms"]
    assert list(outline_of_blocks(manuscript.body)) == ["p Text."]


def test_front_matter_with_tags_leaves_the_last_paragraph_alone() -> None:
    manuscript = parse("---\ntags: [sun]\n---\n# T\n\nText.\n\nTags: soil, worms")

    assert [tag.label for tag in manuscript.tags] == ["sun"]
    assert list(outline_of_blocks(manuscript.body)) == ["p Text.", "p Tags: soil, worms"]


@pytest.mark.parametrize(
    "deep",
    [
        "> " * 70 + "x",
        "*" * 4000 + "x" + "*" * 4000,
        "[" * 2000 + "x",
        "<b>" * 30_000,
        "- " * 5000 + "x",
    ],
)
def test_a_text_made_to_stall_the_parser_is_refused(deep: str) -> None:
    with pytest.raises(SourceError, match=r"nested too deeply|more than 500 brackets|more than 20000 signs"):
        parse(f"# T\n\n{deep}")


_line = st.builds(
    "{}{}".format,
    st.sampled_from(["", "", "> ", "- ", "* ", "# ", "## ", "    ", "  ", "| ", "+ ", "1) "]),
    st.lists(
        st.sampled_from(
            ["soil", "*rain", "rain*", "**sun**", "`code`", "~~old~~", "<value>", "a_b_c", "|", "&", "\\", "www.a.de"]
        ),
        max_size=8,
    ).map(" ".join),
)


_bare = st.sampled_from(["", "", "```", "~~~", "---", "===", "|---|---|"])


@given(st.lists(st.one_of(_line, _line, _bare), max_size=14).map("\n".join))
@settings(deadline=None, derandomize=True, max_examples=300)
def test_every_word_of_a_markdown_text_is_in_its_manuscript(text: str) -> None:
    manuscript = parse(f"# Title\n\nFirst.\n\n{text}\n\nLast.")
    written = {word for word in words_in(f"Title First {text} Last") if not word.isdigit()}
    assert written <= words_of(manuscript).keys()
