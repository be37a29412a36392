"""The conformance suite: what every kind of channel has to do, as checks that its test calls.

`violations` renders and previews; `sending_violations` sends through a scenario, the conditions of a remote service:
`HttpScenario` for a kind that posts to an HTTP API, another `Scenario` for one that sends by other means;
`identifying_violations` lets it try its settings. All return sentences, so that a test reads
``assert violations(MyChannel) == []``.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from pydantic import SecretStr, ValidationError

from distributor.channels.api import (
    Article,
    Audience,
    Channel,
    CheckedChannel,
    CostEstimatingChannel,
    Dedupe,
    IdentifyingChannel,
    Outcome,
    Publications,
    PublishedCollection,
    PublishingChannel,
    ReconcilingChannel,
    RenderContext,
    Rendition,
    Severity,
    Templates,
    TrackingOptions,
    Verdict,
    ViewedChannel,
)
from distributor.channels.registry import template_folders
from distributor.domain.blocks import Heading, List, ListItem, Paragraph, Run
from distributor.domain.diagnostics import DiagnosticStatus
from distributor.domain.errors import LeaseLostError, ServiceError
from distributor.domain.tags import Tag
from distributor.rendering.environment import shipped_templates
from distributor.testing.fakes import SAMPLE_SITE, ChannelHarness, FakeClock, make_send_context
from distributor.testing.scripted_server import (
    LoseResponse,
    NeverRespond,
    RecordedRequest,
    Reply,
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
_MAY_BE_SENT = frozenset({Verdict.SENT, Verdict.UNKNOWN})
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
        *_publishing_violations(channel),
        *_cost_violations(channel, rendition),
        *_check_violations(channel, rendition),
        *_view_violations(channel, rendition),
    ]


def render_context(kind: type[Channel], templates: Templates | None = None) -> RenderContext:
    """A context to render with, by the rules of `violations`."""
    source = inspect.getsourcefile(kind)
    beside = [Path(source).parent / "templates"] if source else []
    folders = [folder for folder in beside if folder.is_dir()]
    every = templates or Templates([*folders, *template_folders(), shipped_templates()])
    return RenderContext(site=SAMPLE_SITE, templates=every)


@dataclass(frozen=True, kw_only=True)
class RemoteService:
    """The service that a channel sends to in one case, while it runs.

    settings      the settings of the channel that lead to the service
    received      an identity (body, Message-ID) of every post or message that it accepted, or may have, in order
    recover       makes the service accept everything from now on; None if it cannot recover
    publications  for a kind that publishes documents: where it records what it publishes
    """

    settings: Mapping[str, Any]
    received: Callable[[], Sequence[object]]
    recover: Callable[[], object] | None
    publications: Publications | None = None


@dataclass(frozen=True, kw_only=True)
class Case:
    """One condition of the service, and what the channel must make of it.

    name        completes a sentence, such as "after status 500"
    start       starts a service in this condition
    verdicts    the correct verdicts; none if the channel must raise ServiceError, because a port of its context failed
    reply_code  the code that the outcome must have; None: any
    retry_at    the time that a deferred outcome must have; None: any
    """

    name: str
    start: Callable[[], AbstractContextManager[RemoteService]]
    verdicts: Collection[Verdict]
    reply_code: int | None = None
    retry_at: datetime | None = None


class Scenario(Protocol):
    """The conditions of a service that a kind is sent through, and the articles that are sent."""

    @property
    def articles(self) -> Sequence[Article]: ...

    def cases(self) -> Iterator[Case]:
        """At least: success, a permanent and a temporary failure, and a lost response if responses can be lost."""


@dataclass(frozen=True, kw_only=True)
class HttpScenario:
    """A service with an HTTP API, played by a scripted server.

    The cases are: success; 401, 403, 429 with a time; a refused connection; status 500; a response that is lost, never
    comes, or cannot be parsed.

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

    def cases(self) -> Iterator[Case]:
        yield self._case("success", self.created, Verdict.SENT)
        yield self._status(Reply(401, {}), Verdict.SENDER_REJECTED)
        yield self._status(Reply(403, {}), Verdict.SENDER_REJECTED, Verdict.FAILED)
        yield from (self._status(reply, verdict) for reply, verdict in self.statuses)
        lifted_at = FakeClock().now.replace(microsecond=0) + timedelta(minutes=9)
        yield replace(self._status(self.rate_limited(lifted_at), Verdict.DEFERRED), retry_at=lifted_at)
        yield Case(name="when the connection is refused", start=self._start_unreachable, verdicts={Verdict.DEFERRED})
        yield self._case("after status 500", Reply(500, {}), Verdict.UNKNOWN)
        yield self._case("after a lost response", LoseResponse(), Verdict.UNKNOWN)
        yield self._case("after a timeout", NeverRespond(), Verdict.UNKNOWN)
        yield self._case("after a success that cannot be parsed", Reply(200, b"<html>"), Verdict.UNKNOWN)

    def _status(self, reply: Reply, *verdicts: Verdict) -> Case:
        return replace(self._case(f"after status {reply.status}", reply, *verdicts), reply_code=reply.status)

    def _case(self, name: str, step: Step, *verdicts: Verdict) -> Case:
        return Case(name=name, start=lambda: self._start(step), verdicts=verdicts)

    @contextmanager
    def _start(self, step: Step) -> Iterator[RemoteService]:
        with scripted_server(route=self._route(step)) as server:

            def received() -> list[bytes]:
                return [request.raw_body for request in server.requests if self.is_post(request)]

            def recover() -> None:
                server.route = self._route(self.created)

            yield RemoteService(settings=self.settings(server.url), received=received, recover=recover)

    @contextmanager
    def _start_unreachable(self) -> Iterator[RemoteService]:
        with closed_port() as url:
            yield RemoteService(settings=self.settings(url), received=tuple, recover=None)

    def _route(self, step: Step) -> Callable[[RecordedRequest], Step]:
        return lambda request: step if self.is_post(request) else self.other(request)


