"""Helpers of the tests of the pages for subscribers: they fill in forms as a browser does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
from lxml import html
from starlette.testclient import TestClient

from distributor.domain.tokens import Purpose
from distributor.web.config import WebConfig
from tests.flow.subscriptions.sign_up_harness import SignUpHarness

ADA = "ada@example.org"
# No one measures time here, but in the one test that does.
AT_ONCE = WebConfig(answer_after=timedelta())


def link(sign_ups: SignUpHarness, purpose: Purpose = Purpose.PREFERENCES, address: str = ADA) -> str:
    """A link in the last mail to this address."""
    paths = {Purpose.CONFIRM: "confirm", Purpose.PREFERENCES: "preferences", Purpose.UNSUBSCRIBE: "unsubscribe"}
    return f"/{paths[purpose]}/{sign_ups.token(purpose, address)}"


def press(client: TestClient, page: httpx.Response, label: str, **changed: Any) -> httpx.Response:
    """Press the button with this label of a page, as a browser would that shows it and has no scripts.

    `changed` gives fields other values; None or an empty list for what is left out. Where a name is no Python name,
    give a dictionary.
    """
    tree = html.document_fromstring(page.text)
    button = next(one for one in tree.xpath("//form//button") if one.text_content().strip() == label)
    form = next(button.iterancestors("form"))
    fields: dict[str, Any] = {}
    for name, value in form.form_values():
        fields.setdefault(name, []).append(value)
    if button.get("name"):
        fields[button.get("name")] = [button.get("value")]
    fields.update(changed)
    data = {k: v for k, v in fields.items() if v}
    response: httpx.Response = client.request(form.get("method"), form.get("action"), data=data)
    return response


def errors_of(page: httpx.Response) -> dict[str, str]:
    """The sentences at the fields of a page, by the name of the field."""
    tree = html.document_fromstring(page.text)
    return {one.get("id").removesuffix("-error"): one.text_content().strip() for one in tree.find_class("field-error")}


def notice_of(page: httpx.Response) -> str:
    """What a page says above its form."""
    return " ".join(
        " ".join(one.text_content().split()) for one in html.document_fromstring(page.text).find_class("notice")
    )


def title_of(page: httpx.Response) -> str:
    return str(html.document_fromstring(page.text).xpath("normalize-space(//h1)"))
