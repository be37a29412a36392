"""The settings of one email channel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from distributor.channels.api import Cost
from distributor.channels.email.providers.registry import providers
from distributor.channels.email.relays import Relay, parse_rates, parse_relay_url, parse_relays
from distributor.domain.errors import DistributorError
from distributor.domain.retry_policy import RetrySchedule
from distributor.domain.send_schedule import QuietHours, SendSchedule, WarmUp
from distributor.mail.address import Address, Mailbox
from distributor.mail.dkim.keyring import KeyRing

# The name of the relay in `smtp_url`.
ONLY_RELAY = "relay"


class EmailSettings(BaseModel):
    """The relays that mails are handed to, the sender, and when to send and retry."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    smtp_url: SecretStr = Field(
        SecretStr("smtp://127.0.0.1:25"),
        title="Where mails are handed over",
        description="smtp:// or smtps://, with user:password@ if the server requires it; or a provider's API",
    )
    sender: str = Field(
        "", title="Sender", description="From: an address, optionally with a name; empty: the site's sender"
    )
    reply_to: str = Field("", title="Replies go to", description="Reply-To: where replies go; empty: to the sender")
    postal_address: str = Field(
        "",
        title="Postal address",
        json_schema_extra={"section": "Sender and words"},
        description="the sender's street address in every mail; empty: the site's",
    )
    list_name: str = Field(
        "",
        title="Name of the newsletter",
        json_schema_extra={"section": "Sender and words"},
        description="the name of the newsletter; empty: the site's name",
    )
    subject: str = Field(
        "",
        title="Subject",
        json_schema_extra={"section": "Sender and words"},
        description="of mails whose campaign has none; may contain {{ article.title }}; empty: the title",
    )
    greeting: str = Field(
        "",
        title="Greeting",
        json_schema_extra={"section": "Sender and words"},
        description="above the articles, in Markdown, as in Hello {{ subscriber.name | default('reader') }},",
    )
    closing: str = Field(
        "",
        title="Closing",
        json_schema_extra={"section": "Sender and words"},
        description="below the articles, in Markdown, as in Yours, **{{ list.name }}**",
    )
    inline_images: bool = Field(
        False,
        title="Images inside the mail",
        json_schema_extra={"section": "Sender and words"},
        description="whether the images of articles are sent inside the mail",
    )
    submitted_by: str = Field(
        "",
        title="Sent on behalf by",
        json_schema_extra={"section": "Bounces and events"},
        description="Sender: the address that sends on behalf of From; empty: From itself",
    )
    bounce_domain: str = Field(
        "",
        title="Domain for bounces",
        json_schema_extra={"section": "Bounces and events"},
        description="domain that receives bounces; empty: bounces go to the sender",
    )
    events_from: str = Field(
        "",
        title="Events come from",
        json_schema_extra={"section": "Bounces and events"},
        description="provider that calls /webhooks/<channel>, such as postmark; docs/guides/bounces.md lists them",
    )
    events_secret: SecretStr = Field(
        SecretStr(""),
        title="Secret of the events",
        json_schema_extra={"section": "Bounces and events"},
        description="what its requests are verified with: docs/guides/bounces.md",
    )
    dkim_keys: SecretStr = Field(
        SecretStr(""),
        title="Signing keys",
        description="signing keys",
        json_schema_extra={"kept_by": "distributor channel dkim", "section": "Bounces and events"},
    )
    connections: int = Field(
        4,
        ge=1,
        le=64,
        title="Connections",
        json_schema_extra={"section": "Speed and price"},
        description="connections to the relay at the same time, of each worker",
    )
    per_second: float = Field(
        0,
        ge=0,
        title="Mails per second",
        json_schema_extra={"section": "Speed and price"},
        description="mails per second to the relay, of all workers; 0: no limit",
    )
    per_destination: str = Field(
        "",
        title="Mails per second by provider",
        json_schema_extra={"section": "Speed and price"},
        description="mails per second by domain or provider, as in google=20 example.org=1 *=5; empty: no limit",
    )
    relays: SecretStr = Field(
        SecretStr(""),
        title="Several relays",
        json_schema_extra={"section": "Speed and price"},
        description="several relays as a JSON list, in place of smtp_url, connections and rates",
    )

    price_per_thousand: str = Field(
        "",
        title="Price of a thousand mails",
        json_schema_extra={"section": "Speed and price"},
        description="what the provider bills for a thousand mails, as in USD 0.10, shown in reviews; empty: unknown",
    )

    quiet_hours: str = Field(
        "",
        title="Quiet hours",
        json_schema_extra={"section": "Times"},
        description="when nothing is sent, as in 22:00-07:00; empty: never",
    )
    quiet_zone: str = Field(
        "UTC",
        title="Time zone of the quiet hours",
        json_schema_extra={"section": "Times"},
        description="IANA time zone of the quiet hours",
    )
    quiet_for_recipient: bool = Field(
        False,
        title="By the time zone of each recipient",
        json_schema_extra={"section": "Times"},
        description="quiet hours by the recipient's own time zone if it is known",
    )
    warm_up: str = Field(
        "",
        title="Warm-up",
        json_schema_extra={"section": "Times"},
        description="first days of a new domain: '2026-11-23: 50 100 200' or '2026-11-23: 50 x2 14'; empty: none",
    )
    retry_first_minutes: float = Field(
        1,
        gt=0,
        le=1440,
        title="First retry after minutes",
        json_schema_extra={"section": "Times"},
        description="wait after the first temporary failure",
    )
    retry_factor: float = Field(
        2,
        ge=1,
        le=100,
        title="Each wait is longer by",
        json_schema_extra={"section": "Times"},
        description="each further wait is this many times as long",
    )
    retry_longest_hours: float = Field(
        4,
        gt=0,
        le=72,
        title="Longest wait in hours",
        json_schema_extra={"section": "Times"},
        description="the longest wait",
    )
    retry_days: float = Field(
        3,
        gt=0,
        le=14,
        title="Retry for days",
        json_schema_extra={"section": "Times"},
        description="how long temporary failures are retried",
    )

    @property
    def timing(self) -> SendSchedule:
        """When to send, and when to retry."""
        return SendSchedule(
            retries=RetrySchedule(
                first=timedelta(minutes=self.retry_first_minutes),
                factor=self.retry_factor,
                longest=timedelta(hours=self.retry_longest_hours),
                give_up_after=timedelta(days=self.retry_days),
            ),
            quiet=QuietHours.parse(self.quiet_hours, zone=self.quiet_zone, in_recipients_zone=self.quiet_for_recipient)
            if self.quiet_hours
            else None,
            warm_up=WarmUp.parse(self.warm_up) if self.warm_up else None,
        )

    @model_validator(mode="after")
    def _has_valid_timing_and_price(self) -> EmailSettings:
        try:
            _ = self.timing, self.price
        except DistributorError as error:
            raise ValueError(str(error)) from error
        return self

    @property
    def price(self) -> Cost | None:
        """What a thousand mails cost, if that is known."""
        return Cost.parse(self.price_per_thousand) if self.price_per_thousand else None

    @property
    def configured_relays(self) -> Sequence[Relay]:
        """The relays that mails are handed to."""
        several = self.relays.get_secret_value()
        if several:
            return parse_relays(several)
        return [
            Relay(
                name=ONLY_RELAY,
                url=parse_relay_url(self.smtp_url.get_secret_value()),
                connections=self.connections,
                per_second=self.per_second or None,
                per_destination=parse_rates(self.per_destination),
            )
        ]

    @property
    def key_ring(self) -> KeyRing:
        """The DKIM keys of the channel."""
        return KeyRing.parse(self.dkim_keys.get_secret_value())

    @field_validator("smtp_url")
    @classmethod
    def _is_relay_url(cls, url: SecretStr) -> SecretStr:
        _validated(url.get_secret_value(), parse_relay_url)
        return url

    @field_validator("relays")
    @classmethod
    def _are_relays(cls, relays: SecretStr) -> SecretStr:
        _validated(relays.get_secret_value(), parse_relays)
        return relays

    @field_validator("per_destination")
    @classmethod
    def _are_rates(cls, text: str) -> str:
        return _validated(text, parse_rates)

    @field_validator("sender", "reply_to", "submitted_by")
    @classmethod
    def _is_mailbox(cls, text: str) -> str:
        return _validated(text, Mailbox.parse)

    @field_validator("events_from")
    @classmethod
    def _is_provider(cls, name: str) -> str:
        if name and name not in providers():
            raise ValueError(f"must be one of {', '.join(providers())}")
        return name

    @field_validator("bounce_domain")
    @classmethod
    def _is_domain(cls, text: str) -> str:
        return _validated(text, lambda domain: Address.parse(f"bounces@{domain}"))

    @field_validator("dkim_keys")
    @classmethod
    def _is_key_ring(cls, stored: SecretStr) -> SecretStr:
        _validated(stored.get_secret_value(), KeyRing.parse)
        return stored

    @field_validator("list_name")
    @classmethod
    def _is_one_line(cls, text: str) -> str:
        if not text.isprintable():
            raise ValueError("must be one line without control characters")
        return text


def _validated(text: str, parse: Callable[[str], object]) -> str:
    """`text` if it is empty or can be parsed. Raises ValueError, as pydantic requires."""
    if text:
        try:
            parse(text)
        except DistributorError as error:
            raise ValueError(str(error)) from error
    return text
