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

from distributor.domain.api_token import ApiToken, TokenScope
from distributor.domain.errors import ConfigurationError, InputError, NotFoundError
from distributor.domain.subscriber_import import (
    AttributeType,
    ColumnSource,
    FileScan,
    Import,
    ImportMode,
    ImportOutcome,
    ImportPlan,
    ImportSettings,
    ImportState,
)
from distributor.flow.app_context import AppContext
from distributor.flow.people.import_files import ImportFiles
from distributor.flow.people.import_people import cancel_import, plan_import
from distributor.private_files import make_private_folder
from distributor.storage import imports
from distributor.web.api.auth import App, RequestSlot, requires, text_for
from distributor.web.api.fields import MAX_BIGINT, IdInPath, Limit, Line, RequiredText, ShortText
from distributor.web.api.problems import COMMON_PROBLEMS, problem_responses

router = APIRouter(prefix="/v1/imports", tags=["imports"], responses=COMMON_PROBLEMS)

# A line of a hundred bytes for each of ten million subscribers.
MAX_UPLOAD_BYTES = 1024 * 1024 * 1024
_CHUNK_BYTES = 1024 * 1024
_ATTRIBUTE = "attributes."

ReadToken = Annotated[ApiToken, requires(TokenScope.IMPORTS_READ)]


class ImportCountsOut(BaseModel):
    """What happened to the rows read: `read` is the sum of the others."""

    read: int
    new: int
    changed: int
    unchanged: int
    skipped: int
    bad: int


class ColumnUseOut(BaseModel):
    """What a column of the file is used for."""

    header: str
    target: str = Field(description="`ignore` if it is passed over.")
    source: ColumnSource


class WordUseOut(BaseModel):
    """A word in a column that says who wants mail."""

    header: str
    word: str
    rows: int = Field(description="How many rows have it.")
    meaning: str = Field(description="What rows with it become; `ignore` if passed over, empty if rejected.")


class FileScanOut(BaseModel):
    """How the file was understood before the first row was imported."""

    columns: list[ColumnUseOut]
    words: list[WordUseOut]

    @classmethod
    def of(cls, scan: FileScan, token: ApiToken) -> FileScanOut:
        return cls(
            columns=[
                ColumnUseOut(header=text_for(token, use.header), target=text_for(token, use.target), source=use.source)
                for use in scan.columns
            ],
            words=[
                WordUseOut(
                    header=text_for(token, word.header),
                    word=text_for(token, word.word),
                    rows=word.rows,
                    meaning=word.meaning,
                )
                for word in scan.words
            ],
        )


class ImportOut(BaseModel):
    """An import and its progress."""

    id: int
    name: str
    list: str
    mode: ImportMode
    format: str
    is_dry_run: bool
    state: ImportState
    size: int = Field(description="The size of the file in bytes.")
    position: int = Field(description="How many bytes have been imported.")
    counts: ImportCountsOut
    outcomes: dict[ImportOutcome, int] = Field(description="What the file says of the people imported so far.")
    skip_reasons: dict[str, int] = Field(description="How many rows were passed over, by reason.")
    scan: FileScanOut
    has_bad_rows: bool = Field(description="`GET /v1/imports/{import_id}/bad-rows` has them.")
    error: str = Field(description="Why it failed, or empty.")
    created_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, found: Import, token: ApiToken) -> ImportOut:
        return cls(
            id=found.id,
            name=text_for(token, found.name),
            list=found.list_slug,
            mode=found.plan.mode,
            format=found.plan.settings.format,
            is_dry_run=found.plan.is_dry_run,
            state=found.state,
            size=found.size,
            position=found.position,
            counts=ImportCountsOut.model_validate(found.counts, from_attributes=True),
            outcomes={ImportOutcome(outcome): rows for outcome, rows in found.outcomes.items()},
            skip_reasons=dict(found.skip_reasons),
            scan=FileScanOut.of(found.scan, token),
            has_bad_rows=found.bad_size > 0,
            error=text_for(token, found.error),
            created_at=found.created_at,
            finished_at=found.finished_at,
        )


