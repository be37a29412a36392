"""The contract between channels and the rest of the product: what a channel offers and what it is given.

A channel imports this module and, for social networks, `distributor.channels.social`; nothing else of the product is
needed. `docs/guides/adding_a_channel.md` walks through an example.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address
from typing import ClassVar, Protocol, runtime_checkable

from pydantic import BaseModel

from distributor.described_settings import InvalidSettingsError
from distributor.domain.article import Article, Media
from distributor.domain.blocks import Block
from distributor.domain.brand import Brand
from distributor.domain.campaign_review import Cost
from distributor.domain.delivery import Attribution, Delivery, Outcome, Verdict
from distributor.domain.diagnostics import Finding, Nameserver
from distributor.domain.feedback import Feedback
from distributor.domain.merge_fields import FieldGroup, MergeFields, ReaderFields
from distributor.domain.message_options import Attachment, MessageOptions
from distributor.domain.problems import CheckResult, Problem, Severity
from distributor.domain.rendition import Json, Rendition
from distributor.domain.schedule import find_zone
from distributor.domain.send_schedule import SendSchedule
from distributor.domain.subscriber import MailingList
from distributor.domain.tags import Tag
from distributor.domain.tokens import TokenSigner
from distributor.rendering.environment import Templates

__all__ = [
    "NO_MEDIA",
    "AccountMail",
    "AccountMailChannel",
    "Article",
    "Attachment",
    "Attribution",
    "Audience",
    "Brand",
    "Capabilities",
    "Channel",
    "ChannelPlace",
    "CheckResult",
    "CheckedChannel",
    "ClosableChannel",
    "ConfiguredChannel",
    "ConfirmationChannel",
    "ConnectionWay",
    "Cost",
    "CostEstimatingChannel",
    "Dedupe",
    "Delivery",
    "DiagnosableChannel",
    "DiagnosticContext",
    "DiscoveringChannel",
    "GuidedKind",
    "IdentifyingChannel",
    "InMemoryMedia",
    "InMemoryRoutes",
    "InboxLine",
    "InvalidSettingsError",
    "Journal",
    "Json",
    "KindPresentation",
    "Lease",
    "LostPeriod",
    "MailingList",
    "MalformedEvent",
    "MeasuringChannel",
    "Media",
    "MediaStore",
    "MessageOptions",
    "MessageSize",
    "NoRateLimiter",
    "Outcome",
    "Personalization",
    "PersonalizedChannel",
    "PlacedChannel",
    "PostLengths",
    "PostPart",
    "PostPartState",
    "PostParts",
    "PresentedKind",
    "Problem",
    "Publications",
    "PublishedCollection",
    "PublishedDocument",
    "PublishingChannel",
    "Question",
    "RateLimit",
    "RateLimiter",
    "ReaderScreen",
    "ReaderView",
    "ReaderViews",
    "ReconcilingChannel",
    "RenderContext",
    "Rendition",
    "RequiringChannel",
    "Route",
    "RoutePause",
    "Routes",
    "ScheduledChannel",
    "SendContext",
    "SentMessage",
    "SentMessageChannel",
    "Severity",
    "SigningChannel",
    "Site",
    "SubjectChannel",
    "Templates",
    "TextLength",
    "TokenSigner",
    "TrackingOptions",
    "UnlimitedLease",
    "Verdict",
    "ViewedChannel",
    "WebVersionChannel",
    "WebhookChannel",
    "WebhookEvents",
    "WebhookRequest",
]


class Audience(StrEnum):
    """Who the recipients of a kind are: people on lists, or what the channel itself names (accounts, feeds)."""

    SUBSCRIBERS = "subscribers"
    BROADCAST = "broadcast"


class Dedupe(StrEnum):
    """What the remote API does with a repeated call.

    EXACT: the call is idempotent. HINT: it may reject the duplicate, without the id of the first. NONE: it sends twice.
    """

    EXACT = "exact"
    HINT = "hint"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a kind can do. `queue` is the Celery queue its deliveries are sent from.

    `message_options` are the names of the `MessageOptions` that its messages use.
    """

    audience: Audience
    dedupe: Dedupe
    queue: str
    message_options: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The site that publishes. `public_url` is the root of all public links, without a trailing slash.

    `time_zone` is the name of the zone in which the team reads times, as `find_zone` knows it.
    """

    name: str
    public_url: str
    postal_address: str
    sender: str
    language: str = "en"
    time_zone: str = "UTC"
    brand: Brand = field(default_factory=Brand)

    @property
    def zone(self) -> tzinfo:
        """The time zone of the team."""
        return find_zone(self.time_zone) or UTC

    def absolute_url(self, url: str) -> str:
        """The URL, with the root of the site before what is only a path."""
        return f"{self.public_url}{url}" if url.startswith("/") else url

    def article_url(self, article: Article) -> str:
        """The address of the article's page."""
        return f"{self.public_url}/articles/{article.slug}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingOptions:
    """A campaign's privacy setting: what is measured about individual recipients."""

    opens: bool = True
    clicks: bool = True


