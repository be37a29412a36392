"""The relays of a channel as its settings hold them: one secret with JSON, because their addresses hold passwords."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr, TypeAdapter, ValidationError, field_validator

from distributor.channels.email.mailbox_providers import PROVIDERS, destination_of
from distributor.channels.email.relay_urls import parse_relay_url
from distributor.channels.email.relays import ANY, Relay
from distributor.domain.errors import AddressError, DistributorError, InputError
from distributor.mail.address import Address


class RelayModel(BaseModel):
    """One relay."""

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
    def _is_address(cls, url: SecretStr) -> SecretStr:
        try:
            parse_relay_url(url.get_secret_value())
        except DistributorError as error:
            raise ValueError(str(error)) from error
        return url

    @field_validator("senders", "recipients")
    @classmethod
    def _are_domains(cls, domains: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_domain(one) for one in domains)

    @field_validator("per_destination")
    @classmethod
    def _are_destinations(cls, rates: dict[str, float]) -> dict[str, float]:
        return {name if name == ANY else destination_of(_domain(name)): rate for name, rate in rates.items()}

    def relay(self) -> Relay:
        """The relay as sending sees it."""
        return Relay(
            name=self.name,
            url=parse_relay_url(self.url.get_secret_value()),
            connections=self.connections,
            weight=self.weight,
            rank=self.rank,
            senders=frozenset(self.senders),
            recipients=frozenset(self.recipients),
            per_second=self.per_second,
            per_destination={
                name if name == ANY else _domain(name): rate for name, rate in self.per_destination.items()
            },
        )


_RELAYS = TypeAdapter(list[RelayModel])


def parse_relays(text: str) -> list[Relay]:
    """Read a JSON list of relays. Raises InputError, whose text holds no address of a relay."""
    try:
        models = _RELAYS.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(f"relays: {place or 'the text'}: {first['msg']}") from None
    names = [model.name for model in models]
    if not names or len(names) != len(set(names)):
        raise InputError("relays: there has to be at least one, each with a name of its own")
    return [model.relay() for model in models]


def _domain(name: str) -> str:
    if name in PROVIDERS:
        return name
    try:
        return Address.parse(f"x@{name}").domain
    except AddressError as error:
        raise ValueError(str(error)) from error
