"""The base class of channels that post to one account: rendering, checking, previewing, sending and reconciling."""

from __future__ import annotations

from abc import ABC, abstractmethod
from base64 import b64encode
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from gettext import gettext as _
from typing import ClassVar, Generic, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel

from distributor.channels.api import (
    NO_MEDIA,
    Article,
    Audience,
    Capabilities,
    ChannelPlace,
    CheckResult,
    Dedupe,
    Delivery,
    Json,
    MediaStore,
    MessageOptions,
    Outcome,
    PostLengths,
    Problem,
    ReaderScreen,
    ReaderView,
    ReaderViews,
    RenderContext,
    Rendition,
    SendContext,
    Severity,
    Site,
    Templates,
    TextLength,
    Verdict,
)
from distributor.channels.social.compose import PostSpec, compose, compose_written, tidy
from distributor.channels.social.idempotent_send import SearchableClient, SocialClient, reconcile_parts, send_parts
from distributor.channels.social.post import Post, card_of, file_of, image_of, posts_of, spans_of
from distributor.channels.social.settings import SocialSettings, is_public
from distributor.domain.diagnostics import DiagnosticStatus, Finding
from distributor.domain.errors import InputError, LeaseLostError
from distributor.domain.merge_fields import ReaderFields
from distributor.rendering.environment import shipped_templates
from distributor.rendering.fitting import Measure
from distributor.rendering.measuring import graphemes

SettingsT = TypeVar("SettingsT", bound=SocialSettings)

# The longest thread where the network sets no limit; nobody reads a longer one to its end.
MAX_THREAD = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class PostLimits:
    """The longest text of a post as `measure` counts it, and the name of that unit.

    `length_with_image` is the longest text of a post with an image, where that differs.
    """

    length: int
    length_with_image: int | None = None
    measure: Measure = graphemes
    unit: str = "characters"

    def length_of(self, post: Post) -> int:
        """The longest text that this post may have."""
        return self.length_with_image if post.image and self.length_with_image is not None else self.length


def broadcast(dedupe: Dedupe) -> Capabilities:
    """The capabilities of a channel that posts to an account."""
    options = frozenset({"text", "thread", "hashtags"})
    return Capabilities(audience=Audience.BROADCAST, dedupe=dedupe, queue="social", message_options=options)


