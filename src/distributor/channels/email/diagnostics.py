"""Examining an email channel: whether receivers will believe its mails, as far as the DNS decides it."""

from __future__ import annotations

from collections.abc import Iterator

from distributor.channels.api import DiagnosticContext
from distributor.channels.email.settings import EmailSettings
from distributor.domain.diagnostics import DiagnosticStatus, Finding
from distributor.domain.errors import AddressError
from distributor.mail.address import Address, Mailbox
from distributor.mail.dns.checks import check_sender_dns, is_special_use_domain
from distributor.mail.dns.lookup import DnsResolver
from distributor.mail.dns.sender_profile import SenderProfile
from distributor.mail.smtp.url import SmtpUrl


def examine_channel(settings: EmailSettings, diagnostic_context: DiagnosticContext) -> Iterator[Finding]:
    """Every finding about the channel's mails."""
    try:
        author = Mailbox.parse(settings.sender or diagnostic_context.site.sender).address.domain
    except AddressError as error:
        yield Finding("sender", DiagnosticStatus.FAIL, str(error))
        return
    if diagnostic_context.nameserver is None and is_special_use_domain(author):
        sentence = f"mails come from {author}, which the public DNS does not have: good for a sandbox, not for readers"
        yield Finding("sender", DiagnosticStatus.WARN, sentence)
        return
    profile = SenderProfile(
        from_domain=author,
        return_path_domain=Address.parse(f"bounces@{settings.bounce_domain}").domain
        if settings.bounce_domain
        else author,
        relays=_servers(settings, author),
        key_ring=settings.key_ring,
        outgoing=diagnostic_context.outgoing,
        now=diagnostic_context.now,
    )
    yield from check_sender_dns(profile, DnsResolver(diagnostic_context.nameserver))


def _servers(settings: EmailSettings, author: str) -> list[str]:
    """The hosts that take mails of this author by SMTP, each once."""
    serving = (relay.url for relay in settings.fleet if not relay.senders or author in relay.senders)
    return list(dict.fromkeys(url.host for url in serving if isinstance(url, SmtpUrl)))
