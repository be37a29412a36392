"""Whatever is typed into any form of the app stays on the page when it is refused, and when the session has ended."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import lxml.html

from distributor.domain.user import Role
from tests.conftest import thorough

from .conftest import Browser, Team
from .screens import fill
from .test_attacks import pages

# What browsers send of fields that people write into; what a password field says is never shown again.
_WRITTEN = frozenset({"text", "search", "email", "url", "tel", "number", "date", "time", "datetime-local"})
_NUMBER = re.compile(r"/\d+(?=/|$)|/[0-9a-f]{32,}(?=/|$)")


@dataclass(frozen=True)
class WrittenForm:
    """A form of a page: where it is sent, what a browser sends of it, and the fields that people write into."""

    page: str
    action: str
    fields: Mapping[str, list[str]]
    written: Mapping[str, str]

    @property
    def name(self) -> str:
        return _NUMBER.sub("/…", self.action)


def forms_on(path: str, html: str) -> Iterator[WrittenForm]:
    for form in lxml.html.fromstring(html).xpath("//form[@method='post']"):
        written = {
            one.get("name"): "textarea" if one.tag == "textarea" else (one.get("type") or "text")
            for one in form.xpath(".//input[@name] | .//textarea[@name]")
            if one.tag == "textarea" or ((one.get("type") or "text") in _WRITTEN and one.get("name") != "username")
        }
        if written:
            sent: dict[str, list[str]] = {}
            for name, value in form.form_values():
                sent.setdefault(name, []).append(value.removeprefix("\n"))
            yield WrittenForm(path, form.get("action") or path, sent, written)


def typed_into(form: WrittenForm, wrong: str, *, value: str) -> dict[str, list[str]]:
    """Something in every field, and what cannot be right in one of them."""
    return {name: [value if name == wrong else f"typed “{name}” & <b>"] for name in form.written}


def lost(response: Any, typed: Mapping[str, list[str]]) -> list[str]:
    """The fields of which the page does not show what was typed."""
    page = lxml.html.fromstring(response.text)
    shown = {" ".join(one.split()) for one in page.xpath("//input/@value | //option[@selected]/@value")}
    shown |= {" ".join(one.text_content().split()) for one in page.xpath("//textarea | //dd")}
    return [name for name, values in typed.items() if any(" ".join(one.split()) not in shown for one in values)]


def test_no_form_that_is_refused_loses_what_was_typed_into_it(team: Team):
    filled = fill(team.app)
    owner = team.signed_in(team.user(Role.OWNER, "owner-of-all@example.org"))
    found = {(form.name, tuple(form.written)): form for form in _all_forms(team, filled, owner)}
    refused: set[str] = set()
    problems: list[str] = []
    for form in found.values():
        for wrong in form.written:
            for value in ("x" * 12_000, "no “such” thing & <b>", " "):
                typed = typed_into(form, wrong, value=value)
                response = owner.post(form.action, {**form.fields, **typed}, headers=_PAGE)
                if response.status_code not in (409, 422):
                    assert response.status_code in (200, 303), f"{form.name}: {response.status_code}"
                    break
                refused.add(form.name)
                problems += [f"{form.name} ({wrong}): {name} is lost" for name in lost(response, typed)]
    assert not problems, "\n".join(dict.fromkeys(problems))
    assert {"/app/campaigns/new", "/app/users"} <= refused


@thorough
def test_no_form_loses_what_was_typed_when_the_session_has_ended(team: Team):
    filled = fill(team.app)
    owner = team.signed_in(team.user(Role.OWNER, "owner-of-all@example.org"))
    stranger = team.browser()
    for form in _all_forms(team, filled, owner):
        typed = typed_into(form, "", value="")
        response = stranger.post(form.action, {**form.fields, **typed}, headers=_PAGE)
        assert "/sign-in" in response.text, form.name
        assert lost(response, typed) == [], form.name


def _all_forms(team: Team, filled: Any, browser: Browser) -> list[WrittenForm]:
    return [
        form
        for path, html in pages(team, filled, browser)
        if "<form" in html
        for form in forms_on(path, html)
        # A forgotten password is for those who are not signed in.
        if "/app/forgotten" not in form.action
    ]


_PAGE = {"Sec-Fetch-Site": "same-origin", "Accept": "text/html"}
