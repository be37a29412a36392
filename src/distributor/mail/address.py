"""Email addresses: an addr-spec with its domain as A-labels, and a mailbox with an optional display name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import idna

from distributor.domain.errors import AddressError

# RFC 5321 section 4.5.3.1.3 limits a path to 256 bytes, two of them the angle brackets.
_MAX_BYTES = 254

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\u0080-\U0010ffff]+"
_DOT_ATOM = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_QUOTED = re.compile(r'"(?:[ !#-\[\]-~]|\\[ -~])*"')
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_LITERAL = re.compile(r"\[(?:IPv6:[0-9A-Fa-f:.]+|\d{1,3}(?:\.\d{1,3}){3})\]")
_NAMED = re.compile(r'(?P<name>"(?:[^"\\]|\\.)*"\s*|[^<>]*)<(?P<spec>[^<>]*)>', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Address:
    """An addr-spec (RFC 5321 section 4.1.2). `domain` is lower-case ASCII; `local` may hold any script (RFC 6531)."""

    local: str
    domain: str

    def __post_init__(self) -> None:
        if not self.local.isprintable() or not (_DOT_ATOM.fullmatch(self.local) or _QUOTED.fullmatch(self.local)):
            raise AddressError(self.spec, "the part before the @ is invalid")
        if not (_DOMAIN.fullmatch(self.domain) or _LITERAL.fullmatch(self.domain)):
            raise AddressError(self.spec, "the part after the @ is no domain name")
        if len(self.spec.encode()) > _MAX_BYTES:
            raise AddressError(self.spec, f"it is longer than {_MAX_BYTES} bytes")

    @classmethod
    def parse(cls, text: str) -> Address:
        """Parse ``local@domain``; an international domain becomes A-labels (IDNA 2008). Raises AddressError."""
        local, at, domain = text.strip().rpartition("@")
        if not at:
            raise AddressError(text, "there is no @ in it")
        return cls(local, _to_a_labels(domain))

    @property
    def spec(self) -> str:
        return f"{self.local}@{self.domain}"

    @property
    def needs_smtputf8(self) -> bool:
        """Whether it needs a server with SMTPUTF8: the local part is not ASCII."""
        return not self.local.isascii()


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address with its display name, which may be empty (RFC 5322 section 3.4)."""

    name: str
    address: Address

    @classmethod
    def parse(cls, text: str) -> Mailbox:
        """Parse ``address``, ``Name <address>`` or ``"Name" <address>``. Raises AddressError."""
        named = _NAMED.fullmatch(text.strip())
        if named is None:
            return cls("", Address.parse(text))
        return cls(_unquote(named["name"].strip()), Address.parse(named["spec"]))


def _unquote(name: str) -> str:
    if len(name) >= 2 and name[0] == name[-1] == '"':
        return _ESCAPED.sub(r"\1", name[1:-1])
    return name


# Most recipients share a few domains, and IDNA is slow.
@lru_cache(maxsize=4096)
def _to_a_labels(domain: str) -> str:
    """The ASCII form of a domain, or the domain itself if it has none."""
    if domain.isascii():
        return domain if domain.startswith("[") else domain.lower()
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except UnicodeError:
        return domain
