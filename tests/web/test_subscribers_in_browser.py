"""A subscriber in Chromium: signing up, confirming, preferences, a pause, unsubscribing, and subscribing again."""

from __future__ import annotations

import email
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from email import policy
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import text

from distributor.domain.subscriber import Membership, OptIn
from distributor.domain.tokens import Purpose
from distributor.flow.app_context import AppContext
from distributor.flow.subscriptions import unsubscribe
from distributor.flow.subscriptions.confirm import confirm
from distributor.sandbox.service import Sandbox, running_sandbox
from distributor.storage import channels
from tests.conftest import thorough
from tests.flow.campaign_harness import CampaignHarness
from tests.flow.subscriptions.sign_up_harness import NETWORK, SignUpHarness, make_sign_up_harness

from .browser import DESK, NARROWEST, PHONE, findings, scrolls_sideways, visiting
from .sign_ups import ADA, AT_ONCE, link

pytestmark = pytest.mark.browser


@pytest.fixture
def sign_ups(app: AppContext) -> SignUpHarness:
    made = make_sign_up_harness(app)
    made.add_list("weekly", topics=("boats", "kitchen-gardens"), description="The best of the week, every Friday.")
    made.add_list("daily", opt_in=OptIn.SINGLE)
    return made


@pytest.fixture
def sandbox(sign_ups: SignUpHarness, tmp_path: Path) -> Iterator[Sandbox]:
    """The relay that confirmation mails are sent to."""
    with running_sandbox(tmp_path / "sandbox") as running:
        with sign_ups.app.database.begin() as connection:
            channels.save(connection, name="mail", kind="email", settings={"smtp_url": running.smtp_url}, sealed=None)
        yield running


def link_in_the_last_mail(sandbox: Sandbox, kind: str) -> str:
    """The path of a link in the text of the newest mail."""
    inbox = sandbox.state.inbox
    [newest] = inbox.latest(1)
    mail = email.message_from_bytes(inbox.content(newest.number), policy=policy.default)
    part = mail.get_body(("plain",))
    assert part is not None
    found = re.search(rf"https?://\S+/{kind}/\S+", part.get_content())
    assert found is not None
    return urlsplit(found[0]).path


def test_a_subscribers_life_without_a_script(sign_ups: SignUpHarness, sandbox: Sandbox, tmp_path: Path):
    with visiting(sign_ups.app, AT_ONCE) as visitor, visitor.at("/", width=PHONE, with_scripts=False) as page:
        page.get_by_role("link", name="Subscribe").click()
        page.get_by_label("The weekly letter").check()
        page.get_by_label("Email address").fill(ADA)
        page.get_by_label("Name (optional)").fill("Ada")
        page.get_by_role("button", name="Subscribe").click()
        expect(page.get_by_role("heading", name="Please check your mailbox")).to_be_visible()

        # Channels send in an event loop of their own, and Playwright has one in this thread already.
        with ThreadPoolExecutor(1) as elsewhere:
            elsewhere.submit(CampaignHarness(sign_ups.app, tmp_path).run).result()
        page.goto(visitor.public_url + link_in_the_last_mail(sandbox, "confirm"))
        assert sign_ups.places(ADA) == {"weekly": Membership.PENDING}
        page.get_by_role("button", name="Yes, subscribe me").click()
        expect(page.get_by_role("heading", name="You are subscribed")).to_be_visible()
        assert sign_ups.places(ADA) == {"weekly": Membership.SUBSCRIBED}

        page.get_by_role("link", name="Choose lists and topics").click()
        page.get_by_label("Only articles about:").check()
        page.get_by_label("kitchen gardens").check()
        page.get_by_label("Take a break from all mail").select_option("For a month")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Your preferences are saved.")).to_be_visible()
        expect(page.get_by_text("You get no mail until")).to_be_visible()
        assert sign_ups.subscriptions(ADA)["weekly"].topics == ("kitchen-gardens",)

        page.get_by_role("button", name="Unsubscribe from everything").click()
        expect(page.get_by_text("You have unsubscribed from everything.")).to_be_visible()
        assert sign_ups.places(ADA) == {"weekly": Membership.UNSUBSCRIBED}

        page.goto(visitor.public_url + link(sign_ups, Purpose.UNSUBSCRIBE))
        page.get_by_label("Too many mails").check()
        page.get_by_label("In your own words").fill("One a day!")
        page.get_by_role("button", name="Send").click()
        expect(page.get_by_text("Thank you for your feedback.")).to_be_visible()
        page.get_by_role("button", name="Subscribe me again").click()
        expect(page.get_by_role("heading", name="You are subscribed again")).to_be_visible()
        assert sign_ups.places(ADA) == {"weekly": Membership.SUBSCRIBED}
        assert sign_ups.subscriptions(ADA)["weekly"].topics == ("kitchen-gardens",)
        assert sign_ups.suppressions(ADA) == []


