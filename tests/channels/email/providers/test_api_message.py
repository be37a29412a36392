"""A composed mail is converted to the fields of an API."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.channels.email.composition.compose import prepare_mail
from distributor.channels.email.providers.api_message import ApiMessage
from distributor.channels.email.providers.registry import parse_api_url
from distributor.channels.email.providers.ses import SesAccount, sign_request
from distributor.domain.errors import InputError
from tests.channels.email.mailing import NOW, TOKENS, a_delivery, a_rendition


def with_files() -> ApiMessage:
    """A mail with an image inside its HTML and a file beside it, as any program may compose one."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "News <news@example.org>", "ann@example.net", "Files"
    mail["Message-ID"] = "<abcdefghijklmnop@example.org>"
    mail.set_content("a text\n")
    mail.add_alternative('<img src="cid:logo@example.org">\n', subtype="html")
    part = mail.get_body(("html",))
    assert isinstance(part, EmailMessage)
    part.add_related(b"\x89PNG", "image", "png", cid="<logo@example.org>", filename="logo.png")
    mail.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="Zehn Fragen – ganz.pdf")
    return ApiMessage(recipient="ann@example.net", content=mail.as_bytes(policy=policy.SMTP))


def test_files_are_distinguished_from_bodies() -> None:
    logo, paper = with_files().attachments
    assert (logo.name, logo.media_type, logo.content, logo.content_id) == (
        "logo.png",
        "image/png",
        b"\x89PNG",
        "logo@example.org",
    )
    assert (paper.name, paper.media_type, paper.content, paper.content_id) == (
        "Zehn Fragen – ganz.pdf",
        "application/pdf",
        b"%PDF",
        "",
    )
    assert (with_files().text, with_files().html) == ("a text\n", '<img src="cid:logo@example.org">\n')


@pytest.mark.parametrize(
    ("url", "member"),
    [
        ("postmark://T@api.postmarkapp.com", "Attachments"),
        ("sendgrid://K@api.sendgrid.com", "attachments"),
        ("resend://K@api.resend.com", "attachments"),
    ],
)
def test_files_go_along_in_every_dialect(url: str, member: str) -> None:
    api = parse_api_url(url)
    body = json.loads(api.provider.build_request(api, with_files(), NOW).body)
    logo, paper = (set(map(str, file.values())) for file in body[member])
    assert {"logo.png", "image/png", "iVBORw=="} <= logo
    assert logo & {"logo@example.org", "cid:logo@example.org"}
    assert {"Zehn Fragen – ganz.pdf", "application/pdf", "JVBERg=="} <= paper


def test_what_says_nothing_is_not_sent() -> None:
    """Providers refuse an empty list of attachments or an empty address for answers."""
    api = parse_api_url("postmark://T@api.postmarkapp.com")
    mail = ApiMessage(recipient="a@example.net", content=prepare_mail(a_rendition()).message_for(a_delivery(1), TOKENS))
    body = json.loads(api.provider.build_request(api, mail, NOW).body)
    assert not {"Attachments", "ReplyTo", "MessageStream"} & set(body)
    assert body["TrackOpens"] is False


def test_a_mail_without_our_mark_is_not_sent() -> None:
    with pytest.raises(InputError, match="Message-ID"):
        _ = ApiMessage(recipient="a@example.net", content=b"From: a@example.org\r\n\r\n").delivery_token


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    body=st.binary(max_size=300),
    secret=st.text(min_size=1, max_size=40),
    host=st.sampled_from(["email.eu-central-1.amazonaws.com", "127.0.0.1:8025"]),
    path=st.sampled_from(["", "/", "/v2/email/outbound-emails", "/with a space/ü"]),
    at=st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2039, 1, 1)),  # noqa: DTZ001 - hypothesis wants naive ones
    spaces=st.integers(0, 3),
)
def test_a_call_is_signed_as_amazons_own_library_signs_it(
    body: bytes, secret: str, host: str, path: str, at: datetime, spaces: int
) -> None:
    account = SesAccount(key_id="AKIDEXAMPLE", secret=secret, region="eu-central-1", service="ses")
    headers = {"Content-Type": f"application/json;{' ' * spaces}charset=utf-8"}
    signed = sign_request(f"https://{host}{path}", headers, body, account=account, at=at.replace(tzinfo=UTC))
    given_by_us = {**headers, "Host": host, "X-Amz-Date": signed["X-Amz-Date"]}
    request = AWSRequest("POST", f"https://{host}{path}", headers=given_by_us, data=body)
    request.context["timestamp"] = signed["X-Amz-Date"]
    judge = SigV4Auth(Credentials("AKIDEXAMPLE", secret), "ses", "eu-central-1")
    text = judge.string_to_sign(request, judge.canonical_request(request))
    assert signed["Authorization"].endswith(f"Signature={judge.signature(text, request)}")
