"""Starting, stopping and restarting the sandbox, as a process and in a thread."""

from __future__ import annotations

import json
import os
import signal
import smtplib
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from distributor.domain.errors import ConfigurationError
from distributor.sandbox.faults import FaultKind, InjectedFault
from distributor.sandbox.mastodon.account import MASTODON_ACCOUNT
from distributor.sandbox.service import Sandbox, running_sandbox
from distributor.sandbox.x.account import X_ACCOUNT

from .clients import BlueskyClient, plain_client, png, post_record

COMMAND = [sys.executable, "-m", "distributor.sandbox"]


@contextmanager
def _process(folder: Path) -> Iterator[tuple[subprocess.Popen[str], dict[str, int]]]:
    """A sandbox as a process of its own, and the ports that it tells."""
    ports_file = folder.with_suffix(".json")
    arguments = ["--folder", str(folder), "--http-port", "0", "--smtp-port", "0", "--ports-file", str(ports_file)]
    with subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline().startswith("inbox and timelines: http://127.0.0.1:")
            yield process, json.loads(ports_file.read_text())
        finally:
            process.kill()


def _mail(port: int, text: str) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
        client.sendmail("a@b.example", ["c@d.example"], f"Subject: {text}\r\n\r\n{text}\r\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_tells_its_ports_and_ends_cleanly_on_a_signal(tmp_path: Path, number: int) -> None:
    with _process(tmp_path / "sandbox") as (process, ports):
        _mail(ports["smtp_port"], "hello")
        with plain_client(f"http://127.0.0.1:{ports['http_port']}") as client:
            assert "hello" in client.get("/").text
            process.send_signal(number)
            assert process.wait(30) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_nothing_accepted_is_lost_when_the_process_is_killed(tmp_path: Path) -> None:
    with _process(tmp_path / "sandbox") as (process, ports):
        for number in range(20):
            _mail(ports["smtp_port"], f"mail {number}")
        os.kill(process.pid, signal.SIGKILL)
        process.wait(30)
    with running_sandbox(tmp_path / "sandbox") as sandbox:
        bodies = [sandbox.state.inbox.content(one.number) for one in sandbox.state.inbox.envelopes()]
    assert bodies == [f"Subject: mail {number}\r\n\r\nmail {number}\r\n".encode() for number in range(20)]


def test_a_restart_keeps_everything(tmp_path: Path) -> None:
    def seen(sandbox: Sandbox) -> dict[str, object]:
        with plain_client(sandbox.http_url) as client:
            names = ("inbox", *sandbox.state.emulators)
            found: dict[str, object] = {name: client.get(f"/export/{name}.json").json() for name in names}
            blob = client.get(f"/media/bluesky/{next(iter(blobs))}")
            return found | {"picture": blob.content}

    blobs: list[str] = []
    with running_sandbox(tmp_path) as sandbox:
        _mail(sandbox.smtp_port, "one")
        with plain_client(sandbox.url("x"), {"authorization": f"Bearer {X_ACCOUNT.bearer_token}"}) as x:
            first = x.post("/2/tweets", json={"text": "one"}).json()["data"]["id"]
            x.post("/2/tweets", json={"text": "two", "reply": {"in_reply_to_tweet_id": first}})
            gone = x.post("/2/tweets", json={"text": "gone"}).json()["data"]["id"]
            x.delete(f"/2/tweets/{gone}")
        token = {"authorization": f"Bearer {MASTODON_ACCOUNT.access_token}"}
        with plain_client(sandbox.url("mastodon"), token) as mastodon:
            mastodon.post("/api/v1/statuses", json={"status": "one"}, headers={"Idempotency-Key": "k"})
        with plain_client(sandbox.url("bluesky") + "/xrpc") as client:
            bluesky = BlueskyClient.logged_in(client)
            bluesky.put(post_record("one"))
            blobs.append(bluesky.upload(png(), "image/png").json()["blob"]["ref"]["$link"])
        before = seen(sandbox)
    with running_sandbox(tmp_path) as sandbox:
        assert seen(sandbox) == before
        with plain_client(sandbox.url("mastodon"), token) as mastodon:
            mastodon.post("/api/v1/statuses", json={"status": "one"}, headers={"Idempotency-Key": "k"})
        with plain_client(sandbox.url("bluesky") + "/xrpc") as client:
            kept = BlueskyClient(client, bluesky.session)
            assert kept.put(post_record("one"), swapRecord=None).status_code == 200
        with plain_client(sandbox.url("x"), {"authorization": f"Bearer {X_ACCOUNT.bearer_token}"}) as x:
            assert x.post("/2/tweets", json={"text": "two"}).status_code == 403
            assert int(x.post("/2/tweets", json={"text": "three"}).json()["data"]["id"]) > int(gone)
        assert [len(sandbox.state.emulators[name].posts()) for name in ("x", "mastodon", "bluesky")] == [3, 1, 1]


@pytest.mark.parametrize("taken", ["--http-port", "--smtp-port"])
def test_a_port_in_use_is_one_sentence_and_exit_code_5(tmp_path: Path, taken: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        ports = {"--http-port": "0", "--smtp-port": "0", taken: port}
        arguments = [word for pair in ports.items() for word in pair]
        ended = subprocess.run(
            [*COMMAND, "--folder", str(tmp_path), *arguments], capture_output=True, text=True, timeout=60
        )
    assert ended.returncode == 5
    start = f"cannot listen on 127.0.0.1, port {port}: "
    assert ended.stderr.startswith(start)
    assert ended.stderr.endswith("uses it; stop that program, or choose another port (0 takes a free port)\n")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 70_000), ("192.0.2.1", 0), ("no-such-host.invalid", 0)])
