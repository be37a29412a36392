"""What holds for every path: error pages, security headers, and a log without personal data."""

from __future__ import annotations

import psycopg
import pytest
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from distributor.domain.tokens import Purpose
from distributor.flow.app_context import AppContext

from .samples import PublishFeed, SentMail, WriteArticle


def test_every_answer_is_guarded(
    client: TestClient, sent_mail: SentMail, write_article: WriteArticle, publish_feed: PublishFeed
):
    write_article()
    publish_feed("feeds/all.rss")
    answers = [
        client.get("/"),
        client.get("/articles/the-news"),
        client.get("/feeds/all.rss"),
        client.get("/nothing"),
        client.get("/nothing%00"),
        client.get("/healthz"),
        client.delete("/"),
        client.get(f"/o/{sent_mail.token(Purpose.OPEN)}.gif"),
        client.get(f"/c/{sent_mail.token(Purpose.CLICK)}"),
        client.get(f"/view/{sent_mail.token(Purpose.VIEW)}"),
        client.post(f"/unsubscribe/{sent_mail.token(Purpose.UNSUBSCRIBE)}"),
    ]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "referrer-policy" in answer.headers
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "script-src" not in policy
        assert "set-cookie" not in answer.headers


def test_a_fault_of_ours_is_a_page_in_words_and_never_a_traceback(
    client: TestClient, write_article: WriteArticle, app: AppContext
):
    write_article()
    address = app.database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address) as connection:
        connection.execute("""UPDATE article_revisions SET content = '{"damaged": true}'""")
    answer = client.get("/articles/the-news")
    assert answer.status_code == 500
    assert "This is our mistake" in answer.text
    for word in ("Traceback", "Error", ".py", "psycopg", "SELECT"):
        assert word not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_what_an_address_cannot_do_is_shown_in_words(client: TestClient):
    answer = client.put("/healthz")
    assert answer.status_code == 405
    assert "This does not work here" in answer.text
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}


def test_an_address_with_two_methods_names_both(client: TestClient, sent_mail: SentMail):
    answer = client.delete(f"/unsubscribe/{sent_mail.token(Purpose.UNSUBSCRIBE)}")
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}


@pytest.mark.parametrize("path", ["/articles/the-news/", "/healthz/", "//evil.example", "/\\evil.example"])
def test_no_address_leads_to_another(client: TestClient, write_article: WriteArticle, path: str):
    write_article()
    answer = client.get(f"http://testserver{path}")
    assert answer.status_code == 404
    assert "location" not in answer.headers


def test_the_style_sheet_may_be_kept_for_ever_because_its_name_changes_with_it(client: TestClient):
    text = client.get("/").text
    path = text.split('rel="stylesheet" href="')[1].split('"')[0]
    sheet = client.get(path)
    assert sheet.headers["content-type"] == "text/css; charset=utf-8"
    assert "immutable" in sheet.headers["cache-control"]
    assert "{{" not in sheet.text
    assert "prefers-color-scheme: dark" in sheet.text


def test_the_log_names_routes_and_never_tokens_addresses_or_queries(client: TestClient, sent_mail: SentMail):
    token = sent_mail.token(Purpose.UNSUBSCRIBE)
    with capture_logs() as lines:
        client.get(f"/unsubscribe/{token}", params={"utm": "robin@example.org"})
        client.get("/unsubscribe/forged-token")
        client.get(f"/c/{sent_mail.token(Purpose.CLICK)}")
    assert [(line["method"], line["route"], line["status"]) for line in lines] == [
        ("GET", "/unsubscribe/{token}", 200),
        ("GET", "/unsubscribe/{token}", 404),
        ("GET", "/c/{token}", 302),
    ]
    for secret in (token, "forged", "robin", "utm", sent_mail.token(Purpose.CLICK)):
        assert secret not in str(lines)
