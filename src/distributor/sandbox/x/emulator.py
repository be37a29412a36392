"""A stand-in for X: the v2 calls that a publisher needs, with X's rules, limits and refusals."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from distributor.sandbox import accounts
from distributor.sandbox.request_gate import Clock, RequestGate
from distributor.sandbox.faults import FaultStage, Switches
from distributor.sandbox.media import UploadStore
from distributor.sandbox.ids import x_snowflakes
from distributor.sandbox.json_store import JsonStore
from distributor.sandbox.rates import Allowance, RateWindow
from distributor.sandbox.display import DisplayedImage, DisplayedPost, LinkCard, permalink
from distributor.sandbox.limits import TermsBook, describe_errors
from distributor.sandbox.x.answers import not_found, rate_headers, refuse, refuse_unrouted
from distributor.sandbox.x.oauth1 import PUBLIC_BASES, SignatureCheck, SignedCall, decode_form
from distributor.sandbox.x.posts import RuleContext, PostBody, XPost, as_resource, check_new_post
from distributor.sandbox.x.text import as_spans, expand, find_entities, weighted_length
from distributor.sandbox.x.timeline import page_of, read_fields, read_query
from distributor.sandbox.x.uploads import MetadataBody, UploadBody, as_upload, read_upload

BodyT = TypeVar("BodyT", bound=BaseModel)


class XEmulator:
    """X with one account. Its state lives in `folder`."""

    def __init__(self, folder: Path, *, switches: Switches, terms: TermsBook, clock: Clock) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._terms = terms
        self._clock = clock
        self._posts = JsonStore(folder / "posts.jsonl", XPost)
        self.media = UploadStore(folder / "media")
        self._ids = x_snowflakes()
        self._ids.resume_after(max((int(post.key) for post in self._posts.oldest_first()), default=0))
        self._signatures = SignatureCheck(accounts.X)
        self._windows = {stage: RateWindow() for stage in FaultStage}
        self.app = self._routes(
            RequestGate(
                service="x",
                switches=switches,
                clock=clock,
                refuse=refuse,
                count=self._count,
                rate_headers=rate_headers,
            )
        )

    def shown(self) -> list[DisplayedPost]:
        """The account's posts as readers see them, oldest first."""
        return [self._shown(post) for post in self._posts.oldest_first()]

    def close(self) -> None:
        """Let go of the files."""
        self._posts.close()
        self.media.close()

    def _routes(self, desk: RequestGate) -> Starlette:
        return Starlette(
            routes=[
                desk.route("/2/tweets", self._create_post, method="POST", stage=FaultStage.POST),
                desk.route("/2/tweets/{key}", self._read_post),
                desk.route("/2/tweets/{key}", self._delete_post, method="DELETE", stage=FaultStage.DELETE),
                desk.route("/2/users/me", self._read_me),
                desk.route("/2/users/{user}/tweets", self._read_timeline),
                desk.route("/2/media/upload", self._upload, method="POST", stage=FaultStage.MEDIA),
                desk.route("/2/media/metadata", self._describe, method="POST", stage=FaultStage.MEDIA),
                permalink(f"/{accounts.X.username}/status/{{key}}", "x", "{key}"),
                permalink("/i/web/status/{key}", "x", "{key}"),
            ],
            exception_handlers={HTTPException: refuse_unrouted},
        )

    async def _create_post(self, request: Request) -> Response:
        await self._authenticate(request)
        body = await _read_body(request, PostBody)
        house = self._house()
        text = check_new_post(body, house)
        key = str(self._ids.next(house.now))
        parent = self._posts.get(body.reply.in_reply_to_tweet_id) if body.reply else None
        post = XPost(
            key=key,
            text=text,
            created_at=house.now,
            thread=parent.thread if parent else key,
            reply_to=parent.key if parent else None,
            media=tuple(body.media.media_ids) if body.media else (),
        )
        self._posts.put(post)
        return JSONResponse({"data": as_resource(post, house)}, HTTPStatus.CREATED)

    async def _read_post(self, request: Request) -> Response:
        await self._authenticate(request)
        fields = read_fields(request.query_params)
        post = self._posts.get(request.path_params["key"])
        if post is None:
            return JSONResponse({"errors": [not_found("tweet", "id", request.path_params["key"])]})
        return JSONResponse({"data": as_resource(post, self._house(), fields)})

    async def _delete_post(self, request: Request) -> Response:
        await self._authenticate(request)
        key = request.path_params["key"]
        if self._posts.get(key) is None:
            return JSONResponse({"errors": [not_found("tweet", "id", key)]})
        self._posts.delete(key)
        return JSONResponse({"data": {"deleted": True}})

    async def _read_me(self, request: Request) -> Response:
        await self._authenticate(request)
        account = accounts.X
        return JSONResponse({"data": {"id": account.user_id, "name": account.name, "username": account.username}})

    async def _read_timeline(self, request: Request) -> Response:
        await self._authenticate(request)
        query = read_query(request.query_params)
        user = request.path_params["user"]
        if user != accounts.X.user_id:
            return JSONResponse({"errors": [not_found("user", "id", user)]})
        page, meta = page_of(self._posts.newest_first(), query)
        house = self._house()
        found = [as_resource(post, house, query.fields) for post in page]
        return JSONResponse(({"data": found} if found else {}) | {"meta": meta})

    async def _upload(self, request: Request) -> Response:
        await self._authenticate(request)
        now = self._clock()
        medium, content = read_upload(await _read_body(request, UploadBody), str(self._ids.next(now)), now)
        self.media.keep(medium, content)
        return JSONResponse({"data": as_upload(medium)})

    async def _describe(self, request: Request) -> Response:
        await self._authenticate(request)
        body = await _read_body(request, MetadataBody)
        if self.media.get(body.id) is None:
            raise HTTPException(400, f"id: there is no media {body.id}")
        self.media.describe(body.id, body.metadata.alt_text.text)
        return JSONResponse({"data": {"id": body.id, "associated_metadata": body.metadata.model_dump()}})

    async def _authenticate(self, request: Request) -> None:
        authorization = request.headers.get("authorization", "")
        if authorization == f"Bearer {accounts.X.bearer_token}":
            return
        self._signatures.check(await _signed_call(request, authorization), self._clock())

    def _house(self) -> RuleContext:
        return RuleContext(account=accounts.X, terms=self._terms.x, posts=self._posts, media=self.media, now=self._clock())

    def _count(self, stage: FaultStage, points: int, now: datetime) -> Allowance:
        terms = self._terms.x
        limits = {
            FaultStage.POST: terms.posts_per_window,
            FaultStage.DELETE: terms.deletes_per_window,
            FaultStage.MEDIA: terms.uploads_per_window,
        }
        limit = limits.get(stage, terms.reads_per_window)
        return self._windows[stage].spend(points, now, limit=limit, seconds=terms.window_seconds)

    def _shown(self, post: XPost) -> DisplayedPost:
        links = [entity.value for entity in find_entities(post.text) if entity.kind == "url"]
        url = expand(links[-1]) if links and not post.media else None
        return DisplayedPost(
            key=post.key,
            parent=post.reply_to,
            author=accounts.X.name,
            handle=f"@{accounts.X.username}",
            created_at=post.created_at,
            text=post.text,
            pieces=as_spans(post.text),
            length=weighted_length(post.text),
            limit=self._terms.x.max_weighted_length,
            url=f"/x/{accounts.X.username}/status/{post.key}",
            pictures=[self._picture(key) for key in post.media],
            card=LinkCard.to(url) if url else None,
        )

    def _picture(self, key: str) -> DisplayedImage:
        medium = self.media.get(key)
        return DisplayedImage(path=f"/media/x/{key}", alt=(medium and medium.alt) or "")


async def _signed_call(request: Request, authorization: str) -> SignedCall:
    path = request.url.path
    bare = path.removeprefix(request.scope.get("root_path", ""))
    own = f"{request.url.scheme}://{request.url.netloc}{path}"
    parameters = decode_form(request.url.query)
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        parameters += decode_form((await request.body()).decode("utf-8", "replace"))
    return SignedCall(
        method=request.method,
        urls=[*(base + bare for base in PUBLIC_BASES), own],
        parameters=parameters,
        authorization=authorization,
    )


async def _read_body(request: Request, model: type[BodyT]) -> BodyT:
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise HTTPException(400, "the body must be application/json")
    try:
        return model.model_validate_json(await request.body())
    except ValidationError as error:
        raise HTTPException(400, describe_errors(error)) from None
