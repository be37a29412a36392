"""Check that every signing key is published in the DNS."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from distributor.domain.diagnostics import DiagnosticStatus, DnsRecord, Finding
from distributor.domain.errors import InputError
from distributor.mail.dkim.dns_record import parse_tag_list, publishes
from distributor.mail.dkim.keyring import KeyEntry, KeyState
from distributor.mail.dns.lookup import DnsLookupError, Resolver
from distributor.mail.dns.sender_profile import SenderProfile

# A relay retries for five days (RFC 5321 section 4.5.4.1), and the record has to exist when it succeeds.
_IN_TRANSIT = timedelta(days=7)


def check_dkim(profile: SenderProfile, resolver: Resolver) -> Iterator[Finding]:
    """Raises ConfigurationError for a key that cannot be read."""
    if not profile.key_ring.active:
        sentence = (
            "no key is active, so messages are unsigned unless the relay signs them: "
            "`distributor channel dkim create` creates one"
        )
        yield Finding("DKIM", DiagnosticStatus.WARN, sentence)
    for entry in profile.key_ring.entries:
        yield _check_key(entry, profile, resolver)


def publication_error(entry: KeyEntry, resolver: Resolver) -> str:
    """Why a receiver would not find the key; empty if it would. Raises DnsLookupError."""
    found = resolver.txt(entry.record_name)
    if not found:
        return f"{entry.record_name} has no TXT record"
    if len(found) > 1:
        return (
            f"{entry.record_name} has {len(found)} TXT records, and receivers may use any of them: remove all but one"
        )
    try:
        if publishes(found[0], entry.read()):
            return ""
    except InputError as error:
        return f"{entry.record_name} has a TXT record that publishes no key: {error}"
    return f"{entry.record_name} publishes a different key from that of selector {entry.selector}"


def _check_key(entry: KeyEntry, profile: SenderProfile, resolver: Resolver) -> Finding:
    """The record to publish is shown even if the query fails."""
    record = DnsRecord(entry.record_name, "TXT", entry.record)
    try:
        state, sentence = _check_state(entry, profile, resolver)
    except DnsLookupError as error:
        return Finding("DKIM", DiagnosticStatus.WARN, f"{entry.selector} could not be checked: {error}", record)
    return Finding("DKIM", state, sentence, record)


def _check_state(entry: KeyEntry, profile: SenderProfile, resolver: Resolver) -> tuple[DiagnosticStatus, str]:
    problem = publication_error(entry, resolver)
    if not problem and "y" in parse_tag_list(resolver.txt(entry.record_name)[0]).get("t", "").split(":"):
        return (
            DiagnosticStatus.WARN,
            f"{entry.record_name} has t=y (testing), and receivers may treat messages as unsigned",
        )
    return _CHECK_BY_STATE[entry.state](entry, problem, profile)


def _active_key(entry: KeyEntry, problem: str, profile: SenderProfile) -> tuple[DiagnosticStatus, str]:
    if problem:
        return DiagnosticStatus.FAIL, f"messages are signed with {entry.selector} ({entry.algorithm}), but {problem}"
    return DiagnosticStatus.OK, f"{entry.selector} ({entry.algorithm}) signs for {entry.domain} and is published"


def _waiting_key(entry: KeyEntry, problem: str, profile: SenderProfile) -> tuple[DiagnosticStatus, str]:
    if problem:
        return DiagnosticStatus.WARN, f"{entry.selector} ({entry.algorithm}) is waiting to be published: {problem}"
    return (
        DiagnosticStatus.WARN,
        f"{entry.selector} ({entry.algorithm}) is published: `distributor channel dkim activate` activates it",
    )


def _retired_key(entry: KeyEntry, problem: str, profile: SenderProfile) -> tuple[DiagnosticStatus, str]:
    is_recent = profile.now - entry.since < _IN_TRANSIT
    until = f"{entry.since + _IN_TRANSIT:%Y-%m-%d}"
    if problem and is_recent:
        return (
            DiagnosticStatus.FAIL,
            f"messages signed with {entry.selector} may be in transit until {until}, but {problem}",
        )
    if problem:
        return (
            DiagnosticStatus.OK,
            f"{entry.selector} is retired and no longer published: `distributor channel dkim remove` removes it",
        )
    if is_recent:
        return DiagnosticStatus.OK, f"{entry.selector} is retired and must stay published until {until}"
    return (
        DiagnosticStatus.WARN,
        f"{entry.selector} is retired: remove its record from the DNS, then run `distributor channel dkim remove`",
    )


_CHECK_BY_STATE = {
    KeyState.ACTIVE: _active_key,
    KeyState.WAITING: _waiting_key,
    KeyState.RETIRED: _retired_key,
}
