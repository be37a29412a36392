"""An emulator of a Mastodon server: the calls that a publisher needs, with Mastodon's rules, limits and refusals."""

from __future__ import annotations

import hmac
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from distributor.sandbox.display import DisplayedCard, DisplayedPost
from distributor.sandbox.emulator import Emulator
from distributor.sandbox.faults import FaultStage, Switches
from distributor.sandbox.ids import mastodon_snowflakes
from distributor.sandbox.limits import Allowance
from distributor.sandbox.mastodon.account import MASTODON_ACCOUNT, IdempotencyKeys, MastodonLimits
from distributor.sandbox.mastodon.statuses import (
    PostVisibility,
    StoredStatus,
    as_account,
    as_attachment,
    as_status,
    check_new_status,
    page_of,
    read_query,
    read_status_body,
)
from distributor.sandbox.mastodon.text import as_spans, find_entities, length
from distributor.sandbox.media import UploadedMedia, image_type
from distributor.sandbox.request_gate import Clock, RequestGate

_MAX_DESCRIPTION = 1500
_MAX_IMAGE_BYTES = 16 * 1024 * 1024
_IMAGE_TYPES = ("image/jpeg", "image/png", "image/gif", "image/webp")
_VERSION = "4.5.0"
_ME = MASTODON_ACCOUNT


class MastodonEmulator(Emulator[MastodonLimits]):
    """A server with one account."""

    kind = "mastodon"
    title = "Mastodon"
    limits_model = MastodonLimits

    def __init__(self, folder: Path, *, switches: Switches, clock: Clock) -> None:
        super().__init__(folder, switches=switches, clock=clock)
        self._statuses = self.open_store("statuses.jsonl", StoredStatus)
        self._polls: Counter[str] = Counter()
        self._ids = mastodon_snowflakes()
        self._ids.resume_after(max((int(status.key) for status in self._statuses.oldest_first()), default=0))

    @classmethod
    def channel_settings(cls, base_url: str) -> dict[str, Any]:
        return {"instance_url": base_url, "handle": f"@{_ME.username}", "access_token": _ME.access_token}

    def routes(self, gate: RequestGate) -> list[Route]:
        return [
            gate.route("/api/v1/statuses", self._post, method="POST", stage=FaultStage.POST),
            gate.route("/api/v1/statuses/{key}", self._read),
            gate.route("/api/v1/statuses/{key}", self._delete, method="DELETE", stage=FaultStage.DELETE),
            gate.route("/api/v1/accounts/verify_credentials", self._verify_credentials),
            gate.route("/api/v1/accounts/{account}/statuses", self._read_timeline),
            gate.route("/api/v2/instance", self._read_instance),
            gate.route("/api/v1/instance", self._read_old_instance),
            gate.route("/api/v2/media", self._upload, method="POST", stage=FaultStage.MEDIA),
            gate.route("/api/v1/media/{key}", self._read_medium),
            gate.route("/api/v1/media/{key}", self._describe, method="PUT", stage=FaultStage.MEDIA),
            self.permalink(f"/@{_ME.username}/{{key}}", "{key}"),
            Route("/media/{key}", _redirect_to_image),
        ]

    def refuse(self, refusal: HTTPException) -> Response:
        """An error is one sentence."""
        return JSONResponse({"error": refusal.detail}, refusal.status_code)

    def count(self, stage: FaultStage, points: int, now: datetime) -> Allowance:
        limits = self.limits.current
        slow = {FaultStage.MEDIA: limits.uploads_per_window, FaultStage.DELETE: limits.deletes_per_window}
        if stage in slow:
            return self.spend(stage, points, now, limit=slow[stage], seconds=limits.slow_window_seconds)
        return self.spend("calls", points, now, limit=limits.calls_per_window, seconds=limits.window_seconds)

    def rate_headers(self, allowance: Allowance) -> Mapping[str, str]:
        """Limit, what remains, and when the window ends, as ISO 8601."""
        return {
            "X-RateLimit-Limit": str(allowance.limit),
            "X-RateLimit-Remaining": str(allowance.remaining),
            "X-RateLimit-Reset": allowance.reset_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        }

    def posts(self) -> list[DisplayedPost]:
        return [self._display(status) for status in self._statuses.oldest_first()]

    async def _post(self, request: Request) -> Response:
        _authenticate(request)
        body = await read_status_body(request)
        now = self.clock()
        idempotency_key = request.headers.get("idempotency-key")
        earlier = self._posted_under(idempotency_key, now) if idempotency_key else None
        if earlier is not None:
            return self._respond(earlier, request)
        check_new_status(
            body, limits=self.limits.current, statuses=self._statuses, medium_ready=self._is_ready, now=now
        )
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
        self._statuses.put(status)
        return self._respond(status, request)

    def _posted_under(self, key: str, now: datetime) -> StoredStatus | None:
        """What was posted under this key of late, if the server cares."""
        limits = self.limits.current
        since = now - timedelta(seconds=limits.idempotency_seconds)
        repeated = (post for post in self._statuses.newest_first() if post.idempotency_key == key)
        earlier = next((post for post in repeated if post.created_at > since), None)
        if earlier is not None and limits.idempotency_keys is IdempotencyKeys.FAIL:
            raise HTTPException(HTTPStatus.INTERNAL_SERVER_ERROR)
        return earlier if limits.idempotency_keys is IdempotencyKeys.HONOUR else None

    async def _read(self, request: Request) -> Response:
        return self._respond(self._status(request), request)

    async def _delete(self, request: Request) -> Response:
        _authenticate(request)
        status = self._status(request)
        self._statuses.delete(status.key)
        return self._respond(status, request)

    async def _verify_credentials(self, request: Request) -> Response:
        _authenticate(request)
        return JSONResponse(as_account(_ME, _server(request)))

    async def _read_timeline(self, request: Request) -> Response:
        if request.path_params["account"] != _ME.account_id:
            raise HTTPException(404, "Record not found")
        everything = self._statuses.newest_first()
        readable = everything if _is_authenticated(request) else [post for post in everything if _is_open(post)]
        page = page_of(readable, read_query(request.query_params))
        return JSONResponse([self._as_status(status, request) for status in page])

    async def _read_instance(self, request: Request) -> Response:
        return JSONResponse(_as_instance(self.limits.current, _server(request), request.url.netloc))

    async def _read_old_instance(self, request: Request) -> Response:
        return JSONResponse(_as_old_instance(self.limits.current, request.url.netloc))

    async def _upload(self, request: Request) -> Response:
        _authenticate(request)
        now = self.clock()
        medium, content = await _read_upload(request, str(self._ids.next(now)), now)
        self.uploads.add(medium, content)
        ready = self.limits.current.polls_until_processed == 0
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
        described = self.uploads.describe(self._medium(request).key, _check_description(form.get("description")))
        return JSONResponse(as_attachment(described, _server(request)))

    def _status(self, request: Request) -> StoredStatus:
        status = self._statuses.get(request.path_params["key"])
        if status is None or not (_is_open(status) or _is_authenticated(request)):
            raise HTTPException(404, "Record not found")
        return status

    def _medium(self, request: Request) -> UploadedMedia:
        medium = self.uploads.get(request.path_params["key"])
        if medium is None:
            raise HTTPException(404, "Record not found")
        return medium

    def _is_ready(self, key: str) -> bool | None:
        if self.uploads.get(key) is None:
            return None
        unready_polls = self.limits.current.polls_until_processed
        return unready_polls == 0 or self._polls[key] > unready_polls

    def _respond(self, status: StoredStatus, request: Request) -> Response:
        return JSONResponse(self._as_status(status, request))

    def _as_status(self, status: StoredStatus, request: Request) -> dict[str, object]:
        media = [medium for key in status.media if (medium := self.uploads.get(key))]
        return as_status(status, media, account=_ME, server=_server(request))

    def _display(self, status: StoredStatus) -> DisplayedPost:
        limits = self.limits.current
        links = [entity.value for entity in find_entities(status.text) if entity.kind == "url"]
        return DisplayedPost(
            key=status.key,
            parent=status.reply_to,
            author=_ME.name,
            handle=f"@{_ME.username}",
            created_at=status.created_at,
            text=status.text,
            spans=as_spans(status.text, "/mastodon"),
            length=length(status.text, status.spoiler, limits.characters_reserved_per_url),
            limit=limits.max_characters,
            url=f"/mastodon/@{_ME.username}/{status.key}",
            images=[self.image(key) for key in status.media],
            card=DisplayedCard.to(links[0]) if links and not status.media else None,
            warning=status.spoiler,
            note="" if status.visibility is PostVisibility.PUBLIC else status.visibility.value,
        )


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


