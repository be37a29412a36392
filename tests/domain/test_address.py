from __future__ import annotations

import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from distributor.domain.address import EmailAddress, _parse_any, parse_address
from distributor.domain.errors import AddressError

_ATEXT = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+/=?^_`{|}~-"
_LABELS = st.from_regex(r"[a-z0-9](?:[a-z0-9]{0,20}[a-z])?", fullmatch=True).filter(lambda label: not label.isdigit())
_DOMAINS = st.lists(_LABELS, min_size=2, max_size=4).map(".".join)
_WORDS = st.text(alphabet=st.one_of(st.sampled_from(_ATEXT), st.characters(categories=["L"])), min_size=1, max_size=8)
_LOCAL_PARTS = st.lists(_WORDS, min_size=1, max_size=2).map(".".join)


@pytest.mark.parametrize(
    ("text", "address", "key"),
    [
        ("jane@example.com", "jane@example.com", "jane@example.com"),
        ("Jane.Doe+News@EXAMPLE.com", "Jane.Doe+News@example.com", "jane.doe+news@example.com"),
        ("o'neil!#$%&*/=?^_`{|}~-@a-b.example", "o'neil!#$%&*/=?^_`{|}~-@a-b.example", None),
        ("info@Bücher.example", "info@xn--bcher-kva.example", "info@xn--bcher-kva.example"),
        ("info@faß.example", "info@xn--fa-hia.example", "info@xn--fa-hia.example"),
        ("info@例え。テスト", "info@xn--r8jz45g.xn--zckzah", "info@xn--r8jz45g.xn--zckzah"),
        ("info@xn--bcher-kva.example", "info@xn--bcher-kva.example", "info@xn--bcher-kva.example"),
        ("Jürgen@example.com", "Jürgen@example.com", "jürgen@example.com"),
        ("Ju\u0308rgen@example.com", "Jürgen@example.com", "jürgen@example.com"),
        ("ΣΙΣΥΦΟΣ@example.com", "ΣΙΣΥΦΟΣ@example.com", "σισυφοσ@example.com"),
    ],
)
def test_an_address_has_a_form_to_send_to_and_a_form_to_compare(text: str, address: str, key: str | None) -> None:
    parsed = parse_address(text)

    assert (parsed.address, parsed.key) == (address, key or address)


def test_the_domain_is_in_lower_case_a_labels() -> None:
    assert parse_address("x@BÜCHER.Example").domain == "xn--bcher-kva.example"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "there is no @ in it"),
        ("jane.example.com", "there is no @ in it"),
        ("@example.com", "there is nothing before the @"),
        ("jane@", "there is nothing after the @"),
        ("jane@home@example.com", "there is a @ before the @"),
        ("Jane <jane@example.com>", "write the bare address, without a name and angle brackets"),
        ('"jane doe"@example.com', "quoted local parts are not accepted"),
        ("jane doe@example.com", "there is a space or a line break in it"),
        (" jane@example.com", "there is a space or a line break in it"),
        ("jane@example.com\r\nBcc: all@example.com", "there is a space or a line break in it"),
        ("jane@example.com\n", "there is a space or a line break in it"),
        ("jane\u00a0@example.com", "there is a space or a line break in it"),
        ("ja\0ne@example.com", "there is an invisible character in it, U+0000"),
        ("ja\u200bne@example.com", "there is an invisible character in it, U+200B"),
        ("jane\u202e@example.com", "there is an invisible character in it, U+202E"),
        ("jane(home)@example.com", "there is a ( before the @"),
        ("jane,joe@example.com", "there is a , before the @"),
        (".jane@example.com", "a dot before the @ must stand between"),
        ("jane.@example.com", "a dot before the @ must stand between"),
        ("jane..doe@example.com", "a dot before the @ must stand between"),
        ("jane@localhost", "localhost is not a full domain"),
        ("jane@example.com.", "example.com. is not a full domain"),
        ("jane@example..com", "example..com is not a domain"),
        ("jane@-example.com", "-example.com is not a domain"),
        ("jane@ex_ample.com", "ex_ample.com is not a domain"),
        ("jane@xn--zz.example", "xn--zz.example is not a domain"),
        ("jane@192.0.2.1", "an address on a bare host number is not accepted"),
        ("jane@[192.0.2.1]", "an address on a bare host number is not accepted"),
        (f"{'a' * 65}@example.com", "the part before the @ is longer than 64 bytes"),
        (f"{'ü' * 33}@example.com", "the part before the @ is longer than 64 bytes"),
        (f"jane@{'a' * 64}.example", "is not a domain"),
        (f"{'a' * 64}@{'.'.join(['b' * 60] * 3)}.{'c' * 7}", "it is longer than 254 bytes"),
        ("a" * 100_000, "it is longer than 254 bytes"),
    ],
)
def test_what_is_no_address_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse_address(text)

    assert reason in caught.value.reason


def test_the_longest_address_is_accepted() -> None:
    text = f"{'a' * 64}@{'.'.join(['b' * 60] * 3)}.{'c' * 6}"

    assert len(parse_address(text).address) == 254


@given(local_part=_LOCAL_PARTS, domain=_DOMAINS)
@settings(deadline=None, derandomize=True)
def test_a_parsed_address_is_its_own_address(local_part: str, domain: str) -> None:
    parsed = parse_address(f"{local_part}@{domain}")

    assert parse_address(parsed.address) == parsed
    assert parse_address(parsed.key).key == parsed.key
    assert unicodedata.is_normalized("NFC", parsed.key)


@given(local_part=_LOCAL_PARTS, domain=_DOMAINS)
@settings(deadline=None, derandomize=True)
def test_letter_case_makes_no_second_subscriber(local_part: str, domain: str) -> None:
    key = parse_address(f"{local_part}@{domain}").key

    assert parse_address(f"{local_part.casefold()}@{domain.upper()}").key == key
    if local_part.isascii():
        assert parse_address(f"{local_part.upper()}@{domain}").key == key


@given(text=st.text())
@settings(deadline=None, derandomize=True)
def test_whatever_is_accepted_is_safe_in_a_header(text: str) -> None:
    for candidate in (text, f"{text}@example.com", f"jane@{text}", f"jane@{text}.example"):
        try:
            parsed = parse_address(candidate)
        except AddressError as error:
            assert error.reason
            continue
        assert parsed.domain.isascii()
        assert not any(sign.isspace() or not sign.isprintable() or sign in '<>",:;()' for sign in parsed.address)
        assert parsed.address.count("@") == 1
        assert len(parsed.address.encode()) <= 254


_FEW_SIGNS = st.text("aZ09.-_+'!@xn\u00e9 \u0130", max_size=24)
_ANY_LABELS = st.from_regex(r"[a-zA-Z0-9-]{1,9}", fullmatch=True)


@settings(max_examples=1500)
@given(
    _FEW_SIGNS
    | st.builds(lambda local, labels: f"{local}@{'.'.join(labels)}", _FEW_SIGNS, st.lists(_ANY_LABELS, max_size=4))
)
@example("ada@xn--bcher-kva.example")
@example("ada@ab--cd.example")
@example(f"{'a' * 65}@example.org")
@example(f"a@{'b' * 64}.org")
@example("a@example.org\n")
def test_plain_addresses_come_out_as_if_they_were_looked_at_sign_by_sign(text: str) -> None:
    assert _outcome(parse_address, text) == _outcome(_parse_any, text)


def _outcome(parse: Callable[[str], EmailAddress], text: str) -> EmailAddress | str:
    try:
        return parse(text)
    except AddressError as error:
        return str(error)
