from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.domain.blocks import Image
from distributor.domain.errors import SourceError
from distributor.domain.tags import Tag
from distributor.sources.formats import read_manuscript
from distributor.sources.front_matter.keys import FrontMatter
from distributor.sources.front_matter.split import split_front_matter, words_of_name
from distributor.sources.reading_options import DEFAULT_OPTIONS, ReadingOptions
from tests.paths import SHARED

STRICT = ReadingOptions(is_strict=True)
BERLIN = ReadingOptions(zone="Europe/Berlin", language="de")
MAY = datetime(2026, 5, 4, tzinfo=UTC)


def read(front_matter: str, *, path: str = "", options: ReadingOptions = DEFAULT_OPTIONS) -> FrontMatter:
    return split_front_matter(f"---\n{front_matter}\n---\nBody.", path=path, options=options)[0]


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
updated_at: 2026-03-02
timezone: Europe/Lisbon
canonical_url: https://example.org/beans""",
        options=STRICT,
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
        updated_at=datetime(2026, 3, 2, tzinfo=UTC),
        canonical_url="https://example.org/beans",
    )


NOTATIONS = {
    "YAML": "---\ntitle: A\ndate: 2026-05-04\ntags: [rope, 2026]\ndraft: true\nauthor: {name: Ida}\n---\n\nBody.",
    "TOML": "+++\ntitle = 'A'\ndate = 2026-05-04\ntags = ['rope', 2026]\ndraft = true\nauthor.name = 'Ida'\n+++\nBody.",
    "JSON": json.dumps(
        {"title": "A", "date": "2026-05-04", "tags": ["rope", 2026], "draft": True, "author": {"name": "Ida"}}, indent=1
    )
    + "\n\nBody.",
    "headers": "Title: A\nDate: 2026-05-04\nTags: rope,\n  2026\nStatus: draft\nAuthor: Ida\n\nBody.",
}


@pytest.mark.parametrize("notation", NOTATIONS)
def test_every_notation_says_the_same(notation: str) -> None:
    text = NOTATIONS[notation]
    front, below = split_front_matter(text, path="")
    assert front == FrontMatter(
        title="A", published_at=MAY, tags=(Tag("rope"), Tag("2026")), publish=False, author="Ida"
    )
    assert below.strip() == "Body."
    assert below.split("\n").index("Body.") == text.split("\n").index("Body.")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("title: 2026", FrontMatter(title="2026")),
        ("headline: A", FrontMatter(title="A")),
        ("description: S\nsubtitle: T", FrontMatter(summary="S")),
        ("excerpt: S", FrontMatter(summary="S")),
        ("authors: [Ana, {name: Bo, email: bo@example.org}, '[[Cy Dee]]']", FrontMatter(author="Ana, Bo, Cy Dee")),
        ("author: Ana Ray <ana@example.org>", FrontMatter(author="Ana Ray")),
        ("lang: en_US", FrontMatter(language="en-US")),
        ("slug: /museum/The Rope", FrontMatter(slug="the-rope")),
        ("tags: rope, New York", FrontMatter(tags=(Tag("rope"), Tag("New York")))),
        ("tags: rope harbour", FrontMatter(tags=(Tag("rope"), Tag("harbour")))),
        ("category: New York", FrontMatter(tags=(Tag("New York"),))),
        ("tags: [a]\ncategories: [b]\nkeywords: c; d", FrontMatter(tags=tuple(map(Tag, "acdb")))),
        ("tags: [{name: a}, {title: b}]", FrontMatter(tags=(Tag("a"), Tag("b")))),
        ("taxonomies: {tags: [a]}", FrontMatter(tags=(Tag("a"),))),
        ("tags: []", FrontMatter(tags=())),
        ("cover: {image: a.png, alt: A}", FrontMatter(image=Image("a.png", "A"))),
        ("heroImage: ./a.png\nheroImageAlt: A", FrontMatter(image=Image("./a.png", "A"))),
        ("feature_image: a.png\nfeature_image_alt: A", FrontMatter(image=Image("a.png", "A"))),
        ("images: [a.png, b.png]", FrontMatter(image=Image("a.png"))),
        ("image: '![[a.png]]'", FrontMatter(image=Image("a.png"))),
        ("image: '![A](a.png)'", FrontMatter(image=Image("a.png", "A"))),
        ("pubDate: May 4, 2026", FrontMatter(published_at=MAY)),
        ("created: 2026-05-04", FrontMatter(published_at=MAY)),
        ("date: 2026-05-04\npublish_date: 2026-05-05", FrontMatter(published_at=datetime(2026, 5, 5, tzinfo=UTC))),
        ("published: 2026-05-04", FrontMatter(published_at=MAY)),
        ("lastmod: 2026-05-04", FrontMatter(updated_at=MAY)),
        ("last_update: {date: 5/14/2026, author: Ana}", FrontMatter(updated_at=datetime(2026, 5, 14, tzinfo=UTC))),
        ("draft: 'true'", FrontMatter(publish=False)),
        ("published: no", FrontMatter(publish=False)),
        ("unlisted: true", FrontMatter(publish=False)),
        ("unlisted: false", FrontMatter()),
        ("status: published", FrontMatter(publish=True)),
        ("canonicalUrl: https://example.org/a", FrontMatter(canonical_url="https://example.org/a")),
    ],
)
def test_keys_are_known_by_the_names_that_site_generators_give_them(line: str, expected: FrontMatter) -> None:
    front = read(line)
    assert front == expected
    assert front.notes == ()


