"""Everything the DNS says about a mailing, one finding after another."""

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

_PARTS: tuple[tuple[str, Callable[[SenderProfile, Resolver], Iterator[Finding]]], ...] = (
    ("SPF", check_spf),
    ("DKIM", check_dkim),
    ("DMARC", check_dmarc),
    ("PTR", check_reverse_dns),
    ("MX", check_mx),
)
# RFC 6761, RFC 6762 and RFC 8375: names that the public DNS does not have.
_SPECIAL = frozenset({"test", "example", "invalid", "localhost", "localdomain", "local", "internal", "onion", "arpa"})


def check_sender_dns(mailing: SenderProfile, lookup: Resolver) -> Iterator[Finding]:
    """Every finding. What the DNS does not answer is a finding too, and ends only its own part."""
    for check, examine in _PARTS:
        try:
            yield from examine(mailing, lookup)
        except DnsLookupError as error:
            yield Finding(check, DiagnosticStatus.WARN, f"could not be found out: {error}")
        except ConfigurationError as error:
            yield Finding(check, DiagnosticStatus.FAIL, str(error))


def is_special_use_domain(domain: str) -> bool:
    """Whether a domain is one that only makes sense in tests and on one's own network."""
    return domain.rpartition(".")[2] in _SPECIAL or domain.startswith("[")