class MediaStore(Protocol):
    """The image files of articles that are stored here. Images elsewhere on the web are not among them."""

    def open(self, src: str) -> Media | None:
        """The file of an image by its `src` in the article, such as ``/media/x.png``; None if it is not stored here."""


class InMemoryMedia:
    """Media files held in memory."""

    def __init__(self, files: Iterable[Media] = ()) -> None:
        self._files = {file.src: file for file in files}

    def open(self, src: str) -> Media | None:
        return self._files.get(src)


NO_MEDIA: MediaStore = InMemoryMedia()


@dataclass(frozen=True, slots=True, kw_only=True)
class Personalization:
    """The text and files around the articles of one campaign.

    `parse_markdown` returns the blocks of a Markdown text and raises InputError.
    """

    parse_markdown: Callable[[str], Sequence[Block]]
    options: MessageOptions = field(default_factory=MessageOptions)
    campaign: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderContext:
    """Everything rendering may use besides the articles: no clock, no network.

    `list` is the mailing list the campaign is sent for, if any: its name, sender and footer take precedence over those
    of the channel and the site. `discovered_limits` is what `discover` returned last (such as the limits of an
    instance), or empty. `media` has the images of the articles. `personalization` is for kinds that are a
    `PersonalizedChannel`. `test_of` is the number of the campaign that this is a test of, which a mail says;
    `embeds_images` means that images are not public yet, so a mail contains them.
    """

    site: Site
    templates: Templates
    list: MailingList | None = None
    tracking: TrackingOptions = field(default_factory=TrackingOptions)
    discovered_limits: Mapping[str, Json] = field(default_factory=dict)
    media: MediaStore = field(default_factory=InMemoryMedia)
    personalization: Personalization | None = None
    test_of: int | None = None
    embeds_images: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """A token bucket: `per_second` tokens flow in, and it holds one second's worth of them, at least one.

    Limits of one `name` share one bucket among all workers that send over the channel.
    """

    name: str
    per_second: float


class RateLimiter(Protocol):
    """The token buckets of one channel, shared by all workers."""

    def take(self, limits: Sequence[RateLimit]) -> timedelta:
        """Take a token out of each bucket and return zero; or take none, and return how long until that may succeed."""

    def reserve(self, limit: RateLimit) -> timedelta:
        """Reserve the next free token for a delivery that is deferred, and return how long until it is available."""


class NoRateLimiter:
    """Never limits."""

    def take(self, limits: Sequence[RateLimit]) -> timedelta:
        return timedelta()

    def reserve(self, limit: RateLimit) -> timedelta:
        return timedelta()