class SocialChannel(ABC, Generic[SettingsT]):
    """One account on a network. Each article becomes a post; a network adds its limits, its client, its rules.

    Without `SearchableSocialChannel` a post whose response was lost stays UNKNOWN until a person or the campaign's
    policy decides.
    """

    kind: ClassVar[str]
    settings_model: ClassVar[type[BaseModel]]
    capabilities: ClassVar[Capabilities] = broadcast(Dedupe.NONE)
    # The settings without which nothing can be sent.
    credentials: ClassVar[tuple[str, ...]] = ()
    preview_template: ClassVar[str] = "social/page.html.j2"
    # The zero width joiners that do not end a hashtag on the network.
    hashtag_joiners: ClassVar[str] = ""

    def __init__(self, settings: SettingsT) -> None:
        self.settings = settings

    @abstractmethod
    def limits(self, frozen: Mapping[str, Json]) -> PostLimits:
        """The limits of a post. `frozen` is what `frozen_limits` returned when the rendition was made."""

    @abstractmethod
    def open_client(self, context: SendContext) -> SocialClient:
        """A client of the account for one delivery; it is closed afterwards."""

    @classmethod
    def required_settings(cls) -> Sequence[Sequence[str]]:
        return [(name,) for name in cls.credentials]

    def place(self, site: Site) -> ChannelPlace:
        """The account as far as it is set, and the server of the network."""
        return ChannelPlace(
            account=f"@{handle}" if (handle := self.settings.handle) else "",
            service=urlsplit(self.settings.network).netloc,
        )

    def frozen_limits(self, discovered: Mapping[str, Json]) -> Mapping[str, Json]:
        """The limits that the rendition keeps, where they differ between servers."""
        return {}

    def max_thread(self) -> int:
        """How many posts a thread may have; 1 where the network has none, or the client does not make any."""
        return 1

    def posts_about(self, article: Article, context: RenderContext, limits: PostLimits) -> Sequence[Post]:
        """The posts about one article; the second and later ones may continue a thread.

        Where a campaign words its posts itself, only the first one is used.
        """
        return [self.compose_post(article, context, limits)]

    def compose_post(
        self,
        article: Article,
        context: RenderContext,
        limits: PostLimits,
        *,
        has_link: bool = True,
        link_in_text: bool = True,
        has_image: bool = False,
    ) -> Post:
        """One post by the template ``social/<kind>.txt.j2``, with a link card unless `has_link` is False.

        With `has_image` it has the lead image of the article, if that is stored here or on the web.
        """
        link = context.site.article_url(article) if has_link else ""
        post = Post(
            text="",
            language=article.language,
            link=link,
            card=card_of(article, context.site) if link else None,
            image=image_of(article, context.media) if has_image else None,
        )
        words = words_of(context)
        spec = PostSpec(
            template=f"social/{self.kind}.txt.j2",
            limit=limits.length_of(post),
            measure=limits.measure,
            hashtags=self.settings.hashtags,
            own_hashtags=words.hashtags,
            joiners=self.hashtag_joiners,
            link=link if link_in_text else "",
        )
        if words.text:
            composed = compose_written(words.text, article, context, spec)
        else:
            composed = compose(article, context, spec)
        return replace(post, text=composed.text, hashtags=composed.hashtags)

    def check_posts(self, posts: Sequence[Post]) -> Iterable[Problem]:
        """What breaks the network's own rules, besides what every network forbids."""
        return ()

    def preview_note(self, posts: Sequence[Post]) -> str:
        """A sentence below the preview, such as the price of the posts."""
        return ""

    def render(self, articles: Sequence[Article], context: RenderContext) -> Rendition:
        frozen = self.frozen_limits(context.discovered_limits)
        limits = self.limits(frozen)
        if words_of(context).words_posts and len(articles) > 1:
            raise InputError(f"one text cannot be about {len(articles)} articles: make a campaign for each")
        posts = [post for article in articles for post in self._worded_posts(article, context, limits)]
        payload = {"name": context.site.name, "posts": [post.as_json() for post in posts]}
        return Rendition(self.kind, {**payload, "limits": dict(frozen)} if frozen else payload)

    def _worded_posts(self, article: Article, context: RenderContext, limits: PostLimits) -> Sequence[Post]:
        """The posts about one article, with those of the thread that the campaign wrote, if it wrote any."""
        posts = self.posts_about(article, context, limits)
        words = words_of(context)
        if not words.words_posts:
            return posts
        parts = (Post(text=tidy(part), language=article.language, continues=True) for part in words.thread)
        return [posts[0], *parts]

    def measure_posts(self, article: Article, context: RenderContext) -> PostLengths:
        limits = self.limits(self.frozen_limits(context.discovered_limits))
        posts = self._worded_posts(article, context, limits)
        lengths = (
            TextLength(used=limits.measure(post.text), limit=limits.length_of(post), unit=limits.unit) for post in posts
        )
        return PostLengths(posts=tuple(lengths), most=self.max_thread(), hashtags=posts[0].hashtags)

    def check(self, rendition: Rendition) -> list[Problem]:
        return list(self.check_all(rendition).problems)

    def check_all(self, rendition: Rendition) -> CheckResult:
        posts, limits = posts_of(rendition.payload), self._limits_of(rendition)
        own = _("The rules of the network are kept.")
        rules = [*_thread_problems(posts, self.max_thread()), *self.check_posts(posts)]
        found = CheckResult.of([*_checks_of(posts, limits), (own, rules)])
        problems = sorted(found.problems, key=lambda problem: problem.severity is not Severity.BLOCK)
        return CheckResult(problems=tuple(problems), passed=found.passed)

    def check_settings(self) -> list[Problem]:
        missing = self.settings.missing(self.credentials)
        if not missing:
            return []
        is_empty = "is empty" if len(missing) == 1 else "are empty"
        message = f"nothing can be posted: {', '.join(missing)} {is_empty}; fill in with `distributor channel change`"
        return [Problem(Severity.BLOCK, "credentials-missing", message, missing[0])]

    async def identify(self, context: SendContext) -> Sequence[Finding]:
        missing = self.check_settings()
        if missing:
            return [Finding("settings", DiagnosticStatus.FAIL, problem.message) for problem in missing]
        async with self.open_client(context) as client:
            found = await client.identify()
        if found:
            return found
        sentence = (
            f"channels of kind {self.kind} cannot ask who they post as: only the settings are known to be complete"
        )
        return [Finding("account", DiagnosticStatus.WARN, sentence)]

    def preview(self, rendition: Rendition, media: MediaStore = NO_MEDIA) -> str:
        posts = posts_of(rendition.payload)
        limits = self._limits_of(rendition)
        values = {
            "network": self.kind.capitalize(),
            "name": rendition.payload["name"],
            "account": self.settings.account,
            "note": self.preview_note(posts),
            "posts": [
                {**_shown(post, limits, media), "part": number, "parts": len(thread)}
                for thread in _threads(posts)
                for number, post in enumerate(thread, start=1)
            ],
            "language": posts[0].language if posts else "en",
        }
        return Templates([shipped_templates()]).render(self.preview_template, values)

    def views_of(
        self, rendition: Rendition, reader: ReaderFields | None = None, media: MediaStore = NO_MEDIA
    ) -> ReaderViews:
        screen = ReaderScreen(name="post", title=self.kind.capitalize(), page=self.preview(rendition, media))
        return ReaderViews(views=(ReaderView(name="post", title=screen.title, screens=(screen,)),))

    def files(self, rendition: Rendition) -> Mapping[str, bytes]:
        return {f"{self.kind}.json": file_of(posts_of(rendition.payload))}

    def recipients(self, rendition: Rendition) -> Sequence[str]:
        return [self.settings.recipient(self.credentials)]

    async def send(
        self, rendition: Rendition, deliveries: Sequence[Delivery], context: SendContext
    ) -> AsyncIterator[Outcome]:
        posts = posts_of(rendition.payload)
        for delivery in deliveries:
            yield self._refuse_without(self.credentials, delivery) or await self._send_one(posts, delivery, context)

    async def _send_one(self, posts: Sequence[Post], delivery: Delivery, context: SendContext) -> Outcome:
        try:
            async with self.open_client(context) as client:
                refusal = await client.sign_in()
                if refusal is not None:
                    return refusal.outcome_for(delivery)
                return await send_parts(posts, delivery, context, client, self.capabilities.dedupe)
        except LeaseLostError as error:
            return Outcome.of(delivery, Verdict.RETRY_REMAINING, reply=str(error))

    def _refuse_without(self, names: tuple[str, ...], delivery: Delivery) -> Outcome | None:
        missing = self.settings.missing(names)
        if not missing:
            return None
        reply = f"the channel's setting {' and '.join(missing)} is empty: fill it in and resume"
        return Outcome.of(delivery, Verdict.SENDER_REJECTED, reply=reply)

    def _limits_of(self, rendition: Rendition) -> PostLimits:
        return self.limits(rendition.payload.get("limits", {}))


