"""What a server of the AT Protocol answers, as far as it is read here."""

from __future__ import annotations

from typing import TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from distributor.channels.social.answers import Unknown
from distributor.domain.rendition import Json

_Parsed = TypeVar("_Parsed", bound=BaseModel)


class BlueskySession(BaseModel):
    """Who one is after signing in."""

    did: str
    accessJwt: str  # noqa: N815 - the name on the wire


class Written(BaseModel):
    """Where a record is: its address, and the hash of its content."""

    uri: str
    cid: str


class PostRecordView(Written):
    value: dict[str, Json]


class XrpcError(BaseModel):
    """The body of a refusal: a name for programs and a sentence for people."""

    error: str = ""
    message: str = ""

    @property
    def words(self) -> str:
        return ": ".join(part for part in (self.error, self.message) if part)

    @property
    def is_about_session(self) -> bool:
        return self.error in ("ExpiredToken", "InvalidToken")

    @property
    def is_about_account(self) -> bool:
        """Taken down, suspended or deactivated, in the words of the account's or of the repository's server."""
        return self.error.startswith(("Account", "Repo"))

    @property
    def is_about_missing_record(self) -> bool:
        return self.error == "RecordNotFound" or self.message.startswith("Could not locate record")


def parse(model: type[_Parsed], answer: httpx.Response) -> _Parsed | Unknown:
    """The body of a successful answer."""
    try:
        return model.model_validate_json(answer.content)
    except ValidationError:
        return Unknown(reply="the server answered something that cannot be read", reply_code=answer.status_code)


def complaint_in(answer: httpx.Response) -> XrpcError:
    """The body of a refusal, or what its status line says."""
    try:
        return XrpcError.model_validate_json(answer.content)
    except ValidationError:
        return XrpcError(message=answer.reason_phrase)
