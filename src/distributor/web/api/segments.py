"""`/v1/segments`"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from distributor.domain.api_token import ApiToken, TokenScope
from distributor.domain.errors import StateError
from distributor.domain.segments.condition import Condition, depends_on_addresses
from distributor.domain.segments.field_values import read_slug
from distributor.domain.segments.json_form import condition_from_json, condition_to_json
from distributor.domain.segments.limits import LONGEST_TEXT
from distributor.domain.segments.parser import parse
from distributor.domain.segments.printer import print_condition
from distributor.domain.segments.segment import Segment
from distributor.storage import segments
from distributor.web.api.auth import App, RequestSlot, require_addresses, requires, shows_addresses
from distributor.web.api.fields import MAX_PAGE_SIZE, After, Limit, RequestBody, Slug, SlugInPath, Title
from distributor.web.api.paging import Page, paginate
from distributor.web.api.problems import COMMON_PROBLEMS, problem_responses
from distributor.web.api.subscriber_schemas import SubscriberOut

router = APIRouter(prefix="/v1/segments", tags=["segments"], dependencies=[RequestSlot], responses=COMMON_PROBLEMS)

ReadToken = Annotated[ApiToken, requires(TokenScope.SEGMENTS_READ)]
WriteToken = Annotated[ApiToken, requires(TokenScope.SEGMENTS_WRITE)]
ConditionIn = Annotated[
    Annotated[str, Field(max_length=LONGEST_TEXT)] | dict[str, Any],
    Field(
        description="As text, or as the JSON that `POST /v1/segments/parse` returns.",
        examples=["tag = vip and clicked in the last 90 days"],
    ),
]


class ConditionOut(BaseModel):
    """A condition in both of its forms."""

    text: str = Field(examples=["tag = vip"])
    json_form: dict[str, Any] = Field(alias="json", examples=[{"kind": "tag", "is": ["vip"]}])

    @classmethod
    def of(cls, condition: Condition) -> ConditionOut:
        return cls.model_validate({"text": print_condition(condition), "json": condition_to_json(condition)})


class SegmentOut(BaseModel):
    """A segment: a named condition on subscribers."""

    slug: str = Field(examples=["our-best"])
    name: str = Field(examples=["Our best"])
    condition: ConditionOut | None = Field(
        description="Null if it holds addresses and the token lacks `subscribers:read`."
    )
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, found: Segment, token: ApiToken) -> SegmentOut:
        shown = ConditionOut.of(found.condition)
        holds_addresses = depends_on_addresses(found.condition) or "@" in shown.text
        return cls(
            slug=found.slug,
            name=found.name,
            condition=shown if shows_addresses(token) or not holds_addresses else None,
            created_at=found.created_at,
            updated_at=found.updated_at,
        )


class SegmentPage(Page[SegmentOut]):
    """A page of segments, by ascending id."""


class SegmentCreate(RequestBody):
    """A segment to create."""

    name: Title
    slug: Slug | None = Field(None, description="Default: derived from the name.")
    condition: ConditionIn


class SegmentUpdate(RequestBody):
    """The fields to update; a field that is missing or null stays. The slug cannot change."""

    name: Title | None = None
    condition: ConditionIn | None = None


class ConditionQuery(RequestBody):
    """A condition, which need not be saved."""

    condition: ConditionIn


class SampleQuery(ConditionQuery):
    """A condition, and how many subscribers to return."""

    limit: int = Field(10, ge=1, le=MAX_PAGE_SIZE)


class CountOut(BaseModel):
    """The number of subscribers."""

    count: int


class SampleOut(BaseModel):
    """Some of the subscribers."""

    items: list[SubscriberOut]


@router.get("")
def list_segments(app: App, token: ReadToken, limit: Limit = 50, after: After = 0) -> SegmentPage:
    """List the segments."""
    with app.database.begin() as connection:
        found = sorted(segments.listed(connection), key=_number)
    shown, further = paginate([one for one in found if one.id > after], limit, number=_number)
    return SegmentPage(items=[SegmentOut.of(one, token) for one in shown], next=further)


@router.post("", status_code=201, responses=problem_responses(404, 409))
def create_segment(app: App, token: WriteToken, body: SegmentCreate) -> SegmentOut:
    """Create a segment."""
    slug, condition = body.slug or read_slug(body.name), _read(body.condition)
    with app.database.begin() as connection:
        if any(one.slug == slug for one in segments.listed(connection)):
            raise StateError(f"there is a segment {slug!r} already; update it, or choose another `slug`")
        saved = segments.save(connection, slug=slug, name=body.name, condition=condition, now=app.clock())
    return SegmentOut.of(saved, token)


@router.post("/parse", dependencies=[requires(TokenScope.SEGMENTS_READ)])
def parse_condition(app: App, body: ConditionQuery) -> ConditionOut:
    """Parse a condition and return both of its forms, or the error with its position."""
    return ConditionOut.of(_read(body.condition))


@router.post("/count", responses=problem_responses(404))
def count_subscribers(app: App, token: ReadToken, body: ConditionQuery) -> CountOut:
    """Count the subscribers that a condition matches now. For a segment, use the condition `segment = SLUG`.

    A condition on addresses needs `subscribers:read` as well, also in a segment that it refers to.
    """
    condition = _read(body.condition)
    with app.database.begin() as connection:
        if depends_on_addresses(segments.written_out(connection, condition)):
            require_addresses(token)
        return CountOut(count=segments.count(connection, condition, now=app.clock()))


@router.post(
    "/sample",
    dependencies=[requires(TokenScope.SEGMENTS_READ, TokenScope.SUBSCRIBERS_READ)],
    responses=problem_responses(404),
)
def sample_subscribers(app: App, body: SampleQuery) -> SampleOut:
    """Return some of the subscribers that a condition matches now."""
    condition = _read(body.condition)
    with app.database.begin() as connection:
        found = segments.sample(connection, condition, limit=body.limit, now=app.clock())
    return SampleOut(items=[SubscriberOut.of(one) for one in found])


@router.get("/{slug}", responses=problem_responses(404))
def show_segment(app: App, token: ReadToken, slug: SlugInPath) -> SegmentOut:
    """Get a segment."""
    with app.database.begin() as connection:
        return SegmentOut.of(segments.find(connection, slug), token)


@router.patch("/{slug}", responses=problem_responses(404))
def update_segment(app: App, token: WriteToken, slug: SlugInPath, body: SegmentUpdate) -> SegmentOut:
    """Update the name or the condition of a segment."""
    condition = _read(body.condition) if body.condition is not None else None
    with app.database.begin() as connection:
        found = segments.find(connection, slug)
        changed = segments.save(
            connection,
            slug=found.slug,
            name=body.name or found.name,
            condition=condition or found.condition,
            now=app.clock(),
        )
    return SegmentOut.of(changed, token)


@router.delete(
    "/{slug}",
    status_code=204,
    dependencies=[requires(TokenScope.SEGMENTS_WRITE)],
    responses=problem_responses(404, 409),
)
def delete_segment(app: App, slug: SlugInPath) -> None:
    """Delete a segment that no other segment and no scheduled campaign uses."""
    with app.database.begin() as connection:
        segments.remove(connection, slug)


def _read(given: str | dict[str, Any]) -> Condition:
    return parse(given) if isinstance(given, str) else condition_from_json(given)


def _number(one: Segment) -> int:
    return one.id
