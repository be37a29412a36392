"""From the review to the act: what is wrong and what is fine, the approval, sending with undo, tests, comments."""

from __future__ import annotations

import ast
import email
import email.policy
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from distributor.cli.sandbox import configure_sandbox_channels
from distributor.domain.campaign import CampaignState, DispatchState
from distributor.domain.message_options import MessageOptions
from distributor.domain.sandbox_ports import SandboxPorts
from distributor.domain.user import Role, User
from distributor.flow.publishing import campaign_control, life_cycle
from distributor.flow.publishing.plan import edit_campaign
from distributor.sandbox.service import Sandbox, running_sandbox
from distributor.storage import articles, campaign_reviews, campaigns, dispatches
from distributor.web.team.mending import PLACES
from distributor.web.team.wording import for_pages
from tests.flow.campaign_harness import CampaignHarness, make_campaign_harness
from tests.paths import ROOT

from .conftest import Browser, Team

HOSTILE = '<script>alert("x")</script><img src=x onerror=alert(1)>'


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path / "sandbox") as running:
        yield running


@pytest.fixture
def harness(team: Team, tmp_path: Path) -> CampaignHarness:
    """The app of the team with an article, a list of three people, and a channel of each kind that leads nowhere."""
    made = make_campaign_harness(team.app, tmp_path)
    configure_sandbox_channels(team.app, SandboxPorts(http=1, smtp=1))
    return made


@pytest.fixture
def sending(harness: CampaignHarness, sandbox: Sandbox) -> CampaignHarness:
    """The same with channels that lead to a sandbox."""
    configure_sandbox_channels(harness.app, SandboxPorts(http=sandbox.http_port, smtp=sandbox.smtp_port))
    return harness


@pytest.fixture
def marketer(team: Team) -> Browser:
    return team.signed_in(team.user(Role.MARKETER, name="Mara Marketer"))


def approver_of(team: Team) -> tuple[User, Browser]:
    user = team.user(Role.APPROVER, "ann@example.org", name="Ann Approver")
    return user, team.signed_in(user)


def review(browser: Browser, campaign_id: int, **fields: str) -> Any:
    answer = browser.post(f"/app/campaigns/{campaign_id}/review", fields)
    assert answer.status_code == 303, answer.text
    return browser.page(answer.headers["location"])


def hidden(page: Any, action: str) -> dict[str, str]:
    """The hidden fields of the form with this action."""
    (form, *_) = [one for one in page.xpath("//form") if one.get("action", "").endswith(action)]
    return {one.get("name"): one.get("value") for one in form.xpath(".//input[@type='hidden']")}


def send_now(browser: Browser, campaign_id: int, page: Any, **fields: str) -> Any:
    return browser.post(
        f"/app/campaigns/{campaign_id}/schedule", {**hidden(page, "/schedule"), "when": "now", **fields}
    )


def state_of(team: Team, campaign_id: int) -> list[DispatchState]:
    with team.app.database.begin() as connection:
        return [one.state for one in dispatches.of_campaign(connection, campaign_id)]


def mails(sandbox: Sandbox) -> list[str]:
    inbox = sandbox.state.inbox
    return [inbox.content(one.number).decode("utf-8", "replace") for one in inbox.envelopes()]


def recipients(sandbox: Sandbox) -> list[str]:
    return sorted(re.findall(r"^To: (\S+)", "".join(mails(sandbox)), re.M))


def words(page: Any) -> str:
    return " ".join(page.xpath("string(//main)").split())


# --- what is found ---


