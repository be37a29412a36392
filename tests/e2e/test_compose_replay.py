"""The services of docker-compose.yml as processes of this machine: its commands, environment and health checks.

Only addresses, ports and folders are replaced by those of this machine, and its PostgreSQL and Redis by the suite's.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import smtplib
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
import yaml

from distributor.bootstrap import make_app_context
from distributor.embedded import Services
from distributor.mail.return_path import read_return_path
from distributor.private_files import open_private
from distributor.settings import Settings
from distributor.storage import deliveries
from tests.chaos.service import free_port
from tests.conftest import thorough
from tests.flow.feedback import feedback_mails
from tests.paths import ROOT

from .running_up import wait_for

FILE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
ENTRYPOINT: list[str] = json.loads(
    (ROOT / "Dockerfile").read_text(encoding="utf-8").partition("\nENTRYPOINT ")[2].partition("\n")[0]
)
DATA = "/var/lib/distributor"
SECRET = "a key that is good for this replay only"
DOTENV = {
    "POSTGRES_PASSWORD": "secret",
    "REDIS_PASSWORD": "secret",
    "DISTRIBUTOR_SECRET_KEY": SECRET,
    "DISTRIBUTOR_PUBLIC_URL": "http://127.0.0.1:8000",
    "DISTRIBUTOR_POSTAL_ADDRESS": "1 Test Street, Testville",
    "DISTRIBUTOR_SENDER": "News <news@gazette.example>",
    "DISTRIBUTOR_UNDO_SECONDS": "0",
}


@dataclass
class Composed:
    """The services that were started, in a folder that stands for that of the containers."""

    folder: Path
    servers: Services
    ports: Mapping[str, int] = field(
        default_factory=lambda: {number: free_port() for number in ("8000", "2424", "8025", "2525")}
    )
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def here(self, text: str) -> str:
        """A text of the file with the folders, hosts and ports of this machine, and the values of .env."""
        text = re.sub(r"\$\{(\w+):[?-]([^}]*)\}", lambda found: DOTENV.get(found[1], found[2]), text)
        text = re.sub(r"\b(8000|2424|8025|2525)\b", lambda found: str(self.ports[found[1]]), text)
        return text.replace(DATA, str(self.folder)).replace("0.0.0.0", "127.0.0.1").replace("//web:", "//127.0.0.1:")

    def environment(self, name: str) -> dict[str, str]:
        """The variables of a service."""
        given = {**DOTENV, **FILE["services"][name]["environment"]}
        return {
            **{key: value for key, value in os.environ.items() if not key.startswith("DISTRIBUTOR_")},
            **{key: self.here(value) for key, value in given.items()},
            "DISTRIBUTOR_DATABASE_URL": self.servers.database_url,
            "DISTRIBUTOR_REDIS_URL": self.servers.redis_url,
        }

    def start(self, name: str) -> None:
        """Start a service after those that it depends on, and wait until it is healthy, or has ended well."""
        service = FILE["services"][name]
        for needed in service["depends_on"]:
            if needed in FILE["services"] and needed not in ("postgres", "redis") and needed not in self.running:
                self.start(needed)
        words = [*service.get("entrypoint", ENTRYPOINT), *service["command"]]
        # The name of the sandbox in the network of the containers.
        hosts = {place + 1 for place, word in enumerate(words) if word == "--host"}
        words = ["127.0.0.1" if place in hosts else self.here(word) for place, word in enumerate(words)]
        command = [_PROGRAMS[words[0]], *words[1:]]
        with open_private(self.folder / f"{name}.log", "wb") as log:
            self.running[name] = subprocess.Popen(
                command, cwd=self.folder, env=self.environment(name), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        if service["restart"] == "no":
            assert self.running[name].wait(timeout=300) == 0, self.log(name)
        else:
            wait_for(lambda: self.is_healthy(name), f"the health of {name}: {self.log(name)}")

    def is_healthy(self, name: str) -> bool:
        """What the health check of the service says."""
        assert self.running[name].poll() is None, self.log(name)
        how, program, *arguments = FILE["services"][name]["healthcheck"]["test"]
        assert how == "CMD"
        done = subprocess.run(
            [_PROGRAMS[program], *(self.here(argument) for argument in arguments)],
            cwd=self.folder,
            env=self.environment(name),
            capture_output=True,
            check=False,
        )
        return done.returncode == 0

    def command(self, line: str) -> str:
        """What `docker compose exec web` prints for a command."""
        words = shlex.split(line)
        done = subprocess.run(
            [_PROGRAMS[words[0]], *words[1:]],
            cwd=self.folder,
            env=self.environment("web"),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
        return done.stdout

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def stop(self) -> None:
        for process in reversed(self.running.values()):
            process.send_signal(signal.SIGTERM)
        for process in self.running.values():
            process.wait(timeout=120)


_PROGRAMS = {"python": sys.executable, "distributor": str(Path(sys.executable).parent / "distributor")}


@thorough
def test_every_service_starts_and_is_healthy_the_sandbox_gets_a_campaign_and_a_bounce_comes_back(
    fresh_services: Services, tmp_path: Path
) -> None:
    _empty(fresh_services)
    (tmp_path / "content").symlink_to(ROOT / "content")
    composed = Composed(folder=tmp_path, servers=fresh_services)
    try:
        # The web server first: the beat's health is asked of it.
        for name in ["web", *(set(FILE["services"]) - {"web", "postgres", "redis"})]:
            if name not in composed.running:
                composed.start(name)
        _send_a_campaign(composed)
        _bounce(composed)
        doctor = subprocess.run(
            [_PROGRAMS["distributor"], "doctor", "--json"],
            cwd=tmp_path,
            env=composed.environment("web"),
            capture_output=True,
            text=True,
            check=False,
        )
        findings = {one["check"]: one for one in json.loads(doctor.stdout)}
        assert [one for one in findings.values() if one["check"] == "content"] == []
        workers = ("worker email", "worker social", "worker urgent, feed", "worker background")
        for kind in ("web", "beat", "inbound", *workers):
            assert f"{kind} (process" in findings["processes"]["finding"]
    finally:
        composed.stop()


def _empty(services: Services) -> None:
    with psycopg.connect(services.database_url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")


def _send_a_campaign(composed: Composed) -> None:
    """By the channels of the profile `tryout`, to a subscriber and all networks of the sandbox."""
    networks = ("x", "mastodon", "bluesky", "telegram")
    composed.command(
        f"distributor channel set email --kind email --set smtp_url=smtp://127.0.0.1:{composed.ports['2525']} "
        "--set bounce_domain=bounces.gazette.example"
    )
    composed.command("distributor article add content/golden.md")
    composed.command("distributor list create Readers")
    composed.command("distributor subscriber add ada@example.org --list readers")
    channels = " ".join(f"--channel {name}" for name in ("email", "feed", *networks))
    slug = "a-kitchen-garden-in-twelve-weeks"
    composed.command(f"distributor campaign create --article {slug} --list readers {channels}")
    composed.command("distributor campaign schedule 1 --now --yes")
    wait_for(lambda: _state(composed) == "finished", "the end of the campaign")
    sandbox = f"http://127.0.0.1:{composed.ports['8025']}"
    for network in networks:
        assert len(httpx.get(f"{sandbox}/export/{network}.json").json()) == 1, network
    (mail,) = httpx.get(f"{sandbox}/export/inbox.json").json()
    assert mail["recipients"] == ["ada@example.org"]
    wait_for(
        lambda: slug in httpx.get(f"http://127.0.0.1:{composed.ports['8000']}/feeds/all.rss").text, "the article's feed"
    )


def _bounce(composed: Composed) -> None:
    """A mail server gives a bounce of that mail to the inbound service."""
    (mail,) = httpx.get(f"http://127.0.0.1:{composed.ports['8025']}/export/inbox.json").json()
    settings = Settings(_env_file=None, secret_key=SECRET, data_dir=composed.folder)
    app = make_app_context(settings, composed.servers)
    number = read_return_path(mail["sender"], app.tokens)
    assert isinstance(number, int)
    with app.database.begin() as connection:
        (delivery,) = deliveries.find_for_sending(connection, [number])
    app.close()
    with smtplib.LMTP("127.0.0.1", composed.ports["2424"]) as client:
        assert client.sendmail("", [mail["sender"]], feedback_mails.bounce(delivery, to=mail["sender"])) == {}
    bounces = json.loads(composed.command("distributor bounce list --json"))
    assert [one["kind"] for one in bounces] == ["bounce"]


def _state(composed: Composed) -> str:
    state: str = json.loads(composed.command("distributor campaign show 1 --json"))["state"]
    return state
