"""A lane: the letters of a batch, one after another, over one connection at a time."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence

from distributor.channels.email.sending_batch import LONGEST_REPLY, Batch, Letter
from distributor.channels.email.smtp import Connection, Refusal, Stage, Timeouts
from distributor.channels.email.smtp_connect import SenderRefusedError, connect
from distributor.channels.email.smtp_reply import BrokenSessionError
from distributor.channels.email.smtp_url import SmtpUrl
from distributor.domain.delivery import Outcome, Verdict

# How often a letter may lose its connection before it is held to be the cause.
_MOST_LOSSES = 2


class Lane:
    """One connection at a time, and a new one when it breaks."""

    def __init__(
        self,
        batch: Batch,
        url: SmtpUrl,
        *,
        timeouts: Timeouts,
        pauses: Sequence[float],
        tls: ssl.SSLContext | None,
    ) -> None:
        self._batch = batch
        self._url = url
        self._timeouts = timeouts
        self._pauses = pauses
        self._tls = tls
        self._answered = 0

    async def run(self) -> None:
        """Until nothing is left to send, or until nothing has been answered on as many connections as there are pauses.

        An unknown end is no answer: a server that swallows every mail must not be given all of them.
        """
        fruitless = 0
        while self._batch.has_work and fruitless < len(self._pauses):
            await asyncio.sleep(self._pauses[fruitless])
            answered = self._answered
            try:
                await self._use_connection()
            except BrokenSessionError as trouble:
                self._batch.trouble = trouble
            fruitless = 0 if self._answered > answered else fruitless + 1

    async def _use_connection(self) -> None:
        try:
            connection = await connect(self._url, timeouts=self._timeouts, tls=self._tls)
        except SenderRefusedError as error:
            self._batch.refuse_next(error)
            return
        try:
            await self._send_over(connection)
        finally:
            connection.abort()

    async def _send_over(self, connection: Connection) -> None:
        letter = self._offer_next(connection)
        while letter is not None:
            refusal = await self._await_answer(connection, letter)
            if refusal is not None:
                self._answered += 1
                self._batch.tell(self._batch.outcome_of(letter, refusal.stage, refusal.reply))
                letter = self._offer_next(connection)
            elif self._batch.is_stopped:
                # The server waits for a mail that it shall not get, so there is no polite way out.
                self._batch.give_back(letter)
                return
            else:
                letter = await self._hand_over(connection, letter)
        await connection.quit()

    def _offer_next(self, connection: Connection) -> Letter | None:
        while (letter := self._batch.take()) is not None:
            obstacle = _obstacle(connection, letter)
            if obstacle is None:
                connection.offer(letter.envelope)
                return letter
            self._batch.tell(obstacle)
        return None

    async def _await_answer(self, connection: Connection, letter: Letter) -> Refusal | None:
        try:
            return await connection.answer()
        except BrokenSessionError as trouble:
            letter.losses += 1
            if letter.losses < _MOST_LOSSES:
                self._batch.give_back(letter)
            else:
                self._answered += 1
                self._batch.tell(self._batch.deferral_of(letter.delivery, trouble))
            raise

    async def _hand_over(self, connection: Connection, letter: Letter) -> Letter | None:
        """Send the letter and settle it; returns the one offered meanwhile."""
        self._batch.begin(letter)
        try:
            await connection.submit(letter.content)
        except BrokenSessionError as trouble:
            self._batch.settle(self._batch.deferral_of(letter.delivery, trouble))
            raise
        following = self._offer_next(connection)
        try:
            reply = await connection.finish()
        except BrokenSessionError as trouble:
            self._batch.settle(Outcome.of(letter.delivery, Verdict.UNKNOWN, reply=str(trouble)[:LONGEST_REPLY]))
            self._batch.give_back(following)
            raise
        self._answered += 1
        self._batch.settle(self._batch.outcome_of(letter, Stage.DATA, reply))
        if reply.code == 421:
            self._batch.give_back(following)
            raise BrokenSessionError(f"the server closed the session: {reply}", reply=reply)
        return following


def _obstacle(connection: Connection, letter: Letter) -> Outcome | None:
    """Why this server cannot even be asked to take the letter."""
    envelope = letter.envelope
    if envelope.needs_smtputf8 and not connection.takes_smtputf8:
        is_theirs = envelope.recipient.needs_smtputf8
        reason = f"5.6.7 the {'' if is_theirs else 'sender’s '}address is not ASCII, and the server offers no SMTPUTF8"
        verdict = Verdict.FAILED if is_theirs else Verdict.REFUSED
        return Outcome.of(letter.delivery, verdict, reply_code=553, reply=reason)
    limit = connection.size_limit
    if limit is not None and envelope.size > limit:
        reason = f"5.3.4 the mail has {envelope.size} octets, and the server takes {limit}"
        return Outcome.of(letter.delivery, Verdict.REFUSED, reply_code=552, reply=reason)
    return None
