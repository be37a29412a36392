"""What a channel promises, and what it is given to keep the promise.

`docs/guides/adding_a_channel.md` walks through an example.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address
from typing import ClassVar, Protocol, runtime_checkable

from pydantic import BaseModel

from distributor.domain.article import Article
from distributor.domain.blocks import Block
from distributor.domain.delivery import Delivery, Outcome
from distributor.domain.diagnostics import Finding, Nameserver
from distributor.domain.feedback import Feedback
from distributor.domain.merge_fields import FieldGroup, MergeFields, ReaderFields
from distributor.domain.message_options import Attachment, MessageOptions
from distributor.domain.problems import Problem
from distributor.domain.rendition import Json, Rendition
from distributor.domain.send_schedule import SendSchedule
from distributor.domain.subscriber import MailingList
from distributor.domain.tokens import TokenSigner
from distributor.rendering.environment import Templates


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """A token bucket: `per_second` tokens flow in, and a second's worth of them, or one, may wait to be taken.

    Limits of one `name` are one bucket for everybody who sends over the channel.
    """

    name: str
    per_second: float


class RateLimiter(Protocol):
    """The buckets of one channel, shared by all workers."""

    def take(self, limits: Sequence[RateLimit]) -> timedelta:
        """Take a token out of each bucket and return zero; or take none, and return how long until that may succeed."""

    def queue(self, limit: RateLimit) -> timedelta:
        """How long until it is the turn of one more who cannot wait here; those who ask get one turn after another."""


class NoRateLimiter:
    """Rates of which there are none: for a channel that is tried out alone."""

    def take(self, limits: Sequence[RateLimit]) -> timedelta:
        return timedelta()

    def queue(self, limit: RateLimit) -> timedelta:
        return timedelta()


@dataclass(frozen=True, slots=True)
class Route:
    """From `relay` to `destination`, a domain or a group of them; without one, all that leaves the relay."""

    relay: str
    destination: str = ""

    def __str__(self) -> str:
        return f"{self.relay}/{self.destination}" if self.destination else self.relay


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutePause:
    """Nothing is sent over `lane`, why, and when one delivery may try whether that has passed."""

    lane: Route
    reason: str
    probe_at: datetime

    def __str__(self) -> str:
        return f"{self.lane} is paused: {self.reason}"


class Routes(Protocol):
    """Which lanes of the channel are paused. All workers see the same."""

    def paused(self) -> Sequence[RoutePause]:
        """Every pause there is now."""

    def pause(self, lane: Route, reason: str) -> RoutePause:
        """The lane was refused; again if it was paused already, and then the next probe is further away."""

    def begin_probe(self, lane: Route) -> RoutePause | None:
        """The right to send one delivery over a paused lane, if it is time: then the pause with its next probe."""

    def resume(self, lane: Route) -> None:
        """The lane bears again: what waited for it is due at once."""


# Far away, and early enough to add to.
_NEVER = datetime(9000, 1, 1, tzinfo=UTC)


class InMemoryRoutes:
    """Lanes that nobody else knows of: for a channel that is tried out alone. A pause is never probed."""

    def __init__(self) -> None:
        self._pauses: dict[Route, RoutePause] = {}

    def paused(self) -> Sequence[RoutePause]:
        return list(self._pauses.values())

    def pause(self, lane: Route, reason: str) -> RoutePause:
        self._pauses[lane] = RoutePause(lane=lane, reason=reason, probe_at=_NEVER)
        return self._pauses[lane]

    def begin_probe(self, lane: Route) -> RoutePause | None:
        return None

    def resume(self, lane: Route) -> None:
        self._pauses.pop(lane, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Personalization:
    """What goes around the articles of one campaign.

    `read` makes blocks of Markdown and raises InputError. `pictures` are the images of the articles that we hold, by
    their public paths such as ``/media/x.png``.
    """

    read: Callable[[str], Sequence[Block]]
    cover: MessageOptions = field(default_factory=MessageOptions)
    campaign: str = ""
    pictures: Mapping[str, Attachment] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSize:
    """How large a mail is, in octets: its HTML, and all of it as it is sent."""

    html: int
    mail: int


@runtime_checkable
class PersonalizedChannel(Protocol):
    """A channel that puts the covering of its `RenderContext` around articles; others pass over it."""

    def check_cover(self, covering: Personalization) -> None:
        """Raises InputError with the line for what cannot be said, before there is anything to render."""

    def merge_fields_of(self, rendition: Rendition) -> MergeFields:
        """What the rendition asks of each recipient."""

    def missing_field_for(self, rendition: Rendition, kin: FieldGroup) -> str | None:
        """The key of a field that has to be said to such people and is not known of them; None if all can be said."""

    def files_for(self, rendition: Rendition, reader: ReaderFields) -> Mapping[str, bytes]:
        """The rendition as this reader gets it, as files for a person to open. Raises InputError."""

    def weigh(self, rendition: Rendition) -> MessageSize:
        """How large the mail is. Raises InputError for one that cannot be composed."""


class Audience(StrEnum):
    """Who the recipients of a kind are: people on lists, or what the channel itself names (accounts, feeds)."""

    SUBSCRIBERS = "subscribers"
    BROADCAST = "broadcast"


class Dedupe(StrEnum):
    """What the other side makes of a repeated call: EXACT never doubles it, WINDOW for a time, HINT only complains."""

    EXACT = "exact"
    WINDOW = "window"
    HINT = "hint"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a kind can do. `queue` is the Celery queue its deliveries are sent from."""

    audience: Audience
    dedupe: Dedupe
    queue: str
    threads: bool = False
    media: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Who is speaking. `public_url` is the root of all public links, without a final slash."""

    name: str
    public_url: str
    postal_address: str
    sender: str
    language: str = "en"

    def article_url(self, article: Article) -> str:
        """Where the article is read on the web."""
        return f"{self.public_url}/articles/{article.slug}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingOptions:
    """A campaign's privacy setting: what is measured about single people."""

    opens: bool = True
    clicks: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderContext:
    """All that rendering may know besides the articles: no clock, no network.

    `list` is the list on whose behalf is spoken, if it is one: its name, sender and footer come before those of the
    channel and the site. `discovered_limits` is what `discover` has read from the remote API before (such as
    the limits of an instance), or empty. `covering` is what goes around the articles on a channel that can do that
    (`channels.covering`).
    """

    site: Site
    templates: Templates
    list: MailingList | None = None
    tracking: TrackingOptions = field(default_factory=TrackingOptions)
    discovered_limits: Mapping[str, Json] = field(default_factory=dict)
    covering: Personalization | None = None


