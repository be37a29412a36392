"""Relays: the servers and APIs a channel hands its mails to, and which of them takes a mail."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from distributor.channels.api import RateLimit
from distributor.channels.email.mailbox_providers import destination_of
from distributor.channels.email.relay_urls import RelayUrl
from distributor.domain.errors import InputError

# The destination that stands for all that are not named.
ANY = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """A server or a provider's API, how much of the mail is its share, and how fast it wants to be fed.

    Relays of a higher `rank` are used only where those of a lower one cannot be. `senders` and `recipients` are
    domains, and of recipients also providers; a relay that names some serves nobody else. Rates are mails a second;
    what is not named is not limited. `connections` are mails under way at the same time, for each worker.
    """

    name: str
    url: RelayUrl
    connections: int = 4
    weight: int = 1
    rank: int = 0
    senders: frozenset[str] = frozenset()
    recipients: frozenset[str] = frozenset()
    per_second: float | None = None
    per_destination: Mapping[str, float] = field(default_factory=dict)

    def limits_to(self, destination: str) -> tuple[RateLimit, ...]:
        """What a mail over this relay to that destination has to keep."""
        limits = [RateLimit(name=self.name, per_second=self.per_second)] if self.per_second else []
        rate = self.per_destination.get(destination, self.per_destination.get(ANY))
        if rate:
            limits.append(RateLimit(name=f"{self.name}/{destination}", per_second=rate))
        return tuple(limits)

    def serves(self, sender: str, recipient: str) -> bool:
        """Whether it takes mail from and to these domains."""
        return (not self.senders or sender in self.senders) and (not self.recipients or self.is_named(recipient))

    def is_named(self, recipient: str) -> bool:
        """Whether its settings name the recipient's domain, or the provider of that."""
        return recipient in self.recipients or destination_of(recipient) in self.recipients


@dataclass(frozen=True, slots=True)
class Routing:
    """Which relay takes a mail from `sender`, a domain, and which ones if that one cannot."""

    relays: Sequence[Relay]
    sender: str

    def ways(self, delivery_id: int, recipient: str) -> list[Relay]:
        """The relays that serve a recipient's domain, the best first.

        Those that name the domain come before those that do not, then the rank decides, then the weights: the shares
        are right over many deliveries, and a delivery has the same order on every attempt (rendezvous hashing).
        """
        able = [relay for relay in self.relays if relay.serves(self.sender, recipient)]
        return sorted(
            able,
            key=lambda relay: (not relay.is_named(recipient), relay.rank, _lot(delivery_id, relay) / relay.weight),
        )


def parse_rates(text: str) -> dict[str, float]:
    """Read ``google=20 example.org=1 *=5``: mails a second by destination. Raises InputError."""
    rates = {}
    for one in text.replace(",", " ").split():
        name, equals, number = one.partition("=")
        try:
            rate = float(number)
        except ValueError:
            rate = math.nan
        if not equals or not name or not 0 < rate < math.inf:
            raise InputError(f"per_destination has {one!r}; write DESTINATION=MAILS_A_SECOND, such as google=20 or *=5")
        rates[name if name == ANY else destination_of(name)] = rate
    return rates


def _lot(delivery_id: int, relay: Relay) -> float:
    """A number that looks drawn from the exponential distribution and is always the same for this pair."""
    digest = hashlib.blake2b(f"{delivery_id}/{relay.name}".encode(), digest_size=8).digest()
    return -math.log((int.from_bytes(digest, "big") + 1) / 2**64)
