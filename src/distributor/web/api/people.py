"""People and their places on lists as the API takes and shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field, model_validator

from distributor.domain.api_token import ApiToken
from distributor.domain.consent import Consent, ConsentAction, ConsentEvidence, ConsentMethod
from distributor.domain.subscriber import Frequency, Membership, Subscriber, SubscriberStatus, Subscription
from distributor.domain.suppression import Suppression, SuppressionReason
from distributor.web.api.fields import (
    Address,
    Attributes,
    RequestBody,
    Language,
    Timestamp,
    Name,
    IpAddress,
    Tags,
    RequiredText,
    ShortText,
    Zone,
)
from distributor.web.api.paging import Page

ListSlugs = Annotated[list[ShortText], Field(max_length=100, examples=[["weekly-letter"]])]


class SubscriptionOut(BaseModel):
    """Somebody's place on a list."""

    list: str = Field(description="The slug of the list.", examples=["weekly-letter"])
    state: Membership = Field(examples=["subscribed"])
    topics: tuple[str, ...] | None = Field(
        description="The topics chosen; null means every article.", examples=[["local-news"]]
    )
    frequency: Frequency
    state_changed_at: datetime

    @classmethod
    def of(cls, place: Subscription) -> SubscriptionOut:
        return cls(
            list=place.list.slug,
            state=place.state,
            topics=place.topics,
            frequency=place.frequency,
            state_changed_at=place.state_changed_at,
        )


class SubscriberOut(BaseModel):
    """A person."""

    id: int = Field(examples=[1])
    email: str = Field(examples=["ada@example.org"])
    name: str = Field(examples=["Ada Lovelace"])
    language: str = Field(description="BCP 47, or empty.", examples=["de"])
    zone: str = Field(description="An IANA time zone, or empty.", examples=["Europe/Vienna"])
    attributes: dict[str, Any] = Field(examples=[{"city": "Vienna"}])
    tags: tuple[str, ...] = Field(examples=[["vip"]])
    status: SubscriberStatus
    paused_until: datetime | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, found: Subscriber) -> SubscriberOut:
        return cls.model_validate(found, from_attributes=True)


class SubscriberDetailOut(SubscriberOut):
    """A person, the lists they are or were on, and what keeps mail from them."""

    lists: list[SubscriptionOut]
    suppressed: list[SuppressionReason] = Field(description="Why they get no mail at all; empty if they do.")

    @classmethod
    def whole(cls, found: Subscriber, places: list[Subscription], held: list[Suppression]) -> SubscriberDetailOut:
        return cls(
            **SubscriberOut.of(found).model_dump(),
            lists=[SubscriptionOut.of(place) for place in places],
            suppressed=sorted({one.reason for one in held}),
        )


class ConsentOut(BaseModel):
    """One record of how somebody agreed, or took that back."""

    id: int = Field(examples=[1])
    list: str = Field(description="The slug of the list.", examples=["weekly-letter"])
    action: ConsentAction = Field(examples=["granted"])
    method: ConsentMethod = Field(examples=["api"])
    at: datetime
    text: str = Field(description="What they saw, or the basis that was stated.")
    text_sha256: str = Field(description="The SHA-256 of the text, in hexadecimal.")
    network: str = Field(description="The IP address they agreed from, or empty.", examples=["203.0.113.7"])
    detail: dict[str, Any]

    @classmethod
    def of(cls, found: Consent) -> ConsentOut:
        return cls(
            id=found.id,
            list=found.list_slug,
            action=found.action,
            method=found.method,
            at=found.at,
            text=found.text,
            text_sha256=found.text_hash,
            network=found.network,
            detail=dict(found.detail),
        )


class SubscriberPage(Page[SubscriberOut]):
    """Some of the people, by ascending number."""


class ConsentPage(Page[ConsentOut]):
    """Some of the records about somebody, by ascending number."""


class ConsentIn(RequestBody):
    """How somebody agreed, on your word. Kept for good as the record."""

    text: RequiredText = Field(
        description="What they saw when they agreed, or on what basis.",
        examples=["I would like the weekly letter. (box on the order form, ticked)"],
    )
    network: IpAddress = Field("", description="The IP address they agreed from, or empty.")
    detail: Attributes = Field(default_factory=dict, description="What else proves it, such as the page.")

    def evidence(self, token: ApiToken) -> ConsentEvidence:
        """What is kept: also by which token it was stated."""
        return ConsentEvidence(
            method=ConsentMethod.API,
            text=self.text,
            network=self.network,
            detail={**self.detail, "token": token.id},
        )


class SubscriberCreate(RequestBody):
    """Somebody to be known, and to be put on lists."""

    email: Address
    name: Name = ""
    language: Language = ""
    zone: Zone = ""
    attributes: Attributes = Field(default_factory=dict)
    tags: Tags = Field(default_factory=list)
    lists: ListSlugs = Field(default_factory=list, description="The slugs of lists to put them on.")
    consent: ConsentIn | None = Field(None, description="How they agreed to these lists; needed with `lists`.")

    @model_validator(mode="after")
    def _consent_for_lists(self) -> SubscriberCreate:
        if self.lists and self.consent is None:
            raise ValueError("nobody is put on a list without `consent`: say how they agreed")
        return self


class SubscriberUpdate(RequestBody):
    """What is to change; what is not named stays, and so does what is null, except `paused_until`."""

    name: Name | None = None
    language: Language | None = None
    zone: Zone | None = None
    attributes: Attributes | None = Field(
        None, description="Merged into those that are there; a name that is null is taken away (RFC 7396)."
    )
    tags: Tags | None = Field(None, description="All of their tags from now on.")
    status: SubscriberStatus | None = None
    paused_until: Timestamp | None = Field(None, description="They get nothing until then; null lets mail go on.")