def test_a_browser_solves_the_challenge_by_itself(sign_ups: SignUpHarness):
    costly = replace(AT_ONCE, challenge_cost=50)
    complaints: list[str] = []
    with visiting(sign_ups.app, costly) as visitor, visitor.at("/subscribe/weekly") as page:
        page.on("console", lambda message: complaints.append(message.text))
        page.get_by_label("Email address").fill("nobody")
        page.get_by_role("button", name="Subscribe").click()
        expect(page.get_by_text("This is not an email address: there is no @ in it.")).to_be_visible()
        page.get_by_label("Email address").fill(ADA)
        page.get_by_role("button", name="Subscribe").click()
        expect(page.get_by_role("heading", name="Please check your mailbox")).to_be_visible()
        assert sign_ups.places(ADA) == {"weekly": Membership.PENDING}
    assert [text for text in complaints if "422" not in text] == []


def test_the_form_for_frames_works_in_a_frame_and_no_other_page_may_be_framed(sign_ups: SignUpHarness):
    with visiting(sign_ups.app, AT_ONCE) as visitor, visitor.at("/") as page:
        frames = "".join(
            f'<iframe name="{name}" src="{visitor.public_url}{path}" width="340" height="700"></iframe>'
            for name, path in (("form", "/subscribe/weekly/embed"), ("whole", "/subscribe/weekly"))
        )
        page.route("**/a-page-with-frames", lambda route: route.fulfill(body=frames, content_type="text/html"))
        page.goto(f"{visitor.public_url}/a-page-with-frames")
        form = page.frame_locator("iframe[name=form]")
        form.get_by_label("Email address").fill(ADA)
        form.get_by_role("button", name="Subscribe").click()
        expect(form.get_by_role("heading", name="Please check your mailbox")).to_be_visible()
        expect(page.frame_locator("iframe[name=whole]").get_by_label("Email address")).to_have_count(0)
        assert sign_ups.places(ADA) == {"weekly": Membership.PENDING}


@pytest.fixture
def pages(sign_ups: SignUpHarness) -> dict[str, str]:
    """A page in each of its states: the paths by what they show."""
    app = sign_ups.app
    sign_ups.sign_up(ADA, "weekly")
    for name in ("bo", "cy", "dee"):
        sign_ups.sign_up(f"{name}@example.org", "weekly", name=name)
        confirm(app, sign_ups.token(Purpose.CONFIRM, f"{name}@example.org"), NETWORK)
    unsubscribe.unsubscribe(app, sign_ups.token(Purpose.UNSUBSCRIBE, "cy@example.org"), {})
    sign_ups.later(timedelta(days=-40)).sign_up("ed@example.org", "weekly")
    choices = link(sign_ups, address="bo@example.org")
    return {
        "form": "/subscribe",
        "form of one list": "/subscribe/weekly",
        "form in a frame": "/subscribe/weekly/embed",
        "question": link(sign_ups, Purpose.CONFIRM),
        "confirmed": link(sign_ups, Purpose.CONFIRM, "bo@example.org"),
        "too late": link(sign_ups, Purpose.CONFIRM, "ed@example.org"),
        "unsubscribe?": link(sign_ups, Purpose.UNSUBSCRIBE, "bo@example.org"),
        "left": link(sign_ups, Purpose.UNSUBSCRIBE, "cy@example.org"),
        "choices": choices,
        "own data": f"{choices}/data",
        "erasure": f"{choices}/erase",
    }


LABELS = (
    "preferences.unsubscribe_all",
    "own_data.erase",
    "unsubscribe.button",
    "unsubscribe.preferences",
    "confirm.choose",
    "confirm.button",
)
# CSS pixels: what a thumb hits (WCAG 2.5.5), and what lies between two things that it could hit.
THUMB, APART = 44, 8
ENDINGS = {
    "choices": ["Unsubscribe from everything", "Erase my data"],
    "unsubscribe?": ["Unsubscribe", "Unsubscribe from everything", "Erase my data"],
    "left": ["All your preferences", "Erase my data"],
    "confirmed": ["Choose lists and topics", "Unsubscribe", "Erase my data"],
    "question": ["Yes, subscribe me", "Erase my data"],
}


