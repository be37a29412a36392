from __future__ import annotations

import html
import json
import os
import re
from dataclasses import replace
from pathlib import Path

import lxml.html
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.channels.api import Personalization, TrackingOptions
from distributor.channels.email.channel import EmailChannel
from distributor.channels.email.checks import check_mail
from distributor.channels.email.rendering.rendition import render_email
from distributor.channels.email.settings import EmailSettings
from distributor.domain.article import Article
from distributor.domain.blocks import Block, Code, Heading, Image, plain_text
from distributor.domain.errors import InputError, TemplateError
from distributor.domain.message_options import MailLayout, MessageOptions
from distributor.domain.rendition import Rendition
from distributor.domain.tags import Tag
from distributor.flow.publishing.campaign_content import read_markdown
from tests.channels.email.mailing import TOKENS, a_delivery
from tests.channels.email.rendering.rendition_samples import (
    BODY,
    article,
    context,
    hrefs,
    page_of,
    paragraph,
    rendered,
    run,
)
from tests.rendering.sample_blocks import all_blocks, squashed

GOLDEN = Path(__file__).parent / "golden"
UNCOUNTED = TrackingOptions(opens=False, clicks=False)
TOKEN = re.compile(r"@@[^@\s]+@@")


def words_of(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text)


def page_links(markup: str) -> list[str]:
    return [html.unescape(link) for link in re.findall(r'<a\b[^>]*?href="([^"]*)"', markup)]


def visible_text(rendition: Rendition) -> str:
    pieces = page_of(rendition).body.xpath(".//text()[not(ancestor::div[contains(@style, 'display:none')])]")
    return " ".join(str(piece) for piece in pieces)


@pytest.mark.parametrize(("part", "name"), [("text", "article.txt"), ("html", "article.html")])
def test_the_mail_is_what_it_was_when_a_person_last_looked(part: str, name: str) -> None:
    """Run with UPDATE_GOLDEN=1 to write the files anew, and look at the difference."""
    written = rendered().payload[part].replace("><", ">\n<")
    if os.environ.get("UPDATE_GOLDEN"):
        (GOLDEN / name).write_text(written, encoding="utf-8")
    assert written == (GOLDEN / name).read_text(encoding="utf-8")


def test_the_same_articles_give_the_same_bytes() -> None:
    assert rendered().digest == rendered().digest


def test_the_payload_is_plain_json() -> None:
    payload = rendered().payload
    assert json.loads(json.dumps(payload)) == payload


@pytest.mark.parametrize("part", ["html", "text"])
def test_both_parts_say_every_word_of_the_article(part: str) -> None:
    sample = article()
    rendition = rendered(sample)
    shown = visible_text(rendition) if part == "html" else rendition.payload["text"]
    labels = [tag.label for tag in sample.tags]
    expected = words_of(" ".join([sample.title, sample.summary, sample.author, *labels, plain_text(sample.body)]))
    assert set(expected) - set(words_of(shown)) == set()


@pytest.mark.parametrize("tracking", [UNCOUNTED, TrackingOptions()])
def test_both_parts_hold_every_link(tracking: TrackingOptions) -> None:
    rendition = rendered(given=context(tracking=tracking))
    outward = [
        *("https://example.org/tides?year=2026&lang=en", "https://tideline.example/data/winter"),
        *("https://example.org/archive", "https://example.org/notes"),
        *("https://tideline.example/articles/the-tide-keeps-time",),
    ]
    tags = ["https://tideline.example/tags/wadden-sea", "https://tideline.example/tags/birds-and-bees"]
    assert rendition.payload["links"] == [*outward, *tags]
    assert [url for url in outward if url not in rendition.payload["text"]] == []
    assert "mailto:census@example.org" in hrefs(rendition)
    assert "census@example.org" in rendition.payload["text"]


def test_counted_links_point_to_their_places_in_the_list_of_links() -> None:
    plain, counted = rendered(given=context(tracking=UNCOUNTED)), rendered()
    links = counted.payload["links"]
    restored = re.sub(r"@@click:(\d+)@@", lambda token: html.escape(links[int(token[1])]), counted.payload["html"])
    assert "@@click" not in plain.payload["html"]
    assert page_links(restored) == hrefs(plain)


