"""`channel test` on the command line: who a channel is, and one mail that goes the way of every mail."""

from __future__ import annotations

import json
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from distributor.cli import channel as command
from distributor.sandbox.faults import FaultKind, FaultStage, InjectedFault
from distributor.sandbox.mastodon import EMULATOR as MASTODON
from distributor.sandbox.service import Sandbox
from tests.cli.conftest import Run

ME = "me@team.example"


@pytest.fixture
def mail(run: Run, sandbox: Sandbox) -> Run:
    """With a channel for mail into the sandbox, whose mails are signed."""
    relay = f"smtp_url=smtp://127.0.0.1:{sandbox.smtp_port}"
    assert (
        run("channel", "set", "mail", "--kind", "email", "--set", relay, "--set", "sender=news@example.org").code == 0
    )
    run("channel", "dkim", "create", "mail", "--selector", "s1")
    assert run("channel", "dkim", "activate", "mail", "s1", "--skip-dns-check").code == 0
    return run


def received(sandbox: Sandbox) -> list[EmailMessage]:
    files = sorted((sandbox.state.folder / "inbox").glob("*.eml"))
    return [message_from_bytes(file.read_bytes(), _class=EmailMessage, policy=policy.default) for file in files]


def test_a_channel_says_who_it_is_and_sends_nothing(mail: Run, sandbox: Sandbox) -> None:
    result = mail("channel", "test", "mail")
    assert result.code == 0
    assert "ok     relay relay: 127.0.0.1:" in result.out
    assert "accepts news@example.org as the sender" in result.out
    assert received(sandbox) == []
    assert json.loads(mail("campaign", "list", "--purpose", "test", "--json").out) == []


def test_an_account_says_who_it_is(run: Run, sandbox: Sandbox) -> None:
    settings = MASTODON.channel_settings(sandbox.url("mastodon"))
    run("channel", "set", "toots", "--kind", "mastodon", *(f"--set={key}={value}" for key, value in settings.items()))
    result = run("channel", "test", "toots", "--json")
    assert result.code == 0
    assert [(one["check"], one["state"]) for one in json.loads(result.out)["findings"]] == [
        ("account", "ok"),
        ("limits", "ok"),
    ]
    run("channel", "change", "toots", "--set", "access_token=wrong")
    failed = run("channel", "test", "toots")
    assert failed.code == 5
    assert "fail   account: HTTP 401" in failed.out
    assert "correct access_token" in failed.out


@pytest.mark.usefixtures("worker")
def test_one_mail_is_sent_as_every_mail_and_counts_nowhere(mail: Run, sandbox: Sandbox) -> None:
    result = mail("channel", "test", "mail", "--to", ME, "--json")
    assert result.code == 0
    sent = json.loads(result.out)["mail"]
    assert (sent["recipient"], sent["state"], sent["arrived"]) == (ME, "sent", True)
    (message,) = received(sandbox)
    assert "The Test" not in str(message["Subject"])
    assert "d=example.org; s=s1" in " ".join(str(message["DKIM-Signature"]).split())
    assert str(message["List-Unsubscribe-Post"]) == "List-Unsubscribe=One-Click"
    text = message.get_body(("plain",))
    assert text is not None
    assert "This mail was sent by the channel mail" in text.get_content()
    assert "1 Test Street" in text.get_content()
    assert "/articles/" not in message.as_string()
    assert json.loads(mail("campaign", "list", "--json").out) == []
    (test,) = json.loads(mail("campaign", "list", "--purpose", "test", "--json").out)
    assert (test["name"], test["sent"]) == ("Test of channel mail", 1)


@pytest.mark.usefixtures("worker")
def test_a_mail_that_is_rejected_ends_with_status_4_and_the_reply(mail: Run, sandbox: Sandbox) -> None:
    fault = InjectedFault(kind=FaultKind.REFUSE, on=FaultStage.RCPT, code=550, times=1)
    sandbox.state.switches.set("smtp", fault)
    result = mail("channel", "test", "mail", "--to", ME)
    assert result.code == 4
    assert f"the mail to {ME} is failed: " in result.message
    assert "no such user" in result.message


def test_without_a_worker_it_says_so(mail: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "_PATIENCE_SECONDS", 0.1)
    result = mail("channel", "test", "mail", "--to", ME)
    assert (result.code, "no worker has taken it yet" in result.message) == (4, True)


def test_no_mail_is_sent_if_the_relay_does_not_work(mail: Run) -> None:
    mail("channel", "change", "mail", "--set", "smtp_url=smtp://127.0.0.1:1")
    result = mail("channel", "test", "mail", "--to", ME)
    assert (result.code, "no mail was sent" in result.message) == (5, True)
    assert json.loads(mail("campaign", "list", "--purpose", "test", "--json").out) == []


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("mail", "--to", "no address"), 2, "is not an email address"),
        (("mail", "--to", "out@example.org"), 4, "out@example.org is suppressed (manual)"),
        (("feeds", "--to", ME), 2, "which sends no mail"),
        (("nowhere",), 3, "no channel 'nowhere'"),
    ],
)
def test_what_cannot_be_tested_is_named(mail: Run, arguments: tuple[str, ...], code: int, words: str) -> None:
    mail("suppression", "add", "out@example.org")
    mail("channel", "set", "feeds", "--kind", "feed")
    result = mail("channel", "test", *arguments, DISTRIBUTOR_PUBLIC_URL="http://127.0.0.1:1")
    assert (result.code, words in result.message) == (code, True), result.message


def test_a_site_without_a_postal_address_sends_no_test_either(mail: Run) -> None:
    result = mail("channel", "test", "mail", "--to", ME, DISTRIBUTOR_POSTAL_ADDRESS="")
    assert (result.code, "no mail can be sent on channel mail" in result.message) == (4, True), result.message