def test_a_draft_is_reviewed_on_demand_and_the_page_says_what_is_wrong_and_what_is_fine(
    team: Team, harness: CampaignHarness, marketer: Browser
):
    draft = harness.draft("email", "feed")
    assert "was not reviewed yet" in words(marketer.page(f"/app/campaigns/{draft}/review"))
    page = review(marketer, draft)
    assert "Sends “Hello” over email to 3 subscribers of readers" in words(page)
    fine = page.xpath("string(//details[contains(@class, 'review-fine')])")
    for sentence in (
        "Every reader can unsubscribe",
        "The postal address is in both parts",
        "Today 3 subscribers get it",
    ):
        assert sentence in fine
    assert page.xpath("//table//code")
    with team.app.database.begin() as connection:
        newest = campaign_reviews.newest(connection, draft)
    assert newest is not None
    assert [one.digest[:10] for one in newest.dispatches] == page.xpath("//table//code/text()")


def test_what_blocks_stands_on_top_with_a_way_to_mend_it_and_nothing_can_be_sent(
    team: Team, harness: CampaignHarness, marketer: Browser
):
    harness.article("empty", title="No body", body=())
    draft = harness.draft("feed", "email", slugs=("empty",))
    page = review(marketer, draft)
    first = page.xpath("//ul[@class='severities']/li")[0]
    assert "block" in first.get("class")
    assert first.xpath(".//a/@href")
    assert page.xpath("//*[@role='alert'][@autofocus]")
    assert not [one for one in page.xpath("//form/@action") if one.endswith("/schedule")]
    assert "Mend what must be mended first" in words(page)


def test_a_blocked_channel_can_be_left_out_and_the_rest_goes_on(
    team: Team, harness: CampaignHarness, marketer: Browser
):
    harness.article("empty", title="No body", body=())
    draft = harness.draft("feed", "x", slugs=("empty",))
    page = review(marketer, draft)
    fields = hidden(page, "/leave-out")
    assert fields["channel"] == "feed"
    answer = marketer.post(f"/app/campaigns/{draft}/leave-out", fields)
    assert answer.headers["location"].endswith("done=left-out")
    page = marketer.page(answer.headers["location"])
    assert page.xpath("//table//th[@scope='row']/bdi/text()") == ["x"]
    again = marketer.post(f"/app/campaigns/{draft}/leave-out", fields)
    assert again.status_code == 409


def test_a_review_that_no_longer_holds_says_what_changed(team: Team, harness: CampaignHarness, marketer: Browser):
    draft = harness.draft("email")
    page = review(marketer, draft)
    fields = hidden(page, "/schedule")
    revise(team, "Another title")
    page = marketer.page(f"/app/campaigns/{draft}/review")
    assert "article hello was revised" in words(page)
    assert not [one for one in page.xpath("//form/@action") if one.endswith("/schedule")]
    answer = marketer.post(f"/app/campaigns/{draft}/schedule", {**fields, "when": "now"})
    assert answer.status_code == 409
    assert "is not what you looked at any more" in answer.text
    assert state_of(team, draft) == [DispatchState.DRAFT]


def revise(team: Team, title: str) -> None:
    with team.app.database.begin() as connection:
        found = articles.find_by_slug(connection, "hello")
        manuscript = replace(found.manuscript, title=title)
        articles.revise(connection, found.id, manuscript, content_hash=title, now=team.app.clock())


def codes_in_the_source() -> set[str]:
    """Every code that a problem is made with, as far as it is written as a constant."""
    found = set()
    for file in (ROOT / "src" / "distributor").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            if node.func.id in ("Problem", "_blocking") and len(node.args) > 1:
                code = node.args[1]
                if isinstance(code, ast.Constant) and isinstance(code.value, str):
                    found.add(code.value)
    return found


def test_every_kind_of_problem_has_one_place_where_it_is_mended():
    found = codes_in_the_source() | {
        "unsubscribe-missing",
        "link-broken",
        "image-broken",
        "image-large",
        "field-missing",
    }
    assert len(found) > 50
    placed = [code for codes in PLACES.values() for code in codes]
    assert sorted(found - set(placed)) == []
    assert len(placed) == len(set(placed))


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (
            "campaign 3 needs an approval: `distributor campaign approve 3` approves it as it is now",
            "Campaign 3 needs an approval.",
        ),
        ("a got it before; --again sends it once more", "A got it before."),
        (
            "nothing can be posted: handle is empty; fill in with `distributor channel change`",
            "Nothing can be posted: handle is empty; fill in what is missing on its page.",
        ),
        ("the subject has 90 characters", "The subject has 90 characters."),
    ],
)
def test_a_page_gives_no_advice_for_a_command_line(message: str, shown: str):
    assert for_pages(message) == shown


