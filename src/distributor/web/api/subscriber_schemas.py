"""Request and response schemas of subscribers, subscriptions and consents."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field, model_validator

from distributor.domain.api_token import ApiToken
from distributor.domain.consent import Consent, ConsentAction, ConsentEvidence, ConsentMethod
from distributor.domain.subscriber import Membership, Subscriber, SubscriberStatus, Subscription
from distributor.domain.suppression import Suppression, SuppressionReason
from distributor.web.api.fields import (
    Address,
    Attributes,
    IpAddress,
    Language,
    Name,
    RequestBody,
    RequiredText,
    ShortText,
    Tags,
    Timestamp,
    Zone,
)
from distributor.web.api.paging import Page

ListSlugs = Annotated[list[ShortText], Field(max_length=100, examples=[["weekly-letter"]])]


class SubscriptionOut(BaseModel):
    """A subscription: a subscriber's state and preferences on a list."""

    list: str = Field(description="The slug of the list.", examples=["weekly-letter"])
    state: Membership = Field(examples=["subscribed"])
    topics: tuple[str, ...] | None = Field(
        description="The topics chosen; null: every article.", examples=[["local-news"]]
    )
    state_changed_at: datetime

    @classmethod
    def of(cls, subscription: Subscription) -> SubscriptionOut:
        return cls(
            list=subscription.list.slug,
            state=subscription.state,
            topics=subscription.topics,
            state_changed_at=subscription.state_changed_at,
        )


class SubscriberOut(BaseModel):
    """A subscriber."""

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
    """A subscriber with their current and former subscriptions, and why they are suppressed, if so."""

    lists: list[SubscriptionOut]
    suppressed: list[SuppressionReason] = Field(description="Why they get no mail; empty if they do.")

    @classmethod
    def detail(
        cls, found: Subscriber, subscriptions: list[Subscription], suppressions: list[Suppression]
    ) -> SubscriberDetailOut:
        return cls(
            **SubscriberOut.of(found).model_dump(),
            lists=[SubscriptionOut.of(one) for one in subscriptions],
            suppressed=sorted({one.reason for one in suppressions}),
        )


class ConsentOut(BaseModel):
    """A record of consent given or withdrawn."""

    id: int = Field(examples=[1])
    list: str = Field(description="The slug of the list.", examples=["weekly-letter"])
    action: ConsentAction = Field(examples=["granted"])
    method: ConsentMethod = Field(examples=["api"])
    at: datetime
    text: str = Field(description="What they saw when they consented, or the stated basis.")
    text_sha256: str = Field(description="The SHA-256 of the text, in hexadecimal.")
    ip_address: str = Field(description="The IP address they consented from, or empty.", examples=["203.0.113.7"])
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
            ip_address=found.ip_address,
            detail=dict(found.detail),
        )


class SubscriberPage(Page[SubscriberOut]):
    """A page of subscribers, by ascending id."""


class ConsentPage(Page[ConsentOut]):
    """A page of consent records, by ascending id."""


class ConsentIn(RequestBody):
    """How a subscriber consented, as you state it. Stored as the record."""

    text: RequiredText = Field(
        description="What they saw when they consented, or the basis.",
        examples=["I would like the weekly letter. (box on the order form, ticked)"],
    )
    ip_address: IpAddress = Field("", description="The IP address they consented from, or empty.")
    detail: Attributes = Field(default_factory=dict, description="Further evidence, such as the URL of the page.")

    def evidence(self, token: ApiToken) -> ConsentEvidence:
        """The evidence to store; it includes the id of the token."""
        return ConsentEvidence(
            method=ConsentMethod.API,
            text=self.text,
            ip_address=self.ip_address,
            detail={**self.detail, "token": token.id},
        )


class SubscriberCreate(RequestBody):
    """A subscriber to create or add to, and lists to subscribe them to."""

    email: Address
    name: Name = ""
    language: Language = ""
    zone: Zone = ""
    attributes: Attributes = Field(default_factory=dict)
    tags: Tags = Field(default_factory=list)
    lists: ListSlugs = Field(default_factory=list, description="The slugs of lists to subscribe them to.")
    consent: ConsentIn | None = Field(None, description="How they consented to these lists; required with `lists`.")

    @model_validator(mode="after")
    def _consent_for_lists(self) -> SubscriberCreate:
        if self.lists and self.consent is None:
            raise ValueError("`lists` requires `consent`: state how they consented")
        return self


class SubscriberUpdate(RequestBody):
    """The fields to update; a field that is missing or null stays, except that null ends `paused_until`."""

    name: Name | None = None
    language: Language | None = None
    zone: Zone | None = None
    attributes: Attributes | None = Field(
        None, description="Merged into the existing ones; null removes an attribute (RFC 7396)."
    )
    tags: Tags | None = Field(None, description="Replaces all tags.")
    status: SubscriberStatus | None = None
    paused_until: Timestamp | None = Field(None, description="They get no mail until then; null ends the pause.")
