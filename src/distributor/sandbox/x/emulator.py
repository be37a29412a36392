"""An emulator of X: the v2 calls that a publisher needs, with X's rules, limits and refusals."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from distributor.sandbox.display import DisplayedCard, DisplayedPost
from distributor.sandbox.emulator import Emulator
from distributor.sandbox.faults import FaultStage, Switches
from distributor.sandbox.ids import x_snowflakes
from distributor.sandbox.limits import Allowance, describe_errors
from distributor.sandbox.request_gate import Clock, RequestGate, status_phrase
from distributor.sandbox.x.account import X_ACCOUNT, XLimits
from distributor.sandbox.x.oauth1 import PUBLIC_BASES, SignatureCheck, SignedCall, decode_form
from distributor.sandbox.x.posts import PostBody, RuleContext, XPost, as_resource, check_new_post
from distributor.sandbox.x.text import as_spans, expand, find_entities, weighted_length
from distributor.sandbox.x.timeline import page_of, read_fields, read_query
from distributor.sandbox.x.uploads import MetadataBody, UploadBody, as_upload, read_upload

BodyT = TypeVar("BodyT", bound=BaseModel)
_PROBLEMS = "https://api.twitter.com/2/problems"


class XEmulator(Emulator[XLimits]):
    """X with one account."""

    kind = "x"
    title = "X"
    limits_model = XLimits

    def __init__(self, folder: Path, *, switches: Switches, clock: Clock) -> None:
        super().__init__(folder, switches=switches, clock=clock)
        self._posts = self.open_store("posts.jsonl", XPost)
        self._ids = x_snowflakes()
        self._ids.resume_after(max((int(post.key) for post in self._posts.oldest_first()), default=0))
        self._signatures = SignatureCheck(X_ACCOUNT)

    @classmethod
    def channel_settings(cls, base_url: str) -> dict[str, Any]:
        return {
            "api_url": base_url,
            "web_url": base_url,
            "handle": f"@{X_ACCOUNT.username}",
            "user_id": X_ACCOUNT.user_id,
            "consumer_key": X_ACCOUNT.consumer_key,
            "consumer_secret": X_ACCOUNT.consumer_secret,
            "access_token": X_ACCOUNT.access_token,
            "access_token_secret": X_ACCOUNT.access_token_secret,
        }

    def routes(self, gate: RequestGate) -> list[Route]:
        return [
            gate.route("/2/tweets", self._create_post, method="POST", stage=FaultStage.POST),
            gate.route("/2/tweets/{key}", self._read_post),
            gate.route("/2/tweets/{key}", self._delete_post, method="DELETE", stage=FaultStage.DELETE),
            gate.route("/2/users/me", self._read_me),
            gate.route("/2/users/{user}/tweets", self._read_timeline),
            gate.route("/2/media/upload", self._upload, method="POST", stage=FaultStage.MEDIA),
            gate.route("/2/media/metadata", self._describe, method="POST", stage=FaultStage.MEDIA),
            self.permalink(f"/{X_ACCOUNT.username}/status/{{key}}", "{key}"),
            self.permalink("/i/web/status/{key}", "{key}"),
        ]

    def refuse(self, refusal: HTTPException) -> Response:
        """X's problem details: 400 in the form of invalid requests, all others as plain problems."""
        status = refusal.status_code
        if status != HTTPStatus.BAD_REQUEST:
            problem = {
                "title": status_phrase(status),
                "detail": refusal.detail,
                "type": "about:blank",
                "status": status,
            }
            return JSONResponse(problem, status)
        problem = {
            "errors": [{"parameters": {}, "message": refusal.detail}],
            "title": "Invalid Request",
            "detail": "One or more parameters to your request was invalid.",
            "type": f"{_PROBLEMS}/invalid-request",
        }
        return JSONResponse(problem, status)

    def count(self, stage: FaultStage, points: int, now: datetime) -> Allowance:
        limits = self.limits.current
        limit = {
            FaultStage.POST: limits.posts_per_window,
            FaultStage.DELETE: limits.deletes_per_window,
            FaultStage.MEDIA: limits.uploads_per_window,
        }.get(stage, limits.reads_per_window)
        return self.spend(stage, points, now, limit=limit, seconds=limits.window_seconds)

    def rate_headers(self, allowance: Allowance) -> Mapping[str, str]:
        """Limit, what remains, and when the window ends, in seconds since 1970."""
        return {
            "x-rate-limit-limit": str(allowance.limit),
            "x-rate-limit-remaining": str(allowance.remaining),
            "x-rate-limit-reset": str(int(allowance.reset_at.timestamp())),
        }

    def posts(self) -> list[DisplayedPost]:
        return [self._display(post) for post in self._posts.oldest_first()]

    async def _create_post(self, request: Request) -> Response:
        await self._authenticate(request)
        body = await _read_body(request, PostBody)
        context = self._rule_context()
        text = check_new_post(body, context)
        key = str(self._ids.next(context.now))
        parent = self._posts.get(body.reply.in_reply_to_tweet_id) if body.reply else None
        post = XPost(
            key=key,
            text=text,
            created_at=context.now,
            thread=parent.thread if parent else key,
            reply_to=parent.key if parent else None,
            media=tuple(body.media.media_ids) if body.media else (),
        )
        self._posts.put(post)
        return JSONResponse({"data": as_resource(post, context)}, HTTPStatus.CREATED)

    async def _read_post(self, request: Request) -> Response:
        await self._authenticate(request)
        fields = read_fields(request.query_params)
        post = self._posts.get(request.path_params["key"])
        if post is None:
            return JSONResponse({"errors": [_not_found("tweet", "id", request.path_params["key"])]})
        return JSONResponse({"data": as_resource(post, self._rule_context(), fields)})

    async def _delete_post(self, request: Request) -> Response:
        await self._authenticate(request)
        key = request.path_params["key"]
        if self._posts.get(key) is None:
            return JSONResponse({"errors": [_not_found("tweet", "id", key)]})
        self._posts.delete(key)
        return JSONResponse({"data": {"deleted": True}})

    async def _read_me(self, request: Request) -> Response:
        await self._authenticate(request)
        account = X_ACCOUNT
        return JSONResponse({"data": {"id": account.user_id, "name": account.name, "username": account.username}})

    async def _read_timeline(self, request: Request) -> Response:
        await self._authenticate(request)
        query = read_query(request.query_params)
        user = request.path_params["user"]
        if user != X_ACCOUNT.user_id:
            return JSONResponse({"errors": [_not_found("user", "id", user)]})
        page, meta = page_of(self._posts.newest_first(), query)
        context = self._rule_context()
        found = [as_resource(post, context, query.fields) for post in page]
        return JSONResponse(({"data": found} if found else {}) | {"meta": meta})

    async def _upload(self, request: Request) -> Response:
        await self._authenticate(request)
        now = self.clock()
        medium, content = read_upload(await _read_body(request, UploadBody), str(self._ids.next(now)), now)
        self.uploads.add(medium, content)
        return JSONResponse({"data": as_upload(medium)})

    async def _describe(self, request: Request) -> Response:
        await self._authenticate(request)
        body = await _read_body(request, MetadataBody)
        if self.uploads.get(body.id) is None:
            raise HTTPException(400, f"id: there is no media {body.id}")
        self.uploads.describe(body.id, body.metadata.alt_text.text)
        return JSONResponse({"data": {"id": body.id, "associated_metadata": body.metadata.model_dump()}})

    async def _authenticate(self, request: Request) -> None:
        authorization = request.headers.get("authorization", "")
        if authorization == f"Bearer {X_ACCOUNT.bearer_token}":
            return
        self._signatures.check(await _signed_call(request, authorization), self.clock())

    def _rule_context(self) -> RuleContext:
        return RuleContext(
            account=X_ACCOUNT, limits=self.limits.current, posts=self._posts, uploads=self.uploads, now=self.clock()
        )

    def _display(self, post: XPost) -> DisplayedPost:
        links = [entity.value for entity in find_entities(post.text) if entity.kind == "url"]
        url = expand(links[-1]) if links and not post.media else None
        return DisplayedPost(
            key=post.key,
            parent=post.reply_to,
            author=X_ACCOUNT.name,
            handle=f"@{X_ACCOUNT.username}",
            created_at=post.created_at,
            text=post.text,
            spans=as_spans(post.text),
            length=weighted_length(post.text),
            limit=self.limits.current.max_weighted_length,
            url=f"/x/{X_ACCOUNT.username}/status/{post.key}",
            images=[self.image(key) for key in post.media],
            card=DisplayedCard.to(url) if url else None,
        )


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


def _not_found(resource: str, parameter: str, value: str) -> dict[str, Any]:
    """X responds with 200 and this content to a look-up of something that does not exist."""
    return {
        "value": value,
        "detail": f"Could not find {resource} with {parameter}: [{value}].",
        "title": "Not Found Error",
        "resource_type": resource,
        "parameter": parameter,
        "resource_id": value,
        "type": f"{_PROBLEMS}/resource-not-found",
    }