@dataclass(frozen=True, slots=True)
class Route:
    """From `relay` to `destination`, a domain or a group of them; without one, everything that leaves the relay."""

    relay: str
    destination: str = ""

    def __str__(self) -> str:
        return f"{self.relay}/{self.destination}" if self.destination else self.relay


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutePause:
    """A route in backoff: nothing is sent over it until a probe succeeds. The next probe is due at `probe_at`."""

    route: Route
    reason: str
    probe_at: datetime

    def __str__(self) -> str:
        return f"{self.route} is paused: {self.reason}"


class Routes(Protocol):
    """The paused routes of the channel, shared by all workers."""

    def paused(self) -> Sequence[RoutePause]:
        """Every current pause."""

    def pause(self, route: Route, reason: str) -> RoutePause:
        """Pause the route. If it is paused already, its next probe moves further away."""

    def begin_probe(self, route: Route) -> RoutePause | None:
        """Claim the right to send one delivery over a paused route: the pause with its next probe, or None if not due.

        Only one worker gets it.
        """

    def resume(self, route: Route) -> None:
        """The route works again: deliveries that waited for it become due at once."""


# Far away, and early enough to add to.
_NEVER = datetime(9000, 1, 1, tzinfo=UTC)


class InMemoryRoutes:
    """Routes known to this process alone. A pause is never probed."""

    def __init__(self) -> None:
        self._pauses: dict[Route, RoutePause] = {}

    def paused(self) -> Sequence[RoutePause]:
        return list(self._pauses.values())

    def pause(self, route: Route, reason: str) -> RoutePause:
        self._pauses[route] = RoutePause(route=route, reason=reason, probe_at=_NEVER)
        return self._pauses[route]

    def begin_probe(self, route: Route) -> RoutePause | None:
        return None

    def resume(self, route: Route) -> None:
        self._pauses.pop(route, None)


class Lease(Protocol):
    """This worker's lease on the deliveries that it sends. It runs out while the process or the machine is stopped."""

    def check(self) -> None:
        """Raises LeaseLostError once the lease may have run out: then nothing may be sent any more.

        To be called right before the bytes by which the remote service accepts something are written.
        """


class UnlimitedLease:
    """Never runs out."""

    def check(self) -> None:
        return


class Journal(Protocol):
    """A record on this worker's disk, for deliveries too many to commit one by one.

    Each entry is written through to the operating system before the call returns, so it survives a killed process.
    """

    def begin(self, delivery: Delivery) -> None:
        """Record that the next call may reach the recipient. Raises LeaseLostError if it must not be made any more."""

    def settle(self, outcome: Outcome) -> None:
        """Record the result of the call."""


