"""The deliveries of a campaign: who got what, what the other side said, and what can be done about it."""

from __future__ import annotations

import csv
import email.policy
import io
import re
from email.message import EmailMessage
from pathlib import Path

import pytest
from sqlalchemy import text

from distributor.cli.sandbox import configure_sandbox_channels
from distributor.domain.delivery import DeliveryState
from distributor.domain.event import Event, EventKind
from distributor.domain.message_options import MessageOptions
from distributor.domain.sandbox_ports import SandboxPorts
from distributor.domain.tokens import InertTokenSigner, Purpose
from distributor.domain.user import Role
from distributor.flow.people.privacy import erase
from distributor.flow.publishing.plan import plan
from distributor.sandbox.service import running_sandbox
from distributor.storage import campaigns, delivery_history, delivery_queries, events, subscribers
from distributor.storage.delivery_queries import DeliveryRecord
from tests.flow.campaign_harness import CampaignHarness, make_campaign_harness
from tests.flow.conftest import scripted_kinds as scripted_kinds  # pytest finds it by its name

from .conftest import Browser, Team

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'{{7*7}}"


@pytest.fixture
def harness(team: Team, tmp_path: Path) -> CampaignHarness:
    return make_campaign_harness(team.app, tmp_path)


@pytest.fixture
def marketer(team: Team) -> Browser:
    return team.signed_in(team.user(Role.MARKETER))


@pytest.fixture
def viewer(team: Team) -> Browser:
    return team.signed_in(team.user(Role.VIEWER))


@pytest.fixture
def sent(harness: CampaignHarness) -> int:
    """A campaign: ada's mailbox does not exist, of bo's it is not known, cy's was sent."""
    harness.channel("mail", "scripted", answers={"ada@example.org": "unknown_user", "bo@example.org": "begun"})
    return harness.plan_and_run("mail")


def delivery_to(harness: CampaignHarness, campaign_id: int, name: str) -> DeliveryRecord:
    with harness.app.database.begin() as connection:
        (found,) = delivery_queries.of_campaign(connection, campaign_id, recipient=f"{name}@example.org", limit=2)
    return found


def recipients(browser: Browser, path: str) -> list[str]:
    page = browser.page(path)
    found = page.xpath("//table[contains(@class, 'deliveries')]//td[@class='recipient']")
    return [one.text_content().strip() for one in found]


def words(browser: Browser, path: str) -> str:
    return " ".join(browser.page(path).xpath("string(//main)").split())


def test_each_number_of_the_ledger_leads_to_the_people_behind_it(marketer: Browser, sent: int):
    path = f"/app/campaigns/{sent}/deliveries"
    assert recipients(marketer, path) == ["ada@example.org", "bo@example.org", "cy@example.org"]
    links = marketer.page(path).xpath("//ul[@class='ledger-sum']//a/@href")
    found = {link.split("state=")[1]: recipients(marketer, link) for link in links}
    assert found == {"sent": ["cy@example.org"], "failed": ["ada@example.org"], "unknown": ["bo@example.org"]}
    assert "Mailbox does not exist" in words(marketer, f"{path}?state=failed")
    assert recipients(marketer, f"{path}?state=failed&reason_code=userunknown") == ["ada@example.org"]
    assert "No delivery is like that" in words(marketer, f"{path}?state=failed&reason_code=mailboxfull")


def test_the_file_has_what_the_page_shows_and_is_for_those_who_may_read_people(
    marketer: Browser, viewer: Browser, sent: int
):
    path = f"/app/campaigns/{sent}/deliveries"
    for query in ("", "?state=failed&reason_code=userunknown", "?person=b"):
        (link,) = marketer.page(f"{path}{query}").xpath("//main//a[@download]/@href")
        response = marketer.get(link)
        assert response.headers["content-type"] == "text/csv; charset=utf-8"
        rows = list(csv.DictReader(io.StringIO(response.text)))
        assert [row["recipient"] for row in rows] == recipients(marketer, f"{path}{query}")
    assert viewer.page(path).xpath("//main//a[@download]") == []
    assert viewer.get(f"{path}.csv").status_code == 403
    assert marketer.get("/app/campaigns/999/deliveries.csv").status_code == 404


def test_each_number_of_the_page_of_the_campaign_leads_here_too(marketer: Browser, sent: int):
    links = set(marketer.page(f"/app/campaigns/{sent}").xpath("//main//a[contains(@href, '/deliveries?')]/@href"))
    assert {link.split("?")[1] for link in links} >= {
        "channel=mail&state=sent",
        "channel=mail&state=failed",
        "channel=mail&state=failed&reason_code=userunknown",
    }
    for link in links:
        assert len(recipients(marketer, link)) == 1


