"""Sending to Postfix's smtp-sink, an independent server in C that supports pipelining."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from distributor.channels.email.composition.compose import prepare_mail
from distributor.testing.fakes import InMemoryJournal
from tests.channels.email.mailing import TOKENS, a_rendition, deliveries, send
from tests.conftest import needs_package

SINK = shutil.which("smtp-sink") or shutil.which("smtp-sink", path="/usr/sbin:/usr/local/sbin")


@contextmanager
def sink(folder: Path, *options: str) -> Iterator[tuple[str, Path]]:
    """A running smtp-sink: its URL, and the file that all mails end up in."""
    if SINK is None:
        needs_package("postfix", "there is no smtp-sink to send to")
    folder.chmod(0o777)
    captured = folder / "captured"
    # It refuses to stay root.
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    for port in free_ports():
        command = [SINK, *user, *options, "-D", str(captured), f"127.0.0.1:{port}", "64"]
        with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE) as process:
            if not is_listening(process, port):
                continue
            try:
                yield f"smtp://127.0.0.1:{port}", captured
                return
            finally:
                process.kill()
    pytest.fail("smtp-sink does not start")


def free_ports() -> Iterator[int]:
    for _ in range(5):
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
        yield port


def is_listening(process: subprocess.Popen[bytes], port: int) -> bool:
    while process.poll() is None:
        with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            return True
    return False


def captured_ids(captured: Path) -> Counter[str]:
    lines = captured.read_text("latin-1").splitlines()
    return Counter(line.partition(": ")[2] for line in lines if line.startswith("Message-ID: "))


def expected_ids(count: int) -> set[str]:
    prepared = prepare_mail(a_rendition())
    return {prepared.message_id(delivery, TOKENS) for delivery in deliveries(count)}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that a process of another user can write to; those of pytest are inside one that is closed to others."""
    with TemporaryDirectory() as made:
        yield Path(made)


@pytest.mark.parametrize("options", [(), ("-p",), ("-e",)], ids=["pipelining", "no pipelining", "no EHLO"])
def test_every_mail_is_captured_once(folder: Path, options: tuple[str, ...]) -> None:
    with sink(folder, *options) as (url, captured):
        outcomes = send(url, deliveries(200), connections=4)
        assert {outcome.verdict.value for outcome in outcomes} == {"sent"}
        assert captured_ids(captured) == Counter(expected_ids(200))


def test_a_captured_mail_is_what_was_composed(folder: Path) -> None:
    with sink(folder) as (url, captured):
        send(url, deliveries(1))
        composed = prepare_mail(a_rendition()).message_for(deliveries(1)[0], TOKENS)
        assert composed.decode().replace("\r\n", "\n") in captured.read_text()


def test_a_lost_250_leaves_the_captured_mails_unknown(folder: Path) -> None:
    journal = InMemoryJournal()
    with sink(folder, "-q", ".") as (url, captured):
        outcomes = send(url, deliveries(50), connections=2, journal=journal)
        reported = Counter(outcome.verdict.value for outcome in outcomes)
        assert set(reported) == {"unknown", "deferred"}
        assert reported["unknown"] <= 2 * 3
        assert captured_ids(captured).total() == reported["unknown"]
    assert journal.most_in_doubt <= 2


@pytest.mark.parametrize(
    ("options", "verdict"),
    [
        (("-f", "."), "failed"),
        (("-f", "rcpt"), "failed"),
        (("-r", "."), "deferred"),
        (("-r", "rcpt"), "deferred"),
        (("-q", "rcpt"), "deferred"),
        (("-q", "connect"), "deferred"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else value,
)
def test_what_the_sink_refuses_is_reported(folder: Path, options: tuple[str, ...], verdict: str) -> None:
    with sink(folder, *options) as (url, _):
        outcomes = send(url, deliveries(10))
        assert [outcome.verdict.value for outcome in outcomes] == [verdict] * 10
