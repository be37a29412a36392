"""The responses of the X API v2, as far as they are read here (docs.x.com)."""

from __future__ import annotations

import html
import unicodedata
from typing import Any

import requests
from pydantic import BaseModel, ValidationError

from distributor.rendering.measuring import url_spans


class _Object(BaseModel):
    id: str


class DataResponse(BaseModel):
    """The response to a new post."""

    data: _Object


class _User(BaseModel):
    id: str
    username: str


class UserResponse(BaseModel):
    """The response to `GET /2/users/me`."""

    data: _User


class _Url(BaseModel):
    url: str
    expanded_url: str = ""


class _Entities(BaseModel):
    urls: list[_Url] = []


class _Reference(BaseModel):
    type: str
    id: str


class Tweet(BaseModel):
    id: str
    text: str
    entities: _Entities = _Entities()
    referenced_tweets: list[_Reference] = []

    @property
    def in_reply_to(self) -> str | None:
        return next((one.id for one in self.referenced_tweets if one.type == "replied_to"), None)

    def matches(self, text: str) -> bool:
        """Whether it was posted with this text: X escapes three characters as in HTML and shortens URLs to t.co."""
        posted = html.unescape(self.text)
        for url in self.entities.urls:
            posted = posted.replace(url.url, url.expanded_url or url.url)
        return _normalized(posted) == _normalized(text)


class _Meta(BaseModel):
    next_token: str | None = None


class TimelinePage(BaseModel):
    data: list[Tweet] = []
    meta: _Meta = _Meta()


class XProblem(BaseModel):
    """An error of the API v2 (RFC 9457), or of the layers before it that still answer as version 1.1 did."""

    title: str = ""
    detail: str = ""
    type: str = ""
    errors: list[dict[str, Any]] = []

    @property
    def text(self) -> str:
        messages = [str(error["message"]) for error in self.errors if "message" in error]
        return " ".join(dict.fromkeys([self.detail or self.title, *messages])).strip()


def problem_of(response: requests.Response) -> XProblem:
    """The problem in an error response, or the meaning of its status."""
    try:
        return XProblem.model_validate_json(response.content)
    except ValidationError:
        return XProblem(title=response.reason or "")


def _normalized(text: str) -> str:
    """The text as far as X keeps it: NFC, any white space alike, URLs without scheme and trailing slash."""
    normal = unicodedata.normalize("NFC", text)
    for start, end in reversed(url_spans(normal)):
        bare = normal[start:end].removeprefix("https://").removeprefix("http://").rstrip("/")
        normal = f"{normal[:start]}{bare}{normal[end:]}"
    return " ".join(normal.split())
