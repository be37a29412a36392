"""`/v1/token`"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from distributor.domain.api_token import ApiToken, TokenScope
from distributor.web.api.auth import RequestSlot, requires
from distributor.web.api.problems import COMMON_PROBLEMS

router = APIRouter(prefix="/v1/token", tags=["token"], dependencies=[RequestSlot], responses=COMMON_PROBLEMS)


class TokenOut(BaseModel):
    """The token of the request, without its secret."""

    name: str
    scopes: list[TokenScope]
    expires_at: datetime | None = Field(description="Null if it never expires.")


@router.get("")
def show_token(token: Annotated[ApiToken, requires()]) -> TokenOut:
    """Get the name, scopes and expiry of the token of the request."""
    return TokenOut(name=token.name, scopes=sorted(token.scopes), expires_at=token.expires_at)