def sending_violations(kind: type[Channel], scenario: Scenario, templates: Templates | None = None) -> list[str]:
    """What this kind does wrong when it sends, each in a sentence; empty if it conforms.

    In every case of the scenario: whether the outcome is correct and the channel's record (parts or journal) agrees;
    that success is not repeated; that a delivery can be sent after a temporary failure has passed; and that an unknown
    one is not sent blindly again, by this worker or after it was killed, until the intent has been withdrawn. And that
    nothing is sent once the worker's lease has run out.
    """
    suite = _SendingSuite(kind, scenario.articles, render_context(kind, templates))
    violations = [f"{case.name}: {violation}" for case in scenario.cases() for violation in suite.run(case)]
    normal = next((case for case in scenario.cases() if Verdict.SENT in case.verdicts), None)
    lost = suite.lease_lost(normal) if normal else ()
    return [*violations, *(f"when the lease has run out: {violation}" for violation in lost)]


def identifying_violations(kind: type[Channel], settings: Callable[[str], Mapping[str, Any]]) -> list[str]:
    """What this kind does wrong when it tries its settings, each in a sentence; empty if it conforms.

    `settings` lead to a server with an HTTP API at a URL, where the site is as well. Whatever is wrong with that server
    has to become a finding that fails, whose sentence holds no secret.
    """
    if not issubclass(kind, IdentifyingChannel):
        return ["it has no identify(): an operator cannot try it with `distributor channel test`"]
    with closed_port() as url:
        violations = list(_identifying_violations(kind, settings(url), url, "when the connection is refused"))
    steps: Mapping[str, Step] = {
        "after status 401": Reply(401, {}),
        "after status 500": Reply(500, {}),
        "after a response that cannot be parsed": Reply(200, b"<html>"),
        "after a lost response": LoseResponse(),
    }
    for name, step in steps.items():
        with scripted_server(route=lambda request, step=step: step) as server:  # type: ignore[misc]
            violations += _identifying_violations(kind, settings(server.url), server.url, name)
    return violations


def _identifying_violations(kind: type[Channel], settings: Mapping[str, Any], url: str, case: str) -> Iterator[str]:
    parsed = kind.settings_model.model_validate(settings)
    channel = kind(parsed)
    assert isinstance(channel, IdentifyingChannel), "asked before"  # noqa: S101
    try:
        found = asyncio.run(channel.identify(make_send_context(site=replace(SAMPLE_SITE, public_url=url))))
    except Exception as error:
        yield f"{case}: it raises {type(error).__name__}: a failure of the service has to be a finding"
        return
    if all(one.state is not DiagnosticStatus.FAIL for one in found):
        yield f"{case}: no finding fails"
    secrets = [value.get_secret_value() for _, value in parsed if isinstance(value, SecretStr)]
    if any(secret and secret in one.sentence for secret in secrets for one in found):
        yield f"{case}: a finding holds a secret"


