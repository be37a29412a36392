"""What strangers may put into the fields of a request: each type refuses what the house cannot take, and says why."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Annotated, Any, TypeVar

from fastapi import Path, Query
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from distributor.domain import person
from distributor.domain.address import checked_sender, parse_address
from distributor.domain.errors import InputError
from distributor.domain.tags import slugify

# The largest number of PostgreSQL's bigint.
MAX_BIGINT = 2**63 - 1
MAX_PAGE_SIZE = 200

_T = TypeVar("_T")


class RequestBody(BaseModel):
    """What is sent to us: a field that is not known is an error, not noise."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def checked_by(check: Callable[[_T], Any]) -> AfterValidator:
    """A check of the domain as one of pydantic, so that the answer can name the field."""

    def checked(value: _T) -> Any:
        try:
            return check(value)
        except InputError as error:
            # As a context, lest braces in the words be taken for placeholders.
            raise PydanticCustomError("input", "{reason}", {"reason": str(error)}) from None

    return AfterValidator(checked)


def _storable(text: str) -> str:
    if "\x00" in text:
        raise InputError("it holds a NUL, which cannot be kept")
    return text


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise InputError("it is outside the calendar") from None


def _slug(text: str) -> str:
    if slugify(text) != text or not text:
        raise InputError(f"{text[:40]!r} is not a slug: lower-case words joined by hyphens, such as 'weekly-letter'")
    return text


def _slugs(labels: list[str]) -> list[str]:
    for label in labels:
        if not slugify(label):
            raise InputError(f"{label!r} holds no letter and no digit, so it is no tag")
    return list(dict.fromkeys(map(slugify, labels)))


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
        raise InputError("it holds a line break or another control character")
    return text


# None of them holds a NUL, which PostgreSQL cannot keep.
ShortText = Annotated[str, Field(max_length=200), checked_by(_storable)]
LongText = Annotated[str, Field(max_length=10_000), checked_by(_storable)]
RequiredText = Annotated[str, Field(min_length=1, max_length=10_000), checked_by(_storable)]
Title = Annotated[str, Field(min_length=1, max_length=200, examples=["Weekly letter"]), checked_by(_line)]
Line = Annotated[str, Field(max_length=200), checked_by(_line)]
Slug = Annotated[str, Field(max_length=200, examples=["weekly-letter"]), checked_by(_slug)]
# Tags as people write them; kept as their slugs.
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

SlugInPath = Annotated[ShortText, Path(description="The slug.")]
NumberInPath = Annotated[int, Path(ge=1, le=MAX_BIGINT, description="The number.")]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE_SIZE, description="At most so many.")]
# Half of what a number may be: more is added to it on the way to the next page.
After = Annotated[int, Query(ge=0, le=MAX_BIGINT // 2, description="`next` of the page before.")]
