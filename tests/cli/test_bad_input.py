"""Bad input is a normal case: one sentence with what and where, a failing exit code, and no partial change."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import psycopg
import pytest

from tests.cli.conftest import ARTICLE, CommandResult, Run


def assert_refused(result: CommandResult, code: int, *words: str) -> None:
    """The command failed with this code and in these words, without a traceback."""
    assert result.code == code, result.err
    assert "Traceback" not in result.err
    for word in words:
        assert word in result.message


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("empty.md", b"", ["empty.md", "empty"]),
        ("blank.txt", b" \n \n", ["blank.txt"]),
        ("huge.txt", b"word " * 1_100_000, ["huge.txt", "5 MB"]),
        ("binary.txt", bytes(range(256)) * 40, ["binary.txt"]),
        ("picture.png", b"\x89PNG\r\n\x1a\n", ["picture.png"]),
        ("draft.md", b"---\ndraft: perhaps\n---\n\nText.\n", ["draft.md:2", "draft"]),
        (
            "zone.md",
            b"---\ntitle: A\npublished_at: 2026-01-01 09:00\ntimezone: Mars/Base\n---\n\nText.\n",
            ["zone.md:", "Mars/Base"],
        ),
        ("date.md", b"---\ntitle: A\ndate: soon\n---\n\nText.\n", ["date.md:3", "soon"]),
    ],
)
def test_an_article_that_cannot_be_read_names_its_place(
    run: Run, tmp_path: Path, name: str, data: bytes, words: list[str]
) -> None:
    (tmp_path / name).write_bytes(data)
    assert_refused(run("article", "add", str(tmp_path / name)), 2, *words)
    assert json.loads(run("article", "list", "--json").out) == []


def test_an_article_that_is_not_there_is_named(run: Run) -> None:
    assert_refused(run("article", "add", "nowhere.md"), 2, "nowhere.md")
    assert_refused(run("render", "nowhere.md"), 2, "nowhere.md")


@pytest.fixture
def ready(run: Run, article: Path) -> Run:
    """Everything a campaign needs."""
    run("article", "add", str(article))
    run("list", "create", "Readers")
    run("list", "create", "Empty")
    run("subscriber", "add", "ada@example.org", "--list", "readers")
    run("channel", "set", "mail", "--kind", "email", "--set", "smtp_url=smtp://127.0.0.1:1")
    return run


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"--article": "nothing"}, 3, ["no article 'nothing'", "distributor article list"]),
        ({"--channel": "nowhere"}, 3, ["no channel 'nowhere'", "distributor channel list"]),
        ({"--list": "nobody"}, 3, ["no list 'nobody'", "distributor list list"]),
        ({"--at": "now"}, 2, ["--now"]),
        ({"--at": "2020-01-01 09:00", "--zone": "Europe/Berlin"}, 2, ["past"]),
        ({"--at": "2099-01-01 09:00", "--zone": "Europe/Berlim"}, 2, ["Europe/Berlim", "Europe/Berlin"]),
        ({"--at": "2099-01-01 09:00"}, 2, ["zone"]),
        ({"--at": "whenever"}, 2, ["whenever"]),
        ({"--at": "+1h", "--channel-at": "nowhere=now"}, 2, ["nowhere=now"]),
        ({"--channel-at": "mail=+1h"}, 2, ["--at, which is missing"]),
    ],
)
def test_a_campaign_that_cannot_work_is_refused_whole(
    ready: Run, changes: dict[str, str], code: int, words: list[str]
) -> None:
    asked = {"--article": "a-first-article", "--channel": "mail", "--list": "readers", **changes}
    result = ready("campaign", "create", *(word for pair in asked.items() for word in pair))
    assert_refused(result, code, *words)
    assert json.loads(ready("campaign", "list", "--json").out) == []


def test_a_campaign_that_is_not_there_is_named(run: Run) -> None:
    for command in ("show", "pause", "resume", "cancel", "retry-failed", "watch", "deliveries", "results"):
        assert_refused(run("campaign", command, "77"), 3, "no campaign 77")


@pytest.mark.parametrize(
    "address", ["nobody", "a@b@c.org", "two words@example.org", "a@example..org", "x\r\nBcc: y@example.org"]
)
def test_an_address_that_is_none_is_refused(run: Run, address: str) -> None:
    run("list", "create", "Readers")
    assert_refused(run("subscriber", "add", address, "--list", "readers"), 2, "is not an email address")


def test_an_unknown_kind_or_setting_of_a_channel_is_named(run: Run) -> None:
    assert_refused(run("channel", "set", "a", "--kind", "pigeon"), 3, "pigeon", "mastodon")
    assert_refused(run("channel", "set", "a", "--kind", "x", "--set", "colour=red"), 2, "colour", "consumer_key")
    assert_refused(run("channel", "set", "a", "--kind", "mastodon", "--set", "access_token=@MISSING"), 2, "MISSING")


def test_a_template_with_an_undefined_name_is_named_with_its_line(run: Run, article: Path, tmp_path: Path) -> None:
    (tmp_path / "own" / "email").mkdir(parents=True)
    (tmp_path / "own" / "email" / "subject.txt.j2").write_text("\n{{ nothing_like_it }}\n")
    result = run("render", str(article), "--channel", "email", DISTRIBUTOR_TEMPLATES_DIR=str(tmp_path / "own"))
    assert_refused(result, 2, "subject.txt.j2", "line 2", "nothing_like_it")
    assert not (tmp_path / "out").exists()


def test_a_port_in_use_is_named_before_anything_starts(run_process: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert_refused(run_process("up", DISTRIBUTOR_PORT=port), 5, port)
        assert_refused(run_process("web", DISTRIBUTOR_PORT=port), 5, port)


def test_a_database_of_a_newer_version_is_refused(run: Run, run_process: Run, environment: dict[str, str]) -> None:
    with psycopg.connect(environment["DISTRIBUTOR_DATABASE_URL"], autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    for command in (["article", "list"], ["migrate"]):
        assert_refused(run(*command), 6, "9999", "newer version")
    for command in (["worker", "--queue", "email"], ["beat"], ["web"]):
        assert_refused(run_process(*command), 6, "9999", "newer version")


def test_servers_that_are_not_there_are_named_without_their_password(run: Run) -> None:
    result = run("article", "list", DISTRIBUTOR_DATABASE_URL="postgresql://me:hunter2@127.0.0.1:1/x")
    assert_refused(result, 7, "PostgreSQL at", "does not answer")
    assert "hunter2" not in result.err


def test_settings_that_are_wrong_name_their_variable(run: Run) -> None:
    assert_refused(run("article", "list", DISTRIBUTOR_PORT="many"), 5, "DISTRIBUTOR_PORT")
    assert_refused(run("article", "list", DISTRIBUTOR_SECRET_KEY="short"), 5, "DISTRIBUTOR_SECRET_KEY")


def test_a_revision_that_cannot_be_read_leaves_the_article_as_it_was(run: Run, article: Path) -> None:
    run("article", "add", str(article))
    article.write_text(ARTICLE.replace("title: A first article", "draft: [a, list]"))
    assert_refused(run("article", "add", str(article)), 2, "draft")
    assert json.loads(run("article", "list", "--json").out)[0]["revision"] == 1
