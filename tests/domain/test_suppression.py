"""What can be put on the suppression list."""

from __future__ import annotations

import hashlib

import pytest

from distributor.domain.errors import InputError
from distributor.domain.suppression import Target, hash_of_key, parse_target


def test_an_address_is_known_by_the_hash_of_its_folded_form() -> None:
    target = parse_target(" Ada@Example.ORG ")
    assert target == Target(hash=hashlib.sha256(b"ada@example.org").digest(), email="Ada@example.org")
    assert target.hash == hash_of_key("ada@example.org")


@pytest.mark.parametrize("text", ["example.org", "@example.org", "EXAMPLE.org"])
def test_a_domain_may_be_written_with_or_without_its_at(text: str) -> None:
    assert parse_target(text) == Target(domain="example.org")


def test_an_international_domain_is_kept_in_a_labels() -> None:
    assert parse_target("bücher.example") == Target(domain="xn--bcher-kva.example")


def test_a_hash_from_elsewhere_is_the_same_as_the_address() -> None:
    digest = hashlib.sha256(b"ada@example.org").hexdigest()
    assert parse_target(digest.upper()).hash == parse_target("ada@example.org").hash


@pytest.mark.parametrize("text", ["", "ada", "ada@", "@", "a b@example.org", "0" * 63, "@example", "ex ample.org"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_target(text)
