"""Whether a signature speaks for the sender: DMARC counts only one whose domain goes with the domain of From."""

from __future__ import annotations

from distributor.domain.errors import AddressError
from distributor.domain.problems import Problem, Severity
from distributor.domain.rendition import Rendition
from distributor.mail.address import Mailbox
from distributor.mail.dkim.keyring import KeyRing


def is_aligned(signing: str, author: str) -> bool:
    """Whether one of the domains is the other or a part of it.

    RFC 9989 section 4.10 asks for the same organizational domain. Without the DNS this is as near as one can come:
    nobody signs for a domain as wide as ``co.uk``.
    """
    return signing == author or signing.endswith(f".{author}") or author.endswith(f".{signing}")


def check_signing(rendition: Rendition, ring: KeyRing) -> list[Problem]:
    """A warning if the channel signs, but for others than the sender. An unreadable sender is not its finding."""
    try:
        author = Mailbox.parse(rendition.payload["from"]).address.domain
    except AddressError:
        return []
    domains = sorted({entry.domain for entry in ring.active})
    if not domains or any(is_aligned(domain, author) for domain in domains):
        return []
    advice = (
        f"mails from {author} are signed for {', '.join(domains)}, which DMARC does not count; "
        f"make a key for {author} with `distributor channel dkim new`"
    )
    return [Problem(Severity.WARN, "dkim-unaligned", advice, "from")]
