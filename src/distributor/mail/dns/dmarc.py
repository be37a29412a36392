"""DMARC (RFC 9989): the policy that applies to a domain, found by walking up the DNS tree."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from distributor.domain.errors import InputError
from distributor.mail.dkim.dns_record import parse_tag_list
from distributor.mail.dns.lookup import Resolver

# RFC 9989 section 4.10: for a name with eight labels or more, the walk continues with the last seven.
_MAX_QUERIES = 8
_VERSION = re.compile(r"v[ \t]*=[ \t]*DMARC1[ \t]*(?:;|$)")
_POLICIES = ("none", "quarantine", "reject")


@dataclass(frozen=True, slots=True)
class DmarcRecord:
    """A DMARC record and the domain that publishes it."""

    domain: str
    text: str
    tags: Mapping[str, str]

    @property
    def is_public_suffix(self) -> bool:
        return self.tags.get("psd", "u") == "y"

    @property
    def ends_walk(self) -> bool:
        return self.tags.get("psd", "u") in ("y", "n")


@dataclass(frozen=True, slots=True)
class DmarcPolicy:
    """The policy that applies to a domain: its record, the tag that gives the policy, and the policy."""

    record: DmarcRecord
    tag: str
    policy: str

    @property
    def is_test(self) -> bool:
        """t=y asks receivers to apply a policy one step weaker."""
        return self.record.tags.get("t", "n") == "y"


def dns_tree_walk(domain: str, resolver: Resolver) -> Iterator[DmarcRecord]:
    """The records found by the DNS tree walk from `domain` (RFC 9989 section 4.10). Raises DnsLookupError."""
    for name in _steps(domain):
        record = dmarc_record_at(name, resolver)
        if record is not None:
            yield record
            if record.ends_walk:
                return


def dmarc_record_at(domain: str, resolver: Resolver) -> DmarcRecord | None:
    """The record of the domain itself; several, or one that cannot be parsed, count as none."""
    found = dmarc_texts_at(domain, resolver)
    if len(found) != 1:
        return None
    try:
        return DmarcRecord(domain, found[0], parse_tag_list(found[0]))
    except InputError:
        return None


def dmarc_texts_at(domain: str, resolver: Resolver) -> list[str]:
    """The TXT records of the domain itself that begin like DMARC records."""
    return [text for text in resolver.txt(f"_dmarc.{domain}") if _VERSION.match(text)]


def organizational_domain(domain: str, records: Sequence[DmarcRecord]) -> str:
    """The organizational domain (RFC 9989 section 4.10.2), given the records found by the walk from `domain`."""
    for record in records:
        if record.tags.get("psd") == "n":
            return record.domain
        if record.is_public_suffix and record.domain != domain:
            below = domain.removesuffix(f".{record.domain}").rpartition(".")[2]
            return f"{below}.{record.domain}"
    return min((record.domain for record in records), key=lambda name: name.count("."), default=domain)


def policy_for(domain: str, records: Sequence[DmarcRecord], *, exists: bool) -> DmarcPolicy | None:
    """The policy for `domain` (RFC 9989 section 4.10.1): its own, else its organization's, else its public suffix's."""
    organization = organizational_domain(domain, records)
    for place in (domain, organization):
        for record in records:
            if record.domain == place:
                return _policy_in(record, is_own=place == domain, exists=exists)
    suffixes = [record for record in records if record.is_public_suffix]
    return _policy_in(suffixes[0], is_own=False, exists=exists) if suffixes else None


def _policy_in(record: DmarcRecord, *, is_own: bool, exists: bool) -> DmarcPolicy | None:
    order = ("p",) if is_own else ("sp", "p") if exists else ("np", "sp", "p")
    for tag in order:
        if record.tags.get(tag, "").lower() in _POLICIES:
            return DmarcPolicy(record, tag, record.tags[tag].lower())
    # A record without a valid policy that requests reports counts as p=none (RFC 9989 section 4.7).
    return DmarcPolicy(record, "p", "none") if "rua" in record.tags else None


def _steps(domain: str) -> Iterator[str]:
    labels = domain.split(".")
    yield domain
    rest = labels[1:] if len(labels) < _MAX_QUERIES else labels[1 - _MAX_QUERIES :]
    for start in range(len(rest)):
        yield ".".join(rest[start:])
