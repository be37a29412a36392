"""`/v1/exports`"""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import AsyncExitStack
from typing import Annotated, cast

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool

from distributor.domain.api_token import TokenScope
from distributor.domain.subscriber_export import Selection
from distributor.flow.people.export_people import ExportFormat, export_people
from distributor.web.api.auth import App, requires
from distributor.web.api.fields import ShortText
from distributor.web.api.problems import COMMON_PROBLEMS, problem_responses

router = APIRouter(prefix="/v1/exports", tags=["exports"], responses=COMMON_PROBLEMS)

_MEDIA_TYPES = {ExportFormat.CSV: "text/csv", ExportFormat.JSONL: "application/jsonl"}


async def _take_export_turn(request: Request) -> AsyncIterator[AsyncExitStack]:
    """An export has a connection to the database for as long as its reader takes: only so many at a time."""
    async with request.app.state.export_turns, AsyncExitStack() as stack:
        yield stack


@router.get(
    "/subscribers",
    dependencies=[requires(TokenScope.SUBSCRIBERS_READ)],
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "One row or line for each person.",
            "content": {media_type: {"schema": {"type": "string"}} for media_type in _MEDIA_TYPES.values()},
        },
        **problem_responses(404),
    },
)
async def export_subscribers(
    app: App,
    turn: Annotated[AsyncExitStack, Depends(_take_export_turn)],
    list_slug: Annotated[ShortText | None, Query(alias="list", description="Who is or was on this list.")] = None,
    segment: Annotated[ShortText | None, Query(description="Who is in this segment.")] = None,
    format_: Annotated[
        ExportFormat, Query(alias="format", description="One row or one JSON object for each.")
    ] = ExportFormat.CSV,
) -> StreamingResponse:
    """People as a file that an import reads back: of a list, of a segment, of both at once, or everybody."""
    selection = Selection(list_slug=list_slug, segment_slug=segment)
    # A generator is what it is, and only that can be closed when the reader has gone.
    pieces = cast("Generator[bytes]", export_people(app, selection, format_=format_))
    turn.push_async_callback(run_in_threadpool, pieces.close)
    # What is wrong with the selection shows with the first piece, while there is still a status to say so with.
    first = await run_in_threadpool(next, pieces, b"")
    return StreamingResponse(
        iterate_in_threadpool(_with_first(first, pieces)),
        media_type=_MEDIA_TYPES[format_],
        headers={"Content-Disposition": f'attachment; filename="subscribers.{format_}"'},
    )


def _with_first(first: bytes, others: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from others
