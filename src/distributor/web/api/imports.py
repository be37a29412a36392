"""`/v1/imports`"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from distributor.domain.api_token import TokenScope
from distributor.domain.errors import ConfigurationError, InputError, NotFoundError
from distributor.domain.subscriber_import import (
    AttributeType,
    Import,
    ImportMode,
    ImportPlan,
    ImportSettings,
    ImportState,
)
from distributor.flow.app_context import AppContext
from distributor.flow.people.import_files import ImportFiles
from distributor.flow.people.import_people import cancel_import, plan_import
from distributor.storage import imports
from distributor.web.api.auth import App, RequestSlot, requires
from distributor.web.api.fields import MAX_BIGINT, Limit, Line, NumberInPath, RequiredText, ShortText
from distributor.web.api.problems import COMMON_PROBLEMS, problem_responses

router = APIRouter(prefix="/v1/imports", tags=["imports"], responses=COMMON_PROBLEMS)

# A line of a hundred octets for each of ten million people.
MAX_UPLOAD_BYTES = 1024 * 1024 * 1024
_PIECE = 1024 * 1024
_ATTRIBUTE = "attributes."


class ImportCountsOut(BaseModel):
    """What became of the rows read: `read` is the sum of the others."""

    read: int
    new: int
    changed: int
    unchanged: int
    skipped: int
    bad: int


class ImportOut(BaseModel):
    """An import, and how far it is."""

    id: int
    name: str
    list: str
    mode: ImportMode
    format: str
    is_dry_run: bool
    state: ImportState
    size: int = Field(description="Of the file, in octets.")
    position: int = Field(description="So many octets have come in.")
    counts: ImportCountsOut
    has_bad_rows: bool = Field(description="`GET /v1/imports/{number}/bad-rows` has them.")
    error: str = Field(description="Why it failed, or empty.")
    created_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, found: Import) -> ImportOut:
        return cls(
            id=found.id,
            name=found.name,
            list=found.list_slug,
            mode=found.plan.mode,
            format=found.plan.settings.format,
            is_dry_run=found.plan.is_dry_run,
            state=found.state,
            size=found.size,
            position=found.position,
            counts=ImportCountsOut.model_validate(found.counts, from_attributes=True),
            has_bad_rows=found.bad_size > 0,
            error=found.error,
            created_at=found.created_at,
            finished_at=found.finished_at,
        )


class ImportPage(BaseModel):
    """Imports, the newest first."""

    items: list[ImportOut]
    next: int | None = Field(description="Ask again with `before` set to this for the next page; null on the last.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """What the address of an upload says about it."""

    name: str
    plan: ImportPlan


def _upload(
    list_slug: Annotated[ShortText, Query(alias="list", description="The list these people are to be on.")],
    basis: Annotated[RequiredText, Query(description="How they agreed to mail, in a sentence; kept as each one's consent.")],
    name: Annotated[Line, Query(description="What the file is called.")] = "upload",
    mode: Annotated[
        ImportMode, Query(description="People known already are refused, filled in and changed, or passed by.")
    ] = ImportMode.UPDATE,
    format_: Annotated[ShortText, Query(alias="format", description="Default: told by the header.")] = "",
    column: Annotated[
        list[ShortText],
        Query(alias="map", max_length=200, description="HEADER=WHAT a column holds; may be repeated."),
    ] = [],  # noqa: B006 # FastAPI copies it
    type_: Annotated[
        list[ShortText],
        Query(alias="type", max_length=200, description="attributes.NAME=TYPE of its text; may be repeated."),
    ] = [],  # noqa: B006
    attributes_from_rest: Annotated[
        bool, Query(description="Whether columns that nobody has named become attributes.")
    ] = False,
    encoding: Annotated[ShortText, Query(description="Such as cp1252; default: found out.")] = "",
    delimiter: Annotated[Line, Query(description="One sign, or `tab`; default: found out.")] = "",
    dry_run: Annotated[bool, Query(description="Only count what would become of each row.")] = False,
) -> Upload:
    settings = ImportSettings(
        format=format_,
        encoding=encoding,
        delimiter="\t" if delimiter == "tab" else delimiter,
        columns=dict(_pair(one, "map") for one in column),
        types=dict(_typed(one) for one in type_),
        attributes_from_rest=attributes_from_rest,
    )
    plan = ImportPlan(list_slug=list_slug, basis=basis, mode=mode, settings=settings, is_dry_run=dry_run)
    return Upload(name=name, plan=plan)


@router.post(
    "",
    status_code=202,
    max_body_size=MAX_UPLOAD_BYTES,
    dependencies=[requires(TokenScope.IMPORTS_WRITE)],
    responses=problem_responses(404),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                media_type: {"schema": {"type": "string"}}
                for media_type in ("text/csv", "application/jsonl", "application/octet-stream")
            },
        }
    },
)
async def create_import(app: App, request: Request, upload: Annotated[Upload, Depends(_upload)]) -> ImportOut:
    """Send a file of people as the body; a worker brings them in.

    The same file sent again with the same parameters before it has ended is the same import.
    """
    with await run_in_threadpool(_open_beside, app) as file:
        async for piece in request.stream():
            await run_in_threadpool(file.write, piece)
        file.seek(0)
        async with request.app.state.turns:
            planned = await run_in_threadpool(
                plan_import, app, upload.plan, name=upload.name, pieces=iter(lambda: file.read(_PIECE), b"")
            )
    return ImportOut.of(planned)


@router.get("", dependencies=[RequestSlot, requires(TokenScope.IMPORTS_READ)])
def list_imports(
    app: App,
    limit: Limit = 50,
    before: Annotated[int | None, Query(ge=1, le=MAX_BIGINT, description="`next` of the page before.")] = None,
) -> ImportPage:
    """The imports, the newest first."""
    with app.database.begin() as connection:
        found = imports.listed(connection, limit=limit + 1, before_id=before)
    kept = found[:limit]
    return ImportPage(items=[ImportOut.of(one) for one in kept], next=kept[-1].id if len(found) > limit else None)


@router.get("/{number}", dependencies=[RequestSlot, requires(TokenScope.IMPORTS_READ)], responses=problem_responses(404))
def show_import(app: App, number: NumberInPath) -> ImportOut:
    """One import, and how far it is."""
    with app.database.begin() as connection:
        return ImportOut.of(imports.find(connection, number))


@router.post("/{number}/cancel", dependencies=[RequestSlot, requires(TokenScope.IMPORTS_WRITE)], responses=problem_responses(404))
def stop_import(app: App, number: NumberInPath) -> ImportOut:
    """End an import where it is; who has come in stays."""
    return ImportOut.of(cancel_import(app, number))


@router.get(
    "/{number}/bad-rows",
    dependencies=[RequestSlot, requires(TokenScope.IMPORTS_READ)],
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "The rows with line and reason; corrected, they can be imported as they are.",
            "content": {"text/csv": {"schema": {"type": "string"}}},
        },
        **problem_responses(404),
    },
)
def download_bad_rows(app: App, number: NumberInPath) -> StreamingResponse:
    """The rows nobody could be made of."""
    with app.database.begin() as connection:
        found = imports.find(connection, number)
    try:
        file = ImportFiles(app.imports_dir).bad_rows(number).open("rb")
    except FileNotFoundError:
        raise NotFoundError("file of bad rows of import", number) from None
    return StreamingResponse(
        _beginning(file, found.bad_size),
        media_type="text/csv",
        headers={"Content-Disposition": f'attachment; filename="import-{number}-bad-rows.csv"'},
    )


def _open_beside(app: AppContext) -> IO[bytes]:
    """A file without a name on the disk that has room for imports: it is gone with whoever has it open."""
    folder: Path = app.imports_dir
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return tempfile.TemporaryFile(dir=folder)
    except OSError as error:
        raise ConfigurationError(f"cannot write to {folder}: {error.strerror}") from error


def _beginning(file: IO[bytes], size: int) -> Iterator[bytes]:
    """The octets that are committed: more may be on their way behind them."""
    with file:
        while size > 0 and (piece := file.read(min(size, _PIECE))):
            size -= len(piece)
            yield piece


def _pair(text: str, parameter: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (equals and name and value):
        raise InputError(f"{parameter}: {text!r} is not NAME=VALUE")
    return name, value


def _typed(text: str) -> tuple[str, AttributeType]:
    name, value = _pair(text, "type")
    if value not in {kind.value for kind in AttributeType}:
        raise InputError(f"type: {value!r} is no type; there is {', '.join(AttributeType)}")
    return name.removeprefix(_ATTRIBUTE), AttributeType(value)