def test_a_person_is_found_by_the_beginning_of_the_address(marketer: Browser, sent: int):
    path = f"/app/campaigns/{sent}/deliveries"
    assert recipients(marketer, f"{path}?person=B") == ["bo@example.org"]
    assert recipients(marketer, f"{path}?person=cy@example.org") == ["cy@example.org"]
    assert recipients(marketer, f"{path}?person=%25") == []
    assert recipients(marketer, f"{path}?person=b&state=sent") == []


def test_who_may_not_read_subscribers_sees_no_address_anywhere(
    team: Team, harness: CampaignHarness, viewer: Browser, sent: int
):
    with team.app.database.begin() as connection:
        connection.execute(text("UPDATE deliveries SET reply = 'No <Ada@Example.org> here, ask ADA@example.org'"))
    ada = delivery_to(harness, sent, "ada")
    path = f"/app/campaigns/{sent}/deliveries"
    assert recipients(viewer, path) == ["a…@example.org", "b…@example.org", "c…@example.org"]
    for page in (path, f"{path}?state=failed", f"/app/deliveries/{ada.id}"):
        shown = viewer.get(page).text
        assert "a…@example.org" in shown
        assert "ada@" not in shown.lower()
    assert viewer.get(f"{path}?person=ada").status_code == 403
    for part in ("message", "message.txt", "message.eml"):
        assert viewer.get(f"/app/deliveries/{ada.id}/{part}").status_code == 403
    for act in (
        f"{path}/retry",
        f"{path}/settle",
        f"/app/deliveries/{ada.id}/retry",
        f"/app/deliveries/{ada.id}/settle",
    ):
        assert viewer.post(act, {"settlement": "sent", "reason": "x", "epoch": "1"}).status_code == 403
    assert delivery_to(harness, sent, "ada").state is DeliveryState.FAILED


def test_pages_hold_while_deliveries_change(team: Team, harness: CampaignHarness, marketer: Browser):
    """Each is seen once, whatever becomes of the others meanwhile, forwards and backwards."""
    names = [f"p{number:03}" for number in range(120)]
    harness.people(*names, list_slug="many")
    harness.channel("mail", "scripted")
    with team.app.database.begin() as connection:
        connection.execute(text("UPDATE subscribers SET status = 'disabled' WHERE key IN ('ada@example.org')"))
    campaign = harness.plan_and_run("mail")
    with team.app.database.begin() as connection:
        connection.execute(
            text("""
                INSERT INTO deliveries (dispatch_id, recipient, state, created_at, updated_at)
                SELECT min(dispatch_id), 'p' || n || '@example.org', 'sent', now(), now()
                FROM deliveries, generate_series(1, 118) AS n GROUP BY n
            """)
        )
    path, seen, pages = f"/app/campaigns/{campaign}/deliveries", [], 0
    while path:
        page = marketer.page(path)
        seen += [
            one.text_content().strip()
            for one in page.xpath("//table[contains(@class, 'deliveries')]//td[@class='recipient']")
        ]
        pages += 1
        with team.app.database.begin() as connection:
            connection.execute(
                text("""
                    UPDATE deliveries SET state = CASE state WHEN 'sent' THEN 'delivered' ELSE 'bounced' END
                    WHERE id % 3 = :which
                """),
                {"which": pages % 3},
            )
        path = next(iter(page.xpath("//nav[@class='pager']//a[@rel='next']/@href")), "")
    assert pages == 3
    assert len(seen) == len(set(seen)) == 120
    back = marketer.page(page.xpath("//nav[@class='pager']//a[@rel='prev']/@href")[0])
    assert [one.text_content().strip() for one in back.xpath("//td[@class='recipient']")] == seen[50:100]


def test_one_delivery_tells_its_whole_life(team: Team, harness: CampaignHarness, marketer: Browser, sent: int):
    ada, cy = delivery_to(harness, sent, "ada"), delivery_to(harness, sent, "cy")
    now = team.app.clock()
    with team.app.database.begin() as connection:
        happened = [
            Event(delivery_id=cy.id, kind=EventKind.OPEN, at=now, key="o", detail={"user_agent": HOSTILE}),
            Event(
                delivery_id=cy.id, kind=EventKind.CLICK, at=now, key="c", detail={"url": f"https://x.example/{HOSTILE}"}
            ),
            Event(delivery_id=cy.id, kind=EventKind.COMPLAINT, at=now, key="f", detail={"status": HOSTILE}),
            Event(
                delivery_id=cy.id, kind=EventKind.BOUNCE, at=now, key="b", detail={"reason": HOSTILE, "code": HOSTILE}
            ),
        ]
        events.record(connection, happened)
        connection.execute(
            text("UPDATE deliveries SET reply = :reply, permalink = 'javascript:alert(1)' WHERE id = :id"),
            {"id": cy.id, "reply": HOSTILE},
        )
    assert "550 5.1.1 no such user here" in words(marketer, f"/app/deliveries/{ada.id}")
    response = marketer.get(f"/app/deliveries/{cy.id}")
    shown = words(marketer, f"/app/deliveries/{cy.id}")
    for part in (
        "It joined the audience",
        "attempt 1",
        "by all appearances",
        "A known machine followed a link",
        "complained",
        "It came back",
    ):
        assert part in shown
    assert "<script>alert" not in response.text
    assert "<img src=x" not in response.text
    page = marketer.page(f"/app/deliveries/{cy.id}")
    assert not page.xpath("//a[starts-with(@href, 'javascript:')]")
    assert page.xpath("//iframe[@sandbox='']")
    list_page = marketer.get(f"/app/campaigns/{sent}/deliveries?state=sent").text
    assert "&lt;script&gt;" in list_page
    assert "<script>alert" not in list_page


