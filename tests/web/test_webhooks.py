"""`POST /webhooks/<channel>`: an event with a valid signature counts once; otherwise nothing is stored."""

from __future__ import annotations

import pytest
from sqlalchemy import update
from starlette.testclient import TestClient

from distributor.channels.email.providers import ses
from distributor.domain.delivery import DeliveryState
from distributor.domain.event import EventKind
from distributor.domain.quarantine import QuarantineLoop
from distributor.domain.suppression import SuppressionReason
from distributor.domain.tokens import Purpose
from distributor.flow.app_context import AppContext
from distributor.flow.feedback import webhooks
from distributor.flow.quarantine import retry
from distributor.storage import channels, delivery_queries, events, quarantine, suppressions, tables
from tests.channels.email.providers import webhook_requests as calls

from .samples import SentMail


@pytest.fixture
def mark(app: AppContext, sent_mail: SentMail) -> str:
    """What a provider gives back of the mail once it has taken it."""
    with app.database.begin() as connection:
        connection.execute(update(tables.deliveries).values(state=DeliveryState.SENT))
    return app.tokens.mint(Purpose.MESSAGE, sent_mail.delivery_id)


def provider(app: AppContext, name: str, secret: str) -> None:
    with app.database.begin() as connection:
        sealed = app.vault.seal({"events_secret": secret})
        channels.save(connection, name=name, kind="email", settings={"events_from": name}, sealed=sealed)


def state(app: AppContext, mail: SentMail) -> DeliveryState:
    with app.database.begin() as connection:
        return delivery_queries.find(connection, mail.delivery_id).state


def happened(app: AppContext, mail: SentMail) -> list[EventKind]:
    with app.database.begin() as connection:
        return [one.kind for one in events.of_delivery(connection, mail.delivery_id)]


def test_a_bounce_is_processed_and_counts_once(
    client: TestClient, app: AppContext, sent_mail: SentMail, mark: str
) -> None:
    provider(app, "postmark", calls.POSTMARK_LOGIN)
    call = calls.postmark(calls.postmark_bounce(mark))
    before = happened(app, sent_mail)
    for _ in range(2):
        answer = client.post("/webhooks/postmark", content=call.body, headers=call.headers)
        assert (answer.status_code, answer.content) == (204, b"")
    assert state(app, sent_mail) is DeliveryState.BOUNCED
    assert happened(app, sent_mail) == [*before, EventKind.BOUNCE]
    with app.database.begin() as connection:
        found = suppressions.listed(connection, limit=10)
    assert [one.reason for one in found] == [SuppressionReason.HARD_BOUNCE]


