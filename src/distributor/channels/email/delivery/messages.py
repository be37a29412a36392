"""From deliveries to letters: the order says where one may go, the letter is what is handed over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from distributor.channels.api import Route, SendContext
from distributor.channels.email.composition.compose import Prepared
from distributor.channels.email.mailbox_providers import destination_of
from distributor.channels.email.providers.markers import mark_of
from distributor.channels.email.relays import Relay
from distributor.domain.delivery import Delivery, Outcome, Verdict
from distributor.mail.address import Address
from distributor.mail.dkim.signer import DkimSigner
from distributor.mail.smtp.connection import DotStuffed, SmtpEnvelope


@dataclass(slots=True)
class PendingMessage:
    """A delivery on its way: the relays that it may still go over, the best first, and what happened to it so far.

    `losses`: how often it has lost its connection. `probes`: the paused lanes that it tries out for all others.
    `has_paid`: it has its tokens. `is_begun`: it is in the journal.
    """

    delivery: Delivery
    recipient: Address
    ways: list[Relay]
    losses: int = 0
    probes: tuple[Route, ...] = ()
    has_paid: bool = False
    is_begun: bool = False
    destination: str = field(init=False)

    def __post_init__(self) -> None:
        self.destination = destination_of(self.recipient.domain)

    def lane_over(self, relay: Relay) -> Route:
        """The way over `relay` to where it goes."""
        return Route(relay.name, self.destination)


@dataclass(frozen=True, slots=True)
class Message:
    """A composed order: `message` is the mail, `mark` the field before it that a relay's provider takes out again."""

    order: PendingMessage
    envelope: SmtpEnvelope
    message: bytes
    mark: bytes = b""

    @property
    def content(self) -> DotStuffed:
        """What SMTP hands over. Composing leaves no line that begins with a dot (`composing.quoted_printable`)."""
        return DotStuffed(self.mark + self.message if self.mark else self.message)

    @property
    def delivery(self) -> Delivery:
        return self.order.delivery

    def beyond_ascii(self) -> Outcome:
        """What is told if it needs RFC 6531, and the other side does not offer that."""
        is_theirs = self.envelope.recipient.needs_smtputf8
        whose = "" if is_theirs else "sender’s "
        reason = f"5.6.7 the {whose}address is not ASCII, and the server offers no SMTPUTF8"
        verdict = Verdict.FAILED if is_theirs else Verdict.SENDER_REJECTED
        return Outcome.of(self.delivery, verdict, reply_code=553, reply=reason)


class Composer:
    """Makes letters of one rendition."""

    def __init__(
        self,
        prepared: Prepared,
        context: SendContext,
        *,
        return_path: Callable[[Delivery], Address],
        signer: DkimSigner,
        provider: str,
    ) -> None:
        self._prepared = prepared
        self._context = context
        self._return_path = return_path
        self._signer = signer
        self._provider = provider

    @property
    def sender_domain(self) -> str:
        return self._prepared.sender.address.domain

    def compose(self, order: PendingMessage) -> Message:
        """The letter, the same bytes on every attempt. Raises InputError if a personal field is missing."""
        message = self._prepared.message_for(order.delivery, self._context.tokens)
        # Dated by the delivery and not by the clock: a mail is the same bytes on every attempt.
        signed = self._signer.sign(message, at=order.delivery.created_at, body_prefix=self._prepared.body_prefix)
        mark = mark_of(order.delivery, self._provider, self._context.tokens)
        envelope = SmtpEnvelope(
            sender=self._return_path(order.delivery),
            recipient=order.recipient,
            size=len(mark) + len(signed),
            needs_smtputf8=self._prepared.needs_smtputf8 or order.recipient.needs_smtputf8,
        )
        return Message(order, envelope, signed, mark)

    def message_id(self, delivery: Delivery) -> str:
        return self._prepared.message_id(delivery, self._context.tokens)
