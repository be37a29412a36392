"""`/v1/sign-ups`"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from distributor.domain.api_token import TokenScope
from distributor.domain.person import person_of
from distributor.flow.subscriptions.sign_up import SignUp, sign_up
from distributor.web.api.auth import App, Turn, needs
from distributor.web.api.fields import Address, Body, Language, Line, Name, Network, Topics, Words, Zone
from distributor.web.api.problems import ANYWHERE, may_answer

router = APIRouter(prefix="/v1/sign-ups", tags=["subscribers"], dependencies=[Turn], responses=ANYWHERE)


class NewSignUp(Body):
    """What a visitor of a page of yours has filled in."""

    email: Address
    name: Name = ""
    language: Language = ""
    zone: Zone = ""
    lists: Annotated[dict[Words, Topics | None], Field(min_length=1, max_length=100)] = Field(
        description="The slugs of public lists, each with the topics chosen; null means every article.",
        examples=[{"weekly-letter": None}],
    )
    network: Network = Field("", description="The visitor's IP address.")
    page: Line = Field("", description="The page with the form.", examples=["https://shop.example/order"])


@router.post(
    "",
    status_code=202,
    response_class=Response,
    dependencies=[needs(TokenScope.SIGN_UPS_WRITE)],
    responses=may_answer(404, 409),
)
def begin_sign_up(app: App, body: NewSignUp) -> Response:
    """Sign a visitor up as the public pages do: by a mail that asks them, unless the list wants no more than that.

    For forms of your own, where nobody has shown yet who they are. Whether the address was known is not told.
    """
    person = person_of(body.email, name=body.name, language=body.language, zone=body.zone)
    choices = {slug: tuple(topics) if topics is not None else None for slug, topics in body.lists.items()}
    sign_up(app, SignUp(person=person, choices=choices, network=body.network, page=body.page))
    return Response(status_code=202)
