"""The DKIM signer: adds signatures to a composed message."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from distributor.domain.errors import InputError
from distributor.mail.dkim.canonicalization import (
    NO_PREFIX,
    BodyPrefix,
    body_digest,
    relaxed_field,
    split_fields,
    split_message,
)
from distributor.mail.dkim.keys import SigningKey

# The signed fields, in the order of h=. RFC 6376 section 5.4.1; RFC 8058 section 4 requires both fields of
# List-Unsubscribe, Gmail Feedback-ID (support.google.com/mail/answer/6254652).
_SIGNED = (
    b"from",
    b"sender",
    b"reply-to",
    b"to",
    b"cc",
    b"subject",
    b"date",
    b"message-id",
    b"in-reply-to",
    b"references",
    b"mime-version",
    b"content-type",
    b"content-transfer-encoding",
    b"content-language",
    b"list-id",
    b"list-unsubscribe",
    b"list-unsubscribe-post",
    b"list-help",
    b"list-archive",
    b"list-post",
    b"feedback-id",
    b"precedence",
    b"auto-submitted",
    b"cfbl-address",
)
_SIGNABLE = frozenset(_SIGNED)
# Listed once more than they occur, so that adding another one breaks the signature (RFC 6376 section 8.15).
_OVERSIGNED = frozenset({b"from", b"subject"})
_LINE = 72


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningIdentity:
    """A signing domain, selector and private key; the public key is at ``<selector>._domainkey.<domain>`` (ASCII)."""

    domain: str
    selector: str
    key: SigningKey


class DkimSigner:
    """Adds one signature per identity; without identities it returns messages unchanged.

    `excluded` are field names in lower case that a relay replaces: a signature over them would become invalid.
    """

    def __init__(self, identities: Sequence[SigningIdentity], *, excluded: frozenset[bytes] = frozenset()) -> None:
        self._identities = tuple(identities)
        self._signable = _SIGNABLE - excluded
        self._first_tags = [
            f"v=1; a={one.key.algorithm}-sha256; c=relaxed/simple;\r\n d={one.domain}; s={one.selector};\r\n".encode(
                "ascii"
            )
            for one in self._identities
        ]

    def sign(self, message: bytes, *, at: datetime, body_prefix: BodyPrefix = NO_PREFIX) -> bytes:
        """The message with its signatures before all other fields; the same message and time give the same bytes.

        Lines have to end with CRLF. `at` is the signature timestamp (t=, whole seconds). `body_prefix` is what the
        bodies of many such messages begin with; it only saves time. Raises InputError if there is no From.
        """
        if not self._identities:
            return message
        header, start = split_message(message)
        names, signed = _choose(header, self._signable)
        body_hash = b64encode(body_digest(message, start, body_prefix=body_prefix))
        ending = b" t=%d; bh=%b;\r\n h=%b;\r\n b=" % (int(at.timestamp()), body_hash, names)
        signatures = []
        for identity, first in zip(self._identities, self._first_tags, strict=True):
            value = first + ending
            signature = identity.key.sign(signed + b"dkim-signature:" + value.replace(b"\r\n ", b" "))
            signatures += [b"DKIM-Signature: ", value, _folded(b64encode(signature)), b"\r\n"]
        return b"".join((*signatures, message))


UNSIGNED = DkimSigner(())


def _choose(header: bytes, signable: frozenset[bytes]) -> tuple[bytes, bytes]:
    """The value of h=, folded, and the signed fields in relaxed form; of equal names the last one comes first."""
    present: dict[bytes, list[bytes]] = {}
    for field in split_fields(header):
        name, line = relaxed_field(field)
        if name in signable:
            present.setdefault(name, []).insert(0, line)
    if b"from" not in present:
        raise InputError("a message without From cannot be signed")
    chosen = [(name, present.get(name, ())) for name in _SIGNED if name in present or name in _OVERSIGNED]
    names = _names(tuple((name, len(lines)) for name, lines in chosen))
    return names, b"".join(line for _, lines in chosen for line in lines)


@lru_cache(maxsize=64)
def _names(counted: tuple[tuple[bytes, int], ...]) -> bytes:
    """The value of h= for pairs of field name and number of occurrences."""
    names = [name for name, count in counted for _ in range(count + (name in _OVERSIGNED))]
    lines = [names[0]]
    for name in names[1:]:
        lines[-1] += b":"
        if len(lines[-1]) + len(name) > _LINE:
            lines.append(b"")
        lines[-1] += name
    return b"\r\n ".join(lines)


def _folded(signature: bytes) -> bytes:
    return b"\r\n ".join(signature[start : start + _LINE] for start in range(0, len(signature), _LINE))
