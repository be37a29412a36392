"""`/v1/lists`"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from distributor.domain.api_token import TokenScope
from distributor.domain.errors import InputError, StateError
from distributor.domain.subscriber import ListVisibility, MailingList, Membership, OptIn, Subscriber
from distributor.domain.tags import slugify
from distributor.storage import lists, memberships
from distributor.web.api.auth import App, RequestSlot, requires
from distributor.web.api.fields import After, Limit, LongText, RequestBody, Sender, Slug, SlugInPath, Title, Topics
from distributor.web.api.paging import Page, paginate
from distributor.web.api.problems import COMMON_PROBLEMS, problem_responses

router = APIRouter(prefix="/v1/lists", tags=["lists"], dependencies=[RequestSlot], responses=COMMON_PROBLEMS)

Description = Annotated[LongText, Field(description="What subscribers receive, in a sentence.")]
Footer = Annotated[LongText, Field(description="The text at the end of its messages; empty for none.")]


class ListOut(BaseModel):
    """A list that people subscribe to."""

    slug: str = Field(examples=["weekly-letter"])
    name: str = Field(examples=["Weekly letter"])
    description: str = Field(examples=["What happened in the town, every Friday."])
    visibility: ListVisibility = Field(description="Whether it is on the public pages.")
    opt_in: OptIn = Field(description="Whether a sign-up must be confirmed by mail.")
    sender: str = Field(description="The sender of its messages; empty for the site's.")
    footer: str = Field(description="The text at the end of its messages; empty for none.")
    topics: tuple[str, ...] = Field(
        description="The slugs of the tags that subscribers can choose from.", examples=[["local-news"]]
    )

    @classmethod
    def of(cls, found: MailingList) -> ListOut:
        return cls.model_validate(found, from_attributes=True)


class ListPage(Page[ListOut]):
    """A page of lists, by ascending id."""


class ListDetailOut(ListOut):
    """A list, and its numbers of subscribers by state."""

    counts: dict[Membership, int] = Field(examples=[{"pending": 2, "subscribed": 1200, "unsubscribed": 31}])


class MemberOut(BaseModel):
    """A current or former subscriber of a list."""

    id: int = Field(examples=[1])
    email: str = Field(examples=["ada@example.org"])
    name: str = Field(examples=["Ada Lovelace"])
    state: Membership = Field(examples=["subscribed"])

    @classmethod
    def of(cls, subscriber: Subscriber, state: Membership) -> MemberOut:
        return cls(id=subscriber.id, email=subscriber.email, name=subscriber.name, state=state)


class MemberPage(Page[MemberOut]):
    """A page of the subscribers of a list, by ascending id."""


class ListCreate(RequestBody):
    """A list to create."""

    name: Title
    slug: Slug | None = Field(None, description="Default: derived from the name.")
    description: Description = ""
    visibility: ListVisibility = ListVisibility.PRIVATE
    opt_in: OptIn = OptIn.DOUBLE
    sender: Sender = ""
    footer: Footer = ""
    topics: Topics = Field(default_factory=list)


class ListUpdate(RequestBody):
    """The fields to update; a field that is missing or null stays. The slug cannot change."""

    name: Title | None = None
    description: Description | None = None
    visibility: ListVisibility | None = None
    opt_in: OptIn | None = None
    sender: Sender | None = None
    footer: Footer | None = None
    topics: Topics | None = None


class ListTopics(RequestBody):
    """The topics of a list, in the order they are shown."""

    topics: Topics


@router.get("", dependencies=[requires(TokenScope.LISTS_READ)])
def list_lists(app: App, limit: Limit = 50, after: After = 0) -> ListPage:
    """List the lists."""
    with app.database.begin() as connection:
        found = sorted(lists.listed(connection), key=_number)
    shown, further = paginate([one for one in found if one.id > after], limit, number=_number)
    return ListPage(items=[ListOut.of(one) for one in shown], next=further)


@router.post("", status_code=201, dependencies=[requires(TokenScope.LISTS_WRITE)], responses=problem_responses(409))
def create_list(app: App, body: ListCreate) -> ListOut:
    """Create a list."""
    slug = body.slug or slugify(body.name)
    if not slug:
        raise InputError(f"{body.name!r} has no letters or digits for a slug: set `slug`")
    with app.database.begin() as connection:
        if any(one.slug == slug for one in lists.listed(connection)):
            raise StateError(f"there is a list {slug!r} already; update it, or choose another `slug`")
        created = lists.add(
            connection,
            slug=slug,
            name=body.name,
            description=body.description,
            visibility=body.visibility,
            opt_in=body.opt_in,
            sender=body.sender,
            footer=body.footer,
            topics=tuple(body.topics),
        )
    return ListOut.of(created)


@router.get("/{slug}", dependencies=[requires(TokenScope.LISTS_READ)], responses=problem_responses(404))
def show_list(app: App, slug: SlugInPath) -> ListDetailOut:
    """Get a list and its numbers of subscribers."""
    with app.database.begin() as connection:
        found = lists.find(connection, slug)
        counts = lists.counts(connection, found.id)
    return ListDetailOut(**ListOut.of(found).model_dump(), counts=counts)


@router.patch("/{slug}", dependencies=[requires(TokenScope.LISTS_WRITE)], responses=problem_responses(404))
def update_list(app: App, slug: SlugInPath, body: ListUpdate) -> ListOut:
    """Update a list."""
    with app.database.begin() as connection:
        changed = lists.change(connection, slug, body.model_dump(exclude_none=True))
    return ListOut.of(changed)


@router.delete(
    "/{slug}", status_code=204, dependencies=[requires(TokenScope.LISTS_WRITE)], responses=problem_responses(404, 409)
)
def delete_list(app: App, slug: SlugInPath) -> None:
    """Delete a list that never had subscribers and was never sent to."""
    with app.database.begin() as connection:
        lists.remove(connection, slug)


@router.get("/{slug}/topics", dependencies=[requires(TokenScope.LISTS_READ)], responses=problem_responses(404))
def list_topics(app: App, slug: SlugInPath) -> ListTopics:
    """Get the topics of a list."""
    with app.database.begin() as connection:
        return ListTopics(topics=list(lists.find(connection, slug).topics))


@router.put("/{slug}/topics", dependencies=[requires(TokenScope.LISTS_WRITE)], responses=problem_responses(404))
def set_topics(app: App, slug: SlugInPath, body: ListTopics) -> ListTopics:
    """Replace the topics of a list. Choices that subscribers made before stay."""
    with app.database.begin() as connection:
        return ListTopics(topics=list(lists.change(connection, slug, {"topics": body.topics}).topics))


@router.get(
    "/{slug}/members",
    dependencies=[requires(TokenScope.LISTS_READ, TokenScope.SUBSCRIBERS_READ)],
    responses=problem_responses(404),
)
def list_members(app: App, slug: SlugInPath, limit: Limit = 50, after: After = 0) -> MemberPage:
    """List the current and former subscribers of a list."""
    with app.database.begin() as connection:
        found = memberships.members(connection, lists.find(connection, slug).id, limit=limit + 1, after_id=after)
    shown, further = paginate(found, limit, number=lambda member: member[0].id)
    return MemberPage(items=[MemberOut.of(*member) for member in shown], next=further)


def _number(one: MailingList) -> int:
    return one.id