class PostPartState(StrEnum):
    INTENDED = "intended"
    SENT = "sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class PostPart:
    """One remote object of a delivery (a post of a thread), numbered from 0, committed before the call that creates it.

    `request` is what was to be sent when the part was first intended: a later attempt gets this back and must use it.
    `is_new` means that no earlier attempt can have sent it.
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
    """The committed record of what one delivery has already created at the remote service."""

    def of(self, delivery: Delivery) -> Sequence[PostPart]:
        """The parts intended so far, in order."""

    def intend(self, delivery: Delivery, number: int, request: Mapping[str, Json]) -> PostPart:
        """Commit that this part is about to be sent; if it was intended before, return the earlier part.

        Raises LeaseLostError if another worker has claimed the delivery meanwhile.
        """

    def settle(
        self,
        delivery: Delivery,
        number: int,
        *,
        remote_id: str,
        permalink: str | None,
        detail: Mapping[str, Json] | None = None,
    ) -> bool:
        """Commit the id that the remote service gave the part. `detail` keeps what a reply to it needs.

        False, and nothing has changed, if a lookup has given the post to another delivery meanwhile: then it has to be
        looked up which post is this part.
        """

    def settle_found(
        self,
        delivery: Delivery,
        number: int,
        *,
        remote_id: str,
        permalink: str | None,
        detail: Mapping[str, Json] | None = None,
    ) -> Attribution:
        """Commit that a post which a lookup found is this part, unless it may belong to another part or delivery.

        Nothing has changed unless the result is OWN. Of several lookups that find one post, only one gets OWN.
        """

    def withdraw(self, delivery: Delivery, number: int) -> None:
        """Remove the intent of a part that was definitely not created, so that it can be intended anew.

        Nothing happens if another worker has claimed the delivery meanwhile: the intent may be its own.
        """


class Publications(Protocol):
    """The articles that channels of this kind publish for readers who fetch documents, such as feeds."""

    def publish(self, guids: Sequence[str], *, at: datetime) -> None:
        """Commit that these articles are published here from `at` on, and build the documents that change by it.

        An article that was published before keeps its date. One that is older than `at` keeps its own. Raises
        ServiceError, and nothing has changed then.
        """


@dataclass(frozen=True, slots=True)
class LostPeriod:
    """What was sent between `since` and `until` is not in the database, because it was restored from a backup."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SendContext:
    """Everything sending may use. `now` returns aware UTC; `media` and `discovered_limits` as in RenderContext.

    `lost` is None unless what is sent may have been sent in such a period: a channel that can look it up does so first.
    """

    site: Site
    now: Callable[[], datetime]
    tokens: TokenSigner
    journal: Journal
    parts: PostParts
    publications: Publications
    lease: Lease = field(default_factory=UnlimitedLease)
    rate_limiter: RateLimiter = field(default_factory=NoRateLimiter)
    routes: Routes = field(default_factory=InMemoryRoutes)
    media: MediaStore = field(default_factory=InMemoryMedia)
    discovered_limits: Mapping[str, Json] = field(default_factory=dict)
    lost: LostPeriod | None = None


