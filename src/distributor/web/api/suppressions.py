"""`/v1/suppressions`"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from distributor.domain.address import parse_address
from distributor.domain.api_token import TokenScope
from distributor.domain.errors import InputError
from distributor.domain.suppression import Suppression, SuppressionReason, Target, hash_of_key, parse_target
from distributor.storage import suppressions
from distributor.storage.database import Connection
from distributor.web.api.auth import App, RequestSlot, requires
from distributor.web.api.fields import Address, After, IdInPath, Limit, RequestBody, ShortText, checked_by
from distributor.web.api.paging import Page, paginate
from distributor.web.api.problems import COMMON_PROBLEMS, problem_responses

router = APIRouter(
    prefix="/v1/suppressions", tags=["suppressions"], dependencies=[RequestSlot], responses=COMMON_PROBLEMS
)

_MAX_TARGETS = 1000


def _valid_target(text: str) -> str:
    parse_target(text)
    return text


def _not_erased(reason: SuppressionReason) -> SuppressionReason:
    # Erasing does more than suppressing, and is done to one subscriber at a time.
    if reason is SuppressionReason.ERASED:
        raise InputError("`erased` cannot be set here: use `DELETE /v1/privacy/{subscriber}`")
    return reason


TargetText = Annotated[
    str, Field(max_length=1016, examples=["ada@example.org", "@example.org"]), checked_by(_valid_target)
]
ReasonIn = Annotated[SuppressionReason, Field(description="Any reason but `erased`."), checked_by(_not_erased)]
Targets = Annotated[
    list[TargetText],
    Field(
        min_length=1,
        max_length=_MAX_TARGETS,
        description="Email addresses, domains as `@example.org`, or hexadecimal SHA-256 of lower-case addresses.",
    ),
]


class SuppressionOut(BaseModel):
    """A suppression. An address with several stays suppressed until the last of them is removed."""

    id: int
    email: str | None = Field(description="Null for a domain, or if only the hash is stored.")
    sha256: str | None = Field(description="The hash of the lower-case address; null for a domain.")
    domain: str | None
    reason: SuppressionReason
    note: str
    at: datetime

    @classmethod
    def of(cls, found: Suppression) -> SuppressionOut:
        return cls(
            id=found.id,
            email=found.target.email,
            sha256=found.target.hash.hex() if found.target.hash else None,
            domain=found.target.domain,
            reason=found.reason,
            note=found.note,
            at=found.at,
        )


class SuppressionPage(Page[SuppressionOut]):
    """A page of suppressions, by ascending id."""


class SuppressionsCreate(RequestBody):
    """Addresses and domains to suppress."""

    targets: Targets
    reason: ReasonIn = SuppressionReason.MANUAL
    note: ShortText = Field("", description="Why, for your colleagues.")


class SuppressionsRemove(RequestBody):
    """Addresses and domains whose suppressions to remove."""

    targets: Targets
    reasons: list[SuppressionReason] | None = Field(None, description="Only suppressions for these reasons; null: all.")


class SuppressionCheckRequest(RequestBody):
    """Email addresses to check."""

    emails: list[Address] = Field(min_length=1, max_length=_MAX_TARGETS)


class AddedOut(BaseModel):
    """The result of adding suppressions."""

    added: int = Field(description="How many were not suppressed for this reason before.")


class RemovedOut(BaseModel):
    """The result of removing suppressions."""

    removed: int = Field(description="How many suppressions were removed.")


class SuppressionCheckOut(BaseModel):
    """Whether an email address is suppressed, and why."""

    email: str
    is_suppressed: bool
    reasons: list[SuppressionReason]


class SuppressionChecksOut(BaseModel):
    """One result for each address of the request, in the same order."""

    items: list[SuppressionCheckOut]


@router.get("", dependencies=[requires(TokenScope.SUPPRESSIONS_READ, TokenScope.SUBSCRIBERS_READ)])
def list_suppressions(
    app: App,
    reason: Annotated[SuppressionReason | None, Query(description="Only suppressions for this reason.")] = None,
    limit: Limit = 50,
    after: After = 0,
) -> SuppressionPage:
    """List the suppressions."""
    with app.database.begin() as connection:
        found = suppressions.listed(connection, reason=reason, limit=limit + 1, after_id=after)
    shown, further = paginate(found, limit, number=lambda one: one.id)
    return SuppressionPage(items=[SuppressionOut.of(one) for one in shown], next=further)


@router.post("", dependencies=[requires(TokenScope.SUPPRESSIONS_WRITE)])
def add_suppressions(app: App, body: SuppressionsCreate) -> AddedOut:
    """Suppress addresses or domains: they get no mail, not even from campaigns already scheduled."""
    targets = [parse_target(text) for text in body.targets]
    with app.database.begin() as connection:
        added = suppressions.add(connection, targets, body.reason, note=body.note, now=app.clock())
    return AddedOut(added=added)


@router.post("/check", dependencies=[requires(TokenScope.SUPPRESSIONS_READ)])
def check_suppressions(app: App, body: SuppressionCheckRequest) -> SuppressionChecksOut:
    """Check whether addresses are suppressed. The addresses are in the body, because URLs end up in logs."""
    with app.database.begin() as connection:
        return SuppressionChecksOut(items=[_check(connection, address) for address in body.emails])


@router.post("/remove", dependencies=[requires(TokenScope.SUPPRESSIONS_WRITE)])
def remove_suppressions(app: App, body: SuppressionsRemove) -> RemovedOut:
    """Remove the suppressions of exactly these addresses or domains."""
    targets = [parse_target(text) for text in body.targets]
    reasons = tuple(SuppressionReason) if body.reasons is None else tuple(body.reasons)
    with app.database.begin() as connection:
        return RemovedOut(removed=sum(suppressions.lift(connection, target, reasons=reasons) for target in targets))


@router.delete(
    "/{suppression_id}",
    status_code=204,
    dependencies=[requires(TokenScope.SUPPRESSIONS_WRITE)],
    responses=problem_responses(404),
)
def remove_suppression(app: App, suppression_id: IdInPath) -> None:
    """Remove a suppression."""
    with app.database.begin() as connection:
        suppressions.remove(connection, suppression_id)


def _check(connection: Connection, text: str) -> SuppressionCheckOut:
    address = parse_address(text)
    target = Target(hash=hash_of_key(address.key))
    found = suppressions.matching(connection, target, domain=address.domain)
    return SuppressionCheckOut(email=text, is_suppressed=bool(found), reasons=sorted({one.reason for one in found}))
