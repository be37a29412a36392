"""The service in containers: what can be checked without a container engine."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from distributor.settings import Settings
from tests.paths import ROOT

TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
SECRETS = re.compile(r"PASSWORD|SECRET|URL")


def test_every_part_of_the_service_is_there() -> None:
    workers = {"worker-email", "worker-social", "worker-default"}
    assert set(SERVICES) == {"web", "beat", "migrate", "postgres", "redis", "sandbox", *workers}


def test_the_workers_serve_every_queue() -> None:
    queues = set()
    for service in SERVICES.values():
        command = service.get("command", [])
        queues |= {command[place + 1] for place, word in enumerate(command) if word == "--queue"}
    assert queues == {"email", "social", "feed", "default"}


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"migrate"}))
def test_whatever_stays_says_whether_it_is_well_and_comes_back_after_a_crash(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"migrate", "postgres", "redis", "sandbox"}))
def test_nothing_starts_before_the_database_has_its_schema(name: str) -> None:
    assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert SERVICES["migrate"]["depends_on"]["postgres"] == {"condition": "service_healthy"}


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
