"""The words of our pages: complete in every language that the mails speak, and found by language."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from distributor.domain.errors import TemplateError
from distributor.rendering.environment import Templates, shipped_templates

TEMPLATES = Templates([shipped_templates()])
# Of the table of the mails.
OF_MAILS = '{% from "email/parts/words.j2" import words_of %}{{ words_of | join(" ") }}'
# What is written the same in English.
SAME = {
    ("de", "form.name"),
    ("de", "preferences.pause"),
    ("fr", "preferences.pause"),
    ("fr", "site.articles"),
}


def texts(table: Mapping[str, Any], section: str = "") -> Iterator[tuple[str, str]]:
    """The texts of a table by key, but for those of which a date is made."""
    for name, value in table.items():
        if isinstance(value, dict):
            yield from texts(value, f"{section}{name}.")
        elif name not in {"months", "date", "first_day"}:
            yield f"{section}{name}", value


ENGLISH = dict(texts(TEMPLATES.words["en"].table))
OTHERS = sorted(set(TEMPLATES.words) - {"en"})


def own_file(language: str) -> dict[str, Any]:
    """The file of a language by itself, without the English that would stand in."""
    return tomllib.loads((shipped_templates() / "web" / "words" / f"{language}.toml").read_text(encoding="utf-8"))


def test_pages_speak_the_languages_that_mails_speak(tmp_path: Path):
    (tmp_path / "of_mails.txt.j2").write_text(OF_MAILS)
    of_mails = Templates([tmp_path, shipped_templates()]).render("of_mails.txt.j2", {}).split()
    assert sorted(TEMPLATES.words) == sorted(of_mails)
    assert len(of_mails) >= 9


@pytest.mark.parametrize("language", OTHERS)
def test_every_language_has_every_text_with_its_placeholders_and_none_in_english(language: str):
    table = own_file(language)
    own = dict(texts(table))
    assert own.keys() == ENGLISH.keys()
    assert len(table["months"]) == 12
    placeholder = re.compile(r"%\(\w+\)s")
    for key, text in own.items():
        assert sorted(placeholder.findall(text)) == sorted(placeholder.findall(ENGLISH[key])), key
        assert "%" not in placeholder.sub("", text), key
    assert {(language, key) for key, text in own.items() if text == ENGLISH[key]} == {
        one for one in SAME if one[0] == language
    }


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (["de"], "de"),
        (["de-AT"], "de"),
        (["PT-br"], "pt"),
        (["zh_Hans", "fr"], "fr"),
        (["xx", "", "he"], "he"),
        ([], "en"),
        (["nothing"], "en"),
    ],
)
def test_a_language_is_found_without_its_region_and_english_stands_in(wanted: list[str], found: str):
    assert TEMPLATES.words_in(*wanted).language == found


@pytest.mark.parametrize(
    ("language", "first", "last"),
    [
        ("en", "1 March 2027", "31 March 2027"),
        ("de", "1. März 2027", "31. März 2027"),
        ("fr", "1er mars 2027", "31 mars 2027"),
        ("es", "1 de marzo de 2027", "31 de marzo de 2027"),
        ("he", "1 במרץ 2027", "31 במרץ 2027"),
    ],
)
def test_a_day_is_written_as_its_language_writes_it(language: str, first: str, last: str):
    words = TEMPLATES.words_in(language)
    assert [words.date(datetime(2027, 3, day, tzinfo=UTC)) for day in (1, 31)] == [first, last]


def test_a_file_of_ones_own_adds_a_language_or_changes_texts_and_the_rest_is_english(tmp_path: Path):
    folder = tmp_path / "web" / "words"
    folder.mkdir(parents=True)
    (folder / "hu.toml").write_text('name = "Magyar"\n[site]\nfollow = "Követés"\n', encoding="utf-8")
    templates = Templates([tmp_path, shipped_templates()])
    hungarian = templates.words_in("hu-HU")
    assert (hungarian.language, hungarian.name, hungarian.text("site.follow")) == ("hu", "Magyar", "Követés")
    assert hungarian.text("site.subscribe") == "Subscribe"
    assert hungarian.text("messages.404.title") == "Page not found"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('name = "X"\nsite = = 2', "line 2"),
        ('name = "X"\nsite = "no section"', "site"),
        ("name = 3", "name"),
        ('[site]\nfollow_what = "%(who)s"', "site.follow_what"),
        ('[site]\nfollow_what = "100 %"', "site.follow_what"),
        ('months = ["January"]', "months"),
    ],
)
def test_a_file_that_pages_could_not_be_made_of_is_refused_with_its_place(tmp_path: Path, content: str, reason: str):
    (tmp_path / "web" / "words").mkdir(parents=True)
    (tmp_path / "web" / "words" / "xx.toml").write_text(content)
    with pytest.raises(TemplateError, match=re.escape(reason)) as caught:
        Templates([tmp_path, shipped_templates()]).words_in("xx")
    assert "web/words/xx.toml" in str(caught.value)
