"""The responses of Mastodon's API, as far as they are read here (docs.joinmastodon.org, "Entities")."""

from __future__ import annotations

from datetime import datetime
from html.parser import HTMLParser

from pydantic import BaseModel, ValidationError

from distributor.channels.social.http import ApiResponse


class MastodonAccount(BaseModel):
    id: str
    username: str = ""


class PostedStatus(BaseModel):
    """A status. `url` is missing for what others may not see; `uri` is always there.

    `in_reply_to_id` is the status that it replies to, as the parts of a thread do.
    """

    id: str
    uri: str
    url: str | None = None
    content: str = ""
    created_at: datetime | None = None
    in_reply_to_id: str | None = None

    def matches(self, text: str, link: str) -> bool:
        """Whether it was posted with this text, or at least links to the same article."""
        page = _StatusHtml()
        page.feed(self.content)
        page.close()
        return _normalized("".join(page.text)) == _normalized(text) or (bool(link) and link in page.links)


class _Error(BaseModel):
    error: str = ""
    error_description: str = ""


def error_of(response: ApiResponse) -> str:
    """The message of an error response, or the meaning of its status."""
    try:
        error = _Error.model_validate_json(response.content)
    except ValidationError:
        return response.reason_phrase
    return " ".join(part for part in (error.error, error.error_description) if part) or response.reason_phrase


class _StatusHtml(HTMLParser):
    """The text and the links of a status: hidden parts of a URL count as text, a line break as white space."""

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


def _normalized(text: str) -> str:
    return " ".join(text.split())
