"""Trying a channel: whether its settings work, and one mail that goes the way of every mail and counts nowhere."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime

import structlog

from distributor.channels.api import Audience, Channel, IdentifyingChannel, RenderContext, Site, TrackingOptions
from distributor.channels.registry import kind_of
from distributor.domain.address import EmailAddress, parse_address
from distributor.domain.article import Article
from distributor.domain.blocks import List, ListItem, Paragraph, Run
from distributor.domain.delivery import Delivery, Outcome
from distributor.domain.diagnostics import DiagnosticStatus, Finding
from distributor.domain.errors import InputError, StateError
from distributor.domain.problems import Severity
from distributor.flow.app_context import AppContext
from distributor.flow.delivery.send_context import send_context
from distributor.storage import campaign_tests, channels, suppressions
from distributor.storage.channels import ChannelRecord

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelTest:
    """What was found, and the campaign that sends the mail, if one is sent."""

    findings: Sequence[Finding]
    campaign_id: int | None = None

    @property
    def works(self) -> bool:
        """Whether no finding fails."""
        return all(one.state is not DiagnosticStatus.FAIL for one in self.findings)


def run_channel_test(app: AppContext, name: str, *, to: str = "") -> ChannelTest:
    """Let a channel connect, sign in and ask who it is, and if that works send a mail that says what it is to `to`.

    The mail is signed, queued and accounted for like every mail, as a test that counts nowhere. No consent is needed,
    because an operator sends it to an address of their own. Without `to` nothing is sent to anyone.

    Raises NotFoundError, AddressError, InputError for settings that are invalid or an address for a channel that sends
    no mail, ConfigurationError for secrets that cannot be decrypted, and StateError if the address is suppressed or a
    blocking problem keeps every mail from being sent.
    """
    address = parse_address(to) if to else None
    with app.database.begin() as connection:
        record = channels.find(connection, name)
        found = suppressions.of_key(connection, address.key) if address else []
    if address and kind_of(record.kind).capabilities.audience is not Audience.SUBSCRIBERS:
        raise InputError(f"channel {name} is of kind {record.kind}, which sends no mail: test it without an address")
    if address and found:
        reasons = ", ".join(sorted({one.reason.value for one in found}))
        raise StateError(f"{address.address} is suppressed ({reasons}) and gets no mail, no test either")
    channel = app.open_channel(record)
    test = ChannelTest(findings=_identify(app, record, channel))
    failures = sum(one.state is DiagnosticStatus.FAIL for one in test.findings)
    log.info("channel.tested", channel=name, kind=record.kind, failures=failures, sends_mail=bool(to) and test.works)
    if address is None or not test.works:
        return test
    return replace(test, campaign_id=_queue_mail(app, record, channel, address))


def _identify(app: AppContext, record: ChannelRecord, channel: Channel) -> Sequence[Finding]:
    if not isinstance(channel, IdentifyingChannel):
        sentence = f"channels of kind {record.kind} cannot be tried: only the settings are known to be valid"
        return [Finding("settings", DiagnosticStatus.WARN, sentence)]
    try:
        return asyncio.run(channel.identify(send_context(app, record, _NothingIsSent())))
    except Exception as error:
        # The kind may be another package's.
        return [Finding("channel", DiagnosticStatus.FAIL, f"its test failed: {type(error).__name__}: {error}")]


def _queue_mail(app: AppContext, record: ChannelRecord, channel: Channel, to: EmailAddress) -> int:
    site = _SiteWithoutPages(**{one.name: getattr(app.site, one.name) for one in fields(Site)})
    context = RenderContext(
        site=site,
        templates=app.templates,
        tracking=TrackingOptions(opens=False, clicks=False),
        discovered_limits=record.discovered_limits,
    )
    rendition = channel.render([_article(app.site, record, app.clock())], context)
    blocking = [one.message for one in channel.check(rendition) if one.severity is Severity.BLOCK]
    if blocking:
        raise StateError(f"no mail can be sent on channel {record.name}: {'; '.join(blocking)}")
    with app.database.begin() as connection:
        held = channels.hold(connection, record.name)
        recipients = {to.address: {"name": "", "email": to.address}}
        return campaign_tests.add(
            connection, f"Test of channel {record.name}", held.id, rendition, recipients, now=app.clock()
        )


class _SiteWithoutPages(Site):
    """The article of the test has no page: its links lead to the front page."""

    def article_url(self, article: Article) -> str:
        return f"{self.public_url}/"


class _NothingIsSent:
    """The journal of a context that only looks things up."""

    def begin(self, delivery: Delivery) -> None:
        raise AssertionError("a channel that is tried sends nothing")

    def settle(self, outcome: Outcome) -> None:
        raise AssertionError("a channel that is tried sends nothing")


def _article(site: Site, record: ChannelRecord, now: datetime) -> Article:
    """What the mail says. It is in English, as the command line is."""
    name = site.name or site.public_url
    questions = (
        "Is it in the inbox, and not among spam or promotions?",
        "Are the sender\u2019s name and address those that your readers should see?",
        "Does \u201cshow original\u201d of your mail program say pass for SPF, DKIM and DMARC?",
        "Does your mail program offer to unsubscribe? Nothing happens if you do: this mail belongs to no subscriber.",
    )
    body = (
        Paragraph((Run(f"This mail was sent by the channel {record.name} of {name}, to try how mails arrive."),)),
        Paragraph((Run("It went the way of every newsletter: the same relay, the same signature, the same headers."),)),
        List(tuple(ListItem((Paragraph((Run(one),)),)) for one in questions)),
    )
    return Article(
        guid="urn:distributor:channel-test",
        slug="channel-test",
        revision=1,
        title=f"A test of the mails of {name}",
        body=body,
        tags=(),
        summary="",
        author="",
        language="en",
        image=None,
        published_at=now,
        updated_at=now,
    )