def test_the_same_address_has_one_number() -> None:
    twice = article(body=(paragraph(run("a", href="/x"), " ", run("b", href="/y")), paragraph(run("c", href="/x"))))
    assert [link for link in hrefs(rendered(twice)) if "click" in link][:3] == [
        "@@click:0@@",
        "@@click:1@@",
        "@@click:0@@",
    ]


def test_there_is_a_pixel_only_where_opens_are_measured() -> None:
    assert rendered().payload["html"].count("@@open@@") == 1
    assert "@@open@@" not in rendered(given=context(tracking=UNCOUNTED)).payload["html"]
    assert "@@open@@" not in rendered().payload["text"]


@pytest.mark.parametrize("token", ["@@unsubscribe@@", "@@preferences@@", "@@view@@"])
def test_every_mail_can_be_left_and_seen_in_a_browser(token: str) -> None:
    rendition = rendered()
    assert token in hrefs(rendition)
    assert token in rendition.payload["text"].split()


def test_one_can_leave_at_the_top_too() -> None:
    links = hrefs(rendered())
    assert links[:2] == ["@@view@@", "@@unsubscribe@@"]
    assert links.count("@@unsubscribe@@") == 2


LITERAL = "@@unsubscribe@@ @@click:0@@ @@@@open@@@ @@ -1,3 +1,4 @@"


def literal_article() -> Rendition:
    return rendered(
        article(
            title=f"T {LITERAL}",
            summary=f"S {LITERAL}",
            author=f"A {LITERAL}",
            tags=(Tag(f"G {LITERAL}"),),
            image=Image("/@@open@@.png", f"I {LITERAL}"),
            body=(
                paragraph(
                    f"P {LITERAL}", run("l", href="https://example.org/@@unsubscribe@@"), run("m", href="@@view@@")
                ),
                Code(f'<a href="@@click:0@@"> {LITERAL}'),
            ),
        )
    )


def test_what_an_article_says_is_never_taken_for_a_token() -> None:
    usual = ["@@click:0@@", "@@click:1@@", "@@click:2@@", "@@click:3@@", "@@open@@", "@@preferences@@"]
    rendition = literal_article()
    found = TOKEN.findall(rendition.payload["html"])
    assert sorted(found) == sorted([*usual, *["@@unsubscribe@@", "@@view@@"] * 2])
    assert TOKEN.findall(rendition.payload["text"]) == ["@@unsubscribe@@", "@@preferences@@", "@@view@@"]
    assert TOKEN.findall(rendition.payload["subject"] + rendition.payload["preheader"]) == []


def test_what_an_article_says_like_a_token_is_read_as_it_was_written() -> None:
    rendition = literal_article()
    page = page_of(rendition)
    assert page.xpath("string(//h1)") == f"T {LITERAL}"
    assert page.xpath("string(//pre)") == f'<a href="@@click:0@@"> {LITERAL}'
    assert page.xpath("string(//img/@alt)") == f"I {LITERAL}"
    assert "@@ -1,3 +1,4 @@" in rendition.payload["text"]
    assert "<https://example.org/%40%40unsubscribe%40%40>" in rendition.payload["text"]
    assert f'<a href="@@click:0@@"> {LITERAL}' in rendition.payload["text"].replace("\u2060", "")


def test_markup_in_an_article_is_shown_and_not_obeyed() -> None:
    hostile = '<script>x</script> & "q" {{ 7 * 7 }} <mj-raw>'
    rendition = rendered(
        article(title=hostile, summary=hostile, author=hostile, tags=(Tag(hostile),), body=(paragraph(hostile),))
    )
    page = page_of(rendition)
    assert page.xpath("string(//h1)") == hostile
    assert page.xpath("string(//title)") == hostile
    assert page.xpath("//script") == []
    assert rendition.payload["subject"] == hostile
    assert rendition.payload["text"].count(hostile) == 4


def test_control_characters_do_not_stop_a_mail() -> None:
    rendition = rendered(article(title="a\x00b\ud800c\n d", body=(paragraph("e\x0bf\ufffeg"),)))
    assert rendition.payload["subject"] == "abc d"
    assert "efg" in visible_text(rendition)


