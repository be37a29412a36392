"""Tries the relays of a channel without sending a mail: connection, TLS, login, and whether they accept the sender."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence

from distributor.channels.api import SendContext
from distributor.channels.email.delivery.api_client import (
    NoResponse,
    NotConnected,
    ask_account,
    classify_response,
    open_client,
)
from distributor.channels.email.providers.payload import parse_object
from distributor.channels.email.providers.provider import ApiUrl
from distributor.channels.email.relays import Relay
from distributor.domain.diagnostics import DiagnosticStatus, Finding
from distributor.domain.errors import ConfigurationError, ServiceError
from distributor.mail.address import Address
from distributor.mail.dns.checks import is_special_use_domain
from distributor.mail.safe_urls import is_loopback
from distributor.mail.smtp.connect import SenderRejectedError, connect
from distributor.mail.smtp.connection import SmtpTimeouts
from distributor.mail.smtp.reply import SmtpSessionError
from distributor.mail.smtp.url import SmtpUrl

# A person waits: shorter than RFC 5321 asks for, which concerns mails.
_TIMEOUTS = SmtpTimeouts(connect=15, command=30)
_CHANGE = "`distributor channel change CHANNEL --set-stdin smtp_url`"


async def identify_relays(
    relays: Sequence[Relay], author: str, sender: Address, context: SendContext, *, tls: ssl.SSLContext | None = None
) -> list[Finding]:
    """The findings about each relay that is used for mails from the domain `author`, whose reverse-path is `sender`.

    `tls` replaces the system's authorities, for tests.
    """
    used = [relay for relay in relays if not relay.senders or author in relay.senders]
    if not used:
        sentence = f"no relay is for mails from {author}: name the domain in the senders of one, or leave them out"
        return [Finding("relays", DiagnosticStatus.FAIL, sentence)]
    tried = await asyncio.gather(*(_identify(relay, sender, context, tls) for relay in used))
    return [finding for findings in tried for finding in findings]


async def _identify(relay: Relay, sender: Address, context: SendContext, tls: ssl.SSLContext | None) -> list[Finding]:
    if isinstance(relay.url, ApiUrl):
        return await _identify_api(relay, relay.url, context, tls)
    return await _identify_smtp(relay, relay.url, sender, tls)


async def _identify_smtp(relay: Relay, url: SmtpUrl, sender: Address, tls: ssl.SSLContext | None) -> list[Finding]:
    try:
        connection = await connect(url, timeouts=_TIMEOUTS, tls=tls)
    except SmtpSessionError as error:
        sentence = (
            f"{url.place}: {error}; check host and port with {_CHANGE}, and whether a firewall or the provider of this "
            "machine blocks the port"
        )
        return [Finding(f"relay {relay.name}", DiagnosticStatus.FAIL, sentence)]
    except (ServiceError, ConfigurationError) as error:
        return [Finding(f"relay {relay.name}", DiagnosticStatus.FAIL, f"{error}; {_remedy(error)}")]
    found = [Finding(f"relay {relay.name}", DiagnosticStatus.OK, _session(url, connection.tls_version))]
    try:
        reply = await connection.try_sender(sender)
    except SmtpSessionError as error:
        return [*found, Finding("sender", DiagnosticStatus.FAIL, f"{url.place}: {error}")]
    finally:
        await connection.quit()
    if not reply.is_positive:
        sentence = (
            f"{url.place} does not accept {sender.spec} as the sender: {reply}; verify the address or its domain at "
            "the provider, or set another with `distributor channel change CHANNEL --set sender=…`"
        )
        return [*found, Finding("sender", DiagnosticStatus.FAIL, sentence)]
    found.append(Finding("sender", DiagnosticStatus.OK, f"{url.place} accepts {sender.spec} as the sender"))
    if is_loopback(url.host):
        sentence = (
            f"{url.place} is on this machine: unless a mail server runs there, such as Postfix, no reader gets mail"
        )
        found.append(Finding("destination", DiagnosticStatus.WARN, sentence))
    elif is_special_use_domain(url.host):
        sentence = f"{url.host} is a name for examples and tests: no reader gets mail over it"
        found.append(Finding("destination", DiagnosticStatus.WARN, sentence))
    return found


def _session(url: SmtpUrl, tls_version: str) -> str:
    encrypted = f"encrypted with {tls_version}" if tls_version else "not encrypted"
    certificate = ", certificate verified" if tls_version and url.needs_verification else ""
    login = f", signed in as {url.user}" if url.user is not None else ", without a user"
    return f"{url.place} answers, {encrypted}{certificate}{login}"


def _remedy(error: Exception) -> str:
    if isinstance(error, ConfigurationError):
        return f"correct it with {_CHANGE}"
    if isinstance(error, SenderRejectedError) and error.reply is not None:
        return f"correct user and password with {_CHANGE}, or ask the provider why"
    return f"correct the server's name, or say ca=FILE or tls=… in the URL, with {_CHANGE}"


async def _identify_api(relay: Relay, url: ApiUrl, context: SendContext, tls: ssl.SSLContext | None) -> list[Finding]:
    check, provider = f"relay {relay.name}", url.provider
    async with open_client(timeouts=_TIMEOUTS, tls=tls) as client:
        response = await ask_account(client, url, seconds=_TIMEOUTS.command, now=context.now())
    if isinstance(response, NotConnected | NoResponse):
        sentence = f"{provider.name}: {response.why}; check whether this machine reaches {url.root}"
        return [Finding(check, DiagnosticStatus.FAIL, sentence)]
    if 200 <= response.status < 300 and parse_object(response.body):
        return list(provider.account.read(url, response.body))
    if 200 <= response.status < 300:
        sentence = f"what answers at {url.root} is not {provider.name}: check the URL of the relay"
        return [Finding(check, DiagnosticStatus.FAIL, sentence)]
    if provider.account.is_valid_key(response.status, response.body):
        sentence = f"{provider.name} knows the key; it may only send, so it cannot ask which domains are verified"
        return [Finding(check, DiagnosticStatus.OK, sentence)]
    reply = classify_response(provider, response, now=context.now())
    answer = f"{provider.name} answers with HTTP {response.status}: {' '.join(reply.lines)}".rstrip(": ")
    advice = (
        f"correct the key in the URL of the relay with {_CHANGE}"
        if response.status in (401, 403)
        else ("check the URL of the relay" if response.status < 500 else "try again later")
    )
    return [Finding(check, DiagnosticStatus.FAIL, f"{answer}; {advice}")]
