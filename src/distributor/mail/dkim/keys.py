"""DKIM private keys: RSA, which every receiver verifies, and Ed25519 (RFC 8463), which some verify."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from distributor.domain.errors import ConfigurationError

# RFC 8301 section 3.2: signers should use 2048 bits; longer keys do not fit into one string of a TXT record.
_RSA_BITS = 2048


class Algorithm(StrEnum):
    """Key type, by its name in the tag k= of the DNS record (RFC 6376 section 3.6.1)."""

    RSA = "rsa"
    ED25519 = "ed25519"


class SigningKey(Protocol):
    """A loaded private key. Signatures are deterministic: the same data always gets the same one."""

    algorithm: ClassVar[Algorithm]

    def sign(self, data: bytes) -> bytes: ...

    def public(self) -> bytes:
        """The value of the tag p= in the DNS record, before base64."""


@dataclass(frozen=True, slots=True)
class RsaKey:
    """RSASSA-PKCS1-v1_5 with SHA-256 (RFC 6376 section 3.3.3)."""

    algorithm: ClassVar[Algorithm] = Algorithm.RSA
    private: RSAPrivateKey = field(repr=False)

    @classmethod
    def make(cls) -> RsaKey:
        return cls(generate_private_key(public_exponent=65537, key_size=_RSA_BITS))

    def sign(self, data: bytes) -> bytes:
        return self.private.sign(data, _PADDING, _SHA256)

    def public(self) -> bytes:
        return self.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def bare_public(self) -> bytes:
        """The bare RSAPublicKey, which the text of RFC 6376 requires and hardly any domain publishes."""
        return self.private.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)


@dataclass(frozen=True, slots=True)
class Ed25519Key:
    """PureEdDSA over the SHA-256 of the data (RFC 8463 section 3)."""

    algorithm: ClassVar[Algorithm] = Algorithm.ED25519
    private: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def make(cls) -> Ed25519Key:
        return cls(Ed25519PrivateKey.generate())

    def sign(self, data: bytes) -> bytes:
        return self.private.sign(hashlib.sha256(data).digest())

    def public(self) -> bytes:
        return self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


_PADDING = PKCS1v15()
_SHA256 = SHA256()

_MAKERS: Mapping[Algorithm, Callable[[], RsaKey | Ed25519Key]] = {
    Algorithm.RSA: RsaKey.make,
    Algorithm.ED25519: Ed25519Key.make,
}


def make_key(algorithm: Algorithm) -> RsaKey | Ed25519Key:
    """A new key: RSA of 2048 bits, or Ed25519."""
    return _MAKERS[algorithm]()


def pem_of(key: RsaKey | Ed25519Key) -> str:
    """The private key as PEM (PKCS #8). It may be stored encrypted only."""
    return key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")


def read_key(pem: str) -> RsaKey | Ed25519Key:
    """The private key from PEM. Raises ConfigurationError, whose text reveals nothing of the key."""
    try:
        # Validating an RSA key takes as long as 50 signatures, and stored keys are encrypted and authenticated.
        private = load_pem_private_key(pem.encode(), None, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ConfigurationError(
            "a DKIM key cannot be read; make a new one with `distributor channel dkim create`"
        ) from None
    if isinstance(private, Ed25519PrivateKey):
        return Ed25519Key(private)
    if isinstance(private, RSAPrivateKey) and private.key_size >= _RSA_BITS:
        return RsaKey(private)
    raise ConfigurationError(
        f"a DKIM key has to be Ed25519 or RSA of {_RSA_BITS} bits or more; "
        "make a new one with `distributor channel dkim create`"
    )
