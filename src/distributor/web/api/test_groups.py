"""`/v1/test-groups`"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from distributor.domain.api_token import ApiToken, TokenScope
from distributor.domain.test_group import LONGEST_GROUP_NAME, TestGroup
from distributor.flow.publishing.send_test import MAX_ADDRESSES
from distributor.flow.publishing.test_groups import add_group, change_group, remove_group
from distributor.storage import test_groups
from distributor.web.api.auth import App, RequestSlot, actor_of, requires
from distributor.web.api.fields import Address, IdInPath, Line, RequestBody
from distributor.web.api.problems import COMMON_PROBLEMS, problem_responses

router = APIRouter(prefix="/v1/test-groups", tags=["campaigns"], dependencies=[RequestSlot], responses=COMMON_PROBLEMS)

# As on the pages: the addresses of a group are for those who send tests.
WriteToken = Annotated[ApiToken, requires(TokenScope.CAMPAIGNS_WRITE)]


class TestGroupIn(RequestBody):
    """Addresses that tests are sent to, under one name."""

    __test__ = False

    name: Annotated[Line, Field(min_length=1, max_length=LONGEST_GROUP_NAME, examples=["Editors"])]
    addresses: Annotated[list[Address], Field(min_length=1, max_length=MAX_ADDRESSES, examples=[["me@example.org"]])]


class TestGroupChange(TestGroupIn):
    """A test group as it is to be."""

    version: Annotated[int, Field(ge=1, le=2**31 - 1)] = Field(
        description="The `version` that you have seen: a conflict (409) if it has another one by now."
    )


class TestGroupOut(BaseModel):
    """A test group."""

    __test__ = False

    id: int = Field(examples=[1])
    name: str
    addresses: list[str]
    version: int = Field(description="It grows with each change.")
    changed_by: str = Field(examples=["api:shop"])
    changed_at: datetime

    @classmethod
    def of(cls, found: TestGroup) -> TestGroupOut:
        return cls.model_validate(found, from_attributes=True)


class TestGroupList(BaseModel):
    """All test groups, by name."""

    __test__ = False

    items: list[TestGroupOut]


@router.get("", dependencies=[requires(TokenScope.CAMPAIGNS_WRITE)])
def list_test_groups(app: App) -> TestGroupList:
    """List the test groups: addresses of the team, which `POST /v1/campaigns/{campaign_id}/test` takes as `group`."""
    with app.database.begin() as connection:
        return TestGroupList(items=[TestGroupOut.of(one) for one in test_groups.all_groups(connection)])


@router.post("", status_code=201)
def create_test_group(app: App, token: WriteToken, body: TestGroupIn) -> TestGroupOut:
    """Create a test group."""
    return TestGroupOut.of(add_group(app, body.name, body.addresses, actor=actor_of(token)))


@router.put("/{group_id}", responses=problem_responses(404, 409))
def replace_test_group(app: App, token: WriteToken, group_id: IdInPath, body: TestGroupChange) -> TestGroupOut:
    """Replace the name and the addresses of a test group."""
    return TestGroupOut.of(
        change_group(app, group_id, body.name, body.addresses, version=body.version, actor=actor_of(token))
    )


@router.delete("/{group_id}", status_code=204, dependencies=[requires(TokenScope.CAMPAIGNS_WRITE)])
def delete_test_group(app: App, group_id: IdInPath) -> None:
    """Delete a test group; tests that were sent to it stay."""
    remove_group(app, group_id)