class Channel(Protocol):
    """A configured destination of some kind. Instances are made by `Kind(settings)` and hold no state but connections.

    A kind may offer more by implementing one of the protocols below, such as `ReconcilingChannel`.
    """

    kind: ClassVar[str]
    settings_model: ClassVar[type[BaseModel]]
    capabilities: ClassVar[Capabilities]

    def __init__(self, settings: BaseModel) -> None: ...

    def render(self, articles: Sequence[Article], context: RenderContext) -> Rendition:
        """The articles as this channel will send them. Pure: the same arguments give the same bytes.

        Raises TemplateError if a template cannot be rendered, and InputError for message options that are invalid.
        """

    def check(self, rendition: Rendition) -> list[Problem]:
        """What is wrong with a rendition, worst first; a blocking problem keeps it from being sent."""

    def preview(self, rendition: Rendition, media: MediaStore = NO_MEDIA) -> str:
        """An HTML document that shows the rendition as its reader will see it. `media` has the images of its posts."""

    def files(self, rendition: Rendition) -> Mapping[str, bytes]:
        """The rendition as files to look at, by name, e.g. ``{"x.json": …}``."""

    def recipients(self, rendition: Rendition) -> Sequence[str]:
        """Of a broadcast kind: the accounts or feeds this rendition goes to. Of a kind with subscribers: nothing."""

    def send(
        self, rendition: Rendition, deliveries: Sequence[Delivery], context: SendContext
    ) -> AsyncIterator[Outcome]:
        """Send, and yield one outcome per delivery as each is known.

        A delivery without an outcome counts as not sent. A failure of the remote service is an outcome, not an
        exception.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedCollection:
    """What the documents of one feed are built from: the articles published here as they are now, the newest first.

    `tag` is the tag that they have in common; None: it is the collection of all articles. `published_at` of an article
    is when it was first published here. A collection that had articles before may be empty. `since` is when it began.
    """

    tag: Tag | None
    since: datetime
    articles: Sequence[Article]


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedDocument:
    """Bytes served unchanged at `path` (no leading slash). HTTP validators are derived from them."""

    path: str
    media_type: str
    body: bytes
    last_modified: datetime


@runtime_checkable
class CheckedChannel(Protocol):
    """A channel that also tells what it checked and found to be right; `check` gives the same problems."""

    def check_all(self, rendition: Rendition) -> CheckResult:
        """What is wrong with a rendition, worst first, and a sentence for each check that found nothing."""


@runtime_checkable
class PublishingChannel(Protocol):
    """A channel whose deliveries end in documents that readers fetch; it uses `SendContext.publications`.

    The documents are built again whenever an article in them, their settings or the site changes.
    """

    @classmethod
    def document_format(cls) -> int:
        """A number to raise whenever the same collection gives other bytes: then every document is built again."""

    def max_articles(self) -> int:
        """How many articles a collection has at most; the newest stay."""

    def documents(self, collection: PublishedCollection, site: Site) -> Sequence[PublishedDocument]:
        """The documents of a collection. Pure: the same arguments give the same bytes."""


@runtime_checkable
class ReconcilingChannel(Protocol):
    """A channel that can find out what became of a delivery whose response was lost."""

    async def reconcile(self, rendition: Rendition, delivery: Delivery, context: SendContext) -> Outcome:
        """SENT with its id, RETRY_REMAINING if it is safe to send (the rest of) it, or UNKNOWN if it is still open."""


@runtime_checkable
class DiscoveringChannel(Protocol):
    """A channel that reads limits from the remote service before rendering."""

    async def discover(self) -> Mapping[str, Json]:
        """The `discovered_limits` of later contexts. Raises ServiceError."""


@runtime_checkable
class ConfiguredChannel(Protocol):
    """A channel that knows without asking the remote service whether its settings suffice to send anything."""

    def check_settings(self) -> Sequence[Problem]:
        """What is missing in the settings; a campaign is not sent on the channel before a blocking problem is fixed."""


@runtime_checkable
class IdentifyingChannel(Protocol):
    """A channel that can try its settings: it connects, signs in, and asks the remote service who it is there."""

    async def identify(self, context: SendContext) -> Sequence[Finding]:
        """What was tried, up to the first failure, which says what to do. Nothing is sent to anyone.

        A failure of the remote service is a finding, not an exception. `context` may only be used to look things up.
        """


@runtime_checkable
class RequiringChannel(Protocol):
    """A kind with settings that have no useful default: a channel is configured only with them."""

    @classmethod
    def required_settings(cls) -> Sequence[Sequence[str]]:
        """Groups of settings, of each of which one is required. The first of a group is the usual one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KindPresentation:
    """A kind in words, for people who choose where to publish: what it is called and what it does.

    `steps` lead to what its settings ask for.
    """

    title: str
    sentence: str
    steps: tuple[str, ...] = ()


@runtime_checkable
class PresentedKind(Protocol):
    """A kind with words of its own in the team's app."""

    @classmethod
    def presentation(cls) -> KindPresentation: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelPlace:
    """What a channel goes out as (an address, an account), and the service that takes it. Either may be unknown."""

    account: str = ""
    service: str = ""


@runtime_checkable
class PlacedChannel(Protocol):
    """A channel that can say where it goes without asking anyone."""

    def place(self, site: Site) -> ChannelPlace:
        """No secret is in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Something that is asked of a person, who answers with a text. `choices` are pairs of an answer and its words."""

    name: str
    label: str
    hint: str = ""
    default: str = ""
    is_secret: bool = False
    is_required: bool = True
    choices: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionWay:
    """A way to connect a channel, such as a provider, with what it asks for."""

    name: str
    title: str
    sentence: str
    questions: tuple[Question, ...]


@runtime_checkable
class GuidedKind(Protocol):
    """A kind with a setting that people would find hard to write, which is made from answers to questions."""

    @classmethod
    def connection_ways(cls) -> Sequence[ConnectionWay]:
        """The ways there are."""

    @classmethod
    def connection_settings(cls, way: str, answers: Mapping[str, str]) -> Mapping[str, str]:
        """The settings that the answers make. Raises InvalidSettingsError by the names of questions."""


