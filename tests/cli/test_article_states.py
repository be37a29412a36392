"""The states of an article on the command line."""

from __future__ import annotations

import json
import os
import pwd
from pathlib import Path

import pytest

from tests.cli.conftest import ARTICLE, Run
from tests.sources.documents.office_files import archive

SLUG = "a-first-article"


@pytest.fixture
def added(run: Run, article: Path) -> Path:
    """The file of an article that is added as a draft."""
    assert "it is a draft" in run("article", "add", str(article)).message
    return article


@pytest.mark.usefixtures("added")
def test_an_article_is_published_withdrawn_and_published_again(run: Run) -> None:
    assert "it is ready" in run("article", "ready", SLUG).message
    first = json.loads(run("article", "publish", SLUG, "--json").out)
    assert first["state"] == "published"
    assert f"it is public on http://127.0.0.1:8000/articles/{SLUG}" in run("article", "publish", SLUG).message
    assert "it is withdrawn" in run("article", "withdraw", SLUG).message
    shown = json.loads(run("article", "show", SLUG, "--json").out)
    assert (shown["state"], shown["published_at"]) == ("withdrawn", first["published_at"])
    assert json.loads(run("article", "list", "--state", "withdrawn", "--json").out)[0]["slug"] == SLUG
    assert json.loads(run("article", "list", "--state", "published", "--json").out) == []
    again = json.loads(run("article", "publish", SLUG, "--json").out)
    assert again["published_at"] == first["published_at"]
    events = json.loads(run("article", "history", SLUG, "--json").out)
    assert [one["action"] for one in events] == ["added", "ready", "published", "withdrawn", "published"]
    assert {one["by"] for one in events} == {f"cli:{pwd.getpwuid(os.getuid()).pw_name}"}


@pytest.mark.usefixtures("added")
def test_an_embargo_is_set_and_taken_back(run: Run) -> None:
    result = run("article", "publish", SLUG, "--at", "2032-03-01 09:00", "--zone", "Europe/Berlin")
    assert "under embargo until 2032-03-01 08:00 UTC" in result.message
    assert "it is a draft" in run("article", "unpublish", SLUG).message


@pytest.mark.usefixtures("added")
def test_what_cannot_be_done_is_said_with_the_article(run: Run) -> None:
    result = run("article", "withdraw", SLUG)
    assert result.code == 4
    assert f"article {SLUG}: it is draft" in result.message
    assert run("article", "publish", SLUG, "--at", "2020-01-01 09:00", "--zone", "UTC").code == 2
    assert run("article", "publish", "nothing").code == 3


def test_revisions_are_compared(run: Run, added: Path) -> None:
    assert run("article", "diff", SLUG).code == 2
    added.write_text(ARTICLE.replace("some words", "other words"))
    run("article", "add", str(added))
    lines = run("article", "diff", SLUG).out.splitlines()
    assert {"-A paragraph with some words.", "+A paragraph with other words."} <= set(lines)
    assert run("article", "diff", SLUG, "--from", "2", "--to", "2").out.strip() == "The revisions read the same."


def test_a_setting_publishes_what_is_in_the_folder_and_a_missing_file_is_named(
    run: Run, article: Path, tmp_path: Path
) -> None:
    file = tmp_path / "content" / "a-first-article.md"
    article.rename(file)
    run("article", "scan", DISTRIBUTOR_CONTENT_PUBLISH="true")
    assert json.loads(run("article", "show", SLUG, "--json").out)["state"] == "published"
    file.unlink()
    assert "a-first-article.md is missing since" in run("article", "scan").message
    assert "a-first-article.md is missing since" in run("article", "list").message
    findings = json.loads(run("doctor", "--json").out)
    assert [one["state"] for one in findings if one["check"] == "content"] == ["warn"]
    run("article", "withdraw", SLUG)
    assert json.loads(run("article", "scan", "--json").out)["missing"] == []


@pytest.mark.usefixtures("added")
def test_a_campaign_says_that_its_release_publishes_the_article(run: Run) -> None:
    run("channel", "set", "feeds", "--kind", "feed")
    sentence = f"{SLUG} is not public yet: the release of campaign 1 publishes it"
    assert sentence in run("campaign", "create", "--article", SLUG, "--channel", "feeds", "--at", "+1d").message
    assert sentence in run("campaign", "show", "1").message
    assert json.loads(run("campaign", "show", "1", "--json").out)["to_publish"] == [SLUG]
    run("article", "publish", SLUG)
    assert "campaign 1 is paused" in run("article", "withdraw", SLUG).message
    refused = run("campaign", "resume", "1")
    assert refused.code == 4
    assert f"article {SLUG} was withdrawn" in refused.message


def test_a_zip_adds_what_can_be_read_and_names_what_cannot(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "issue.zip"
    file.write_bytes(archive({"a.md": "# Ann\n\nText.", "b.md": "---\ntitle: [\n---\ntext"}))
    result = run("article", "add", str(file), "--json")
    assert result.code == 2
    first, second = json.loads(result.out)["files"]
    assert (first["slug"], first["change"]) == ("ann", "added")
    assert second["problem"].startswith("line ")
    again = run("article", "add", str(file))
    assert "unchanged: ann, from a.md" in again.message
    assert "cannot be read: b.md: line " in again.message


def test_an_address_that_may_not_be_fetched_is_refused_with_its_reason(run: Run) -> None:
    result = run("article", "add", "http://127.0.0.1:9/tides.zip")
    assert result.code == 2
    assert "http://127.0.0.1:9/tides.zip: it cannot be fetched: 127.0.0.1, not a public address" in result.message
