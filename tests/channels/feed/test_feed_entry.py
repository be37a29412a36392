"""How an article becomes an entry."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from distributor.channels.feed.entries import build_entry
from distributor.channels.feed.feed import EntryImage, FeedEntry
from distributor.domain.blocks import Heading, Image, List, ListItem, Paragraph, Run
from distributor.domain.tags import Tag

from .samples import NOON, SITE, article, article_with_every_block, paragraph, text


def composed(**changes: Any) -> FeedEntry:
    return build_entry(article(**changes), SITE)


def test_an_entry_survives_being_stored() -> None:
    entry = build_entry(article_with_every_block(), SITE)
    assert FeedEntry.from_json(entry.as_json()) == entry
    assert entry.image


def test_an_edit_changes_the_time_of_change_and_leaves_the_identity() -> None:
    before = composed()
    after = composed(title="Stem cells and you", revision=2, updated_at=NOON + timedelta(days=1))
    assert (after.guid, after.url, after.published_at) == (before.guid, before.url, before.published_at)
    assert after.updated_at == NOON + timedelta(days=1)


def test_times_are_whole_seconds_in_utc() -> None:
    published_at = datetime(2026, 11, 20, 14, 0, 1, 999_999, timezone(timedelta(hours=2)))
    entry = composed(published_at=published_at, updated_at=published_at)
    assert (entry.published_at, entry.updated_at) == (datetime(2026, 11, 20, 12, 0, 1, tzinfo=UTC),) * 2
    assert entry.as_json()["published_at"] == "2026-11-20T12:00:01Z"


def test_an_article_finished_before_its_publication_has_not_changed_since() -> None:
    assert composed(updated_at=NOON - timedelta(days=1)).updated_at == NOON


def test_the_authors_summary_is_kept_in_full() -> None:
    assert composed(summary="word " * 100).summary == ("word " * 100).strip()


def test_without_a_summary_the_first_paragraph_is_one() -> None:
    body = (Heading(2, text("Beginning")), Paragraph(()), paragraph("First\nparagraph."), paragraph("Second."))
    assert composed(summary="", body=body).summary == "First paragraph."


def test_a_long_first_paragraph_is_cut_between_words() -> None:
    summary = composed(summary="", body=(paragraph("medicine, " * 60),)).summary
    assert summary.endswith("medicine…")
    assert 280 < len(summary) <= 300


def test_a_long_first_paragraph_without_spaces_is_cut_between_signs_as_readers_see_them() -> None:
    family = "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL}"
    assert composed(summary="", body=(paragraph(family * 400),)).summary == family * 299 + "…"


def test_an_article_without_paragraphs_is_summed_up_by_what_there_is() -> None:
    body = (List((ListItem((Heading(3, text("One")),)), ListItem((Heading(3, text("Two")),)))),)
    assert composed(summary="", body=body).summary == "One Two"
    assert composed(summary="", body=()).summary == "Stem cells & you"
    assert composed(title="", summary="", body=()).summary == "https://news.example.org/articles/stem-cells"


def test_texts_lose_what_xml_forbids_and_are_on_one_line() -> None:
    entry = composed(
        title=" Stem\x00 cells\n&\x0byou\ufffe\ud800 ",
        summary="a\x1bb\x85c\x80",
        author="Ada\tBerg\x07",
        tags=(Tag("lu\x08pus"), Tag("\x01")),
        body=(paragraph("one\x0ctwo"),),
        image=Image("/a.png", "al\x00t"),
    )
    assert (entry.title, entry.summary, entry.authors) == ("Stem cells &you", "ab c", ("Ada Berg",))
    assert entry.tags == ("lupus",)
    assert "<p>onetwo</p>" in entry.content_html
    assert entry.image
    assert entry.image.alt == "alt"


def test_an_entry_belongs_to_the_feed_of_everything_and_to_one_per_tag() -> None:
    tags = (Tag("Lupus"), Tag("stem cell therapy"), Tag("lupus!"), Tag("🧬"), Tag("幹細胞"))
    entry = composed(tags=tags)
    assert entry.feed_keys == ("all", "tags/lupus", "tags/stem-cell-therapy", "tags/dna-double-helix", "tags/幹細胞")
    assert entry.tags == ("Lupus", "stem cell therapy", "lupus!", "🧬", "幹細胞")


def test_relative_addresses_count_from_where_the_article_is_read() -> None:
    links = tuple(Run(href, href=href) for href in ("/trials", "next", "#risks", "//cdn.example/x", "tel:+4755"))
    html = composed(body=(Paragraph(links), Image("media/a.png", "A"))).content_html
    for address in (
        'href="https://news.example.org/trials"',
        'href="https://news.example.org/articles/next"',
        'href="https://news.example.org/articles/stem-cells#risks"',
        'href="https://cdn.example/x"',
        'href="tel:+4755"',
        'src="https://news.example.org/articles/media/a.png"',
    ):
        assert address in html


def test_an_address_no_reader_may_follow_is_left_out() -> None:
    links = tuple(Run(href, href=href) for href in ("javascript:alert(1)", "http://[broken"))
    entry = composed(body=(Paragraph(links),), image=Image("data:image/png;base64,AAAA", "dots"))
    assert "href" not in entry.content_html
    assert "data:" not in entry.content_html
    assert entry.image is None


def test_addresses_are_ascii() -> None:
    entry = composed(slug="幹細胞", image=Image("/bilder/Zelle ä.jpg", ""))
    assert entry.url == "https://news.example.org/articles/%E5%B9%B9%E7%B4%B0%E8%83%9E"
    assert entry.image == EntryImage(
        url="https://news.example.org/bilder/Zelle%20%C3%A4.jpg", alt="", media_type="image/jpeg"
    )


def test_an_escaped_address_is_not_escaped_twice() -> None:
    entry = composed(image=Image("https://img.example/a%20b.webp?w=1&h=2", ""))
    assert entry.image
    assert entry.image.url == "https://img.example/a%20b.webp?w=1&h=2"


def test_the_image_of_an_article_opens_its_full_text() -> None:
    html = composed(image=Image("/a.png", "Cells")).content_html
    assert html.startswith('<p><img src="https://news.example.org/a.png" alt="Cells"/></p>')


def test_an_image_that_is_in_the_body_is_not_shown_twice() -> None:
    body = (paragraph("Look:"), Image("/a.png", "Cells"))
    assert composed(image=Image("/a.png"), body=body).content_html.count("<img") == 1


def test_the_first_image_of_the_body_stands_for_an_article_without_one() -> None:
    entry = composed(body=(paragraph("Look:"), Image("/a.png", "Cells"), Image("/b.png")))
    assert entry.image == EntryImage(url="https://news.example.org/a.png", alt="Cells", media_type="image/png")


@pytest.mark.parametrize("address", ["https://img.example/photo", "https://img.example/photo.php?x=.jpg"])
def test_an_image_whose_address_does_not_tell_its_type_has_none(address: str) -> None:
    entry = composed(image=Image(address))
    assert entry.image
    assert entry.image.media_type == ""


@pytest.mark.parametrize("language", ["he", "ar-EG", "fa"])
def test_a_text_that_is_read_from_right_to_left_says_so(language: str) -> None:
    html = composed(language=language, body=(paragraph("תאי גזע"),)).content_html
    assert html == f'<div dir="rtl" lang="{language}"><p>תאי גזע</p></div>'


def test_an_article_without_a_language_is_in_that_of_the_site() -> None:
    assert composed(language="").language == "en"