@runtime_checkable
class CostEstimatingChannel(Protocol):
    """A channel whose remote service bills what is sent."""

    def estimate_cost(self, rendition: Rendition, recipients: int) -> Cost | None:
        """What it is going to bill for so many recipients; None if nothing, or if that is not known."""


@runtime_checkable
class ClosableChannel(Protocol):
    """A channel that keeps connections open between one `send` and the next."""

    async def close(self) -> None:
        """Close the connections, in the event loop that they were opened in; nothing is sent afterwards."""


@runtime_checkable
class ScheduledChannel(Protocol):
    """A channel with a schedule of its own: quiet hours, warm-up, waits before another attempt."""

    @property
    def send_schedule(self) -> SendSchedule: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSize:
    """The size of a message in bytes: of its HTML, and of the whole mail as it is sent."""

    html: int
    mail: int


@runtime_checkable
class PersonalizedChannel(Protocol):
    """A channel whose text differs by recipient; it uses `RenderContext.personalization`."""

    def check_message_options(self, personalization: Personalization) -> None:
        """Raises InputError with the line of the first error in the texts, before there is anything to render."""

    def merge_fields_of(self, rendition: Rendition) -> MergeFields:
        """The merge fields that the rendition uses."""

    def missing_field_for(self, rendition: Rendition, group: FieldGroup) -> str | None:
        """The key of a merge field without default that recipients of this group lack; None if there is none."""

    def files_for(self, rendition: Rendition, reader: ReaderFields) -> Mapping[str, bytes]:
        """As `files`, with the merge fields of this reader. Raises InputError."""

    def measure(self, rendition: Rendition) -> MessageSize:
        """The size of the message. Raises InputError if it cannot be composed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxLine:
    """What an inbox shows of a mail before it is opened: the sender, the subject, the text beside it."""

    sender: str
    subject: str
    preheader: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderScreen:
    """An HTML document on one screen, `width` CSS pixels wide; 0: as wide as there is room.

    `name` is part of URLs. With `is_dark` the document has dark colours, and without `has_images` no image is loaded.
    """

    name: str
    title: str
    page: str
    width: int = 0
    is_dark: bool = False
    has_images: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderView:
    """One way to look at a rendition: on screens, or as plain `text` where there are none. `note` says what to know.

    `name` is part of URLs.
    """

    name: str
    title: str
    screens: tuple[ReaderScreen, ...] = ()
    text: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderViews:
    """A rendition as its readers see it, the usual view first; `inbox` is of mails only."""

    views: tuple[ReaderView, ...]
    inbox: InboxLine | None = None


@runtime_checkable
class ViewedChannel(Protocol):
    """A channel whose readers see a rendition in several ways: on a phone, in dark, as plain text."""

    def views_of(
        self, rendition: Rendition, reader: ReaderFields | None = None, media: MediaStore = NO_MEDIA
    ) -> ReaderViews:
        """The views, as `reader` or else an invented reader sees them. `media` has the images of the articles.

        Raises InputError for a reader who cannot get it.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class TextLength:
    """How much of a post is used, with its link and hashtags, and how much it may have; `unit` is what is counted."""

    used: int
    limit: int
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PostLengths:
    """The posts about an article, as long as they are: those of a thread in order, of which there may be `most`.

    `hashtags` stand under the first one, without "#".
    """

    posts: tuple[TextLength, ...]
    most: int
    hashtags: tuple[str, ...] = ()


@runtime_checkable
class MeasuringChannel(Protocol):
    """A channel whose network limits the length of a text."""

    def max_thread(self) -> int:
        """How many posts a thread may have; 1 where the network has none."""

    def measure_posts(self, article: Article, context: RenderContext) -> PostLengths:
        """How long the posts about the article are with the words in `context.personalization`.

        Raises TemplateError.
        """


