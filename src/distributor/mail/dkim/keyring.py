"""The signing keys of a channel and their rotation: created, published, activated, retired, removed.

During a rotation all mail stays signed: the new key is published while the old one signs, takes over in one step, and
the old DNS record stays published until all messages signed with it have been delivered.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from pydantic import TypeAdapter, ValidationError

from distributor.domain.errors import ConfigurationError, InputError, NotFoundError, StateError
from distributor.mail.dkim.dns_record import record_name, record_text
from distributor.mail.dkim.keys import Algorithm, Ed25519Key, RsaKey, make_key, pem_of, read_key
from distributor.mail.dkim.signer import DkimSigner, SigningIdentity

_SELECTOR = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*")
_MAX_NAME_LENGTH = 253


class KeyState(StrEnum):
    """WAITING: to be published, does not sign yet. ACTIVE: signs. RETIRED: no longer signs, still published."""

    WAITING = "waiting"
    ACTIVE = "active"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyEntry:
    """A key of a channel. `since` is the time of its last change of state; `pem` is the private key."""

    selector: str
    domain: str
    algorithm: Algorithm
    state: KeyState
    since: datetime
    pem: str = field(repr=False)

    @property
    def record_name(self) -> str:
        return record_name(self.selector, self.domain)

    @property
    def record(self) -> str:
        """The TXT record to publish at `record_name`. Raises ConfigurationError for a key that cannot be read."""
        return record_text(self.read())

    def read(self) -> RsaKey | Ed25519Key:
        """The private key. Raises ConfigurationError."""
        return read_key(self.pem)


@dataclass(frozen=True, slots=True)
class KeyRing:
    """All keys of a channel. At most one of each algorithm is active for a domain."""

    entries: tuple[KeyEntry, ...] = ()

    @classmethod
    def parse(cls, stored: str) -> KeyRing:
        """Read what `dump` wrote; an empty text is a key ring without keys. Raises ConfigurationError."""
        if not stored:
            return cls()
        try:
            return cls(_ENTRIES.validate_json(stored))
        except ValidationError:
            # The error would quote its input, which contains private keys.
            raise ConfigurationError("the DKIM keys of a channel cannot be read") from None

    def dump(self) -> str:
        """The key ring as JSON, with its private keys: it may be stored encrypted only."""
        return _ENTRIES.dump_json(self.entries).decode()

    @property
    def active(self) -> Sequence[KeyEntry]:
        """The keys that sign, RSA first."""
        return sorted(
            (entry for entry in self.entries if entry.state is KeyState.ACTIVE),
            key=lambda entry: entry.algorithm is not Algorithm.RSA,
        )

    def signer(self, *, excluded: frozenset[bytes] = frozenset()) -> DkimSigner:
        """A signer with the active keys; it does not sign the `excluded` fields. Raises ConfigurationError."""
        identities = [
            SigningIdentity(domain=entry.domain, selector=entry.selector, key=entry.read()) for entry in self.active
        ]
        return DkimSigner(identities, excluded=excluded)

    def find(self, selector: str) -> KeyEntry:
        """Raises NotFoundError."""
        for entry in self.entries:
            if entry.selector == selector:
                return entry
        raise NotFoundError("DKIM key", selector, hint="`distributor channel dkim list CHANNEL` shows all keys")

    def with_new(self, selector: str, *, domain: str, algorithm: Algorithm, now: datetime) -> KeyRing:
        """With a new key, to be published. Raises InputError for a selector that is invalid or in use."""
        if not _SELECTOR.fullmatch(selector) or len(record_name(selector, domain)) > _MAX_NAME_LENGTH:
            raise InputError(
                f"{selector!r} is no valid selector: use lower-case letters, digits and hyphens, like s2026a"
            )
        if any(entry.selector == selector for entry in self.entries):
            raise InputError(f"there is a key with the selector {selector!r} already; choose another one")
        made = KeyEntry(
            selector=selector,
            domain=domain,
            algorithm=algorithm,
            state=KeyState.WAITING,
            since=now,
            pem=pem_of(make_key(algorithm)),
        )
        return KeyRing((*self.entries, made))

    def with_active(self, selector: str, *, now: datetime) -> KeyRing:
        """With this key active, and the active one of its domain and algorithm retired.

        Raises StateError for an Ed25519 key without an active RSA key: most receivers would see no valid signature.
        """
        chosen = self.find(selector)
        if chosen.algorithm is not Algorithm.RSA and not self._signs_with_rsa(chosen.domain):
            raise StateError(
                f"{selector} is an Ed25519 key, which many receivers cannot verify: activate an RSA key for "
                f"{chosen.domain} first, and both will sign"
            )
        replaced = [
            entry.selector
            for entry in self.active
            if entry is not chosen and (entry.domain, entry.algorithm) == (chosen.domain, chosen.algorithm)
        ]
        return self._with(KeyState.RETIRED, replaced, now=now)._with(KeyState.ACTIVE, [selector], now=now)

    def with_retired(self, selector: str, *, now: datetime) -> KeyRing:
        """With this key retired. Raises StateError for the last RSA key beside an active Ed25519 key."""
        chosen = self.find(selector)
        left = [entry for entry in self.active if entry is not chosen and entry.domain == chosen.domain]
        if left and all(entry.algorithm is not Algorithm.RSA for entry in left):
            raise StateError(
                f"without {selector} only {left[0].selector} would sign, an Ed25519 key that many receivers cannot "
                f"verify: activate another RSA key instead, or retire {left[0].selector} first"
            )
        return self._with(KeyState.RETIRED, [selector], now=now)

    def without(self, selector: str) -> KeyRing:
        """With this key deleted. Raises StateError while it is active."""
        chosen = self.find(selector)
        if chosen.state is KeyState.ACTIVE:
            raise StateError(f"the key {selector} is active: activate another one, or retire it, before you remove it")
        return KeyRing(tuple(entry for entry in self.entries if entry is not chosen))

    def _signs_with_rsa(self, domain: str) -> bool:
        return any(entry.domain == domain and entry.algorithm is Algorithm.RSA for entry in self.active)

    def _with(self, state: KeyState, selectors: Collection[str], *, now: datetime) -> KeyRing:
        return KeyRing(
            tuple(
                replace(entry, state=state, since=now)
                if entry.selector in selectors and entry.state is not state
                else entry
                for entry in self.entries
            )
        )


_ENTRIES = TypeAdapter(tuple[KeyEntry, ...])
