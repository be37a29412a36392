"""An account on a server of the AT Protocol: signing in, writing records and reading them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from types import TracebackType

import httpx

from distributor.channels.api import Dedupe
from distributor.channels.bluesky.settings import BlueskySettings
from distributor.channels.bluesky.wire import BlueskySession, PostRecordView, Written, complaint_in, parse
from distributor.channels.social.answers import NotFound, PostAnswer, Posted, Refused, Trace, Unknown, classify_status
from distributor.channels.social.parts import Request
from distributor.channels.social.web import call, moment_of
from distributor.domain.delivery import Verdict

_SIGN_IN = "/xrpc/com.atproto.server.createSession"
_PUT_RECORD = "/xrpc/com.atproto.repo.putRecord"
_GET_RECORD = "/xrpc/com.atproto.repo.getRecord"


class BlueskyClient:
    """The account whose app password is in the settings. A call may be repeated: it never makes a second record."""

    dedupe = Dedupe.EXACT
    is_certain_after = timedelta(0)

    def __init__(self, settings: BlueskySettings, now: Callable[[], datetime]) -> None:
        self._settings = settings
        self._now = now
        self._client = httpx.AsyncClient(base_url=settings.service_url, timeout=settings.timeout_seconds)
        self._token = ""

    async def __aenter__(self) -> BlueskyClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def sign_in(self) -> BlueskySession | Refused:
        """A new session for the calls to come. Nothing has been said yet, so whatever goes wrong is a refusal."""
        password = self._settings.app_password.get_secret_value()
        answer = await call(
            self._client,
            "POST",
            _SIGN_IN,
            seconds=self._settings.timeout_seconds,
            body={"identifier": self._settings.handle, "password": password},
        )
        if isinstance(answer, httpx.Response) and answer.is_success:
            session = parse(BlueskySession, answer)
            if isinstance(session, BlueskySession):
                self._token = session.accessJwt
                return session
            return _not_signed_in(session)
        return _not_signed_in(self._judge(answer) if isinstance(answer, httpx.Response) else answer)

    async def post(self, request: Request) -> PostAnswer:
        answer = await self._put(request)
        if isinstance(answer, httpx.Response) and _is_signed_out(answer):
            session = await self.sign_in()
            if isinstance(session, Refused):
                return session
            answer = await self._put(request)
        if not isinstance(answer, httpx.Response):
            return answer
        if answer.is_success:
            written = parse(Written, answer)
            return written if isinstance(written, Unknown) else self._made(written, request)
        if complaint_in(answer).error == "InvalidSwap":
            return await self._see_who_was_first(request)
        return self._judge(answer)

    async def find(self, request: Request, *, since: datetime | None = None) -> Trace:
        """The record under the request's own key, whenever it was made; one that says something else is not it."""
        answer = await call(
            self._client,
            "GET",
            _GET_RECORD,
            seconds=self._settings.timeout_seconds,
            params={name: request[name] for name in ("repo", "collection", "rkey")},
        )
        if isinstance(answer, httpx.Response) and answer.is_success:
            record = parse(PostRecordView, answer)
            if isinstance(record, Unknown):
                return record
            return self._made(record, request) if record.value.get("text") == request["record"]["text"] else NotFound()
        if isinstance(answer, httpx.Response) and complaint_in(answer).is_about_missing_record:
            return NotFound()
        refusal = self._judge(answer) if isinstance(answer, httpx.Response) else answer
        return Unknown(
            reply=f"the record cannot be read: {refusal.reply}",
            reply_code=refusal.reply_code,
            retry_at=refusal.retry_at,
        )

    async def _put(self, request: Request) -> httpx.Response | Refused | Unknown:
        return await call(
            self._client,
            "POST",
            _PUT_RECORD,
            seconds=self._settings.timeout_seconds,
            headers={"Authorization": f"Bearer {self._token}"},
            body=request,
        )

    async def _see_who_was_first(self, request: Request) -> PostAnswer:
        """The key is taken: by an earlier call of ours that was frozen anew since, or by somebody else."""
        trace = await self.find(request)
        if isinstance(trace, NotFound):
            reply = f"another record has the key {request['rkey']}: was it written by hand?"
            return Refused(verdict=Verdict.FAILED, reply=reply, reply_code=400)
        return trace

    def _judge(self, answer: httpx.Response) -> Refused | Unknown:
        complaint = complaint_in(answer)
        reset = answer.headers.get("ratelimit-reset") if answer.status_code == 429 else None
        judged = classify_status(answer.status_code, complaint.words, retry_at=moment_of(reset, now=self._now()))
        if isinstance(judged, Refused) and (complaint.is_about_session or complaint.is_about_account):
            return replace(judged, verdict=Verdict.SENDER_REJECTED)
        return judged

    def _made(self, written: Written, request: Request) -> Posted:
        # An account may sign in by its email address, which is not for others to see.
        author = request["repo"] if "@" in self._settings.handle else self._settings.handle
        permalink = f"{self._settings.web_url}/profile/{author}/post/{request['rkey']}"
        return Posted(remote_id=written.uri, permalink=permalink, detail={"cid": written.cid})


def _is_signed_out(answer: httpx.Response) -> bool:
    return answer.status_code == 401 or (answer.status_code == 400 and complaint_in(answer).is_about_session)


def _not_signed_in(answer: Refused | Unknown) -> Refused:
    temporary = isinstance(answer, Unknown) or answer.verdict is Verdict.DEFERRED
    return Refused(
        verdict=Verdict.DEFERRED if temporary else Verdict.SENDER_REJECTED,
        reply=f"signing in failed: {answer.reply}",
        reply_code=answer.reply_code,
        retry_at=answer.retry_at,
    )
