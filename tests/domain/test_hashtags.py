"""Hashtags: chosen by what the article is about, spelled so that they can be read."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.domain.article import Article
from distributor.domain.blocks import Block, Heading, List, ListItem, Paragraph, Run
from distributor.domain.errors import InputError
from distributor.domain.hashtags import choose_hashtags, hashtag_of, read_hashtags, without_joiners
from distributor.domain.tags import Tag


def article(
    *tags: str | Tag, title: str = "A title", body: tuple[Block, ...] = (), summary: str = "", language: str = "en"
) -> Article:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    return Article(
        guid="urn:uuid:1",
        slug="a-title",
        revision=1,
        title=title,
        body=body,
        tags=tuple(tag if isinstance(tag, Tag) else Tag(tag) for tag in tags),
        summary=summary,
        author="",
        language=language,
        image=None,
        published_at=now,
        updated_at=now,
    )


def paragraph(text: str) -> Paragraph:
    return Paragraph((Run(text),))


@pytest.mark.parametrize(
    ("label", "hashtag"),
    [
        ("type 1 diabetes", "Type1Diabetes"),
        ("Crohn’s disease", "CrohnsDisease"),
        ("Crohn's disease", "CrohnsDisease"),
        ("MSC therapy", "MSCTherapy"),
        ("HSCT", "HSCT"),
        ("mRNA vaccine", "mRNAVaccine"),
        ("Guillain-Barré syndrome", "GuillainBarréSyndrome"),
        ("COVID-19", "COVID19"),
        ("research & development", "ResearchAndDevelopment"),
        ("next gen medicine", "NextGenMedicine"),
        ("幹細胞治療", "幹細胞治療"),
        ("الخلايا الجذعية", "الخلاياالجذعية"),
        ("élan vital", "ÉlanVital"),
        ("CO₂ emissions", "CO2Emissions"),
        ("#already", "Already"),
        ("C++", "Cpp"),
        ("C++17", "Cpp17"),
        ("Notepad++", "NotepadPlusPlus"),
        ("LGBTQ+", "LGBTQPlus"),
        ("C#", "CSharp"),
        ("f#", "FSharp"),
        (".NET", "DotNet"),
        (".NET Core", "DotNetCore"),
        ("ASP.NET", "ASPNET"),
        ("R&D", "RnD"),
        ("q & a", "QnA"),
        ("AT&T", "ATT"),
        ("d'été", "DÉté"),
        ("vacances d’été", "VacancesDÉté"),
        ("L'Oréal", "LOréal"),
        ("O'Reilly", "OReilly"),
        ("don't", "Dont"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("ක්\u200dෂ", "ක්\u200dෂ"),
        ("അവന്\u200d", "അവന്\u200d"),
    ],
)
def test_a_label_becomes_one_word_in_camel_case(label: str, hashtag: str) -> None:
    assert hashtag_of(label) == hashtag


@pytest.mark.parametrize("label", ["2024", "24/7", "C", "🚀", "", "…", "\u200d"])
def test_a_label_that_no_hashtag_can_say_has_none(label: str) -> None:
    assert hashtag_of(label) is None


def test_what_the_title_speaks_of_comes_before_what_the_text_mentions() -> None:
    chosen = choose_hashtags(
        article(
            "yeast",
            "sourdough bread",
            title="Sourdough bread for beginners",
            body=(paragraph("Yeast, yeast and yeast."), paragraph("Only yeast.")),
        ),
        most=2,
    )
    assert chosen == ("SourdoughBread", "Yeast")


def test_the_first_tags_are_not_taken_for_being_first() -> None:
    tagged = article("biotech", "progress", "rye flour", body=(paragraph("Rye flour holds more water."),))
    assert choose_hashtags(tagged, most=1) == ("RyeFlour",)


def test_a_heading_says_more_than_a_sentence() -> None:
    body = (paragraph("Nothing."), Heading(2, (Run("Proofing"),)), paragraph("Salt is needed."))
    assert choose_hashtags(article("salt", "proofing", body=body), most=1) == ("Proofing",)


def test_what_is_only_enumerated_is_an_example_and_not_the_subject() -> None:
    lead = paragraph("Grains such as rye, spelt, and emmer are part of the revival of ancient farming.")
    assert choose_hashtags(article("spelt", "emmer", "ancient farming", body=(lead,)), most=1) == ("AncientFarming",)


def test_the_items_of_a_list_are_examples_too() -> None:
    items = tuple(ListItem((paragraph(name),)) for name in ("Rye", "Rye bread", "Rye beer"))
    body = (paragraph("Nothing."), List(items), paragraph("The harvest was late."))
    assert choose_hashtags(article("rye", "harvest", body=body), most=1) == ("Harvest",)


@pytest.mark.parametrize("said", ["Stem Cells", "STEM CELL", "stem-cell", "Stém cell"])
def test_mentions_count_whatever_their_case_accents_and_number(said: str) -> None:
    assert choose_hashtags(article("other", "stem cell", title=f"On {said} at work"), most=1) == ("StemCell",)


def test_a_word_inside_another_word_is_no_mention() -> None:
    assert choose_hashtags(article("art", "party", title="The party starts"), most=1) == ("Party",)


def test_a_synonym_counts_as_a_mention() -> None:
    tag = Tag("bone marrow transplant", synonyms=("HSCT",))
    assert choose_hashtags(article("blood", tag, title="What HSCT does"), most=1) == ("BoneMarrowTransplant",)


def test_a_phrase_is_found_in_text_without_spaces() -> None:
    assert choose_hashtags(article("医学", "幹細胞", title="新しい幹細胞の治療"), most=1) == ("幹細胞",)


def test_tags_that_share_their_essential_words_are_taken_once() -> None:
    tagged = article(
        "stem cell therapy", "stem cells for healing", "stem cell hope", "stem cell research", title="Stem cell therapy"
    )
    assert choose_hashtags(tagged, most=4) == ("StemCellTherapy",)


def test_the_best_of_such_tags_is_the_one_taken() -> None:
    tagged = article("autoimmune awareness", "autoimmune disease", title="Autoimmune disease")
    assert choose_hashtags(tagged, most=2) == ("AutoimmuneDisease",)


def test_tags_that_only_share_a_general_word_are_both_taken() -> None:
    tagged = article("regenerative medicine", "sports medicine", "gene therapy", "MSC therapy")
    assert choose_hashtags(tagged, most=4) == ("RegenerativeMedicine", "SportsMedicine", "GeneTherapy", "MSCTherapy")


def test_in_french_the_general_word_comes_first() -> None:
    tagged = article("thérapie génique", "thérapie cellulaire", "cellulaire", language="fr-CA")
    assert choose_hashtags(tagged, most=3) == ("ThérapieGénique", "ThérapieCellulaire")


def test_two_spellings_of_one_word_are_one_hashtag() -> None:
    assert choose_hashtags(article("auto-immune", "autoimmune", "Auto Immune"), most=3) == ("AutoImmune",)


def test_ties_keep_the_order_of_the_tags() -> None:
    assert choose_hashtags(article("wood", "iron", "glass"), most=2) == ("Wood", "Iron")


def test_none_are_chosen_when_none_are_wanted() -> None:
    assert choose_hashtags(article("wood"), most=0) == ()


_labels = st.lists(
    st.one_of(
        st.text(max_size=20),
        st.lists(
            st.sampled_from(["stem", "cells", "therapy", "MSC", "1", "für", "Barré", "’s", "health", "幹細胞"]),
            min_size=1,
            max_size=4,
        ).map(" ".join),
    ),
    max_size=12,
)


@settings(deadline=None, derandomize=True)
@given(labels=_labels, title=st.text(max_size=40), most=st.integers(0, 6))
def test_whatever_the_tags_hashtags_are_valid_few_and_different(labels: list[str], title: str, most: int) -> None:
    chosen = choose_hashtags(article(*labels, title=title), most=most)
    assert len(chosen) <= most
    assert len({hashtag.casefold() for hashtag in chosen}) == len(chosen)
    for hashtag in chosen:
        assert regex.fullmatch(r"[\p{L}\p{M}\p{Nd}]+", hashtag.replace("\u200c", "").replace("\u200d", ""))
        assert regex.search(r"\p{L}", hashtag)


@settings(deadline=None, derandomize=True)
@given(labels=_labels, title=st.text(max_size=40), most=st.integers(0, 6))
def test_fewer_hashtags_are_the_first_of_more(labels: list[str], title: str, most: int) -> None:
    tagged = article(*labels, title=title)
    assert choose_hashtags(tagged, most=most) == choose_hashtags(tagged, most=12)[:most]


def test_the_hashtag_that_was_chosen_for_a_tag_is_used() -> None:
    tags = (Tag("C", stored_hashtag="CLang"), Tag("sourdough bread", stored_hashtag="SourDough"))
    assert choose_hashtags(article(*tags), most=2) == ("CLang", "SourDough")


def test_a_hashtag_that_a_person_writes_may_have_joiners_within() -> None:
    assert read_hashtags("#می\u200cخواهم") == ("می\u200cخواهم",)
    for wrong in ("می\u200c", "\u200cمی", "a" * 101, "C#"):
        with pytest.raises(InputError):
            read_hashtags(wrong)


def test_joiners_stay_where_the_network_keeps_them() -> None:
    hashtags = ("می\u200cخواهم", "ක්\u200dෂ")
    assert without_joiners(hashtags) == ("میخواهم", "ක්ෂ")
    assert without_joiners(hashtags, kept="\u200c") == ("می\u200cخواهم", "ක්ෂ")
    assert without_joiners(hashtags, kept="\u200c\u200d") == hashtags
