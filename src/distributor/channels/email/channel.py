"""The email channel: each subscriber gets the articles of a campaign in a mail."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import cached_property
from html import escape
from typing import ClassVar, cast

from pydantic import BaseModel

from distributor.channels.api import (
    NO_MEDIA,
    AccountMail,
    Audience,
    Capabilities,
    ChannelPlace,
    CheckResult,
    ConnectionWay,
    Cost,
    Dedupe,
    DiagnosticContext,
    KindPresentation,
    MediaStore,
    MessageSize,
    Personalization,
    ReaderViews,
    RenderContext,
    SendContext,
    SentMessage,
    Site,
    WebhookEvents,
    WebhookRequest,
)
from distributor.channels.email.checks import html_size, inspect_mail
from distributor.channels.email.composition.compose import PreparedMail, prepare_mail
from distributor.channels.email.composition.reader_views import mail_views
from distributor.channels.email.composition.samples import compose_sample, sample_html, sample_text
from distributor.channels.email.composition.sent import sent_mail
from distributor.channels.email.delivery.connection_pool import ConnectionPool
from distributor.channels.email.delivery.identify import identify_relays
from distributor.channels.email.delivery.send import send_deliveries
from distributor.channels.email.personalization.merge_blocks import merge_fields_of, missing_field_for, sample_reader
from distributor.channels.email.personalization.placeholders import PlaceholderParser
from distributor.channels.email.providers.registry import find_provider, read_webhook
from distributor.channels.email.rendering.greeting import check_options
from distributor.channels.email.rendering.rendition import KIND, render_account_mail, render_confirmation, render_email
from distributor.channels.email.settings import EmailSettings
from distributor.channels.email.ways import connection_settings, connection_ways
from distributor.domain.article import Article
from distributor.domain.delivery import Delivery, Outcome
from distributor.domain.diagnostics import DiagnosticStatus, Finding
from distributor.domain.errors import AddressError
from distributor.domain.merge_fields import FieldGroup, MergeFields, ReaderFields
from distributor.domain.problems import Problem
from distributor.domain.rendition import Rendition
from distributor.domain.send_schedule import SendSchedule
from distributor.domain.subscriber import MailingList
from distributor.domain.tokens import TokenSigner
from distributor.mail.address import Address, Mailbox
from distributor.mail.dkim.signer import DkimSigner
from distributor.mail.dns.checks import check_sender_dns, is_special_use_domain
from distributor.mail.dns.lookup import DnsResolver
from distributor.mail.dns.sender_profile import SenderProfile
from distributor.mail.smtp.url import SmtpUrl


class EmailChannel:
    """Sends mails over relays. Some receivers drop a repeated mail and some do not, so deduplication is NONE."""

    kind: ClassVar[str] = KIND
    settings_model: ClassVar[type[BaseModel]] = EmailSettings
    capabilities: ClassVar[Capabilities] = Capabilities(
        audience=Audience.SUBSCRIBERS,
        dedupe=Dedupe.NONE,
        queue="email",
        message_options=frozenset(
            {"subject", "preheader", "greeting", "closing", "attachments", "cut_after", "layout"}
        ),
    )

    key_ring_setting: ClassVar[str] = "dkim_keys"

    def __init__(self, settings: BaseModel) -> None:
        self._settings = EmailSettings.model_validate(settings)
        self._pool = ConnectionPool()
        self._prepared: tuple[Rendition, PreparedMail] | None = None

    @classmethod
    def required_settings(cls) -> Sequence[Sequence[str]]:
        return [("smtp_url", "relays")]

    @classmethod
    def presentation(cls) -> KindPresentation:
        return KindPresentation(
            title="Email",
            sentence="A mail to each subscriber, over a mail server of yours or a mail provider.",
        )

    @classmethod
    def connection_ways(cls) -> Sequence[ConnectionWay]:
        return connection_ways()

    @classmethod
    def connection_settings(cls, way: str, answers: Mapping[str, str]) -> Mapping[str, str]:
        return connection_settings(way, answers)

    def place(self, site: Site) -> ChannelPlace:
        relays = [one.url for one in self._settings.configured_relays]
        places = [url.place if isinstance(url, SmtpUrl) else url.provider.title for url in relays]
        return ChannelPlace(account=self._settings.sender or site.sender, service=", ".join(dict.fromkeys(places)))

    @property
    def send_schedule(self) -> SendSchedule:
        return self._settings.timing

    def render(self, articles: Sequence[Article], context: RenderContext) -> Rendition:
        return render_email(articles, context, self._settings)

    def check_message_options(self, personalization: Personalization) -> None:
        check_options(personalization, self._settings)

    def merge_fields_of(self, rendition: Rendition) -> MergeFields:
        return merge_fields_of(rendition.payload)

    def missing_field_for(self, rendition: Rendition, group: FieldGroup) -> str | None:
        return missing_field_for(rendition.payload, group)

    def measure(self, rendition: Rendition) -> MessageSize:
        return MessageSize(html=html_size(rendition), mail=len(compose_sample(rendition)))

    def render_confirmation(self, list_: MailingList, context: RenderContext, *, language: str) -> Rendition:
        return render_confirmation(list_, context, self._settings, language=language)

    def render_account_mail(self, mail: AccountMail, context: RenderContext) -> Rendition:
        return render_account_mail(mail, context, self._settings)

    def check(self, rendition: Rendition) -> list[Problem]:
        return list(self.check_all(rendition).problems)

    def check_all(self, rendition: Rendition) -> CheckResult:
        return inspect_mail(rendition, self._settings.key_ring)

    def preview(self, rendition: Rendition, media: MediaStore = NO_MEDIA) -> str:
        return sample_html(rendition)

    def views_of(
        self, rendition: Rendition, reader: ReaderFields | None = None, media: MediaStore = NO_MEDIA
    ) -> ReaderViews:
        return mail_views(rendition, reader)

    def files(self, rendition: Rendition) -> Mapping[str, bytes]:
        return self.files_for(rendition, sample_reader(rendition.payload))

    def files_for(self, rendition: Rendition, reader: ReaderFields) -> Mapping[str, bytes]:
        return {
            "email.html": sample_html(rendition, reader).encode(),
            "email.txt": sample_text(rendition, reader).encode(),
            "email.eml": compose_sample(rendition, reader),
        }

    def render_web_version(
        self, rendition: Rendition, delivery: Delivery, tokens: TokenSigner, *, pixel_url: str
    ) -> str:
        payload = rendition.payload
        page = payload.get("web_html", payload["html"]).replace("@@open@@", pixel_url)
        return PlaceholderParser.of(payload, escape).fill(page, delivery, tokens)

    def sent_message(self, rendition: Rendition, delivery: Delivery, tokens: TokenSigner) -> SentMessage:
        return sent_mail(rendition, delivery, tokens)

    def recipients(self, rendition: Rendition) -> Sequence[str]:
        return ()

    def subject_of(self, rendition: Rendition) -> str:
        subject: str = rendition.payload["subject"]
        return subject

    def estimate_cost(self, rendition: Rendition, recipients: int) -> Cost | None:
        price = self._settings.price
        return replace(price, amount=price.amount * recipients / 1000) if price else None

    def signing_domain(self, site: Site) -> str:
        return _sender_domain(self._settings, site)

    def diagnose(self, diagnostic_context: DiagnosticContext) -> Iterator[Finding]:
        return examine_channel(self._settings, diagnostic_context)

    async def identify(self, context: SendContext) -> Sequence[Finding]:
        try:
            sender = Mailbox.parse(self._settings.sender or context.site.sender).address
        except AddressError as error:
            return [Finding("sender", DiagnosticStatus.FAIL, f"{error}; set the sender of the brand or of the channel")]
        reverse_path = Address.parse(f"b@{self._settings.bounce_domain}") if self._settings.bounce_domain else sender
        found = await identify_relays(self._settings.configured_relays, sender.domain, reverse_path, context)
        return [*found, *_tls_findings(self._settings)]

    async def close(self) -> None:
        await self._pool.close()

    def read_events(self, request: WebhookRequest) -> WebhookEvents:
        secret = self._settings.events_secret.get_secret_value()
        return read_webhook(request, provider=self._settings.events_from, secret=secret)

    async def send(
        self, rendition: Rendition, deliveries: Sequence[Delivery], context: SendContext
    ) -> AsyncIterator[Outcome]:
        stream = send_deliveries(
            self._settings, self._prepare(rendition), deliveries, context, signer=self._signer, pool=self._pool
        )
        # Closed as soon as the caller stops iterating, because connections depend on it.
        sending = cast("AsyncGenerator[Outcome, None]", stream)
        async with aclosing(sending) as outcomes:
            async for outcome in outcomes:
                yield outcome

    def _prepare(self, rendition: Rendition) -> PreparedMail:
        """Prepare once for all batches of a dispatch, which have the same rendition."""
        if self._prepared is None or self._prepared[0] is not rendition:
            self._prepared = (rendition, prepare_mail(rendition))
        return self._prepared[1]

    @cached_property
    def _signer(self) -> DkimSigner:
        provider = find_provider(self._settings.events_from)
        return self._settings.key_ring.signer(excluded=provider.replaced_headers if provider else frozenset())


def examine_channel(settings: EmailSettings, diagnostic_context: DiagnosticContext) -> Iterator[Finding]:
    """Findings about SPF, DKIM, DMARC and the relays of the channel."""
    yield from _tls_findings(settings)
    try:
        author = _sender_domain(settings, diagnostic_context.site)
    except AddressError as error:
        yield Finding("sender", DiagnosticStatus.FAIL, str(error))
        return
    if diagnostic_context.nameserver is None and is_special_use_domain(author):
        sentence = f"mails come from {author}, which the public DNS does not have: good for a sandbox, not for readers"
        yield Finding("sender", DiagnosticStatus.WARN, sentence)
        return
    bounce_domain = settings.bounce_domain
    profile = SenderProfile(
        from_domain=author,
        return_path_domain=Address.parse(f"bounces@{bounce_domain}").domain if bounce_domain else author,
        relays=_smtp_hosts(settings, author),
        key_ring=settings.key_ring,
        outgoing=diagnostic_context.outgoing_addresses,
        now=diagnostic_context.now,
    )
    yield from check_sender_dns(profile, DnsResolver(diagnostic_context.nameserver))


def _sender_domain(settings: EmailSettings, site: Site) -> str:
    return Mailbox.parse(settings.sender or site.sender).address.domain


def _tls_findings(settings: EmailSettings) -> Iterator[Finding]:
    for relay in settings.configured_relays:
        if isinstance(relay.url, SmtpUrl) and relay.url.tls_risk:
            sentence = f"relay {relay.name}, {relay.url.place}: {relay.url.tls_risk}"
            yield Finding("TLS", DiagnosticStatus.WARN, sentence)


def _smtp_hosts(settings: EmailSettings, author: str) -> list[str]:
    """The SMTP servers that are used for mails from this domain, each once."""
    urls = (relay.url for relay in settings.configured_relays if not relay.senders or author in relay.senders)
    return list(dict.fromkeys(url.host for url in urls if isinstance(url, SmtpUrl)))
