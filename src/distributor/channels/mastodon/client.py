"""The client of an account on a Mastodon server: creating statuses and finding them again."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from distributor.channels.api import Delivery, Lease, SendContext
from distributor.channels.mastodon.limits import fetch_limits
from distributor.channels.mastodon.schemas import MastodonAccount, PostedStatus, error_of
from distributor.channels.mastodon.settings import MastodonSettings
from distributor.channels.social.http import ApiResponse, HttpClient
from distributor.channels.social.idempotent_send import Request, SearchableClient
from distributor.channels.social.identity import account_finding, failed_finding
from distributor.channels.social.post import Post
from distributor.channels.social.results import (
    FindResult,
    Posted,
    PostResult,
    Refused,
    Unknown,
    classify_status,
    lookup_failed,
    parse_body,
)
from distributor.domain.diagnostics import DiagnosticStatus, Finding
from distributor.domain.errors import ServiceError

# A status is on the account's page as soon as it is stored; this is for servers under load.
_PROPAGATION = timedelta(seconds=15)
_MAX_PAGES = 25
_WHO_AM_I = "/api/v1/accounts/verify_credentials"
_PAGE_SIZE = 40
# What the server is sent of a request; requests of before threads have no reply.
_SENT = ("status", "visibility", "language", "in_reply_to_id")

_Parsed = TypeVar("_Parsed")


def http_client(settings: MastodonSettings, lease: Lease | None = None) -> HttpClient:
    """A client with the account's token, if there is one."""
    token = settings.access_token.get_secret_value()
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return HttpClient(settings.instance_url, timeout_seconds=settings.timeout_seconds, headers=headers, lease=lease)


class MastodonClient(SearchableClient):
    """The account whose token is in the settings.

    The Idempotency-Key is sent but not relied upon: Mastodon forgets it after an hour, and compatible servers (such
    as GoToSocial) ignore it.
    """

    def __init__(self, settings: MastodonSettings, context: SendContext) -> None:
        self._settings = settings
        self._now = context.now
        self._http = http_client(settings, context.lease)
        # The server may still accept a call that timed out here.
        self.visible_after = timedelta(seconds=settings.timeout_seconds) + _PROPAGATION

    async def close(self) -> None:
        await self._http.close()

    async def identify(self) -> Sequence[Finding]:
        account = await self._fetch(MastodonAccount, _WHO_AM_I, {})
        if not isinstance(account, MastodonAccount):
            return [failed_finding("account", account, url="instance_url", credentials="access_token")]
        # A handle may name the server as well.
        handle = self._settings.handle.partition("@")[0]
        found = [account_finding(account.username, place=self._settings.instance_url, handle=handle)]
        try:
            limits = await fetch_limits(self._http, self._settings.instance_url)
        except ServiceError as error:
            return [*found, Finding("limits", DiagnosticStatus.WARN, str(error))]
        sentence = f"a post has {limits.max_characters} characters at most"
        return [*found, Finding("limits", DiagnosticStatus.OK, sentence)]

    def request_for(self, post: Post, *, delivery: Delivery, number: int, previous: Posted | None) -> Request:
        """The form of the status, a reply to the part before it. The key is the same for every attempt at the part."""
        source = f"{delivery.id} {number} {delivery.created_at.isoformat()} {post.text}"
        return {
            "status": post.text,
            "visibility": self._settings.visibility.value,
            "language": self._settings.language or post.language.partition("-")[0].lower(),
            "idempotency_key": hashlib.sha256(source.encode()).hexdigest(),
            "link": post.link,
            "in_reply_to_id": previous.remote_id if post.continues and previous else None,
        }

    async def post(self, request: Request) -> PostResult:
        response = await self._http.call(
            "POST",
            "/api/v1/statuses",
            headers={"Idempotency-Key": request["idempotency_key"]},
            json={name: value for name in _SENT if (value := request.get(name)) is not None},
        )
        if not isinstance(response, ApiResponse):
            return response
        if not response.is_success:
            return self._classify(response)
        status = parse_body(PostedStatus, response)
        return status if isinstance(status, Unknown) else _posted(status)

    async def find(self, request: Request, *, since: datetime) -> FindResult:
        found = list[Posted]()
        async for status in self._statuses(since):
            if isinstance(status, Unknown):
                return status
            is_there = status.in_reply_to_id == request.get("in_reply_to_id")
            if is_there and status.matches(request["status"], request["link"]):
                found.append(_posted(status))
        # The pages are newest first.
        return found[::-1]

    async def _statuses(self, since: datetime) -> AsyncIterator[PostedStatus | Unknown]:
        """The account's own statuses since then, newest first."""
        account = await self._read(MastodonAccount, _WHO_AM_I, {})
        if isinstance(account, Unknown):
            yield account
            return
        parameters = {"limit": str(_PAGE_SIZE), "exclude_reblogs": "true"}
        for _ in range(_MAX_PAGES):
            page = await self._read(list[PostedStatus], f"/api/v1/accounts/{account.id}/statuses", parameters)
            if isinstance(page, Unknown):
                yield page
                return
            recent = [status for status in page if status.created_at is None or status.created_at >= since]
            for status in recent:
                yield status
            if len(recent) < _PAGE_SIZE:
                return
            parameters["max_id"] = page[-1].id

    async def _read(self, model: type[_Parsed], path: str, parameters: dict[str, str]) -> _Parsed | Unknown:
        found = await self._fetch(model, path, parameters)
        return lookup_failed(found) if isinstance(found, Refused | Unknown) else found

    async def _fetch(self, model: type[_Parsed], path: str, parameters: dict[str, str]) -> _Parsed | Refused | Unknown:
        response = await self._http.call("GET", path, params=parameters)
        if not isinstance(response, ApiResponse):
            return response
        return parse_body(model, response) if response.is_success else self._classify(response)

    def _classify(self, response: ApiResponse) -> Refused | Unknown:
        # Mastodon writes the time in ISO 8601 (docs.joinmastodon.org, "Rate limits").
        names = ("X-RateLimit-Reset", "Retry-After") if response.status_code == 429 else ()
        return classify_status(
            response.status_code, error_of(response), retry_at=response.retry_at(*names, now=self._now())
        )


def _posted(status: PostedStatus) -> Posted:
    return Posted(remote_id=status.id, permalink=status.url or status.uri)
