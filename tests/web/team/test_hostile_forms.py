"""What no form of ours would send: each field of every form that the app shows, with values of bad intentions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import lxml.html
import pytest
from sqlalchemy import text

from distributor.domain.user import Role
from tests.conftest import thorough

from .conftest import Browser, Team
from .screens import FilledService, fill
from .test_attacks import pages

VALUES = {
    # Python reads no number of so many digits, and the first of them look like a small one.
    "digits": "000001" + "9" * 5000,
    "nines": "9" * 5000,
    "negative": "-1",
    "other digits": "١٢٣",
    "markup": "\"'><script>pwned(1)</script>{{ 7 * 7 }}",
    "header": "a\r\nBcc: everyone@evil.example\r\n\r\nhello",
    "path": "../../../etc/passwd",
    "long": "x" * 50_000,
    "bidi": "\u202e\u2066\u200b\ufeff",
    "time": "9999-12-31T23:59",
    "first time": "0001-01-01T00:00",
    "script link": "javascript:pwned(3)",
    "other site": "//evil.example/app",
    "inner server": "http://127.0.0.1:1/",
    "empty": "",
}
# Their act is the end of the session, or a hash that takes long.
_LEFT_OUT = ("/app/sign-out", "/app/account/password")


@dataclass(frozen=True)
class ShownForm:
    """A form as a browser would send it, with the first of its buttons."""

    action: str
    method: str
    fields: tuple[tuple[str, str], ...]

    @property
    def kind(self) -> tuple[str, tuple[str, ...]]:
        """Forms of one kind differ only in what they are about."""
        return re.sub(r"\d+", "N", self.action), tuple(sorted({name for name, _ in self.fields}))


def forms_of(path: str, html: str) -> list[ShownForm]:
    page = lxml.html.fromstring(html)
    found = []
    for form in page.forms:
        fields = [(name, value) for name, value in form.form_values()]
        fields += [(one.get("name"), "") for one in form.xpath(".//input | .//textarea | .//select") if one.get("name")]
        fields += [(one.get("name"), one.get("value", "")) for one in form.xpath(".//button[@name]")[:1]]
        action = urlsplit(urljoin(path, form.get("action") or path))
        whole = action.path + (f"?{action.query}" if action.query else "")
        found.append(ShownForm(whole, form.method.upper(), tuple(fields)))
    return found


def send(browser: Browser, form: ShownForm, data: dict[str, Any]) -> Any:
    if form.method == "GET":
        return browser.get(form.action.partition("?")[0], params=data)
    return browser.post(form.action, data)


def shown_forms(team: Team, filled: FilledService, browser: Browser) -> list[ShownForm]:
    found: dict[object, ShownForm] = {}
    for path, html in pages(team, filled, browser):
        if "<form" in html:
            for form in forms_of(path, html):
                found.setdefault(form.kind, form)
    return [one for one in found.values() if one.action.startswith("/app/") and one.action not in _LEFT_OUT]


@pytest.mark.parametrize(
    "names",
    [("digits",), pytest.param(tuple(VALUES), marks=thorough)],
    ids=("digits", "all"),
)
def test_no_value_of_a_field_is_an_error_of_ours(team: Team, names: tuple[str, ...]):
    filled = fill(team.app)
    owner = team.signed_in(team.user(Role.OWNER, "owner-of-all@example.org"))
    forms = shown_forms(team, filled, owner)
    assert len(forms) > 60
    errors = []
    for form in forms:
        for field in sorted({name for name, _ in form.fields}):
            for name in names:
                data: dict[str, Any] = {}
                for key, value in form.fields:
                    data.setdefault(key, value)
                data[field] = VALUES[name]
                answer = send(owner, form, data)
                if answer.status_code >= 500 and answer.status_code != 503:
                    errors.append(f"{form.method} {form.action} {field}={name}: {answer.status_code}")
                where = answer.headers.get("location", "/app")
                if "bcc" in answer.headers or not re.match(r"/app(?![^/?#])", where):
                    errors.append(f"{form.method} {form.action} {field}={name}: {where}")
    assert errors == []


# What decides who somebody is and what goes out, as the columns and the fields of our own code call it.
EXTRA = {
    "role": "owner",
    "user_id": "1",
    "owner_id": "1",
    "author_id": "1",
    "actor": "user:owner@example.org",
    "state": "scheduled",
    "status": "published",
    "approved": "on",
    "approved_by": "user:owner@example.org",
    "approved_version": "1",
    "needs_approval": "",
    "is_admin": "true",
    "permissions": "users:write",
    "disabled_at": "",
    "password_hash": "x",
    "scheduled_at": "2026-01-01T00:00:00Z",
}
_WHO_MAY_WHAT = """
    SELECT 'user', id, concat_ws(' ', role, disabled_at, password_hash) FROM users
    UNION ALL SELECT 'review', campaign_id, concat_ws(' ', approved_by, approved_at) FROM campaign_reviews
    UNION ALL SELECT 'dispatch', id, concat_ws(' ', state, scheduled_at) FROM dispatches
    UNION ALL SELECT 'draft', id, user_id::text FROM article_drafts
"""


def test_a_field_that_no_form_has_makes_nobody_more_than_they_are(team: Team):
    filled = fill(team.app)
    editor = team.signed_in(team.user(Role.EDITOR, "editor@example.org"))
    forms = [one for one in shown_forms(team, filled, editor) if one.method == "POST"]
    assert len(forms) > 5
    before = who_may_what(team)
    for form in forms:
        fields = dict(form.fields)
        answer = send(editor, form, {**EXTRA, **{name: value for name, value in fields.items() if name not in EXTRA}})
        assert answer.status_code < 500, form.action
    after = who_may_what(team)
    # Discarding a draft of one's own is no more than that.
    kept = {key: after[key] for key in before if key in after or key[0] != "draft"}
    assert kept == {key: value for key, value in before.items() if key in kept}


def who_may_what(team: Team) -> dict[tuple[str, int], str]:
    with team.app.database.begin() as connection:
        return {(kind, number): text_of for kind, number, text_of in connection.execute(text(_WHO_MAY_WHAT))}
