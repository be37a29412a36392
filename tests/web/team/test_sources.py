"""Sources in the team's app: found at an address and looked at before they are added, read, changed and removed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import lxml.html
import pytest

from distributor.domain.ip_networks import parse_networks
from distributor.domain.source import Publishing, Source, SourceState
from distributor.domain.user import Role
from distributor.flow.articles import source_runs, sources
from distributor.flow.articles.source_mail import accept_article_mail
from distributor.flow.operations.attention import all_attention
from distributor.storage import articles
from distributor.storage import sources as source_rows
from distributor.testing.scripted_server import ScriptedServer, scripted_server
from tests.flow.articles.content_site import ContentSite, Post

from .conftest import Browser, MakeTeam, Team
from .test_articles import PROBE, hidden, words_of

CANARY = "canary-4711-secret"


@pytest.fixture
def team(make_team: MakeTeam) -> Team:
    """A team app that may fetch from servers on this machine."""
    return make_team(fetch_networks=parse_networks("127.0.0.1"))


@pytest.fixture
def editor(team: Team) -> Browser:
    return team.signed_in(team.user(Role.EDITOR, name="Ada Writer"))


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    dated = "Mon, 02 Mar 2026 10:00:00 GMT"
    site = ContentSite([Post("a", "First", "<p>One.</p>", dated, ("Sea",)), Post("b", "Second", "")])
    with scripted_server(route=site.route) as running:
        yield running


def source(team: Team, name: str) -> Source:
    return sources.show(team.app, name).source


def read(team: Team, name: str) -> None:
    source_runs.run_source(team.app, source(team, name).id)


def add_feed(team: Team, server: ScriptedServer, name: str = "site") -> None:
    sources.add(team.app, name, "feed", {"url": f"{server.url}/feed.xml"})


def test_without_sources_the_page_says_what_to_do(team: Team, editor: Browser):
    page = editor.page("/app/sources")
    assert "what is written there comes in here as articles" in words_of(page)
    assert page.xpath("//a[@href='/app/sources/new']")
    assert "/app/sources" in editor.page("/app/articles").xpath("//main//a/@href")
    viewer = team.signed_in(team.user(Role.VIEWER)).page("/app/sources")
    assert viewer.xpath("//main//form | //a[@href='/app/sources/new']") == []


def test_an_address_shows_what_would_come_in_before_it_is_added(team: Team, editor: Browser, server: ScriptedServer):
    looked = editor.post("/app/sources/new", {"address": f"{server.url}/feed.xml"})
    assert looked.status_code == 200
    for words in (
        "First",
        "2026-03-02T10:00:00",
        "Sea",
        "Does not come in:",
        'value="127-0-0-1"',
        'value="nothing" checked',
    ):
        assert words in looked.text
    assert [view.source.name for view in sources.listed(team.app)] == ["folder"], "looking stores nothing"

    form = {"setting:url": f"{server.url}/feed.xml", "name": "site", "publishing": "new", "every": "3600"}
    assert editor.post("/app/sources/new/feed", form).headers["location"] == "/app/sources/site?done=added"
    added = source(team, "site")
    assert (added.publishing, added.interval.total_seconds()) == (Publishing.NEW, 3600)
    assert ("user:editor@example.org", "source added", "site") in team.log()

    read(team, "site")
    assert "1 new, 1 unreadable" in words_of(editor.page("/app/sources"))
    page = editor.page("/app/sources/site")
    for words in ("What is new is published", "every 60 minutes", "What could not be read b", "First Draft"):
        assert words in words_of(page)


def test_what_is_chosen_safely_if_nothing_is_said_is_that_nothing_is_published(team: Team, editor: Browser):
    editor.post("/app/sources/new/feed", {"setting:url": "https://a.example/feed", "name": "site"})
    assert source(team, "site").publishing is Publishing.NOTHING


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("", "No address is given yet"),
        ("nowhere", "Nowhere is no web address and no account: write it as in your browser, or as @name@host."),
        ("/etc", "/etc is no web address and no account"),
        ("10.0.0.1/feed", "https://10.0.0.1/feed: it cannot be fetched"),
        (PROBE, "is no web address"),
    ],
)
def test_an_address_at_which_nothing_is_found_is_told_and_stays(editor: Browser, address: str, words: str):
    answer = editor.post("/app/sources/new", {"address": address})
    assert answer.status_code == 422
    assert "<script>alert" not in answer.text
    assert words in answer.text
    assert lxml.html.fromstring(answer.text).xpath("string(//input[@name='address']/@value)") == address


def test_a_kind_is_chosen_its_secret_never_comes_back_and_what_is_wrong_is_at_its_field(team: Team, editor: Browser):
    page = editor.page("/app/sources/new")
    kinds = [one.rpartition("/")[2] for one in page.xpath("//a[contains(@class,'choice-card')]/@href")]
    assert kinds == ["ghost", "mailbox", "web_hook"]
    assert editor.get("/app/sources/new/folder").status_code == 404
    refused = editor.post("/app/sources/new/web_hook", {"name": "shop", "secret:secret": "short-4711"})
    assert refused.status_code == 422
    assert 'id="secret:secret-error"' in refused.text
    assert "short-4711" not in refused.text
    for name in ("new", "A Shop", "folder"):
        answer = editor.post("/app/sources/new/web_hook", {"name": name, "secret:secret": CANARY})
        assert (answer.status_code, CANARY in answer.text) == (422, False), name
    editor.post("/app/sources/new/web_hook", {"name": "shop", "secret:secret": CANARY})
    shown = editor.get("/app/sources/shop?done=added").text
    assert "takes what is sent to it" in shown
    assert "/webhooks/sources/shop" in shown
    assert "It is set, and never shown." in shown
    assert CANARY not in shown + editor.get("/app/sources").text


def test_the_secret_address_for_mails_is_shown_to_those_who_write_articles(team: Team, editor: Browser):
    sources.add(team.app, "desk", "mailbox", {"domain": "in.example.org"})
    address = sources.show(team.app, "desk").address
    assert address in words_of(editor.page("/app/sources/desk"))
    viewer = team.signed_in(team.user(Role.VIEWER))
    assert address not in viewer.get("/app/sources/desk").text + viewer.get("/app/sources").text


def test_a_mail_that_is_not_taken_in_is_at_its_source_and_at_no_other(team: Team, editor: Browser):
    for name in ("desk", "shop"):
        sources.add(team.app, name, "mailbox", {"domain": "in.example.org", "allowed_senders": "bo@example.org"})
    stranger = b"From: eve@example.org\r\nSubject: Bread\r\n\r\nRye, with malt.\r\n"
    accept_article_mail(team.app, stranger, recipient=sources.show(team.app, "desk").address)
    (held,) = editor.page("/app/sources/desk").xpath("//section[@aria-labelledby='held']//li")
    assert "A mail" in held.text_content()
    assert "eve@example.org" not in held.text_content(), "who may not read people sees no addresses"
    assert editor.page("/app/sources/shop").xpath("//section[@aria-labelledby='held']") == []


def test_a_source_without_what_it_needs_says_so_in_words(team: Team, editor: Browser):
    sources.add(team.app, "desk", "mailbox", {})
    page = words_of(editor.page("/app/sources/desk"))
    assert "set its domain to one whose mail the inbound server receives" in page
    assert "Failing" in page


def test_a_source_is_changed_paused_resumed_and_read(team: Team, editor: Browser, server: ScriptedServer):
    add_feed(team, server)
    page = editor.page("/app/sources/site")
    form = {**dict(page.xpath("//form[@aria-labelledby='settings']")[0].form_values())}
    answer = editor.post("/app/sources/site", {**form, "publishing": "all", "setting:complete": "on", "every": "300"})
    assert answer.headers["location"] == "/app/sources/site?done=saved"
    changed = source(team, "site")
    assert (changed.publishing, changed.interval.total_seconds(), changed.settings["complete"]) == (
        Publishing.ALL,
        300,
        True,
    )
    stale = editor.post("/app/sources/site", {**form, "publishing": "nothing"})
    assert (stale.status_code, "somebody else has changed it" in stale.text) == (409, True)
    fresh = {**form, "version": hidden(editor.page("/app/sources/site"), "version")}
    wrong = editor.post("/app/sources/site", {**fresh, "setting:url": "no address"})
    assert wrong.status_code == 422
    assert 'value="no address"' in wrong.text

    assert editor.post("/app/sources/site/pause", {"from": "list"}).headers["location"].startswith("/app/sources?done=")
    assert source(team, "site").state is SourceState.PAUSED
    assert "site is paused" in words_of(editor.page("/app/sources?done=paused&of=site"))
    assert editor.post("/app/sources/site/run").status_code == 409
    editor.post("/app/sources/site/resume")
    read(team, "site")
    team.clock.advance(seconds=10)
    assert editor.post("/app/sources/site/run").status_code == 303
    assert source(team, "site").next_run_at == team.clock.now


def test_a_source_that_fails_says_why_and_is_linked_from_what_needs_a_person(team: Team, editor: Browser):
    source = sources.add(team.app, "site", "feed", {"url": "https://a.example/feed"}).source
    with team.app.database.begin() as connection:
        for _ in range(3):
            source_rows.record_failure(
                connection,
                source,
                "<b>ada@example.org</b>: away",
                next_run_at=team.clock.now,
                is_final=False,
                now=team.clock.now,
            )
    (item,) = [one for one in all_attention(team.app) if one.about == "site"]
    assert item.path == "/app/sources/site"
    page = editor.page(item.path)
    assert "It failed 3 times in a row." in words_of(page)
    assert page.xpath("//b") == []
    assert "ada@example.org" not in words_of(page), "who may not read people sees no addresses"
    assert "Failing" in words_of(editor.page("/app/sources"))


def test_a_removed_source_leaves_its_articles_which_are_listed_by_it(
    team: Team, editor: Browser, server: ScriptedServer
):
    add_feed(team, server)
    read(team, "site")
    with team.app.database.begin() as connection:
        number = articles.find_by_slug(connection, "first").id
    assert "/app/sources/site" in editor.page(f"/app/articles/{number}").xpath("//main//a/@href")
    listed = words_of(editor.page("/app/articles?source=site"))
    assert "from site" in listed
    assert "No article is like that" in words_of(editor.page("/app/articles?source=folder"))
    assert "Its articles stay as they are" in words_of(editor.page("/app/sources/site/remove"))
    assert editor.post("/app/sources/site/remove").headers["location"] == "/app/sources?done=removed"
    assert editor.get("/app/sources/site").status_code == 404
    assert "First" in words_of(editor.page("/app/articles?source=site"))
    assert "/app/sources/site" not in editor.page(f"/app/articles/{number}").xpath("//main//a/@href")


def test_files_of_the_server_are_read_and_paused_here_but_not_pointed_elsewhere(
    team: Team, editor: Browser, tmp_path: Path
):
    sources.add(team.app, "blog", "folder", {"path": str(tmp_path)}, may_be_local=True)
    page = editor.page("/app/sources/blog")
    assert "on its command line" in words_of(page)
    assert page.xpath("//input[starts-with(@name, 'setting:')]") == []
    version = hidden(page, "version")
    editor.post("/app/sources/blog", {"version": version, "setting:path": "/etc", "publishing": "new"})
    assert (source(team, "blog").settings["path"], source(team, "blog").publishing) == (str(tmp_path), Publishing.NEW)
    assert editor.post("/app/sources/folder/remove").status_code == 422
    assert source(team, "folder").name == "folder"


def test_who_only_reads_articles_changes_no_source(team: Team, server: ScriptedServer):
    add_feed(team, server)
    viewer = team.signed_in(team.user(Role.VIEWER))
    assert viewer.page("/app/sources/site").xpath("//main//form") == []
    for path in ("", "/run", "/pause", "/resume", "/remove"):
        assert viewer.post(f"/app/sources/site{path}").status_code == 403
    assert viewer.post("/app/sources/new", {"address": server.url}).status_code == 403