async def _redirect_to_image(request: Request) -> Response:
    return RedirectResponse(f"/media/mastodon/{request.path_params['key']}")


async def _read_upload(request: Request, key: str, now: datetime) -> tuple[UploadedMedia, bytes]:
    """The image that was uploaded. Raises HTTPException 422 if there is none, or it is too large."""
    form = await request.form()
    file = form.get("file")
    if not isinstance(file, UploadFile):
        raise HTTPException(422, "Validation failed: File can't be blank")
    content = await file.read()
    mime = image_type(content)
    if mime is None:
        raise HTTPException(422, "Validation failed: File content type is invalid")
    if len(content) > _MAX_IMAGE_BYTES:
        raise HTTPException(422, f"Validation failed: File file size must be less than {_MAX_IMAGE_BYTES} bytes")
    description = form.get("description")
    alt = None if description is None else _check_description(description)
    return UploadedMedia(key=key, mime=mime, size=len(content), uploaded_at=now, alt=alt), content


def _check_description(description: object) -> str:
    """The alternative text. Raises HTTPException 422 if it is none, or too long."""
    if not isinstance(description, str) or len(description) > _MAX_DESCRIPTION:
        raise HTTPException(422, f"Validation failed: Description must be text of up to {_MAX_DESCRIPTION} characters")
    return description


def _as_instance(limits: MastodonLimits, server: str, domain: str) -> dict[str, Any]:
    """`GET /api/v2/instance`."""
    return {
        "domain": domain,
        "title": "Sandbox",
        "version": _VERSION,
        "source_url": server,
        "description": "An emulator of a Mastodon server",
        "languages": ["en"],
        "configuration": _configuration(limits),
        "api_versions": {"mastodon": 7},
        "rules": [],
    }


def _as_old_instance(limits: MastodonLimits, domain: str) -> dict[str, Any]:
    """`GET /api/v1/instance`."""
    return {
        "uri": domain,
        "title": "Sandbox",
        "short_description": "An emulator of a Mastodon server",
        "version": _VERSION,
        "languages": ["en"],
        "configuration": _configuration(limits),
        "rules": [],
    }


def _configuration(limits: MastodonLimits) -> dict[str, Any]:
    return {
        "statuses": {
            "max_characters": limits.max_characters,
            "max_media_attachments": limits.max_media_attachments,
            "characters_reserved_per_url": limits.characters_reserved_per_url,
        },
        "media_attachments": {
            "supported_mime_types": list(_IMAGE_TYPES),
            "description_limit": _MAX_DESCRIPTION,
            "image_size_limit": _MAX_IMAGE_BYTES,
        },
    }
