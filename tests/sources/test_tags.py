from __future__ import annotations

import pytest

from distributor.domain.tags import Tag
from distributor.sources.tags import merge_tags, read_tag_line


@pytest.mark.parametrize(
    ("line", "labels"),
    [
        (
            "soil, worms, rain, sun, seeds, next gen medicine",
            ["soil", "worms", "rain", "sun", "seeds", "next gen medicine"],
        ),
        ("soil, worms, rain, sun,\nseeds, beds", ["soil", "worms", "rain", "sun", "seeds", "beds"]),
        ("soil, worms, rain, sun, seeds, beds.", ["soil", "worms", "rain", "sun", "seeds", "beds"]),
        (
            "IT security, cloud, web, on-page SEO, mail, e-mail",
            ["IT security", "cloud", "web", "on-page SEO", "mail", "e-mail"],
        ),
        (
            "at home, in vitro, all year, soil, sun, or-moulu",
            ["at home", "in vitro", "all year", "soil", "sun", "or-moulu"],
        ),
        ("Tags: soil", ["soil"]),
        ("KEYWORDS: soil; worms; red rain", ["soil", "worms", "red rain"]),
        ("Mots-clés : sol, vers", ["sol", "vers"]),
        ("#soil #worms", ["#soil", "#worms"]),
        ("Tags: #soil, #worms.", ["#soil", "#worms"]),
        ("土、水、種、花、畑、虫", ["土", "水", "種", "花", "畑", "虫"]),
    ],
)
def test_a_line_of_tags_is_read(line: str, labels: list[str]) -> None:
    assert [tag.label for tag in read_tag_line(line)] == labels


@pytest.mark.parametrize(
    "line",
    [
        "soil, worms, rain, sun, seeds",
        "We grow peas, beans, leeks, chard, kale, beets",
        "Bring gloves, seeds, string, spades, water, humour.",
        "peas, beans, leeks, chard, kale, and beets",
        "peas, beans. Also leeks, chard, kale, beets, sorrel",
        "peas, beans, leeks, chard, kale, beets!",
        "In May: peas, beans, leeks, chard, kale, beets",
        "peas, beans, leeks, chard, kale, something that is much longer than any tag",
        "Tags: this is no list of tags but a long sentence about them",
        "Tags:",
        "#soil",
        "",
    ],
)
def test_a_line_that_reads_like_a_sentence_lists_no_tags(line: str) -> None:
    assert read_tag_line(line) == ()


def test_labels_that_differ_in_case_are_one_tag() -> None:
    merged = merge_tags([Tag("Soil"), Tag("worms"), Tag("soil")])

    assert merged.tags == (Tag("Soil"), Tag("worms"))
    assert merged.warnings == ()


def test_labels_with_the_same_slug_are_one_tag_with_a_synonym() -> None:
    merged = merge_tags([Tag("Crohn’s disease"), Tag("worms"), Tag("Crohn's-disease", ("IBD",))])

    assert merged.tags == (Tag("Crohn’s disease", ("Crohn's-disease", "IBD")), Tag("worms"))
    assert len(merged.warnings) == 1


def test_a_label_of_which_nothing_is_visible_is_left_out_with_a_warning() -> None:
    merged = merge_tags([Tag("#soil"), Tag("\u200d"), Tag("★")])

    assert merged.tags == (Tag("soil"), Tag("★"))
    assert merged.warnings == ("the tag '\\u200d' has nothing that can be seen and was left out",)


def test_labels_that_people_tell_apart_are_tags_of_their_own() -> None:
    tags = [Tag("C"), Tag("C++"), Tag("C#"), Tag(".NET"), Tag("NET"), Tag("R&D"), Tag("🍕"), Tag("❤️")]

    assert merge_tags(tags).tags == tuple(tags)
    assert merge_tags(tags).warnings == ()
