"""Take back: mails that come in about mails that went out, one at a time, wherever they were fetched."""

from __future__ import annotations

from distributor.channels.email.incoming import read_mail
from distributor.flow.heed import Taken, heed
from distributor.flow.installation import Installation


def take_in(installation: Installation, raw: bytes, *, envelope_recipient: str | None = None, source: str) -> Taken:
    """Read a mail and do what follows from it; when this returns, all of it is committed.

    A mail that was taken in before changes nothing. Whatever octets it has, it is read; `envelope_recipient` is whom
    it was for by RCPT TO, and `source` says in a word where it came from. Raises ServiceError: try again later.
    """
    feedback = read_mail(raw, installation.tokens, envelope_recipient=envelope_recipient)
    return heed(installation, feedback, source=source)
