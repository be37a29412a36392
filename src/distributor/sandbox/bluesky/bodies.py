"""Request bodies of the PDS's procedures, and the record that a request names."""

from __future__ import annotations

import re
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request

from distributor.sandbox.bluesky.account import BLUESKY_ACCOUNT
from distributor.sandbox.bluesky.posts import POST
from distributor.sandbox.limits import describe_errors

_TID = re.compile(r"[234567abcdefghij][234567a-z]{12}")
BodyT = TypeVar("BodyT", bound=BaseModel)


class _Input(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class Login(_Input):
    """createSession."""

    identifier: str
    password: str


class RecordPath(_Input):
    """Where a record is. `swapRecord` given as null and not given are different things."""

    repo: str
    collection: str
    swapRecord: str | None = None  # noqa: N815 - the lexicon's name


class DeleteBody(RecordPath):
    """deleteRecord."""

    rkey: str


class PutBody(RecordPath):
    """putRecord."""

    rkey: str
    record: dict[str, Any]


class CreateBody(RecordPath):
    """createRecord."""

    rkey: str | None = None
    record: dict[str, Any]


async def read_body(request: Request, model: type[BodyT]) -> BodyT:
    """Raises HTTPException 400 if the body is no JSON, or not of this form."""
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise HTTPException(400, "InvalidRequest: Wrong request encoding (Content-Type), application/json is needed")
    try:
        return model.model_validate_json(await request.body())
    except ValidationError as error:
        raise HTTPException(400, f"InvalidRequest: {describe_errors(error)}") from None


def check_repo(repo: str) -> None:
    """Raises HTTPException 400 for any repository but the account's."""
    if repo not in (BLUESKY_ACCOUNT.did, BLUESKY_ACCOUNT.handle):
        raise HTTPException(400, f"InvalidRequest: Could not find repo: {repo}")


def own_key(place: RecordPath, rkey: str) -> str:
    """Collection and rkey of a post in the account's repository. Raises HTTPException 400 for any other place."""
    check_repo(place.repo)
    if place.collection != POST:
        raise HTTPException(400, f"InvalidRequest: the sandbox knows no collection but {POST}")
    if not _TID.fullmatch(rkey):
        raise HTTPException(400, f"InvalidRequest: rkey {rkey!r} is not a TID")
    return f"{place.collection}/{rkey}"
