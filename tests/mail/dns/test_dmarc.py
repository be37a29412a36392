"""DMARC's walk up the tree (RFC 9989 section 4.10), and which policy it ends with."""

from __future__ import annotations

import pytest

from distributor.mail.dns.dmarc import DmarcPolicy, dmarc_record_at, dns_tree_walk, organizational_domain, policy_for

from .fake_dns import FakeDns


def dns(**records: str) -> FakeDns:
    """Records by domain, with underscores for dots."""
    return FakeDns({f"TXT _dmarc.{domain.replace('_', '.')}": [text] for domain, text in records.items()})


def policy(domain: str, lookup: FakeDns, *, exists: bool = True) -> DmarcPolicy | None:
    return policy_for(domain, list(dns_tree_walk(domain, lookup)), exists=exists)


def said(domain: str, lookup: FakeDns, *, exists: bool = True) -> tuple[str, str, str] | None:
    found = policy(domain, lookup, exists=exists)
    return None if found is None else (found.record.domain, found.tag, found.policy)


def test_the_walk_goes_up_to_the_top() -> None:
    lookup = dns()
    list(dns_tree_walk("a.mail.example.org", lookup))
    assert lookup.asked == [
        "TXT _dmarc.a.mail.example.org", "TXT _dmarc.mail.example.org", "TXT _dmarc.example.org", "TXT _dmarc.org",
    ]  # fmt: skip


def test_a_long_name_is_cut_to_seven_labels() -> None:
    lookup = dns()
    list(dns_tree_walk("a.b.c.d.e.f.g.h.i.j.mail.example.com", lookup))
    assert lookup.asked[:3] == [
        "TXT _dmarc.a.b.c.d.e.f.g.h.i.j.mail.example.com",
        "TXT _dmarc.g.h.i.j.mail.example.com",
        "TXT _dmarc.h.i.j.mail.example.com",
    ]
    assert len(lookup.asked) == 8


@pytest.mark.parametrize(("labels", "questions"), [(7, 7), (8, 8), (9, 8)])
def test_no_walk_asks_more_than_eight_times(labels: int, questions: int) -> None:
    lookup = dns()
    list(dns_tree_walk(".".join(f"l{number}" for number in range(labels)), lookup))
    assert len(lookup.asked) == questions


@pytest.mark.parametrize("end", ["y", "n"])
def test_the_walk_ends_where_a_record_says_so(end: str) -> None:
    lookup = dns(example_org=f"v=DMARC1; p=none; psd={end}", org="v=DMARC1; p=reject")
    assert [record.domain for record in dns_tree_walk("mail.example.org", lookup)] == ["example.org"]


def test_the_domains_own_policy_counts_first() -> None:
    lookup = dns(mail_example_org="v=DMARC1; p=none", example_org="v=DMARC1; p=reject; sp=quarantine")
    assert said("mail.example.org", lookup) == ("mail.example.org", "p", "none")


def test_a_subdomain_gets_the_policy_of_its_organization() -> None:
    lookup = dns(example_org="v=DMARC1; p=none; sp=quarantine; np=reject")
    assert said("mail.example.org", lookup) == ("example.org", "sp", "quarantine")
    assert said("mail.example.org", lookup, exists=False) == ("example.org", "np", "reject")


def test_without_sp_and_np_it_is_p() -> None:
    lookup = dns(example_org="v=DMARC1; p=quarantine")
    assert said("mail.example.org", lookup) == ("example.org", "p", "quarantine")
    assert said("mail.example.org", lookup, exists=False) == ("example.org", "p", "quarantine")


def test_a_public_suffix_speaks_where_nobody_below_does() -> None:
    lookup = dns(bank="v=DMARC1; p=reject; psd=y; sp=quarantine")
    assert said("mail.example.bank", lookup) == ("bank", "sp", "quarantine")


def test_below_a_public_suffix_begins_the_organization() -> None:
    records = list(dns_tree_walk("a.mail.example.bank", dns(bank="v=DMARC1; p=none; psd=y")))
    assert organizational_domain("a.mail.example.bank", records) == "example.bank"


def test_psd_n_makes_an_organization_of_its_own() -> None:
    records = list(
        dns_tree_walk("a.unit.example.org", dns(unit_example_org="v=DMARC1; psd=n; p=none", org="v=DMARC1; p=none"))
    )
    assert organizational_domain("a.unit.example.org", records) == "unit.example.org"


def test_else_the_record_highest_up_names_the_organization() -> None:
    lookup = dns(a_mail_example_org="v=DMARC1; p=none", example_org="v=DMARC1; p=none")
    assert (
        organizational_domain("a.mail.example.org", list(dns_tree_walk("a.mail.example.org", lookup))) == "example.org"
    )


def test_without_any_record_a_domain_is_its_own_organization() -> None:
    assert organizational_domain("mail.example.org", []) == "mail.example.org"
    assert policy_for("mail.example.org", [], exists=True) is None


def test_several_records_of_one_name_count_as_none() -> None:
    lookup = FakeDns({"TXT _dmarc.example.org": ["v=DMARC1; p=none", "v=DMARC1; p=reject"]})
    assert dmarc_record_at("example.org", lookup) is None


@pytest.mark.parametrize("text", ["v=DMARC2; p=none", "p=none; v=DMARC1", "v=DMARC1 p=none", "v=DMARC10; p=none"])
def test_what_does_not_begin_with_the_version_is_no_record(text: str) -> None:
    assert dmarc_record_at("example.org", dns(example_org=text)) is None


def test_spaces_and_other_texts_at_the_same_name_do_no_harm() -> None:
    lookup = FakeDns({"TXT _dmarc.example.org": ["v = DMARC1 ;p= Reject ; t=y;", "a verification code"]})
    found = policy("example.org", lookup)
    assert found is not None
    assert (found.policy, found.is_test) == ("reject", True)


def test_a_policy_that_cannot_be_read_is_none_if_reports_are_wanted() -> None:
    assert said("example.org", dns(example_org="v=DMARC1; p=rejct; rua=mailto:a@example.org")) == (
        "example.org",
        "p",
        "none",
    )
    assert said("example.org", dns(example_org="v=DMARC1; p=rejct")) is None
