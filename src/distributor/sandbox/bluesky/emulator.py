"""An emulator of a Bluesky PDS: the XRPC methods that a publisher needs, with their rules, limits and refusals."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from distributor.sandbox.bluesky.account import BLUESKY_ACCOUNT, BlueskyLimits
from distributor.sandbox.bluesky.bodies import CreateBody, DeleteBody, Login, PutBody, check_repo, own_key, read_body
from distributor.sandbox.bluesky.cid import cid_of_blob, cid_of_record
from distributor.sandbox.bluesky.posts import POST, PostRecord, StoredRecord, check_post
from distributor.sandbox.bluesky.reader import as_displayed_post
from distributor.sandbox.bluesky.sessions import Sessions, UsedToken
from distributor.sandbox.display import DisplayedPost
from distributor.sandbox.emulator import Emulator
from distributor.sandbox.faults import HTTP_FAULTS, FaultProfile, FaultStage, Switches
from distributor.sandbox.ids import tid, tid_numbers
from distributor.sandbox.limits import Allowance
from distributor.sandbox.media import UploadedMedia, image_type
from distributor.sandbox.request_gate import Clock, Handler, RequestGate

_ME = BLUESKY_ACCOUNT
_MAX_UPLOAD_BYTES = 5 * 1024 * 1024
_MAX_LISTED = 100
_ERROR_NAMES: Mapping[int, str] = {
    HTTPStatus.UNAUTHORIZED: "AuthenticationRequired",
    HTTPStatus.FORBIDDEN: "Forbidden",
    HTTPStatus.TOO_MANY_REQUESTS: "RateLimitExceeded",
    HTTPStatus.INTERNAL_SERVER_ERROR: "InternalServerError",
    HTTPStatus.NOT_IMPLEMENTED: "MethodNotImplemented",
    HTTPStatus.BAD_GATEWAY: "UpstreamFailure",
    HTTPStatus.SERVICE_UNAVAILABLE: "NotEnoughResources",
}


class BlueskyEmulator(Emulator[BlueskyLimits]):
    """A PDS with one account."""

    kind = "bluesky"
    title = "Bluesky"
    fault_profile = FaultProfile(stages=(*HTTP_FAULTS.stages, FaultStage.LOGIN))
    uploads_folder = "blobs"
    limits_model = BlueskyLimits

    def __init__(self, folder: Path, *, switches: Switches, clock: Clock) -> None:
        super().__init__(folder, switches=switches, clock=clock)
        self._records = self.open_store("records.jsonl", StoredRecord)
        self._numbers = tid_numbers()
        self._sessions = Sessions(account=_ME, used=self.open_store("used-tokens.jsonl", UsedToken))

    @classmethod
    def channel_settings(cls, base_url: str) -> dict[str, Any]:
        return {
            "service_url": base_url,
            "web_url": base_url,
            "handle": _ME.handle,
            "app_password": _ME.app_password,
        }

    def routes(self, gate: RequestGate) -> list[Route]:
        def query(name: str, handler: Handler) -> Route:
            return gate.route(f"/xrpc/{name}", handler)

        def procedure(name: str, handler: Handler, stage: FaultStage, points: int = 1) -> Route:
            return gate.route(f"/xrpc/{name}", handler, method="POST", stage=stage, points=points)

        return [
            procedure("com.atproto.server.createSession", self._create_session, FaultStage.LOGIN),
            procedure("com.atproto.server.refreshSession", self._refresh_session, FaultStage.LOGIN),
            query("com.atproto.server.getSession", self._get_session),
            query("com.atproto.server.describeServer", self._describe_server),
            query("com.atproto.identity.resolveHandle", self._resolve_handle),
            procedure("com.atproto.repo.putRecord", self._put_record, FaultStage.POST, points=2),
            procedure("com.atproto.repo.createRecord", self._create_record, FaultStage.POST, points=3),
            procedure("com.atproto.repo.deleteRecord", self._delete_record, FaultStage.DELETE),
            query("com.atproto.repo.getRecord", self._get_record),
            query("com.atproto.repo.listRecords", self._list_records),
            procedure("com.atproto.repo.uploadBlob", self._upload_blob, FaultStage.MEDIA),
            self.permalink("/profile/{who}/post/{rkey}", _uri(f"{POST}/{{rkey}}")),
        ]

    def refuse(self, refusal: HTTPException) -> Response:
        """An error has a name and a message. A detail of the form `Name: message` gives both."""
        name, colon, message = refusal.detail.partition(": ")
        if not colon or " " in name:
            name, message = _ERROR_NAMES.get(refusal.status_code, "InvalidRequest"), refusal.detail
        return JSONResponse({"error": name, "message": message}, refusal.status_code)

    def refuse_unrouted(self, refusal: HTTPException) -> Response:
        """A method that does not exist is 501."""
        if refusal.status_code == HTTPStatus.NOT_FOUND:
            return self.refuse(HTTPException(501, "Method Not Implemented"))
        return self.refuse(refusal)

    def count(self, stage: FaultStage, points: int, now: datetime) -> Allowance:
        limits = self.limits.current
        if stage in (FaultStage.POST, FaultStage.DELETE):
            return self.spend("writes", points, now, limit=limits.points_per_hour, seconds=3600)
        if stage is FaultStage.LOGIN:
            return self.spend("logins", points, now, limit=limits.logins_per_window, seconds=limits.window_seconds)
        return self.spend("calls", points, now, limit=limits.calls_per_window, seconds=limits.window_seconds)

    def rate_headers(self, allowance: Allowance) -> Mapping[str, str]:
        """Limit, what remains, and when the window ends, in seconds since 1970."""
        return {
            "ratelimit-limit": str(allowance.limit),
            "ratelimit-remaining": str(allowance.remaining),
            "ratelimit-reset": str(int(allowance.reset_at.timestamp())),
        }

    def posts(self) -> list[DisplayedPost]:
        return [
            as_displayed_post(record, PostRecord.model_validate(record.value), _uri(record.key), _ME)
            for record in self._records.oldest_first()
        ]

    async def _create_session(self, request: Request) -> Response:
        login = await read_body(request, Login)
        session = self._sessions.open(login.identifier, login.password, limits=self.limits.current, now=self.clock())
        return JSONResponse(session)

    async def _refresh_session(self, request: Request) -> Response:
        given = request.headers.get("authorization", "")
        return JSONResponse(self._sessions.refresh(given, limits=self.limits.current, now=self.clock()))

    async def _get_session(self, request: Request) -> Response:
        self._authenticate(request)
        return JSONResponse({"handle": _ME.handle, "did": _ME.did, "active": True})

    async def _describe_server(self, _request: Request) -> Response:
        return JSONResponse(
            {"did": "did:web:sandbox.test", "availableUserDomains": [".test"], "inviteCodeRequired": True}
        )

    async def _resolve_handle(self, request: Request) -> Response:
        if request.query_params.get("handle", "").lower() != _ME.handle:
            raise HTTPException(400, "InvalidRequest: Unable to resolve handle")
        return JSONResponse({"did": _ME.did})

    async def _put_record(self, request: Request) -> Response:
        self._authenticate(request)
        body = await read_body(request, PutBody)
        key = own_key(body, body.rkey)
        candidate = self._candidate(key, body.record)
        current = self._records.get(key)
        if current is not None and current.cid == candidate.cid:
            return JSONResponse(_written(current))
        if "swapRecord" in body.model_fields_set:
            _check_swap(body.swapRecord, current)
        self._records.put(candidate)
        return JSONResponse(_written(candidate) | {"commit": self._commit(), "validationStatus": "valid"})

    async def _create_record(self, request: Request) -> Response:
        self._authenticate(request)
        body = await read_body(request, CreateBody)
        key = own_key(body, body.rkey or tid(self._numbers.next(self.clock())))
        candidate = self._candidate(key, body.record)
        if self._records.get(key) is not None:
            raise HTTPException(500, "InternalServerError: Internal Server Error")
        self._records.put(candidate)
        return JSONResponse(_written(candidate) | {"commit": self._commit(), "validationStatus": "valid"})

    async def _delete_record(self, request: Request) -> Response:
        self._authenticate(request)
        body = await read_body(request, DeleteBody)
        key = own_key(body, body.rkey)
        current = self._records.get(key)
        if body.swapRecord is not None:
            _check_swap(body.swapRecord, current)
        if current is None:
            return JSONResponse({})
        self._records.delete(key)
        return JSONResponse({"commit": self._commit()})

    async def _get_record(self, request: Request) -> Response:
        query = request.query_params
        key = f"{query.get('collection')}/{query.get('rkey')}"
        check_repo(query.get("repo", ""))
        record = self._records.get(key)
        if record is None or query.get("cid", record.cid) != record.cid:
            raise HTTPException(400, f"RecordNotFound: Could not locate record: {_uri(key)}")
        return JSONResponse(_written(record) | {"value": record.value})

    async def _list_records(self, request: Request) -> Response:
        query = request.query_params
        check_repo(query.get("repo", ""))
        limit = query.get("limit", "50")
        if not re.fullmatch(r"[0-9]{1,9}", limit) or not 1 <= int(limit) <= _MAX_LISTED:
            raise HTTPException(400, f"InvalidRequest: limit must be a number from 1 to {_MAX_LISTED}")
        oldest_first = query.get("reverse") == "true"
        found = self._listed(query.get("collection", ""), query.get("cursor"), oldest_first=oldest_first)
        page = found[: int(limit)]
        cursor = {"cursor": page[-1].key.partition("/")[2]} if len(found) > len(page) else {}
        return JSONResponse({"records": [_written(record) | {"value": record.value} for record in page]} | cursor)

    async def _upload_blob(self, request: Request) -> Response:
        self._authenticate(request)
        content = await request.body()
        declared = request.headers.get("content-type", "")
        found = image_type(content)
        if len(content) > _MAX_UPLOAD_BYTES:
            raise HTTPException(413, "PayloadTooLarge: request entity too large")
        if found is None or declared != found:
            raise HTTPException(400, f"InvalidMimeType: the content is {found or 'no image'}, not {declared}")
        cid = cid_of_blob(content)
        self.uploads.add(UploadedMedia(key=cid, mime=found, size=len(content), uploaded_at=self.clock()), content)
        blob = {"$type": "blob", "ref": {"$link": cid}, "mimeType": found, "size": len(content)}
        return JSONResponse({"blob": blob})

    def _authenticate(self, request: Request) -> None:
        self._sessions.check_access(request.headers.get("authorization", ""), self.clock())

    def _candidate(self, key: str, record: dict[str, Any]) -> StoredRecord:
        """The record as it would be stored, if it is a post that may be."""
        check_post(record, find=self._find, blobs=self.uploads)
        try:
            cid = cid_of_record(record)
        except ValueError as error:
            raise HTTPException(400, f"InvalidRequest: {error}") from None
        return StoredRecord(key=key, cid=cid, value=record, stored_at=self.clock())

    def _find(self, uri: str) -> StoredRecord | None:
        return self._records.get(uri.removeprefix(f"at://{_ME.did}/"))

    def _commit(self) -> dict[str, str]:
        rev = tid(self._numbers.next(self.clock()))
        return {"cid": cid_of_record({"rev": rev}), "rev": rev}

    def _listed(self, collection: str, cursor: str | None, *, oldest_first: bool) -> list[StoredRecord]:
        """In the order of their keys, as a PDS lists them: from the cursor on, newest first unless `oldest_first`."""
        found = sorted(
            (record for record in self._records.oldest_first() if record.key.startswith(f"{collection}/")),
            key=lambda record: record.key,
            reverse=not oldest_first,
        )
        if cursor is None:
            return found
        start = f"{collection}/{cursor}"
        return [record for record in found if (record.key > start if oldest_first else record.key < start)]


def _check_swap(swap: str | None, current: StoredRecord | None) -> None:
    """The writer names the version it means to replace; None means that there must be none."""
    found = current.cid if current else None
    if found != swap:
        raise HTTPException(400, f"InvalidSwap: Record was at {found or 'null'}")


def _uri(key: str) -> str:
    return f"at://{_ME.did}/{key}"


def _written(record: StoredRecord) -> dict[str, Any]:
    return {"uri": _uri(record.key), "cid": record.cid}
