"""Types of request fields: each rejects values that cannot be stored, with a reason."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Annotated, Any, TypeVar

from fastapi import Header, Path, Query
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from distributor.domain import person
from distributor.domain.address import checked_sender, parse_address
from distributor.domain.errors import InputError
from distributor.domain.tags import slugify, tag_slug

# The largest value of PostgreSQL's bigint.
MAX_BIGINT = 2**63 - 1
MAX_PAGE_SIZE = 200

_T = TypeVar("_T")


class RequestBody(BaseModel):
    """The base of request bodies: an unknown field is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def checked_by(check: Callable[[_T], Any]) -> AfterValidator:
    """A check of the domain as a pydantic validator, so that the error names the field."""

    def checked(value: _T) -> Any:
        try:
            return check(value)
        except InputError as error:
            # As context, so that braces in the reason are not read as placeholders.
            raise PydanticCustomError("input", "{reason}", {"reason": str(error)}) from None

    return AfterValidator(checked)


def checked_text(text: str) -> str:
    """The text, if it can be stored. Raises InputError."""
    if "\x00" in text:
        raise InputError("it contains a NUL character, which cannot be stored")
    return text


def _in_utc(time: datetime) -> datetime:
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise InputError("the time is out of range") from None


def _slug(text: str) -> str:
    if slugify(text) != text or not text:
        raise InputError(f"{text[:40]!r} is not a slug: lower-case words joined by hyphens, such as 'weekly-letter'")
    return text


def _slugs(labels: list[str]) -> list[str]:
    for label in labels:
        if not tag_slug(label):
            raise InputError(f"{label!r} has nothing that can be seen, so it is not a tag")
    return list(dict.fromkeys(map(tag_slug, labels)))


def _tags(tags: list[str]) -> list[str]:
    return list(person.clean_tags(tags))


def _address(text: str) -> str:
    parse_address(text)
    return text


def _network(text: str) -> str:
    if not text:
        return text
    try:
        return str(ip_address(text))
    except ValueError:
        raise InputError(f"{text[:40]!r} is not an IP address") from None


def _line(text: str) -> str:
    if re.search(r"[\x00-\x1f\x7f]", text):
        raise InputError("it contains a line break or another control character")
    return text


# None of them accepts a NUL, which PostgreSQL cannot store.
ShortText = Annotated[str, Field(max_length=200), checked_by(checked_text)]
LongText = Annotated[str, Field(max_length=10_000), checked_by(checked_text)]
RequiredText = Annotated[str, Field(min_length=1, max_length=10_000), checked_by(checked_text)]
Title = Annotated[str, Field(min_length=1, max_length=200, examples=["Weekly letter"]), checked_by(_line)]
Line = Annotated[str, Field(max_length=200), checked_by(_line)]
Slug = Annotated[str, Field(max_length=200, examples=["weekly-letter"]), checked_by(_slug)]
# Tags as people write them; stored as slugs.
Topics = Annotated[list[Line], Field(max_length=100, examples=[["local-news", "sport"]]), checked_by(_slugs)]
Timestamp = Annotated[AwareDatetime, checked_by(_in_utc)]

Address = Annotated[str, Field(max_length=1016, examples=["ada@example.org"]), checked_by(_address)]
Name = Annotated[str, Field(max_length=1000, examples=["Ada Lovelace"]), checked_by(person.clean_name)]
Language = Annotated[str, Field(max_length=100, examples=["de", "pt-BR"]), checked_by(person.clean_language)]
Zone = Annotated[str, Field(max_length=100, examples=["Europe/Vienna"]), checked_by(person.clean_zone)]
Tags = Annotated[list[str], Field(examples=[["vip"]]), checked_by(_tags)]
Attributes = Annotated[dict[str, Any], Field(examples=[{"city": "Vienna"}]), checked_by(person.checked_attributes)]
IpAddress = Annotated[str, Field(max_length=100, examples=["203.0.113.7"]), checked_by(_network)]
Sender = Annotated[Line, Field(examples=["The Gazette <news@example.org>"]), checked_by(checked_sender)]


def idempotency_header(description: str) -> Any:
    """The header `Idempotency-Key`, under which a request that is repeated acts once; `description` says on what."""
    return Header(alias="Idempotency-Key", min_length=1, max_length=255, description=description)


SlugInPath = Annotated[ShortText, Path(description="The slug.")]
IdInPath = Annotated[int, Path(ge=1, le=MAX_BIGINT, description="The id.")]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE_SIZE, description="The size of the page.")]
# Half of the largest id, so that adding to it cannot overflow.
After = Annotated[int, Query(ge=0, le=MAX_BIGINT // 2, description="`next` of the previous page.")]