@settings(deadline=None, derandomize=True, max_examples=25)
@given(st.text(), all_blocks(st.text(max_size=12)))
def test_whatever_an_article_says_a_mail_can_be_made_of_it(words: str, body: tuple[Block, ...]) -> None:
    sample = article(title=words, summary=words[::-1], author=words, tags=(Tag(words),), language=words, body=body)
    rendition = rendered(sample, given=context(name=words, postal_address=words))
    assert squashed(plain_text(body)) in squashed(page_of(rendition).text_content())
    rendition.canonical().encode()


def test_the_subject_is_the_title_in_one_line() -> None:
    assert rendered(article(title=" Tide\n and  time ")).payload["subject"] == "Tide and time"


def test_the_preheader_is_the_summary_else_the_beginning_cut_at_a_word() -> None:
    assert rendered().payload["preheader"] == article().summary
    begun = rendered(article(summary="", body=(paragraph("word, " * 60),))).payload["preheader"]
    assert begun == "word, " * 22 + "word…"


def test_the_preheader_is_hidden_and_followed_by_nothing_an_inbox_could_show() -> None:
    hidden = page_of(rendered()).xpath("//div[contains(@style, 'display:none')]")[0].text_content()
    assert hidden.startswith(article().summary)
    assert set(hidden.removeprefix(article().summary)) == {"\u034f", "\u200c", "\u00a0"}


def test_a_summary_that_is_the_beginning_of_the_text_is_not_said_twice() -> None:
    body = (paragraph("It begins like this and goes on."),)
    assert visible_text(rendered(article(summary="It begins like this…", body=body))).count("It begins") == 1


def test_the_image_of_the_article_comes_first_unless_the_text_shows_it() -> None:
    sources = page_of(rendered()).xpath("//img/@src")
    assert sources[:2] == [
        "https://tideline.example/media/dawn.png",
        "https://tideline.example/articles/images/flats.png",
    ]
    repeated = article(image=Image("images/flats.png", "again"))
    assert len(page_of(rendered(repeated)).xpath("//img")) == 2


def test_the_image_of_the_article_stands_above_the_title() -> None:
    page = page_of(rendered())
    (hero,) = page.xpath("//img[contains(@src, 'dawn')]")
    assert hero.xpath("following::h1") != []
    assert hero.xpath("preceding::h1") == []


def test_an_image_that_the_text_begins_with_too_is_shown_once_with_its_caption() -> None:
    photo = Image("/media/dawn.png", "", (run("At dawn"),))
    rendition = rendered(article(body=(photo, paragraph("Text."))))
    (figure,) = page_of(rendition).xpath("//figure[.//img]")
    assert figure.xpath("following::h1") != []
    assert figure.xpath("figcaption/text()") == ["At dawn"]
    assert rendition.payload["text"].count("At dawn") == 1


def test_an_image_that_the_text_shows_further_down_stays_there() -> None:
    page = page_of(rendered(article(image=Image("images/flats.png", "again"))))
    (photo,) = page.xpath("//img[contains(@src, 'flats')]")
    assert photo.xpath("preceding::h1") != []


def test_nothing_is_loaded_but_the_images_of_the_article_and_the_pixel() -> None:
    markup = rendered().payload["html"]
    own = ["https://tideline.example/media/dawn.png", "https://tideline.example/articles/images/flats.png", "@@open@@"]
    assert re.findall(r'\ssrc="([^"]*)"', markup) == own
    assert re.findall(r"<link\b|@import|url\(|\sbackground=|srcset|<script|<iframe", markup) == []


def test_every_image_has_an_alternative_text() -> None:
    bare = rendered(article(body=(Image("/a.png"), paragraph("x"))))
    assert [image.get("alt") for image in page_of(bare).iter("img")] == ["Dawn over the tidal flats", "", ""]


def test_tables_say_whether_they_hold_data() -> None:
    data: list[lxml.html.HtmlElement] = []
    layout: list[lxml.html.HtmlElement] = []
    for table in page_of(rendered()).iter("table"):
        (layout if table.get("role") == "presentation" else data).append(table)
    assert [header.get("scope") for header in data[0].iter("th")] == ["col", "col", "col"]
    assert len(data) == 1
    assert [header for table in layout for header in table.xpath("./thead|./tbody/tr/th")] == []


def test_there_is_one_first_heading_and_none_is_skipped() -> None:
    assert [heading.tag for heading in page_of(rendered()).xpath("//h1|//h2|//h3|//h4")] == [
        "h1",
        "h2",
        "h2",
        "h3",
        "h2",
    ]


