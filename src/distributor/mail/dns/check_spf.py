"""Whether SPF lets the mails through: judged for the domain of the return path, as receivers do."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from distributor.domain.diagnostics import DiagnosticStatus, DnsRecord, Finding
from distributor.mail.dns.lookup import Resolver
from distributor.mail.dns.sender_profile import SenderProfile
from distributor.mail.dns.spf import MAX_LOOKUPS, SpfEvaluation, evaluate_spf

_OPEN_ENDS = {
    "+all": "it ends with +all, which lets the whole world send in your name: end it with -all",
    "?all": "it ends with ?all, which says nothing about others: end it with -all or ~all",
    "": "it does not end with -all or ~all, and so says nothing about others",
}


def check_spf(mailing: SenderProfile, lookup: Resolver) -> Iterator[Finding]:
    """Raises DnsSilentError."""
    domain = mailing.envelope
    reading = evaluate_spf(domain, lookup)
    if reading is None:
        sentence = (
            f"{domain} has no SPF record, and large receivers turn such mail away; "
            "publish one that names whatever sends for it, your relay's provider first"
        )
        yield Finding("SPF", DiagnosticStatus.FAIL, sentence, _suggestion(mailing))
        return
    record = DnsRecord(domain, "TXT", reading.record)
    faults = [*reading.faults, *_unpermitted(mailing, reading)]
    if faults:
        yield Finding("SPF", DiagnosticStatus.FAIL, faults[0], record)
    else:
        sentence = f"{domain} has one record, which costs {reading.lookups} of {MAX_LOOKUPS} lookups"
        yield Finding("SPF", DiagnosticStatus.OK, sentence, record)
    for fault in faults[1:]:
        yield Finding("SPF", DiagnosticStatus.FAIL, fault)
    for advice in _advice(reading):
        yield Finding("SPF", DiagnosticStatus.WARN, advice)


def _unpermitted(mailing: SenderProfile, reading: SpfEvaluation) -> Iterator[str]:
    """Of a record that says plainly whom it permits: the addresses that it forgets."""
    if reading.faults or reading.has_macros:
        return
    for address in mailing.outgoing:
        if not reading.permits(address):
            yield (
                f"the record of {mailing.envelope} does not permit {address}, from which mails leave: "
                f"add ip{address.version}:{address}"
            )


def _advice(reading: SpfEvaluation) -> Iterator[str]:
    if reading.last in _OPEN_ENDS:
        yield _OPEN_ENDS[reading.last]
    if reading.uses_ptr:
        yield "it uses ptr, which RFC 7208 (section 5.5) asks everybody not to: name the addresses instead"


def _suggestion(mailing: SenderProfile) -> DnsRecord:
    senders = [f"ip{address.version}:{address}" for address in mailing.outgoing]
    if not senders:
        senders = [f"a:{relay}" for relay in mailing.relays if not is_address(relay)]
    return DnsRecord(mailing.envelope, "TXT", " ".join(["v=spf1", *(senders or ["mx"]), "~all"]))


def is_address(host: str) -> bool:
    """Whether a host is given by its address and not by a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
