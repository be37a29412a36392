"""Questions to the DNS, asked of a real server on loopback."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from ipaddress import ip_address

import pytest

from distributor.domain.diagnostics import Nameserver
from distributor.domain.errors import InputError
from distributor.mail.dns.lookup import DnsLookupError, DnsResolver, MxRecord

from .dns_server import DnsServer, running_dns


@pytest.fixture
def server() -> Iterator[DnsServer]:
    with running_dns() as running:
        yield running


def asking(server: DnsServer, seconds: float = 20) -> DnsResolver:
    return DnsResolver(Nameserver.parse(server.address), seconds=seconds)


def test_the_strings_of_a_text_are_joined(server: DnsServer) -> None:
    server.zones.put_text("long.example.org", "x" * 300, 'a "quoted" one')
    assert sorted(asking(server).txt("long.example.org")) == ['a "quoted" one', "x" * 300]


def test_an_answer_too_long_for_a_datagram_comes_over_tcp(server: DnsServer) -> None:
    server.zones.put_text("long.example.org", "y" * 6000)
    assert asking(server).txt("long.example.org") == ["y" * 6000]


def test_what_is_not_there_is_an_empty_answer(server: DnsServer) -> None:
    server.zones.put("host.example.org", "A", "192.0.2.1")
    assert list(asking(server).txt("host.example.org")) == []
    assert list(asking(server).txt("nowhere.example.org")) == []
    assert asking(server).exists("host.example.org")
    assert asking(server).exists("example.org")
    assert not asking(server).exists("nowhere.example.org")


def test_addresses_of_both_kinds_are_found_behind_an_alias(server: DnsServer) -> None:
    server.zones.put("alias.example.org", "CNAME", "host.example.org.")
    server.zones.put("host.example.org", "A", "192.0.2.1")
    server.zones.put("host.example.org", "AAAA", "2001:db8::1")
    assert asking(server).addresses("alias.example.org") == [ip_address("192.0.2.1"), ip_address("2001:db8::1")]


def test_mail_servers_come_in_the_order_of_their_preference(server: DnsServer) -> None:
    server.zones.put("example.org", "MX", "20 b.example.org.", "10 a.example.org.")
    server.zones.put("silent.example.org", "MX", "0 .")
    assert asking(server).mx("example.org") == [MxRecord(10, "a.example.org"), MxRecord(20, "b.example.org")]
    assert asking(server).mx("silent.example.org") == [MxRecord(0, "")]


def test_an_address_is_asked_for_its_names(server: DnsServer) -> None:
    server.zones.put("1.2.0.192.in-addr.arpa", "PTR", "host.example.org.")
    assert asking(server).ptr(ip_address("192.0.2.1")) == ["host.example.org"]


def test_a_server_in_trouble_is_said_to_be_and_others_are_asked_on(server: DnsServer) -> None:
    server.zones.fail("broken.example.org")
    server.zones.put_text("example.org", "here")
    lookup = asking(server)
    with pytest.raises(DnsLookupError, match=r"TXT broken\.example\.org failed: SERVFAIL"):
        lookup.txt("broken.example.org")
    assert lookup.txt("example.org") == ["here"]


def test_after_a_silence_nothing_more_is_asked() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.1", 0))
        lookup = DnsResolver(Nameserver(ip_address("127.0.0.1"), mute.getsockname()[1]), seconds=0.2)
        for name in ("one.example.org", "two.example.org"):
            with pytest.raises(DnsLookupError, match=r"no DNS server answered the query TXT one\.example\.org"):
                lookup.txt(name)


def test_one_unanswered_question_does_not_end_the_others(server: DnsServer) -> None:
    server.zones.keep_silent("mute.example.org")
    server.zones.put_text("example.org", "here")
    lookup = asking(server, seconds=1)
    assert lookup.txt("example.org") == ["here"]
    with pytest.raises(DnsLookupError, match=r"query TXT mute\.example\.org"):
        lookup.txt("mute.example.org")
    assert lookup.txt("example.org") == ["here"]


@pytest.mark.parametrize("name", ["a" * 70 + ".example.org", "a..b", ".".join(["label"] * 60)])
def test_a_name_that_is_none_is_no_crash(server: DnsServer, name: str) -> None:
    with pytest.raises(DnsLookupError, match="cannot be sent"):
        asking(server).txt(name)


@pytest.mark.parametrize(
    ("text", "address", "port"),
    [
        ("192.0.2.1", "192.0.2.1", 53),
        ("127.0.0.1:5353", "127.0.0.1", 5353),
        ("2001:db8::1", "2001:db8::1", 53),
        ("[2001:db8::1]:5353", "2001:db8::1", 5353),
        ("[2001:db8::1]", "2001:db8::1", 53),
    ],
)
def test_a_name_server_is_named_by_its_address(text: str, address: str, port: int) -> None:
    assert Nameserver.parse(text) == Nameserver(ip_address(address), port)


@pytest.mark.parametrize("text", ["", "dns.example.org", "192.0.2.1:dns", "192.0.2.1:", ":53"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="not the address of a DNS server"):
        Nameserver.parse(text)
