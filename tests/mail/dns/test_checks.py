"""What is made of the DNS's answers about a sender: findings a person can act on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any

import pytest

from distributor.domain.diagnostics import DiagnosticStatus, DnsRecord, Finding
from distributor.mail.dkim.keyring import KeyRing
from distributor.mail.dkim.keys import Algorithm
from distributor.mail.dns.checks import check_sender_dns, is_special_use_domain
from distributor.mail.dns.sender_profile import SenderProfile

from .fake_dns import FakeDns

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture(scope="module")
def ring() -> KeyRing:
    """One key that signs."""
    made = KeyRing().with_new("s1", domain="example.org", algorithm=Algorithm.RSA, now=NOW)
    return made.with_active("s1", now=NOW)


def well(ring: KeyRing, **changes: Sequence[str]) -> dict[str, Sequence[str]]:
    """Everything as it should be, but for changes like ``MX_example__org=[…]``."""
    records: dict[str, Sequence[str]] = {
        "A relay.example.net": ["8.8.4.4"],
        "PTR 8.8.4.4": ["relay.example.net"],
        "TXT example.org": ["v=spf1 a:relay.example.net -all"],
        "MX example.org": ["10 mx.example.org"],
        "A mx.example.org": ["8.8.8.8"],
        "TXT _dmarc.example.org": ["v=DMARC1; p=quarantine; rua=mailto:d@example.org"],
    }
    records |= {f"TXT {entry.record_name}": [entry.record] for entry in ring.entries}
    return records | {key.replace("__", ".").replace("_", " ", 1): values for key, values in changes.items()}


def profile(ring: KeyRing, **changes: Any) -> SenderProfile:
    usual = SenderProfile(
        from_domain="example.org",
        return_path_domain="example.org",
        relays=("relay.example.net",),
        key_ring=ring,
        outgoing=(),
        now=NOW,
    )
    return replace(usual, **changes)


def findings(case: SenderProfile, records: Mapping[str, Sequence[str]]) -> list[Finding]:
    return list(check_sender_dns(case, FakeDns(records)))


def about(check: str, case: SenderProfile, records: Mapping[str, Sequence[str]], *, state: DiagnosticStatus) -> Finding:
    """The one finding of this check in this state."""
    (found,) = [one for one in findings(case, records) if one.check == check and one.state is state]
    return found


def test_where_all_is_well_every_part_says_so(ring: KeyRing) -> None:
    found = findings(profile(ring), well(ring))
    assert [one.check for one in found] == ["SPF", "DKIM", "DMARC", "alignment", "PTR", "MX"]
    assert {one.state for one in found} == {DiagnosticStatus.OK}


def test_without_a_dns_every_part_says_so_and_the_key_is_told_all_the_same(ring: KeyRing) -> None:
    silent = ["example.org", "_dmarc.example.org", "relay.example.net", "s1._domainkey.example.org"]
    found = list(check_sender_dns(profile(ring), FakeDns({}, silent=silent)))
    assert {one.state for one in found} == {DiagnosticStatus.WARN}
    assert [one.check for one in found] == ["SPF", "DKIM", "DMARC", "PTR", "MX"]
    assert found[1].record == DnsRecord("s1._domainkey.example.org", "TXT", ring.entries[0].record)


# SPF.


def test_a_missing_spf_record_comes_with_one_to_publish(ring: KeyRing) -> None:
    found = about("SPF", profile(ring), well(ring, TXT_example__org=[]), state=DiagnosticStatus.FAIL)
    assert found.record == DnsRecord("example.org", "TXT", "v=spf1 a:relay.example.net ~all")
    known = profile(ring, outgoing=(ip_address("8.8.4.4"), ip_address("2001:4860::1")))
    found = about("SPF", known, well(ring, TXT_example__org=[]), state=DiagnosticStatus.FAIL)
    assert found.record == DnsRecord("example.org", "TXT", "v=spf1 ip4:8.8.4.4 ip6:2001:4860::1 ~all")


def test_spf_is_judged_for_the_domain_of_the_return_path(ring: KeyRing) -> None:
    case = profile(ring, return_path_domain="bounces.example.org")
    assert (
        "bounces.example.org has no SPF record" in about("SPF", case, well(ring), state=DiagnosticStatus.FAIL).sentence
    )


def test_an_outgoing_address_has_to_be_permitted(ring: KeyRing) -> None:
    case = profile(ring, outgoing=(ip_address("9.9.9.9"),))
    assert "add ip4:9.9.9.9" in about("SPF", case, well(ring), state=DiagnosticStatus.FAIL).sentence


@pytest.mark.parametrize(
    ("record", "advice"),
    [("v=spf1 +all", "permits every host"), ("v=spf1 ?all", "neutral"), ("v=spf1 mx", "does not end with")],
)
def test_an_open_end_is_advised_against(ring: KeyRing, record: str, advice: str) -> None:
    assert (
        advice
        in about("SPF", profile(ring), well(ring, TXT_example__org=[record]), state=DiagnosticStatus.WARN).sentence
    )


def test_every_fault_of_a_record_is_told_and_the_record_once(ring: KeyRing) -> None:
    records = well(ring, TXT_example__org=["v=spf1 include:gone.example.net bogus ptr ?all"])
    found = [one for one in findings(profile(ring), records) if one.check == "SPF"]
    assert [one.state for one in found] == [
        DiagnosticStatus.FAIL,
        DiagnosticStatus.FAIL,
        DiagnosticStatus.WARN,
        DiagnosticStatus.WARN,
    ]
    assert [one.record is not None for one in found] == [True, False, False, False]


# DKIM.


def test_an_active_key_that_is_not_published_is_wrong(ring: KeyRing) -> None:
    records = well(ring)
    records.pop("TXT s1._domainkey.example.org")
    found = about("DKIM", profile(ring), records, state=DiagnosticStatus.FAIL)
    assert "s1._domainkey.example.org has no TXT record" in found.sentence
    assert found.record is not None
    assert found.record.in_zone_file().startswith('s1._domainkey.example.org. TXT "v=DKIM1; k=rsa; p=MII')
    assert all(len(piece) <= 255 for piece in found.record.in_zone_file().split('"')[1::2])


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        (["v=DKIM1; k=rsa; p=AAAA"], "publishes a different key"),
        (["v=DKIM1; p="], "revokes"),
        (["v=DKIM1; p=AAAA", "v=DKIM1; p=BBBB"], "has 2 TXT records"),
        (["hello"], "publishes no key"),
    ],
)
def test_a_record_that_is_not_the_keys_is_wrong(ring: KeyRing, texts: list[str], reason: str) -> None:
    records = well(ring) | {"TXT s1._domainkey.example.org": texts}
    assert reason in about("DKIM", profile(ring), records, state=DiagnosticStatus.FAIL).sentence


def test_a_key_published_for_testing_is_remarked(ring: KeyRing) -> None:
    records = well(ring) | {"TXT s1._domainkey.example.org": [ring.entries[0].record + "; t=s:y"]}
    assert "t=y" in about("DKIM", profile(ring), records, state=DiagnosticStatus.WARN).sentence


def test_a_channel_without_keys_is_told_how_to_make_one() -> None:
    found = about("DKIM", profile(KeyRing()), well(KeyRing()), state=DiagnosticStatus.WARN)
    assert "distributor channel dkim create" in found.sentence


def test_a_waiting_key_says_whether_it_can_be_activated(ring: KeyRing) -> None:
    more = ring.with_new("s2", domain="example.org", algorithm=Algorithm.ED25519, now=NOW)
    assert "activate" in about("DKIM", profile(more), well(more), state=DiagnosticStatus.WARN).sentence
    assert (
        "is waiting to be published" in about("DKIM", profile(more), well(ring), state=DiagnosticStatus.WARN).sentence
    )


def test_a_retired_key_stays_published_for_a_week(ring: KeyRing) -> None:
    more = ring.with_new("s2", domain="example.org", algorithm=Algorithm.RSA, now=NOW).with_active("s2", now=NOW)
    later = NOW + timedelta(days=8)
    unpublished = well(more)
    unpublished.pop("TXT s1._domainkey.example.org")
    sentences = [one.sentence for one in findings(profile(more), well(more)) if one.check == "DKIM"]
    assert sentences[0] == "s1 is retired and must stay published until 2026-11-29"
    assert "in transit" in about("DKIM", profile(more), unpublished, state=DiagnosticStatus.FAIL).sentence
    assert (
        "remove its record" in about("DKIM", profile(more, now=later), well(more), state=DiagnosticStatus.WARN).sentence
    )
    assert {one.state for one in findings(profile(more, now=later), unpublished)} == {DiagnosticStatus.OK}


# DMARC.


def test_a_missing_policy_comes_with_one_to_publish(ring: KeyRing) -> None:
    without = well(ring) | {"TXT _dmarc.example.org": []}
    found = about("DMARC", profile(ring), without, state=DiagnosticStatus.FAIL)
    assert found.record == DnsRecord(
        "_dmarc.example.org", "TXT", "v=DMARC1; p=none; rua=mailto:dmarc-reports@example.org"
    )


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("v=DMARC1; p=none; rua=mailto:a@b.org; pct=50", "pct=, which RFC 9989 has removed"),
        ("v=DMARC1; p=none; rua=mailto:a@b.org; rf=afrf; ri=3600", "rf=, ri=, which"),
        ("v=DMARC1; p=none", "requests no reports"),
        ("v=DMARC1; rua=mailto:a@b.org", "p=none applies"),
        ("v=DMARC1; p=none; rua=mailto:a@b.org; psd=y", "for registries"),
    ],
)
def test_what_is_odd_in_a_policy_is_remarked(ring: KeyRing, text: str, advice: str) -> None:
    records = well(ring) | {"TXT _dmarc.example.org": [text]}
    assert advice in about("DMARC", profile(ring), records, state=DiagnosticStatus.WARN).sentence


@pytest.mark.parametrize(
    ("texts", "reason"), [(["v=DMARC1; p=none"] * 2, "2 DMARC records"), (["v=DMARC1; p"], "cannot be parsed")]
)
def test_a_record_nobody_heeds_is_wrong(ring: KeyRing, texts: list[str], reason: str) -> None:
    found = findings(profile(ring), well(ring) | {"TXT _dmarc.example.org": texts})
    wrong = [one.sentence for one in found if one.check == "DMARC" and one.state is DiagnosticStatus.FAIL]
    assert reason in wrong[0]
    assert "no DMARC record applies" in wrong[1]


def test_the_policy_of_a_parent_is_named_with_its_place(ring: KeyRing) -> None:
    records = well(ring) | {"TXT _dmarc.example.org": ["v=DMARC1; p=none; sp=reject; t=y; rua=mailto:a@b.org"]}
    records["MX news.example.org"] = ["10 mx.example.org"]
    found = about("DMARC", profile(ring, from_domain="news.example.org"), records, state=DiagnosticStatus.OK)
    assert found.sentence == (
        "sp=reject applies to news.example.org, from the record of example.org: mail that fails is rejected, "
        "softened by one step because of t=y"
    )


def test_alignment_follows_the_organization(ring: KeyRing) -> None:
    records = well(ring) | {"MX news.example.org": ["10 mx.example.org"]}
    case = profile(ring, from_domain="news.example.org", return_path_domain="elsewhere.example.net")
    assert "a DKIM signature is aligned" in about("alignment", case, records, state=DiagnosticStatus.OK).sentence


def test_strict_alignment_wants_the_same_domain(ring: KeyRing) -> None:
    strict = {"TXT _dmarc.example.org": ["v=DMARC1; p=none; rua=mailto:a@b.org; adkim=s; aspf=s"]}
    records = well(ring) | strict | {"MX news.example.org": ["10 mx.example.org"]}
    case = profile(ring, from_domain="news.example.org", return_path_domain="example.org")
    assert "fails DMARC" in about("alignment", case, records, state=DiagnosticStatus.FAIL).sentence


def test_spf_alone_is_a_thin_thread() -> None:
    found = about("alignment", profile(KeyRing()), well(KeyRing()), state=DiagnosticStatus.WARN)
    assert "only SPF is aligned" in found.sentence


# Names and mail servers.


def test_an_address_without_a_name_is_wrong_where_mails_surely_leave_from_it(ring: KeyRing) -> None:
    nameless = well(ring) | {"PTR 8.8.4.4": []}
    assert "no PTR record" in about("PTR", profile(ring), nameless, state=DiagnosticStatus.WARN).sentence
    known = profile(ring, outgoing=(ip_address("8.8.4.4"),))
    assert "no PTR record" in about("PTR", known, nameless, state=DiagnosticStatus.FAIL).sentence


def test_a_name_has_to_lead_back(ring: KeyRing) -> None:
    known = profile(ring, outgoing=(ip_address("8.8.4.4"),))
    found = about("PTR", known, well(ring) | {"PTR 8.8.4.4": ["mx.example.org"]}, state=DiagnosticStatus.FAIL)
    assert "has the name mx.example.org, which does not resolve to it" in found.sentence


def test_of_a_relay_on_the_own_network_nothing_can_be_said(ring: KeyRing) -> None:
    found = about("PTR", profile(ring, relays=("127.0.0.1",)), well(ring), state=DiagnosticStatus.WARN)
    assert "--outgoing" in found.sentence


@pytest.mark.parametrize(
    ("records", "state", "reason"),
    [
        ({"MX example.org": ["0 ."]}, DiagnosticStatus.FAIL, "accepts no mail"),
        ({"MX example.org": []}, DiagnosticStatus.FAIL, "neither MX nor address"),
        ({"MX example.org": [], "A example.org": ["8.8.8.8"]}, DiagnosticStatus.WARN, "to its own address"),
        (
            {"MX example.org": ["10 gone.example.org"]},
            DiagnosticStatus.FAIL,
            "gone.example.org of example.org has no address",
        ),
        ({"MX example.org": ["10 mx.example.org", "20 gone.example.org"]}, DiagnosticStatus.WARN, "gone.example.org"),
    ],
)
def test_answers_have_to_find_a_mail_server(
    ring: KeyRing, records: dict[str, Sequence[str]], state: DiagnosticStatus, reason: str
) -> None:
    assert reason in about("MX", profile(ring), well(ring) | records, state=state).sentence


def test_bounces_have_to_find_one_too(ring: KeyRing) -> None:
    found = about(
        "MX", profile(ring, return_path_domain="bounces.example.org"), well(ring), state=DiagnosticStatus.FAIL
    )
    assert "bounces are lost" in found.sentence
    assert found.record == DnsRecord("bounces.example.org", "MX", "10 mail.bounces.example.org.")


@pytest.mark.parametrize("domain", ["localhost.localdomain", "news.example", "test", "[127.0.0.1]", "a.internal"])
def test_names_that_are_not_of_the_public_dns_are_known(domain: str) -> None:
    assert is_special_use_domain(domain)
    assert not is_special_use_domain("example.org")
