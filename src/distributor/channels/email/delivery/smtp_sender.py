"""Sends messages of a batch to an SMTP server, one after another, over one connection at a time."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from distributor.channels.email.delivery.batch import Batch
from distributor.channels.email.delivery.connection_pool import ConnectionPool
from distributor.channels.email.delivery.messages import Message
from distributor.channels.email.relays import Relay
from distributor.domain.delivery import Outcome, Verdict
from distributor.domain.errors import LeaseLostError
from distributor.mail.smtp.connect import SenderRejectedError, connect
from distributor.mail.smtp.connection import SmtpConnection, SmtpRejection, SmtpStage, SmtpTimeouts
from distributor.mail.smtp.reply import SmtpSessionError
from distributor.mail.smtp.url import SmtpUrl

# After so many connections lost on one message, the message is taken for the cause.
_MAX_LOST_CONNECTIONS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderOptions:
    """How senders connect: `pauses` are the seconds before each attempt, `tls` replaces the system's authorities.

    `now` gives aware UTC.
    """

    now: Callable[[], datetime]
    pool: ConnectionPool
    timeouts: SmtpTimeouts
    pauses: Sequence[float]
    tls: ssl.SSLContext | None = None


class SmtpSender:
    """One connection at a time, and a new one when that breaks."""

    def __init__(self, batch: Batch, relay: Relay, url: SmtpUrl, options: SenderOptions) -> None:
        self._batch = batch
        self._relay = relay
        self._url = url
        self._options = options
        self._answered = 0
        self._error: SmtpSessionError | None = None

    async def run(self) -> None:
        """Send until no message is left, or as many connections in a row have brought no reply as there are pauses.

        A lost reply counts as none: a server that never replies must not get every message.
        """
        fruitless = 0
        pauses = self._options.pauses
        while self._batch.has_work(self._relay):
            await asyncio.sleep(pauses[fruitless])
            answered = self._answered
            try:
                await self._use_connection()
            except SenderRejectedError as error:
                self._batch.pause_relay(self._relay, error)
                return
            except SmtpSessionError as error:
                fruitless = 0 if self._answered > answered else fruitless + 1
                if fruitless == len(pauses):
                    self._error = error
                    return

    @property
    def error(self) -> SmtpSessionError | None:
        """Why it stopped before everything was sent, if it did."""
        return self._error

    async def _use_connection(self) -> None:
        pool, options = self._options.pool, self._options
        connection = pool.take(self._relay) or await connect(self._url, timeouts=options.timeouts, tls=options.tls)
        is_reusable = False
        try:
            is_reusable = await self._send_over(connection)
        finally:
            if is_reusable:
                pool.put(self._relay, connection)
            else:
                connection.abort()

    async def _send_over(self, connection: SmtpConnection) -> bool:
        """Send until no message is left; returns whether the connection can be used again."""
        message = await self._wait_for_next(connection)
        while message is not None:
            refusal = await self._read_envelope_reply(connection, message)
            if refusal is not None:
                self._answered += 1
                self._batch.apply_reply(message, self._relay, refusal.stage, refusal.reply)
                message = None
            elif self._batch.is_blocked(message, self._relay):
                # The server expects the content of a mail that must not be sent any more: only closing ends that.
                self._batch.requeue(message, self._relay)
                return False
            else:
                message = await self._submit(connection, message)
            message = message or await self._wait_for_next(connection)
        return True

    async def _wait_for_next(self, connection: SmtpConnection) -> Message | None:
        """Offer the next message, waiting until one may be sent; None if none is left."""
        while (message := self._offer_next(connection)) is None and self._batch.has_work(self._relay):
            await asyncio.sleep(self._batch.seconds_until_next(self._relay))
        return message

    def _offer_next(self, connection: SmtpConnection) -> Message | None:
        message = self._take_next(connection)
        if message is not None:
            connection.send_envelope(message.envelope)
        return message

    def _take_next(self, connection: SmtpConnection) -> Message | None:
        while (message := self._batch.take(self._relay)) is not None:
            unsupported = _unsupported(connection, message)
            if unsupported is None:
                return message
            self._batch.reject_unsent(message, unsupported)
        return None

    async def _read_envelope_reply(self, connection: SmtpConnection, message: Message) -> SmtpRejection | None:
        try:
            return await connection.read_envelope_replies()
        except SmtpSessionError as error:
            message.pending.lost_connections += 1
            if message.pending.lost_connections < _MAX_LOST_CONNECTIONS:
                self._batch.requeue(message, self._relay)
            else:
                self._answered += 1
                self._batch.defer(message, error)
            raise

    async def _submit(self, connection: SmtpConnection, message: Message) -> Message | None:
        """Send the message's content and record the reply; returns the message offered meanwhile."""
        # Composed before this one is sent, so that its envelope follows without delay.
        following = self._take_next(connection)
        self._batch.begin(message)
        try:
            await connection.send_message(
                message.content,
                next_envelope=following.envelope if following else None,
                before_end=self._batch.lease.check,
            )
        except LeaseLostError as error:
            self._batch.mark_unsent(message, error)
            raise
        except SmtpSessionError as error:
            self._batch.defer(message, error)
            self._batch.requeue(following, self._relay)
            raise
        try:
            reply = await connection.read_message_reply()
        except SmtpSessionError as error:
            self._batch.mark_unknown(message, error)
            self._batch.requeue(following, self._relay)
            raise
        self._answered += 1
        self._batch.apply_reply(message, self._relay, SmtpStage.DATA, reply)
        if reply.code == 421:
            self._batch.requeue(following, self._relay)
            raise SmtpSessionError(f"the server closed the session: {reply}", reply=reply)
        return following


def _unsupported(connection: SmtpConnection, message: Message) -> Outcome | None:
    """The outcome if the server's extensions and limits exclude the message; None if they do not."""
    envelope = message.envelope
    if envelope.needs_smtputf8 and not connection.supports_smtputf8:
        return message.smtputf8_missing()
    limit = connection.size_limit
    if limit is not None and envelope.size > limit:
        reason = f"5.3.4 the mail has {envelope.size} bytes, and the server takes {limit}"
        return Outcome.of(message.delivery, Verdict.SENDER_REJECTED, reply_code=552, reply=reason)
    return None
