from __future__ import annotations

from datetime import UTC, datetime

import pytest

from distributor.domain.blocks import Image
from distributor.domain.errors import SourceError
from distributor.domain.tags import Tag
from distributor.sources.front_matter import FrontMatter, split_front_matter


def read(front_matter: str) -> FrontMatter:
    return split_front_matter(f"---\n{front_matter}\n---\nBody.", path="a.md")[0]


def test_every_key_is_read() -> None:
    front = read(
        """\
title: "Beans: a love story"
slug: beans-a-love-story
summary: |
  Two lines
  become one.
author: Ana
language: pt-BR
tags: [beans, {label: gardens, synonyms: [garden, plots]}]
image: {src: images/beans.png, alt: A bean}
published_at: 2026-03-01 09:00
timezone: Europe/Lisbon"""
    )

    assert front == FrontMatter(
        title="Beans: a love story",
        slug="beans-a-love-story",
        summary="Two lines become one.",
        author="Ana",
        language="pt-BR",
        tags=(Tag("beans"), Tag("gardens", ("garden", "plots"))),
        image=Image("images/beans.png", "A bean"),
        published_at=datetime(2026, 3, 1, 9, tzinfo=UTC),
    )


def test_the_text_below_keeps_its_line_numbers() -> None:
    _, below = split_front_matter("---\ntitle: T\n# a comment\n---\n\nLine six.", path="a.md")

    assert below.split("\n")[5] == "Line six."
    assert not below[:5].strip()


@pytest.mark.parametrize("timestamp", ["2026-03-01T09:00:00+01:00", "2026-03-01 08:00Z", "'2026-03-01T08:00:00Z'"])
def test_a_time_with_an_offset_needs_no_time_zone(timestamp: str) -> None:
    assert read(f"published_at: {timestamp}").published_at == datetime(2026, 3, 1, 8, tzinfo=UTC)


def test_keys_that_contradict_each_other_are_a_mistake_in_the_line_of_the_second() -> None:
    with pytest.raises(SourceError, match=r":3: .*keys publish and draft contradict each other"):
        read("publish: true\ndraft: true")


def test_keys_that_agree_are_one_wish() -> None:
    assert read("publish: true\ndraft: false").publish is True
    assert read("published: false\ndraft: on").publish is False


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("title: 2026", """key 'title' must be text, and 2026 is a number: write it in quotes, "2026\""""),
        ("title: no", "key 'title' must be text, and no is a yes-or-no value"),
        ("title: 2026-11-01", "key 'title' must be text, and 2026-11-01 is a date"),
        ("title: [a, b]", "key 'title' must be text on one line"),
        ("title: ''", "key 'title': must not be empty"),
        ("title: A: B", "not YAML: mapping values are not allowed here; put text with a colon in quotes"),
        ("title: 'open", "not YAML: found unexpected end of stream"),
        ("titel: T", "no key 'titel'; did you mean title?"),
        ("layout: post", "no key 'layout'; the keys are title, slug,"),
        ("publish: 'true'", "key 'publish' must be true or false, without quotes"),
        ("draft: maybe", "key 'draft' must be true or false, without quotes"),
        ("draft: [true]", "key 'draft' must be true or false, without quotes"),
        ("tags: a, b", "key 'tags' must be a list: [one, two]"),
        ("tags: [a, 2026]", "key 'tags.2' must be text, and 2026 is a number"),
        ("tags: [{lable: a}]", "key 'tags.1.label' is missing"),
        ("tags: [{label: a, synonym: b}]", "no key 'tags.1.synonym'; did you mean synonyms?"),
        ("image: a.png", "key 'image' must hold further keys"),
        ("image: {alt: A}", "key 'image.src' is missing"),
        ("image: {src: 'javascript:alert(1)'}", "key 'image.src': must be a URL or the path of a file"),
        ("slug: My Slug", "key 'slug': must be lower-case words joined by hyphens, such as my-slug"),
        ("language: klingon!", "key 'language': must be a language tag such as en or pt-BR, not 'klingon!'"),
        ("published_at: 2026-03-01", "key 'published_at': '2026-03-01' cannot be understood: a time of day is missing"),
        ("published_at: 2026-03-01 09:00", "key 'published_at': '2026-03-01 09:00' names no time zone"),
        ("published_at: soon", "key 'published_at': 'soon' cannot be understood"),
        ("timezone: Europe/Berln", "key 'timezone': there is no time zone 'Europe/Berln'; did you mean Europe/Berlin"),
        ("[a]: b", "key must be text"),
    ],
)
def test_a_mistake_is_reported_with_its_line(line: str, reason: str) -> None:
    with pytest.raises(SourceError) as caught:
        read(f"# a comment first\n\n{line}")

    assert reason in str(caught.value)
    assert str(caught.value).startswith("a.md:4: front matter")


def test_a_mistake_in_a_list_item_is_reported_with_the_line_of_the_item() -> None:
    with pytest.raises(SourceError, match=r"^a\.md:5: front matter key 'tags\.2'"):
        read("title: T\ntags:\n  - a\n  - 3")


def test_aliases_are_refused_because_a_few_of_them_expand_into_gigabytes() -> None:
    with pytest.raises(SourceError, match=r"front matter: aliases \(\*\) are not accepted"):
        read("author: &me X\nsummary: *me")


def test_a_mapping_that_turns_into_a_list_is_refused() -> None:
    with pytest.raises(SourceError, match=r"^a\.md:3: front matter is not YAML"):
        read("author: X\n- a")


def test_an_escape_beyond_unicode_is_refused() -> None:
    with pytest.raises(SourceError, match="front matter is not YAML"):
        read('title: "\\U00110000"')


def test_a_duplicate_key_is_refused_with_the_line_of_the_second() -> None:
    with pytest.raises(SourceError, match=r"^a\.md:3: front matter contains the key 'title' twice"):
        read("title: A\ntitle: B")


def test_a_key_without_a_value_sets_nothing() -> None:
    assert read("title:\ntags:\nsummary: S") == FrontMatter(summary="S")


def test_front_matter_that_is_never_closed_is_refused() -> None:
    with pytest.raises(SourceError, match=r"^a\.md:1: front matter is never closed"):
        split_front_matter("---\ntitle: T\n\nBody.", path="a.md")


@pytest.mark.parametrize(
    "text", ["---\n\nA divider, then text.\n\n---\n", "---", "No front matter.\n\n---\ntitle: T\n---"]
)
def test_a_divider_is_not_front_matter(text: str) -> None:
    assert split_front_matter(text, path="a.md") == (FrontMatter(), text)


def test_front_matter_nested_without_end_is_refused() -> None:
    with pytest.raises(SourceError, match="nested too deeply"):
        read("title: " + "[" * 1500)


def test_front_matter_that_is_too_long_is_refused() -> None:
    with pytest.raises(SourceError, match="longer than 16 KB"):
        read("title: T\n" + "# filler\n" * 10_000)


def test_control_characters_cannot_be_smuggled_in_by_escapes() -> None:
    assert read('title: "a\\x00b\\nc\\u200b"').title == "ab c"
