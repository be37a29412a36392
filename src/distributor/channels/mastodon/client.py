"""An account on a Mastodon server: making posts and finding them again."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from types import TracebackType
from typing import TypeVar

import httpx
from pydantic import TypeAdapter

from distributor.channels.api import Dedupe
from distributor.channels.mastodon.settings import MastodonSettings
from distributor.channels.mastodon.wire import ACCOUNT, STATUS, STATUSES, PostedStatus, parse, words_of
from distributor.channels.social.answers import NotFound, PostAnswer, Posted, Refused, Trace, Unknown, classify_status
from distributor.channels.social.parts import Request
from distributor.channels.social.post import Post
from distributor.channels.social.web import call, moment_of
from distributor.domain.delivery import Delivery

# A post is on the account's page as soon as it is stored; this is for servers under load.
_PROPAGATION = timedelta(seconds=15)
_PAGES = 25
_PAGE = 40

_Parsed = TypeVar("_Parsed")


def request_for(post: Post, settings: MastodonSettings, *, delivery: Delivery, number: int) -> Request:
    """What a part asks the server for, as it is frozen. The key is the same for every attempt at the same part."""
    key = hashlib.sha256(f"{delivery.id} {number} {delivery.created_at.isoformat()} {post.text}".encode()).hexdigest()
    return {
        "status": post.text,
        "visibility": settings.visibility.value,
        "language": settings.language or post.language.partition("-")[0].lower(),
        "idempotency_key": key,
        "link": post.link,
    }


def client_for(settings: MastodonSettings) -> httpx.AsyncClient:
    """A client that speaks for the account, if there is a token."""
    token = settings.access_token.get_secret_value()
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.AsyncClient(base_url=settings.instance_url, headers=headers, timeout=settings.timeout_seconds)


class MastodonClient:
    """The account whose token is in the settings.

    The Idempotency-Key is sent and not relied upon: Mastodon forgets it after an hour, its relatives never look at it.
    """

    dedupe = Dedupe.HINT

    def __init__(self, settings: MastodonSettings, now: Callable[[], datetime]) -> None:
        self._seconds = settings.timeout_seconds
        self._now = now
        self._client = client_for(settings)
        # A call that is given up here may still be accepted at that moment.
        self.is_certain_after = timedelta(seconds=settings.timeout_seconds) + _PROPAGATION

    async def __aenter__(self) -> MastodonClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def post(self, request: Request) -> PostAnswer:
        answer = await call(
            self._client,
            "POST",
            "/api/v1/statuses",
            seconds=self._seconds,
            headers={"Idempotency-Key": request["idempotency_key"]},
            body={name: request[name] for name in ("status", "visibility", "language")},
        )
        if not isinstance(answer, httpx.Response):
            return answer
        if not answer.is_success:
            return self._judge(answer)
        status = parse(STATUS, answer)
        return status if isinstance(status, Unknown) else _made(status)

    async def find(self, request: Request, *, since: datetime) -> Trace:
        trace: Trace = NotFound()
        async for status in self._statuses(since):
            if isinstance(status, Unknown):
                return status
            if status.says(request["status"], request["link"]):
                # The pages go back in time, and the oldest is the one our call has made.
                trace = _made(status)
        return trace

    async def _statuses(self, since: datetime) -> AsyncIterator[PostedStatus | Unknown]:
        """The account's own posts since then, newest first."""
        account = await self._read(ACCOUNT, "/api/v1/accounts/verify_credentials", {})
        if isinstance(account, Unknown):
            yield account
            return
        parameters = {"limit": str(_PAGE), "exclude_reblogs": "true"}
        for _ in range(_PAGES):
            page = await self._read(STATUSES, f"/api/v1/accounts/{account.id}/statuses", parameters)
            if isinstance(page, Unknown):
                yield page
                return
            recent = [status for status in page if status.created_at is None or status.created_at >= since]
            for status in recent:
                yield status
            if len(recent) < _PAGE:
                return
            parameters["max_id"] = page[-1].id

    async def _read(self, model: TypeAdapter[_Parsed], path: str, parameters: dict[str, str]) -> _Parsed | Unknown:
        """What a reading call answers; whatever goes wrong with it leaves the question open."""
        answer = await call(self._client, "GET", path, seconds=self._seconds, params=parameters)
        if isinstance(answer, httpx.Response) and answer.is_success:
            return parse(model, answer)
        refusal = self._judge(answer) if isinstance(answer, httpx.Response) else answer
        return Unknown(
            reply=f"the account's posts cannot be read: {refusal.reply}",
            reply_code=refusal.reply_code,
            retry_at=refusal.retry_at,
        )

    def _judge(self, answer: httpx.Response) -> Refused | Unknown:
        # Mastodon writes the time in ISO 8601 (docs.joinmastodon.org, "Rate limits").
        reset = answer.headers.get("X-RateLimit-Reset") if answer.status_code == 429 else None
        return classify_status(
            answer.status_code,
            words_of(answer),
            retry_at=moment_of(reset or answer.headers.get("Retry-After"), now=self._now()),
        )


def _made(status: PostedStatus) -> Posted:
    return Posted(remote_id=status.id, permalink=status.url or status.uri)
