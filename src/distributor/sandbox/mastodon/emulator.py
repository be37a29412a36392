"""A stand-in for a Mastodon server: the calls that a publisher needs, with Mastodon's rules, limits and refusals."""

from __future__ import annotations

import hmac
from collections import Counter
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from distributor.sandbox import accounts
from distributor.sandbox.request_gate import Clock, RequestGate
from distributor.sandbox.faults import FaultStage, Switches
from distributor.sandbox.mastodon.answers import as_instance, as_old_instance, rate_headers, refuse, refuse_unrouted
from distributor.sandbox.mastodon.statuses import (
    PostVisibility,
    StoredStatus,
    as_account,
    as_attachment,
    as_status,
    check_new_status,
    read_status_body,
)
from distributor.sandbox.mastodon.text import as_spans, find_entities, length
from distributor.sandbox.mastodon.timeline import page_of, read_query
from distributor.sandbox.mastodon.uploads import check_description, read_upload
from distributor.sandbox.media import UploadStore, UploadedMedia
from distributor.sandbox.ids import mastodon_snowflakes
from distributor.sandbox.json_store import JsonStore
from distributor.sandbox.rates import Allowance, RateWindow
from distributor.sandbox.display import DisplayedImage, DisplayedPost, LinkCard, permalink
from distributor.sandbox.limits import IdempotencyKeys, TermsBook

_ME = accounts.MASTODON


