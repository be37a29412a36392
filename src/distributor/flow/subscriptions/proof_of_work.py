"""Proof of work for forms, by the protocol of ALTCHA, version 2.

A browser spends about a second on it in the background; a bot that signs up thousands of addresses pays for each.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import cast

import altcha
from redis import Redis, RedisError

from distributor.domain.errors import ServiceError
from distributor.domain.rendition import Json

_ALGORITHM = "PBKDF2/SHA-256"
# A derived key begins with it once in 256 tries, on average.
_PREFIX = "00"
_VALID = timedelta(hours=1)
_KEY = "distributor:challenge:key"
_LONGEST_SOLUTION = 4096


class ProofOfWork:
    """Creates challenges and verifies solutions, each of them once. `cost` is the iterations of PBKDF2 for one try.

    All methods raise ServiceError if Redis is down: it holds the signing key and the used solutions.
    """

    def __init__(self, redis: Redis, *, cost: int) -> None:
        self._redis = redis
        self._cost = cost

    def create_challenge(self) -> dict[str, Json]:
        """A new challenge, in the form that the widget on the page takes."""
        # The library verifies by the clock of the machine, so the expiry is of the same clock.
        expires_at = datetime.now(UTC) + _VALID
        made = altcha.create_challenge(
            _ALGORITHM, self._cost, key_prefix=_PREFIX, hmac_secret=self._key(), expires_at=expires_at
        )
        return cast("dict[str, Json]", made.to_dict())

    def verify(self, solution: str) -> bool:
        """Whether this solves a challenge of ours that is neither expired nor solved before; it then counts as used."""
        if len(solution) > _LONGEST_SOLUTION or not altcha.verify_solution(solution, self._key()).verified:
            return False
        return self._is_first(solution)

    def _key(self) -> bytes:
        """The signing key, made on first use. If Redis loses it, open forms only need another challenge."""
        try:
            self._redis.set(_KEY, secrets.token_bytes(32), nx=True)
            return cast("bytes", self._redis.get(_KEY))
        except RedisError as error:
            raise ServiceError(f"Redis does not answer: {type(error).__name__}") from error

    def _is_first(self, solution: str) -> bool:
        # Identified by the signature: base64 and JSON allow many encodings of one solution.
        signature = str(json.loads(base64.b64decode(solution))["challenge"]["signature"])
        spent = f"distributor:challenge:spent:{hashlib.sha256(signature.encode()).hexdigest()}"
        try:
            return bool(self._redis.set(spent, b"", nx=True, px=_VALID))
        except RedisError as error:
            raise ServiceError(f"Redis does not answer: {type(error).__name__}") from error