@pytest.mark.parametrize(
    ("line", "note"),
    [
        ("title: [a, b]", "title must be text on one line"),
        ("tags: [{lable: a}]", "tags.1 has no label"),
        ("image: {alt: A}", "image names no file"),
        ("image: 'javascript:alert(1)'", "image must be a URL or the path of a file"),
        ("slug: '!!'", "slug has no letter and no digit"),
        ("language: klingon!", "language must be a language tag such as en or pt-BR, not 'klingon!'"),
        ("updated: soon", "'updated': 'soon' cannot be understood as a date"),
        ("canonical: /a", "canonical must be a whole http or https URL"),
        ("author: ana@example.org", "author names nobody"),
        ("status: maybe", "status must be draft or published"),
    ],
)
def test_what_cannot_be_used_is_passed_over_with_a_note_and_refused_if_strict(line: str, note: str) -> None:
    front = read(f"# a comment\n{line}")
    assert front == FrontMatter()
    (noted,) = front.notes
    assert note in noted
    assert "line 3" in noted
    assert noted.endswith("; it was passed over")
    with pytest.raises(SourceError, match=r"^a\.md:3: front matter key "):
        read(f"# a comment\n{line}", path="a.md", options=STRICT)


def test_keys_without_a_meaning_are_named_and_refused_if_strict() -> None:
    front = read("title: T\nlayout: post\nextra:\n  team: museum")
    assert front == FrontMatter(title="T")
    assert front.unused_keys == ("layout", "extra.team")
    with pytest.raises(SourceError, match=r"a\.md:3: front matter has no key 'titel'; did you mean title\?"):
        read("slug: a\ntitel: T", path="a.md", options=STRICT)
    with pytest.raises(SourceError, match=r"no key 'layout'; the keys are title, slug,"):
        read("layout: post", options=STRICT)


def test_strict_options_ask_for_values_as_they_are_meant() -> None:
    for line, reason in (
        ("slug: My Slug", "must be lower-case words joined by hyphens, such as my-slug"),
        ("publish: 'true'", "must be true or false, without quotes"),
    ):
        with pytest.raises(SourceError, match=reason):
            read(line, options=STRICT)


@pytest.mark.parametrize("timestamp", ["2026-03-01T09:00:00+01:00", "2026-03-01 08:00Z", "'2026-03-01T08:00:00Z'"])
def test_a_time_with_an_offset_needs_no_time_zone(timestamp: str) -> None:
    assert read(f"published_at: {timestamp}", options=BERLIN).published_at == datetime(2026, 3, 1, 8, tzinfo=UTC)


def test_a_time_without_an_offset_is_in_the_zone_of_its_own_key_else_in_that_of_the_site() -> None:
    assert read("date: 2026-03-01 09:00", options=BERLIN).published_at == datetime(2026, 3, 1, 8, tzinfo=UTC)
    lisbon = read("date: 2026-03-01 09:00\ntimezone: Europe/Lisbon", options=BERLIN)
    assert lisbon.published_at == datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("path", "slug", "published_at"),
    [
        ("posts/2026-05-04-the-rope.md", "the-rope", MAY),
        ("museum/the_rope/index.md", "the-rope", None),
        ("The Rope.mdx.md", "the-rope", None),
        ("2026-13-45-rope.md", "rope", None),
        ("index.md", None, None),
    ],
)
def test_the_name_of_the_file_says_what_front_matter_leaves_open(
    path: str, slug: str | None, published_at: datetime | None
) -> None:
    assert read("author: A", path=path) == FrontMatter(author="A", slug=slug, published_at=published_at)
    own = read("slug: own\ndate: 2025-01-01", path=path)
    assert (own.slug, own.published_at) == ("own", datetime(2025, 1, 1, tzinfo=UTC))
    assert split_front_matter("No front matter.", path=path)[0] == FrontMatter()


def test_the_words_of_a_name_have_no_date_and_no_suffix() -> None:
    assert words_of_name("a/2026-05-04-why_we-still.en.md") == "why we still"


def test_keys_that_contradict_each_other_are_a_mistake_in_the_line_of_the_second() -> None:
    with pytest.raises(SourceError, match=r":3: .*keys publish and draft contradict each other"):
        read("publish: true\ndraft: true", path="a.md")


