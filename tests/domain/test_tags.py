from __future__ import annotations

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.domain.tags import LONGEST_SLUG, Tag, slugify, tag_slug


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


@pytest.mark.parametrize(
    ("label", "slug"),
    [
        ("C", "c"),
        ("C++", "c-plus-plus"),
        ("C#", "c-sharp"),
        ("Ｃ＃", "c-sharp"),
        ("F#", "f-sharp"),
        (".NET", "dot-net"),
        ("ASP.NET", "asp-net"),
        ("R&D", "r-and-d"),
        ("R and D", "r-and-d"),
        ("AT&T", "at-and-t"),
        ("Q&A", "q-and-a"),
        ("A*", "a-star"),
        ("Rh-", "rh-minus"),
        ("100 %", "100-percent"),
        ("d'été", "dete"),
        ("🍕", "slice-of-pizza"),
        ("❤️", "heavy-black-heart"),
        ("I ❤ NY", "i-heavy-black-heart-ny"),
        ("🇫🇷", "flag-fr"),
        ("🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "waving-black-flag-gbeng"),
        ("👩\u200d💻", "woman-personal-computer"),
        ("👍🏿", "thumbs-up-sign-skin-type-6"),
        ("★ & ☆", "black-star-and-white-star"),
        ("!?", "exclamation-mark-question-mark"),
        ("\uf8ff", "uf8ff"),
        ("Java™", "java"),
        ("cats | dogs", "cats-dogs"),
        ("#soil", "soil"),
        ("re\u00adgeneration", "regeneration"),
        ("می\u200cخواهم", "می-خواهم"),
        ("ශ්\u200dරී ලංකා", "ශ්රී-ලංකා"),
        ("क्\u200cष", "क्ष"),
        ("\u200d \ufeff", ""),
    ],
)
def test_the_slug_of_a_tag_says_the_signs_that_tell_it_apart(label: str, slug: str) -> None:
    assert tag_slug(label) == slug


_SIGNS = ["", "+", "++", "#", "*", "%", " 🍕", " ❤️", " 🇫🇷", " &"]
_WORDS = ["C", "a", "net", "soil", "Barré", "体", "п", "1"]


def test_labels_with_different_signs_are_different_tags() -> None:
    labels = [f"{before}{word}{after}" for before in ("", ".", "@") for word in _WORDS[:-1] for after in _SIGNS]
    assert len({tag_slug(label) for label in labels}) == len(labels)


@given(
    st.lists(st.sampled_from(_WORDS), min_size=1, max_size=4),
    st.sampled_from(_SIGNS),
    st.sampled_from([" ", "  ", "\u00a0", "-", " – ", "\t"]),
)
@settings(deadline=None, derandomize=True)
def test_labels_that_differ_in_case_accents_and_spaces_are_one_tag(words: list[str], sign: str, gap: str) -> None:
    label = " ".join(words) + sign
    variants = [label.upper(), label.lower(), gap.join(words) + sign, f" {label} ", label.replace("é", "e\u0301")]
    assert {tag_slug(one) for one in variants} == {tag_slug(label)}
    assert tag_slug(label.replace("é", "e")) == tag_slug(label)


@given(st.text() | st.text(st.characters(categories=["L", "N", "M", "P", "S", "Cf"]), max_size=300))
@settings(deadline=None, derandomize=True)
def test_the_slug_of_a_tag_is_its_own_slug_and_one_that_addresses_take(label: str) -> None:
    slug = tag_slug(label)

    assert tag_slug(slug) == slug
    assert slugify(slug) == slug
    assert len(slug) <= LONGEST_SLUG
    assert slug or not slugify(label)


def test_a_tag_from_the_database_keeps_its_slug_and_is_the_same_tag() -> None:
    stored = Tag("R&D", stored_slug="r-d")
    assert (stored.slug, stored.key) == ("r-d", "r-and-d")
    assert stored == Tag("R&D")
