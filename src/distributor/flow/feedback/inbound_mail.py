"""Take back: mails that come in about mails that went out, one at a time, wherever they were fetched."""

from __future__ import annotations

from distributor.flow.app_context import AppContext
from distributor.flow.feedback.apply_feedback import AppliedFeedback, apply_feedback
from distributor.mail.address import Address
from distributor.mail.inbound import read_inbound_feedback
from distributor.storage import channels


def receive_mail(app: AppContext, raw: bytes, *, envelope_recipient: str | None = None, source: str) -> AppliedFeedback:
    """Read a mail and do what follows from it; when this returns, all of it is committed.

    A mail that was taken in before changes nothing. Whatever octets it has, it is read; `envelope_recipient` is whom
    it was for by RCPT TO, and `source` says in a word where it came from. Raises ServiceError: try again later.
    """
    feedback = read_inbound_feedback(raw, app.tokens, envelope_recipient=envelope_recipient)
    return apply_feedback(app, feedback, source=source)


def bounce_domains(app: AppContext) -> frozenset[str]:
    """The domains that the bounces of our channels go to, in lower-case A-labels."""
    with app.database.begin() as connection:
        records = channels.all_channels(connection)
    named = (str(record.settings.get("bounce_domain") or "") for record in records)
    return frozenset(Address.parse(f"b@{domain}").domain for domain in named if domain)
