"""Whether the addresses that mails leave from have names, and whether answers and bounces find a mail server."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from distributor.domain.diagnostics import DiagnosticStatus, DnsRecord, Finding
from distributor.mail.dns.check_spf import is_address
from distributor.mail.dns.lookup import IpAddress, Resolver
from distributor.mail.dns.sender_profile import SenderProfile


def check_reverse_dns(mailing: SenderProfile, lookup: Resolver) -> Iterator[Finding]:
    """The names of the outgoing addresses, else of the relays'. Raises DnsSilentError."""
    if mailing.outgoing:
        for address in mailing.outgoing:
            yield _examine_name(address, lookup, otherwise=DiagnosticStatus.FAIL)
        return
    for relay in mailing.relays:
        yield from _examine_relay(relay, lookup)


def check_mx(mailing: SenderProfile, lookup: Resolver) -> Iterator[Finding]:
    """Where answers go, and where bounces go. Raises DnsSilentError."""
    yield _examine_exchange(mailing.author, "answers", lookup)
    if mailing.has_own_envelope:
        yield _examine_exchange(mailing.envelope, "bounces", lookup)


def _examine_relay(relay: str, lookup: Resolver) -> Iterator[Finding]:
    public = [address for address in _relay_addresses(relay, lookup) if address.is_global]
    if not public:
        sentence = (
            f"{relay} is not on the public network, so it cannot be seen where mails leave from; "
            "name the address with --outgoing to have its PTR checked"
        )
        yield Finding("PTR", DiagnosticStatus.WARN, sentence)
    for address in public:
        # A provider takes mail at other addresses than those it sends from.
        yield _examine_name(address, lookup, otherwise=DiagnosticStatus.WARN)


def _relay_addresses(host: str, lookup: Resolver) -> list[IpAddress]:
    return [ip_address(host)] if is_address(host) else list(lookup.addresses(host))


def _examine_name(address: IpAddress, lookup: Resolver, *, otherwise: DiagnosticStatus) -> Finding:
    """Forward-confirmed reverse DNS: a name of the address that leads back to it."""
    names = lookup.names_of(address)
    if not names:
        sentence = (
            f"{address} has no name (PTR), and large receivers turn away what comes from there; its owner sets one"
        )
        return Finding("PTR", otherwise, sentence)
    for name in names:
        if address in lookup.addresses(name):
            return Finding("PTR", DiagnosticStatus.OK, f"{address} is {name}, and {name} is {address}")
    sentence = (
        f"{address} says it is {', '.join(names)}, which does not lead back to it: give the name an address record"
    )
    return Finding("PTR", otherwise, sentence)


def _examine_exchange(domain: str, what: str, lookup: Resolver) -> Finding:
    exchanges = lookup.exchanges(domain)
    hosts = [exchange.host for exchange in exchanges if exchange.host]
    if exchanges and not hosts:
        return Finding(
            "MX", DiagnosticStatus.FAIL, f"{domain} says that it takes no mail (RFC 7505), so {what} come to nothing"
        )
    if not exchanges:
        return _examine_without(domain, what, lookup)
    lost = [host for host in hosts if not lookup.addresses(host)]
    if lost:
        state = DiagnosticStatus.FAIL if len(lost) == len(hosts) else DiagnosticStatus.WARN
        return Finding(
            "MX", state, f"the mail server {', '.join(lost)} of {domain} has no address, so {what} may be lost"
        )
    return Finding("MX", DiagnosticStatus.OK, f"{what} to {domain} go to {', '.join(hosts)}")


def _examine_without(domain: str, what: str, lookup: Resolver) -> Finding:
    record = DnsRecord(domain, "MX", f"10 mail.{domain}.")
    if lookup.addresses(domain):
        sentence = (
            f"{domain} has no MX, so {what} go to its own address (RFC 5321 section 5.1); is a mail server there?"
        )
        return Finding("MX", DiagnosticStatus.WARN, sentence, record)
    sentence = (
        f"{domain} has neither MX nor address, so {what} come to nothing, and some receivers turn such a sender away"
    )
    return Finding("MX", DiagnosticStatus.FAIL, sentence, record)