class SearchableSocialChannel(SocialChannel[SettingsT]):
    """A social channel whose network can be asked for the account's earlier posts."""

    # The settings without which they cannot be read.
    lookup_credentials: ClassVar[tuple[str, ...] | None] = None

    @abstractmethod
    def open_client(self, context: SendContext) -> SearchableClient: ...

    async def reconcile(self, rendition: Rendition, delivery: Delivery, context: SendContext) -> Outcome:
        """Looks the parts of the delivery up among the account's posts; a part that does not exist is safe to send."""
        names = self.credentials if self.lookup_credentials is None else self.lookup_credentials
        refusal = self._refuse_without(names, delivery)
        if refusal is not None:
            return refusal
        total = len(posts_of(rendition.payload))
        async with self.open_client(context) as client:
            return await reconcile_parts(total, delivery, context, client, self.capabilities.dedupe)


def words_of(context: RenderContext) -> MessageOptions:
    """What the campaign says on this channel in its own words."""
    return context.personalization.options if context.personalization else MessageOptions()


def problems_of(posts: Sequence[Post], limits: PostLimits) -> list[Problem]:
    """Posts that are empty or too long (blocking), links that are not public and titles that were cut (warnings)."""
    return list(CheckResult.of(_checks_of(posts, limits)).problems)


