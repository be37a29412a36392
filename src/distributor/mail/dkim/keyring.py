"""The signing keys of a channel and their rotation: made, published, activated, retired, removed.

A rotation never leaves mail unsigned: the new key is published while the old one signs, takes over in one step, and the
old record stays published until mail signed with it has been delivered everywhere.
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
_LONGEST_NAME = 253


class KeyState(StrEnum):
    """WAITING: to be published, signs nothing yet. ACTIVE: signs. RETIRED: signs no more, stays published a while."""

    WAITING = "waiting"
    ACTIVE = "active"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyEntry:
    """A key of a channel. `since` is when it came into its state; `pem` is private."""

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
        """The text to publish at `record_name`. Raises ConfigurationError for a key that cannot be read."""
        return record_text(self.read())

    def read(self) -> RsaKey | Ed25519Key:
        """The key itself. Raises ConfigurationError."""
        return read_key(self.pem)


@dataclass(frozen=True, slots=True)
class KeyRing:
    """All keys of a channel. At most one of each algorithm is active for a domain."""

    entries: tuple[KeyEntry, ...] = ()

    @classmethod
    def parse(cls, stored: str) -> KeyRing:
        """What `dump` gave; nothing at all is a ring without keys. Raises ConfigurationError."""
        if not stored:
            return cls()
        try:
            return cls(_ENTRIES.validate_json(stored))
        except ValidationError:
            # The error would quote what it could not read, and that is private keys.
            raise ConfigurationError("the DKIM keys of a channel cannot be read") from None

    def dump(self) -> str:
        """The ring with its private keys, for a vault."""
        return _ENTRIES.dump_json(self.entries).decode()

    @property
    def active(self) -> Sequence[KeyEntry]:
        """The keys that sign, RSA first."""
        return sorted(
            (entry for entry in self.entries if entry.state is KeyState.ACTIVE),
            key=lambda entry: entry.algorithm is not Algorithm.RSA,
        )

    def signer(self, *, left_out: frozenset[bytes] = frozenset()) -> DkimSigner:
        """What signs with the active keys, but not the fields `left_out`. Raises ConfigurationError for a bad key."""
        identities = [
            SigningIdentity(domain=entry.domain, selector=entry.selector, key=entry.read()) for entry in self.active
        ]
        return DkimSigner(identities, left_out=left_out)

    def find(self, selector: str) -> KeyEntry:
        """Raises NotFoundError."""
        for entry in self.entries:
            if entry.selector == selector:
                return entry
        raise NotFoundError("DKIM key", selector, hint="`distributor channel dkim list` shows the ones there are")

    def with_new(self, selector: str, *, domain: str, algorithm: Algorithm, now: datetime) -> KeyRing:
        """With a new key that waits to be published. Raises InputError for a selector that is no name or is taken."""
        if not _SELECTOR.fullmatch(selector) or len(record_name(selector, domain)) > _LONGEST_NAME:
            raise InputError(
                f"{selector!r} cannot be a selector: lower-case letters, digits and hyphens make one, like s2026a"
            )
        if any(entry.selector == selector for entry in self.entries):
            raise InputError(f"there is a key with the selector {selector!r} already; every key has one of its own")
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
        """With this key signing, and the one it follows retired.

        Raises StateError for an Ed25519 key without an RSA key beside it: most receivers would see no signature at all.
        """
        chosen = self.find(selector)
        if chosen.algorithm is not Algorithm.RSA and not self._signs_with_rsa(chosen.domain):
            raise StateError(
                f"{selector} is an Ed25519 key, which many receivers cannot verify: activate an RSA key for "
                f"{chosen.domain} first, and both will sign"
            )
        followed = [
            entry.selector
            for entry in self.active
            if entry is not chosen and (entry.domain, entry.algorithm) == (chosen.domain, chosen.algorithm)
        ]
        return self._with(KeyState.RETIRED, followed, now=now)._with(KeyState.ACTIVE, [selector], now=now)

    def with_retired(self, selector: str, *, now: datetime) -> KeyRing:
        """With this key signing no more. Raises StateError for an RSA key that an Ed25519 key would be left without."""
        chosen = self.find(selector)
        left = [entry for entry in self.active if entry is not chosen and entry.domain == chosen.domain]
        if left and all(entry.algorithm is not Algorithm.RSA for entry in left):
            raise StateError(
                f"without {selector} only {left[0].selector} would sign, an Ed25519 key that many receivers cannot "
                f"verify: activate another RSA key instead, or retire {left[0].selector} first"
            )
        return self._with(KeyState.RETIRED, [selector], now=now)

    def without(self, selector: str) -> KeyRing:
        """Without this key, for good. Raises StateError while it signs."""
        chosen = self.find(selector)
        if chosen.state is KeyState.ACTIVE:
            raise StateError(f"the key {selector} signs: activate another one, or retire it, before it is removed")
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
