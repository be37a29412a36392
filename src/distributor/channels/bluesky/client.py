"""The client of an account on a server of the AT Protocol: signing in, writing records and reading them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from distributor.channels.api import Delivery, Json, SendContext, Verdict
from distributor.channels.bluesky.record import reply_to, request_for
from distributor.channels.bluesky.schemas import (
    BlueskySession,
    PostRecordView,
    RecordPage,
    SessionAccount,
    WrittenRecord,
    error_of,
)
from distributor.channels.bluesky.settings import BlueskySettings
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

_CREATE_SESSION = "/xrpc/com.atproto.server.createSession"
_GET_SESSION = "/xrpc/com.atproto.server.getSession"
_PUT_RECORD = "/xrpc/com.atproto.repo.putRecord"
_GET_RECORD = "/xrpc/com.atproto.repo.getRecord"
_LIST_RECORDS = "/xrpc/com.atproto.repo.listRecords"
# So many records are read at a time, which is the most that a server gives, and so many times.
_PAGE = 100
_MOST_PAGES = 20


class BlueskyClient(SearchableClient):
    """The account whose app password is in the settings. A call may be repeated: it never creates a second record."""

    def __init__(self, settings: BlueskySettings, context: SendContext) -> None:
        self._settings = settings
        self._now = context.now
        self._http = HttpClient(settings.service_url, timeout_seconds=settings.timeout_seconds, lease=context.lease)
        self._session = BlueskySession(did="", accessJwt="")

    async def close(self) -> None:
        await self._http.close()

    async def sign_in(self) -> Refused | None:
        """Nothing has been sent yet, so every failure is a refusal."""
        password = self._settings.app_password.get_secret_value()
        response = await self._http.call(
            "POST", _CREATE_SESSION, json={"identifier": self._settings.handle, "password": password}
        )
        if not isinstance(response, ApiResponse):
            return _sign_in_failed(response)
        if not response.is_success:
            return _sign_in_failed(self._classify(response))
        session = parse_body(BlueskySession, response)
        if isinstance(session, Unknown):
            return _sign_in_failed(session)
        self._session = session
        return None

    async def identify(self) -> Sequence[Finding]:
        refusal = await self.sign_in()
        if refusal is not None:
            return [failed_finding("account", refusal, url="service_url", credentials="handle and app_password")]
        response = await self._http.call("GET", _GET_SESSION, headers=self._authorization)
        account: SessionAccount | Refused | Unknown
        if not isinstance(response, ApiResponse):
            account = response
        else:
            account = parse_body(SessionAccount, response) if response.is_success else self._classify(response)
        if not isinstance(account, SessionAccount):
            return [failed_finding("account", account, url="service_url", credentials="handle and app_password")]
        # An account may sign in by its email address.
        handle = "" if "@" in self._settings.handle else self._settings.handle
        found = [account_finding(account.handle, place=self._settings.service_url, handle=handle)]
        if not account.active:
            sentence = (
                f"the account is {account.status or 'not active'}: nothing can be posted before it is active again"
            )
            found.append(Finding("state", DiagnosticStatus.FAIL, sentence))
        return found

    @property
    def _authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._session.accessJwt}"}

    def request_for(self, post: Post, *, delivery: Delivery, number: int, previous: Posted | None) -> Request:
        reply = reply_to(previous) if post.continues and previous else None
        did = self._session.did
        return request_for(post, did=did, delivery=delivery, number=number, now=self._now(), reply=reply)

    async def post(self, request: Request) -> PostResult:
        response = await self._put(request)
        if isinstance(response, ApiResponse) and _is_signed_out(response):
            refusal = await self.sign_in()
            if refusal is not None:
                return refusal
            response = await self._put(request)
        if not isinstance(response, ApiResponse):
            return response
        if response.is_success:
            written = parse_body(WrittenRecord, response)
            return written if isinstance(written, Unknown) else self._posted(written, request)
        if error_of(response).error == "InvalidSwap":
            # By an earlier call with a request that was frozen anew since, or by another program.
            reply = f"another record has the key {request['rkey']}: was it written by hand?"
            return Refused(verdict=Verdict.FAILED, reply=reply, reply_code=400, is_duplicate=True)
        return self._classify(response)

    async def find(self, request: Request, *, since: datetime) -> FindResult:
        """The record under the request's own key, whenever it was written; one with another text is not it."""
        response = await self._http.call(
            "GET", _GET_RECORD, params={name: request[name] for name in ("repo", "collection", "rkey")}
        )
        if not isinstance(response, ApiResponse):
            return lookup_failed(response)
        if response.is_success:
            record = parse_body(PostRecordView, response)
            if isinstance(record, Unknown):
                return record
            is_ours = record.value.get("text") == request["record"]["text"]
            return [self._posted(record, request)] if is_ours else []
        if error_of(response).is_missing_record:
            return []
        return lookup_failed(self._classify(response))

    async def find_lost(self, request: Request, *, since: datetime) -> FindResult:
        """The records with the same text and the same post above it, which were written under any key since then."""
        found, cursor = list[Posted](), ""
        for _ in range(_MOST_PAGES):
            page = await self._page(request, cursor)
            if isinstance(page, Unknown):
                return page
            young = [one for one in page.records if _written_at(one) >= since]
            found += [self._posted(one, request) for one in young if _is_same_post(one, request)]
            if len(young) < len(page.records) or not page.cursor:
                return found[::-1]
            cursor = page.cursor
        return Unknown(reply=f"the account has more than {_MOST_PAGES * _PAGE} posts since {since:%Y-%m-%d %H:%M} UTC")

    async def _page(self, request: Request, cursor: str) -> RecordPage | Unknown:
        params = {"repo": request["repo"], "collection": request["collection"], "limit": str(_PAGE)}
        response = await self._http.call("GET", _LIST_RECORDS, params=params | ({"cursor": cursor} if cursor else {}))
        if not isinstance(response, ApiResponse):
            return lookup_failed(response)
        return parse_body(RecordPage, response) if response.is_success else lookup_failed(self._classify(response))

    async def _put(self, request: Request) -> ApiResponse | Refused | Unknown:
        return await self._http.call("POST", _PUT_RECORD, headers=self._authorization, json=request)

    def _classify(self, response: ApiResponse) -> Refused | Unknown:
        error = error_of(response)
        retry_at = response.retry_at("ratelimit-reset", now=self._now()) if response.status_code == 429 else None
        result = classify_status(response.status_code, error.text, retry_at=retry_at)
        if isinstance(result, Refused) and (error.is_expired_session or error.is_inactive_account):
            return replace(result, verdict=Verdict.SENDER_REJECTED)
        return result

    def _posted(self, written: WrittenRecord, request: Request) -> Posted:
        # An account may sign in by its email address, which is private.
        author = request["repo"] if "@" in self._settings.handle else self._settings.handle
        permalink = f"{self._settings.web_url}/profile/{author}/post/{written.uri.rpartition('/')[2]}"
        detail: dict[str, Json] = {"cid": written.cid}
        if reply := request["record"].get("reply"):
            # What a reply to it needs as well.
            detail["root"] = reply["root"]
        return Posted(remote_id=written.uri, permalink=permalink, detail=detail)


def _written_at(record: PostRecordView) -> datetime:
    """When it says that it was written; the beginning of time if it says nothing that can be read."""
    try:
        time = datetime.fromisoformat(str(record.value.get("createdAt", "")))
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _is_same_post(record: PostRecordView, request: Request) -> bool:
    return all(record.value.get(name) == request["record"].get(name) for name in ("text", "reply"))


def _is_signed_out(response: ApiResponse) -> bool:
    return response.status_code == 401 or (response.status_code == 400 and error_of(response).is_expired_session)


def _sign_in_failed(result: Refused | Unknown) -> Refused:
    is_temporary = isinstance(result, Unknown) or result.verdict is Verdict.DEFERRED
    return Refused(
        verdict=Verdict.DEFERRED if is_temporary else Verdict.SENDER_REJECTED,
        reply=f"signing in failed: {result.reply}",
        reply_code=result.reply_code,
        retry_at=result.retry_at,
    )
