"""A stand-in for a Bluesky PDS: the XRPC methods that a publisher needs, with their rules, limits and refusals."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from distributor.sandbox import accounts
from distributor.sandbox.bluesky.answers import rate_headers, refuse, refuse_unrouted
from distributor.sandbox.bluesky.bodies import CreateBody, DeleteBody, Login, PutBody, check_repo, own_key, read_body
from distributor.sandbox.bluesky.cid import cid_of_blob, cid_of_record
from distributor.sandbox.bluesky.posts import POST, PostRecord, StoredRecord, check_post
from distributor.sandbox.bluesky.reader import as_displayed_post
from distributor.sandbox.bluesky.sessions import Sessions, UsedToken
from distributor.sandbox.request_gate import Clock, RequestGate, Handler
from distributor.sandbox.faults import FaultStage, Switches
from distributor.sandbox.media import UploadStore, UploadedMedia, image_type
from distributor.sandbox.ids import tid, tid_numbers
from distributor.sandbox.json_store import JsonStore
from distributor.sandbox.rates import Allowance, RateWindow
from distributor.sandbox.display import DisplayedPost, permalink
from distributor.sandbox.limits import TermsBook

_ME = accounts.BLUESKY
_MAX_UPLOAD_BYTES = 5 * 1024 * 1024
_MAX_LISTED = 100


class BlueskyEmulator:
    """A PDS with one account. Its state lives in `folder`."""

    def __init__(self, folder: Path, *, switches: Switches, terms: TermsBook, clock: Clock) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._book = terms
        self._clock = clock
        self._records = JsonStore(folder / "records.jsonl", StoredRecord)
        self._used_tokens = JsonStore(folder / "used-tokens.jsonl", UsedToken)
        self.media = UploadStore(folder / "blobs")
        self._numbers = tid_numbers()
        self._sessions = Sessions(account=_ME, used=self._used_tokens)
        self._windows = {stage: RateWindow() for stage in FaultStage}
        self.app = self._routes(
            RequestGate(
                service="bluesky",
                switches=switches,
                clock=clock,
                refuse=refuse,
                count=self._count,
                rate_headers=rate_headers,
            )
        )

    def shown(self) -> list[DisplayedPost]:
        """The account's posts as readers see them, oldest first."""
        return [
            as_displayed_post(record, PostRecord.model_validate(record.value), _uri(record.key), _ME)
            for record in self._records.oldest_first()
        ]

    def close(self) -> None:
        """Let go of the files."""
        self._records.close()
        self._used_tokens.close()
        self.media.close()

    def _routes(self, desk: RequestGate) -> Starlette:
        def query(name: str, handler: Handler) -> Route:
            return desk.route(f"/xrpc/{name}", handler)

        def procedure(name: str, handler: Handler, stage: FaultStage, points: int = 1) -> Route:
            return desk.route(f"/xrpc/{name}", handler, method="POST", stage=stage, points=points)

        return Starlette(
            routes=[
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
                permalink("/profile/{who}/post/{rkey}", "bluesky", _uri(f"{POST}/{{rkey}}")),
            ],
            exception_handlers={HTTPException: refuse_unrouted},
        )

    async def _create_session(self, request: Request) -> Response:
        login = await read_body(request, Login)
        session = self._sessions.open(login.identifier, login.password, terms=self._book.bluesky, now=self._clock())
        return JSONResponse(session)

    async def _refresh_session(self, request: Request) -> Response:
        given = request.headers.get("authorization", "")
        return JSONResponse(self._sessions.refresh(given, terms=self._book.bluesky, now=self._clock()))

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
        key = own_key(body, body.rkey or tid(self._numbers.next(self._clock())))
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
        if not limit.isdecimal() or not 1 <= int(limit) <= _MAX_LISTED:
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
        self.media.keep(UploadedMedia(key=cid, mime=found, size=len(content), uploaded_at=self._clock()), content)
        blob = {"$type": "blob", "ref": {"$link": cid}, "mimeType": found, "size": len(content)}
        return JSONResponse({"blob": blob})

    def _authenticate(self, request: Request) -> None:
        self._sessions.check_access(request.headers.get("authorization", ""), self._clock())

    def _candidate(self, key: str, record: dict[str, Any]) -> StoredRecord:
        """The record as it would be stored, if it is a post that may be."""
        check_post(record, find=self._find, blobs=self.media)
        try:
            cid = cid_of_record(record)
        except ValueError as error:
            raise HTTPException(400, f"InvalidRequest: {error}") from None
        return StoredRecord(key=key, cid=cid, value=record, stored_at=self._clock())

    def _find(self, uri: str) -> StoredRecord | None:
        return self._records.get(uri.removeprefix(f"at://{_ME.did}/"))

    def _commit(self) -> dict[str, str]:
        rev = tid(self._numbers.next(self._clock()))
        return {"cid": cid_of_record({"rev": rev}), "rev": rev}

    def _listed(self, collection: str, cursor: str | None, *, oldest_first: bool) -> list[StoredRecord]:
        """In the order of their keys, as a PDS lists them: from the cursor on, the newest first unless turned round."""
        found = sorted(
            (record for record in self._records.oldest_first() if record.key.startswith(f"{collection}/")),
            key=lambda record: record.key,
            reverse=not oldest_first,
        )
        if cursor is None:
            return found
        start = f"{collection}/{cursor}"
        return [record for record in found if (record.key > start if oldest_first else record.key < start)]

    def _count(self, stage: FaultStage, points: int, now: datetime) -> Allowance:
        terms = self._book.bluesky
        if stage in (FaultStage.POST, FaultStage.DELETE):
            return self._windows[FaultStage.POST].spend(points, now, limit=terms.points_per_hour, seconds=3600)
        if stage is FaultStage.LOGIN:
            limit = terms.logins_per_window
            return self._windows[stage].spend(points, now, limit=limit, seconds=terms.window_seconds)
        limit = terms.calls_per_window
        return self._windows[FaultStage.READ].spend(points, now, limit=limit, seconds=terms.window_seconds)


def _check_swap(swap: str | None, current: StoredRecord | None) -> None:
    """The writer names the version it means to replace; None means that there must be none."""
    found = current.cid if current else None
    if found != swap:
        raise HTTPException(400, f"InvalidSwap: Record was at {found or 'null'}")


def _uri(key: str) -> str:
    return f"at://{_ME.did}/{key}"


def _written(record: StoredRecord) -> dict[str, Any]:
    return {"uri": _uri(record.key), "cid": record.cid}
