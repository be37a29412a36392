"""`source`: adding what one has by its address, reading it, pausing and removing it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from shutil import which
from typing import Any

import pytest

from distributor.sources.kinds.registry import describe_settings, kinds
from distributor.testing.scripted_server import RecordedRequest, Reply, ScriptedServer, Step, scripted_server
from tests.cli.conftest import CommandResult, Run
from tests.cli.test_channel import PYTHON
from tests.flow.articles.content_site import ContentSite, Post

LOCAL = {"DISTRIBUTOR_FETCH_NETWORKS": "127.0.0.1"}
PAGE = b'<html><head><link rel="alternate" type="application/rss+xml" href="/feed.xml"></head><p>Hello</p></html>'


@pytest.fixture
def site() -> ContentSite:
    return ContentSite([Post("a", "First", "<p>One.</p>", tags=("C++",)), Post("b", "", "<p>Second things first.</p>")])


@pytest.fixture
def server(site: ContentSite) -> Iterator[ScriptedServer]:
    def route(request: RecordedRequest) -> Step:
        return Reply(200, PAGE, {"Content-Type": "text/html"}) if request.path == "/" else site.route(request)

    with scripted_server(route=route) as running:
        yield running


@pytest.fixture
def blog(tmp_path: Path) -> Path:
    folder = tmp_path / "blog"
    folder.mkdir()
    (folder / "rye.md").write_text("---\ntitle: Rye\ntags: [bread]\n---\n\nWith malt.\n")
    return folder


def assert_refused(result: CommandResult, reason: str) -> None:
    assert result.code in (2, 3, 4, 5), result.err
    assert "Traceback" not in result.err
    assert reason in result.message


def shown(run: Run, name: str) -> Any:
    return json.loads(run("source", "show", name, "--json").out)


@pytest.mark.parametrize("kind", kinds())
def test_a_kind_explains_every_setting_in_words(run: Run, kind: str) -> None:
    result = run("source", "kind", kind, COLUMNS="80")
    assert result.code == 0
    assert [one.name for one in describe_settings(kind) if one.name not in result.out] == []
    assert [word for word in PYTHON if word in result.out] == []
    assert [one.name for one in describe_settings(kind) if not one.description] == []
    assert kind in run("source", "kinds").out


def test_the_feed_of_a_page_is_found_tried_added_and_read(run: Run, server: ScriptedServer) -> None:
    tried = run("source", "try", f"{server.url}/", **LOCAL)
    assert "First" in tried.out
    assert "2 items of a source of kind feed; nothing was changed" in tried.message
    assert json.loads(run("article", "list", "--json").out) == []

    added = run("source", "add", f"{server.url}/", "--publish", "new", "--every", "1h", **LOCAL)
    assert "read every 1h; what it has already comes in as drafts, and what is new is published" in added.message
    assert "2 added" in run("source", "run", "127-0-0-1", **LOCAL).message
    found = shown(run, "127-0-0-1")
    assert (found["kind"], found["settings"]) == ("feed", {"url": f"{server.url}/feed.xml"})
    assert (found["last_result"]["added"], found["state"], found["failures"]) == (2, "active", 0)
    slugs = {one["slug"] for one in json.loads(run("article", "list", "--json").out)}
    assert slugs == {"first", "second-things-first"}


def test_a_folder_and_a_git_working_copy_are_known_by_themselves(run: Run, blog: Path) -> None:
    assert "source blog: folder" in run("source", "add", str(blog)).message
    assert "1 added" in run("source", "run", "blog").message
    assert run("source", "remove", "blog").code == 0
    if which("git") is None:
        pytest.skip("git is not installed")
    subprocess.run(["git", "init", "-q", str(blog)], check=True)
    commit = ("git", "-C", str(blog), "-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-q", "-m", "-")
    subprocess.run(["git", "-C", str(blog), "add", "."], check=True)
    subprocess.run(commit, check=True)
    assert "source blog: git" in run("source", "add", str(blog)).message
    # It is the source of that name again, so its articles are.
    assert "nothing new" in run("source", "run", "blog").message


def test_what_is_wrong_is_told_listed_and_ends_with_a_status(
    run: Run, site: ContentSite, server: ScriptedServer
) -> None:
    run("source", "add", f"{server.url}/feed.xml", "--name", "site", **LOCAL)
    site.posts.append(Post("empty", "Empty", ""))
    result = run("source", "run", "site", **LOCAL)
    assert (result.code, "1 broken" in result.message) == (2, True)
    site.instead = Reply(503)
    assert_refused(run("source", "run", "site", **LOCAL), "503 Service Unavailable")
    assert "503 Service Unavailable" in " ".join(run("source", "list").out.split())
    assert shown(run, "site")["failures"] == 1


def test_a_source_is_changed_paused_resumed_and_removed(run: Run, blog: Path) -> None:
    run("source", "add", str(blog), "--name", "old")
    assert_refused(run("source", "add", str(blog), "--name", "old"), "there is a source 'old' already")
    run("source", "change", "old", "--set", "language=de", "--every", "5m")
    assert (shown(run, "old")["settings"]["language"], shown(run, "old")["interval_seconds"]) == ("de", 300)
    run("source", "change", "old", "--unset", "language")
    assert "language" not in shown(run, "old")["settings"]
    run("source", "pause", "old")
    assert shown(run, "old")["state"] == "paused"
    run("source", "resume", "old")
    assert shown(run, "old")["state"] == "active"
    run("source", "remove", "old")
    assert run("source", "show", "old").code == 3


def test_a_web_hook_says_where_articles_go_and_keeps_its_secret(run: Run) -> None:
    secret = "a secret that nobody shows again"
    added = run("source", "add", "--kind", "web_hook", "--name", "erp", "--set-env", "secret=HOOK", HOOK=secret)
    assert "/webhooks/sources/erp" in added.message
    everything = run("source", "show", "erp").out + json.dumps(shown(run, "erp")) + added.message
    assert secret not in everything
    assert shown(run, "erp")["secrets_set"] == ["secret"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("add",), "say where the source is, or its --kind"),
        (("add", "nowhere"), "nowhere is no folder of this machine, no web address and no account"),
        (("add", "--kind", "pigeon", "x"), "pigeon"),
        (("add", "https://a.example/feed", "--kind", "feed", "--every", "soon"), "'soon' is no interval"),
        (("add", "https://a.example/feed", "--kind", "feed", "--every", "1s"), "at most every 10 seconds"),
        (("add", "https://a.example/feed", "--kind", "feed", "--name", "upload"), "choose another name"),
        (("add", "https://a.example/feed", "--kind", "feed", "--name", "My Blog"), "such as 'my-blog'"),
        (("add", "ftp://a.example/feed", "--kind", "feed"), "url"),
        (("add", "--kind", "web_hook", "--name", "x", "--set", "secret=short"), "secret"),
        (("add", "https://a.example", "--kind", "feed", "--set", "color=red"), "kind feed has no setting 'color'"),
        (("remove", "folder"), "the content folder is always there"),
        (("change", "folder", "--publish", "all"), "DISTRIBUTOR_CONTENT_DIR"),
        (("run", "nobody"), "nobody"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_reason(run: Run, arguments: tuple[str, ...], reason: str) -> None:
    assert_refused(run("source", *arguments), reason)


def test_the_content_folder_is_a_source_like_others(run: Run) -> None:
    assert shown(run, "folder")["kind"] == "folder"
    assert run("source", "run", "folder").code == 0
