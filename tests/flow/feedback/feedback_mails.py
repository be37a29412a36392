"""Mails that come back, as the systems of this world write them, about a delivery of ours."""

from __future__ import annotations

from distributor.domain.delivery import Delivery
from distributor.domain.tokens import Purpose, TokenSigner
from distributor.mail.return_path import return_path

DOMAIN = "bounces.gazette.example"


def verp(delivery: Delivery, tokens: TokenSigner) -> str:
    """Where the bounces of this delivery go."""
    return return_path(delivery, DOMAIN, tokens).spec


def bounce(
    delivery: Delivery,
    *,
    to: str,
    status: str = "5.1.1",
    words: str = "550 5.1.1 no such user here",
    action: str = "failed",
    number: int = 1,
    returned: str = "",
    final: str | None = None,
    original: str = "",
) -> bytes:
    """A delivery status notification (RFC 3464) to the address `to`; mails with other numbers are other mails.

    It reports on the delivery's recipient, or on `final` (empty: on no address), with the field Original-Recipient.
    """
    failed = delivery.recipient if final is None else final
    lines = (
        "Return-Path: <>",
        f"To: {to}",
        "From: MAILER-DAEMON@mx.example.org (Mail Delivery System)",
        "Subject: Undelivered Mail Returned to Sender",
        f"Message-ID: <{delivery.id}.{number}@mx.example.org>",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        'Content-Type: multipart/report; report-type=delivery-status; boundary="edge"',
        "",
        "--edge",
        "Content-Type: text/plain",
        "",
        f"<{failed}>: host mx.example.org said: {words}",
        "",
        "--edge",
        "Content-Type: message/delivery-status",
        "",
        "Reporting-MTA: dns; mx.example.org",
        "",
        *([f"Original-Recipient: {original}"] if original else []),
        *([f"Final-Recipient: rfc822; {failed}"] if failed else []),
        f"Action: {action}",
        f"Status: {status}",
        f"Diagnostic-Code: smtp; {words}",
        "",
        "--edge",
        "Content-Type: text/rfc822-headers",
        "",
        f"To: {delivery.recipient}",
        "From: news@gazette.example",
        "Subject: Hello",
        *([returned] if returned else []),
        "",
        "--edge--",
        "",
    )
    return "\r\n".join(lines).encode()


def full_mailbox(delivery: Delivery, *, to: str, number: int = 1) -> bytes:
    """A bounce that is not hard."""
    return bounce(delivery, to=to, status="5.2.2", words="552 5.2.2 mailbox is full", number=number)


def complaint(delivery: Delivery, tokens: TokenSigner, *, to: str, feedback_type: str = "abuse") -> bytes:
    """A report of a feedback loop (RFC 5965) with the mail that it is about; providers black out the recipient."""
    lines = (
        "Return-Path: <fbl@provider.example>",
        f"To: {to}",
        "From: fbl@provider.example",
        "Subject: complaint about message",
        f"Message-ID: <fbl-{delivery.id}-{feedback_type}@provider.example>",
        "MIME-Version: 1.0",
        'Content-Type: multipart/report; report-type=feedback-report; boundary="edge"',
        "",
        "--edge",
        "Content-Type: text/plain",
        "",
        "This is an email abuse report.",
        "",
        "--edge",
        "Content-Type: message/feedback-report",
        "",
        f"Feedback-Type: {feedback_type}",
        "User-Agent: Provider/1.0",
        "Version: 1",
        "",
        "--edge",
        "Content-Type: message/rfc822",
        "",
        "From: news@gazette.example",
        "To: redacted@provider.example",
        f"Message-ID: {message_id(delivery, tokens)}",
        "Subject: Hello",
        "",
        "A first paragraph.",
        "",
        "--edge--",
        "",
    )
    return "\r\n".join(lines).encode()


def wish_to_leave(delivery: Delivery, tokens: TokenSigner) -> bytes:
    """A reader's answer to our mail."""
    lines = (
        f"Return-Path: <{delivery.recipient}>",
        "To: news@gazette.example",
        f"From: {delivery.recipient}",
        "Subject: unsubscribe",
        f"Message-ID: <request-{delivery.id}@example.org>",
        f"In-Reply-To: {message_id(delivery, tokens)}",
        "",
        "unsubscribe",
        "",
    )
    return "\r\n".join(lines).encode()


def message_id(delivery: Delivery, tokens: TokenSigner) -> str:
    return f"<{tokens.mint(Purpose.MESSAGE, delivery.id)}@gazette.example>"