def test_keys_that_agree_are_one_wish() -> None:
    assert read("publish: true\ndraft: false").publish is True
    assert read("published: false\ndraft: on").publish is False
    assert read("published: 2026-05-04\ndraft: true").publish is False


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("title: A: B", "not YAML: mapping values are not allowed here; put text with a colon in quotes"),
        ("title: 'open", "not YAML: found unexpected end of stream"),
        ("draft: maybe", "key 'draft' must be true or false, without quotes"),
        ("draft: [true]", "key 'draft' must be true or false, without quotes"),
        ("published_at: soon", "key 'published_at': 'soon' cannot be understood"),
        ("date: 04/05/2026", "key 'date': '04/05/2026' can be read as day/month or month/day"),
        ("date: 2026-02-30", "key 'date': '2026-02-30' is no date"),
        ("[a]: b", "key must be text"),
        ("author: &me X\nsummary: *me", "aliases (*) are not accepted"),
    ],
)
def test_what_may_decide_when_an_article_is_public_is_never_guessed(line: str, reason: str) -> None:
    with pytest.raises(SourceError) as caught:
        read(f"# a comment first\n\n{line}", path="a.md")

    assert reason in str(caught.value)
    assert str(caught.value).startswith(("a.md:4: front matter", "a.md:5: front matter"))


def test_a_wrong_time_zone_is_a_mistake_where_a_date_needs_it() -> None:
    with pytest.raises(SourceError, match=r"key 'timezone': there is no time zone 'Europe/Berln'; did you mean"):
        read("date: 2026-05-04\ntimezone: Europe/Berln")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("+++\ntitle = 'A\n+++\n\nB.", r"^a\.md:2: front matter is not TOML"),
        ("+++\ntitle = 'A'\ndate = 'soon'\n+++\n\nB.", r"^a\.md:3: front matter key 'date'"),
        ("+++\ntitle = 'A'\n\nB.", r"^a\.md:1: front matter is never closed; end it with a line of \+\+\+"),
        ('{"title": "A", "title": "B"}\n\nB.', r"^a\.md:1: front matter contains the key 'title' twice"),
        ('{"title": "A",\n "date": "soon"}\n\nB.', r"^a\.md:2: front matter key 'date'"),
        ("Title: A\nDate: soon\n\nB.", r"^a\.md:2: front matter key 'Date'"),
        ("Title: A\nDate: 2026-05-04\nTitle: B\n\nB.", r"^a\.md:3: front matter contains the key 'Title' twice"),
        ("---\ntitle: T\n\nBody.", r"^a\.md:1: front matter is never closed"),
        ("---\ntitle: A\ntitle: B\n---\n", r"^a\.md:3: front matter contains the key 'title' twice"),
        ("---\nauthor: X\n- a\n---\n", r"^a\.md:3: front matter is not YAML"),
        ('---\ntitle: "\\U00110000"\n---\n', "front matter is not YAML"),
        ("---\ntitle: " + "[" * 1500 + "\n---\n", "nested too deeply"),
        ("+++\ntitle = " + "[" * 5000 + "\n+++\n", "nested too deeply"),
        ("---\ntitle: T\n" + "# filler\n" * 10_000 + "---\n", "longer than 16 KB"),
    ],
)
def test_mistakes_in_any_notation_are_refused_with_their_line(text: str, reason: str) -> None:
    with pytest.raises(SourceError, match=reason):
        split_front_matter(text, path="a.md")


def test_a_key_without_a_value_sets_nothing() -> None:
    assert read("title:\ntags:\nsummary: S") == FrontMatter(summary="S")


@pytest.mark.parametrize(
    "text",
    [
        "---\n\nA divider, then text.\n\n---\n",
        "---",
        "No front matter.\n\n---\ntitle: T\n---",
        "{not json}\n\nText.",
        "[1, 2]\n\nText.",
        '{"a": 1} and more on the line\n\nText.',
        "Note: the hall is closed.\n\nText.",
        "Title: only one line of this kind\n\nText.",
        "Ingredients: flour\nMethod: bake\n\nText.",
        "Date: a word\nand a line of prose\n\nText.",
    ],
)
def test_other_beginnings_are_text(text: str) -> None:
    assert split_front_matter(text, path="a.md") == (FrontMatter(), text)


def test_control_characters_cannot_be_smuggled_in_by_escapes() -> None:
    assert read('title: "a\\x00b\\nc\\u200b"').title == "ab c"


@given(st.text(max_size=200), st.sampled_from(["---\n", "+++\n", "{", '{"title": ', "Title: A\nDate: "]))
def test_any_text_is_front_matter_text_or_a_mistake_in_words(text: str, beginning: str) -> None:
    try:
        front, below = split_front_matter(beginning + text, path="a.md")
    except SourceError as error:
        assert str(error).startswith("a.md")
    else:
        assert isinstance(front, FrontMatter)
        assert below.count("\n") == (beginning + text).count("\n")


CASES = SHARED / "data" / "cases" / "fm"


@pytest.mark.skipif(not CASES.is_dir(), reason="needs ../shared/data/cases/fm")
@pytest.mark.parametrize("name", sorted(path.name for path in CASES.glob("*.md")))
def test_front_matter_that_people_have_is_accepted_with_what_it_says(name: str) -> None:
    found = read_manuscript(Path(CASES / name))
    assert found.title == "The rope walk opens"
    assert found.published_at is not None
    assert found.published_at.date().isoformat() == "2026-05-04"
    assert found.publish is (False if "draft" in name else found.publish)
    assert found.author in ("Ida Crane", "")
    assert not found.unused_keys or name != "pelican.md"
