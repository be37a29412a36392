"""The proof of work: what the library of ALTCHA solves is accepted, once; nothing else is."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import altcha
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from distributor.domain.errors import ServiceError
from distributor.flow.app_context import AppContext
from distributor.flow.subscriptions.proof_of_work import ProofOfWork

COST = 10


@pytest.fixture
def challenges(app: AppContext) -> ProofOfWork:
    return ProofOfWork(app.redis, cost=COST)


def solved(challenge: dict[str, Any]) -> str:
    parsed = altcha.Challenge.from_dict(challenge)
    solution = altcha.solve_challenge(parsed)
    assert solution is not None
    return altcha.Payload(parsed, solution).to_base64()


def respelled(payload: str, **changed: object) -> str:
    decoded = json.loads(base64.b64decode(payload))
    decoded["challenge"]["parameters"].update(changed)
    return base64.b64encode(json.dumps(decoded, indent=3).encode()).decode()


def test_a_solution_is_accepted_once(challenges: ProofOfWork):
    solution = solved(challenges.create_challenge())
    assert challenges.verify(solution)
    assert not challenges.verify(solution)


def test_another_spelling_of_a_solution_is_the_same_solution(challenges: ProofOfWork):
    solution = solved(challenges.create_challenge())
    assert challenges.verify(solution)
    assert not challenges.verify(respelled(solution))


def test_any_process_accepts_what_another_one_set(challenges: ProofOfWork, app: AppContext):
    assert ProofOfWork(app.redis, cost=COST).verify(solved(challenges.create_challenge()))


@pytest.mark.parametrize(
    "changed", [{"cost": 1}, {"keyPrefix": ""}, {"expiresAt": 9_999_999_999}, {"nonce": "00" * 16}]
)
def test_an_easier_challenge_than_ours_is_none_of_ours(challenges: ProofOfWork, changed: dict[str, object]):
    decoded = challenges.create_challenge()
    decoded["parameters"] = {**decoded["parameters"], **changed}
    assert not challenges.verify(solved(decoded))


def test_a_challenge_that_somebody_else_signed_is_none_of_ours(challenges: ProofOfWork):
    foreign = altcha.create_challenge("PBKDF2/SHA-256", COST, hmac_secret="another secret")
    assert not challenges.verify(solved(foreign.to_dict()))


def test_a_wrong_answer_is_none(challenges: ProofOfWork):
    decoded = json.loads(base64.b64decode(solved(challenges.create_challenge())))
    decoded["solution"]["counter"] += 1
    assert not challenges.verify(base64.b64encode(json.dumps(decoded).encode()).decode())


def test_a_challenge_is_good_for_an_hour(challenges: ProofOfWork):
    expires_at = challenges.create_challenge()["parameters"]["expiresAt"]
    left = datetime.fromtimestamp(expires_at, UTC) - datetime.now(UTC)
    assert timedelta(minutes=59) < left <= timedelta(hours=1)


def test_of_one_that_was_due_long_ago_nothing_is_accepted(challenges: ProofOfWork, app: AppContext):
    challenges.create_challenge()
    key = app.redis.get("distributor:challenge:key")
    old = altcha.create_challenge("PBKDF2/SHA-256", COST, hmac_secret=key, expires_at=1)
    assert not challenges.verify(solved(old.to_dict()))


@given(
    st.text(max_size=300)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["challenge", "solution", "parameters", "signature", "counter", "derivedKey", "nonce"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=8,
    ).map(lambda decoded: base64.b64encode(json.dumps(decoded).encode()).decode())
)
@settings(derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_rubbish_is_a_solution_or_a_traceback(challenges: ProofOfWork, rubbish: str):
    assert not challenges.verify(rubbish)


def test_without_redis_it_says_so(gone_redis: Redis):
    with pytest.raises(ServiceError, match="Redis does not answer"):
        ProofOfWork(gone_redis, cost=COST).create_challenge()
