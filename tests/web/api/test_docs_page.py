"""The page that describes the API works in a browser, without any other server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from distributor.domain.api_token import TokenScope
from distributor.flow.app_context import AppContext
from distributor.web.app import serving
from tests.web.browser import browsing

from .conftest import NewToken, Program


@pytest.fixture
def browser() -> Iterator[Browser]:
    with browsing() as browser:
        yield browser


@pytest.mark.browser
def test_it_shows_every_operation_and_lets_a_token_try_them(browser: Browser, app: AppContext, new_token: NewToken):
    secret, _ = new_token(TokenScope.LISTS_READ)
    messages: list[str] = []
    asked: list[str] = []
    with serving(app) as address:
        page = browser.new_page()
        page.on("console", lambda message: messages.append(message.text))
        page.on("pageerror", lambda error: messages.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{address}/api/docs")
        page.locator("#operations-lists-list_lists").wait_for()
        described = page.request.get(f"{address}/api/openapi.json").json()
        assert page.locator(".opblock").count() == sum(len(methods) for methods in described["paths"].values())
        page.get_by_role("button", name="Authorize").first.click()
        page.locator(".auth-container input").fill(secret)
        page.locator(".auth-btn-wrapper").get_by_role("button", name="Apply credentials").click()
        page.locator(".auth-btn-wrapper").get_by_role("button", name="Close").click()
        operation = page.locator("#operations-token-show_token")
        operation.locator(".opblock-summary-control").click()
        operation.get_by_role("button", name="Try it out").click()
        operation.get_by_role("button", name="Execute").click()
        operation.locator(".live-responses-table .response-col_status", has_text="200").wait_for()
        assert '"lists:read"' in operation.locator(".live-responses-table").inner_text()
        page.close()
        outside = [url for url in asked if not url.startswith((f"{address}/", "data:"))]
    assert messages == []
    assert outside == []


def test_its_policy_lets_in_scripts_of_ours_and_nothing_from_elsewhere(program: Program):
    page = program().get("/../docs")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert "http" not in policy
    assert "unsafe-eval" not in policy
    assert "<script>" not in page.text
    assert program().get("/lists").headers["content-security-policy"] != policy


def test_its_files_may_be_kept_for_ever_because_their_names_change_with_them(program: Program):
    page = program().get("/../docs").text
    names = [part.split('"')[0] for part in page.split("docs/")[1:]]
    assert len(names) == 3
    for name in names:
        file = program().get(f"/../docs/{name}", headers={"Accept-Encoding": "gzip"})
        assert file.status_code == 200
        assert "immutable" in file.headers["cache-control"]
        assert ("content-encoding" in file.headers) is (len(file.content) > 1000)
    assert program().get("/../docs/../../secrets").status_code == 404
    assert program().get("/../docs/nothing.js").status_code == 404


def test_the_description_is_sent_once_to_who_has_it(program: Program):
    first = program().get("/../openapi.json")
    again = program().get("/../openapi.json", headers={"If-None-Match": first.headers["etag"]})
    assert (first.status_code, again.status_code) == (200, 304)
