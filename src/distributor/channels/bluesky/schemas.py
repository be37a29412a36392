"""The responses of a server of the AT Protocol, as far as they are read here (lexicons com.atproto.*)."""

from __future__ import annotations

from pydantic import BaseModel, ValidationError

from distributor.channels.api import Json
from distributor.channels.social.http import ApiResponse


class BlueskySession(BaseModel):
    """An open session: the account's DID and its access token."""

    did: str
    accessJwt: str  # noqa: N815 - the lexicon's name


class SessionAccount(BaseModel):
    """The account of a session: its name, and whether it may act."""

    handle: str
    active: bool = True
    status: str = ""


class WrittenRecord(BaseModel):
    """Where a record is: its URI, and the hash of its content."""

    uri: str
    cid: str


class PostRecordView(WrittenRecord):
    value: dict[str, Json]


class RecordPage(BaseModel):
    """The records of a collection, newest first; `cursor` leads to older ones."""

    records: list[PostRecordView]
    cursor: str = ""


class XrpcError(BaseModel):
    """The body of an error response: a name for programs and a sentence for people."""

    error: str = ""
    message: str = ""

    @property
    def text(self) -> str:
        return ": ".join(part for part in (self.error, self.message) if part)

    @property
    def is_expired_session(self) -> bool:
        return self.error in ("ExpiredToken", "InvalidToken")

    @property
    def is_inactive_account(self) -> bool:
        """Taken down, suspended or deactivated, as the server of the account or of the repository calls it."""
        return self.error.startswith(("Account", "Repo"))

    @property
    def is_missing_record(self) -> bool:
        return self.error == "RecordNotFound" or self.message.startswith("Could not locate record")


def error_of(response: ApiResponse) -> XrpcError:
    """The error in a response, or the meaning of its status."""
    try:
        return XrpcError.model_validate_json(response.content)
    except ValidationError:
        return XrpcError(message=response.reason_phrase)
