"""Which DMARC policy applies to the mails, and whether a signature or the return path speaks for their author."""

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

# RFC 9989 has no use for them any more; older receivers still heed pct.
_GONE = ("pct", "rf", "ri")
_MEANING = {
    "none": "receivers only report",
    "quarantine": "mail that fails goes to spam",
    "reject": "mail that fails is turned away",
}


def check_dmarc(mailing: SenderProfile, lookup: Resolver) -> Iterator[Finding]:
    """Raises DnsSilentError."""
    author = mailing.author
    number = len(dmarc_texts_at(author, lookup))
    if number > 1:
        sentence = f"_dmarc.{author} has {number} DMARC records, and receivers then use none: leave one"
        yield Finding("DMARC", DiagnosticStatus.FAIL, sentence)
    elif number and dmarc_record_at(author, lookup) is None:
        yield Finding(
            "DMARC",
            DiagnosticStatus.FAIL,
            f"the DMARC record of {author} cannot be read: tags are written name=value; …",
        )
    records = list(dns_tree_walk(author, lookup))
    policy = policy_for(author, records, exists=lookup.exists(author))
    if policy is None:
        sentence = f"no DMARC record applies to {author}, and Gmail, Yahoo and Microsoft ask for one"
        yield Finding("DMARC", DiagnosticStatus.FAIL, sentence, _suggestion(author))
        return
    record = DnsRecord(f"_dmarc.{policy.record.domain}", "TXT", policy.record.text)
    yield Finding("DMARC", DiagnosticStatus.OK, _sentence(author, policy), record)
    for advice in _advice(policy):
        yield Finding("DMARC", DiagnosticStatus.WARN, advice)
    yield from _examine_alignment(mailing, policy, organizational_domain(author, records), lookup)


def _sentence(author: str, policy: DmarcPolicy) -> str:
    place = "" if policy.record.domain == author else f", from the record of {policy.record.domain}"
    softened = ", softened by one step as t=y asks" if policy.is_test else ""
    return f"{policy.tag}={policy.policy} applies to {author}{place}: {_MEANING[policy.policy]}{softened}"


def _advice(policy: DmarcPolicy) -> Iterator[str]:
    tags = policy.record.tags
    gone = [tag for tag in _GONE if tag in tags]
    if gone:
        names = ", ".join(f"{tag}=" for tag in gone)
        yield f"the record has {names}, which RFC 9989 has done away with: take it out, and use t=y to test"
    if policy.tag not in tags:
        yield f"no policy in the record can be read, so p=none is taken: write {policy.tag}=none, quarantine or reject"
    if "rua" not in tags:
        yield "the record asks for no reports: add rua=mailto:… to learn who sends in your name"
    if policy.record.is_public_suffix:
        yield "the record says psd=y, which is for registries: domains below it then belong to others"


def _examine_alignment(
    mailing: SenderProfile, policy: DmarcPolicy, organization: str, lookup: Resolver
) -> Iterator[Finding]:
    tags = policy.record.tags
    signing = sorted({entry.domain for entry in mailing.ring.active})
    signs = any(_aligned(domain, mailing, organization, lookup, strict=tags.get("adkim") == "s") for domain in signing)
    returns = _aligned(mailing.envelope, mailing, organization, lookup, strict=tags.get("aspf") == "s")
    if signs:
        yield Finding("alignment", DiagnosticStatus.OK, f"a signature speaks for {mailing.author}")
    elif returns:
        sentence = (
            f"only SPF can speak for {mailing.author}, which is lost when a mail is forwarded: "
            f"sign for {mailing.author}"
        )
        yield Finding("alignment", DiagnosticStatus.WARN, sentence)
    else:
        others = ", ".join(dict.fromkeys([*signing, mailing.envelope]))
        sentence = (
            f"neither a signature nor the return path ({others}) speaks for {mailing.author}, so every mail fails "
            f"DMARC: sign with a key of {mailing.author}"
        )
        yield Finding("alignment", DiagnosticStatus.FAIL, sentence)


def _aligned(domain: str, mailing: SenderProfile, organization: str, lookup: Resolver, *, strict: bool) -> bool:
    """RFC 9989 section 4.4: strict means the same domain, relaxed the same organization."""
    if strict or domain == mailing.author:
        return domain == mailing.author
    return organizational_domain(domain, list(dns_tree_walk(domain, lookup))) == organization


def _suggestion(author: str) -> DnsRecord:
    return DnsRecord(f"_dmarc.{author}", "TXT", f"v=DMARC1; p=none; rua=mailto:dmarc-reports@{author}")