class MastodonEmulator:
    """A server with one account. Its state lives in `folder`."""

    def __init__(self, folder: Path, *, switches: Switches, terms: TermsBook, clock: Clock) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._book = terms
        self._clock = clock
        self._posts = JsonStore(folder / "statuses.jsonl", StoredStatus)
        self.media = UploadStore(folder / "media")
        self._polls: Counter[str] = Counter()
        self._ids = mastodon_snowflakes()
        self._ids.resume_after(max((int(status.key) for status in self._posts.oldest_first()), default=0))
        self._windows = {stage: RateWindow() for stage in FaultStage}
        self.app = self._routes(
            RequestGate(
                service="mastodon",
                switches=switches,
                clock=clock,
                refuse=refuse,
                count=self._count,
                rate_headers=rate_headers,
            )
        )

    def shown(self) -> list[DisplayedPost]:
        """The account's statuses as readers see them, oldest first."""
        return [self._shown(status) for status in self._posts.oldest_first()]

    def close(self) -> None:
        """Let go of the files."""
        self._posts.close()
        self.media.close()

    def _routes(self, desk: RequestGate) -> Starlette:
        return Starlette(
            routes=[
                desk.route("/api/v1/statuses", self._post, method="POST", stage=FaultStage.POST),
                desk.route("/api/v1/statuses/{key}", self._read),
                desk.route("/api/v1/statuses/{key}", self._delete, method="DELETE", stage=FaultStage.DELETE),
                desk.route("/api/v1/accounts/verify_credentials", self._verify_credentials),
                desk.route("/api/v1/accounts/{account}/statuses", self._read_timeline),
                desk.route("/api/v2/instance", self._read_instance),
                desk.route("/api/v1/instance", self._read_old_instance),
                desk.route("/api/v2/media", self._upload, method="POST", stage=FaultStage.MEDIA),
                desk.route("/api/v1/media/{key}", self._read_medium),
                desk.route("/api/v1/media/{key}", self._describe, method="PUT", stage=FaultStage.MEDIA),
                permalink(f"/@{_ME.username}/{{key}}", "mastodon", "{key}"),
                Route("/media/{key}", _show_medium),
            ],
            exception_handlers={HTTPException: refuse_unrouted},
        )

    async def _post(self, request: Request) -> Response:
        _authenticate(request)
        body = await read_status_body(request)
        now = self._clock()
        idempotency_key = request.headers.get("idempotency-key")
        earlier = self._posted_under(idempotency_key, now) if idempotency_key else None
        if earlier is not None:
            return self._answer(earlier, request)
        check_new_status(body, terms=self._book.mastodon, posts=self._posts, medium_ready=self._is_ready, now=now)
        status = StoredStatus(
            key=str(self._ids.next(now)),
            text=body.status,
            created_at=now,
            visibility=body.visibility,
            language=body.language,
            spoiler=body.spoiler_text,
            sensitive=body.sensitive or bool(body.spoiler_text),
            reply_to=body.in_reply_to_id,
            media=tuple(body.media_ids),
            idempotency_key=idempotency_key,
        )
        self._posts.put(status)
        return self._answer(status, request)

    def _posted_under(self, key: str, now: datetime) -> StoredStatus | None:
        """What was posted under this key of late, if the server cares."""
        terms = self._book.mastodon
        since = now - timedelta(seconds=terms.idempotency_seconds)
        repeated = (post for post in self._posts.newest_first() if post.idempotency_key == key)
        earlier = next((post for post in repeated if post.created_at > since), None)
        if earlier is not None and terms.idempotency_keys is IdempotencyKeys.FAIL:
            raise HTTPException(HTTPStatus.INTERNAL_SERVER_ERROR)
        return earlier if terms.idempotency_keys is IdempotencyKeys.HONOUR else None

    async def _read(self, request: Request) -> Response:
        return self._answer(self._status(request), request)

    async def _delete(self, request: Request) -> Response:
        _authenticate(request)
        status = self._status(request)
        self._posts.delete(status.key)
        return self._answer(status, request)

    async def _verify_credentials(self, request: Request) -> Response:
        _authenticate(request)
        return JSONResponse(as_account(_ME, _server(request)))

    async def _read_timeline(self, request: Request) -> Response:
        if request.path_params["account"] != _ME.account_id:
            raise HTTPException(404, "Record not found")
        everything = self._posts.newest_first()
        readable = everything if _is_authenticated(request) else [post for post in everything if _is_open(post)]
        page = page_of(readable, read_query(request.query_params))
        return JSONResponse([self._as_status(status, request) for status in page])

    async def _read_instance(self, request: Request) -> Response:
        return JSONResponse(as_instance(self._book.mastodon, _server(request), request.url.netloc))

    async def _read_old_instance(self, request: Request) -> Response:
        return JSONResponse(as_old_instance(self._book.mastodon, request.url.netloc))

    async def _upload(self, request: Request) -> Response:
        _authenticate(request)
        now = self._clock()
        medium, content = await read_upload(request, str(self._ids.next(now)), now)
        self.media.keep(medium, content)
        ready = self._book.mastodon.polls_until_processed == 0
        return JSONResponse(as_attachment(medium, _server(request), ready=ready), 200 if ready else 202)

    async def _read_medium(self, request: Request) -> Response:
        _authenticate(request)
        medium = self._medium(request)
        self._polls[medium.key] += 1
        ready = self._is_ready(medium.key) is True
        return JSONResponse(as_attachment(medium, _server(request), ready=ready), 200 if ready else 206)

    async def _describe(self, request: Request) -> Response:
        _authenticate(request)
        form = await request.form()
        described = self.media.describe(self._medium(request).key, check_description(form.get("description")))
        return JSONResponse(as_attachment(described, _server(request)))

    def _status(self, request: Request) -> StoredStatus:
        status = self._posts.get(request.path_params["key"])
        if status is None or not (_is_open(status) or _is_authenticated(request)):
            raise HTTPException(404, "Record not found")
        return status

    def _medium(self, request: Request) -> UploadedMedia:
        medium = self.media.get(request.path_params["key"])
        if medium is None:
            raise HTTPException(404, "Record not found")
        return medium

    def _is_ready(self, key: str) -> bool | None:
        if self.media.get(key) is None:
            return None
        unready_polls = self._book.mastodon.polls_until_processed
        return unready_polls == 0 or self._polls[key] > unready_polls

    def _answer(self, status: StoredStatus, request: Request) -> Response:
        return JSONResponse(self._as_status(status, request))

    def _as_status(self, status: StoredStatus, request: Request) -> dict[str, object]:
        media = [medium for key in status.media if (medium := self.media.get(key))]
        return as_status(status, media, account=_ME, server=_server(request))

    def _count(self, stage: FaultStage, points: int, now: datetime) -> Allowance:
        terms = self._book.mastodon
        slow = {FaultStage.MEDIA: terms.uploads_per_window, FaultStage.DELETE: terms.deletes_per_window}
        if stage in slow:
            return self._windows[stage].spend(points, now, limit=slow[stage], seconds=terms.slow_window_seconds)
        return self._windows[FaultStage.READ].spend(
            points, now, limit=terms.calls_per_window, seconds=terms.window_seconds
        )

    def _shown(self, status: StoredStatus) -> DisplayedPost:
        terms = self._book.mastodon
        links = [entity.value for entity in find_entities(status.text) if entity.kind == "url"]
        return DisplayedPost(
            key=status.key,
            parent=status.reply_to,
            author=_ME.name,
            handle=f"@{_ME.username}",
            created_at=status.created_at,
            text=status.text,
            pieces=as_spans(status.text, "/mastodon"),
            length=length(status.text, status.spoiler, terms.characters_reserved_per_url),
            limit=terms.max_characters,
            url=f"/mastodon/@{_ME.username}/{status.key}",
            pictures=[self._picture(key) for key in status.media],
            card=LinkCard.to(links[0]) if links and not status.media else None,
            warning=status.spoiler,
            note="" if status.visibility is PostVisibility.PUBLIC else status.visibility.value,
        )

    def _picture(self, key: str) -> DisplayedImage:
        medium = self.media.get(key)
        return DisplayedImage(path=f"/media/mastodon/{key}", alt=(medium and medium.alt) or "")


def _is_authenticated(request: Request) -> bool:
    given = request.headers.get("authorization", "")
    return hmac.compare_digest(given.encode(), f"Bearer {_ME.access_token}".encode())


def _authenticate(request: Request) -> None:
    if not _is_authenticated(request):
        raise HTTPException(401, "The access token is invalid")


def _is_open(status: StoredStatus) -> bool:
    return status.visibility in (PostVisibility.PUBLIC, PostVisibility.UNLISTED)


def _server(request: Request) -> str:
    """The root of the instance, as its caller knows it."""
    return f"{request.url.scheme}://{request.url.netloc}{request.scope.get('root_path', '')}"


async def _show_medium(request: Request) -> Response:
    return RedirectResponse(f"/media/mastodon/{request.path_params['key']}")
