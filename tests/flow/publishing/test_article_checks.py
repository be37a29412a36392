"""What looks unfinished or mistaken in an article."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from distributor.domain.article import Article
from distributor.domain.blocks import Paragraph, Run
from distributor.flow.publishing.article_checks import article_problems

NOW = datetime(2026, 11, 29, tzinfo=UTC)
ENGLISH = "Sourdough bread keeps longer than other bread, because its acids slow down what would spoil it. " * 3
RUSSIAN = "Хлеб на закваске хранится дольше обычного, потому что кислоты замедляют его порчу. " * 3


def article(title: str = "Bread", text: str = ENGLISH, language: str = "en", summary: str = "") -> Article:
    return Article(
        guid="urn:test",
        slug="bread",
        revision=1,
        title=title,
        body=(Paragraph((Run(text),)),),
        tags=(),
        summary=summary,
        author="",
        language=language,
        image=None,
        published_at=NOW,
        updated_at=NOW,
    )


def codes(*articles: Article) -> list[str]:
    return [one.code for one in article_problems(articles)]


@pytest.mark.parametrize("title", ["Draft", "untitled", " TODO ", "New post"])
def test_a_title_that_no_one_wrote_is_named(title: str) -> None:
    assert codes(article(title)) == ["title-placeholder"]


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "DRAFT: Bread"},
        {"title": "Copy of - Bread"},
        {"summary": "Lorem ipsum dolor"},
        {"text": "It keeps.\nTODO: say why"},
        {"text": "About TKTK loaves"},
    ],
)
def test_a_text_that_waits_to_be_written_is_named_once(changes: dict[str, str]) -> None:
    assert codes(article(**changes)) == ["article-unfinished"]


@pytest.mark.parametrize("title", ["Drafting a contract", "The draft", "A test of bread", "Titles", "My to-do list"])
def test_titles_with_such_words_are_fine(title: str) -> None:
    assert codes(article(title)) == []


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (RUSSIAN, "en"),
        (RUSSIAN, "de-AT"),
        (ENGLISH, "ru"),
        ("面包可以保存很久因为酸会减缓变质" * 10, "en"),
        (ENGLISH, "ja"),
    ],
)
def test_a_language_whose_letters_the_text_does_not_have_is_named(text: str, language: str) -> None:
    assert codes(article(text=text, language=language)) == ["language-mismatch"]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (RUSSIAN, "ru"),
        (RUSSIAN, "sr"),
        (ENGLISH, "sr-Latn"),
        (ENGLISH, "fr"),
        ("パンは長く持ちます。酸が腐敗を遅らせるからです。" * 10, "ja"),
        ("Короткое слово", "en"),
        (RUSSIAN, "x-unknown"),
    ],
)
def test_a_language_that_may_be_right_is_no_problem(text: str, language: str) -> None:
    assert codes(article(text=text, language=language)) == []


def test_articles_in_different_languages_are_named_together() -> None:
    assert codes(article(), article(language="en-GB")) == []
    assert codes(article(), article(language="fr")) == ["languages-mixed"]
