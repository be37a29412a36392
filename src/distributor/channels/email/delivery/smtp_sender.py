"""A courier: letters of a batch, one after another, over one connection to a relay at a time."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from distributor.channels.email.delivery.batch import Batch
from distributor.channels.email.delivery.connection_pool import Pool
from distributor.channels.email.delivery.messages import Message
from distributor.channels.email.relays import Relay
from distributor.domain.delivery import Outcome, Verdict
from distributor.mail.smtp.connect import SenderRejectedError, connect
from distributor.mail.smtp.connection import SmtpConnection, SmtpRejection, SmtpStage, SmtpTimeouts
from distributor.mail.smtp.reply import SmtpSessionError
from distributor.mail.smtp.url import SmtpUrl

# How often a letter may lose its connection before it is held to be the cause.
_MOST_LOSSES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpSenderOptions:
    """How couriers connect: `pauses` are the seconds before each try, `tls` stands for the authorities of a test.

    `now` gives aware UTC.
    """

    now: Callable[[], datetime]
    pool: Pool
    timeouts: SmtpTimeouts
    pauses: Sequence[float]
    tls: ssl.SSLContext | None = None


class SmtpSender:
    """One connection at a time, and a new one when it breaks."""

    def __init__(self, batch: Batch, relay: Relay, url: SmtpUrl, manner: SmtpSenderOptions) -> None:
        self._batch = batch
        self._relay = relay
        self._url = url
        self._manner = manner
        self._answered = 0
        self._trouble: SmtpSessionError | None = None

    async def run(self) -> None:
        """Until nothing is left to send, or until nothing has been answered on as many connections as there are pauses.

        An unknown end is no answer: a server that swallows every mail must not be given all of them.
        """
        fruitless = 0
        pauses = self._manner.pauses
        while self._batch.has_work(self._relay):
            await asyncio.sleep(pauses[fruitless])
            answered = self._answered
            try:
                await self._use_connection()
            except SenderRejectedError as error:
                self._batch.refuse_relay(self._relay, error)
                return
            except SmtpSessionError as trouble:
                fruitless = 0 if self._answered > answered else fruitless + 1
                if fruitless == len(pauses):
                    self._trouble = trouble
                    return

    @property
    def trouble(self) -> SmtpSessionError | None:
        """Why it has given up, if it has."""
        return self._trouble

    async def _use_connection(self) -> None:
        pool, manner = self._manner.pool, self._manner
        connection = pool.take(self._relay) or await connect(self._url, timeouts=manner.timeouts, tls=manner.tls)
        is_in_order = False
        try:
            is_in_order = await self._send_over(connection)
        finally:
            if is_in_order:
                pool.keep(self._relay, connection)
            else:
                connection.abort()

    async def _send_over(self, connection: SmtpConnection) -> bool:
        """Send until nothing is left; whether the connection can be used for more."""
        letter = await self._wait_for_next(connection)
        while letter is not None:
            refusal = await self._await_answer(connection, letter)
            if refusal is not None:
                self._answered += 1
                self._batch.answer(letter, self._relay, refusal.stage, refusal.reply)
                letter = None
            elif self._batch.is_barred(letter, self._relay):
                # The server waits for a mail that it shall not get, so there is no polite way out.
                self._batch.give_back(letter, self._relay)
                return False
            else:
                letter = await self._hand_over(connection, letter)
            letter = letter or await self._wait_for_next(connection)
        return True

    async def _wait_for_next(self, connection: SmtpConnection) -> Message | None:
        """Offer the next letter, which may have to wait for its turn; None when nothing is left."""
        while (letter := self._offer_next(connection)) is None and self._batch.has_work(self._relay):
            await asyncio.sleep(self._batch.seconds_to_look_again(self._relay))
        return letter

    def _offer_next(self, connection: SmtpConnection) -> Message | None:
        letter = self._take_next(connection)
        if letter is not None:
            connection.send_envelope(letter.envelope)
        return letter

    def _take_next(self, connection: SmtpConnection) -> Message | None:
        while (letter := self._batch.take(self._relay)) is not None:
            obstacle = _obstacle(connection, letter)
            if obstacle is None:
                return letter
            self._batch.spare(letter, obstacle)
        return None

    async def _await_answer(self, connection: SmtpConnection, letter: Message) -> SmtpRejection | None:
        try:
            return await connection.read_envelope_replies()
        except SmtpSessionError as trouble:
            letter.order.losses += 1
            if letter.order.losses < _MOST_LOSSES:
                self._batch.give_back(letter, self._relay)
            else:
                self._answered += 1
                self._batch.defer(letter, trouble)
            raise

    async def _hand_over(self, connection: SmtpConnection, letter: Message) -> Message | None:
        """Send the letter and settle it; returns the one offered meanwhile."""
        # Composed before this one is on its way, so that its envelope follows right behind.
        following = self._take_next(connection)
        self._batch.begin(letter)
        try:
            await connection.send_message(letter.content, next_envelope=following.envelope if following else None)
        except SmtpSessionError as trouble:
            self._batch.defer(letter, trouble)
            self._batch.give_back(following, self._relay)
            raise
        try:
            reply = await connection.read_message_reply()
        except SmtpSessionError as trouble:
            self._batch.doubt(letter, trouble)
            self._batch.give_back(following, self._relay)
            raise
        self._answered += 1
        self._batch.answer(letter, self._relay, SmtpStage.DATA, reply)
        if reply.code == 421:
            self._batch.give_back(following, self._relay)
            raise SmtpSessionError(f"the server closed the session: {reply}", reply=reply)
        return following


def _obstacle(connection: SmtpConnection, letter: Message) -> Outcome | None:
    """Why this server cannot even be asked to take the letter."""
    envelope = letter.envelope
    if envelope.needs_smtputf8 and not connection.supports_smtputf8:
        return letter.beyond_ascii()
    limit = connection.size_limit
    if limit is not None and envelope.size > limit:
        reason = f"5.3.4 the mail has {envelope.size} octets, and the server takes {limit}"
        return Outcome.of(letter.delivery, Verdict.SENDER_REJECTED, reply_code=552, reply=reason)
    return None
