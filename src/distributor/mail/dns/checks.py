"""All DNS checks of a sender."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from distributor.domain.diagnostics import DiagnosticStatus, Finding
from distributor.domain.errors import ConfigurationError
from distributor.mail.dns.check_dkim import check_dkim
from distributor.mail.dns.check_dmarc import check_dmarc
from distributor.mail.dns.check_hosts import check_mx, check_reverse_dns
from distributor.mail.dns.check_spf import check_spf
from distributor.mail.dns.lookup import DnsLookupError, Resolver
from distributor.mail.dns.sender_profile import SenderProfile

_CHECKS: tuple[tuple[str, Callable[[SenderProfile, Resolver], Iterator[Finding]]], ...] = (
    ("SPF", check_spf),
    ("DKIM", check_dkim),
    ("DMARC", check_dmarc),
    ("PTR", check_reverse_dns),
    ("MX", check_mx),
)
# RFC 6761, RFC 6762 and RFC 8375: names that do not exist in the public DNS.
_SPECIAL_USE = frozenset(
    {"test", "example", "invalid", "localhost", "localdomain", "local", "internal", "onion", "arpa"}
)


def check_sender_dns(profile: SenderProfile, resolver: Resolver) -> Iterator[Finding]:
    """Run every check. A DNS error or an unreadable key is a finding too, and ends only its own check."""
    for name, check in _CHECKS:
        try:
            yield from check(profile, resolver)
        except DnsLookupError as error:
            yield Finding(name, DiagnosticStatus.WARN, f"could not be checked: {error}")
        except ConfigurationError as error:
            yield Finding(name, DiagnosticStatus.FAIL, str(error))


def is_special_use_domain(domain: str) -> bool:
    """Whether a domain is reserved for tests or private networks, or is an address literal."""
    return domain.rpartition(".")[2] in _SPECIAL_USE or domain.startswith("[")