def test_dark_colours_survive_for_clients_that_know_them() -> None:
    markup = rendered().payload["html"]
    dark = re.findall(r"@media \(prefers-color-scheme: dark\) \{.*?\n  \}", markup, re.DOTALL)
    assert len(dark) == 1
    assert ".ink div { color: #e8eaed !important; }" in dark[0]
    assert "[data-ogsc] .ink div { color: #e8eaed !important; }" in markup
    assert "[data-ogsb] .card { background-color: #1b1f25 !important; }" in markup
    assert '<meta name="color-scheme" content="light dark"' in markup


def long_article(sections: int) -> Article:
    """An article in which every kind of block occurs many times."""
    return article(body=tuple(block for _ in range(sections) for block in BODY))


def test_the_styles_of_a_long_article_are_written_once() -> None:
    markup = rendered(long_article(20)).payload["html"]
    inline = sum(len(style) for style in re.findall(r' style="[^"]*"', markup))
    assert inline < len(markup) / 3
    assert markup.count("border-bottom: 1px solid") == 1
    page = page_of(rendered())
    for tag in ("img", "table", "pre", "blockquote"):
        assert page.xpath(f"//div[@lang or not(@class)]//{tag}/@style"), f"{tag} is not readable without a style sheet"
    assert not page.xpath("//td[@class='gutter ink body']//p/@style")


def cut(*articles: Article, after: int) -> Rendition:
    options = MessageOptions(cut_after=after)
    given = replace(context(), personalization=Personalization(parse_markdown=read_markdown, options=options))
    return rendered(*articles, given=given)


def test_a_mail_may_end_after_a_chosen_block_with_a_link_to_read_on() -> None:
    rendition = cut(long_article(40), after=2)
    assert "html-too-large" not in {problem.code for problem in check_mail(rendition)}
    for part in ("html", "text"):
        assert "what nobody knows" in " ".join(rendition.payload[part].split())
        assert "What the wardens count" not in rendition.payload[part]
        assert "Read on" in rendition.payload[part]
    assert "Read on:\nhttps://tideline.example/articles/the-tide-keeps-time" in rendition.payload["text"]
    page = EmailChannel(EmailSettings()).render_web_version(rendition, a_delivery(), TOKENS, pixel_url="/p.gif")
    assert page.count("What the wardens count") == 40
    assert "Read on the web" in page
    assert "@@" not in page


def test_a_mail_links_to_five_tags_at_most_and_to_the_page_that_has_them_all() -> None:
    many = article(tags=tuple(Tag(f"Subject {number}") for number in range(30)))
    rendition = rendered(many, given=context(tracking=UNCOUNTED))
    tags = [link for link in hrefs(rendition) if "/tags/" in link]
    assert tags == [f"https://tideline.example/tags/subject-{number}" for number in range(5)]
    (more,) = page_of(rendition).xpath("//a[text()='and 25 more']/@href")
    assert more == "https://tideline.example/articles/the-tide-keeps-time"


def test_the_text_names_the_tags_without_their_addresses() -> None:
    many = article(tags=tuple(Tag(f"Subject {number}") for number in range(30)))
    text = rendered(many).payload["text"]
    assert "/tags/" not in text
    (line,) = [line for line in text.split("\n\n") if line.startswith("Filed under")]
    assert " ".join(line.split()) == ("Filed under: Subject 0, Subject 1, Subject 2, Subject 3, Subject 4, and 25 more")


def test_five_tags_are_all_there_is_to_say() -> None:
    five = rendered(article(tags=tuple(Tag(f"Subject {number}") for number in range(5))))
    assert "more" not in five.payload["text"].split("Filed under")[1].split("---")[0]
    assert "and 0 more" not in five.payload["html"]


def test_an_article_that_is_not_longer_is_not_cut() -> None:
    rendition = cut(after=len(BODY))
    assert rendition.payload["html"] == rendered().payload["html"]
    assert "web_html" not in rendition.payload


def test_the_links_of_what_is_cut_off_are_followed_too() -> None:
    rendition = cut(after=1)
    assert "https://example.org/notes" in rendition.payload["links"]
    (number,) = (n for n, link in enumerate(rendition.payload["links"]) if link == "https://example.org/notes")
    assert f"@@click:{number}@@" in rendition.payload["web_html"]
    assert f"@@click:{number}@@" not in rendition.payload["html"]


