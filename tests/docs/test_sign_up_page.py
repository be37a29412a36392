"""The page about signing up is correct: its form for other sites signs up, with the wording that is stored."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

from lxml import html
from starlette.testclient import TestClient

from distributor.domain.subscriber import Membership
from distributor.flow import consent_texts
from distributor.flow.app_context import AppContext
from distributor.settings import Settings
from distributor.web.app import create_app
from distributor.web.config import DEFAULT_CONFIG
from tests.flow.subscriptions.sign_up_harness import make_sign_up_harness
from tests.paths import ROOT

PAGE = (ROOT / "docs" / "guides" / "sign_up.md").read_text(encoding="utf-8")
FRAME, FORM = re.findall(r"^```html\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
ADA = "ada@example.org"


def test_the_form_for_other_sites_signs_people_up(app: AppContext):
    sign_ups = make_sign_up_harness(app)
    sign_ups.add_list("weekly-letter", topics=("boats",))
    form = html.fragment_fromstring(FORM)
    fields = {**dict(form.form_values()), "email": ADA}
    with TestClient(create_app(app, replace(DEFAULT_CONFIG, answer_after=timedelta()))) as client:
        assert client.get(urlsplit(html.fragment_fromstring(FRAME).get("src")).path).status_code == 200
        assert client.post(urlsplit(form.get("action")).path, data=fields).status_code == 200
    assert sign_ups.places(ADA) == {"weekly-letter": Membership.PENDING}


def test_the_form_shows_the_wording_that_is_kept(app: AppContext):
    site = replace(app.site, name="The Gazette")
    text = consent_texts.sign_up_statement(app.templates.words_in("en"), site)
    assert text in " ".join(html.fragment_fromstring(FORM).text_content().split())


def test_the_limits_are_those_of_the_settings():
    limits = dict(re.findall(r"^\| `DISTRIBUTOR_(\w+)` \| (\d+) \|", PAGE, re.MULTILINE))
    assert len(limits) == 3
    for name, value in limits.items():
        assert Settings.model_fields[name.lower()].default == getattr(DEFAULT_CONFIG, name.lower()) == int(value)


def test_no_answer_leaves_sooner_than_the_page_says():
    [seconds] = re.findall(r"before (0\.\d) seconds", PAGE)
    assert timedelta(seconds=float(seconds)) == DEFAULT_CONFIG.answer_after
