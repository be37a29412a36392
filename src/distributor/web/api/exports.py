"""`/v1/exports`"""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import AsyncExitStack
from typing import Annotated, cast

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool

from distributor.domain.api_token import TokenScope
from distributor.domain.delivery import DeliveryState
from distributor.domain.event import EventKind
from distributor.domain.subscriber_export import Selection
from distributor.flow.people.export_people import ExportFormat, export_people
from distributor.flow.publishing.campaign_deliveries import DeliveryQuery, export_deliveries
from distributor.web.api.auth import App, requires
from distributor.web.api.fields import MAX_BIGINT, LongText, ShortText
from distributor.web.api.problems import COMMON_PROBLEMS, problem_responses

router = APIRouter(prefix="/v1/exports", tags=["exports"], responses=COMMON_PROBLEMS)

_MEDIA_TYPES = {ExportFormat.CSV: "text/csv", ExportFormat.JSONL: "application/jsonl"}


async def _export_slot(request: Request) -> AsyncIterator[AsyncExitStack]:
    """Limit concurrent exports: each keeps a database connection for as long as its client reads."""
    async with request.app.state.export_slots, AsyncExitStack() as stack:
        yield stack


@router.get(
    "/subscribers",
    dependencies=[requires(TokenScope.SUBSCRIBERS_READ)],
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "One row or line per subscriber.",
            "content": {media_type: {"schema": {"type": "string"}} for media_type in _MEDIA_TYPES.values()},
        },
        **problem_responses(404),
    },
)
async def export_subscribers(
    app: App,
    slot: Annotated[AsyncExitStack, Depends(_export_slot)],
    list_slug: Annotated[
        ShortText | None, Query(alias="list", description="Only current and former subscribers of this list.")
    ] = None,
    segment: Annotated[ShortText | None, Query(description="Only subscribers in this segment.")] = None,
    format_: Annotated[
        ExportFormat, Query(alias="format", description="CSV, or one JSON object per line.")
    ] = ExportFormat.CSV,
) -> StreamingResponse:
    """Export subscribers as a file that can be imported again: of a list, of a segment, of both, or all."""
    selection = Selection(list_slug=list_slug, segment_slug=segment)
    chunks = export_people(app, selection, format_=format_)
    return await _streamed(chunks, slot, media_type=_MEDIA_TYPES[format_], name=f"subscribers.{format_}")


@router.get(
    "/deliveries",
    dependencies=[requires(TokenScope.CAMPAIGNS_READ, TokenScope.SUBSCRIBERS_READ)],
    response_class=StreamingResponse,
    responses={
        200: {"description": "One row per delivery.", "content": {"text/csv": {"schema": {"type": "string"}}}},
        **problem_responses(404),
    },
)
async def export_campaign_deliveries(
    app: App,
    slot: Annotated[AsyncExitStack, Depends(_export_slot)],
    campaign: Annotated[int, Query(ge=1, le=MAX_BIGINT, description="The campaign's id.")],
    channel: Annotated[ShortText, Query(description="Only on the channel with this name.")] = "",
    state: Annotated[DeliveryState | None, Query(description="Only those in this state.")] = None,
    reason: Annotated[ShortText, Query(description="Only those that failed, wait or were suppressed for this.")] = "",
    person: Annotated[
        ShortText, Query(description="Only to addresses that begin so, or to this account or feed.")
    ] = "",
    event: Annotated[EventKind | None, Query(description="Only those of which this happened.")] = None,
    by_people: Annotated[bool, Query(description="With `event`: only if no known machine caused it.")] = False,
    link: Annotated[LongText, Query(description="With `event=click`: only if this link was followed.")] = "",
) -> StreamingResponse:
    """Export the deliveries of a campaign as CSV, by id.

    Cells that a spreadsheet would run as formulas begin with an apostrophe.
    """
    query = DeliveryQuery(
        campaign_id=campaign,
        channel_name=channel,
        state=state,
        reason=reason,
        person=person,
        event=event,
        by_people=by_people,
        link=link,
    )
    chunks = await run_in_threadpool(export_deliveries, app, query)
    return await _streamed(chunks, slot, media_type="text/csv", name=f"deliveries-{campaign}.csv")


async def _streamed(chunks: Iterator[bytes], slot: AsyncExitStack, *, media_type: str, name: str) -> StreamingResponse:
    # It is a generator, which can be closed when the client disconnects.
    slot.push_async_callback(run_in_threadpool, cast("Generator[bytes]", chunks).close)
    # An error in what is asked for is raised with the first chunk, before the status is sent.
    first = await run_in_threadpool(next, chunks, b"")
    return StreamingResponse(
        iterate_in_threadpool(_with_first(first, chunks)),
        media_type=media_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _with_first(first: bytes, others: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from others
