"""What the X API v2 answers, as far as it is read here."""

from __future__ import annotations

import html
import unicodedata
from typing import Any, TypeVar

import requests
from pydantic import BaseModel, ValidationError

from distributor.channels.social.answers import Unknown
from distributor.rendering.measuring import url_spans

_Parsed = TypeVar("_Parsed", bound=BaseModel)


class PostIdentity(BaseModel):
    id: str


class Identified(BaseModel):
    """The answer to a new post, and to the question who one is."""

    data: PostIdentity


class Url(BaseModel):
    url: str
    expanded_url: str = ""


class Entities(BaseModel):
    urls: list[Url] = []


class Reference(BaseModel):
    type: str
    id: str


class Tweet(BaseModel):
    id: str
    text: str
    entities: Entities = Entities()
    referenced_tweets: list[Reference] = []

    @property
    def in_reply_to(self) -> str | None:
        return next((one.id for one in self.referenced_tweets if one.type == "replied_to"), None)

    def says(self, text: str) -> bool:
        """Whether it was posted with this text: X escapes three signs for HTML and shortens addresses to t.co."""
        told = html.unescape(self.text)
        for url in self.entities.urls:
            told = told.replace(url.url, url.expanded_url or url.url)
        return _comparable(told) == _comparable(text)


class Meta(BaseModel):
    next_token: str | None = None


class Timeline(BaseModel):
    data: list[Tweet] = []
    meta: Meta = Meta()


class XProblem(BaseModel):
    """An error of the API v2 (RFC 9457), or of the layers before it that still speak as version 1.1 did."""

    title: str = ""
    detail: str = ""
    type: str = ""
    errors: list[dict[str, Any]] = []

    @property
    def words(self) -> str:
        messages = [str(error["message"]) for error in self.errors if "message" in error]
        return " ".join(dict.fromkeys([self.detail or self.title, *messages])).strip()


def parse(model: type[_Parsed], answer: requests.Response) -> _Parsed | Unknown:
    """The body of a successful answer."""
    try:
        return model.model_validate_json(answer.content)
    except ValidationError:
        return Unknown(reply="X answered something that cannot be read", reply_code=answer.status_code)


def complaint_in(answer: requests.Response) -> XProblem:
    """The body of a refusal, or what its status line says."""
    try:
        return XProblem.model_validate_json(answer.content)
    except ValidationError:
        return XProblem(title=answer.reason or "")


def _comparable(text: str) -> str:
    """The text as far as X keeps it: NFC, any white space alike, addresses without scheme and final slash."""
    normal = unicodedata.normalize("NFC", text)
    for start, end in reversed(url_spans(normal)):
        bare = normal[start:end].removeprefix("https://").removeprefix("http://").rstrip("/")
        normal = f"{normal[:start]}{bare}{normal[end:]}"
    return " ".join(normal.split())