class Journal(Protocol):
    """Evidence on this worker's disk, for deliveries too many to commit one by one.

    Written through to the operating system before it returns, so it outlives the death of the process.
    """

    def begin(self, delivery: Delivery) -> None:
        """The next thing to happen may reach the recipient."""

    def settle(self, outcome: Outcome) -> None:
        """The other side has answered."""


class PostPartState(StrEnum):
    INTENDED = "intended"
    SENT = "sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class PostPart:
    """One remote object of a delivery (a post of a thread), numbered from 0, committed before the call that makes it.

    `request` is what was meant to be sent when the part was first intended: a later attempt gets this back and must
    use it. `is_new` says that no earlier attempt can have sent it.
    """

    number: int
    request: Mapping[str, Json]
    state: PostPartState
    intended_at: datetime
    is_new: bool
    remote_id: str | None = None
    permalink: str | None = None
    detail: Mapping[str, Json] = field(default_factory=dict)


class PostParts(Protocol):
    """The committed record of what one delivery has already made on the other side."""

    def of(self, delivery: Delivery) -> Sequence[PostPart]:
        """The parts intended so far, in order."""

    def intend(self, delivery: Delivery, number: int, request: Mapping[str, Json]) -> PostPart:
        """Commit that this part is about to be sent; if that was said before, the answer is the earlier one."""

    def settle(
        self,
        delivery: Delivery,
        number: int,
        *,
        remote_id: str,
        permalink: str | None,
        detail: Mapping[str, Json] | None = None,
    ) -> None:
        """Commit the identity the other side gave the part. `detail` keeps what a reply to it needs."""

    def withdraw(self, delivery: Delivery, number: int) -> None:
        """The part was surely not made (the call was refused): forget the intent, so that it may be intended anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedItem:
    """One entry of a published collection, as the channel wrote it. `key` (the article's GUID) is unique in it."""

    key: str
    published_at: datetime
    updated_at: datetime
    content: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedDocument:
    """Bytes to be served as they are at `path` (no leading slash). Their validators follow from them."""

    path: str
    media_type: str
    body: bytes
    last_modified: datetime


class Publications(Protocol):
    """What channels hold ready for readers who fetch it themselves."""

    def publish(
        self,
        collection: str,
        item: PublishedItem,
        *,
        limit: int,
        compose: Callable[[Sequence[PublishedItem]], Sequence[PublishedDocument]],
    ) -> None:
        """Add the item to the collection, or replace the one with its key, and serve what `compose` makes of it.

        `compose` gets the newest `limit` items by `published_at`, newest first (equal times by key). All of it happens
        or none, and two changes of one collection never overlap. A revision older than the one there changes nothing.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class SendContext:
    """What sending may use. `now` gives aware UTC; `secret` is the site's key for names that must not be guessable."""

    site: Site
    now: Callable[[], datetime]
    tokens: TokenSigner
    journal: Journal
    parts: PostParts
    publications: Publications
    rates: RateLimiter = field(default_factory=NoRateLimiter)
    lanes: Routes = field(default_factory=InMemoryRoutes)
    discovered_limits: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRequest:
    """A call of a web hook: its header fields by their names in lower case, and its body as it came."""

    headers: Mapping[str, str]
    body: bytes
    now: datetime
    tokens: TokenSigner


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEvents:
    """What a call said. `once` names its signature where that is good for one body only: with another it is void."""

    feedback: Sequence[Feedback] = ()
    once: str = ""


class Channel(Protocol):
    """A configured destination of some kind. Instances are made by `Kind(settings)` and hold no state but connections.

    Optional methods: `async discover() -> Mapping` reads limits from the remote API (such as the length of a post);
    `async reconcile(rendition, delivery, context) -> Outcome` finds out what became of a delivery after a lost answer;
    `async close()` ends connections that are kept between calls of `send`;
    `timing`, a property, says when to send and when to try again;
    `read_events(call) -> Heard` reads what the other side calls our web hook to say;
    `examine(diagnostic_context)` judges what the DNS says of the sender (`channels.examination`);
    `merge_fields_of(rendition)` and its like are for text that differs by reader (`PersonalizedChannel`);
    `render_confirmation(list_, context, *, language) -> Rendition` asks who signed up for a list whether it was they.
    """

    kind: ClassVar[str]
    settings_model: ClassVar[type[BaseModel]]
    capabilities: ClassVar[Capabilities]

    def __init__(self, settings: BaseModel) -> None: ...

    def render(self, articles: Sequence[Article], context: RenderContext) -> Rendition:
        """What this channel will say about the articles. Pure: the same arguments give the same bytes.

        Raises TemplateError if a template cannot be rendered, and InputError for a covering that cannot be said.
        """

    def check(self, rendition: Rendition) -> list[Problem]:
        """What is wrong with a rendition, worst first; a blocking problem keeps it from going out."""

    def preview(self, rendition: Rendition) -> str:
        """An HTML document that shows the rendition as its reader will see it."""

    def files(self, rendition: Rendition) -> Mapping[str, bytes]:
        """The rendition as files for a person to open, by name, e.g. ``{"x.json": …}``."""

    def recipients(self, rendition: Rendition) -> Sequence[str]:
        """Of a broadcast kind: the accounts or feeds this rendition goes to. Of a kind with subscribers: nothing."""

    def send(
        self, rendition: Rendition, deliveries: Sequence[Delivery], context: SendContext
    ) -> AsyncIterator[Outcome]:
        """Send, and yield one outcome per delivery as each is known.

        A delivery for which nothing is yielded counts as not sent. Raises nothing on behalf of the other side: what
        goes wrong there is an outcome.
        """


@runtime_checkable
class DiscoversLimits(Protocol):
    """A channel that asks the other side for its limits."""

    async def discover(self) -> Mapping[str, Json]: ...


@runtime_checkable
class WebVersionChannel(Protocol):
    """A channel whose recipients may look in a browser at what they were sent."""

    def view(self, rendition: Rendition, delivery: Delivery, tokens: TokenSigner, *, pixel_url: str) -> str:
        """The HTML with this recipient's own values and links; `pixel_url` is fetched in place of what counts opens."""


@runtime_checkable
class ConfirmationChannel(Protocol):
    """A channel that can ask somebody who signed up for a list whether it was they."""

    def render_confirmation(self, list_: MailingList, context: RenderContext, *, language: str) -> Rendition:
        """The question, with a link of purpose CONFIRM for each delivery. Pure, like `render`; checked by `check`.

        `language` is the recipient's own as a BCP 47 tag. Raises TemplateError.
        """


@runtime_checkable
class ClosableChannel(Protocol):
    """A channel that keeps connections between one `send` and the next."""

    async def close(self) -> None:
        """No more will be sent: end them, in the event loop that they were made in."""


@runtime_checkable
class ScheduledChannel(Protocol):
    """A channel with times of its own: quiet hours, a plan to warm up, other waits before another attempt."""

    @property
    def timing(self) -> SendSchedule: ...


@runtime_checkable
class WebhookChannel(Protocol):
    """A channel whose other side calls a web hook to say what became of deliveries."""

    def read_events(self, call: WebhookRequest) -> WebhookEvents:
        """What was said, once the signature has been verified.

        May ask the other side for its certificate. Raises SignatureError, InputError for what cannot be read, and
        ServiceError if the other side does not answer.
        """


@runtime_checkable
class ReconcilingChannel(Protocol):
    """A channel that can find out what became of a delivery whose answer was lost."""

    async def reconcile(self, rendition: Rendition, delivery: Delivery, context: SendContext) -> Outcome:
        """SENT with its id, RESUME if it is surely safe to send (the rest), or UNKNOWN if that still cannot be told."""


@runtime_checkable
class SigningChannel(Protocol):
    """A channel that signs its mails with DKIM keys (RFC 6376).

    `key_ring_setting` names its secret setting that holds the keys, as `mail.dkim.keyring.KeyRing.dump` writes them.
    """

    key_ring_setting: ClassVar[str]

    def signing_domain(self, site: Site) -> str:
        """The sender's domain, which new keys are for unless another is named. Raises AddressError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosticContext:
    """What an examination may use. Without `nameserver` the system's are asked.

    `outgoing` are the addresses that mails leave from, as far as a person has told them.
    """

    site: Site
    now: datetime
    nameserver: Nameserver | None = None
    outgoing: Sequence[IPv4Address | IPv6Address] = ()


@runtime_checkable
class Diagnosable(Protocol):
    """A channel that can tell whether the world around it is ready for what it sends."""

    def examine(self, diagnostic_context: DiagnosticContext) -> Iterator[Finding]:
        """Every finding. What cannot be found out is a finding too: raises nothing for a network that is away."""
