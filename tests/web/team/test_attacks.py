"""What somebody with bad intentions tries on every page of the app, whoever is signed in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import partial

import lxml.html
import pytest
from playwright.sync_api import Dialog, expect
from sqlalchemy import text

from distributor.domain.user import Role
from distributor.flow.team import accounts
from distributor.storage import articles
from distributor.storage.database import Connection
from distributor.web.forms import MOST_FILES
from tests.conftest import thorough
from tests.web.browser import visiting

from .conftest import PASSWORD, SAME_ORIGIN, Browser, Team
from .screens import TOKEN, FilledService, fill
from .test_access import SAFE, declared, path_of
from .test_screens import screens, values_of

# Of a person who gets mails, as servers and links write it.
ADDRESS = "550 5.1.1 <planted@harbour.example> unknown, see https://x.example/?to=planted%40harbour.example"
MARKUP = "\"'><script>pwned(1)</script><img src=x onerror=pwned(2)>{{ 71 * 191 * 19 }}{% raw %}"
SCRIPT_LINK = 'javascript:pwned(3)//"><script>pwned(4)</script>'
# What people, servers and browsers have written. Each is shown somewhere.
WRITTEN = (
    *("campaigns.name", "lists.name", "segments.name", "subscribers.name", "tags.label", "users.name"),
    *("test_groups.name", "campaign_comments.text", "campaign_history.detail", "campaign_history.actor"),
    *("dispatches.reason", "paused_routes.reason", "deliveries.remote_id", "delivery_history.reply"),
    *("delivery_history.reason", "audit_log.subject", "audit_log.detail", "audit_log.user_agent"),
    "user_sessions.user_agent",
)
_PARAMETER = re.compile(r"\{(\w+)\}")
NUMBERS = re.compile(r"\{\w+_id\}")
LIVE = "/campaigns/{campaign_id}/live"


def plant(connection: Connection, words: str, delivery_id: int) -> None:
    """Let these be the words of servers, links and colleagues about a delivery, its channel and its campaign."""
    change = connection.execute
    known = {"id": delivery_id, "words": words}
    change(text("UPDATE dispatches SET reason = :words WHERE reason <> ''"), known)
    change(text("UPDATE paused_routes SET reason = :words"), known)
    change(text("UPDATE deliveries SET reply = :words WHERE state IN ('failed', 'deferred', 'bounced')"), known)
    change(
        text("""
            INSERT INTO delivery_history (delivery_id, at, state, attempt, reply, actor, reason)
            VALUES (:id, now(), 'deferred', 1, :words, '', ''),
                   (:id, now(), 'failed', 1, '', 'user:a@b.example', :words)
        """),
        known,
    )
    change(
        text("""
            INSERT INTO events (delivery_id, kind, key, at, detail)
            SELECT :id, kind, kind, now(), jsonb_build_object(
                'url', CAST(:words AS text), 'user_agent', CAST(:words AS text), 'code', CAST(:words AS text))
            FROM unnest(ARRAY['open', 'click', 'bounce', 'complaint', 'delay']) kind
        """),
        known,
    )
    change(
        text("""
            INSERT INTO campaign_audits
                (campaign_id, state, requested_by, requested_at, updated_at, finished_at, counts, differences)
            SELECT id, 'finished', 'user:a@b.example', now(), now(), now(), '{"bounced": 1}',
                jsonb_build_array(jsonb_build_object('kind', 'bounced', 'delivery', CAST(:id AS bigint),
                    'channel', 'email', 'state', 'sent', 'evidence', CAST(:words AS text)))
            FROM campaigns
        """),
        known,
    )


def _value(values: Mapping[str, str], found: re.Match[str]) -> str:
    return values.get(found[1], "1")


def pages(team: Team, filled: FilledService, browser: Browser) -> Iterator[tuple[str, str]]:
    """The path and the text of every page that this browser can open."""
    for route in declared(team):
        if route.method not in SAFE or route.path == LIVE:
            continue
        chosen = (
            filled.campaigns if route.path == "/campaigns/{campaign_id}" else {"failed": filled.campaigns["failed"]}
        )
        for campaign_id in chosen.values():
            values = {**values_of(filled), "campaign_id": str(campaign_id)}
            path = f"/app{_PARAMETER.sub(partial(_value, values), route.path)}"
            response = browser.get(path)
            assert response.status_code != 500, path
            if response.status_code == 200:
                yield path, response.text


@pytest.mark.parametrize(
    "role", [Role.VIEWER, *(pytest.param(role, marks=thorough) for role in (Role.EDITOR, Role.APPROVER))]
)
def test_no_page_shows_an_address_of_a_reader_to_who_may_not_see_people(team: Team, role: Role):
    filled = fill(team.app)
    with team.app.database.begin() as connection:
        plant(connection, ADDRESS, filled.delivery_id)
    someone = team.user(role, "someone@example.org")
    shown = dict(pages(team, filled, team.signed_in(someone)))
    assert {"/app/", "/app/campaigns", "/app/calendar", "/app/channels/email"} <= shown.keys()
    assert f"/app/deliveries/{filled.delivery_id}" in shown
    address = re.compile(r"[\w.]{2,}(?:@|%40)(?:harbour|bigmail)\.example")
    found = {path: one[0] for path, page in shown.items() if (one := address.search(page))}
    # A link that was clicked is one of the message, the same for everyone.
    assert [path for path in found if "/results" not in path] == []
    # It was there to be seen.
    owner = team.signed_in(team.user(Role.OWNER, "owner-of-all@example.org"))
    for path in (f"deliveries/{filled.delivery_id}", "channels/email", f"campaigns/{filled.campaigns['failed']}/audit"):
        assert "planted@harbour.example" in owner.get(f"/app/{path}").text


def plant_everywhere(connection: Connection, delivery_id: int) -> None:
    """Let everything that somebody has written be markup, and every address of a post a script."""
    plant(connection, MARKUP, delivery_id)
    for table, _dot, column in (one.partition(".") for one in WRITTEN):
        connection.execute(text(f"UPDATE {table} SET {column} = :words"), {"words": MARKUP})
    connection.execute(text("UPDATE deliveries SET permalink = :words"), {"words": SCRIPT_LINK})
    fields = "'title', CAST(:words AS text), 'author', CAST(:words AS text), 'summary', CAST(:words AS text)"
    connection.execute(
        text(f"UPDATE article_revisions SET content = content || jsonb_build_object({fields})"), {"words": MARKUP}
    )


def plant_in_bodies_names_and_brand(connection: Connection) -> None:
    """Let each article have a text and a link of this, each channel a name, and the brand its names and address."""
    run: dict[str, object] = {"text": MARKUP, "href": SCRIPT_LINK, "image": None, "marks": []}
    blocks = [{"block": "paragraph", "runs": [run]}, {"block": "code", "text": MARKUP, "language": MARKUP}]
    connection.execute(
        text("UPDATE article_revisions SET content = jsonb_set(content, '{body}', content->'body' || :blocks)"),
        {"blocks": json.dumps(blocks)},
    )
    # Pages are found by the name of the mail channel.
    connection.execute(text("UPDATE channels SET name = name || :words WHERE kind <> 'email'"), {"words": MARKUP})
    brand = dict.fromkeys(("site_name", "postal_address"), MARKUP)
    brand["sender"] = "'><script>pwned(1)</script> <news@gazette.example>"
    connection.execute(
        text(
            "INSERT INTO site_settings (name, value, changed_by, changed_at) "
            "SELECT key, value, :words, now() FROM jsonb_each_text(CAST(:brand AS jsonb)) "
            "ON CONFLICT (name) DO UPDATE SET value = excluded.value"
        ),
        {"brand": json.dumps(brand), "words": MARKUP},
    )


def test_whatever_is_written_no_page_has_markup_or_a_link_of_it(team: Team):
    filled = fill(team.app)
    owner = team.signed_in(team.user(Role.OWNER, "owner-of-all@example.org"))
    with team.app.database.begin() as connection:
        plant_everywhere(connection, filled.delivery_id)
        plant_in_bodies_names_and_brand(connection)
    shown = dict(pages(team, filled, owner))
    assert sum("pwned(1)" in page for page in shown.values()) > 20
    for path, page in shown.items():
        if not page.lstrip().startswith("<"):
            continue
        elements = [one for one in lxml.html.fromstring(page).iter() if isinstance(one.tag, str)]
        assert not [one for one in elements if one.tag == "script" and "pwned" in (one.text or "")], path
        values = [(name, value) for one in elements for name, value in one.attrib.items()]
        assert not [name for name, _value in values if name.startswith("on")], path
        assert not [value for _name, value in values if value.strip().lower().startswith("javascript:")], path
        assert "257659" not in page, path


@pytest.mark.parametrize("digits", [19, 5000])
def test_a_number_of_any_length_in_an_address_is_something_that_is_not_there(team: Team, digits: int):
    owner = team.signed_in(team.user())
    routes = [one for one in declared(team) if NUMBERS.search(one.path)]
    assert len(routes) > 50
    assert not [one.path for one in declared(team) if ":" in one.path]
    for route in routes:
        path = path_of(route).replace("999", "9" * digits)
        if route.method in SAFE:
            assert owner.get(path).status_code == 404, route.path
            assert team.browser().get(path).status_code == 303, route.path
        else:
            assert owner.post(path).status_code in (404, 422), route.path


@pytest.mark.parametrize("headers", [{}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"}], ids=str)
def test_no_route_takes_a_change_of_another_site_by_a_form_a_file_or_a_script(team: Team, headers: dict[str, str]):
    owner = team.signed_in(team.user())
    changing = [one for one in declared(team) if one.method not in SAFE]
    assert len(changing) > 60
    for route in changing:
        for more in ({}, {"HX-Request": "true"}):
            sent = owner.client.post(path_of(route), data={"name": "x"}, headers={**headers, **more})
            assert (sent.status_code, "did not come from a page" in sent.text) == (403, True), route.path
        if route.takes_files:
            sent = owner.client.post(path_of(route), files={"files": ("a.md", b"# x")}, headers=headers)
            assert sent.status_code == 403, route.path
    assert owner.get("/app").status_code == 200


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="pwned(1)"><script>pwned(2)</script></svg>'
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00<script>pwned(3)</script>"


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("evil.svg", SVG, "this is an image"),
        ("evil.html", SVG, "this is an image"),
        ("a.md", JPEG, "this is an image"),
        ("a.md", b"# Hello\n\nwith\0NUL", "contains NUL bytes"),
        ("a.md", b"---\ndraft: !!python/object/apply:os.system [id]\n---\nx", "must be true or false"),
        ("a.md", b"---\na: &a [x]\nb: [*a, *a]\n---\n# x", "aliases (*) are not accepted"),
    ],
)
def test_a_file_that_is_another_than_it_says_is_no_article(team: Team, name: str, body: bytes, said: str):
    sent = team.signed_in(team.user()).post("/app/articles/upload", files={"files": (name, body)})
    assert (sent.status_code, said in sent.text) == (422, True)
    assert "pwned" not in sent.text


@pytest.mark.parametrize("name", ["../../etc/passwd.md", "..\\..\\a.md", "/etc/cron.d/a.md", "a\0b.md", "<b>.md"])
def test_the_name_of_a_file_is_a_text_and_no_path(team: Team, name: str):
    browser = team.signed_in(team.user())
    sent = browser.post("/app/articles/upload", files={"files": (name, b"# Hello\n\n<script>pwned(1)</script> world")})
    assert "is the article" in sent.text
    assert "<script>pwned" not in sent.text
    assert "<b>.md" not in sent.text
    with team.app.database.begin() as connection:
        slugs = [one.article.slug for one in articles.latest(connection, limit=5)]
    assert slugs == ["hello"]


def test_why_a_form_was_not_read_is_said_in_words_with_what_to_do(team: Team):
    browser = team.signed_in(team.user())
    upload, profile = "/app/articles/upload", "/app/account/profile"
    many = [("files", (f"{number}.md", b"# x")) for number in range(MOST_FILES + 1)]
    odd = {"content": b"--x\r\nContent-Disposition: form-data\r\n\r\na", "type": "multipart/form-data; boundary=x"}
    answers = {
        "More than 50 files were chosen": browser.post(upload, files=many),
        "too long a name": browser.post(upload, files={"files": ("x" * 5000 + ".md", b"# x")}),
        "more fields than any of ours": browser.post(profile, {f"f{number}": "x" for number in range(1500)}),
        "takes no files": browser.post(profile, files={"file": ("a.md", b"# x")}),
        "cannot be kept, such as a NUL": browser.post(profile, {"name": "a\0b"}),
        "did not arrive whole": browser.client.post(
            profile, content=odd["content"], headers={**SAME_ORIGIN, "Content-Type": str(odd["type"])}
        ),
    }
    for words, sent in answers.items():
        page = " ".join(lxml.html.fromstring(sent.text).find(".//main").text_content().split())
        assert (sent.status_code, words in page) == (400, True), (words, page)
        assert "Nothing was changed" in page


@pytest.mark.parametrize(
    "path", ["/app/articles/upload", "/app/nothing", "/app/sign-in", "/subscribe", "/api/v1/lists"]
)
def test_a_body_that_is_too_large_is_refused_in_words_and_with_the_headers_of_every_page(team: Team, path: str):
    sent = team.signed_in(team.user()).client.post(path, content=b"x" * 21_000_000, headers=SAME_ORIGIN)
    assert sent.status_code == 413
    assert {"content-security-policy", "x-content-type-options"} <= sent.headers.keys()
    assert "frame-ancestors 'none'" in sent.headers["content-security-policy"]
    if not path.startswith("/api/"):
        assert "too large" in sent.text
        assert sent.headers["cache-control"] == "no-store"


def test_a_link_for_a_password_ends_the_session_that_the_browser_had_before(team: Team):
    owner = team.user()
    browser = team.signed_in(owner)
    before = browser.token
    _, link = accounts.create_user(
        team.app, email="new@example.org", name="", role=Role.VIEWER, actor=accounts.actor_of(owner)
    )
    path = f"/app/set-up/{link.rpartition('/')[2]}"
    assert browser.post(path, {"password": PASSWORD, "password_again": PASSWORD, "name": "New"}).status_code == 303
    assert "new@example.org" in browser.get("/app/account").text
    browser.client.cookies.set("distributor_session", before)
    assert browser.get("/app").status_code == 303


@pytest.mark.browser
def test_nothing_that_is_written_runs_in_a_browser_and_after_signing_out_nothing_is_left_of_it(team: Team):
    app = team.app
    filled = fill(app)
    with app.database.begin() as connection:
        plant_everywhere(connection, filled.delivery_id)
    problems: list[str] = []

    def dismiss(dialog: Dialog) -> None:
        problems.append(f"{page.url}: {dialog.message}")
        dialog.dismiss()

    with visiting(app) as visitor, visitor.at("/app/sign-in") as page:
        page.on("dialog", dismiss)
        page.on("pageerror", lambda error: problems.append(f"{page.url}: {error}"))
        page.on("console", lambda said: problems.append(f"{page.url}: {said.text}") if said.type == "error" else None)
        page.add_init_script("window.pwned = (number) => alert(number);")
        page.context.add_cookies([{"name": "distributor_session", "value": TOKEN, "url": visitor.public_url}])
        shown = screens(app, filled)
        for path in shown.values():
            page.goto(visitor.public_url + path)
        page.goto(f"{visitor.public_url}/app/search?q=pwned")
        assert len(shown) > 60
        # An image that is no image, where a page shows one, is asked for and not found: that is no script.
        assert [one for one in problems if "_components" not in one and "Failed to load resource" not in one] == []
        page.goto(f"{visitor.public_url}/app/account")
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url("**/app/sign-in")
        page.go_back()
        expect(page.get_by_role("button", name="Sign in")).to_be_visible()
