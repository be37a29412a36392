"""Webhook requests of providers: accepted with a valid signature, refused without, with the same result for all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import httpx
import pytest

from distributor.channels.api import WebhookEvents, WebhookRequest
from distributor.channels.email.providers.registry import providers, read_webhook
from distributor.channels.email.providers.ses import fetch_from_sns, read_ses_webhook
from distributor.domain.errors import InputError, SignatureError
from distributor.domain.feedback import Feedback, FeedbackKind, MatchedBy
from distributor.domain.tokens import Purpose
from distributor.mail.return_path import return_path
from tests.channels.email.mailing import NOW, TOKENS, a_delivery

from . import webhook_requests as calls
from .webhook_requests import Signed

MARK = TOKENS.mint(Purpose.MESSAGE, 7)
SOURCE = return_path(a_delivery(7), "bounces.example.org", TOKENS).spec
SECRETS = {
    "postmark": calls.POSTMARK_LOGIN,
    "mailgun": calls.MAILGUN_KEY,
    "sendgrid": calls.sendgrid_secret(),
    "resend": calls.RESEND_SECRET,
    "ses": calls.TOPIC,
}


def fetch(url: str) -> bytes:
    assert url.startswith("https://sns.eu-central-1.amazonaws.com/")
    return calls.amazon_certificate()


def read_events(provider: str, signed: Signed, *, later: timedelta = timedelta()) -> WebhookEvents:
    call = WebhookRequest(headers=signed.headers, body=signed.body, now=NOW + later, tokens=TOKENS)
    if provider == "ses":
        return read_ses_webhook(call, SECRETS["ses"], fetch=fetch)
    return read_webhook(call, provider=provider, secret=SECRETS[provider])


def one(provider: str, signed: Signed) -> Feedback:
    (feedback,) = read_events(provider, signed).feedback
    return feedback


BOUNCES: dict[str, Callable[[], Signed]] = {
    "postmark": lambda: calls.postmark(calls.postmark_bounce(MARK)),
    "mailgun": lambda: calls.mailgun(calls.mailgun_failure(MARK), at=NOW),
    "sendgrid": lambda: calls.sendgrid([calls.sendgrid_bounce(MARK)]),
    "resend": lambda: calls.resend(calls.resend_bounce(MARK), at=NOW),
    "ses": lambda: calls.ses(calls.ses_bounce(SOURCE)),
}


@pytest.mark.parametrize("provider", BOUNCES)
def test_a_bounce_is_the_same_whoever_tells_it(provider: str) -> None:
    feedback = one(provider, BOUNCES[provider]())
    assert (feedback.kind, feedback.delivery_id, feedback.address) == (FeedbackKind.BOUNCE, 7, "ada@example.org")
    assert feedback.is_hard
    assert feedback.match in {MatchedBy.METADATA, MatchedBy.MESSAGE_ID, MatchedBy.RETURN_PATH}
    assert feedback.at is not None
    assert {name: feedback.detail[name] for name in ("reason", "status", "code")} == {
        "reason": "userunknown",
        "status": "5.1.1",
        "code": "550",
    }
    assert feedback.key == one(provider, BOUNCES[provider]()).key


FULL: dict[str, Callable[[], Signed]] = {
    "postmark": lambda: calls.postmark(calls.postmark_bounce(MARK, Type="SoftBounce", Details=calls.FULL)),
    "mailgun": lambda: calls.mailgun(
        calls.mailgun_failure(MARK, **{"delivery-status": {"code": 552, "message": "5.2.2 mailbox is full"}}), at=NOW
    ),
    "sendgrid": lambda: calls.sendgrid([calls.sendgrid_bounce(MARK, reason=calls.FULL, status="5.2.2")]),
    "resend": lambda: calls.resend(calls.resend_bounce(MARK, type="Transient", message=calls.FULL), at=NOW),
    "ses": lambda: calls.ses(
        calls.ses_bounce(SOURCE, bounceType="Transient", bounceSubType="MailboxFull", bouncedRecipients=[{}])
    ),
}


@pytest.mark.parametrize("provider", FULL)
def test_a_full_mailbox_is_not_hard_and_counts(provider: str) -> None:
    feedback = one(provider, FULL[provider]())
    assert (feedback.is_hard, feedback.counts, feedback.detail["reason"]) == (False, True, "mailboxfull")


OTHERS: list[tuple[str, Callable[[], Signed], FeedbackKind | None]] = [
    (
        "postmark",
        lambda: calls.postmark(calls.postmark_bounce(MARK, RecordType="SpamComplaint", Type="SpamComplaint")),
        FeedbackKind.COMPLAINT,
    ),
    ("postmark", lambda: calls.postmark(calls.postmark_bounce(MARK, RecordType="Delivery")), FeedbackKind.DELIVERED),
    ("postmark", lambda: calls.postmark(calls.postmark_bounce(MARK, Type="Transient")), None),
    (
        "postmark",
        lambda: calls.postmark(
            {
                "RecordType": "SubscriptionChange",
                "SuppressSending": True,
                "Origin": "Recipient",
                "SuppressionReason": "ManualSuppression",
                "Metadata": {"delivery": MARK},
            }
        ),
        FeedbackKind.UNSUBSCRIBE,
    ),
    ("mailgun", lambda: calls.mailgun(calls.mailgun_failure(MARK, event="complained"), at=NOW), FeedbackKind.COMPLAINT),
    ("mailgun", lambda: calls.mailgun(calls.mailgun_failure(MARK, event="delivered"), at=NOW), FeedbackKind.DELIVERED),
    ("mailgun", lambda: calls.mailgun(calls.mailgun_failure(MARK, severity="temporary"), at=NOW), None),
    ("sendgrid", lambda: calls.sendgrid([calls.sendgrid_bounce(MARK, event="spamreport")]), FeedbackKind.COMPLAINT),
    ("sendgrid", lambda: calls.sendgrid([calls.sendgrid_bounce(MARK, event="delivered")]), FeedbackKind.DELIVERED),
    ("sendgrid", lambda: calls.sendgrid([calls.sendgrid_bounce(MARK, event="deferred")]), None),
    (
        "sendgrid",
        lambda: calls.sendgrid([calls.sendgrid_bounce(MARK, event="dropped", reason="Unsubscribed Address")]),
        FeedbackKind.UNSUBSCRIBE,
    ),
    ("resend", lambda: calls.resend(calls.resend_bounce(MARK) | {"type": "email.opened"}, at=NOW), None),
    (
        "resend",
        lambda: calls.resend(calls.resend_bounce(MARK) | {"type": "email.complained"}, at=NOW),
        FeedbackKind.COMPLAINT,
    ),
    (
        "ses",
        lambda: calls.ses(
            {
                "eventType": "Complaint",
                "complaint": {
                    "complainedRecipients": [{"emailAddress": "ada@example.org"}],
                    "complaintFeedbackType": "abuse",
                },
                "mail": {"source": SOURCE},
            },
            version="1",
        ),
        FeedbackKind.COMPLAINT,
    ),
    (
        "ses",
        lambda: calls.ses(
            {
                "eventType": "Delivery",
                "delivery": {"recipients": ["ada@example.org"]},
                "mail": {"tags": {"delivery": [MARK]}},
            }
        ),
        FeedbackKind.DELIVERED,
    ),
    ("ses", lambda: calls.ses({"eventType": "Open", "mail": {"source": SOURCE}}), None),
]


@pytest.mark.parametrize(("provider", "make", "kind"), OTHERS)
def test_other_events_mean_what_they_say(provider: str, make: Callable[[], Signed], kind: FeedbackKind | None) -> None:
    reported = read_events(provider, make()).feedback
    assert [(one.kind, one.delivery_id) for one in reported] == ([(kind, 7)] if kind else [])


ONE_EVENT: dict[str, Callable[[Any], Signed]] = {
    "postmark": calls.postmark,
    "mailgun": lambda event: calls.mailgun(event, at=NOW),
    "sendgrid": lambda event: calls.sendgrid([event]),
    "resend": lambda event: calls.resend(event, at=NOW),
    "ses": calls.ses,
}
EVENTS: dict[str, Callable[[], dict[str, Any]]] = {
    "postmark": lambda: calls.postmark_bounce(MARK),
    "mailgun": lambda: calls.mailgun_failure(MARK),
    "sendgrid": lambda: calls.sendgrid_bounce(MARK),
    "resend": lambda: calls.resend_bounce(MARK),
    "ses": lambda: calls.ses_bounce(SOURCE),
}
TYPES = {
    "postmark": "RecordType",
    "mailgun": "event",
    "sendgrid": "event",
    "resend": "type",
    "ses": "notificationType",
}


@pytest.mark.parametrize("provider", ONE_EVENT)
def test_an_event_that_makes_no_sense_is_named_and_gives_no_feedback(provider: str) -> None:
    known, name = EVENTS[provider](), TYPES[provider]
    for event in (7, None, True, "text", [], [known], {}, known | {name: 7}, known | {name: {}}, known | {name: ""}):
        read = read_events(provider, ONE_EVENT[provider](event))
        assert read.feedback == ()
        (one,) = read.malformed
        assert one.reason.startswith("malformed event: it")
        assert json.loads(one.content) == event
        assert [one.key for one in read_events(provider, ONE_EVENT[provider](event)).malformed] == [one.key]


@pytest.mark.parametrize("provider", ONE_EVENT)
def test_no_odd_member_of_an_event_is_an_error_of_ours(provider: str) -> None:
    odd: Sequence[Any] = (
        None,
        True,
        -1,
        10**40,
        253402300800,
        -(10**15),
        1e300,
        "",
        "a" * 5000,
        "99999-01-01T00:00:00Z",
        [],
        {},
        [[7]],
    )
    for event in variants(EVENTS[provider](), odd):
        read = read_events(provider, ONE_EVENT[provider](event))
        assert len(read.feedback) + len(read.malformed) <= 1
        for one in read.feedback:
            assert one.at is None or 1970 <= one.at.year < 9999


def variants(event: Any, values: Sequence[Any]) -> Iterator[Any]:
    """The event with each of its members, at any depth, replaced by each of the values, or left out."""
    for name, member in event.items():
        rest = {other: one for other, one in event.items() if other != name}
        yield rest
        for value in values:
            yield rest | {name: value}
        if isinstance(member, dict):
            for one in variants(member, values):
                yield rest | {name: one}
        if isinstance(member, list) and member and isinstance(member[0], dict):
            for one in variants(member[0], values):
                yield rest | {name: [one]}


# Each is a member of a list in JSON, beside a good one.
MALFORMED = {
    "a number": "7",
    "nothing": "null",
    "a text": '"ada@example.org"',
    "a list": "[]",
    "no type": "{}",
    "half of a surrogate pair": '{"event": "bounce", "email": "\\ud800", "emailAddress": "\\ud800"}',
    "half of a pair as a name": '{"event": "bounce", "\\udfff": 1}',
    "a NUL": '{"event": "bounce", "email": "a\\u0000b", "emailAddress": "a\\u0000b"}',
    "a number too long": '{"event": "bounce", "timestamp": ' + "9" * 5000 + "}",
    "no number": '{"event": "bounce", "timestamp": NaN}',
    "a member twice": '{"event": "bounce", "email": "a@example.org", "email": "b@example.org"}',
}


@pytest.mark.parametrize("bad", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_event_of_sendgrid_costs_no_other(bad: str) -> None:
    good = [json.dumps(calls.sendgrid_bounce(MARK, sg_event_id=name)) for name in "ab"]
    signed = calls.sendgrid_body(f"[{good[0]},{bad},{bad},{good[1]}]".encode())
    read = read_events("sendgrid", signed)
    assert [(one.delivery_id, one.key) for one in read.feedback] == [(7, "sendgrid-a"), (7, "sendgrid-b")]
    assert len(read.malformed) == 1


@pytest.mark.parametrize("bad", [bad for name, bad in MALFORMED.items() if name not in {"a text", "no type"}])
def test_a_malformed_recipient_of_amazon_costs_no_other(bad: str) -> None:
    plain = json.dumps(calls.ses_bounce(SOURCE))
    (good,) = calls.ses_bounce(SOURCE)["bounce"]["bouncedRecipients"]
    listed = json.dumps([good])
    assert listed in plain
    message = plain.replace(listed, f"[{json.dumps(good)},{bad},{json.dumps(good)}]")
    read = read_events("ses", calls.ses({}, Message=message))
    identity = "ses-22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324"
    assert [(one.delivery_id, one.key) for one in read.feedback] == [(7, f"{identity}-0"), (7, f"{identity}-2")]
    assert len(read.malformed) == 1


def test_events_without_an_id_are_told_apart_by_their_content() -> None:
    events = [calls.sendgrid_bounce(MARK, sg_event_id=None, email=f"{name}@example.org") for name in ("ada", "bo")]
    first, second = read_events("sendgrid", calls.sendgrid(events)).feedback
    assert first.key != second.key
    assert read_events("sendgrid", calls.sendgrid(events)).feedback == (first, second)


def altered(signed: Signed) -> Signed:
    return replace(signed, body=signed.body.replace(b"ada@", b"bob@").replace(b"Notification", b"Notificatiom"))


FORGED: list[tuple[str, Callable[[], Signed]]] = [
    ("postmark", lambda: calls.postmark(calls.postmark_bounce(MARK), login="gazette:guess")),
    ("postmark", lambda: Signed({}, b"{}")),
    ("postmark", lambda: Signed({"authorization": "Basic é"}, b"{}")),
    ("mailgun", lambda: calls.mailgun(calls.mailgun_failure(MARK), at=NOW, key="guess")),
    ("mailgun", lambda: Signed({}, b'{"signature": "x"}')),
    ("sendgrid", lambda: altered(calls.sendgrid([calls.sendgrid_bounce(MARK)]))),
    ("sendgrid", lambda: Signed({}, b"[]")),
    ("resend", lambda: altered(calls.resend(calls.resend_bounce(MARK), at=NOW))),
    ("resend", lambda: Signed({}, b"{}")),
    ("ses", lambda: altered(calls.ses(calls.ses_bounce(SOURCE)))),
    ("ses", lambda: calls.ses(calls.ses_bounce(SOURCE), topic="arn:aws:sns:eu-central-1:666:of-somebody-else")),
    ("ses", lambda: Signed({}, b"[]")),
]


@pytest.mark.parametrize(("provider", "make"), FORGED)
def test_what_is_not_signed_as_it_should_be_is_refused(provider: str, make: Callable[[], Signed]) -> None:
    with pytest.raises(SignatureError):
        read_events(provider, make())


@pytest.mark.parametrize(
    ("provider", "longest"),
    [
        ("mailgun", timedelta(hours=12)),
        ("resend", timedelta(minutes=5)),
        ("sendgrid", timedelta(days=1)),
        ("ses", timedelta(days=1)),
    ],
)
def test_old_signatures_and_those_of_the_future_are_refused(provider: str, longest: timedelta) -> None:
    for fresh in (longest, -timedelta(minutes=5)):
        assert read_events(provider, BOUNCES[provider](), later=fresh).feedback
    for later in (longest + timedelta(seconds=1), -timedelta(minutes=6)):
        with pytest.raises(SignatureError, match="too old"):
            read_events(provider, BOUNCES[provider](), later=later)


def test_a_signature_without_a_time_is_refused() -> None:
    with pytest.raises(SignatureError, match="too old"):
        read_events("ses", calls.ses(calls.ses_bounce(SOURCE), Timestamp="yesterday"))


def test_a_channel_without_a_provider_accepts_no_events() -> None:
    call = WebhookRequest(headers={}, body=b"{}", now=NOW, tokens=TOKENS)
    for provider, secret in (("", ""), ("postmark", "")):
        with pytest.raises(SignatureError, match="events_from"):
            read_webhook(call, provider=provider, secret=secret)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[" * 100_000,
        b"\xff",
        b'{"Email": "\xed\xa0\x80"}',
        '{"Email": "ada@example.org"}'.encode("utf-16"),
        b'{"Email": "\\ud800"}',
        b'{"Metadata": {"deep": [[{"\\udfff": 1}]]}}',
        b'{"Email": "a\\u0000b"}',
        b'{"ID": ' + b"9" * 5000 + b"}",
        b'{"ID": NaN}',
        b'{"Email": "ada@example.org", "Email": "bo@example.org"}',
    ],
)
def test_what_is_no_json_is_refused_once_it_is_signed(body: bytes) -> None:
    signed = replace(calls.postmark({}), body=body)
    with pytest.raises(InputError):
        read_events("postmark", signed)


def test_a_topic_may_call_once_the_address_it_names_was_visited() -> None:
    visited: list[str] = []

    def remember(url: str) -> bytes:
        visited.append(url)
        return calls.amazon_certificate()

    signed = calls.sns_subscription()
    call = WebhookRequest(headers={}, body=signed.body, now=NOW, tokens=TOKENS)
    assert read_ses_webhook(call, calls.TOPIC, fetch=remember).feedback == ()
    assert visited[-1].startswith("https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription")


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.eu-central-1.amazonaws.com/a.pem",
        "https://sns.eu-central-1.amazonaws.com.evil.example/a.pem",
        "https://evil.example/sns.eu-central-1.amazonaws.com/a.pem",
        "https://sns.eu-central-1.amazonaws.com@evil.example/a.pem",
        "https://user@sns.eu-central-1.amazonaws.com/a.pem",
        "https://sns.eu-central-1.amazonaws.com:8443/a.pem",
        "https://bucket.s3.amazonaws.com/a.pem",
        "https://sns.s3-eu-west-1.amazonaws.com/a.pem",
        "https://sns.s3-website-us-east-1.amazonaws.com/a.pem",
        "https://sns.my-bucket.amazonaws.com/a.pem",
        "https://sns.amazonaws.com/a.pem",
        "https://a.sns.eu-central-1.amazonaws.com/a.pem",
        "https://sns.eu-central-1.amazonaws.com.cn/a.pem",
        "https://sns.cn-north-1.amazonaws.com/a.pem",
        "https://sns.eu-central-1.amazonaws.com:/a.pem",
        "https://@sns.eu-central-1.amazonaws.com/a.pem",
        "https://sns.eu-central-1.amazonaws.com./a.pem",
        "https://169.254.169.254/a.pem",
        "https://[::1",
        "",
    ],
)
def test_nothing_is_fetched_but_from_amazon_sns(url: str) -> None:
    with pytest.raises(SignatureError):
        fetch_from_sns(url)


@pytest.mark.parametrize(
    "path",
    [
        "/SimpleNotificationService-1.pem?redirect=x",
        "/SimpleNotificationService-1.pem#x",
        "/elsewhere/SimpleNotificationService-1.pem",
        "/SimpleNotificationService-1.crt",
        "/x.pem",
    ],
)
def test_a_certificate_has_the_path_of_one(path: str) -> None:
    with pytest.raises(SignatureError, match="certificate"):
        read_events(
            "ses", calls.ses(calls.ses_bounce(SOURCE), SigningCertURL=f"https://sns.eu-central-1.amazonaws.com{path}")
        )


@pytest.mark.parametrize(
    "host", ["sns.us-east-1.amazonaws.com", "sns.us-gov-west-1.amazonaws.com", "sns.cn-northwest-1.amazonaws.com.cn"]
)
def test_every_partition_of_amazon_has_its_hosts(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def respond(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return httpx.Response(200, content=b"a certificate")

    client = partial(httpx.Client, transport=httpx.MockTransport(respond))
    monkeypatch.setattr(httpx, "Client", client)
    assert fetch_from_sns(f"https://{host}/SimpleNotificationService-1.pem") == b"a certificate"
    assert asked == [host]


def test_mails_have_a_header_field_whose_value_the_provider_returns_to_the_webhook() -> None:
    fields = {name: provider.delivery_header for name, provider in providers().items()}
    assert fields.pop("resend") is None
    for make_field in fields.values():
        assert make_field is not None
        assert MARK in make_field(MARK)
        assert make_field(MARK).endswith("\r\n")
