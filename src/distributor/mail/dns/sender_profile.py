"""What the mails of a channel claim about themselves, and so what the DNS has to confirm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from distributor.mail.dkim.keyring import KeyRing
from distributor.mail.dns.lookup import IpAddress


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderProfile:
    """`author` is the domain of From, `envelope` that of the return path, `relays` the hosts that take mails by SMTP.

    Providers with an API are not among them: its host says nothing about where mails leave from. `outgoing` are the
    addresses mails leave from, as far as they are known.
    """

    author: str
    envelope: str
    relays: Sequence[str]
    ring: KeyRing
    outgoing: Sequence[IpAddress]
    now: datetime

    @property
    def has_own_envelope(self) -> bool:
        """Whether bounces go to another domain than answers."""
        return self.envelope != self.author