def test_a_mail_cannot_be_cut_before_its_first_block() -> None:
    with pytest.raises(InputError, match="one block or more"):
        MessageOptions(cut_after=0)


def test_a_normal_article_stays_far_below_the_size_at_which_gmail_cuts() -> None:
    assert len(rendered().payload["html"].encode()) < 30_000


def test_a_mail_in_arabic_runs_from_right_to_left() -> None:
    rendition = rendered(article(language="ar", title="المد يحفظ الوقت"))
    page = page_of(rendition)
    assert (page.get("lang"), page.get("dir")) == ("ar", "rtl")
    assert "direction:ltr" not in rendition.payload["html"].replace("text-align: left; direction: ltr", "")
    assert ".body ul { margin: 0 0 20px; padding: 0; padding-right: 24px }" in rendition.payload["html"]
    assert "إلغاء الاشتراك" in rendition.payload["text"]


def test_words_of_ours_that_are_not_translated_are_marked_as_english() -> None:
    page = page_of(rendered(article(language="cs")))
    assert page.get("lang") == "cs"
    assert page.xpath("//a[text()='Unsubscribe'][1]/ancestor::*[@lang][1]/@lang")[:1] == ["en"]


def test_our_own_words_are_in_the_language_of_the_article() -> None:
    rendition = rendered(article(language="de-AT"))
    assert "Abmelden" in visible_text(rendition)
    assert "Sie erhalten diese Mail, weil Sie Tideline abonniert haben." in rendition.payload["text"]


def test_the_sender_is_that_of_the_channel_else_that_of_the_site() -> None:
    assert rendered().payload["from"] == "Tideline <news@tideline.example>"
    own = EmailSettings(sender="Ed <ed@tideline.example>", reply_to="desk@tideline.example", list_name="Tide weekly")
    payload = rendered(settings=own).payload
    assert (payload["from"], payload["reply_to"]) == ("Ed <ed@tideline.example>", "desk@tideline.example")
    assert "because you subscribed to Tide weekly." in payload["text"]


def test_the_payload_has_what_composing_needs() -> None:
    payload = rendered().payload
    assert payload["site"] == {
        "name": "Tideline",
        "public_url": "https://tideline.example",
        "postal_address": "Vesterhavsvej 12\n6792 Rømø, Denmark",
    }
    assert (payload["language"], payload["list_name"]) == ("en", "Tideline")
    assert payload["tracking"] == {"opens": True, "clicks": True}


def test_several_articles_follow_one_another_below_one_heading() -> None:
    second = article(
        slug="second", title="A second story", language="ar", body=(Heading(2, (run("Part"),)), paragraph("End."))
    )
    rendition = rendered(article(), second)
    page = page_of(rendition)
    assert rendition.payload["subject"] == f"{article().title} · A second story"
    assert len(page.xpath("//h1")) == 1
    assert [heading.text_content() for heading in page.xpath("//h2")] == [article().title, "A second story"]
    assert page.xpath("//h2[2]/@dir|//h2[text()='A second story']/@dir") == ["rtl"]
    assert rendition.payload["text"].index("Pass it on.") < rendition.payload["text"].index("A second story")


def test_no_article_is_refused() -> None:
    with pytest.raises(InputError, match="at least one article"):
        render_email([], context(), EmailSettings())


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("email/article.mjml.j2", "<mjml>\n{{ nothing }}</mjml>", 2),
        ("email/parts/footer.mjml.j2", "\n\n{% if true %}\n{{ site.nothing }}{% endif %}", 4),
        ("email/parts/article.mjml.j2", "\n{{ article.nothing }}", 2),
        ("email/article.txt.j2", "a\n{{ nothing }}", 2),
        ("email/subject.txt.j2", "{{ articles[0].nothing }}", 1),
    ],
)
def test_a_name_that_is_not_there_is_reported_with_template_and_line(
    tmp_path: Path, name: str, text: str, line: int
) -> None:
    own = tmp_path / name
    own.parent.mkdir(parents=True, exist_ok=True)
    own.write_text(text)
    with pytest.raises(TemplateError) as caught:
        rendered(given=context(own_templates=tmp_path))
    assert (caught.value.template, caught.value.line) == (name, line)
    assert "nothing" in caught.value.reason


