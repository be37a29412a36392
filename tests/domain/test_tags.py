from __future__ import annotations

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.domain.tags import LONGEST_SLUG, Tag, slugify


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("Stem Cell  Therapy!", "stem-cell-therapy"),
        ("Crohn’s disease", "crohns-disease"),
        ("Crohn's disease", "crohns-disease"),
        ("Guillain-Barré syndrome", "guillain-barre-syndrome"),
        ("type 1 diabetes", "type-1-diabetes"),
        ("Straße", "strasse"),
        ("ﬁnal ½", "final-1-2"),
        ("İstanbul", "istanbul"),
        ("❤️ gardens", "gardens"),
        ("1️⃣ first", "1-first"),
        ("漢字 とガーデン", "漢字-とガーデン"),
        ("йогурт", "йогурт"),
        ("Ελλάδα", "ελλάδα"),
        ("हिन्दी भाषा", "हिन्दी-भाषा"),
        ("한국어", "한국어"),
        ("شجرة", "شجرة"),
        ("★ & ☆", ""),
    ],
)
def test_a_slug_has_the_words_in_lower_case(text: str, slug: str) -> None:
    assert slugify(text) == slug


@given(st.text() | st.text(st.characters(categories=["L", "N", "M", "P"]), min_size=LONGEST_SLUG, max_size=400))
@settings(deadline=None, derandomize=True)
def test_a_slug_is_its_own_slug_and_safe_in_an_address(text: str) -> None:
    slug = slugify(text)

    assert slugify(slug) == slug
    assert len(slug) <= LONGEST_SLUG
    assert regex.fullmatch(r"(?:[\p{L}\p{N}\p{M}]+(?:-[\p{L}\p{N}\p{M}]+)*)?", slug)
    assert bool(slug) == bool(regex.search(r"[\p{L}\p{N}]", regex.sub(r"[‘’`']", "", text)))


@given(st.text(st.characters(categories=["L", "N", "Z", "P"])))
@settings(deadline=None, derandomize=True)
def test_letter_case_makes_no_other_slug(text: str) -> None:
    assert slugify(text.upper()) == slugify(text.upper().lower())


def test_slugs_of_long_texts_are_short_and_stay_distinct() -> None:
    long = "a tale of " * 400
    slugs = {slugify(long), slugify(long + "one"), slugify(long + "another")}
    assert len(slugs) == 3
    assert all(slug.startswith("a-tale-of-a-tale-of-") and len(slug) <= LONGEST_SLUG for slug in slugs)


def test_a_tag_knows_its_slug() -> None:
    assert Tag("Regenerative Medicine").slug == "regenerative-medicine"
