"""A courier to a provider's API: letters of a batch, one call after another, each with an answer of its own."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TypeAlias

import httpx

from distributor.channels.email.delivery.api_answers import read_answer
from distributor.channels.email.delivery.api_calls import NoAnswer, Response, Unreached, call, open_client
from distributor.channels.email.delivery.batch import Batch
from distributor.channels.email.delivery.messages import Message
from distributor.channels.email.delivery.replies import JudgedReply
from distributor.channels.email.delivery.smtp_sender import SmtpSenderOptions
from distributor.channels.email.providers.api import ApiUrl, Request
from distributor.channels.email.providers.message import Mail
from distributor.channels.email.relays import Relay
from distributor.domain.delivery import Verdict
from distributor.mail.smtp.connection import SmtpStage
from distributor.mail.smtp.reply import SmtpSessionError

Said: TypeAlias = JudgedReply | Unreached | NoAnswer

# How long a letter waits here for an API that asks us to slow down; what has to wait longer goes back into the ledger.
PATIENCE = timedelta(seconds=5)


class ApiSender:
    """One call at a time. As many of these as a batch has, so many calls are under way at the same time."""

    def __init__(self, batch: Batch, relay: Relay, url: ApiUrl, manner: SmtpSenderOptions) -> None:
        self._batch = batch
        self._relay = relay
        self._url = url
        self._manner = manner
        self._unanswered = 0
        self._trouble: SmtpSessionError | None = None

    async def run(self) -> None:
        """Until nothing is left to send, or until the API cannot be reached, asks for a long break, or has left as many
        letters in a row without an answer as there are pauses.
        """
        async with open_client(timeouts=self._manner.timeouts, tls=self._manner.tls) as client:
            while self._trouble is None and (letter := await self._wait_for_next()) is not None:
                if letter.envelope.needs_smtputf8:
                    self._batch.spare(letter, letter.beyond_ascii())
                else:
                    await self._hand_over(client, letter)

    @property
    def trouble(self) -> SmtpSessionError | None:
        """Why it has given up, if it has."""
        return self._trouble

    async def _wait_for_next(self) -> Message | None:
        while (letter := self._batch.take(self._relay)) is None and self._batch.has_work(self._relay):
            await asyncio.sleep(self._batch.seconds_to_look_again(self._relay))
        return letter

    async def _hand_over(self, client: httpx.AsyncClient, letter: Message) -> None:
        """Call, again where that is safe and may help, and settle the letter."""
        mail = Mail(recipient=letter.envelope.recipient.spec, content=letter.message)
        # Before the journal: what cannot even be written was surely not sent.
        request = self._write(mail)
        self._batch.begin(letter)
        said = await self._call(client, request)
        lost = said if _is_lost(said) else None
        for pause in self._manner.pauses[1:]:
            wait = self._seconds_to_next_call(said, pause)
            if wait is None:
                break
            await asyncio.sleep(wait)
            said = await self._call(client, self._write(mail))
            lost = lost or (said if _is_lost(said) else None)
        # After a lost answer nothing but a success tells what became of the call that it belonged to.
        self._settle(letter, said if lost is None or _is_success(said) else lost)

    def _write(self, mail: Mail) -> Request:
        return self._url.provider.write(self._url, mail, self._manner.now())

    async def _call(self, client: httpx.AsyncClient, request: Request) -> Said:
        response = await call(client, self._url, request, seconds=self._manner.timeouts.command)
        if not isinstance(response, Response):
            return response
        return read_answer(self._url.provider, response, now=self._manner.now())

    def _seconds_to_next_call(self, said: Said, pause: float) -> float | None:
        """How long to wait before the same letter may be tried once more; None if it must not be, or not here."""
        if isinstance(said, Unreached):
            return pause
        if _is_lost(said):
            return pause if self._url.provider.is_exact else None
        if isinstance(said, NoAnswer) or said.judgement.verdict is not Verdict.DEFERRED:
            return None
        asked = said.judgement.retry_at
        wait = asked - self._manner.now() if asked else timedelta(seconds=pause)
        return wait.total_seconds() if wait <= PATIENCE else None

    def _settle(self, letter: Message, said: Said) -> None:
        if isinstance(said, Unreached):
            self._trouble = SmtpSessionError(said.why)
            self._batch.defer(letter, self._trouble)
        elif isinstance(said, NoAnswer) or said.judgement.verdict is Verdict.UNKNOWN:
            trouble = SmtpSessionError(said.why if isinstance(said, NoAnswer) else f"no clear answer: {said}")
            self._unanswered += 1
            if self._unanswered == len(self._manner.pauses):
                self._trouble = trouble
            self._batch.doubt(letter, trouble)
        else:
            self._unanswered = 0
            if said.judgement.verdict is Verdict.DEFERRED:
                self._trouble = SmtpSessionError(f"{self._url.root} asks us to wait: {said}", reply=said)
            # What an API says of us concerns all that goes over it, as a server's greeting does.
            self._batch.answer(letter, self._relay, SmtpStage.SESSION, said)


def _is_lost(said: Said) -> bool:
    """Whether the mail may have been taken all the same."""
    return isinstance(said, NoAnswer) or (isinstance(said, JudgedReply) and said.judgement.verdict is Verdict.UNKNOWN)


def _is_success(said: Said) -> bool:
    return isinstance(said, JudgedReply) and said.judgement.verdict is Verdict.SENT