@dataclass(frozen=True)
class _SendingSuite:
    kind: type[Channel]
    articles: Sequence[Article]
    context: RenderContext

    def run(self, case: Case) -> Iterator[str]:
        with case.start() as service:
            harness = self._harness(service)
            received_at_begin: list[int] = []
            harness.journal.on_begin = lambda: received_at_begin.append(len(service.received()))
            outcome = _attempt(harness)
            yield from _outcome_violations(case, outcome)
            yield from self._record_violations(case, harness)
            if any(received_at_begin):
                yield "the delivery is begun in the journal after it was sent, not before"
            if Verdict.SENT in case.verdicts:
                yield from self._repeated_success(harness, service, outcome)
            elif Verdict.UNKNOWN in case.verdicts:
                yield from self._after_unknown(harness, service)
            elif service.recover is not None and (not case.verdicts or Verdict.DEFERRED in case.verdicts):
                service.recover()
                yield from _not_sent_later(_attempt(harness), "the next attempt")

    def lease_lost(self, case: Case) -> Iterator[str]:
        """The worker was stopped for longer than its lease, so another may send by now. Exact kinds may send twice."""
        if self.kind.capabilities.dedupe is Dedupe.EXACT:
            return
        with case.start() as service:
            harness = self._harness(service)
            harness.lease.has_run_out = True
            try:
                outcome = _attempt(harness)
            except LeaseLostError:
                outcome = None
            if service.received():
                yield "it sends all the same: call `context.lease.check()` right before the end of a request is written"
            if outcome is not None and outcome.verdict is not Verdict.RETRY_REMAINING:
                yield f"the outcome is {_shown(outcome)}, not retry_remaining"
            if harness.states:
                yield f"the parts are {harness.states}, though nothing was posted"

    def _record_violations(self, case: Case, harness: ChannelHarness) -> Iterator[str]:
        """The journal entries of a subscriber's delivery, or the committed parts of an account's."""
        states = harness.states
        if self._has_subscribers:
            if not harness.journal.begun and not _MAY_BE_SENT.isdisjoint(case.verdicts):
                yield "the journal has no entry: a delivery has to be begun there before it is sent"
            if harness.journal.in_doubt:
                yield "the journal is not settled, although there is an outcome"
        elif Verdict.SENT in case.verdicts:
            if set(states) - {"sent"}:
                yield f"the parts are {states}"
        elif Verdict.UNKNOWN in case.verdicts:
            if states != ["intended"]:
                yield f"the parts are {states}, not one that is intended"
        elif states:
            yield f"the parts are {states}, though nothing was posted"

    def _repeated_success(
        self, harness: ChannelHarness, service: RemoteService, first: Outcome | None
    ) -> Iterator[str]:
        received = list(service.received())
        if self._has_subscribers:
            if len(received) != 1:
                yield f"{len(received)} messages are sent to one subscriber"
            return
        if first is None or not first.remote_id:
            yield f"the outcome is {_shown(first)}, without a remote id"
        if harness.states and len(received) != len(harness.states):
            yield f"{len(received)} posts are made for {len(harness.states)} parts"
        second = _attempt(harness)
        if _identity(second) != _identity(first):
            yield f"a second attempt comes to {_shown(second)}, not to the first outcome"
        if list(service.received()) != received:
            yield "a second attempt posts again"

    def _after_unknown(self, harness: ChannelHarness, service: RemoteService) -> Iterator[str]:
        if service.recover is not None:
            service.recover()
        first = list(service.received())
        if not self._has_subscribers:
            yield from self._no_blind_repetition(harness, service, first)
            if self._is_searchable and self.kind.capabilities.dedupe is not Dedupe.EXACT:
                harness.clock.advance(_LONG_AFTER)
            else:
                harness.withdraw_intents()
        yield from _not_sent_later(_attempt(harness), "an attempt after the post was definitely not made")
        if self._has_subscribers and set(service.received()) != set(first):
            yield "another attempt sends another message: the receiver cannot recognise it as a duplicate"

    def _no_blind_repetition(
        self, harness: ChannelHarness, service: RemoteService, first: Sequence[object]
    ) -> Iterator[str]:
        """The next worker knows only the committed parts, as after the first was killed."""
        outcome = _attempt(harness)
        received = service.received()
        if self.kind.capabilities.dedupe is Dedupe.EXACT:
            if any(post != first[0] for post in received):
                yield "the call is repeated with another body, which is not the same post"
            return
        if len(received) != len(first):
            yield "a second attempt posts again, though the first post may exist"
        if outcome is None or outcome.verdict is not Verdict.UNKNOWN:
            yield f"a second attempt comes to {_shown(outcome)}, not to unknown"

    def _harness(self, service: RemoteService) -> ChannelHarness:
        settings = dict(service.settings)
        if "timeout_seconds" in self.kind.settings_model.model_fields:
            settings.setdefault("timeout_seconds", _TIMEOUT_SECONDS)
        channel = self.kind(self.kind.settings_model.model_validate(settings))
        return ChannelHarness(channel, self.articles, self.context, publications=service.publications)

    @property
    def _has_subscribers(self) -> bool:
        return self.kind.capabilities.audience is Audience.SUBSCRIBERS

    @property
    def _is_searchable(self) -> bool:
        return issubclass(self.kind, ReconcilingChannel)


