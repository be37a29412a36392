"""The domains, relays, keys and addresses that a channel sends with, which the DNS has to confirm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from distributor.mail.dkim.keyring import KeyRing
from distributor.mail.dns.lookup import IpAddress


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderProfile:
    """`from_domain` is the domain of From, `return_path_domain` that of the return path, `relays` are SMTP hosts.

    Providers with an API are not among the relays: the API host is not where messages are sent from. `outgoing` are the
    known IP addresses that messages are sent from.
    """

    from_domain: str
    return_path_domain: str
    relays: Sequence[str]
    key_ring: KeyRing
    outgoing: Sequence[IpAddress]
    now: datetime

    @property
    def has_own_return_path(self) -> bool:
        """Whether bounces go to another domain than replies."""
        return self.return_path_domain != self.from_domain
