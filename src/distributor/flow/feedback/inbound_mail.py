"""Inbound mail: bounces, complaints and unsubscribe requests, one mail at a time, from any mailbox or session."""

from __future__ import annotations

import hashlib

from distributor.domain.quarantine import QuarantinedItem, QuarantineLoop
from distributor.flow.app_context import AppContext
from distributor.flow.feedback.apply_feedback import AppliedFeedback, apply_feedback
from distributor.flow.quarantine import kept_on_error
from distributor.mail.inbound import read_inbound_mail
from distributor.storage import delivery_queries, postmaster_mails


def receive_mail(app: AppContext, raw: bytes, *, envelope_recipient: str | None = None, source: str) -> AppliedFeedback:
    """Parse a mail and apply its feedback; all of it is committed when this returns.

    A mail that was received before changes nothing. Any bytes are accepted, malformed mails too. `envelope_recipient`
    is the address of RCPT TO, `source` names the origin in one word. Raises ServiceError: try again later.
    """
    mail = read_inbound_mail(raw, app.tokens, envelope_recipient=envelope_recipient)
    return apply_feedback(app, mail.feedback(_recipient_of(app, mail.delivery.delivery_id)), source=source)


def _recipient_of(app: AppContext, delivery_id: int | None) -> str:
    """The address that a delivery was sent to; empty if it is not known."""
    if delivery_id is None:
        return ""
    with app.database.begin() as connection:
        return next((one.recipient for one in delivery_queries.find_all(connection, [delivery_id])), "")


def keep_for_postmaster(app: AppContext, raw: bytes) -> None:
    """Store a mail to postmaster for an operator; nothing in it is applied. Raises ServiceError: try again later."""
    with app.database.begin() as connection:
        postmaster_mails.keep(connection, raw, now=app.clock())


def accept_mail(
    app: AppContext, raw: bytes, *, envelope_recipient: str | None = None, source: str
) -> AppliedFeedback | None:
    """Receive a mail; one that cannot be processed is kept in quarantine instead, and the result is None.

    Whatever it is, it need not be sent again when this returns. Raises ServiceError: try again later.
    """
    key = hashlib.sha256(raw + (envelope_recipient or "").encode("utf-8", "surrogatepass")).hexdigest()
    detail = {"envelope_recipient": envelope_recipient, "source": source}
    with kept_on_error(app, QuarantineLoop.MAIL, key, raw, detail=detail):
        return receive_mail(app, raw, envelope_recipient=envelope_recipient, source=source)
    return None


def retry_mail(app: AppContext, item: QuarantinedItem) -> None:
    """Receive a mail that is in quarantine. Raises whatever receiving it raises."""
    recipient = item.detail.get("envelope_recipient")
    receive_mail(
        app,
        item.content or b"",
        envelope_recipient=str(recipient) if recipient is not None else None,
        source=str(item.detail.get("source")),
    )