def test_an_event_that_cannot_be_applied_is_kept_and_the_others_are_applied(
    client: TestClient, app: AppContext, sent_mail: SentMail, mark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider(app, "postmark", calls.POSTMARK_LOGIN)
    call = calls.postmark(calls.postmark_bounce(mark))
    with monkeypatch.context() as patched:
        patched.setattr(webhooks, "apply_feedback", lambda *_, **__: 1 // 0)
        assert client.post("/webhooks/postmark", content=call.body, headers=call.headers).status_code == 204
    assert state(app, sent_mail) is DeliveryState.SENT
    with app.database.begin() as connection:
        (known,) = quarantine.of_loop(connection, QuarantineLoop.WEBHOOK).values()
        item = quarantine.find(connection, known.id)
    assert "ZeroDivisionError" in item.reason
    assert retry(app, item, webhooks.retry_webhook_event)
    assert state(app, sent_mail) is DeliveryState.BOUNCED


@pytest.mark.parametrize("name", ["postmark", "mailgun", "sendgrid", "resend", "ses"])
def test_a_malformed_event_is_acknowledged_and_kept_and_the_others_are_applied(
    client: TestClient, app: AppContext, sent_mail: SentMail, mark: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, (recipient,) = app.clock(), calls.ses_bounce("")["bounce"]["bouncedRecipients"]
    ses_good = calls.ses_bounce(mark, bouncedRecipients=[7, recipient]) | {"mail": {"tags": {"delivery": [mark]}}}
    secret, requests = {
        "postmark": (calls.POSTMARK_LOGIN, [calls.postmark(one) for one in (7, calls.postmark_bounce(mark))]),
        "mailgun": (
            calls.MAILGUN_KEY,
            [
                calls.mailgun(one, at=now, token=token * 50)
                for token, one in (("a", 7), ("b", calls.mailgun_failure(mark)))
            ],
        ),
        "sendgrid": (calls.sendgrid_secret(), [calls.sendgrid([7, calls.sendgrid_bounce(mark)], at=now)]),
        "resend": (calls.RESEND_SECRET, [calls.resend(one, at=now) for one in (7, calls.resend_bounce(mark))]),
        "ses": (calls.TOPIC, [calls.ses(ses_good, at=now)]),
    }[name]
    monkeypatch.setattr(ses, "_certified_key", lambda *_: calls.amazon_key().public_key())
    provider(app, name, secret)
    for _ in range(2):
        for one in requests:
            assert client.post(f"/webhooks/{name}", content=one.body, headers=one.headers).status_code == 204
    assert state(app, sent_mail) is DeliveryState.BOUNCED
    with app.database.begin() as connection:
        (known,) = quarantine.of_loop(connection, QuarantineLoop.WEBHOOK).values()
        item = quarantine.find(connection, known.id)
    assert (item.failures, item.reason.startswith("malformed event: ")) == (2, True)
    assert b"7" in (item.content or b"")
    assert not retry(app, item, webhooks.retry_webhook_event), "it is as malformed as before"


def test_what_is_not_signed_is_refused_and_nothing_is_stored(
    client: TestClient, app: AppContext, sent_mail: SentMail, mark: str
) -> None:
    provider(app, "postmark", calls.POSTMARK_LOGIN)
    before = (state(app, sent_mail), happened(app, sent_mail))
    forged = calls.postmark(calls.postmark_bounce(mark), login="gazette:guess")
    assert client.post("/webhooks/postmark", content=forged.body, headers=forged.headers).status_code == 403
    assert (state(app, sent_mail), happened(app, sent_mail)) == before


def test_a_signature_of_mailgun_is_good_for_one_body(
    client: TestClient, app: AppContext, sent_mail: SentMail, mark: str
) -> None:
    provider(app, "mailgun", calls.MAILGUN_KEY)
    now = app.clock()
    accepted = calls.mailgun(calls.mailgun_failure(mark, event="delivered"), at=now)
    replayed = calls.mailgun(calls.mailgun_failure(mark, event="complained"), at=now)
    statuses = [
        client.post("/webhooks/mailgun", content=one.body).status_code for one in (accepted, accepted, replayed)
    ]
    assert statuses == [204, 204, 403]
    assert state(app, sent_mail) is DeliveryState.DELIVERED


def test_what_cannot_be_understood_is_refused(client: TestClient, app: AppContext) -> None:
    provider(app, "postmark", calls.POSTMARK_LOGIN)
    headers = calls.postmark({}).headers
    assert client.post("/webhooks/postmark", content=b"no JSON", headers=headers).status_code == 400
    assert client.post("/webhooks/postmark", content=b" " * (1024 * 1024 + 1), headers=headers).status_code == 413
    assert client.post("/webhooks/nobody", content=b"{}").status_code == 404
    assert client.get("/webhooks/postmark").status_code == 405


def test_a_large_call_is_taken(client: TestClient, app: AppContext) -> None:
    provider(app, "sendgrid", calls.sendgrid_secret())
    call = calls.sendgrid(
        [calls.sendgrid_bounce("nobody", sg_event_id=str(number)) for number in range(2000)], at=app.clock()
    )
    assert len(call.body) > 64 * 1024
    assert client.post("/webhooks/sendgrid", content=call.body, headers=call.headers).status_code == 204
