"""The keys of a channel: how they follow one another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.domain.errors import ConfigurationError, InputError, NotFoundError, StateError
from distributor.mail.dkim.dns_record import publishes, record_text
from distributor.mail.dkim.keyring import KeyRing
from distributor.mail.dkim.keys import Algorithm

DAY = datetime(2026, 11, 22, tzinfo=UTC)
LATER = DAY + timedelta(days=30)


def ring(*selectors: str, algorithm: Algorithm = Algorithm.ED25519, onto: KeyRing | None = None) -> KeyRing:
    made = onto or KeyRing()
    for selector in selectors:
        made = made.with_new(selector, domain="example.org", algorithm=algorithm, now=DAY)
    return made


@pytest.fixture(scope="module")
def two_rsa() -> KeyRing:
    """Two RSA keys, old and new, and an Ed25519 key."""
    return ring("ed", onto=ring("old", "new", algorithm=Algorithm.RSA))


def states(keys: KeyRing) -> dict[str, str]:
    return {entry.selector: entry.state.value for entry in keys.entries}


def test_a_new_key_waits_to_be_published_and_signs_nothing(two_rsa: KeyRing) -> None:
    assert set(states(two_rsa).values()) == {"waiting"}
    assert two_rsa.active == []


def test_an_activated_key_takes_over_from_the_one_before_it(two_rsa: KeyRing) -> None:
    rotated = two_rsa.with_active("old", now=DAY).with_active("ed", now=DAY).with_active("new", now=LATER)
    assert states(rotated) == {"old": "retired", "new": "active", "ed": "active"}
    assert [entry.since for entry in rotated.entries] == [LATER, LATER, DAY]
    assert [entry.selector for entry in rotated.active] == ["new", "ed"]


def test_a_retired_key_can_be_brought_back(two_rsa: KeyRing) -> None:
    rotated = two_rsa.with_active("old", now=DAY).with_active("new", now=LATER).with_active("old", now=LATER)
    assert states(rotated) == {"old": "active", "new": "retired", "ed": "waiting"}


def test_keys_of_another_domain_go_on_signing(two_rsa: KeyRing) -> None:
    both = two_rsa.with_new("other", domain="example.net", algorithm=Algorithm.RSA, now=DAY)
    active = both.with_active("other", now=DAY).with_active("old", now=DAY)
    assert {entry.selector for entry in active.active} == {"other", "old"}


def test_activating_what_is_active_changes_nothing(two_rsa: KeyRing) -> None:
    once = two_rsa.with_active("old", now=DAY)
    assert once.with_active("old", now=LATER) == once


def test_an_ed25519_key_never_signs_alone(two_rsa: KeyRing) -> None:
    with pytest.raises(StateError, match=r"activate an RSA key for example\.org first"):
        two_rsa.with_active("ed", now=DAY)
    both = two_rsa.with_active("old", now=DAY).with_active("ed", now=DAY)
    with pytest.raises(StateError, match="retire ed first"):
        both.with_retired("old", now=DAY)
    assert both.with_retired("ed", now=DAY).with_retired("old", now=DAY).active == []


def test_a_key_that_signs_is_not_removed(two_rsa: KeyRing) -> None:
    active = two_rsa.with_active("old", now=DAY)
    with pytest.raises(StateError, match="the key old is active"):
        active.without("old")
    assert list(states(active.with_retired("old", now=DAY).without("old"))) == ["new", "ed"]


def test_a_selector_is_used_once() -> None:
    with pytest.raises(InputError, match="already"):
        ring("s1", "s1")


@pytest.mark.parametrize("selector", ["", "S1", "-a", "a b", "a..b", "über", "a" * 64, "a_b", ".".join(["a" * 60] * 4)])
def test_a_selector_has_to_be_a_name(selector: str) -> None:
    with pytest.raises(InputError, match="is no valid selector"):
        ring(selector)


def test_an_unknown_selector_is_said_to_be_unknown() -> None:
    for act in (
        lambda: KeyRing().find("x"),
        lambda: KeyRing().with_active("x", now=DAY),
        lambda: KeyRing().without("x"),
    ):
        with pytest.raises(NotFoundError, match="no DKIM key 'x'"):
            act()


def test_a_ring_comes_back_from_its_stored_form(two_rsa: KeyRing) -> None:
    kept = two_rsa.with_active("old", now=DAY)
    assert KeyRing.parse(kept.dump()) == kept
    assert KeyRing.parse("") == KeyRing()


@settings(max_examples=50, deadline=None, derandomize=True)
@given(stored=st.text(min_size=1) | st.sampled_from(["{}", "[{}]", '[{"selector": "SECRET"}]', "null"]))
def test_what_is_no_ring_is_refused_without_being_shown(stored: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        KeyRing.parse(stored)
    assert "SECRET" not in str(caught.value)


def test_a_ring_does_not_show_its_private_keys(two_rsa: KeyRing) -> None:
    assert "PRIVATE" not in repr(two_rsa)


# Records.


def test_a_record_says_what_the_key_is_and_publishes_it(two_rsa: KeyRing) -> None:
    entry = two_rsa.find("old")
    assert entry.record_name == "old._domainkey.example.org"
    assert entry.record.startswith("v=DKIM1; k=rsa; p=MIIBIj")
    assert publishes(entry.record, entry.read())
    assert not publishes(entry.record, two_rsa.find("new").read())
    assert not publishes(entry.record, two_rsa.find("ed").read())


def test_a_record_may_be_written_otherwise(two_rsa: KeyRing) -> None:
    key = two_rsa.find("old").read()
    public = record_text(key).partition("p=")[2]
    assert publishes(f"p={public[:70]} {public[70:]};k = rsa ;n=a note;", key)
    assert publishes(f"v=DKIM1; p={public}", key)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("v=DKIM1; k=rsa", "no tag p="),
        ("v=DKIM1; k=rsa; p=", "revokes"),
        ("v=DKIM1; p=not base64!", "not base64"),
        ("v=spf1 -all", "cannot be read|v=spf1"),
        ("v=DKIM2; p=AAAA", "v=DKIM2"),
        ("v=DKIM1; p=AAAA; p=BBBB", "twice"),
    ],
)
def test_a_text_that_publishes_no_key_says_why(two_rsa: KeyRing, text: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        publishes(text, two_rsa.find("ed").read())
