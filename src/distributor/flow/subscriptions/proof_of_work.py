"""Challenge: a proof of work asked of whoever fills in a form, by the protocol of ALTCHA, version 2.

A browser spends about a second on it and a person notices nothing; who signs up thousands pays for each.
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
    """Sets challenges and judges solutions, each good for once. `cost` is the iterations of PBKDF2 for one try.

    All methods raise ServiceError if Redis does not answer: it holds the key they are signed with, and what is used up.
    """

    def __init__(self, redis: Redis, *, cost: int) -> None:
        self._redis = redis
        self._cost = cost

    def set_one(self) -> dict[str, Json]:
        """A fresh challenge, as the solver on the page takes it."""
        # The library judges by the clock of the machine, so it is given the time of no other.
        expires_at = datetime.now(UTC) + _VALID
        made = altcha.create_challenge(
            _ALGORITHM, self._cost, key_prefix=_PREFIX, hmac_secret=self._key(), expires_at=expires_at
        )
        return cast("dict[str, Json]", made.to_dict())

    def accept(self, solution: str) -> bool:
        """Whether this solves a challenge of ours that is neither too old nor solved before; from now on it is."""
        if len(solution) > _LONGEST_SOLUTION or not altcha.verify_solution(solution, self._key()).verified:
            return False
        return self._is_first(solution)

    def _key(self) -> bytes:
        """Made by whoever needs it first. A Redis that forgets it makes open forms ask once more, and nothing else."""
        try:
            self._redis.set(_KEY, secrets.token_bytes(32), nx=True)
            return cast("bytes", self._redis.get(_KEY))
        except RedisError as error:
            raise ServiceError(f"Redis does not answer: {type(error).__name__}") from error

    def _is_first(self, solution: str) -> bool:
        # By what was signed, not by how it is spelled: base64 and JSON have many spellings of one thing.
        signature = str(json.loads(base64.b64decode(solution))["challenge"]["signature"])
        spent = f"distributor:challenge:spent:{hashlib.sha256(signature.encode()).hexdigest()}"
        try:
            return bool(self._redis.set(spent, b"", nx=True, px=_VALID))
        except RedisError as error:
            raise ServiceError(f"Redis does not answer: {type(error).__name__}") from error
