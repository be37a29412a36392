"""Article checks: what looks unfinished or mistaken in an article, before a campaign sends it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import regex

from distributor.domain.article import Article
from distributor.domain.blocks import plain_text
from distributor.domain.campaign_review import joined
from distributor.domain.problems import Problem, Severity

_PLACEHOLDER_TITLES = frozenset({"draft", "new article", "new post", "tbd", "test", "title", "todo", "untitled"})
_UNFINISHED = regex.compile(
    r"^(?:draft|wip|todo|copy of)\s*[:\-–—]|\blorem ipsum\b|\bTODO\b\s*:|\bTKTK\b", regex.I | regex.M
)
# The scripts in which text is counted, and the languages that are written in each of them, by the codes of ISO 639.
_SCRIPTS = {
    "Arabic": "ar fa ps sd ug ur",
    "Cyrillic": "be bg kk ky mk mn ru sr tg tt uk",
    "Devanagari": "hi mr ne sa",
    "Greek": "el",
    "Han": "ja ko yue zh",
    "Hangul": "ko",
    "Hebrew": "he yi",
    "Hiragana": "ja",
    "Katakana": "ja",
    "Latin": (
        "bs ca cs cy da de en es et eu fi fr ga gl hr hu id is it lt lv ms mt nb nl nn no pl pt ro sk sl sq sr sv tr vi"
    ),
    "Thai": "th",
}
_LANGUAGES = {script: frozenset(codes.split()) for script, codes in _SCRIPTS.items()}
_LETTER = {script: regex.compile(rf"\p{{Script={script}}}") for script in _SCRIPTS}
# A name or a quotation in another script is no sign of another language.
_FEW_LETTERS = 100


def article_problems(found: Sequence[Article]) -> Iterator[Problem]:
    """Warnings: a title or text that looks like a placeholder, a language that the text is not in, mixed languages."""
    for article in found:
        yield from _unfinished(article)
        yield from _other_language(article)
    languages = sorted({article.language.partition("-")[0].lower() for article in found})
    if len(languages) > 1:
        message = f"the articles are in different languages: {joined(languages)}; most readers expect one"
        yield Problem(Severity.WARN, "languages-mixed", message)


def _unfinished(article: Article) -> Iterator[Problem]:
    title = article.title.strip()
    if title.casefold() in _PLACEHOLDER_TITLES:
        message = f"the title of article {article.slug} is still {title!r}"
        yield Problem(Severity.WARN, "title-placeholder", message, article.slug)
    for text in (title, article.summary, plain_text(article.body)):
        if (sign := _UNFINISHED.search(text)) is not None:
            message = f"article {article.slug} looks unfinished: it says {sign.group().strip()!r}"
            yield Problem(Severity.WARN, "article-unfinished", message, article.slug)
            return


def _other_language(article: Article) -> Iterator[Problem]:
    language = article.language.partition("-")[0].lower()
    if not any(language in codes for codes in _LANGUAGES.values()):
        return
    text = f"{article.title}\n{plain_text(article.body)}"
    letters = Counter({script: len(pattern.findall(text)) for script, pattern in _LETTER.items()})
    script, count = letters.most_common(1)[0]
    if count >= _FEW_LETTERS and count * 2 > letters.total() and language not in _LANGUAGES[script]:
        message = (
            f"the language of article {article.slug} is {article.language!r}, but most of it is written in {script} "
            "letters: set its language, which screen readers and hyphenation go by"
        )
        yield Problem(Severity.WARN, "language-mismatch", message, article.slug)
