"""Pending messages (deliveries, and where each may go) and the messages composed and signed from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from distributor.channels.api import Route, SendContext
from distributor.channels.email.composition.compose import PreparedMail
from distributor.channels.email.providers.provider import Provider
from distributor.channels.email.relays import Relay
from distributor.domain.delivery import Delivery, Outcome, Verdict
from distributor.domain.tokens import Purpose
from distributor.mail.address import Address
from distributor.mail.dkim.signer import DkimSigner
from distributor.mail.mailbox_providers import destination_of
from distributor.mail.smtp.connection import DotStuffed, SmtpEnvelope


@dataclass(slots=True)
class PendingMessage:
    """A delivery in the queue: the relays that it may still go over, the best first, and what has happened to it.

    `lost_connections` counts how often its connection broke before the reply. `probes` are the paused routes that it
    probes. `has_rate_tokens`: the rate limiter has let it pass. `is_journaled`: its begin is in the journal.
    """

    delivery: Delivery
    recipient: Address
    relays: list[Relay]
    lost_connections: int = 0
    probes: tuple[Route, ...] = ()
    has_rate_tokens: bool = False
    is_journaled: bool = False
    destination: str = field(init=False)

    def __post_init__(self) -> None:
        self.destination = destination_of(self.recipient.domain)

    def route_over(self, relay: Relay) -> Route:
        """The route over `relay` to the recipient's destination."""
        return Route(relay.name, self.destination)


@dataclass(frozen=True, slots=True)
class Message:
    """A composed and signed mail, ready to be handed over.

    `delivery_header` is the field before it by which the webhook of the relay's provider names the delivery; the
    provider removes it.
    """

    pending: PendingMessage
    envelope: SmtpEnvelope
    signed: bytes
    delivery_header: bytes = b""

    @property
    def content(self) -> DotStuffed:
        """What follows DATA. No line of a composed mail begins with a dot (`mail.mime.quoted_printable`)."""
        return DotStuffed(self.delivery_header + self.signed if self.delivery_header else self.signed)

    @property
    def delivery(self) -> Delivery:
        return self.pending.delivery

    def smtputf8_missing(self) -> Outcome:
        """The outcome if an address needs SMTPUTF8 (RFC 6531) and the server does not offer it."""
        is_recipient = self.envelope.recipient.needs_smtputf8
        whose = "" if is_recipient else "sender’s "
        reason = f"5.6.7 the {whose}address is not ASCII, and the server offers no SMTPUTF8"
        verdict = Verdict.FAILED if is_recipient else Verdict.SENDER_REJECTED
        return Outcome.of(self.delivery, verdict, reply_code=553, reply=reason)


class Composer:
    """Composes and signs the messages of one rendition."""

    def __init__(
        self,
        prepared: PreparedMail,
        context: SendContext,
        *,
        return_path: Callable[[Delivery], Address],
        signer: DkimSigner,
        provider: Provider | None,
    ) -> None:
        self._prepared = prepared
        self._context = context
        self._return_path = return_path
        self._signer = signer
        self._delivery_header = provider.delivery_header if provider else None

    @property
    def sender_domain(self) -> str:
        return self._prepared.sender.address.domain

    def compose(self, pending: PendingMessage) -> Message:
        """The message, the same bytes on every attempt. Raises InputError if a merge field has no value."""
        delivery, tokens = pending.delivery, self._context.tokens
        mail = self._prepared.message_for(delivery, tokens)
        # The signature has the time of the delivery and not of the clock: a mail is the same bytes on every attempt.
        signed = self._signer.sign(mail, at=delivery.created_at, body_prefix=self._prepared.body_prefix)
        header = b""
        if self._delivery_header is not None:
            header = self._delivery_header(tokens.mint(Purpose.MESSAGE, delivery.id)).encode("ascii")
        envelope = SmtpEnvelope(
            sender=self._return_path(delivery),
            recipient=pending.recipient,
            size=len(header) + len(signed),
            needs_smtputf8=self._prepared.needs_smtputf8 or pending.recipient.needs_smtputf8,
        )
        return Message(pending, envelope, signed, header)

    def message_id(self, delivery: Delivery) -> str:
        return self._prepared.message_id(delivery, self._context.tokens)