# --- sending ---


def test_send_now_waits_until_it_can_not_be_undone_any_more_and_is_sent_once(
    team: Team, sending: CampaignHarness, sandbox: Sandbox, marketer: Browser
):
    draft = sending.draft("email")
    page = review(marketer, draft)
    assert "Send now to 3 people" in words(page)
    first, second = (send_now(marketer, draft, page) for _ in range(2))
    assert first.headers["location"] == second.headers["location"] == f"/app/campaigns/{draft}/sending"
    waiting = marketer.get(first.headers["location"])
    assert "You can undo it until" in waiting.text
    assert waiting.headers["refresh"] == "32"
    sending.run()
    assert mails(sandbox) == []
    team.clock.advance(seconds=31)
    sending.run()
    assert len(mails(sandbox)) == 3
    late = send_now(marketer, draft, page)
    assert late.status_code == 303
    sending.run()
    assert len(mails(sandbox)) == 3
    moved = marketer.get(f"/app/campaigns/{draft}/sending")
    assert moved.headers["location"] == f"/app/campaigns/{draft}"


def test_undo_in_time_sends_nothing_and_the_back_button_does_not_send_it_after_all(
    team: Team, sending: CampaignHarness, sandbox: Sandbox, marketer: Browser
):
    draft = sending.draft("email")
    page = review(marketer, draft)
    send_now(marketer, draft, page)
    undone = marketer.post(f"/app/campaigns/{draft}/undo")
    assert undone.headers["location"].endswith("done=undone")
    assert "nothing was sent" in words(marketer.page(undone.headers["location"]))
    again = marketer.post(f"/app/campaigns/{draft}/undo")
    assert again.status_code == 303
    assert send_now(marketer, draft, page).status_code == 409
    team.clock.advance(seconds=60)
    sending.run()
    assert state_of(team, draft) == [DispatchState.DRAFT]
    assert mails(sandbox) == []


def test_what_was_undone_can_be_sent_after_all_from_the_page_that_follows(
    team: Team, sending: CampaignHarness, sandbox: Sandbox, marketer: Browser
):
    draft = sending.draft("email")
    send_now(marketer, draft, review(marketer, draft))
    undone = marketer.post(f"/app/campaigns/{draft}/undo")
    team.clock.advance(seconds=5)
    again = send_now(marketer, draft, marketer.page(undone.headers["location"]))
    assert again.status_code == 303, again.text
    team.clock.advance(seconds=60)
    sending.run()
    assert len(mails(sandbox)) == 3


def test_the_back_button_does_not_schedule_at_the_planned_time_again_after_it_was_taken_back(
    team: Team, harness: CampaignHarness, marketer: Browser
):
    draft = harness.draft("email", after=timedelta(days=1))
    page = review(marketer, draft)
    fields = {**hidden(page, "/schedule"), "when": "planned"}
    assert marketer.post(f"/app/campaigns/{draft}/schedule", fields).status_code == 303
    assert state_of(team, draft) == [DispatchState.SCHEDULED]
    assert "Take it back" in words(marketer.page(f"/app/campaigns/{draft}/sending"))
    marketer.post(f"/app/campaigns/{draft}/undo")
    assert marketer.post(f"/app/campaigns/{draft}/schedule", fields).status_code == 409
    assert state_of(team, draft) == [DispatchState.DRAFT]


