"""The batch that is being sent: what is left of it, and what has been told about it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from distributor.channels.contract import SendContext
from distributor.channels.email.address import Address
from distributor.channels.email.compose import Prepared
from distributor.channels.email.dkim.signer import Signer
from distributor.channels.email.replies import judge
from distributor.channels.email.smtp import Envelope, Stage
from distributor.channels.email.smtp_connect import SenderRefusedError
from distributor.channels.email.smtp_reply import BrokenSessionError, Reply
from distributor.domain.delivery import Delivery, Outcome, Verdict
from distributor.domain.errors import AddressError, InputError

LONGEST_REPLY = 1000


@dataclass(slots=True)
class Letter:
    """A composed delivery, and how often it has lost its connection."""

    delivery: Delivery
    envelope: Envelope
    content: bytes
    losses: int = 0


class Batch:
    """What is left to send, and what has been told. Shared by the lanes of one event loop."""

    def __init__(
        self,
        deliveries: Sequence[Delivery],
        prepared: Prepared,
        context: SendContext,
        *,
        return_path: Callable[[Delivery], Address],
        signer: Signer,
    ) -> None:
        self.told: asyncio.Queue[Outcome | None] = asyncio.Queue()
        self.trouble: BrokenSessionError | None = None
        self.is_stopped = False
        self._waiting = deque(deliveries)
        self._returned: deque[Letter] = deque()
        self._prepared = prepared
        self._context = context
        self._return_path = return_path
        self._signer = signer

    @property
    def has_work(self) -> bool:
        return not self.is_stopped and bool(self._waiting or self._returned)

    def take(self) -> Letter | None:
        """The next letter, composed; None if there is none, or none is to be sent any more."""
        while self.has_work:
            letter = self._returned.popleft() if self._returned else self._compose(self._waiting.popleft())
            if letter is not None:
                return letter
        return None

    def give_back(self, letter: Letter | None) -> None:
        """The letter was surely not sent: somebody may take it again."""
        if letter is not None:
            self._returned.append(letter)

    def begin(self, letter: Letter) -> None:
        self._context.journal.begin(letter.delivery)

    def settle(self, outcome: Outcome) -> None:
        """The outcome of a delivery that was begun."""
        self._context.journal.settle(outcome)
        self.tell(outcome)

    def tell(self, outcome: Outcome) -> None:
        """A refusal of the sender stops the batch: the next delivery would only meet the same."""
        self.is_stopped = self.is_stopped or outcome.verdict is Verdict.REFUSED
        self.told.put_nowait(outcome)

    def outcome_of(self, letter: Letter, stage: Stage, reply: Reply) -> Outcome:
        """What the server's reply means for the letter."""
        judgement = judge(reply, stage=stage, now=self._context.now())
        is_sent = judgement.verdict is Verdict.SENT
        return Outcome.of(
            letter.delivery,
            judgement.verdict,
            remote_id=self._prepared.message_id(letter.delivery, self._context.tokens) if is_sent else None,
            reply_code=reply.code,
            reply=reply.text[:LONGEST_REPLY],
            retry_at=judgement.retry_at,
            detail=None if is_sent else {"reason": judgement.reason},
        )

    def deferral_of(self, delivery: Delivery, trouble: BrokenSessionError) -> Outcome:
        """The delivery was not sent for a trouble that may pass."""
        retry_at = (
            judge(trouble.reply, stage=Stage.SESSION, now=self._context.now()).retry_at if trouble.reply else None
        )
        return Outcome.of(
            delivery,
            Verdict.DEFERRED,
            reply_code=trouble.reply.code if trouble.reply else None,
            reply=str(trouble)[:LONGEST_REPLY],
            retry_at=retry_at,
            detail={"reason": "networkerror"},
        )

    def refuse_next(self, error: SenderRefusedError) -> None:
        """The server will not deal with us: one delivery tells it for all."""
        letter = self.take()
        if letter is not None:
            code = error.reply.code if error.reply else None
            self.tell(Outcome.of(letter.delivery, Verdict.REFUSED, reply_code=code, reply=str(error)[:LONGEST_REPLY]))

    def defer_rest(self) -> None:
        """No lane is left. What still waits met no server, unless it is not to be sent at all."""
        trouble = self.trouble or BrokenSessionError("no connection was tried")
        while self.has_work:
            delivery = self._returned.popleft().delivery if self._returned else self._waiting.popleft()
            self.tell(self.deferral_of(delivery, trouble))

    def _compose(self, delivery: Delivery) -> Letter | None:
        try:
            recipient = Address.parse(delivery.recipient)
            message = self._prepared.message_for(delivery, self._context.tokens)
            # Dated by the delivery and not by the clock: a mail is the same bytes on every attempt.
            content = self._signer.sign(message, at=delivery.created_at, opening=self._prepared.opening)
        except AddressError as error:
            self.tell(Outcome.of(delivery, Verdict.FAILED, reply_code=553, reply=f"5.1.3 {error}"))
        except InputError as error:
            self.tell(Outcome.of(delivery, Verdict.REFUSED, reply=str(error)))
        else:
            envelope = Envelope(
                sender=self._return_path(delivery),
                recipient=recipient,
                size=len(content),
                needs_smtputf8=self._prepared.needs_smtputf8 or recipient.needs_smtputf8,
            )
            return Letter(delivery, envelope, content)
        return None
