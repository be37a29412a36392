"""Addresses and mailboxes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.domain.errors import AddressError
from distributor.mail.address import Address, Mailbox


@pytest.mark.parametrize(
    ("text", "local", "domain"),
    [
        ("ann@example.org", "ann", "example.org"),
        (" Ann.B+c@Example.ORG ", "Ann.B+c", "example.org"),
        ("ann@bücher.example", "ann", "xn--bcher-kva.example"),
        ("ann@例え.テスト", "ann", "xn--r8jz45g.xn--zckzah"),
        ("ann@faß.example", "ann", "xn--fa-hia.example"),
        ("jörg@example.org", "jörg", "example.org"),
        ('"ann b"@example.org', '"ann b"', "example.org"),
        ("root@localhost", "root", "localhost"),
        ("ann@[192.0.2.1]", "ann", "[192.0.2.1]"),
        ("ann@[IPv6:2001:db8::1]", "ann", "[IPv6:2001:db8::1]"),
    ],
)
def test_an_address_is_a_local_part_and_a_domain_in_a_labels(text: str, local: str, domain: str) -> None:
    assert Address.parse(text) == Address(local, domain)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ann",
        "@example.org",
        "ann@",
        "a b@example.org",
        "ann@exa mple.org",
        "ann..b@example.org",
        ".ann@example.org",
        "ann@-.example",
        "ann@example..org",
        "ann@example.org>",
        "<ann@example.org",
        "ann@example.org\r\nRCPT TO:<eve@example.org",
        "ann\r\n@example.org",
        "ann\u2028@example.org",
        '"a\r\nb"@example.org',
        "ann@例\u2028え.テスト",
        "ann@[a.b]",
        "a" * 250 + "@example.org",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(AddressError):
        Address.parse(text)


@given(st.text(max_size=40))
@settings(deadline=None, derandomize=True)
def test_any_text_is_either_refused_or_fit_for_a_command(text: str) -> None:
    for candidate in (text, f"{text}@example.org", f"ann@{text}", f'"{text}"@example.org'):
        try:
            spec = Address.parse(candidate).spec
        except AddressError:
            continue
        assert spec.isprintable()
        assert not set("<>") & set(spec) or spec.startswith('"')
        assert spec.rpartition("@")[2].isascii()


def test_a_forged_address_cannot_be_made_by_hand() -> None:
    with pytest.raises(AddressError):
        Address("ann", "example.org\r\nDATA")


def test_only_a_local_part_beyond_ascii_needs_smtputf8() -> None:
    assert Address.parse("jörg@example.org").needs_smtputf8
    assert not Address.parse("ann@bücher.example").needs_smtputf8


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("ann@example.org", ""),
        ("<ann@example.org>", ""),
        ("Ann <ann@example.org>", "Ann"),
        ("Doe, Ann<ann@example.org>", "Doe, Ann"),
        ('"Ann \\"A\\" \\\\ B" <ann@example.org>', 'Ann "A" \\ B'),
        ("Zoë  <ann@example.org>", "Zoë"),
    ],
)
def test_a_mailbox_may_have_a_name(text: str, name: str) -> None:
    assert Mailbox.parse(text) == Mailbox(name, Address("ann", "example.org"))


@pytest.mark.parametrize(
    "text", ["Ann", "Ann <ann>", "Ann <ann@example.org> <b@example.org>", "a@b.example, c@d.example"]
)
def test_what_is_no_mailbox_is_refused(text: str) -> None:
    with pytest.raises(AddressError):
        Mailbox.parse(text)
