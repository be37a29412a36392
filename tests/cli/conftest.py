"""Runs the command line as a person does: exit code, output and messages."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event, Thread

import pytest
import structlog

from distributor.cli.app import main
from distributor.embedded import Services
from distributor.flow.app_context import AppContext
from distributor.sandbox.service import Sandbox, running_sandbox
from distributor.settings import load_settings
from distributor.storage.channels import SecretBox
from tests.flow.campaign_harness import CampaignHarness

ARTICLE = "---\ntitle: A first article\ntags: [one, two]\n---\n\nA paragraph with some words.\n"


@dataclass(frozen=True, kw_only=True)
class CommandResult:
    """What a command ended with and result."""

    code: int
    out: str
    err: str

    @property
    def message(self) -> str:
        """What was result to a person, without line breaks made for the terminal's width."""
        return " ".join(self.err.split())


Run = Callable[..., CommandResult]


@pytest.fixture
def environment(fresh_services: Services, tmp_path: Path) -> dict[str, str]:
    """An app on real servers, with an empty content folder."""
    (tmp_path / "content").mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DISTRIBUTOR_")}
    return kept | {
        "DISTRIBUTOR_DATABASE_URL": fresh_services.database_url,
        "DISTRIBUTOR_REDIS_URL": fresh_services.redis_url,
        "DISTRIBUTOR_SECRET_KEY": "a key that is only good for these tests",
        "DISTRIBUTOR_DATA_DIR": str(tmp_path / "data"),
        "DISTRIBUTOR_CONTENT_DIR": str(tmp_path / "content"),
        "DISTRIBUTOR_POSTAL_ADDRESS": "1 Test Street",
        "COLUMNS": "200",
    }


@pytest.fixture
def run(environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run `distributor` with these arguments, in this process: what is tested is everything but Python's start."""
    monkeypatch.chdir(tmp_path)

    def run_once(*arguments: str, **changes: str) -> CommandResult:
        out, err = io.StringIO(), io.StringIO()
        with monkeypatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            for name, value in (environment | changes).items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["distributor", *arguments])
            load_settings.cache_clear()
            # A test that captured logs counts as having configured them.
            structlog.reset_defaults()
            with pytest.raises(SystemExit) as ended:
                main()
                sys.exit(0)
        return CommandResult(code=int(ended.value.code or 0), out=out.getvalue(), err=err.getvalue())

    yield run_once
    load_settings.cache_clear()


@pytest.fixture
def run_process(environment: dict[str, str], tmp_path: Path) -> Run:
    """Run `distributor` with these arguments, as a process of its own."""

    def run_once(*arguments: str, **changes: str) -> CommandResult:
        done = subprocess.run(
            [sys.executable, "-m", "distributor", *arguments],
            cwd=tmp_path,
            env=environment | changes,
            capture_output=True,
            text=True,
            check=False,
        )
        return CommandResult(code=done.returncode, out=done.stdout, err=done.stderr)

    return run_once


@pytest.fixture
def article(tmp_path: Path) -> Path:
    """A small good article."""
    file = tmp_path / "a-first-article.md"
    file.write_text(ARTICLE)
    return file


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path / "sandbox") as sandbox:
        yield sandbox


@pytest.fixture
def worker(app: AppContext, environment: dict[str, str], tmp_path: Path) -> Iterator[None]:
    """Someone who does what is due, until the test ends."""
    vault = SecretBox(environment["DISTRIBUTOR_SECRET_KEY"].encode())
    harness, ended = CampaignHarness(replace(app, vault=vault), tmp_path), Event()

    def work() -> None:
        while not ended.wait(0.05):
            harness.run()

    thread = Thread(target=work)
    thread.start()
    yield
    ended.set()
    thread.join()