def _checks_of(posts: Sequence[Post], limits: PostLimits) -> Iterator[tuple[str, Iterable[Problem]]]:
    """Each check with what is so if it finds nothing."""
    if not posts:
        yield "", [Problem(Severity.BLOCK, "empty", "there is no article to post: choose one")]
        return
    places = [f"post {number} of {len(posts)}" for number in range(1, len(posts) + 1)]
    for post, where in zip(posts, places, strict=True):
        length, allowed = limits.measure(post.text), limits.length_of(post)
        fits = _("%(length)s of %(allowed)s characters are used") % {"length": length, "allowed": allowed}
        yield f"{fits}{f' ({where})' if len(posts) > 1 else ''}.", _length_problems(post, length, limits, where)
    if any(post.link for post in posts):
        yield _("Everyone can open the link."), _link_problems(posts, places)
    yield _("No title was shortened."), _title_problems(posts, places)


def _length_problems(post: Post, length: int, limits: PostLimits, where: str) -> Iterator[Problem]:
    if not post.text:
        yield Problem(Severity.BLOCK, "empty", "the post has no text: give the article a title", where)
    if length > limits.length_of(post):
        message = (
            f"the post has {length} {limits.unit}, {limits.length_of(post)} are allowed: "
            "shorten the text, the title or the template"
        )
        yield Problem(Severity.BLOCK, "too-long", message, where)


def _thread_problems(posts: Sequence[Post], most: int) -> Iterator[Problem]:
    """One for each thread with more posts than there may be."""
    for number, thread in enumerate(_threads(posts), start=1):
        if len(thread) > most:
            allowed = f"a thread has {most} posts at most" if most > 1 else "there are no threads on this network"
            message = f"{len(thread)} posts continue one another, and {allowed}: shorten the text"
            yield Problem(Severity.BLOCK, "thread-too-long", message, f"thread {number}")


def _threads(posts: Sequence[Post]) -> list[list[Post]]:
    """The posts with those that continue them."""
    threads: list[list[Post]] = []
    for post in posts:
        if post.continues and threads:
            threads[-1].append(post)
        else:
            threads.append([post])
    return threads


def _link_problems(posts: Sequence[Post], places: Sequence[str]) -> Iterator[Problem]:
    for post, where in zip(posts, places, strict=True):
        if post.link and not is_public(post.link):
            message = f"readers cannot open {post.link}: set DISTRIBUTOR_PUBLIC_URL to the public address"
            yield Problem(Severity.WARN, "link-is-local", message, where)


def _title_problems(posts: Sequence[Post], places: Sequence[str]) -> Iterator[Problem]:
    for post, where in zip(posts, places, strict=True):
        if post.card and post.card.title not in post.text and "…" in post.text:
            message = "the title does not fit and was shortened: give the article a shorter one"
            yield Problem(Severity.WARN, "title-cut", message, where)


def _shown(post: Post, limits: PostLimits, media: MediaStore) -> dict[str, Json]:
    """The post as the preview shows it."""
    return {
        "spans": spans_of(post.text),
        "length": limits.measure(post.text),
        "limit": limits.length_of(post),
        "image": _image_url(post, media),
        "alt": post.image.alt if post.image else "",
        "language": post.language,
        "continues": post.continues,
        "card": post.card,
        "host": urlsplit(post.card.url).hostname if post.card else "",
    }


def _image_url(post: Post, media: MediaStore) -> str:
    """The URL of the image for a page of its own: a stored file becomes part of the page."""
    if post.image is None:
        return ""
    file = media.open(post.image.src)
    return f"data:{file.media_type};base64,{b64encode(file.body).decode()}" if file else post.image.src
