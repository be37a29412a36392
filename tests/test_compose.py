"""The service in containers: what can be checked without a container engine."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from distributor.cli.app import app
from distributor.settings import Settings
from tests.paths import ROOT

TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
FILE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
# They end when they have done their work.
ONCE = {"migrate", "sandbox-channels"}
SECRETS = re.compile(r"PASSWORD|SECRET|URL")


def test_every_part_of_the_service_is_there() -> None:
    workers = {"worker-email", "worker-social", "worker-urgent", "worker-background"}
    others = {"web", "beat", "inbound", "migrate", "postgres", "redis", "sandbox", "sandbox-channels"}
    assert set(SERVICES) == workers | others


def test_the_workers_serve_every_queue() -> None:
    queues = set()
    for service in SERVICES.values():
        command = service.get("command", [])
        queues |= {command[place + 1] for place, word in enumerate(command) if word == "--queue"}
    assert queues == {"email", "social", "feed", "urgent", "background"}


@pytest.mark.parametrize("name", sorted(set(SERVICES) - ONCE))
def test_whatever_stays_says_whether_it_is_well_and_comes_back_after_a_crash(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"migrate", "postgres", "redis", "sandbox"}))
def test_nothing_starts_before_the_database_has_its_schema(name: str) -> None:
    assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert SERVICES["migrate"]["depends_on"]["postgres"] == {"condition": "service_healthy"}


@pytest.mark.parametrize("name", sorted(ONCE))
def test_what_runs_once_is_not_started_again(name: str) -> None:
    assert SERVICES[name]["restart"] == "no"


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"postgres", "redis", "sandbox"}))
def test_every_command_of_the_file_exists(name: str) -> None:
    assert "entrypoint" not in SERVICES[name]
    command = SERVICES[name]["command"]
    result = CliRunner().invoke(app, [*command, "--help"])
    assert result.exit_code == 0, result.output
    for option in (word for word in command if word.startswith("--")):
        assert option in result.output


def test_every_volume_is_declared_and_used() -> None:
    mounted = {mount.partition(":")[0] for service in SERVICES.values() for mount in service.get("volumes", [])}
    assert {name for name in mounted if not name.startswith(".")} == set(FILE["volumes"])
    assert all((ROOT / name).is_dir() for name in mounted if name.startswith("."))


def test_what_is_mounted_into_the_data_directory_is_made_in_the_image_for_its_user() -> None:
    data = "/var/lib/distributor"
    mounts = [mount.split(":") for service in SERVICES.values() for mount in service.get("volumes", [])]
    inner = {
        path.removeprefix(f"{data}/") for name, path, *_ in mounts if path.startswith(f"{data}/") and name[0] != "."
    }
    made = re.search(r"^RUN mkdir --mode=700 (.+)$", DOCKERFILE, re.MULTILINE)
    assert made
    assert set(made[1].split()) == inner


@pytest.mark.parametrize("name", ["web", "worker-email", "worker-social", "worker-urgent", "inbound", "migrate"])
def test_what_reads_the_content_folder_and_what_writes_backups_have_them(name: str) -> None:
    targets = {mount.split(":")[1] for mount in SERVICES[name]["volumes"]}
    assert {"/var/lib/distributor/content", "/var/lib/distributor/backups"} <= targets


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_may_be_scaled(name: str) -> None:
    assert "container_name" not in SERVICES[name]


@pytest.mark.parametrize("name", ["postgres", "redis"])
def test_what_holds_data_has_a_volume_and_a_password(name: str) -> None:
    assert SERVICES[name]["volumes"]
    assert [value for key, value in SERVICES[name]["environment"].items() if key.endswith("_PASSWORD")]


def test_redis_keeps_what_it_was_given_and_evicts_nothing() -> None:
    command = " ".join(SERVICES["redis"]["command"])
    assert "--appendonly yes --appendfsync everysec" in command
    assert "--maxmemory-policy noeviction" in command


def test_no_secret_is_written_down() -> None:
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if SECRETS.search(name):
                # Without the parts that are taken from outside, nothing secret may be left.
                left = re.sub(r"\$\{[A-Z_]+:\?[^}]+\}", "", value)
                assert not re.search(r":[^/@]+@", left), name
                assert left == "" or "@" in left, name


def test_every_variable_that_is_taken_from_outside_is_in_the_example_and_missed_with_a_sentence() -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    for name, rest in re.findall(r"(?<!\$)\$\{([A-Z_]+)([^}]*)\}", TEXT):
        assert f"# {name}=" in example
        assert rest.startswith((":?set ", ":-")), name


def test_every_setting_that_is_given_exists() -> None:
    given = set(re.findall(r"\bDISTRIBUTOR_([A-Z_]+)", TEXT + DOCKERFILE))
    assert given <= {name.upper() for name in Settings.model_fields}


def test_the_image_installs_only_what_is_locked_and_does_not_run_as_root() -> None:
    assert "--require-hashes -r requirements/runtime.txt" in DOCKERFILE
    assert re.search(r"^USER (?!root)\w+$", DOCKERFILE, re.MULTILINE)
