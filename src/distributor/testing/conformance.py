"""The conformance suite: what every kind of channel has to do, as checks that its test calls.

`violations` holds for every kind; `sending_violations` sends through a scripted HTTP server and holds for kinds that
post to one API. Both return sentences, so that a test reads ``assert violations(MyChannel) == []``.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from distributor.channels.api import (
    Article,
    Audience,
    Channel,
    Dedupe,
    Outcome,
    ReconcilingChannel,
    RenderContext,
    Rendition,
    Severity,
    Templates,
    TrackingOptions,
    Verdict,
)
from distributor.channels.registry import template_folders
from distributor.domain.blocks import Heading, List, ListItem, Paragraph, Run
from distributor.domain.tags import Tag
from distributor.rendering.environment import shipped_templates
from distributor.testing.fakes import SAMPLE_SITE, ChannelHarness
from distributor.testing.scripted_server import (
    LoseResponse,
    NeverRespond,
    RecordedRequest,
    Reply,
    ScriptedServer,
    Step,
    closed_port,
    scripted_server,
)

SAMPLE_ARTICLE = Article(
    guid="urn:uuid:8f14e45f-ceea-467f-a0d1-2b6f7c3d9e10",
    slug="a-sample",
    revision=1,
    title="A sample & its <characters>",
    body=(
        Paragraph((Run("A sentence with "), Run("a link", href="https://example.org/there"), Run("."))),
        Heading(2, (Run("A heading"),)),
        List((ListItem((Paragraph((Run("one item"),)),)),)),
    ),
    tags=(Tag("Sample tag"), Tag("Überraschung")),
    summary="What the sample is about.",
    author="Sam Sample",
    language="en",
    image=None,
    published_at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
    updated_at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
)

_SECRET_NAMES = re.compile(r"password|secret|token|_key$|smtp_url")
# Long enough for a busy machine to connect and answer; the server that never responds costs this once.
_TIMEOUT_SECONDS = 2.0
# A time after which every network shows a post that it has accepted.
_LONG_AFTER = timedelta(hours=1).total_seconds()


def violations(kind: type[Channel], templates: Templates | None = None) -> list[str]:
    """What this kind does against the contract, each in a sentence; empty if it conforms.

    Without `templates` those of the product, of installed packages and of a folder `templates` beside the kind are
    used.
    """
    try:
        channel = kind(kind.settings_model())
    except ValidationError as error:
        setting = ".".join(str(part) for part in error.errors()[0]["loc"])
        return [f"setting {setting} has no default: without it a rendition cannot be previewed"]
    context = render_context(kind, templates)
    rendition = channel.render([SAMPLE_ARTICLE], context)
    return [
        *_settings_violations(kind),
        *_render_violations(channel, rendition, context),
        *_preview_violations(channel, rendition),
        *_recipient_violations(channel, rendition),
    ]


def render_context(kind: type[Channel], templates: Templates | None = None) -> RenderContext:
    """A context to render with, by the rules of `violations`."""
    source = inspect.getsourcefile(kind)
    beside = [Path(source).parent / "templates"] if source else []
    folders = [folder for folder in beside if folder.is_dir()]
    every = templates or Templates([*folders, *template_folders(), shipped_templates()])
    return RenderContext(site=SAMPLE_SITE, templates=every)


@dataclass(frozen=True, kw_only=True)
class HttpScenario:
    """How a channel is sent through a scripted server.

    settings      the settings that lead to the server at a URL, with credentials
    is_post       whether a request creates a post
    created       the response to a post that was created
    rate_limited  the response 429 that names the time at which the limit is lifted; it is in whole seconds
    other         the responses to all other requests (signing in, looking posts up); posts are never shown
    statuses      responses to a post by the verdict they must lead to, besides those of the suite
    """

    settings: Callable[[str], Mapping[str, Any]]
    is_post: Callable[[RecordedRequest], bool]
    created: Reply
    rate_limited: Callable[[datetime], Reply]
    other: Callable[[RecordedRequest], Step] = lambda request: Reply(404, {})
    statuses: Sequence[tuple[Reply, Verdict]] = ()
    articles: Sequence[Article] = field(default_factory=lambda: (SAMPLE_ARTICLE,))


def sending_violations(kind: type[Channel], scenario: HttpScenario, templates: Templates | None = None) -> list[str]:
    """What this kind does wrong when it sends over HTTP, each in a sentence; empty if it conforms.

    Tried are: success and a repetition of it; 401, 403, 429 with a time, 500; a refused connection; a response that is
    lost, never comes, or cannot be parsed; a worker that was killed; and that no second post is made blindly after any
    of these, until the intent has been withdrawn.
    """
    suite = _SendingSuite(kind, scenario, render_context(kind, templates))
    return [
        *suite.success(),
        *suite.rejected(Reply(401, {}), {Verdict.SENDER_REJECTED}),
        *suite.rejected(Reply(403, {}), {Verdict.SENDER_REJECTED, Verdict.FAILED}),
        *(violation for reply, verdict in scenario.statuses for violation in suite.rejected(reply, {verdict})),
        *suite.rate_limited(),
        *suite.connection_refused(),
        *suite.unknown("after status 500", Reply(500, {})),
        *suite.unknown("after a lost response", LoseResponse()),
        *suite.unknown("after a timeout", NeverRespond()),
        *suite.unknown("after a success that cannot be parsed", Reply(200, b"<html>")),
        *suite.killed_worker(),
    ]


@dataclass(frozen=True)
class _SendingSuite:
    kind: type[Channel]
    scenario: HttpScenario
    context: RenderContext

    def success(self) -> Iterator[str]:
        with self._server(self.scenario.created) as server:
            harness = self._harness(server.url)
            first, second = harness.send(), harness.send()
            posts = len(self._posts(server))
        if first.verdict is not Verdict.SENT or not first.remote_id:
            yield f"success: the outcome is {_shown(first)}, not sent with a remote id"
        if harness.states != ["sent"] * len(harness.states):
            yield f"success: the parts are {harness.states}"
        if second.verdict is not Verdict.SENT or second.remote_id != first.remote_id:
            yield f"success: a second attempt comes to {_shown(second)}, not to the first outcome"
        if posts != len(harness.states):
            yield f"success: {posts} posts are made for {len(harness.states)} parts in two attempts"

    def rejected(self, reply: Reply, verdicts: set[Verdict]) -> Iterator[str]:
        case = f"after status {reply.status}"
        with self._server(reply) as server:
            harness = self._harness(server.url)
            outcome = harness.send()
        if outcome.verdict not in verdicts:
            wanted = " or ".join(sorted(verdict.value for verdict in verdicts))
            yield f"{case}: the outcome is {_shown(outcome)}, not {wanted}"
        if outcome.reply_code != reply.status:
            yield f"{case}: the reply code is {outcome.reply_code}"
        yield from self._nothing_committed(case, harness)

    def rate_limited(self) -> Iterator[str]:
        case = "after status 429"
        with self._server(self.scenario.created) as server:
            harness = self._harness(server.url)
            lifted_at = harness.clock().replace(microsecond=0) + timedelta(minutes=9)
            normal, server.route = server.route, self._route(self.scenario.rate_limited(lifted_at))
            outcome = harness.send()
            yield from self._nothing_committed(case, harness)
            server.route = normal
            later = harness.send()
        if outcome.verdict is not Verdict.DEFERRED:
            yield f"{case}: the outcome is {_shown(outcome)}, not deferred"
        elif outcome.retry_at is None or abs(outcome.retry_at - lifted_at) > timedelta(seconds=1):
            yield f"{case}: it is retried at {outcome.retry_at}, the limit is lifted at {lifted_at}"
        if later.verdict is not Verdict.SENT:
            yield f"{case}: the next attempt comes to {_shown(later)}, not to sent"

    def connection_refused(self) -> Iterator[str]:
        case = "when the connection is refused"
        with closed_port() as url:
            harness = self._harness(url)
            outcome = harness.send()
        if outcome.verdict is not Verdict.DEFERRED:
            yield f"{case}: the outcome is {_shown(outcome)}, not deferred"
        yield from self._nothing_committed(case, harness)

    def unknown(self, case: str, step: Step) -> Iterator[str]:
        with self._server(step) as server:
            harness = self._harness(server.url)
            outcome = harness.send()
            if outcome.verdict is not Verdict.UNKNOWN:
                yield f"{case}: the outcome is {_shown(outcome)}, not unknown"
            if harness.states != ["intended"]:
                yield f"{case}: the parts are {harness.states}, not one that is intended"
            server.route = self._route(self.scenario.created)
            yield from self._no_blind_repetition(case, harness, server)

    def killed_worker(self) -> Iterator[str]:
        """As after a timeout, but the first outcome never became known."""
        case = "after a worker was killed"
        with self._server(LoseResponse()) as server:
            harness = self._harness(server.url)
            harness.send()
            server.route = self._route(self.scenario.created)
            yield from self._no_blind_repetition(case, harness, server)
            if self._is_searchable and self.kind.capabilities.dedupe is not Dedupe.EXACT:
                harness.clock.advance(_LONG_AFTER)
            else:
                harness.withdraw_intents()
            again = harness.send()
        if again.verdict is not Verdict.SENT:
            yield f"{case}: a post that was definitely not made comes to {_shown(again)} when it is sent again"

    def _no_blind_repetition(self, case: str, harness: ChannelHarness, server: ScriptedServer) -> Iterator[str]:
        first = self._posts(server)
        outcome = harness.send()
        posts = self._posts(server)
        if self.kind.capabilities.dedupe is Dedupe.EXACT:
            if any(post.raw_body != first[0].raw_body for post in posts):
                yield f"{case}: the call is repeated with another body, which is not the same post"
            return
        if len(posts) != len(first):
            yield f"{case}: a second attempt posts again, though the first post may exist"
        if outcome.verdict is not Verdict.UNKNOWN:
            yield f"{case}: a second attempt comes to {_shown(outcome)}, not to unknown"

    def _nothing_committed(self, case: str, harness: ChannelHarness) -> Iterator[str]:
        if harness.states:
            yield f"{case}: the parts are {harness.states}, though nothing was posted"

    def _server(self, step: Step) -> AbstractContextManager[ScriptedServer]:
        return scripted_server(route=self._route(step))

    def _route(self, step: Step) -> Callable[[RecordedRequest], Step]:
        return lambda request: step if self.scenario.is_post(request) else self.scenario.other(request)

    def _posts(self, server: ScriptedServer) -> list[RecordedRequest]:
        return [request for request in server.requests if self.scenario.is_post(request)]

    def _harness(self, url: str) -> ChannelHarness:
        settings = dict(self.scenario.settings(url))
        if "timeout_seconds" in self.kind.settings_model.model_fields:
            settings.setdefault("timeout_seconds", _TIMEOUT_SECONDS)
        channel = self.kind(self.kind.settings_model.model_validate(settings))
        return ChannelHarness(channel, self.scenario.articles, self.context)

    @property
    def _is_searchable(self) -> bool:
        return issubclass(self.kind, ReconcilingChannel)


def _settings_violations(kind: type[Channel]) -> Iterator[str]:
    for name, setting in kind.settings_model.model_fields.items():
        if _SECRET_NAMES.search(name) and "SecretStr" not in str(setting.annotation):
            yield f"setting {name} is a secret by its name: make it a SecretStr, so that it is stored encrypted"
    if not re.fullmatch(r"[a-z][a-z0-9_]*", kind.kind):
        yield f"kind {kind.kind!r} is not a lower-case word"


def _render_violations(channel: Channel, rendition: Rendition, context: RenderContext) -> Iterator[str]:
    if rendition.kind != channel.kind:
        yield f"a rendition of {channel.kind} has the kind {rendition.kind}"
    if json.loads(rendition.canonical()) != rendition.payload:
        yield "the payload is not plain JSON: it changes when it is stored and read"
    if channel.render([SAMPLE_ARTICLE], context).digest != rendition.digest:
        yield "rendering the same article twice gives two renditions: it depends on a clock or on chance"
    untracked = replace(context, tracking=TrackingOptions(opens=False, clicks=False))
    channel.render([SAMPLE_ARTICLE], untracked)
    long = replace(SAMPLE_ARTICLE, title="A very long title " * 40, summary="Many words. " * 400, slug="long")
    if _blocking(channel, channel.render([long], context)):
        yield "the check blocks an article with a long title and summary: shorten them at a word instead"


def _preview_violations(channel: Channel, rendition: Rendition) -> Iterator[str]:
    if _blocking(channel, rendition):
        yield f"the check blocks a plain sample article: {_blocking(channel, rendition)[0]}"
    if "<" not in channel.preview(rendition):
        yield "preview() returns no HTML"
    if "<characters>" in channel.preview(rendition):
        yield "preview() does not escape the title"
    if not channel.files(rendition):
        yield "files() returns no file"


def _recipient_violations(channel: Channel, rendition: Rendition) -> Iterator[str]:
    recipients = list(channel.recipients(rendition))
    if (channel.capabilities.audience is Audience.BROADCAST) != bool(recipients):
        yield "recipients() has to return accounts for a broadcast kind, and nothing for one that sends to subscribers"
    if len(recipients) != len(set(recipients)):
        yield "recipients() returns a recipient twice"
    send: Callable[..., object] = channel.send
    if not inspect.isasyncgenfunction(send):
        yield "send() is not an async generator: it has to yield each outcome as it is known"


def _blocking(channel: Channel, rendition: Rendition) -> list[str]:
    return [problem.message for problem in channel.check(rendition) if problem.severity is Severity.BLOCK]


def _shown(outcome: Outcome) -> str:
    return f"{outcome.verdict.value} ({outcome.reply})" if outcome.reply else outcome.verdict.value