def _attempt(harness: ChannelHarness) -> Outcome | None:
    """The outcome of one more attempt; None if a port failed, so that there is none."""
    try:
        return harness.send()
    except ServiceError:
        return None


def _outcome_violations(case: Case, outcome: Outcome | None) -> Iterator[str]:
    is_correct = outcome.verdict in case.verdicts if outcome else not case.verdicts
    if not is_correct:
        wanted = " or ".join(sorted(verdict.value for verdict in case.verdicts)) or "an error of the port"
        yield f"the outcome is {_shown(outcome)}, not {wanted}"
    if outcome is None:
        return
    if case.reply_code is not None and outcome.reply_code != case.reply_code:
        yield f"the reply code is {outcome.reply_code}"
    if case.retry_at is not None and (
        outcome.retry_at is None or abs(outcome.retry_at - case.retry_at) > timedelta(seconds=1)
    ):
        yield f"it is retried at {outcome.retry_at}, the limit is lifted at {case.retry_at}"


def _not_sent_later(outcome: Outcome | None, attempt: str) -> Iterator[str]:
    if outcome is None or outcome.verdict is not Verdict.SENT:
        yield f"{attempt} comes to {_shown(outcome)}, not to sent"


def _identity(outcome: Outcome | None) -> tuple[object, ...]:
    return (outcome.verdict, outcome.remote_id) if outcome else ()


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


def _cost_violations(channel: Channel, rendition: Rendition) -> Iterator[str]:
    if not isinstance(channel, CostEstimatingChannel):
        return
    costs = [cost for count in (1, 1000) if (cost := channel.estimate_cost(rendition, count)) is not None]
    if any(not re.fullmatch("[A-Z]{3}", cost.currency) for cost in costs):
        yield "estimate_cost() returns a currency that is no code of ISO 4217, such as USD"
    if any(not cost.amount.is_finite() or cost.amount < 0 for cost in costs):
        yield "estimate_cost() returns an amount that is none"
    if len(costs) == 2 and costs[1].amount < costs[0].amount:
        yield "estimate_cost() says that more recipients cost less"


def _check_violations(channel: Channel, rendition: Rendition) -> Iterator[str]:
    if not isinstance(channel, CheckedChannel):
        return
    found = channel.check_all(rendition)
    if list(found.problems) != channel.check(rendition):
        yield "check_all() finds other problems than check()"
    if any(not sentence.strip() for sentence in found.passed):
        yield "check_all() says nothing about something that it found to be right"


def _view_violations(channel: Channel, rendition: Rendition) -> Iterator[str]:
    if not isinstance(channel, ViewedChannel):
        return
    views = channel.views_of(rendition).views
    names = [(view.name, "") for view in views] + [(view.name, one.name) for view in views for one in view.screens]
    if not views:
        yield "views_of() gives no view"
    if len(names) != len(set(names)):
        yield "views_of() gives two views or screens the same name"
    if any(not re.fullmatch(r"[a-z0-9-]*", part) for name in names for part in name):
        yield "views_of() gives a name that is no part of a URL: use lower-case letters, digits and -"
    if any(bool(view.screens) == bool(view.text) for view in views):
        yield "views_of() gives a view that has neither screens nor text, or both"


def _publishing_violations(channel: Channel) -> Iterator[str]:
    if not isinstance(channel, PublishingChannel):
        return
    if channel.max_articles() < 1:
        yield "max_articles() leaves no article in a collection"
    paths: set[str] = set()
    for tag in (None, *SAMPLE_ARTICLE.tags):
        full = PublishedCollection(tag=tag, since=SAMPLE_ARTICLE.published_at, articles=[SAMPLE_ARTICLE])
        documents = channel.documents(full, SAMPLE_SITE)
        if list(channel.documents(full, SAMPLE_SITE)) != list(documents):
            yield "documents() gives other bytes for the same collection: it depends on a clock or on chance"
        if [one.path for one in channel.documents(replace(full, articles=()), SAMPLE_SITE)] != [
            one.path for one in documents
        ]:
            yield "documents() has other paths when the last article has left: readers lose the address"
        if paths.intersection(one.path for one in documents):
            yield "documents() gives two collections the same path"
        paths.update(one.path for one in documents)
        moved = replace(SAMPLE_SITE, public_url="https://moved.sample-site.org")
        if any(SAMPLE_SITE.public_url.encode() in one.body for one in channel.documents(full, moved)):
            yield "documents() keeps an address of the site from before it moved"


def _blocking(channel: Channel, rendition: Rendition) -> list[str]:
    return [problem.message for problem in channel.check(rendition) if problem.severity is Severity.BLOCK]


def _shown(outcome: Outcome | None) -> str:
    if outcome is None:
        return "an error of the port"
    return f"{outcome.verdict.value} ({outcome.reply})" if outcome.reply else outcome.verdict.value
