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
from distributor.web.api.fields import After, RequestBody, Limit, LongText, Sender, Slug, SlugInPath, Title, Topics
from distributor.web.api.paging import Page, paginate
from distributor.web.api.problems import COMMON_PROBLEMS, problem_responses

router = APIRouter(prefix="/v1/lists", tags=["lists"], dependencies=[RequestSlot], responses=COMMON_PROBLEMS)

Description = Annotated[LongText, Field(description="What subscribers get, in a sentence.")]
Footer = Annotated[LongText, Field(description="What stands at the end of its mails; empty for nothing.")]


class ListOut(BaseModel):
    """A list that people subscribe to."""

    slug: str = Field(examples=["weekly-letter"])
    name: str = Field(examples=["Weekly letter"])
    description: str = Field(examples=["What happened in the town, every Friday."])
    visibility: ListVisibility = Field(description="Whether strangers see it and can subscribe.")
    opt_in: OptIn = Field(description="Whether signing up has to be confirmed from the mailbox.")
    sender: str = Field(description="Whom its mails come from; empty for the site's own.")
    footer: str = Field(description="What stands at the end of its mails; empty for nothing.")
    topics: tuple[str, ...] = Field(
        description="The slugs of the tags that its subscribers are offered.", examples=[["local-news"]]
    )

    @classmethod
    def of(cls, found: MailingList) -> ListOut:
        return cls.model_validate(found, from_attributes=True)


class ListPage(Page[ListOut]):
    """Some of the lists, by ascending number."""


class ListDetailOut(ListOut):
    """A list, and how many people are in each state on it now."""

    people: dict[Membership, int] = Field(examples=[{"pending": 2, "subscribed": 1200, "unsubscribed": 31}])


class MemberOut(BaseModel):
    """Somebody who is or was on a list."""

    id: int = Field(examples=[1])
    email: str = Field(examples=["ada@example.org"])
    name: str = Field(examples=["Ada Lovelace"])
    state: Membership = Field(examples=["subscribed"])

    @classmethod
    def of(cls, subscriber: Subscriber, state: Membership) -> MemberOut:
        return cls(id=subscriber.id, email=subscriber.email, name=subscriber.name, state=state)


class MemberPage(Page[MemberOut]):
    """Some of the people of a list, by ascending number."""


class ListCreate(RequestBody):
    """What a list is to be."""

    name: Title
    slug: Slug | None = Field(None, description="Default: made from the name.")
    description: Description = ""
    visibility: ListVisibility = ListVisibility.PRIVATE
    opt_in: OptIn = OptIn.DOUBLE
    sender: Sender = ""
    footer: Footer = ""
    topics: Topics = Field(default_factory=list)


class ListUpdate(RequestBody):
    """What is to change; what is not named, or null, stays. The slug is for good."""

    name: Title | None = None
    description: Description | None = None
    visibility: ListVisibility | None = None
    opt_in: OptIn | None = None
    sender: Sender | None = None
    footer: Footer | None = None
    topics: Topics | None = None


class ListTopics(RequestBody):
    """The topics of a list, in the order shown."""

    topics: Topics


@router.get("", dependencies=[requires(TokenScope.LISTS_READ)])
def list_lists(app: App, limit: Limit = 50, after: After = 0) -> ListPage:
    """Every list."""
    with app.database.begin() as connection:
        found = sorted(lists.listed(connection), key=_number)
    shown, further = paginate([one for one in found if one.id > after], limit, number=_number)
    return ListPage(items=[ListOut.of(one) for one in shown], next=further)


@router.post("", status_code=201, dependencies=[requires(TokenScope.LISTS_WRITE)], responses=problem_responses(409))
def create_list(app: App, body: ListCreate) -> ListOut:
    """Make a list."""
    slug = body.slug or slugify(body.name)
    if not slug:
        raise InputError(f"{body.name!r} has no letters or digits to make a slug of: give one as `slug`")
    with app.database.begin() as connection:
        if any(one.slug == slug for one in lists.listed(connection)):
            raise StateError(f"there is a list {slug!r} already; change it, or choose another `slug`")
        made = lists.add(
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
    return ListOut.of(made)


@router.get("/{slug}", dependencies=[requires(TokenScope.LISTS_READ)], responses=problem_responses(404))
def show_list(app: App, slug: SlugInPath) -> ListDetailOut:
    """One list, and how many people are on it."""
    with app.database.begin() as connection:
        found = lists.find(connection, slug)
        people = lists.counts(connection, found.id)
    return ListDetailOut(**ListOut.of(found).model_dump(), people=people)


@router.patch("/{slug}", dependencies=[requires(TokenScope.LISTS_WRITE)], responses=problem_responses(404))
def change_list(app: App, slug: SlugInPath, body: ListUpdate) -> ListOut:
    """Change what is said of a list."""
    with app.database.begin() as connection:
        changed = lists.change(connection, slug, body.model_dump(exclude_none=True))
    return ListOut.of(changed)


@router.delete("/{slug}", status_code=204, dependencies=[requires(TokenScope.LISTS_WRITE)], responses=problem_responses(404, 409))
def remove_list(app: App, slug: SlugInPath) -> None:
    """Remove a list that nobody was ever on and nothing was sent to."""
    with app.database.begin() as connection:
        lists.remove(connection, slug)


@router.get("/{slug}/topics", dependencies=[requires(TokenScope.LISTS_READ)], responses=problem_responses(404))
def list_topics(app: App, slug: SlugInPath) -> ListTopics:
    """The topics that a list offers."""
    with app.database.begin() as connection:
        return ListTopics(topics=list(lists.find(connection, slug).topics))


@router.put("/{slug}/topics", dependencies=[requires(TokenScope.LISTS_WRITE)], responses=problem_responses(404))
def offer_topics(app: App, slug: SlugInPath, body: ListTopics) -> ListTopics:
    """Offer these topics and no others. What people have chosen before stays theirs."""
    with app.database.begin() as connection:
        return ListTopics(topics=list(lists.change(connection, slug, {"topics": body.topics}).topics))


@router.get(
    "/{slug}/members",
    dependencies=[requires(TokenScope.LISTS_READ, TokenScope.SUBSCRIBERS_READ)],
    responses=problem_responses(404),
)
def list_members(app: App, slug: SlugInPath, limit: Limit = 50, after: After = 0) -> MemberPage:
    """The people who are or were on a list."""
    with app.database.begin() as connection:
        found = memberships.members(connection, lists.find(connection, slug).id, limit=limit + 1, after_id=after)
    shown, further = paginate(found, limit, number=lambda member: member[0].id)
    return MemberPage(items=[MemberOut.of(*member) for member in shown], next=further)


def _number(one: MailingList) -> int:
    return one.id