def test_one_is_settled_by_hand_with_a_reason_and_once(
    team: Team, harness: CampaignHarness, marketer: Browser, sent: int
):
    bo = delivery_to(harness, sent, "bo")
    path = f"/app/deliveries/{bo.id}"
    form = {"settlement": "not_sent", "epoch": str(bo.epoch), "reason": f"Asked bo {HOSTILE}"}
    refused = marketer.post(f"{path}/settle", {**form, "reason": " "})
    assert refused.status_code == 422
    assert "how you know" in refused.text
    assert 'value="not_sent" checked' in refused.text
    assert [marketer.post(f"{path}/settle", form).status_code for _ in range(2)] == [303, 303]
    assert delivery_to(harness, sent, "bo").state is DeliveryState.FAILED
    assert "marketer@example.org settled it as not sent" in words(marketer, path)
    assert "<script>alert" not in marketer.get(path).text
    with team.app.database.begin() as connection:
        steps = delivery_history.of_delivery(connection, bo.id)
    assert [one.actor for one in steps if one.actor] == ["user:marketer@example.org"]
    assert [action for _, action, _ in team.log()].count("deliveries settled") == 1


def test_all_unknown_are_settled_as_many_as_were_seen(harness: CampaignHarness, marketer: Browser, sent: int):
    path = f"/app/campaigns/{sent}/deliveries"
    assert "Of 1 delivery it is not known" in words(marketer, f"{path}?state=unknown")
    form = {"settlement": "sent", "reason": "the postmaster says so", "expected": "7", "channel": ""}
    stale = marketer.post(f"{path}/settle", form)
    assert stale.status_code == 409
    assert "now there are 1" in stale.text
    assert "the postmaster says so" in stale.text
    assert marketer.post(f"{path}/settle", {**form, "expected": "1"}).status_code == 303
    assert harness.counts(sent) == {"audience": 3, "sent": 2, "failed": 1}
    assert marketer.post(f"{path}/settle", {**form, "expected": "1"}).status_code == 303
    assert marketer.post(f"{path}/settle", {**form, "expected": "1", "reason": "another"}).status_code == 409
    assert harness.counts(sent) == {"audience": 3, "sent": 2, "failed": 1}


def test_the_failed_are_tried_again_with_the_numbers_said_before(
    team: Team, harness: CampaignHarness, marketer: Browser
):
    answers = {"ada@example.org": "mailbox_full", "bo@example.org": "failed", "cy@example.org": "failed"}
    harness.channel("mail", "scripted", answers=answers)
    sent = harness.plan_and_run("mail")
    with team.app.database.begin() as connection:
        connection.execute(
            text(
                "UPDATE deliveries SET state = 'failed', detail = '{\"reason\": \"mailboxfull\"}' "
                "WHERE recipient LIKE 'ada%'"
            )
        )
        connection.execute(text("UPDATE subscribers SET status = 'disabled' WHERE key = 'bo@example.org'"))
    path = f"/app/campaigns/{sent}/deliveries"
    shown = words(marketer, f"{path}?state=failed")
    assert "2 failed deliveries are tried again at once. 1 is left out, because the recipient has unsubscribed" in shown
    assert "1 failed delivery is tried again" in words(marketer, f"{path}?state=failed&reason_code=mailboxfull")
    harness.channel("mail", "scripted")
    before = len(harness.seen)
    assert marketer.post(f"{path}/retry", {"reason_code": "mailboxfull"}).status_code == 303
    assert marketer.post(f"{path}/retry", {"reason_code": "mailboxfull"}).status_code == 303
    harness.run()
    assert harness.seen[before:] == ["ada@example.org"]
    cy = delivery_to(harness, sent, "cy")
    assert marketer.post(f"/app/deliveries/{cy.id}/retry").status_code == 303
    harness.run()
    assert harness.seen[before:] == ["ada@example.org", "cy@example.org"]
    assert "marketer@example.org had it sent again" in words(marketer, f"/app/deliveries/{cy.id}")
    with team.app.database.begin() as connection:
        assert [one.action.value for one in campaigns.history(connection, sent)].count("retried") == 2


