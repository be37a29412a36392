"""The doctor asks the running processes which settings they work with, and says what to start again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from distributor.private_files import open_private
from tests.conftest import thorough

from .running_up import Running, running_up, wait_for

ADDRESS = "1 Test Street, Testville"


# Two services are started for it.
pytestmark = thorough


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_up(tmp_path_factory.mktemp("processes"), postal_address=ADDRESS) as running:
        names = ("up", "web", "beat", "worker email", "worker urgent, social, feed", "worker background")
        wait_for(lambda: all(f"{name} (process" in doctor(running)["processes"][0] for name in names), "all reports")
        yield running


def doctor(service: Running, **settings: str) -> Mapping[str, list[str]]:
    """The states and sentences of `distributor doctor` by check, with these settings in the .env of its folder."""
    folder = service.folder.parent
    lines = [f"DISTRIBUTOR_{name.upper()}={value}\n" for name, value in settings.items()]
    (folder / ".env").write_text("".join(lines))
    environment = {name: value for name, value in service.environment.items() if name[12:].lower() not in settings}
    done = subprocess.run(
        [sys.executable, "-m", "distributor", "doctor", "--json"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    found: dict[str, list[str]] = {}
    for finding in json.loads(done.stdout):
        found.setdefault(finding["check"], []).append(f"{finding['state']}: {finding['finding']}")
    return found


@contextmanager
def worker(service: Running, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    """One more worker for the queue `email`, started by hand with these settings."""
    environment = {**service.environment, **{f"DISTRIBUTOR_{name.upper()}": value for name, value in settings.items()}}
    command = [sys.executable, "-m", "distributor", "worker", "--queue", "email"]
    with open_private(service.folder / "worker.log", "wb") as log:
        started = subprocess.Popen(command, cwd=service.folder.parent, env=environment, stdout=log, stderr=log)
    try:
        wait_for(lambda: f"(process {started.pid} on" in str(doctor(service)["processes"]), "the worker's report")
        yield started
    finally:
        started.terminate()
        started.wait()


def test_with_the_same_settings_everywhere_it_says_so(service: Running) -> None:
    found = doctor(service)
    assert found["settings"] == [
        "ok: the running processes have the same, and so has this command: also the secret key"
    ]
    (address,) = found["postal address"]
    assert address == f"ok: {ADDRESS} (in all running processes)"


def test_a_setting_that_was_changed_after_the_start_is_named_with_what_to_start_again(service: Running) -> None:
    (sentence,) = doctor(service, site_name="The New Gazette")["settings"]
    assert sentence.startswith("warn: DISTRIBUTOR_SITE_NAME is not the same: ")
    assert "all running processes have 'Distributor'" in sentence
    assert "this command has 'The New Gazette'" in sentence
    assert f"start `distributor up` on {os.uname().nodename} again" in sentence


def test_the_postal_address_that_counts_is_that_of_the_running_processes(service: Running) -> None:
    found = doctor(service, postal_address="2 Other Street")
    (address,) = found["postal address"]
    assert address == f"ok: {ADDRESS} (in all running processes)"
    assert "DISTRIBUTOR_POSTAL_ADDRESS is not the same" in str(found["settings"])


def test_a_secret_is_named_and_not_shown(service: Running) -> None:
    (sentence,) = doctor(service, inbound_mailboxes="imaps://user:imap-password@mail.example/INBOX")["settings"]
    assert "DISTRIBUTOR_INBOUND_MAILBOXES is not the same" in sentence
    assert "password" not in sentence


def test_a_worker_with_another_secret_key_is_a_failure_in_words_and_the_service_is_degraded(service: Running) -> None:
    assert httpx.get(f"{service.url}/readyz").json()["same_secret_key"] is True
    with worker(service, secret_key="another key than that of all the others") as started:
        sentence = " ".join(doctor(service)["settings"])
        assert "fail: DISTRIBUTOR_SECRET_KEY is not the same: " in sentence
        assert f"worker email (process {started.pid} on" in sentence
        assert "links made with one key are invalid under another" in sentence
        readiness = httpx.get(f"{service.url}/readyz")
        assert readiness.status_code == 200
        assert (readiness.json()["degraded"], readiness.json()["same_secret_key"]) == (True, False)
    assert httpx.get(f"{service.url}/readyz").json()["same_secret_key"] is True


def test_a_process_without_up_is_named_itself_as_what_to_start_again(service: Running) -> None:
    with worker(service, site_name="The Worker's Gazette") as started:
        sentence = " ".join(doctor(service)["settings"])
    assert f'worker email (process {started.pid} on {os.uname().nodename}) has "The Worker\'s Gazette"' in sentence


def test_in_another_folder_nothing_runs_and_the_doctor_says_so(tmp_path: Path, service: Running) -> None:
    elsewhere = Running(
        process=service.process,
        folder=tmp_path / "var",
        url="",
        sandbox_url="",
        environment={**service.environment, "DISTRIBUTOR_DATA_DIR": str(tmp_path / "var")},
    )
    found = doctor(elsewhere)
    assert found["processes"][0].startswith("warn: none is running on this database")
