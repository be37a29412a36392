"""SPF, followed as a receiver would follow it."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.mail.dns.spf import SpfEvaluation, evaluate_spf

from .fake_dns import FakeDns

OURS = "example.org"


def reading(record: str, **others: str) -> SpfEvaluation:
    """Of example.org, with other records as ``TXT_name__org="…"``; several values are parted by bars."""
    records = {key.replace("__", ".").replace("_", " ", 1): value.split("|") for key, value in others.items()}
    found = evaluate_spf(OURS, FakeDns({f"TXT {OURS}": [record], **records}))
    assert found is not None
    return found


def permits(found: SpfEvaluation, address: str) -> bool:
    return found.permits(ip_address(address))


def test_no_record_is_none() -> None:
    assert evaluate_spf(OURS, FakeDns({f"TXT {OURS}": ["v=spf10 -all", "something else"]})) is None


def test_two_records_are_as_good_as_none() -> None:
    found = evaluate_spf(OURS, FakeDns({f"TXT {OURS}": ["v=spf1 -all", "v=spf1 +all"]}))
    assert found is not None
    assert "2 SPF records" in found.errors[0]


def test_addresses_and_networks_are_permitted() -> None:
    found = reading("v=spf1 ip4:192.0.2.7 ip4:198.51.100.0/24 ip6:2001:db8::/32 -all")
    assert found.errors == []
    assert (found.lookups, found.last) == (0, "-all")
    assert permits(found, "192.0.2.7")
    assert permits(found, "198.51.100.200")
    assert permits(found, "2001:db8::5")
    assert not permits(found, "192.0.2.8")


def test_hosts_and_mail_servers_are_permitted_and_counted() -> None:
    found = reading(
        "v=spf1 a mx/24 a:relay.example.net ~all",
        A_example__org="192.0.2.1", MX_example__org="10 mx.example.org.", A_mx__example__org="203.0.113.9",
        A_relay__example__net="2001:db8::1",
    )  # fmt: skip
    assert (found.errors, found.lookups) == ([], 3)
    assert permits(found, "192.0.2.1")
    assert permits(found, "203.0.113.77")
    assert permits(found, "2001:db8::1")


def test_includes_are_followed_but_their_end_does_not_count() -> None:
    found = reading(
        "v=spf1 include:a.example.net -all",
        TXT_a__example__net="v=spf1 include:b.example.net ?all", TXT_b__example__net="v=spf1 ip4:192.0.2.1 +all",
    )  # fmt: skip
    assert (found.errors, found.lookups, found.last) == ([], 2, "-all")
    assert permits(found, "192.0.2.1")


def test_the_end_of_an_include_is_not_that_of_the_record() -> None:
    assert reading("v=spf1 include:a.example.net", TXT_a__example__net="v=spf1 ip4:192.0.2.1 -all").last == ""


def test_a_redirect_is_followed_unless_there_is_an_all() -> None:
    others = {"TXT_b__example__net": "v=spf1 ip4:192.0.2.1 -all"}
    assert reading("v=spf1 redirect=b.example.net", **others).last == "-all"
    assert reading("v=spf1 redirect=b.example.net", **others).lookups == 1
    assert reading("v=spf1 redirect=b.example.net ~all", **others).lookups == 0


def test_what_is_excluded_is_not_permitted() -> None:
    assert not permits(reading("v=spf1 -ip4:192.0.2.1 ?a -all", A_example__org="192.0.2.1"), "192.0.2.1")


def test_eleven_lookups_are_one_too_many() -> None:
    others = {f"TXT_p{n}__example__net": "v=spf1 ip4:192.0.2.1 -all" for n in range(11)}
    includes = [f"include:p{n}.example.net" for n in range(11)]
    assert reading(f"v=spf1 {' '.join(includes[:10])} -all", **others).errors == []
    found = reading(f"v=spf1 {' '.join(includes)} -all", **others)
    assert found.lookups == 11
    assert "11 lookups" in found.errors[0]


def test_lookups_inside_includes_count_each_time() -> None:
    others = {"TXT_p__example__net": "v=spf1 a mx ptr exists:x.example.net -all"}
    found = reading("v=spf1 include:p.example.net include:p.example.net -all", **others)
    assert found.lookups == 10


def test_includes_that_include_many_others_end_the_evaluation() -> None:
    names = [f"{level}.example.org" for level in range(8)]
    records = {
        f"TXT {name}": ["v=spf1 " + " ".join([f"include:{below}"] * 10)]
        for name, below in zip(names, [*names[1:], "end.example.org"], strict=True)
    }
    dns = FakeDns({**records, "TXT end.example.org": ["v=spf1 a -all"]})
    found = evaluate_spf(names[0], dns)
    assert found is not None
    assert any("at least 10" in error for error in found.errors)
    assert len(dns.asked) < 150


def test_eleven_mail_servers_of_a_mechanism_are_one_too_many() -> None:
    hosts = "|".join(f"10 mx{number}.example.org" for number in range(50))
    found = reading("v=spf1 mx -all", MX_example__org=hosts)
    assert any("50 mail servers" in error for error in found.errors)


def test_ptr_is_remarked_in_the_own_record_only() -> None:
    assert reading("v=spf1 ptr -all").uses_ptr
    others = {"TXT_p__example__net": "v=spf1 ptr -all"}
    assert not reading("v=spf1 include:p.example.net -all", **others).uses_ptr


def test_three_names_that_do_not_exist_are_one_too_many() -> None:
    assert reading("v=spf1 a:x.org a:y.org -all").errors == []
    assert "3 of the names" in reading("v=spf1 a:x.org a:y.org exists:z.org -all").errors[0]


@pytest.mark.parametrize(
    ("record", "error"),
    [
        ("v=spf1 include:gone.example.net -all", "include:gone.example.net leads to no SPF record"),
        ("v=spf1 redirect=gone.example.net", "redirect=gone.example.net leads to no SPF record"),
        ("v=spf1 include:example.org -all", "loop"),
        ("v=spf1 ip4:192.0.2.300 -all", "192.0.2.300 in its SPF record is no address"),
        ("v=spf1 ip6:192.0.2.1/200 -all", "is no address"),
        ("v=spf1 ipv4:192.0.2.1 -all", "'ipv4' is no SPF mechanism"),
        ("v=spf1 -all; a", "cannot be parsed"),
    ],
)
def test_what_makes_a_record_invalid_is_named(record: str, error: str) -> None:
    assert error in reading(record).errors[0]


def test_macros_are_counted_and_not_looked_up() -> None:
    found = reading("v=spf1 exists:%{i}._spf.example.org include:%{d2}.example.net -all")
    assert (found.errors, found.lookups, found.has_macros) == ([], 2, True)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(terms=st.lists(st.text(st.characters(exclude_characters=" ", codec="ascii"), min_size=1), max_size=6))
def test_no_record_is_too_broken_to_be_read(terms: list[str]) -> None:
    assert reading(f"v=spf1 {' '.join(terms)}").lookups >= 0