_TOKENS = re.compile(rb"(?<=/)[A-Za-z0-9_-]{16,40}(?=[^A-Za-z0-9_-])")


def test_the_mail_on_the_page_is_the_one_that_arrived_with_tokens_that_open_nothing(
    team: Team, harness: CampaignHarness, marketer: Browser, tmp_path: Path
):
    with running_sandbox(tmp_path / "sandbox") as sandbox:
        configure_sandbox_channels(team.app, SandboxPorts(http=sandbox.http_port, smtp=sandbox.smtp_port))
        options = MessageOptions(
            subject="Fish & chips for {{ subscriber.name }}", greeting=f"Dear {{{{ subscriber.name }}}} {HOSTILE[:40]}"
        )
        campaign = plan(team.app, harness.asked("email", "x", "feed", message_options=options))
        harness.run()
        files = [one.read_bytes() for one in (tmp_path / "sandbox" / "inbox").glob("*.eml")]
    ada = delivery_to(harness, campaign, "ada")
    (received,) = [one for one in files if b"\nTo: ada@example.org" in one]
    raw = marketer.get(f"/app/deliveries/{ada.id}/message.eml")
    assert raw.headers["content-disposition"] == f'attachment; filename="delivery-{ada.id}.eml"'
    inert, live = InertTokenSigner(team.app.tokens), team.app.tokens
    expected = received
    for purpose in Purpose:
        for number in range(20):
            token = live.mint(purpose, ada.id, number).encode()
            expected = expected.replace(token, inert.mint(purpose, ada.id, number).encode())
        expected = expected.replace(
            live.mint_for_address(purpose, ada.id).encode(), inert.mint_for_address(purpose, ada.id).encode()
        )
    assert raw.content.replace(b"\r\n", b"\n") in expected.replace(b"\r\n", b"\n")
    for token in _TOKENS.findall(raw.content):
        for purpose in set(Purpose) - {Purpose.MESSAGE}:
            assert live.read(purpose, token.decode()) is None
    mail = email.message_from_bytes(received, _class=EmailMessage, policy=email.policy.default)
    assert mail["Subject"] == "Fish & chips for ada"
    shown = words(marketer, f"/app/deliveries/{ada.id}")
    assert "Fish & chips for ada" in shown
    assert str(mail["Message-ID"]) in shown
    frame = marketer.get(f"/app/deliveries/{ada.id}/message")
    assert "sandbox;" in frame.headers["content-security-policy"]
    assert "script-src" not in frame.headers["content-security-policy"]
    assert "Dear ada" in marketer.get(f"/app/deliveries/{ada.id}/message.txt").text


def test_a_post_is_shown_with_its_address_and_an_erased_person_with_nothing(
    team: Team, harness: CampaignHarness, marketer: Browser, viewer: Browser, tmp_path: Path
):
    harness.channel("wall", "scripted_posts")
    harness.channel("mail", "scripted")
    sent = harness.plan_and_run("wall", "mail")
    with team.app.database.begin() as connection:
        (post,) = delivery_queries.of_campaign(connection, sent, channel_name="wall", limit=5)
        person = subscribers.find(connection, "cy@example.org")
    cy = delivery_to(harness, sent, "cy")
    assert post.recipient in words(viewer, f"/app/deliveries/{post.id}")
    assert viewer.get(f"/app/deliveries/{post.id}/message").status_code == 200
    assert viewer.get(f"/app/deliveries/{post.id}/message.eml").status_code == 403
    assert marketer.get(f"/app/deliveries/{post.id}/message.eml").status_code == 404
    erase(team.app, person.id, requested_by="test")
    shown = words(marketer, f"/app/deliveries/{cy.id}")
    assert "the person it went to was erased" in shown
    assert "cy@example.org" not in marketer.get(f"/app/campaigns/{sent}/deliveries").text


def test_a_campaign_that_has_not_begun_says_so_and_numbers_that_are_none_are_not_found(
    harness: CampaignHarness, marketer: Browser
):
    harness.channel("mail", "scripted")
    draft = harness.draft("mail")
    assert "Nothing has gone out yet" in words(marketer, f"/app/campaigns/{draft}/deliveries")
    for path in (
        "/app/campaigns/999/deliveries",
        "/app/deliveries/999",
        "/app/deliveries/999/message",
        "/app/deliveries/x",
    ):
        assert marketer.get(path).status_code == 404
    assert marketer.get(f"/app/campaigns/{draft}/deliveries?state=nonsense&after=-1&before=x").status_code == 200
