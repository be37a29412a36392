"""Campaigns over providers' APIs: into the ledger what they answer, and out of their calls what became of each mail."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from distributor.channels.api import WebhookEvents, WebhookRequest
from distributor.channels.email.providers.registry import read_webhook
from distributor.channels.email.providers.ses import read_ses_webhook
from distributor.domain.campaign import CampaignState
from distributor.domain.delivery import DeliveryState
from distributor.domain.event import EventKind
from distributor.domain.feedback import BouncePolicy
from distributor.domain.suppression import SuppressionReason
from distributor.flow.app_context import AppContext
from distributor.flow.delivery.paused_routes import resume_routes
from distributor.flow.feedback.apply_feedback import apply_feedback
from distributor.storage import channels, delivery_queries, suppressions
from tests.channels.email.providers import webhook_requests as calls
from tests.channels.email.providers.api_servers import Api, TakeAndHangUp, recorded
from tests.channels.email.providers.webhook_requests import Signed
from tests.flow.campaign_harness import CampaignHarness
from tests.mail.smtp.http_server import in_a_thread

# A provider's call about a mail, with what it was given to keep; and what verifies that the call is its own.
BOUNCES: Mapping[str, tuple[Callable[[str, AppContext], Signed], str]] = {
    "ses": (lambda mark, app: calls.ses(_ses_bounce(mark), at=app.clock()), calls.TOPIC),
    "postmark": (lambda mark, _: calls.postmark(calls.postmark_bounce(mark)), calls.POSTMARK_LOGIN),
    "mailgun": (
        lambda mark, app: calls.mailgun(calls.mailgun_failure(mark), at=app.clock()),
        calls.MAILGUN_KEY,
    ),
    "sendgrid": (lambda mark, app: calls.sendgrid([_sendgrid_bounce(mark)], at=app.clock()), calls.sendgrid_secret()),
    "resend": (
        lambda mark, app: calls.resend(_resend_bounce(mark), at=app.clock()),
        calls.RESEND_SECRET,
    ),
}


def add_channel(harness: CampaignHarness, api: Api) -> None:
    with harness.app.database.begin() as connection:
        settings = {"relays": json.dumps([{"name": "main", "url": api.relay_url, "connections": 2}])}
        channels.save(connection, name="mail", kind="email", settings=settings, sealed=None)


@pytest.mark.parametrize("provider", BOUNCES)
def test_a_campaign_goes_out_over_an_api_and_a_bounce_finds_its_delivery(
    harness: CampaignHarness, provider: str
) -> None:
    api = Api(provider)
    with in_a_thread(api):
        add_channel(harness, api)
        campaign_id = harness.plan("mail")
        harness.run()
    assert api.complaints == []
    assert harness.counts(campaign_id) == {"audience": 3, "sent": 3}
    assert harness.report(campaign_id).state is CampaignState.FINISHED
    bounced = api.taken[1]
    (feedback,) = _heard(harness.app, provider, bounced.mark).feedback
    apply_feedback(harness.app, feedback, source=f"webhook:{provider}")
    states = {row.recipient: row.state for row in _rows(harness, campaign_id)}
    address = bounced.recipient.rpartition("<")[2].rstrip(">")
    assert states.pop(address) is DeliveryState.BOUNCED
    assert set(states.values()) == {DeliveryState.SENT}


def test_a_recipient_that_the_api_refuses_is_a_bounce_like_any_other(harness: CampaignHarness) -> None:
    harness.app = replace(harness.app, bounce_policy=BouncePolicy(limit=1))
    refusal = recorded("postmark", "a recipient that has bounced")
    api = Api("postmark", lambda number, call: refusal if number == 1 else None)
    with in_a_thread(api):
        add_channel(harness, api)
        campaign_id = harness.plan("mail")
        harness.run()
    assert harness.counts(campaign_id) == {"audience": 3, "sent": 2, "failed": 1}
    assert harness.report(campaign_id).events == {EventKind.BOUNCE: (1, 1)}
    with harness.app.database.begin() as connection:
        [held_back] = suppressions.listed(connection, limit=9)
    assert held_back.reason is SuppressionReason.SOFT_BOUNCES


def test_a_lost_answer_is_unknown_in_the_ledger_and_the_mail_is_not_sent_again(harness: CampaignHarness) -> None:
    api = Api("postmark", lambda number, call: TakeAndHangUp() if number == 1 else None)
    with in_a_thread(api):
        add_channel(harness, api)
        campaign_id = harness.plan("mail")
        harness.run()
    assert harness.counts(campaign_id) == {"audience": 3, "sent": 2, "unknown": 1}
    assert len({one.recipient for one in api.taken}) == len(api.taken) == 3


def test_a_key_that_is_refused_holds_everybody_until_it_is_mended(harness: CampaignHarness) -> None:
    keys = {"good": False}
    api = Api("resend", lambda number, call: None if keys["good"] else recorded("resend", "a key that is wrong"))
    with in_a_thread(api):
        add_channel(harness, api)
        campaign_id = harness.plan("mail")
        harness.run()
        assert harness.counts(campaign_id) == {"audience": 3, "deferred": 3}
        assert all(
            "main is paused: authfailure: 403 invalid_api_key" in row.reply for row in _rows(harness, campaign_id)
        )
        keys["good"] = True
        resume_routes(harness.app, "mail")
        harness.run()
    assert harness.counts(campaign_id) == {"audience": 3, "sent": 3}


def _rows(harness: CampaignHarness, campaign_id: int) -> list[delivery_queries.DeliveryRecord]:
    (dispatch_report,) = harness.report(campaign_id).dispatches
    with harness.app.database.begin() as connection:
        return list(delivery_queries.listed(connection, dispatch_report.dispatch.id, state=None, limit=9))


def _heard(app: AppContext, provider: str, mark: str) -> WebhookEvents:
    write, secret = BOUNCES[provider]
    signed = write(mark, app)
    call = WebhookRequest(headers=signed.headers, body=signed.body, now=app.clock(), tokens=app.tokens)
    if provider == "ses":
        return read_ses_webhook(call, secret, fetch=lambda url: calls.amazon_certificate())
    return read_webhook(call, provider=provider, secret=secret)


def _ses_bounce(mark: str) -> dict[str, Any]:
    """Amazon gives the tags back, each with a list of values."""
    event = calls.ses_bounce("0102018f@eu-central-1.amazonses.com")
    return event | {"mail": event["mail"] | {"tags": {"delivery": [mark]}}}


def _sendgrid_bounce(mark: str) -> dict[str, Any]:
    """SendGrid puts the custom arguments beside its own members."""
    return calls.sendgrid_bounce(mark) | {"smtp-id": "<its-own@geopod>", "delivery": mark}


def _resend_bounce(mark: str) -> dict[str, Any]:
    event = calls.resend_bounce(mark)
    return event | {"data": event["data"] | {"message_id": "<its-own@amazonses.com>", "tags": {"delivery": mark}}}
