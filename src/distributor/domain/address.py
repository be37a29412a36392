"""Email addresses: validation, the form to send to, and the key that is the same for all spellings."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from email.utils import parseaddr
from functools import lru_cache

import idna

from distributor.domain.errors import AddressError

# RFC 5321 section 4.5.3.1, in bytes; 254 is what remains of a path of 256 without its angle brackets.
_LONGEST_LOCAL_PART = 64
_LONGEST_ADDRESS = 254

_ASCII_LOCAL_SIGN = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]", re.ASCII)
# Matches nearly all addresses: valid and normalized as they are. A test holds that the general path agrees.
_PLAIN = re.compile(
    r"(?P<local>[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*)"
    r"@(?P<domain>(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?)",
    re.ASCII,
)
# Whatever stands around an @, as far as it could be an address. The part before it is bounded, so that a long text
# without an @ is not searched again from each of its characters.
_IN_TEXT = re.compile(r"[^\s<>@]{1,320}(?:@|%40)[^\s<>@]{1,255}")
# Beyond ASCII RFC 6531 allows nearly all of Unicode. Invisible and unassigned characters are rejected here.
_UNSEEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"})


@dataclass(frozen=True, slots=True)
class EmailAddress:
    """An address that mail can be sent to; made by `parse_address`.

    `address` has the local part in NFC as its owner writes it, and the domain in A-labels (RFC 5890).
    `key` is the same in NFC without regard to case: two addresses with the same key are the same mailbox.
    """

    address: str
    key: str

    @property
    def domain(self) -> str:
        """The domain in lower-case A-labels."""
        return self.address.rpartition("@")[2]


def parse_address(text: str) -> EmailAddress:
    """The address that `text` is. Nothing is trimmed or repaired except letter case and width in the domain.

    Refused though RFC 5321 allows them: quoted local parts and address literals, which hardly any mailbox has and
    many servers mishandle, and domains of one label. Raises AddressError.
    """
    plain = _PLAIN.fullmatch(text) if len(text) <= _LONGEST_ADDRESS else None
    if plain and len(plain["local"]) <= _LONGEST_LOCAL_PART and "--" not in plain["domain"]:
        return EmailAddress(address=text, key=f"{plain['local'].lower()}@{plain['domain']}")
    return _parse_any(text)


def mailbox_key(text: str) -> str | None:
    """The key by which two spellings of an address are compared; None if `text` is no address."""
    try:
        return parse_address(text).key
    except AddressError:
        return None


def _parse_any(text: str) -> EmailAddress:
    _refuse_foreign_signs(text)
    local_part, at, domain = text.rpartition("@")
    if not at:
        raise AddressError(text, "there is no @ in it")
    local_part = unicodedata.normalize("NFC", local_part)
    _check_local_part(text, local_part)
    ascii_domain = _to_a_labels(text, domain)
    address = f"{local_part}@{ascii_domain}"
    if len(address.encode()) > _LONGEST_ADDRESS:
        raise AddressError(text, f"it is longer than {_LONGEST_ADDRESS} bytes")
    return EmailAddress(address=address, key=f"{_fold(local_part)}@{ascii_domain}")


def checked_sender(text: str) -> str:
    """A sender such as ``The Gazette <news@example.org>``, or empty, as it is. Raises AddressError."""
    if not text.strip():
        return ""
    try:
        name, address = parseaddr(text.strip())
    except RecursionError:
        raise AddressError(text, "it has very many brackets or colons") from None
    if any(unicodedata.category(sign) in _UNSEEN - {"Zs"} for sign in name):
        raise AddressError(text, "there is an invisible character in its name")
    parse_address(address or text)
    return text.strip()


def _refuse_foreign_signs(text: str) -> None:
    # Also bounds the work below: mapping a domain may shorten it, but never to a quarter.
    if len(text) > 4 * _LONGEST_ADDRESS:
        raise AddressError(f"{text[:40]}…", f"it is longer than {_LONGEST_ADDRESS} bytes")
    if "<" in text or ">" in text:
        raise AddressError(text, "write the bare address, without a name and angle brackets")
    if '"' in text:
        raise AddressError(text, "quoted local parts are not accepted")
    for sign in text:
        if sign.isspace():
            raise AddressError(text, "there is a space or a line break in it")
        if unicodedata.category(sign) in _UNSEEN:
            raise AddressError(text, f"there is an invisible character in it, U+{ord(sign):04X}")


def _check_local_part(text: str, local_part: str) -> None:
    if not local_part:
        raise AddressError(text, "there is nothing before the @")
    for sign in local_part:
        if sign.isascii() and not _ASCII_LOCAL_SIGN.match(sign):
            raise AddressError(text, f"there is a {sign} before the @")
    if local_part.startswith(".") or local_part.endswith(".") or ".." in local_part:
        raise AddressError(text, "a dot before the @ must stand between other characters")
    if len(local_part.encode()) > _LONGEST_LOCAL_PART:
        raise AddressError(text, f"the part before the @ is longer than {_LONGEST_LOCAL_PART} bytes")


def _to_a_labels(text: str, domain: str) -> str:
    if not domain:
        raise AddressError(text, "there is nothing after the @")
    if domain.startswith("["):
        raise AddressError(text, "an address on a bare host number is not accepted")
    try:
        a_labels = _encode(domain)
    except (idna.IDNAError, UnicodeError) as error:
        raise AddressError(text, f"{domain} is not a domain: {error}") from None
    labels = a_labels.split(".")
    if len(labels) < 2 or not labels[-1]:
        raise AddressError(text, f"{domain} is not a full domain such as example.org")
    if labels[-1].isdigit():
        raise AddressError(text, "an address on a bare host number is not accepted")
    return a_labels


@lru_cache(maxsize=4096)  # a list of subscribers names the same few domains again and again
def _encode(domain: str) -> str:
    """The domain by IDNA2008, after the mapping of UTS 46 for case and width."""
    return idna.encode(domain, uts46=True, std3_rules=True).decode("ascii").lower()


def _fold(local_part: str) -> str:
    return unicodedata.normalize("NFC", local_part.casefold())


def without_addresses(text: str) -> str:
    """The text of a server or of a file, for those who may not see addresses."""
    return _IN_TEXT.sub("(address)", text)
