"""Signed tokens in links and addresses of messages: short, opaque, unforgeable, each for one purpose only.

A token is base64url of ``purpose (1 byte) ‖ delivery id (varint) ‖ number (varint) ‖ MAC (12 bytes)``, where MAC is
keyed BLAKE2b over the rest (RFC 7693 section 2.9). Nothing personal is inside. Mail servers may change the case of
letters in an address, so there the token is base32 in lower case.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

_MAC_BYTES = 12
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


class Purpose(Enum):
    """What a token may be used for; a token for one purpose is worthless for another."""

    OPEN = b"o"
    CLICK = b"c"
    UNSUBSCRIBE = b"u"
    PREFERENCES = b"p"
    VIEW = b"v"
    MESSAGE = b"m"
    CONFIRM = b"y"
    BOUNCE = b"b"
    ACCOUNT = b"a"
    ARTICLE = b"r"


@dataclass(frozen=True, slots=True)
class Stem:
    """The content of a token besides its delivery: the same for every recipient of a rendition."""

    purpose: Purpose
    number: int = 0
    before: bytes = field(init=False, repr=False, compare=False)
    after: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "before", self.purpose.value)
        object.__setattr__(self, "after", _varint(self.number))


@dataclass(frozen=True, slots=True)
class Claim:
    """The content of a valid token. `number` is the index of the clicked link in the rendition, else 0.

    In the address that a source receives articles at, `delivery_id` is the id of the source, and `number` is raised
    when the address is replaced.
    """

    delivery_id: int
    number: int


class TokenSigner:
    """Mints and reads tokens under one secret key."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) < 16:
            raise ValueError("the key for signing tokens needs at least 16 bytes")
        key = hashlib.sha256(b"distributor/token/1\n" + secret).digest()
        # Prepared once: a newsletter has dozens of tokens per recipient, and copying is the fastest way to each.
        self._keyed = hashlib.blake2b(key=key, digest_size=_MAC_BYTES)

    def mint(self, purpose: Purpose, delivery_id: int, number: int = 0) -> str:
        """The token for `purpose` and this delivery; the same arguments always give the same token."""
        return self.mint_all([Stem(purpose, number)], delivery_id)[0].decode("ascii")

    def mint_all(self, stems: Iterable[Stem], delivery_id: int) -> list[bytes]:
        """The tokens of one delivery, in ASCII; all at once, because a newsletter has dozens for each reader."""
        number, copy = _varint(delivery_id), self._keyed.copy
        tokens = []
        for stem in stems:
            body = stem.before + number + stem.after
            keyed = copy()
            keyed.update(body)
            raw = binascii.b2a_base64(body + keyed.digest(), newline=False)
            tokens.append(raw.translate(_URL_SAFE, b"="))
        return tokens

    def mint_for_address(self, purpose: Purpose, delivery_id: int, number: int = 0) -> str:
        """The token for an address: at most 37 characters of a-z and 2-7 for a small number, valid in any case."""
        body = purpose.value + _varint(delivery_id) + _varint(number)
        return base64.b32encode(body + self._mac(body)).rstrip(b"=").decode("ascii").lower()

    def read(self, purpose: Purpose, token: str) -> Claim | None:
        """The content of the token, or None if it is forged, damaged or for another purpose."""
        if not token.isascii() or len(token) > 64:
            return None
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (ValueError, binascii.Error):
            return None
        claim = self._opened(purpose, raw)
        # b64decode ignores stray bits after the last byte: only the one canonical spelling is a token.
        return claim if claim and self.mint(purpose, claim.delivery_id, claim.number) == token else None

    def read_from_address(self, purpose: Purpose, token: str) -> Claim | None:
        """The content of a token from an address, or None if it is forged, damaged or for another purpose."""
        if not token.isascii() or len(token) > 64:
            return None
        try:
            raw = base64.b32decode(token.upper() + "=" * (-len(token) % 8))
        except (ValueError, binascii.Error):
            return None
        claim = self._opened(purpose, raw)
        if claim is None or self.mint_for_address(purpose, claim.delivery_id, claim.number) != token.lower():
            return None
        return claim

    def _opened(self, purpose: Purpose, raw: bytes) -> Claim | None:
        body, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(body)) or body[:1] != purpose.value:
            return None
        delivery_id, rest = _read_varint(body[1:])
        number, rest = _read_varint(rest)
        return None if rest else Claim(delivery_id, number)

    def _mac(self, body: bytes) -> bytes:
        keyed = self._keyed.copy()
        keyed.update(body)
        return keyed.digest()


class InertTokenSigner(TokenSigner):
    """Mints tokens as long as those of `live` that open nothing, for messages that are only looked at.

    A Message-ID keeps its token: it is the name of the message, which the records of mail servers have too.
    """

    def __init__(self, live: TokenSigner) -> None:
        # Known to everybody, and not the key of any site, which is secret.
        super().__init__(b"tokens that open nothing")
        self._live = live

    def mint_all(self, stems: Iterable[Stem], delivery_id: int) -> list[bytes]:
        kept = list(stems)
        both = zip(kept, super().mint_all(kept, delivery_id), self._live.mint_all(kept, delivery_id), strict=True)
        return [live if stem.purpose is Purpose.MESSAGE else inert for stem, inert, live in both]


def _varint(value: int) -> bytes:
    if value < 0:
        raise ValueError("a token holds no negative number")
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _read_varint(raw: bytes) -> tuple[int, bytes]:
    value = 0
    for place, byte in enumerate(raw):
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, raw[place + 1 :]
    return value, b"\xff"
