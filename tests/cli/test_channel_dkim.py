"""`distributor channel dkim` and the DNS findings of `distributor doctor`, against a DNS server on loopback."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from distributor.domain.errors import ConfigurationError, InputError, NotFoundError, StateError
from distributor.embedded import Services
from distributor.storage import channels as stored
from distributor.storage.channels import SecretBox
from distributor.storage.database import Database
from tests.mail.dns.dns_server import DnsServer, running_dns

from .conftest import CommandResult, Run


@pytest.fixture
def dns() -> Iterator[DnsServer]:
    with running_dns() as server:
        yield server


SET_MAIL = ("channel", "set", "mail", "--kind", "email", "--set", "smtp_url=smtp://127.0.0.1:1")


@pytest.fixture
def mail(run: Run) -> Run:
    """A command line with an email channel that sends for example.org."""
    result = run(
        *SET_MAIL,
        "--set",
        "sender=News <news@example.org>",
    )
    assert result.code == 0, result.err
    return run


def make(run: Run, selector: str, *options: str) -> list[dict[str, Any]]:
    result = run("channel", "dkim", "create", "mail", "--selector", selector, "--json", *options)
    assert result.code == 0, result.err
    made: list[dict[str, Any]] = json.loads(result.out)
    return made


def states(run: Run) -> dict[str, str]:
    listed = json.loads(run("channel", "dkim", "list", "mail", "--json").out)
    return {key["selector"]: key["state"] for key in listed}


def doctor(run: Run, dns: DnsServer, *options: str) -> tuple[CommandResult, dict[str, list[dict[str, Any]]]]:
    """What it result, and the findings about the channel by what they are about."""
    result = run("doctor", "--json", "--nameserver", dns.address, *options)
    findings: dict[str, list[dict[str, Any]]] = {}
    for finding in json.loads(result.out):
        findings.setdefault(finding["check"].removeprefix("mail: "), []).append(finding)
    return result, findings


def test_a_new_key_prints_the_record_to_publish_and_signs_nothing_yet(mail: Run) -> None:
    result = mail("channel", "dkim", "create", "mail", "--selector", "s1")
    assert result.code == 0
    assert re.fullmatch(r's1\._domainkey\.example\.org\. TXT "v=DKIM1; k=rsa; p=[^"]+" "[^"]+"\n', result.out)
    assert all(len(piece) <= 255 for piece in result.out.split('"')[1::2])
    assert "`distributor channel dkim activate mail s1`" in result.message
    assert states(mail) == {"s1": "waiting"}


def test_both_algorithms_make_two_keys_under_two_selectors(mail: Run) -> None:
    made = make(mail, "s1", "--algorithm", "both")
    assert [(key["selector"], key["algorithm"]) for key in made] == [("s1", "rsa"), ("s1-ed25519", "ed25519")]


def test_the_record_of_a_key_can_be_printed_again(mail: Run) -> None:
    first = mail("channel", "dkim", "create", "mail", "--selector", "s1").out
    assert mail("channel", "dkim", "record", "mail", "s1").out == first


def test_a_key_is_activated_once_the_dns_has_it(mail: Run, dns: DnsServer) -> None:
    (key,) = make(mail, "s1")
    early = mail("channel", "dkim", "activate", "mail", "s1", "--nameserver", dns.address)
    assert early.code == StateError.exit_code
    assert "s1._domainkey.example.org has no TXT record" in early.message
    assert states(mail) == {"s1": "waiting"}
    dns.zones.put_text(key["record"]["name"], key["record"]["value"])
    result = mail("channel", "dkim", "activate", "mail", "s1", "--nameserver", dns.address)
    assert result.code == 0
    assert "s1 signs for example.org from the next message on" in result.message
    assert states(mail) == {"s1": "active"}


def test_a_key_may_be_activated_unseen(mail: Run) -> None:
    make(mail, "s1", "--algorithm", "both")
    assert mail("channel", "dkim", "activate", "mail", "s1-ed25519", "s1", "--skip-dns-check").code == 0
    assert states(mail) == {"s1": "active", "s1-ed25519": "active"}


def test_a_rotation_retires_the_key_before(mail: Run) -> None:
    make(mail, "s1")
    make(mail, "s2")
    mail("channel", "dkim", "activate", "mail", "s1", "--skip-dns-check")
    result = mail("channel", "dkim", "activate", "mail", "s2", "--skip-dns-check")
    assert "s1 is retired; keep its record published for a week" in result.message
    assert states(mail) == {"s1": "retired", "s2": "active"}
    assert mail("channel", "dkim", "remove", "mail", "s1").code == 0
    assert "no key signs the messages of mail now" in mail("channel", "dkim", "retire", "mail", "s2").message
    assert states(mail) == {"s2": "retired"}


def test_configuring_the_channel_again_keeps_its_keys(mail: Run) -> None:
    make(mail, "s1")
    mail(
        *SET_MAIL,
        "--set",
        "sender=news@example.org",
        "--set",
        "connections=2",
    )
    assert states(mail) == {"s1": "waiting"}


def test_ten_changes_of_a_channel_change_no_key_and_a_published_one_signs_only_once_it_is_activated(mail: Run) -> None:
    make(mail, "s1")
    mail("channel", "dkim", "activate", "mail", "s1", "--skip-dns-check")
    (waiting,) = make(mail, "s2")
    before = mail("channel", "dkim", "list", "mail", "--json").out
    for number in range(10):
        changed = mail(
            "channel", "change", "mail", "--set", f"connections={number + 1}", "--set", f"closing=No. {number}"
        )
        assert changed.code == 0, changed.err
        assert mail("channel", "dkim", "list", "mail", "--json").out == before
    # The record can be published meanwhile: it is the same that was printed first.
    (listed,) = [one for one in json.loads(before) if one["selector"] == "s2"]
    assert listed["record"] == waiting["record"]
    assert states(mail) == {"s1": "active", "s2": "waiting"}


def test_what_else_is_set_survives_a_new_key(mail: Run) -> None:
    mail("channel", "set", "mail", "--kind", "email", "--set", "smtp_url=smtp://u:pw@127.0.0.1:1")
    make(mail, "s1", "--domain", "example.org")
    assert json.loads(mail("channel", "show", "mail", "--json").out)["secrets_set"] == ["dkim_keys", "smtp_url"]


def test_private_keys_are_only_in_the_sealed_secrets(
    mail: Run, fresh_services: Services, environment: dict[str, str]
) -> None:
    make(mail, "s1")
    database = Database(fresh_services.database_url)
    with database.begin() as connection:
        record = stored.find(connection, "mail")
    database.close()
    assert record.sealed is not None
    assert b"PRIVATE" not in record.sealed
    secrets = SecretBox(environment["DISTRIBUTOR_SECRET_KEY"].encode()).open(record.sealed)
    private = json.loads(secrets["dkim_keys"])[0]["pem"].split("\n")[3]
    for arguments in (("show", "mail"), ("list",), ("dkim", "list", "mail"), ("dkim", "record", "mail", "s1")):
        for form in ((), ("--json",)):
            result = mail("channel", *arguments, *form)
            assert result.code == 0
            assert private not in result.out + result.err


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["create", "mail", "--selector", "Not A Name"], InputError.exit_code, "is no valid selector"),
        (
            ["create", "mail", "--selector", "s1", "--domain", "no domain"],
            InputError.exit_code,
            "is no domain name",
        ),
        (["create", "nowhere", "--selector", "s1"], NotFoundError.exit_code, "no channel 'nowhere'"),
        (["create", "feeds", "--selector", "s1"], InputError.exit_code, "which has no signing keys"),
        (["activate", "mail", "s9", "--skip-dns-check"], NotFoundError.exit_code, "no DKIM key 's9'"),
        (["activate", "mail", "s9", "--nameserver", "dns"], InputError.exit_code, "not the address of a DNS server"),
        (["retire", "mail", "s9"], NotFoundError.exit_code, "no DKIM key 's9'"),
        (["remove", "mail", "s9"], NotFoundError.exit_code, "no DKIM key 's9'"),
    ],
)
def test_a_mistake_is_reported_and_changes_nothing(mail: Run, arguments: list[str], code: int, sentence: str) -> None:
    mail("channel", "set", "feeds", "--kind", "feed")
    result = mail("channel", "dkim", *arguments)
    assert result.code == code
    assert sentence in result.message
    assert states(mail) == {}


def test_keys_are_not_set_by_hand(mail: Run) -> None:
    result = mail("channel", "set", "mail", "--kind", "email", "--set", "dkim_keys=[]")
    assert result.code == InputError.exit_code
    assert "distributor channel dkim --help" in result.message


# The doctor.


def test_the_doctor_tells_what_to_publish_for_a_new_sender(mail: Run, dns: DnsServer) -> None:
    (key,) = make(mail, "s1")
    result, found = doctor(mail, dns)
    assert result.code == ConfigurationError.exit_code
    assert found["SPF"][0]["state"] == "fail"
    assert [one["record"] for one in found["DKIM"] if one["record"]] == [key["record"]]
    assert found["DMARC"][0]["record"]["name"] == "_dmarc.example.org"
    assert found["MX"][0]["record"]["type"] == "MX"


def test_the_doctor_is_content_with_a_sender_that_is_set_up(mail: Run, dns: DnsServer) -> None:
    for key in make(mail, "s1", "--algorithm", "both"):
        dns.zones.put_text(key["record"]["name"], key["record"]["value"])
    activated = mail("channel", "dkim", "activate", "mail", "s1", "s1-ed25519", "--nameserver", dns.address)
    assert activated.code == 0, activated.err
    dns.zones.put_text("example.org", "v=spf1 include:spf.relay.example.net -all", "another text")
    dns.zones.put_text("spf.relay.example.net", "v=spf1 ip4:8.8.4.0/24 ~all")
    dns.zones.put_text("_dmarc.example.org", "v=DMARC1; p=quarantine; rua=mailto:dmarc@example.org")
    dns.zones.put("example.org", "MX", "10 mx.example.org.")
    dns.zones.put("mx.example.org", "A", "192.0.2.25")
    dns.zones.put("4.4.8.8.in-addr.arpa", "PTR", "out.relay.example.net.")
    dns.zones.put("out.relay.example.net", "A", "8.8.4.4")
    _, found = doctor(mail, dns, "--outgoing", "8.8.4.4")
    ours = [one for check in ("SPF", "DKIM", "DMARC", "alignment", "PTR", "MX") for one in found[check]]
    assert [one["state"] for one in ours] == ["ok"] * 7, ours


def test_the_doctor_prints_records_as_lines_of_a_zone_file(mail: Run, dns: DnsServer) -> None:
    record = mail("channel", "dkim", "create", "mail", "--selector", "s1").out.strip()
    result = mail("doctor", "--nameserver", dns.address)
    assert record in [line.strip() for line in result.out.splitlines()]


def test_a_silent_dns_does_not_keep_the_doctor_from_its_other_results(mail: Run, dns: DnsServer) -> None:
    dns.zones.fail("example.org")
    result, found = doctor(mail, dns)
    assert "could not be checked: the DNS query TXT example.org failed" in found["SPF"][0]["finding"]
    assert found["SPF"][0]["state"] == "warn"
    assert found["postgresql"][0]["state"] == "ok"
    assert found["DMARC"]
    assert "Traceback" not in result.err


def test_a_sender_of_the_sandbox_is_not_looked_up(run: Run) -> None:
    run(
        *SET_MAIL,
        "--set",
        "sender=news@gazette.example",
    )
    findings = {one["check"]: one for one in json.loads(run("doctor", "--json").out)}
    assert findings["mail: sender"]["state"] == "warn"
    assert "mail: SPF" not in findings


@pytest.mark.parametrize("options", [("--nameserver", "dns.example.org"), ("--outgoing", "relay.example.net")])
def test_the_doctor_refuses_what_is_no_address(run: Run, options: tuple[str, str]) -> None:
    assert run("doctor", *options).code == InputError.exit_code
