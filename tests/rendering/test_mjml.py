from __future__ import annotations

from html import escape

import lxml.html
import pytest

from distributor.domain.errors import TemplateError
from distributor.rendering.mjml import html_of_mjml


def document(body: str, *, head: str = "", attributes: str = 'lang="ar" dir="rtl"') -> str:
    sections = f"<mj-section>\n<mj-column>\n{body}\n</mj-column></mj-section>"
    return f"<mjml {attributes}><mj-head>{head}</mj-head><mj-body>{sections}</mj-body></mjml>"


def html(body: str, *, head: str = "") -> str:
    return html_of_mjml(document(body, head=head), template="mail.mjml.j2")


def test_the_document_declares_its_language_and_direction() -> None:
    assert '<html lang="ar" dir="rtl"' in html("<mj-text>x</mj-text>")


def test_placeholders_stay_as_they_are() -> None:
    page = html('<mj-text><a href="@@click:7@@">@@name@@</a></mj-text><mj-raw><img src="@@open@@" alt=""/></mj-raw>')
    assert '<a href="@@click:7@@">@@name@@</a>' in page
    assert 'src="@@open@@"' in page


def test_entities_and_code_keep_their_form() -> None:
    page = html("<mj-text><pre><code>a &lt; b\n  &#64;&amp;c</code></pre></mj-text>")
    assert "<pre><code>a &lt; b\n  &#64;&amp;c</code></pre>" in page


SPOILT_BY_THE_ENGINE = [
    'it\'s "so"',
    "back\\slash",
    "👨\u200d👩",
    "क्षि",
    "e\u0301",
    "a\u00a0b",
    "\u200fשלום",
    "1 < 2 > 0",
    "&#160;",
]


@pytest.mark.parametrize("text", SPOILT_BY_THE_ENGINE)
def test_attributes_and_the_title_keep_every_character(text: str) -> None:
    written = escape(text)
    page = lxml.html.document_fromstring(
        html(
            f'<mj-text><p title=\'{written}\'><img src="a"\n alt="{written}"/></p></mj-text>'
            f'<mj-image src="a" alt="{written}"/>',
            head=f"<mj-title>{written}</mj-title>",
        )
    )
    assert page.xpath("//@alt|//@title|//@aria-label") == [text] * 4


def test_quotation_marks_in_a_style_stay_what_they_are() -> None:
    page = html("""<mj-text><p style='font-family:"A B"'>x</p></mj-text>""")
    assert '<p style="font-family:&quot;A B&quot;">' in page


def test_words_on_lines_of_their_own_do_not_run_together() -> None:
    page = html(
        '<mj-text><a title="1 > 0" href="/a">one</a>\n  <a href="/b">two</a>\n<b>three</b> <i>four</i></mj-text>'
    )
    (body,) = lxml.html.document_fromstring(page).iter("body")
    assert "one two three four" in " ".join(lxml.html.tostring(body, method="text", encoding="unicode").split())


def test_no_font_is_fetched() -> None:
    page = html("<mj-text>x</mj-text>")
    assert "@import" not in page
    assert "<link" not in page


def test_dark_styles_and_notes_for_outlook_survive() -> None:
    style = "@media (prefers-color-scheme: dark) { .a { color: #fff !important; } } [data-ogsc] .a { x: y }"
    note = "<!--[if mso]><style>p{x:y}</style><![endif]-->"
    page = html("<mj-text>x</mj-text>", head=f"<mj-style>{style}</mj-style><mj-raw>{note}</mj-raw>")
    assert style in page
    assert note in page


@pytest.mark.parametrize(
    ("mjml", "reason"),
    [
        (document("<mj-text>a & b</mj-text>"), "not well-formed XML"),
        (document("<mj-text><p>a</mj-text>"), "line 3 of the MJML: <mj-text><p>a</mj-text>"),
        (document("<mj-text>a&nbsp;b</mj-text>"), "Entity 'nbsp' not defined"),
        ("", "not well-formed XML"),
        (document("<mj-txt>a</mj-txt>"), "does not know <mj-txt> (line 3 of the MJML: <mj-txt>a</mj-txt>)"),
        (document('<mj-image src="a.png"/>'), "<mj-image> has no alt"),
        (document('<mj-text><img src="a.png"/></mj-text>'), "<img> has no alt"),
        (document('<mj-include path="a.mjml"/>'), "use {% include %}"),
        (document("", head='<mj-style inline="inline">p{}</mj-style>'), "put the style on the element"),
        (document("<mj-text>a</mj-text>", attributes=""), "<mjml lang=… dir=…>"),
        ('<mjml lang="en" dir="ltr"><mj-text>a</mj-text></mjml>', "the MJML engine failed"),
    ],
)
def test_mjml_that_the_engine_would_render_wrongly_is_refused_with_its_line(mjml: str, reason: str) -> None:
    with pytest.raises(TemplateError) as caught:
        html_of_mjml(mjml, template="email/own.mjml.j2")
    assert caught.value.template == "email/own.mjml.j2"
    assert reason in str(caught.value)


def test_defaults_for_images_need_no_alternative_text() -> None:
    head = '<mj-attributes><mj-image padding="0"/></mj-attributes>'
    assert 'alt="a bird"' in html('<mj-image src="a.png" alt="a bird"/>', head=head)
