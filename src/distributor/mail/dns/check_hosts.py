"""Check reverse DNS of the sending addresses, and the MX records for replies and bounces."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from distributor.domain.diagnostics import DiagnosticStatus, DnsRecord, Finding
from distributor.mail.dns.check_spf import is_address
from distributor.mail.dns.lookup import IpAddress, Resolver
from distributor.mail.dns.sender_profile import SenderProfile


def check_reverse_dns(profile: SenderProfile, resolver: Resolver) -> Iterator[Finding]:
    """Check the outgoing IP addresses, or if unknown those of the relays. Raises DnsLookupError."""
    if profile.outgoing:
        for address in profile.outgoing:
            yield _check_ptr(address, resolver, otherwise=DiagnosticStatus.FAIL)
        return
    for relay in profile.relays:
        yield from _check_relay(relay, resolver)


def check_mx(profile: SenderProfile, resolver: Resolver) -> Iterator[Finding]:
    """Check where replies and bounces go. Raises DnsLookupError."""
    yield _check_mx_of(profile.from_domain, "replies", resolver)
    if profile.has_own_return_path:
        yield _check_mx_of(profile.return_path_domain, "bounces", resolver)


def _check_relay(relay: str, resolver: Resolver) -> Iterator[Finding]:
    public = [address for address in _relay_addresses(relay, resolver) if address.is_global]
    if not public:
        sentence = (
            f"{relay} has no public address, so the sending address is unknown; "
            "give it with --outgoing to have its PTR checked"
        )
        yield Finding("PTR", DiagnosticStatus.WARN, sentence)
    for address in public:
        # A provider accepts mail at other addresses than those it sends from.
        yield _check_ptr(address, resolver, otherwise=DiagnosticStatus.WARN)


def _relay_addresses(host: str, resolver: Resolver) -> list[IpAddress]:
    return [ip_address(host)] if is_address(host) else list(resolver.addresses(host))


def _check_ptr(address: IpAddress, resolver: Resolver, *, otherwise: DiagnosticStatus) -> Finding:
    """Forward-confirmed reverse DNS: the address has a name that resolves to it."""
    names = resolver.ptr(address)
    if not names:
        sentence = f"{address} has no PTR record, and large receivers reject such mail; ask its owner to set one"
        return Finding("PTR", otherwise, sentence)
    for name in names:
        if address in resolver.addresses(name):
            return Finding("PTR", DiagnosticStatus.OK, f"{address} is {name}, and {name} is {address}")
    sentence = (
        f"{address} has the name {', '.join(names)}, which does not resolve to it: give the name an address record"
    )
    return Finding("PTR", otherwise, sentence)


def _check_mx_of(domain: str, what: str, resolver: Resolver) -> Finding:
    exchanges = resolver.mx(domain)
    hosts = [exchange.host for exchange in exchanges if exchange.host]
    if exchanges and not hosts:
        return Finding("MX", DiagnosticStatus.FAIL, f"{domain} accepts no mail (null MX, RFC 7505), so {what} are lost")
    if not exchanges:
        return _without_mx(domain, what, resolver)
    unresolved = [host for host in hosts if not resolver.addresses(host)]
    if unresolved:
        state = DiagnosticStatus.FAIL if len(unresolved) == len(hosts) else DiagnosticStatus.WARN
        return Finding(
            "MX", state, f"the mail server {', '.join(unresolved)} of {domain} has no address, so {what} may be lost"
        )
    return Finding("MX", DiagnosticStatus.OK, f"{what} to {domain} go to {', '.join(hosts)}")


def _without_mx(domain: str, what: str, resolver: Resolver) -> Finding:
    record = DnsRecord(domain, "MX", f"10 mail.{domain}.")
    if resolver.addresses(domain):
        sentence = f"{domain} has no MX, so {what} go to its own address (RFC 5321): is a mail server there?"
        return Finding("MX", DiagnosticStatus.WARN, sentence, record)
    sentence = f"{domain} has neither MX nor address, so {what} are lost, and some receivers reject such a sender"
    return Finding("MX", DiagnosticStatus.FAIL, sentence, record)
