"""Whether each signing key is published as it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from distributor.domain.diagnostics import DiagnosticStatus, DnsRecord, Finding
from distributor.domain.errors import InputError
from distributor.mail.dkim.dns_record import parse_tag_list, publishes
from distributor.mail.dkim.keyring import KeyEntry, KeyState
from distributor.mail.dns.lookup import DnsLookupError, Resolver
from distributor.mail.dns.sender_profile import SenderProfile

# A relay tries for five days (RFC 5321 section 4.5.4.1), and the record has to be there when it succeeds.
_UNDER_WAY = timedelta(days=7)


def check_dkim(mailing: SenderProfile, lookup: Resolver) -> Iterator[Finding]:
    """Raises ConfigurationError for a key that cannot be read."""
    if not mailing.ring.active:
        sentence = (
            "no key is active, so mails go out unsigned unless the relay signs them: "
            "`distributor channel dkim new` makes one"
        )
        yield Finding("DKIM", DiagnosticStatus.WARN, sentence)
    for entry in mailing.ring.entries:
        yield _examine_key(entry, mailing, lookup)


def publication_error(entry: KeyEntry, lookup: Resolver) -> str:
    """Why a receiver would not find the key, or nothing if it would. Raises DnsLookupError."""
    found = lookup.texts(entry.record_name)
    if not found:
        return f"{entry.record_name} has no TXT record"
    if len(found) > 1:
        return f"{entry.record_name} has {len(found)} TXT records, and receivers may take any of them: leave one"
    try:
        if publishes(found[0], entry.read()):
            return ""
    except InputError as error:
        return f"{entry.record_name} has a TXT record that publishes no key: {error}"
    return f"{entry.record_name} publishes another key than the one of selector {entry.selector}"


def _examine_key(entry: KeyEntry, mailing: SenderProfile, lookup: Resolver) -> Finding:
    """The record is told even if the DNS is silent: to publish it, one need not know what is there."""
    record = DnsRecord(entry.record_name, "TXT", entry.record)
    try:
        state, sentence = _judge(entry, mailing, lookup)
    except DnsLookupError as error:
        return Finding("DKIM", DiagnosticStatus.WARN, f"{entry.selector} could not be looked up: {error}", record)
    return Finding("DKIM", state, sentence, record)


def _judge(entry: KeyEntry, mailing: SenderProfile, lookup: Resolver) -> tuple[DiagnosticStatus, str]:
    fault = publication_error(entry, lookup)
    if not fault and "y" in parse_tag_list(lookup.texts(entry.record_name)[0]).get("t", "").split(":"):
        return (
            DiagnosticStatus.WARN,
            f"{entry.record_name} says t=y (testing), and receivers may treat mails as unsigned",
        )
    return _JUDGES[entry.state](entry, fault, mailing)


def _judge_active(entry: KeyEntry, fault: str, mailing: SenderProfile) -> tuple[DiagnosticStatus, str]:
    if fault:
        return DiagnosticStatus.FAIL, f"mails are signed with {entry.selector} ({entry.algorithm}), but {fault}"
    return DiagnosticStatus.OK, f"{entry.selector} ({entry.algorithm}) signs for {entry.domain} and is published"


def _judge_waiting(entry: KeyEntry, fault: str, mailing: SenderProfile) -> tuple[DiagnosticStatus, str]:
    if fault:
        return DiagnosticStatus.WARN, f"{entry.selector} ({entry.algorithm}) waits to be published: {fault}"
    return (
        DiagnosticStatus.WARN,
        f"{entry.selector} ({entry.algorithm}) is published: `distributor channel dkim activate` lets it sign",
    )


def _judge_retired(entry: KeyEntry, fault: str, mailing: SenderProfile) -> tuple[DiagnosticStatus, str]:
    is_recent = mailing.now - entry.since < _UNDER_WAY
    until = f"{entry.since + _UNDER_WAY:%Y-%m-%d}"
    if fault and is_recent:
        return DiagnosticStatus.FAIL, f"mails signed with {entry.selector} may be under way until {until}, but {fault}"
    if fault:
        return (
            DiagnosticStatus.OK,
            f"{entry.selector} is retired and no longer published: `distributor channel dkim remove` forgets it",
        )
    if is_recent:
        return DiagnosticStatus.OK, f"{entry.selector} is retired and has to stay published until {until}"
    return (
        DiagnosticStatus.WARN,
        f"{entry.selector} is retired: take its record out of the DNS, then `distributor channel dkim remove`",
    )


_JUDGES = {
    KeyState.ACTIVE: _judge_active,
    KeyState.WAITING: _judge_waiting,
    KeyState.RETIRED: _judge_retired,
}
