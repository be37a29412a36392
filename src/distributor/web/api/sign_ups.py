"""`/v1/sign-ups`"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from distributor.domain.api_token import TokenScope
from distributor.domain.person import person_of
from distributor.flow.subscriptions.sign_up import SignUp, sign_up
from distributor.web.api.auth import App, RequestSlot, requires
from distributor.web.api.fields import Address, IpAddress, Language, Line, Name, RequestBody, ShortText, Topics, Zone
from distributor.web.api.problems import COMMON_PROBLEMS, problem_responses

router = APIRouter(prefix="/v1/sign-ups", tags=["subscribers"], dependencies=[RequestSlot], responses=COMMON_PROBLEMS)


class SignUpCreate(RequestBody):
    """A sign-up form that a visitor of your site filled in."""

    email: Address
    name: Name = ""
    language: Language = ""
    zone: Zone = ""
    lists: Annotated[dict[ShortText, Topics | None], Field(min_length=1, max_length=100)] = Field(
        description="The slugs of public lists, each with the topics chosen; null: every article.",
        examples=[{"weekly-letter": None}],
    )
    ip_address: IpAddress = Field("", description="The visitor's IP address.")
    page: Line = Field("", description="The URL of the page with the form.", examples=["https://shop.example/order"])


@router.post(
    "",
    status_code=202,
    response_class=Response,
    dependencies=[requires(TokenScope.SIGN_UPS_WRITE)],
    responses=problem_responses(404, 409),
)
def create_sign_up(app: App, body: SignUpCreate) -> Response:
    """Sign a visitor up as the public pages do: with a confirmation mail, unless the list has single opt-in.

    For your own forms, where the visitor has not proven who they are. The response does not reveal whether the address
    was known.
    """
    person = person_of(body.email, name=body.name, language=body.language, zone=body.zone)
    choices = {slug: tuple(topics) if topics is not None else None for slug, topics in body.lists.items()}
    sign_up(app, SignUp(person=person, choices=choices, ip_address=body.ip_address, page=body.page))
    return Response(status_code=202)