def test_a_time_is_chosen_where_none_is_set_and_one_in_the_past_is_refused(
    team: Team, harness: CampaignHarness, marketer: Browser
):
    draft = harness.draft("email", zone="Europe/Berlin")
    page = review(marketer, draft)
    assert page.xpath("//label[@for='at']/text()") == ["When, in the time of Europe/Berlin"]
    fields = {**hidden(page, "/schedule"), "when": "at"}
    for wrong, why in (("", "Choose when it goes out."), ("2001-01-01T09:00", "is in the past"), ("soon", "cannot be")):
        refused = marketer.post(f"/app/campaigns/{draft}/schedule", {**fields, "at": wrong})
        assert refused.status_code == 422
        assert why in refused.text
    assert state_of(team, draft) == [DispatchState.DRAFT]
    answer = marketer.post(f"/app/campaigns/{draft}/schedule", {**fields, "at": "2099-07-01T09:00"})
    assert answer.status_code == 303
    with team.app.database.begin() as connection:
        (one,) = dispatches.of_campaign(connection, draft)
    assert str(one.local_time) == "2099-07-01 09:00:00+02:00"


def test_after_the_window_undo_says_what_is_out(
    team: Team, sending: CampaignHarness, sandbox: Sandbox, marketer: Browser
):
    draft = sending.draft("email")
    send_now(marketer, draft, review(marketer, draft))
    team.clock.advance(seconds=31)
    sending.run()
    late = marketer.post(f"/app/campaigns/{draft}/undo")
    assert late.status_code == 409
    assert "email (3) is out or on its way" in late.text
    assert f"/app/campaigns/{draft}" in late.text


