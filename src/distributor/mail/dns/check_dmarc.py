"""Check DMARC: the policy that applies, and whether DKIM or SPF is aligned with the domain of From."""

from __future__ import annotations

from collections.abc import Iterator

from distributor.domain.diagnostics import DiagnosticStatus, DnsRecord, Finding
from distributor.mail.dns.dmarc import (
    DmarcPolicy,
    dmarc_record_at,
    dmarc_texts_at,
    dns_tree_walk,
    organizational_domain,
    policy_for,
)
from distributor.mail.dns.lookup import Resolver
from distributor.mail.dns.sender_profile import SenderProfile

# Removed by RFC 9989; older receivers still apply pct.
_REMOVED_TAGS = ("pct", "rf", "ri")
_EFFECTS = {
    "none": "receivers only report",
    "quarantine": "mail that fails goes to the spam folder",
    "reject": "mail that fails is rejected",
}


def check_dmarc(profile: SenderProfile, resolver: Resolver) -> Iterator[Finding]:
    """Raises DnsLookupError."""
    author = profile.from_domain
    number = len(dmarc_texts_at(author, resolver))
    if number > 1:
        sentence = f"_dmarc.{author} has {number} DMARC records, and receivers then use none: remove all but one"
        yield Finding("DMARC", DiagnosticStatus.FAIL, sentence)
    elif number and dmarc_record_at(author, resolver) is None:
        yield Finding(
            "DMARC",
            DiagnosticStatus.FAIL,
            f"the DMARC record of {author} cannot be parsed: tags are written name=value; …",
        )
    records = list(dns_tree_walk(author, resolver))
    policy = policy_for(author, records, exists=resolver.exists(author))
    if policy is None:
        sentence = f"no DMARC record applies to {author}, and Gmail, Yahoo and Microsoft require one"
        yield Finding("DMARC", DiagnosticStatus.FAIL, sentence, _suggestion(author))
        return
    record = DnsRecord(f"_dmarc.{policy.record.domain}", "TXT", policy.record.text)
    yield Finding("DMARC", DiagnosticStatus.OK, _sentence(author, policy), record)
    for advice in _advice(policy):
        yield Finding("DMARC", DiagnosticStatus.WARN, advice)
    yield from _check_alignment(profile, policy, organizational_domain(author, records), resolver)


def _sentence(author: str, policy: DmarcPolicy) -> str:
    place = "" if policy.record.domain == author else f", from the record of {policy.record.domain}"
    softened = ", softened by one step because of t=y" if policy.is_test else ""
    return f"{policy.tag}={policy.policy} applies to {author}{place}: {_EFFECTS[policy.policy]}{softened}"


def _advice(policy: DmarcPolicy) -> Iterator[str]:
    tags = policy.record.tags
    removed = [tag for tag in _REMOVED_TAGS if tag in tags]
    if removed:
        names = ", ".join(f"{tag}=" for tag in removed)
        yield f"the record has {names}, which RFC 9989 has removed: delete it, and use t=y to test"
    if policy.tag not in tags:
        yield f"the record has no valid policy, so p=none applies: write {policy.tag}=none, quarantine or reject"
    if "rua" not in tags:
        yield "the record requests no reports: add rua=mailto:… to learn who sends mail from your domain"
    if policy.record.is_public_suffix:
        yield "the record has psd=y, which is for registries: its subdomains are then treated as other organizations"


def _check_alignment(
    profile: SenderProfile, policy: DmarcPolicy, organization: str, resolver: Resolver
) -> Iterator[Finding]:
    tags = policy.record.tags
    signing = sorted({entry.domain for entry in profile.key_ring.active})
    signs = any(
        _aligned(domain, profile, organization, resolver, strict=tags.get("adkim") == "s") for domain in signing
    )
    returns = _aligned(profile.return_path_domain, profile, organization, resolver, strict=tags.get("aspf") == "s")
    if signs:
        yield Finding("alignment", DiagnosticStatus.OK, f"a DKIM signature is aligned with {profile.from_domain}")
    elif returns:
        sentence = (
            f"only SPF is aligned with {profile.from_domain}, and it fails when a message is forwarded: "
            f"sign with a DKIM key of {profile.from_domain}"
        )
        yield Finding("alignment", DiagnosticStatus.WARN, sentence)
    else:
        others = ", ".join(dict.fromkeys([*signing, profile.return_path_domain]))
        sentence = (
            f"neither a signature nor the return path ({others}) is aligned with {profile.from_domain}, so every "
            f"message fails DMARC: sign with a key of {profile.from_domain}"
        )
        yield Finding("alignment", DiagnosticStatus.FAIL, sentence)


def _aligned(domain: str, profile: SenderProfile, organization: str, resolver: Resolver, *, strict: bool) -> bool:
    """RFC 9989 section 4.4: strict means the same domain, relaxed the same organization."""
    if strict or domain == profile.from_domain:
        return domain == profile.from_domain
    return organizational_domain(domain, list(dns_tree_walk(domain, resolver))) == organization


def _suggestion(author: str) -> DnsRecord:
    return DnsRecord(f"_dmarc.{author}", "TXT", f"v=DMARC1; p=none; rua=mailto:dmarc-reports@{author}")
