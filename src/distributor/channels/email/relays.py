"""Relays: the SMTP servers and provider APIs that a channel hands its mails to, and which of them takes a mail."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, SecretStr, TypeAdapter, ValidationError, field_validator

from distributor.channels.api import RateLimit
from distributor.channels.email.providers.provider import ApiUrl
from distributor.channels.email.providers.registry import parse_api_url, providers
from distributor.domain.errors import AddressError, ConfigurationError, DistributorError, InputError
from distributor.mail.address import Address
from distributor.mail.mailbox_providers import MAILBOX_PROVIDERS, destination_of
from distributor.mail.smtp.url import SmtpUrl
from distributor.validation_messages import sentence_of

# The destination that stands for all that are not named.
ANY = "*"
_SMTP_SCHEMES = ("smtp", "smtps")

RelayUrl: TypeAlias = SmtpUrl | ApiUrl


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """A server or a provider's API, its share of the mail, and its rate limits.

    Relays of a higher `rank` are used only where those of a lower one cannot be. `senders` and `recipients` are
    domains, and of recipients also mailbox providers; a relay that names some is used for no others. Rates are mails
    per second; a destination without one is not limited. `connections` is the number of mails that each worker hands
    over at the same time.
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
        """The rate limits of a mail that goes over this relay to that destination."""
        limits = [RateLimit(name=self.name, per_second=self.per_second)] if self.per_second else []
        rate = self.per_destination.get(destination, self.per_destination.get(ANY))
        if rate:
            limits.append(RateLimit(name=f"{self.name}/{destination}", per_second=rate))
        return tuple(limits)

    def accepts(self, sender: str, recipient: str) -> bool:
        """Whether the relay may be used for mail from and to these domains."""
        return (not self.senders or sender in self.senders) and (not self.recipients or self.names(recipient))

    def names(self, recipient: str) -> bool:
        """Whether the relay's settings name the recipient's domain, or its mailbox provider."""
        return recipient in self.recipients or destination_of(recipient) in self.recipients


@dataclass(frozen=True, slots=True)
class Routing:
    """Chooses the relays of mails from `sender`, a domain."""

    relays: Sequence[Relay]
    sender: str

    def relays_for(self, delivery_id: int, recipient: str) -> list[Relay]:
        """The relays that may be used for a recipient's domain, the best first.

        Relays that name the domain come first, then the rank decides, then the weights: the shares are right over many
        deliveries, and a delivery has the same order on every attempt (weighted rendezvous hashing).
        """
        accepting = [relay for relay in self.relays if relay.accepts(self.sender, recipient)]
        return sorted(
            accepting,
            key=lambda relay: (not relay.names(recipient), relay.rank, _score(delivery_id, relay) / relay.weight),
        )


class RelayModel(BaseModel):
    """One relay of the setting `relays`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")
    url: SecretStr
    connections: int = Field(4, ge=1, le=64)
    weight: int = Field(1, ge=1, le=1000)
    rank: int = Field(0, ge=0, le=9)
    senders: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    per_second: float | None = Field(None, gt=0)
    per_destination: dict[str, Annotated[float, Field(gt=0)]] = {}

    @field_validator("url")
    @classmethod
    def _is_relay_url(cls, url: SecretStr) -> SecretStr:
        try:
            parse_relay_url(url.get_secret_value())
        except DistributorError as error:
            raise ValueError(str(error)) from error
        return url

    @field_validator("senders", "recipients")
    @classmethod
    def _are_domains(cls, domains: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_parse_domain(one) for one in domains)

    @field_validator("per_destination")
    @classmethod
    def _are_destinations(cls, rates: dict[str, float]) -> dict[str, float]:
        return {name if name == ANY else destination_of(_parse_domain(name)): rate for name, rate in rates.items()}

    def relay(self) -> Relay:
        return Relay(
            name=self.name,
            url=parse_relay_url(self.url.get_secret_value()),
            connections=self.connections,
            weight=self.weight,
            rank=self.rank,
            senders=frozenset(self.senders),
            recipients=frozenset(self.recipients),
            per_second=self.per_second,
            per_destination=self.per_destination,
        )


_RELAYS = TypeAdapter(list[RelayModel])


def parse_relays(text: str) -> list[Relay]:
    """Read a JSON list of relays. Raises InputError, whose message never holds the URL of a relay."""
    try:
        models = _RELAYS.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(f"relays: {place or 'the text'}: {sentence_of(first)}") from None
    names = [model.name for model in models]
    if not names or len(names) != len(set(names)):
        raise InputError("relays: there has to be at least one, each with a name of its own")
    return [model.relay() for model in models]


def parse_relay_url(url: str) -> RelayUrl:
    """Read the URL of an SMTP server or of a provider's API.

    Raises ConfigurationError, whose message never holds a password or a key.
    """
    scheme, separator, _ = url.strip().partition("://")
    scheme = scheme.lower()
    if separator and scheme in _SMTP_SCHEMES:
        return SmtpUrl.parse(url)
    if separator and scheme in providers():
        return parse_api_url(url)
    schemes = ", ".join(f"{one}://" for one in (*_SMTP_SCHEMES, *providers()))
    raise ConfigurationError(f"the URL of a relay has to start with {schemes}")


def parse_rates(text: str) -> dict[str, float]:
    """Read ``google=20 example.org=1 *=5``: mails per second by destination. Raises InputError."""
    rates = {}
    for one in text.replace(",", " ").split():
        name, equals, number = one.partition("=")
        try:
            rate = float(number)
        except ValueError:
            rate = math.nan
        if not equals or not name or not 0 < rate < math.inf:
            raise InputError(
                f"per_destination has {one!r}; write DESTINATION=MAILS_PER_SECOND, such as google=20 or *=5"
            )
        rates[name if name == ANY else destination_of(name)] = rate
    return rates


def _parse_domain(name: str) -> str:
    if name in MAILBOX_PROVIDERS:
        return name
    try:
        return Address.parse(f"x@{name}").domain
    except AddressError as error:
        raise ValueError(str(error)) from error


def _score(delivery_id: int, relay: Relay) -> float:
    """A number that is distributed exponentially over deliveries and always the same for this pair."""
    digest = hashlib.blake2b(f"{delivery_id}/{relay.name}".encode(), digest_size=8).digest()
    return -math.log((int.from_bytes(digest, "big") + 1) / 2**64)
