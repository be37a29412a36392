"""Hashes of passwords: Argon2id with the parameters of the OWASP Password Storage Cheat Sheet (19 MiB, 2 passes)."""

from __future__ import annotations

import threading
from functools import cache

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher

from distributor.domain.user import normalized_password

_hasher = PasswordHash((Argon2Hasher(time_cost=2, memory_cost=19 * 1024, parallelism=1),))
# A hash takes memory and a processor for a moment: many sign-ins at once wait for each other, not for memory.
_slots = threading.BoundedSemaphore(4)


def hash_password(password: str) -> str:
    """The hash of a password that `checked_password` returned."""
    with _slots:
        return _hasher.hash(password)


def verify_password(password: str, stored: str) -> tuple[bool, str]:
    """Whether it is the password of this hash, and a new hash if the stored one has older parameters, else empty.

    Without a stored hash it takes as long, and is wrong: the time does not reveal whether there is an account.
    """
    text = normalized_password(password)
    try:
        with _slots:
            is_right, renewed = _hasher.verify_and_update(text, stored or _hash_of_nothing())
    except UnknownHashError:
        is_right, renewed = False, None
    return is_right and bool(stored), (renewed or "") if is_right and stored else ""


@cache
def _hash_of_nothing() -> str:
    return _hasher.hash("the password of no one")