@runtime_checkable
class SubjectChannel(Protocol):
    """A channel whose messages have a subject."""

    def subject_of(self, rendition: Rendition) -> str:
        """The subject, with its merge fields."""


@runtime_checkable
class ConfirmationChannel(Protocol):
    """A channel that can send the confirmation message of a double opt-in."""

    def render_confirmation(self, list_: MailingList, context: RenderContext, *, language: str) -> Rendition:
        """The message, with a link of purpose CONFIRM for each delivery. Pure, like `render`; checked by `check`.

        `language` is the recipient's own as a BCP 47 tag. Raises TemplateError.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountMail:
    """The words of a mail to a user of the team's app; `otherwise` is for whom it surprises.

    Its button leads to `url`, or without one to a one-time link that the mail gets as it is sent.
    """

    subject: str
    title: str
    sentences: tuple[str, ...]
    button: str
    otherwise: str
    url: str = ""


@runtime_checkable
class AccountMailChannel(Protocol):
    """A channel that can send mails to users of the team's app."""

    def render_account_mail(self, mail: AccountMail, context: RenderContext) -> Rendition:
        """The message, with a link of purpose ACCOUNT for each delivery if it has no URL. Pure; checked by `check`.

        Raises TemplateError.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class SentMessage:
    """A message as one recipient got it.

    `html` is a document of its own, with the inline images in it; `attachments` are the names of the files. `raw` is
    the whole message without a signature.
    """

    headers: Sequence[tuple[str, str]]
    html: str
    text: str
    attachments: Sequence[str]
    raw: bytes


@runtime_checkable
class SentMessageChannel(Protocol):
    """A channel whose messages differ by recipient, and can be made again as they were sent."""

    def sent_message(self, rendition: Rendition, delivery: Delivery, tokens: TokenSigner) -> SentMessage:
        """The message of a delivery, with the tokens of this signer.

        Raises InputError if something that the message needs was erased since.
        """


@runtime_checkable
class WebVersionChannel(Protocol):
    """A channel whose messages can be viewed in a browser."""

    def render_web_version(
        self, rendition: Rendition, delivery: Delivery, tokens: TokenSigner, *, pixel_url: str
    ) -> str:
        """The HTML with this recipient's merge fields and links; `pixel_url` replaces the image that counts opens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRequest:
    """An HTTP request to our web hook: its header fields by their names in lower case, and its raw body."""

    headers: Mapping[str, str]
    body: bytes
    now: datetime
    tokens: TokenSigner


@dataclass(frozen=True, slots=True, kw_only=True)
class MalformedEvent:
    """An event in a signed request that cannot be read. `key` is the same for repeats, `content` what it was."""

    key: str
    reason: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEvents:
    """The events of one request. Those that are `malformed` are kept in quarantine, and the others are applied.

    `replay_key` identifies a signature that does not cover the body: a second body with the same key is rejected.
    """

    feedback: Sequence[Feedback] = ()
    malformed: Sequence[MalformedEvent] = ()
    replay_key: str = ""


@runtime_checkable
class WebhookChannel(Protocol):
    """A channel whose remote service reports delivery events by a web hook."""

    def read_events(self, request: WebhookRequest) -> WebhookEvents:
        """The events, once the signature has been verified. May fetch the certificate of the service.

        Raises SignatureError, InputError for a body that cannot be parsed as a whole, and ServiceError.
        """


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
    """What a diagnosis may use. Without `nameserver` the resolvers of the system are used.

    `outgoing_addresses` are the IP addresses that mail is sent from, as far as they are configured.
    """

    site: Site
    now: datetime
    nameserver: Nameserver | None = None
    outgoing_addresses: Sequence[IPv4Address | IPv6Address] = ()


@runtime_checkable
class DiagnosableChannel(Protocol):
    """A channel that can check whether DNS and other services are set up for what it sends."""

    def diagnose(self, diagnostic_context: DiagnosticContext) -> Iterator[Finding]:
        """Every finding. What cannot be determined is a finding too, not an exception."""