@pytest.mark.parametrize("language", ["en", "de", "ar"])
def test_on_a_phone_what_ends_something_is_seen_at_once_and_no_thumb_misses_it(
    sign_ups: SignUpHarness, pages: dict[str, str], language: str
):
    words, english = (sign_ups.app.templates.words_in(one) for one in (language, "en"))
    with sign_ups.app.database.begin() as connection:
        connection.execute(text("UPDATE subscribers SET language = :language"), {"language": language})
    labels = {english.text(key): words.text(key) for key in LABELS}
    with visiting(sign_ups.app, AT_ONCE) as visitor:
        for name, expected in ENDINGS.items():
            with visitor.at(pages[name], width=PHONE, height=740) as page:
                boxes = {}
                for label in expected:
                    found = page.locator("main :is(button, a.button)").filter(has_text=labels[label]).all()
                    [control] = [one for one in found if one.inner_text().strip() == labels[label]]
                    box = control.bounding_box()
                    assert box is not None
                    boxes[label] = box
                    assert box["height"] >= THUMB, (name, label)
                    assert box["width"] >= 0.75 * PHONE, (name, label)
                    assert box["y"] + box["height"] <= 740, (name, label, "is below the first screen")
                ordered = sorted(boxes.values(), key=lambda box: box["y"])
                for upper, lower in pairwise(ordered):
                    assert lower["y"] - upper["y"] - upper["height"] >= APART, name


def test_on_a_phone_everything_that_is_pressed_is_as_tall_as_a_thumb(sign_ups: SignUpHarness, pages: dict[str, str]):
    small: list[str] = []
    with visiting(sign_ups.app, AT_ONCE) as visitor:
        for name, path in pages.items():
            with visitor.at(path, width=PHONE, height=740) as page:
                for control in page.locator("main :is(button, a.button, select, .field > input, label.tick)").all():
                    box = control.bounding_box()
                    if (
                        box is not None
                        and 0 < box["height"] < THUMB
                        and not control.locator("xpath=ancestor::*[@aria-hidden]").count()
                    ):
                        small.append(f"{name}: {control.inner_text()[:30]!r} is {box['height']} tall")
    assert small == []


def test_erasing_is_asked_for_twice_and_unsubscribing_from_everything_is_undone_by_ticking_a_list(
    sign_ups: SignUpHarness, pages: dict[str, str]
):
    with visiting(sign_ups.app, AT_ONCE) as visitor, visitor.at(pages["unsubscribe?"], width=PHONE) as page:
        page.get_by_role("link", name="Erase my data").click()
        page.get_by_label("Your email address").fill("bo@example.org")
        page.get_by_role("button", name="Erase my data").click()
        expect(page.get_by_text("Please tick this box to confirm.")).to_be_visible()
        assert sign_ups.person("bo@example.org") is not None
        page.goto(visitor.public_url + pages["unsubscribe?"])
        page.get_by_role("button", name="Unsubscribe from everything").click()
        expect(page.get_by_text("You have unsubscribed from everything.")).to_be_visible()
        expect(page.get_by_role("button", name="Unsubscribe from everything")).to_have_count(0)
        assert sign_ups.places("bo@example.org") == {"weekly": Membership.UNSUBSCRIBED}
        page.get_by_label("The weekly letter").check()
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Your preferences are saved.")).to_be_visible()
        assert sign_ups.places("bo@example.org") == {"weekly": Membership.SUBSCRIBED}
        assert sign_ups.suppressions("bo@example.org") == []


def faults(page: Page) -> list[str]:
    return findings(page) + (["it scrolls sideways"] if scrolls_sideways(page) else [])


# Each width and each scheme: no colour of the style sheet depends on the width, and no place on the scheme.
@pytest.mark.parametrize(("width", "scheme"), [(NARROWEST, "light"), pytest.param(DESK, "dark", marks=thorough)])
def test_axe_finds_nothing_wrong_on_any_page(sign_ups: SignUpHarness, pages: dict[str, str], width: int, scheme: str):
    found: dict[str, list[str]] = {}
    with visiting(sign_ups.app, AT_ONCE) as visitor:
        for name, path in pages.items():
            with visitor.at(path, width=width, scheme=scheme) as page:
                found[name] = faults(page)
        with visitor.at("/subscribe", width=width, scheme=scheme) as page:
            page.get_by_role("button", name="Subscribe").click()
            found["faulty form"] = faults(page)
            page.get_by_label("The weekly letter").check()
            page.get_by_label("Email address").fill("new@example.org")
            page.get_by_role("button", name="Subscribe").click()
            found["thanks"] = faults(page)
        with visitor.at(pages["choices"], width=width, scheme=scheme) as page:
            page.get_by_label("Only articles about:").check()
            page.get_by_role("button", name="Save").click()
            found["faulty choices"] = faults(page)
        with visitor.at(pages["erasure"], width=width, scheme=scheme) as page:
            page.get_by_role("button", name="Erase my data").click()
            found["faulty erasure"] = faults(page)
            page.get_by_label("Your email address").fill("bo@example.org")
            page.get_by_label("Yes, erase everything about me.").check()
            page.get_by_role("button", name="Erase my data").click()
            found["erased"] = faults(page)
    assert {name: wrong for name, wrong in found.items() if wrong} == {}
    assert len(found) == 16