def test_a_place_that_cannot_be_listened_on_is_an_error_of_configuration(tmp_path: Path, host: str, port: int) -> None:
    with pytest.raises(ConfigurationError, match=f"{port}"), running_sandbox(tmp_path, host=host, http_port=port):
        pass


def test_two_sandboxes_never_share_a_folder(tmp_path: Path) -> None:
    refused = pytest.raises(ConfigurationError, match="another sandbox is already running")
    with running_sandbox(tmp_path), refused, running_sandbox(tmp_path):
        pytest.fail("both are running")
    with running_sandbox(tmp_path) as again, plain_client(again.http_url) as client:
        assert client.get("/").status_code == 200


def test_it_comes_back_on_the_same_ports(tmp_path: Path) -> None:
    with running_sandbox(tmp_path) as first:
        _mail(first.smtp_port, "one")
    with running_sandbox(tmp_path, http_port=first.http_port, smtp_port=first.smtp_port) as second:
        _mail(second.smtp_port, "two")
        assert (second.http_url, second.smtp_url) == (first.http_url, first.smtp_url)
        assert len(second.state.inbox) == 2


def test_open_connections_do_not_keep_it_from_stopping(tmp_path: Path) -> None:
    with running_sandbox(tmp_path) as sandbox:
        client = smtplib.SMTP("127.0.0.1", sandbox.smtp_port, timeout=30)
        client.ehlo()
    with pytest.raises(smtplib.SMTPServerDisconnected):
        client.noop()
    client.close()


def test_a_call_that_hangs_on_purpose_does_not_keep_it_from_stopping(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    authorization = {"authorization": f"Bearer {MASTODON_ACCOUNT.access_token}"}
    with ThreadPoolExecutor() as callers:
        with running_sandbox(tmp_path) as sandbox, plain_client(sandbox.url("mastodon"), authorization) as mastodon:
            sandbox.state.switches.set("mastodon", InjectedFault(kind=FaultKind.HANG, seconds=3600))
            hanging = callers.submit(mastodon.post, "/api/v1/statuses", json={"status": "a"})
            while not sandbox.state.emulators["mastodon"].posts():
                assert not hanging.done()
        assert isinstance(hanging.exception(30), httpx.TransportError)
    assert not caplog.records
