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
from distributor.web.api.fields import Address, After, RequestBody, Limit, NumberInPath, ShortText, checked_by
from distributor.web.api.paging import Page, paginate
from distributor.web.api.problems import COMMON_PROBLEMS, problem_responses

router = APIRouter(prefix="/v1/suppressions", tags=["suppressions"], dependencies=[RequestSlot], responses=COMMON_PROBLEMS)

_MOST = 1000


def _readable(text: str) -> str:
    parse_target(text)
    return text


def _lets_others_in(reason: SuppressionReason) -> SuppressionReason:
    # Erasing does more than to suppress, and is done to one person at a time.
    if reason is SuppressionReason.ERASED:
        raise InputError("nobody is erased by this: use `DELETE /v1/privacy/{who}`")
    return reason


TargetText = Annotated[str, Field(max_length=1016, examples=["ada@example.org", "@example.org"]), checked_by(_readable)]
ReasonIn = Annotated[SuppressionReason, Field(description="Any but `erased`."), checked_by(_lets_others_in)]
Targets = Annotated[
    list[TargetText],
    Field(
        min_length=1,
        max_length=_MOST,
        description="Addresses, domains as `@example.org`, or SHA-256 of addresses in lower case, in hexadecimal.",
    ),
]


class SuppressionOut(BaseModel):
    """What is suppressed, and why. A mailbox suppressed for several reasons is until the last of them is lifted."""

    id: int
    email: str | None = Field(description="Where it is known and may be kept.")
    sha256: str | None = Field(description="Of the address without regard to case; null for a domain.")
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
    """Some of what is suppressed, by ascending number."""


class SuppressionsCreate(RequestBody):
    """What is to get no mail any more."""

    targets: Targets
    reason: ReasonIn = SuppressionReason.MANUAL
    note: ShortText = Field("", description="Why, for those who come after you.")


class SuppressionsRemove(RequestBody):
    """What mail may go to again, where somebody has agreed to it."""

    targets: Targets
    reasons: list[SuppressionReason] | None = Field(None, description="Only entries for these reasons; null for all.")


class SuppressionCheckRequest(RequestBody):
    """Whose mail is asked about."""

    emails: list[Address] = Field(min_length=1, max_length=_MOST)


class AddedOut(BaseModel):
    """What was done."""

    added: int = Field(description="How many were not suppressed for this reason before.")


class RemovedOut(BaseModel):
    """What was done."""

    lifted: int = Field(description="How many entries were taken back.")


class SuppressionCheckOut(BaseModel):
    """Why mail to an address is held back."""

    email: str
    is_suppressed: bool
    reasons: list[SuppressionReason]


class SuppressionChecksOut(BaseModel):
    """One for each address asked about, in the same order."""

    items: list[SuppressionCheckOut]


@router.get("", dependencies=[requires(TokenScope.SUPPRESSIONS_READ)])
def list_suppressions(
    app: App,
    reason: Annotated[SuppressionReason | None, Query(description="Only for this reason.")] = None,
    limit: Limit = 50,
    after: After = 0,
) -> SuppressionPage:
    """What is suppressed, and why."""
    with app.database.begin() as connection:
        found = suppressions.listed(connection, reason=reason, limit=limit + 1, after_id=after)
    shown, further = paginate(found, limit, number=lambda one: one.id)
    return SuppressionPage(items=[SuppressionOut.of(one) for one in shown], next=further)


@router.post("", dependencies=[requires(TokenScope.SUPPRESSIONS_WRITE)])
def add_suppressions(app: App, body: SuppressionsCreate) -> AddedOut:
    """Send nothing more to these addresses or domains, also not what is planned already."""
    targets = [parse_target(text) for text in body.targets]
    with app.database.begin() as connection:
        added = suppressions.add(connection, targets, body.reason, note=body.note, now=app.clock())
    return AddedOut(added=added)


@router.post("/check", dependencies=[requires(TokenScope.SUPPRESSIONS_READ)])
def check_suppressions(app: App, body: SuppressionCheckRequest) -> SuppressionChecksOut:
    """Whether mail to these addresses is held back. A question in a body, because addresses end up in logs."""
    with app.database.begin() as connection:
        return SuppressionChecksOut(items=[_held(connection, address) for address in body.emails])


@router.post("/lift", dependencies=[requires(TokenScope.SUPPRESSIONS_WRITE)])
def remove_suppressions(app: App, body: SuppressionsRemove) -> RemovedOut:
    """Take entries about exactly these addresses or domains back."""
    targets = [parse_target(text) for text in body.targets]
    reasons = tuple(SuppressionReason) if body.reasons is None else tuple(body.reasons)
    with app.database.begin() as connection:
        return RemovedOut(lifted=sum(suppressions.lift(connection, target, reasons=reasons) for target in targets))


@router.delete(
    "/{number}", status_code=204, dependencies=[requires(TokenScope.SUPPRESSIONS_WRITE)], responses=problem_responses(404)
)
def remove_suppression(app: App, number: NumberInPath) -> None:
    """Take one entry back."""
    with app.database.begin() as connection:
        suppressions.remove(connection, number)


def _held(connection: Connection, text: str) -> SuppressionCheckOut:
    address = parse_address(text)
    target = Target(hash=hash_of_key(address.key))
    found = suppressions.matching(connection, target, domain=address.domain)
    return SuppressionCheckOut(email=text, is_suppressed=bool(found), reasons=sorted({one.reason for one in found}))