def test_a_large_audience_is_asked_about_once_more(
    team: Team, harness: CampaignHarness, marketer: Browser, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("distributor.flow.publishing.review_state._LARGE_AUDIENCE", 3)
    draft = harness.draft("email")
    page = review(marketer, draft)
    assert "It goes to 3 people at once." in words(page)
    unsure = send_now(marketer, draft, page)
    assert unsure.status_code == 422
    assert "tick that you are sure" in unsure.text
    assert state_of(team, draft) == [DispatchState.DRAFT]
    assert send_now(marketer, draft, page, sure="yes").status_code == 303


def test_a_time_that_has_passed_blocks_and_is_mended_in_the_composer(
    team: Team, harness: CampaignHarness, marketer: Browser
):
    draft = harness.draft("email", after=timedelta(days=1))
    team.clock.advance(days=2)
    # The session has ended meanwhile.
    marketer.sign_in("marketer@example.org")
    page = review(marketer, draft)
    assert f"/app/campaigns/{draft}/edit#times" in page.xpath("//ul[@class='severities']//a/@href")


# --- approval ---


def test_an_approval_is_asked_for_given_and_revoked_by_an_edit(
    team: Team, sending: CampaignHarness, sandbox: Sandbox, marketer: Browser
):
    ann, approver = approver_of(team)
    draft = sending.draft("email", needs_approval=True)
    page = review(marketer, draft)
    assert "It waits for an approval" in words(page)
    question = {**hidden(page, "/ask"), "approver": str(ann.id), "question": "Please look, @ann."}
    asked = [marketer.post(f"/app/campaigns/{draft}/ask", question) for _ in range(2)]
    assert {one.headers["location"].partition("?")[2] for one in asked} <= {"done=asked", "done=asked-without-mail"}
    sending.run()
    (mail,) = mails(sandbox)
    assert "To: ann@example.org" in mail
    assert f"http://gazette.example/app/campaigns/{draft}/review" in mail
    page = approver.page(f"/app/campaigns/{draft}/review")
    assert "Mara Marketer asked for it" in words(page)
    fields = hidden(page, "/approve")
    assert approver.post(f"/app/campaigns/{draft}/approve", {**fields, "note": "Fine"}).status_code == 303
    page = marketer.page(f"/app/campaigns/{draft}/review")
    assert "Approved by ann@example.org" in words(page)
    sending.run()
    assert len(mails(sandbox)) == 2
    edit_campaign(
        team.app, draft, lambda plan: replace(plan, message_options=MessageOptions(subject="Other")), actor="x"
    )
    page = review(marketer, draft)
    assert "It waits for an approval" in words(page)
    assert not page.xpath("//form[contains(@action, '/schedule')]")


def test_what_is_approved_is_what_was_shown(team: Team, harness: CampaignHarness, marketer: Browser):
    _, approver = approver_of(team)
    draft = harness.draft("email", needs_approval=True)
    review(marketer, draft)
    fields = hidden(approver.page(f"/app/campaigns/{draft}/review"), "/approve")
    revise(team, "Changed meanwhile")
    answer = approver.post(f"/app/campaigns/{draft}/approve", fields)
    assert answer.status_code == 409
    assert "is not what you looked at any more" in answer.text
    with team.app.database.begin() as connection:
        assert not campaigns.find(connection, draft).is_approved


def test_a_campaign_is_sent_back_with_a_reason_which_the_one_who_asked_gets(
    team: Team, sending: CampaignHarness, sandbox: Sandbox, marketer: Browser
):
    ann, approver = approver_of(team)
    draft = sending.draft("email", needs_approval=True)
    page = review(marketer, draft)
    marketer.post(f"/app/campaigns/{draft}/ask", {**hidden(page, "/ask"), "approver": str(ann.id)})
    page = approver.page(f"/app/campaigns/{draft}/review")
    back = hidden(page, "/send-back")
    silent = approver.post(f"/app/campaigns/{draft}/send-back", back)
    assert silent.status_code == 422
    assert "Say why it is sent back" in silent.text
    assert (
        approver.post(f"/app/campaigns/{draft}/send-back", {**back, "reason": "The date is wrong."}).status_code == 303
    )
    sending.run()
    assert "To: marketer@example.org" in mails(sandbox)[-1]
    assert "The date is wrong." in mails(sandbox)[-1]
    assert "Ann Approver sent it back" in words(marketer.page(f"/app/campaigns/{draft}/review"))


def test_whoever_may_not_send_is_refused_and_offered_to_ask(team: Team, harness: CampaignHarness, marketer: Browser):
    approver_of(team)
    draft = harness.draft("email")
    fields = hidden(review(marketer, draft), "/schedule")
    editor = team.signed_in(team.user(Role.EDITOR))
    page = editor.page(f"/app/campaigns/{draft}/review")
    actions = {one.rpartition("/")[2] for one in page.xpath("//main//form/@action")}
    assert "ask" in actions
    assert actions.isdisjoint({"schedule", "approve", "test", "undo", "leave-out", "send-back"})
    for act in ("schedule", "approve", "test", "undo", "leave-out", "send-back"):
        assert editor.post(f"/app/campaigns/{draft}/{act}", fields).status_code == 403
    viewer = team.signed_in(team.user(Role.VIEWER))
    page = viewer.page(f"/app/campaigns/{draft}/review")
    assert page.xpath("//main//form") == []
    for act in ("review", "comments", "ask", "test-to-me"):
        assert viewer.post(f"/app/campaigns/{draft}/{act}", fields).status_code == 403
    assert state_of(team, draft) == [DispatchState.DRAFT]


def test_a_campaign_that_waits_for_a_person_is_reviewed_and_approved_where_it_is(
    team: Team, harness: CampaignHarness, marketer: Browser
):
    _, approver = approver_of(team)
    draft = harness.draft("email", after=timedelta(days=1), needs_approval=True)
    life_cycle.approve(team.app, draft, actor="user:ann@example.org")
    life_cycle.schedule(team.app, draft, actor="user:marketer@example.org")
    campaign_control.pause(team.app, draft, "the article changed")
    revise(team, "As it should be")
    page = review(marketer, draft)
    assert "It is paused, and waits for an approval of what it is now." in words(page)
    assert not page.xpath("//form[contains(@action, '/schedule')]")
    fields = hidden(approver.page(f"/app/campaigns/{draft}/review"), "/approve")
    assert approver.post(f"/app/campaigns/{draft}/approve", fields).status_code == 303
    assert "Resuming it on its page" in words(marketer.page(f"/app/campaigns/{draft}/review"))


# --- comments ---


def test_a_comment_is_kept_once_and_mailed_to_whom_it_mentions(
    team: Team, sending: CampaignHarness, sandbox: Sandbox, marketer: Browser
):
    approver_of(team)
    team.user(Role.VIEWER, "vi@example.org", name="Vi")
    draft = sending.draft("email")
    page = marketer.page(f"/app/campaigns/{draft}/review")
    form = {**hidden(page, "/comments"), "text": f"{HOSTILE} @AnnApprover, @vi@example.org and @nobody: look"}
    for _ in range(2):
        assert marketer.post(f"/app/campaigns/{draft}/comments", form).status_code == 303
    sending.run()
    assert recipients(sandbox) == ["ann@example.org", "vi@example.org"]
    shown = marketer.get(f"/app/campaigns/{draft}/review")
    assert shown.text.count("&lt;script&gt;") == 1
    assert HOSTILE not in shown.text
    for one in mails(sandbox):
        page_of_mail = email.message_from_string(one, policy=email.policy.default).get_body(("html",))
        assert page_of_mail is not None
        assert "<script>" not in page_of_mail.get_content()
    assert "Mailed to Ann Approver, Vi" in words(marketer.page(f"/app/campaigns/{draft}/review"))


def test_a_comment_that_is_refused_keeps_what_was_typed(team: Team, harness: CampaignHarness, marketer: Browser):
    draft = harness.draft("email")
    page = marketer.page(f"/app/campaigns/{draft}/review")
    refused = marketer.post(f"/app/campaigns/{draft}/comments", {**hidden(page, "/comments"), "text": "x" * 5001})
    assert refused.status_code == 422
    assert "x" * 5001 in refused.text
    empty = marketer.post(f"/app/campaigns/{draft}/comments", {**hidden(page, "/comments"), "text": " \n"})
    assert empty.status_code == 422


def test_without_an_email_channel_nobody_is_mailed_and_the_page_says_so(make_team: Callable[..., Team], tmp_path: Path):
    team = make_team()
    harness = make_campaign_harness(team.app, tmp_path)
    harness.channel("feed", "feed")
    ann, _ = approver_of(team)
    browser = team.signed_in(team.user(Role.MARKETER))
    draft = harness.draft("feed")
    page = review(browser, draft)
    answer = browser.post(f"/app/campaigns/{draft}/ask", {**hidden(page, "/ask"), "approver": str(ann.id)})
    assert "nobody got a mail" in words(browser.page(answer.headers["location"]))


# --- tests ---


def test_a_test_to_oneself_takes_one_click_and_arrives_once(
    team: Team, sending: CampaignHarness, sandbox: Sandbox, marketer: Browser
):
    draft = sending.draft("email")
    page = review(marketer, draft)
    fields = hidden(page, "/test-to-me")
    answers = [marketer.post(f"/app/campaigns/{draft}/test-to-me", fields) for _ in range(2)]
    assert answers[0].headers["location"] == answers[1].headers["location"]
    sending.run()
    (mail,) = mails(sandbox)
    assert "To: marketer@example.org" in mail
    assert "[Test] Hello" in mail
    page = marketer.page(answers[0].headers["location"])
    assert page.xpath("//section[@id='test']//div[@role='status']//a/@href")


def test_a_test_goes_to_a_saved_group_as_a_subscriber_sees_it(
    team: Team, sending: CampaignHarness, sandbox: Sandbox, marketer: Browser
):
    draft = sending.draft("email", message_options=MessageOptions(greeting="Dear {{ subscriber.name }}"))
    made = {"name": "The team", "addresses": "one@team.example, two@team.example\nONE@team.example"}
    assert marketer.post("/app/test-groups", made).status_code == 303
    page = review(marketer, draft)
    (group,) = [one.get("value") for one in page.xpath("//select[@name='group']/option") if one.text == "The team"]
    fields = {**hidden(page, "/test"), "group": group, "seen_by": "ada@example.org"}
    assert marketer.post(f"/app/campaigns/{draft}/test", fields).status_code == 303
    sending.run()
    assert recipients(sandbox) == ["one@team.example", "two@team.example"]
    assert all("Dear ada" in one for one in mails(sandbox))


def test_a_test_that_cannot_be_sent_says_why_and_keeps_what_was_typed(
    team: Team, harness: CampaignHarness, marketer: Browser
):
    draft = harness.draft("email")
    fields = {**hidden(review(marketer, draft), "/test"), "addresses": "no address"}
    refused = marketer.post(f"/app/campaigns/{draft}/test", fields)
    assert refused.status_code == 422
    assert "is not an email address" in refused.text
    assert "no address" in refused.text


def test_groups_are_made_changed_and_removed_by_those_who_write_campaigns(
    team: Team, harness: CampaignHarness, marketer: Browser
):
    assert marketer.post("/app/test-groups", {"name": HOSTILE, "addresses": "a@b.example"}).status_code == 303
    listed = marketer.get("/app/test-groups")
    assert HOSTILE not in listed.text
    assert "&lt;script&gt;" in listed.text
    (path,) = marketer.page("/app/test-groups").xpath("//ul[contains(@class, 'test-groups')]//a/@href")
    changed = {"name": "Ours", "addresses": "c@d.example", "version": "1"}
    assert marketer.post(path, changed).status_code == 303
    late = marketer.post(path, {**changed, "name": "Theirs"})
    assert late.status_code == 422
    assert "was changed meanwhile" in late.text
    assert "Theirs" in late.text
    twice = marketer.post("/app/test-groups", {"name": "OURS", "addresses": "a@b.example"})
    assert twice.status_code == 422
    many = marketer.post(
        "/app/test-groups", {"name": "Many", "addresses": " ".join(f"a{n}@b.example" for n in range(21))}
    )
    assert many.status_code == 422
    for role in (Role.EDITOR, Role.APPROVER, Role.VIEWER):
        other = team.signed_in(team.user(role))
        assert other.get("/app/test-groups").status_code == 403
        assert other.post(path, changed).status_code == 403
    assert marketer.post(f"{path}/remove").status_code == 303
    assert marketer.get(path).status_code == 404


def test_a_review_shows_every_text_as_text(team: Team, harness: CampaignHarness, marketer: Browser):
    harness.article("hostile", title=HOSTILE)
    draft = harness.draft("email", "x", slugs=("hostile",), message_options=MessageOptions(subject=HOSTILE))
    review(marketer, draft)
    for path in ("review", "preview"):
        assert HOSTILE not in marketer.get(f"/app/campaigns/{draft}/{path}").text


def test_only_campaigns_of_people_have_a_review(team: Team, sending: CampaignHarness, marketer: Browser):
    draft = sending.draft("email")
    fields = hidden(review(marketer, draft), "/test-to-me")
    answer = marketer.post(f"/app/campaigns/{draft}/test-to-me", fields)
    (number,) = re.findall(r"test=(\d+)", answer.headers["location"])
    for path in (f"/app/campaigns/{number}/review", "/app/campaigns/999/review", f"/app/campaigns/{number}/sending"):
        assert marketer.get(path).status_code == 404
    assert marketer.post(f"/app/campaigns/{number}/schedule", fields).status_code == 404


def test_the_state_of_a_reviewed_campaign_is_told(team: Team, harness: CampaignHarness, marketer: Browser):
    draft = harness.draft("email")
    assert "Reviewed" in words(review(marketer, draft))
    with team.app.database.begin() as connection:
        assert campaigns.find(connection, draft).is_reviewed
    life_cycle.approve(team.app, draft, actor="user:ann@example.org")
    assert CampaignState.APPROVED.value.capitalize() in words(marketer.page(f"/app/campaigns/{draft}/review"))
