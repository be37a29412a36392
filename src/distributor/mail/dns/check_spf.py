"""Check SPF for the domain of the return path, as receivers do."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from distributor.domain.diagnostics import DiagnosticStatus, DnsRecord, Finding
from distributor.mail.dns.lookup import Resolver
from distributor.mail.dns.sender_profile import SenderProfile
from distributor.mail.dns.spf import MAX_LOOKUPS, SpfEvaluation, evaluate_spf

_OPEN_ENDS = {
    "+all": "it ends with +all, which permits every host to send mail from your domain: end it with -all",
    "?all": "it ends with ?all, which is neutral about all other hosts: end it with -all or ~all",
    "": "it does not end with -all or ~all, and so is neutral about all other hosts",
}


def check_spf(profile: SenderProfile, resolver: Resolver) -> Iterator[Finding]:
    """Raises DnsLookupError."""
    domain = profile.return_path_domain
    spf = evaluate_spf(domain, resolver)
    if spf is None:
        sentence = (
            f"{domain} has no SPF record, and large receivers reject such mail; "
            "publish one that lists every host that sends for it, your relay's provider first"
        )
        yield Finding("SPF", DiagnosticStatus.FAIL, sentence, _suggestion(profile))
        return
    record = DnsRecord(domain, "TXT", spf.record)
    errors = [*spf.errors, *_unpermitted(profile, spf)]
    if errors:
        yield Finding("SPF", DiagnosticStatus.FAIL, errors[0], record)
    else:
        sentence = f"{domain} has one record, which costs {spf.lookups} of {MAX_LOOKUPS} lookups"
        yield Finding("SPF", DiagnosticStatus.OK, sentence, record)
    for error in errors[1:]:
        yield Finding("SPF", DiagnosticStatus.FAIL, error)
    for advice in _advice(spf):
        yield Finding("SPF", DiagnosticStatus.WARN, advice)


def _unpermitted(profile: SenderProfile, spf: SpfEvaluation) -> Iterator[str]:
    """The outgoing addresses that the record does not permit; none if that cannot be determined."""
    if spf.errors or spf.has_macros:
        return
    for address in profile.outgoing:
        if not spf.permits(address):
            yield (
                f"the record of {profile.return_path_domain} does not permit {address}, which messages are sent from: "
                f"add ip{address.version}:{address}"
            )


def _advice(spf: SpfEvaluation) -> Iterator[str]:
    if spf.last in _OPEN_ENDS:
        yield _OPEN_ENDS[spf.last]
    if spf.uses_ptr:
        yield "it uses ptr, which RFC 7208 (section 5.5) advises against: list the addresses instead"


def _suggestion(profile: SenderProfile) -> DnsRecord:
    senders = [f"ip{address.version}:{address}" for address in profile.outgoing]
    if not senders:
        senders = [f"a:{relay}" for relay in profile.relays if not is_address(relay)]
    return DnsRecord(profile.return_path_domain, "TXT", " ".join(["v=spf1", *(senders or ["mx"]), "~all"]))


def is_address(host: str) -> bool:
    """Whether a host is an IP address and not a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
