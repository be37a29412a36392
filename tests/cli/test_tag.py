"""`distributor tag …`: tags are listed, renamed, merged and set."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run


@pytest.fixture(autouse=True)
def tagged(run: Run, tmp_path: Path) -> None:
    for name, tags in (("one", "[C++, JS, R&D]"), ("two", "[JavaScript, JS]")):
        file = tmp_path / "content" / f"{name}.md"
        file.write_text(f"---\ntitle: {name}\ntags: {tags}\n---\n\nSome words.\n")
    assert run("article", "scan").code == 0


def test_tags_are_listed_with_slugs_hashtags_and_articles_within_80_columns(run: Run) -> None:
    listed = json.loads(run("tag", "list", "--json").out)
    assert [(one["label"], one["slug"], one["articles"]) for one in listed] == [
        ("C++", "c-plus-plus", 1),
        ("JavaScript", "javascript", 1),
        ("JS", "js", 2),
        ("R&D", "r-and-d", 1),
    ]
    assert "c-plus-plus" in run("tag", "list").out


def test_a_renamed_tag_keeps_its_articles_although_their_files_name_the_old_one(run: Run, tmp_path: Path) -> None:
    assert "'js' is called 'ECMAScript' now" in run("tag", "rename", "js", "ECMAScript").message
    file = tmp_path / "content" / "two.md"
    file.write_text(file.read_text() + "\nMore words.\n")
    assert "1 revised" in run("article", "scan").message
    assert json.loads(run("article", "show", "two", "--json").out)["tags"] == ["JavaScript", "ECMAScript"]
    shown = json.loads(run("tag", "show", "js", "--json").out)
    assert (shown["slug"], shown["aliases"], shown["synonyms"]) == ("ecmascript", ["js"], ["JS"])
    assert shown["articles"] == 2
    assert "ecmascript" in run("tag", "show", "js").out


def test_a_merge_says_what_it_touches_and_is_done_when_it_is_confirmed(run: Run) -> None:
    refused = run("tag", "merge", "js", "javascript")
    assert refused.code == 2
    assert "2 articles" in refused.message
    assert "cannot be undone" in refused.message
    assert "'JS' is 'JavaScript' now" in run("tag", "merge", "js", "javascript", "--yes").message
    assert json.loads(run("article", "show", "two", "--json").out)["tags"] == ["JavaScript"]


def test_hashtag_parent_and_synonyms_are_set_and_taken_away(run: Run) -> None:
    changed = run("tag", "set", "js", "--hashtag", "#ES6", "--parent", "javascript", "--synonym", "ES", "--json")
    found = json.loads(changed.out)
    assert (found["hashtag"], found["is_hashtag_chosen"], found["parent"], found["synonyms"]) == (
        "ES6",
        True,
        "javascript",
        ["ES"],
    )
    back = json.loads(run("tag", "set", "js", "--hashtag", "", "--parent", "", "--no-synonym", "ES", "--json").out)
    assert (back["hashtag"], back["is_hashtag_chosen"], back["parent"], back["synonyms"]) == ("JS", False, "", [])
    refused = run("tag", "set", "js", "--hashtag", "C#")
    assert refused.code == 2
    assert "no hashtag" in refused.message


def test_a_tag_that_is_not_there_is_named(run: Run) -> None:
    refused = run("tag", "show", "nothing")
    assert refused.code != 0
    assert "distributor tag list" in refused.message


def test_tags_are_suggested_for_an_article_and_none_is_given_to_it(run: Run, tmp_path: Path) -> None:
    (tmp_path / "content" / "three.md").write_text(
        "# Garden Soil\n\nThe garden soil feeds JavaScript. We feed the garden soil, and it is ours.\n\n"
        "What garden soil is, the garden soil knows. And ECMAScript too.\n"
    )
    assert run("article", "scan").code == 0
    assert run("tag", "set", "js", "--synonym", "ECMAScript").code == 0
    suggested = json.loads(run("tag", "suggest", "garden-soil", "--json").out)
    assert suggested == [
        {"label": "JavaScript", "is_known": True},
        {"label": "JS", "is_known": True},
        {"label": "garden soil", "is_known": False},
    ]
    assert "garden soil" in run("tag", "suggest", "garden-soil", "--limit", "3").out
    assert json.loads(run("article", "show", "garden-soil", "--json").out)["tags"] == []
    assert "often enough" in run("tag", "suggest", "one").out
    assert run("tag", "suggest", "nothing").code != 0
