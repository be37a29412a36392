"""What a Mastodon server answers, as far as it is read here."""

from __future__ import annotations

from datetime import datetime
from html.parser import HTMLParser
from typing import TypeVar

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError

from distributor.channels.social.answers import Unknown

_Parsed = TypeVar("_Parsed")


class MastodonAccount(BaseModel):
    id: str


class PostedStatus(BaseModel):
    """A post. `url` is missing for what others may not see; `uri` is always there."""

    id: str
    uri: str
    url: str | None = None
    content: str = ""
    created_at: datetime | None = None

    def says(self, text: str, link: str) -> bool:
        """Whether it was posted with this text, or at least leads to the same article."""
        page = _Page()
        page.feed(self.content)
        page.close()
        return _comparable("".join(page.text)) == _comparable(text) or (bool(link) and link in page.links)


ACCOUNT = TypeAdapter(MastodonAccount)
STATUS = TypeAdapter(PostedStatus)
STATUSES = TypeAdapter(list[PostedStatus])


class _Complaint(BaseModel):
    error: str = ""
    error_description: str = ""


def parse(model: TypeAdapter[_Parsed], answer: httpx.Response) -> _Parsed | Unknown:
    """The body of a successful answer."""
    try:
        return model.validate_json(answer.content)
    except ValidationError:
        return Unknown(reply="the server answered something that cannot be read", reply_code=answer.status_code)


def words_of(answer: httpx.Response) -> str:
    """What a refusal says about itself."""
    try:
        complaint = _Complaint.model_validate_json(answer.content)
    except ValidationError:
        return answer.reason_phrase
    return " ".join(part for part in (complaint.error, complaint.error_description) if part) or answer.reason_phrase


class _Page(HTMLParser):
    """The text and the links of a post: hidden parts of an address are text too, a line break is white space."""

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.links: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("p", "br"):
            self.text.append("\n")
        if tag == "a":
            self.links.update(value for name, value in attrs if name == "href" and value)

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def _comparable(text: str) -> str:
    return " ".join(text.split())
