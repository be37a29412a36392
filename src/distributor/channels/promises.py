"""What every kind of channel promises, as a check its test calls: `assert broken_promises(Mine, templates) == []`."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

from pydantic import ValidationError

from distributor.channels.api import Audience, Channel, RenderContext, Site, TrackingOptions
from distributor.domain.article import Article
from distributor.domain.blocks import Heading, List, ListItem, Paragraph, Run
from distributor.domain.problems import Severity
from distributor.domain.rendition import Rendition
from distributor.domain.tags import Tag
from distributor.rendering.environment import Templates

_SECRET_NAMES = re.compile(r"password|secret|token|_key$|smtp_url")

SAMPLE = Article(
    guid="urn:uuid:8f14e45f-ceea-467f-a0d1-2b6f7c3d9e10",
    slug="a-sample",
    revision=1,
    title="A sample & its <signs>",
    body=(
        Paragraph((Run("A sentence with "), Run("a link", href="https://example.org/there"), Run("."))),
        Heading(2, (Run("A heading"),)),
        List((ListItem((Paragraph((Run("one item"),)),)),)),
    ),
    tags=(Tag("Sample tag"), Tag("Überraschung")),
    summary="What the sample is about.",
    author="Somebody",
    language="en",
    image=None,
    published_at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
    updated_at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
)
SITE = Site(
    name="The Sample",
    public_url="https://sample.example",
    postal_address="1 Sample Street, Sampletown",
    sender="The Sample <news@sample.example>",
)


def broken_promises(kind: type[Channel], templates: Templates) -> list[str]:
    """What this kind does not keep of the promises of `contract`, each in a sentence; empty if all is well."""
    try:
        channel = kind(kind.settings_model())
    except ValidationError as error:
        return [
            f"settings need a default for everything, so that anybody can see a rendition: {error.errors()[0]['loc']}"
        ]
    context = RenderContext(site=SITE, templates=templates)
    rendition = channel.render([SAMPLE], context)
    return [
        *_about_settings(kind),
        *_about_rendering(channel, rendition, context),
        *_about_showing(channel, rendition),
        *_about_sending(channel, rendition),
    ]


def _about_settings(kind: type[Channel]) -> Iterator[str]:
    for name, field in kind.settings_model.model_fields.items():
        if _SECRET_NAMES.search(name) and "SecretStr" not in str(field.annotation):
            yield f"setting {name} sounds like a secret: make it a SecretStr, and it is kept encrypted and out of logs"
    if not re.fullmatch(r"[a-z][a-z0-9_]*", kind.kind):
        yield f"kind {kind.kind!r} is not a lower-case word"


def _about_rendering(channel: Channel, rendition: Rendition, context: RenderContext) -> Iterator[str]:
    if rendition.kind != channel.kind:
        yield f"a rendition of {channel.kind} says it is of {rendition.kind}"
    if json.loads(rendition.canonical()) != rendition.payload:
        yield "the payload is not plain JSON: it comes back changed"
    if channel.render([SAMPLE], context).digest != rendition.digest:
        yield "rendering the same article twice gives two renditions: something reads a clock or a dice"
    quiet = replace(context, tracking=TrackingOptions(opens=False, clicks=False))
    channel.render([SAMPLE], quiet)
    long = replace(SAMPLE, title="A very long title " * 40, summary="Many words. " * 400, slug="long")
    if _blocks(channel, channel.render([long], context)):
        yield "an article with a long title and summary cannot be said: shorten at a word instead"


def _about_showing(channel: Channel, rendition: Rendition) -> Iterator[str]:
    if _blocks(channel, rendition):
        yield f"the check blocks a plain sample article: {_blocks(channel, rendition)[0]}"
    if "<" not in channel.preview(rendition):
        yield "preview() gives no HTML"
    if "<signs>" in channel.preview(rendition):
        yield "preview() does not escape the title"
    if not channel.files(rendition):
        yield "files() gives nothing to look at"


def _about_sending(channel: Channel, rendition: Rendition) -> Iterator[str]:
    recipients = list(channel.recipients(rendition))
    if (channel.capabilities.audience is Audience.BROADCAST) != bool(recipients):
        yield "recipients() names accounts for a broadcast kind, and nobody for one that sends to subscribers"
    if len(recipients) != len(set(recipients)):
        yield "recipients() names somebody twice"
    send: Callable[..., object] = channel.send
    if not inspect.isasyncgenfunction(send):
        yield "send() is an async generator: it yields each outcome as it is known"


def _blocks(channel: Channel, rendition: Rendition) -> list[str]:
    return [problem.message for problem in channel.check(rendition) if problem.severity is Severity.BLOCK]