def test_a_template_that_makes_bad_mjml_is_reported(tmp_path: Path) -> None:
    (tmp_path / "email").mkdir()
    (tmp_path / "email" / "article.mjml.j2").write_text(
        "<mjml lang='en' dir='ltr'><mj-body>\n<mj-text></mj-body></mjml>"
    )
    with pytest.raises(
        TemplateError, match=r"article\.mjml\.j2: the result is not well-formed XML: .*<mj-text></mj-body>"
    ):
        rendered(given=context(own_templates=tmp_path))


def test_styles_that_are_no_rules_are_reported(tmp_path: Path) -> None:
    (tmp_path / "email").mkdir()
    (tmp_path / "email" / "body.css.j2").write_text("p { margin: 0 }\nh2 margin: 0\n")
    with pytest.raises(TemplateError, match=r"body\.css\.j2: expected a rule .* at 'h2 margin: 0'"):
        rendered(given=context(own_templates=tmp_path))


def test_own_inline_styles_are_written_onto_the_elements(tmp_path: Path) -> None:
    (tmp_path / "email").mkdir()
    (tmp_path / "email" / "inline.css.j2").write_text("p { margin: 0;\n  color: {{ 'red' }}; }")
    page = page_of(rendered(article(body=(paragraph("mine"),)), given=context(own_templates=tmp_path)))
    assert page.xpath("//p[text()='mine']/@style") == ["margin: 0; color: red"]


def laid_out(layout: MailLayout, *articles: Article, preheader: str = "") -> Rendition:
    options = MessageOptions(layout=layout, preheader=preheader)
    given = replace(context(), personalization=Personalization(parse_markdown=read_markdown, options=options))
    return rendered(*articles, given=given)


def test_whole_articles_are_the_usual_layout() -> None:
    assert laid_out(MailLayout.WHOLE).payload["html"] == rendered().payload["html"]


def test_a_teaser_has_picture_title_summary_and_a_button_and_the_rest_in_the_browser() -> None:
    rendition = laid_out(MailLayout.TEASER)
    page = page_of(rendition)
    assert [one.text_content() for one in page.xpath("//h1")] == [article().title]
    assert "https://tideline.example/media/dawn.png" in page.xpath("//img/@src")
    assert article().summary in visible_text(rendition)
    assert squashed(article().summary) in squashed(rendition.payload["text"])
    assert page.xpath("//a[normalize-space()='Read on']")
    beyond = plain_text(article().body)[-60:]
    assert beyond not in visible_text(rendition)
    assert squashed(beyond) not in squashed(rendition.payload["text"])
    assert squashed(beyond) in squashed(lxml.html.fromstring(rendition.payload["web_html"]).text_content())
    assert check_mail(rendition) == check_mail(rendered())


def test_a_digest_lists_titles_and_summaries_once_each_with_a_link_to_the_page() -> None:
    second = article(title="Of ebb and flow", slug="ebb", summary="What the moon has to do with it.")
    rendition = laid_out(MailLayout.DIGEST, article(), second)
    page = page_of(rendition)
    assert [one.text_content() for one in page.xpath("//h2/a")] == [article().title, second.title]
    shown = visible_text(rendition)
    for one in (article(), second):
        assert shown.count(one.title) == 1
        assert shown.count(one.summary) == 1
        assert one.title in rendition.payload["text"]
    assert len(page.xpath("//h1")) == 1
    assert check_mail(rendition) == check_mail(laid_out(MailLayout.WHOLE, article(), second))


def test_an_article_without_a_summary_is_teased_by_its_beginning() -> None:
    rendition = laid_out(MailLayout.TEASER, article(summary="", body=(paragraph("word, " * 120),)))
    assert "word, word" in visible_text(rendition)
    assert "…" in visible_text(rendition)


def test_a_campaign_may_have_a_preheader_of_its_own_which_names_nobody() -> None:
    rendition = laid_out(MailLayout.WHOLE, preheader="Three things\n& a <b>")
    assert rendition.payload["preheader"] == "Three things & a <b>"
    hidden = page_of(rendition).xpath("//div[contains(@style, 'display:none')]")[0].text_content()
    assert hidden.startswith("Three things & a <b>")
    with pytest.raises(InputError, match="preheader: it is the same for all"):
        laid_out(MailLayout.WHOLE, preheader="Hello {{ subscriber.name }}")
