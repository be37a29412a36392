"""Sends messages of a batch to a provider's API: one request per message, so each has a response of its own."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TypeAlias

import httpx

from distributor.channels.email.delivery.api_client import (
    NoResponse,
    NotConnected,
    Response,
    classify_response,
    open_client,
    post,
)
from distributor.channels.email.delivery.batch import Batch
from distributor.channels.email.delivery.messages import Message
from distributor.channels.email.delivery.replies import ClassifiedReply
from distributor.channels.email.delivery.smtp_sender import SenderOptions
from distributor.channels.email.providers.api_message import ApiMessage
from distributor.channels.email.providers.provider import ApiRequest, ApiUrl
from distributor.channels.email.relays import Relay
from distributor.domain.delivery import Verdict
from distributor.domain.errors import LeaseLostError
from distributor.mail.smtp.connection import SmtpStage
from distributor.mail.smtp.reply import SmtpSessionError

Result: TypeAlias = ClassifiedReply | NotConnected | NoResponse

# How long a message waits here for an API that asks for fewer requests; if longer, it is deferred.
PATIENCE = timedelta(seconds=5)


class ApiSender:
    """One request at a time. A batch has as many senders as the relay has connections."""

    def __init__(self, batch: Batch, relay: Relay, url: ApiUrl, options: SenderOptions) -> None:
        self._batch = batch
        self._relay = relay
        self._url = url
        self._options = options
        self._lost_in_a_row = 0
        self._error: SmtpSessionError | None = None

    async def run(self) -> None:
        """Send until no message is left, the API cannot be reached or asks for a long pause, or as many messages in a
        row have had no response as there are pauses.
        """
        async with open_client(timeouts=self._options.timeouts, tls=self._options.tls) as client:
            while self._error is None and (message := await self._wait_for_next()) is not None:
                if message.envelope.needs_smtputf8:
                    self._batch.reject_unsent(message, message.smtputf8_missing())
                else:
                    await self._send(client, message)

    @property
    def error(self) -> SmtpSessionError | None:
        """Why it stopped before everything was sent, if it did."""
        return self._error

    async def _wait_for_next(self) -> Message | None:
        while (message := self._batch.take(self._relay)) is None and self._batch.has_work(self._relay):
            await asyncio.sleep(self._batch.seconds_until_next(self._relay))
        return message

    async def _send(self, client: httpx.AsyncClient, message: Message) -> None:
        """Post the message, again where that is safe and may help, and record the result."""
        parts = ApiMessage(recipient=message.envelope.recipient.spec, content=message.signed)
        # Before the journal: if the request cannot be built, definitely nothing was sent.
        request = self._build_request(parts)
        self._batch.begin(message)
        lost: Result | None = None
        try:
            result = await self._post(client, request)
            lost = result if _is_lost(result) else None
            for pause in self._options.pauses[1:]:
                wait = self._seconds_to_retry(result, pause)
                if wait is None:
                    break
                await asyncio.sleep(wait)
                result = await self._post(client, self._build_request(parts))
                lost = lost or (result if _is_lost(result) else None)
        except LeaseLostError as error:
            if lost is None:
                self._batch.mark_unsent(message, error)
            else:
                self._settle(message, lost)
            raise
        # After a lost response only a success shows what became of the request that it belonged to.
        self._settle(message, result if lost is None or _is_success(result) else lost)

    def _build_request(self, parts: ApiMessage) -> ApiRequest:
        return self._url.provider.build_request(self._url, parts, self._options.now())

    async def _post(self, client: httpx.AsyncClient, request: ApiRequest) -> Result:
        response = await post(
            client, self._url, request, seconds=self._options.timeouts.command, lease=self._batch.lease
        )
        if not isinstance(response, Response):
            return response
        return classify_response(self._url.provider, response, now=self._options.now())

    def _seconds_to_retry(self, result: Result, pause: float) -> float | None:
        """How long to wait before the same message may be posted again; None if it must not be, or not here."""
        if isinstance(result, NotConnected):
            return pause
        if _is_lost(result):
            return pause if self._url.provider.is_idempotent else None
        if isinstance(result, NoResponse) or result.classification.verdict is not Verdict.DEFERRED:
            return None
        retry_at = result.classification.retry_at
        wait = retry_at - self._options.now() if retry_at else timedelta(seconds=pause)
        return wait.total_seconds() if wait <= PATIENCE else None

    def _settle(self, message: Message, result: Result) -> None:
        if isinstance(result, NotConnected):
            self._error = SmtpSessionError(result.why)
            self._batch.defer(message, self._error)
        elif isinstance(result, NoResponse) or result.classification.verdict is Verdict.UNKNOWN:
            why = result.why if isinstance(result, NoResponse) else f"no clear response: {result}"
            error = SmtpSessionError(why)
            self._lost_in_a_row += 1
            if self._lost_in_a_row == len(self._options.pauses):
                self._error = error
            self._batch.mark_unknown(message, error)
        else:
            self._lost_in_a_row = 0
            if result.classification.verdict is Verdict.DEFERRED:
                self._error = SmtpSessionError(f"{self._url.root} asks for a pause: {result}", reply=result)
            self._batch.apply_reply(message, self._relay, SmtpStage.SESSION, result)


def _is_lost(result: Result) -> bool:
    """Whether the mail may have been accepted although the response does not say so."""
    return isinstance(result, NoResponse) or (
        isinstance(result, ClassifiedReply) and result.classification.verdict is Verdict.UNKNOWN
    )


def _is_success(result: Result) -> bool:
    return isinstance(result, ClassifiedReply) and result.classification.verdict is Verdict.SENT