class ImportPage(BaseModel):
    """A page of imports, newest first."""

    items: list[ImportOut]
    next: int | None = Field(description="The value of `before` for the next page; null on the last.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """What the query of an upload says about the file."""

    name: str
    plan: ImportPlan


def _upload(
    list_slug: Annotated[ShortText, Query(alias="list", description="The list to add the subscribers to.")],
    basis: Annotated[RequiredText, Query(description="How they consented; stored as each one's consent.")],
    name: Annotated[Line, Query(description="The name of the file.")] = "upload",
    mode: Annotated[
        ImportMode,
        Query(description="What to do with existing subscribers: reject the row, update them, or skip the row."),
    ] = ImportMode.UPDATE,
    format_: Annotated[ShortText, Query(alias="format", description="Default: detected from the header.")] = "",
    column: Annotated[
        list[ShortText],
        Query(alias="map", max_length=200, description="HEADER=FIELD of a column; may be repeated."),
    ] = [],  # noqa: B006 # FastAPI copies it
    map_status: Annotated[
        list[ShortText],
        Query(
            max_length=200,
            description="WORD=STATUS, what a word in a column of states means: an ImportOutcome, or `ignore` to pass "
            "the rows over; may be repeated.",
        ),
    ] = [],  # noqa: B006
    type_: Annotated[
        list[ShortText],
        Query(alias="type", max_length=200, description="attributes.NAME=TYPE; may be repeated."),
    ] = [],  # noqa: B006
    attributes_from_rest: Annotated[
        bool, Query(description="Whether all other columns are imported as attributes.")
    ] = False,
    encoding: Annotated[
        ShortText, Query(description="A label of the WHATWG Encoding Standard; default: as the whole file shows.")
    ] = "",
    delimiter: Annotated[Line, Query(description="One character, or `tab`; default: detected.")] = "",
    dry_run: Annotated[bool, Query(description="Only report what would happen to each row.")] = False,
) -> Upload:
    settings = ImportSettings(
        format=format_,
        encoding=encoding,
        delimiter="\t" if delimiter == "tab" else delimiter,
        columns=dict(_pair(one, "map") for one in column),
        types=dict(_typed(one) for one in type_),
        statuses=dict(_status_word(one) for one in map_status),
        attributes_from_rest=attributes_from_rest,
    )
    plan = ImportPlan(list_slug=list_slug, basis=basis, mode=mode, settings=settings, is_dry_run=dry_run)
    return Upload(name=name, plan=plan)


@router.post(
    "",
    status_code=202,
    max_body_size=MAX_UPLOAD_BYTES,
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
async def create_import(
    app: App,
    request: Request,
    upload: Annotated[Upload, Depends(_upload)],
    token: Annotated[ApiToken, requires(TokenScope.IMPORTS_WRITE)],
) -> ImportOut:
    """Start an import: the request body is the file, which a worker imports.

    The same file sent again with the same parameters before the import has ended is the same import.
    """
    with await run_in_threadpool(_open_temporary_file, app) as file:
        async for chunk in request.stream():
            await run_in_threadpool(file.write, chunk)
        file.seek(0)
        async with request.app.state.request_slots:
            planned = await run_in_threadpool(
                plan_import, app, upload.plan, name=upload.name, pieces=iter(lambda: file.read(_CHUNK_BYTES), b"")
            )
    return ImportOut.of(planned, token)


@router.get("", dependencies=[RequestSlot])
def list_imports(
    app: App,
    token: ReadToken,
    limit: Limit = 50,
    before: Annotated[int | None, Query(ge=1, le=MAX_BIGINT, description="`next` of the page before.")] = None,
) -> ImportPage:
    """List the imports, newest first."""
    with app.database.begin() as connection:
        found = imports.listed(connection, limit=limit + 1, before_id=before)
    kept = found[:limit]
    return ImportPage(
        items=[ImportOut.of(one, token) for one in kept], next=kept[-1].id if len(found) > limit else None
    )


@router.get("/{import_id}", dependencies=[RequestSlot], responses=problem_responses(404))
def show_import(app: App, token: ReadToken, import_id: IdInPath) -> ImportOut:
    """Get an import and its progress."""
    with app.database.begin() as connection:
        return ImportOut.of(imports.find(connection, import_id), token)


@router.post(
    "/{import_id}/cancel",
    dependencies=[RequestSlot],
    responses=problem_responses(404),
)
def stop_import(
    app: App, token: Annotated[ApiToken, requires(TokenScope.IMPORTS_WRITE)], import_id: IdInPath
) -> ImportOut:
    """Cancel an import; rows imported so far stay."""
    return ImportOut.of(cancel_import(app, import_id), token)


@router.get(
    "/{import_id}/bad-rows",
    dependencies=[RequestSlot, requires(TokenScope.IMPORTS_READ, TokenScope.SUBSCRIBERS_READ)],
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "The rejected rows with line numbers and reasons; once corrected, the file can be imported.",
            "content": {"text/csv": {"schema": {"type": "string"}}},
        },
        **problem_responses(404),
    },
)
def download_bad_rows(app: App, import_id: IdInPath) -> StreamingResponse:
    """Download the rejected rows."""
    with app.database.begin() as connection:
        found = imports.find(connection, import_id)
    try:
        file = ImportFiles(app.imports_dir).bad_rows(import_id).open("rb")
    except FileNotFoundError:
        raise NotFoundError("file of bad rows of import", import_id) from None
    return StreamingResponse(
        _read_committed(file, found.bad_size),
        media_type="text/csv",
        headers={"Content-Disposition": f'attachment; filename="import-{import_id}-bad-rows.csv"'},
    )


def _open_temporary_file(app: AppContext) -> IO[bytes]:
    """An unnamed temporary file on the disk of the imports: it disappears when it is closed."""
    folder: Path = app.imports_dir
    try:
        make_private_folder(folder)
        return tempfile.TemporaryFile(dir=folder)
    except OSError as error:
        raise ConfigurationError(f"cannot write to {folder}: {error.strerror}") from error


def _read_committed(file: IO[bytes], size: int) -> Iterator[bytes]:
    """The first `size` bytes, which are committed; more may be being written behind them."""
    with file:
        while size > 0 and (chunk := file.read(min(size, _CHUNK_BYTES))):
            size -= len(chunk)
            yield chunk


def _pair(text: str, parameter: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (equals and name and value):
        raise InputError(f"{parameter}: {text!r} is not NAME=VALUE")
    return name, value


def _status_word(text: str) -> tuple[str, str]:
    """A word, which may be empty, and its status."""
    word, equals, status = text.rpartition("=")
    if not (equals and status):
        raise InputError(f"map_status: {text!r} is not WORD=STATUS")
    return word, status


def _typed(text: str) -> tuple[str, AttributeType]:
    name, value = _pair(text, "type")
    if value not in {kind.value for kind in AttributeType}:
        raise InputError(f"type: {value!r} is not a type; types are {', '.join(AttributeType)}")
    return name.removeprefix(_ATTRIBUTE), AttributeType(value)
