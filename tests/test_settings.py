"""Settings: what is derived from them, what contradicts, and which processes read them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from distributor.bootstrap import child_environment, make_site
from distributor.domain.errors import ConfigurationError
from distributor.embedded import Services
from distributor.settings import (
    PROCESS_KINDS,
    Settings,
    address_problems,
    changed_settings,
    load_settings,
    readers,
    unknown_settings,
)
from tests.paths import ROOT

SERVICES = Services(database_url="postgresql://example/db", redis_url="redis://example")


def settings(**values: Any) -> Settings:
    return Settings(_env_file=None, **values)


@pytest.mark.parametrize(
    ("values", "url"),
    [
        ({}, "http://127.0.0.1:8000"),
        ({"port": 8010}, "http://127.0.0.1:8010"),
        ({"port": 8010, "host": "0.0.0.0"}, "http://127.0.0.1:8010"),
        ({"port": 8010, "host": "::"}, "http://127.0.0.1:8010"),
        ({"port": 8010, "host": "::1"}, "http://[::1]:8010"),
        ({"host": "192.0.2.7"}, "http://192.0.2.7:8000"),
        ({"host": "letters.example"}, "http://letters.example:8000"),
        ({"port": 8010, "public_url": "https://letters.example/"}, "https://letters.example"),
    ],
)
def test_links_lead_to_the_public_url_or_else_to_where_the_web_server_listens(values: dict[str, Any], url: str) -> None:
    configured = settings(secret_key="k" * 32, **values)
    assert make_site(configured).public_url == url
    assert child_environment(configured, SERVICES)["DISTRIBUTOR_PUBLIC_URL"] == url


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000", "http://localhost:8000/", "http://[::1]", "https://127.0.0.1"]
)
def test_a_public_url_of_this_machine_with_another_port_is_a_contradiction(url: str) -> None:
    (problem,) = address_problems(settings(port=8010, public_url=url))
    assert url.rstrip("/") in problem
    assert "http://127.0.0.1:8010" in problem


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:8010", "http://localhost:8010", "https://letters.example"])
def test_a_public_url_behind_a_proxy_or_with_the_same_port_is_none(url: str) -> None:
    assert address_problems(settings(port=8010, public_url=url)) == []


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("PUBLIC_URL", "letters.example", "must start with http:// or https://"),
        ("PUBLIC_URL", "https://", "names no host"),
        ("PUBLIC_URL", "http://letters.example:high", "its port must be a number from 1 to 65535"),
        ("PUBLIC_URL", "http://letters.example:70000", "its port must be a number from 1 to 65535"),
        ("INBOUND_LISTEN", "2424", "'2424' is not HOST:PORT, such as 127.0.0.1:2424"),
        ("SECRET_KEY", "short", "needs at least 32 characters"),
        ("SENDER", "news.example.org", "'news.example.org' is not an email address: there is no @ in it"),
        ("LANGUAGE", "de_DE!!", "'de_DE!!' is not a language tag such as 'de' or 'pt-BR'"),
        (
            "TRUSTED_PROXIES",
            "10.0.0.1, proxy.example",
            "'proxy.example' does not appear to be an IPv4 or IPv6 network; write networks as in 10.0.0.0/8, "
            "separated by commas",
        ),
        (
            "FETCH_NETWORKS",
            "intranet",
            "'intranet' does not appear to be an IPv4 or IPv6 network; write networks as in 10.0.0.0/8, "
            "separated by commas",
        ),
        ("TEMPLATES_DIR", "/no/such/folder", "/no/such/folder is no folder"),
        ("LOG_LEVEL", "loud", "'loud' is not one of DEBUG, INFO, WARNING, ERROR"),
        ("REDIS_URL", "localhost:6379", "must start with redis://, rediss:// or unix://"),
    ],
)
def test_an_invalid_setting_is_named_with_what_is_wrong(
    name: str, value: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"DISTRIBUTOR_{name}", value)
    with pytest.raises(ConfigurationError) as raised:
        load_settings.__wrapped__()
    assert str(raised.value) == f"setting DISTRIBUTOR_{name}: {message}"


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("LANGUAGE", "pt_BR", "pt-BR"),
        ("LOG_LEVEL", "debug", "DEBUG"),
        ("SENDER", "The Gazette <news@example.org>", "The Gazette <news@example.org>"),
        ("TRUSTED_PROXIES", "10.0.0.1, 192.0.2.0/24", "10.0.0.1, 192.0.2.0/24"),
    ],
)
def test_a_setting_may_be_written_as_people_write_it(
    name: str, value: str, kept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"DISTRIBUTOR_{name}", value)
    assert getattr(load_settings.__wrapped__(), name.lower()) == kept


def test_a_process_with_settings_from_its_parent_reads_no_env_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("DISTRIBUTOR_POSTAL_ADDRESS=2 Other Street\n")
    assert load_settings.__wrapped__().postal_address == "2 Other Street"
    for name, value in child_environment(settings(secret_key="k" * 32), SERVICES).items():
        monkeypatch.setenv(name, value)
    assert load_settings.__wrapped__().postal_address == ""


def test_what_has_changed_since_the_start_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    load_settings.cache_clear()
    assert changed_settings() == []
    (tmp_path / ".env").write_text("DISTRIBUTOR_SITE_NAME=New\nDISTRIBUTOR_PORT=8010\n")
    assert changed_settings() == ["DISTRIBUTOR_PORT", "DISTRIBUTOR_SITE_NAME"]
    (tmp_path / ".env").write_text("DISTRIBUTOR_PUBLIC_URL=gazette.example\n")
    assert changed_settings() == ["setting DISTRIBUTOR_PUBLIC_URL: must start with http:// or https://"]
    load_settings.cache_clear()


def test_a_variable_that_is_no_setting_is_named_with_the_one_that_was_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = unknown_settings()
    monkeypatch.setenv("DISTRIBUTOR_SMPT_URL", "smtp://relay.example")
    monkeypatch.setenv("distributor_port", "8010")
    (tmp_path / ".env").write_text(
        "export DISTRIBUTOR_POSTAL_ADRESS=1\n# DISTRIBUTOR_COMMENT=1\nDISTRIBUTOR_XYZ=1\nPOSTGRES_PASSWORD=1\n"
    )
    assert [one for one in unknown_settings() if one not in before] == [
        "DISTRIBUTOR_SMPT_URL is no setting; did you mean DISTRIBUTOR_SMTP_URL?",
        "DISTRIBUTOR_POSTAL_ADRESS is no setting; did you mean DISTRIBUTOR_POSTAL_ADDRESS?",
        "DISTRIBUTOR_XYZ is no setting, so it does nothing",
    ]


def test_a_setting_is_read_by_known_kinds_of_processes() -> None:
    for name in Settings.model_fields:
        assert set(readers(name)) <= {*PROCESS_KINDS, "up"}


def test_the_guide_says_of_each_setting_that_only_some_processes_read_which_they_are() -> None:
    guide = (ROOT / "docs" / "guides" / "operations.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`[^|]+) \| ([a-z, ]+)[^|]*\|$", guide, re.MULTILINE)
    said = {name: cells[1] for cells in rows for name in re.findall(r"`([A-Z_]+)`", cells[0])}
    limited = {name.upper(): readers(name) for name in Settings.model_fields if readers(name) != PROCESS_KINDS}
    assert {name: said.get(name, "").split(",")[0].strip() for name in limited} == {
        name: kinds[0] for name, kinds in limited.items()
    }
