"""`channel`: kinds and their settings, secrets by every way, changing one setting, and removing a channel."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from distributor.channels.registry import describe_settings, kinds
from tests.cli.conftest import Run
from tests.cli.test_bad_input import assert_refused

MASTODON = ("channel", "set", "toots", "--kind", "mastodon", "--set", "instance_url=https://social.example")
MAIL = ("channel", "set", "mail", "--kind", "email", "--set", "smtp_url=smtp://relay.example:25")
# They tell where a type or a value of Python, or a sentence of pydantic, has leaked.
PYTHON = ("Input should", "Value error", "<class", "SecretStr", "None", "True", "False")


def shown(run: Run, name: str) -> Any:
    return json.loads(run("channel", "show", name, "--json").out)


def test_kinds_name_the_settings_that_are_required(run: Run) -> None:
    lines = {line.split()[0]: line for line in run("channel", "kinds").out.splitlines()}
    assert "instance_url, access_token" in lines["mastodon"]
    assert "smtp_url or relays" in lines["email"]


@pytest.mark.parametrize("kind", kinds())
def test_a_kind_explains_every_setting_in_words(run: Run, kind: str) -> None:
    result = run("channel", "kind", kind, COLUMNS="80")
    assert result.code == 0
    assert [one.name for one in describe_settings(kind) if one.name not in result.out] == []
    assert [word for word in PYTHON if word in result.out] == []
    assert [one.name for one in describe_settings(kind) if not one.description and "scripted" not in kind] == []


def test_programs_read_what_a_setting_is(run: Run) -> None:
    found = {one["kind"]: one for one in json.loads(run("channel", "kinds", "--json").out)}
    assert found["mastodon"] == json.loads(run("channel", "kind", "mastodon", "--json").out)
    settings = {one["name"]: one for one in found["mastodon"]["settings"]}
    assert settings["visibility"]["form"] == "one of public, unlisted, private"
    assert (settings["visibility"]["default"], settings["visibility"]["is_required"]) == ("public", False)
    assert (settings["access_token"]["is_secret"], settings["access_token"]["is_required"]) == (True, True)
    assert run("channel", "kind", "pigeon").code == 3


@pytest.mark.parametrize(
    ("kind", "given", "sentence"),
    [
        ("email", "connections=many", "connections: must be a whole number"),
        ("email", "per_second=fast", "per_second: must be a number"),
        ("email", "inline_images=perhaps", "inline_images: must be true or false"),
        ("email", "connections=65", "connections: must be at most 64"),
        ("email", "retry_days=0", "retry_days: must be more than 0"),
        ("email", "sender=no one", "sender"),
        ("mastodon", "visibility=secret", "visibility: must be 'public', 'unlisted' or 'private'"),
        ("mastodon", "language=Deutsch", "language: does not have the required form"),
        ("mastodon", "instance_url=social.example", "instance_url: must start with http:// or https://"),
        ("feed", "icon=x", "icon: must start with http:// or https://"),
    ],
)
def test_a_value_that_is_wrong_is_refused_in_plain_words(run: Run, kind: str, given: str, sentence: str) -> None:
    required = {"email": ["smtp_url=smtp://a.example"], "mastodon": ["access_token=@T"], "feed": []}[kind]
    if kind == "mastodon" and "instance_url" not in given:
        required.append("instance_url=https://a.example")
    result = run("channel", "set", "one", "--kind", kind, *(f"--set={one}" for one in [*required, given]), T="t")
    assert_refused(result, 2, sentence)
    assert [word for word in PYTHON if word in result.err] == []


def test_a_secret_comes_from_a_variable_a_file_or_standard_input(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "token"
    file.write_text("of the file\n")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"of stdin\r\n")))
    results = [
        run(*MASTODON, "--set", "access_token=@TOKEN", TOKEN="of the variable"),
        run(*MASTODON, "--set-env", "access_token=TOKEN", TOKEN="of the variable"),
        run(*MASTODON, "--set-file", f"access_token={file}"),
        run(*MASTODON, "--set-stdin", "access_token"),
    ]
    assert [result.code for result in results] == [0, 0, 0, 0]
    assert not any(" of " in result.out + result.err.replace("of kind", "") for result in results)
    assert shown(run, "toots")["secrets_set"] == ["access_token"]


def test_a_secret_written_on_the_command_line_is_stored_and_warned_about(run: Run) -> None:
    result = run(*MASTODON, "--set", "access_token=abc")
    assert result.code == 0
    assert "access_token was written on the command line" in result.message
    assert "abc" not in result.out + result.err
    assert "command line" not in run(*MAIL).message
    assert "command line" in run("channel", "change", "mail", "--set", "smtp_url=smtp://u:pw@relay.example").message


def test_a_name_may_begin_with_an_at_sign(run: Run) -> None:
    """Seen: it was read as the name of a variable that does not exist."""
    result = run(*MASTODON, "--set", "access_token=@TOKEN", "--set", "handle=@name", TOKEN="t")
    assert result.code == 0
    assert shown(run, "toots")["settings"]["handle"] == "name"
    hint = run("channel", "change", "toots", "--set", "handle=@name", name="of the environment").message
    assert "--set-env handle=name" in hint
    assert shown(run, "toots")["settings"]["handle"] == "name"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--set", "very-secret"), "write KEY=VALUE"),
        (("--set", "=very-secret"), "write KEY=VALUE"),
        (("--set", "access_token=@MISSING"), "no variable 'MISSING'"),
        (("--set-env", "access_token=MISSING"), "no variable 'MISSING'"),
        (("--set-env", "handle"), "write KEY=VARIABLE"),
        (("--set-file", "access_token=/nowhere/token"), "/nowhere/token cannot be read: No such file"),
        (("--set-file", "access_token=empty"), "is empty"),
        (("--set-file", "access_token=binary"), "is not text in UTF-8"),
        (("--set", "handle=a", "--set", "handle=b"), "'handle' is given twice"),
        (("--set", "access_token=@T", "--set-env", "access_token=T"), "'access_token' is given twice"),
    ],
)
def test_a_value_that_cannot_be_read_is_refused_without_being_shown(
    run: Run, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    result = run(*MASTODON, *arguments, T="t")
    assert_refused(result, 2, words)
    assert "very-secret" not in result.err


def test_one_setting_is_changed_and_the_others_stay(run: Run) -> None:
    run(*MASTODON, "--set", "access_token=@TOKEN", "--set", "hashtags=2", TOKEN="t")
    result = run("channel", "change", "toots", "--set", "visibility=unlisted")
    assert (result.code, "channel test toots" in result.message) == (0, True)
    found = shown(run, "toots")
    assert found["settings"] == {"instance_url": "https://social.example", "hashtags": 2, "visibility": "unlisted"}
    assert found["secrets_set"] == ["access_token"]
    assert run("channel", "change", "toots", "--unset", "hashtags").code == 0
    assert "hashtags" not in shown(run, "toots")["settings"]
    assert_refused(run("channel", "change", "toots"), 2, "nothing to change")
    assert_refused(run("channel", "change", "toots", "--unset", "access_token"), 2, "access_token")


def test_the_kind_of_a_channel_is_not_changed(run: Run) -> None:
    """Seen: it was, and the DKIM keys were gone."""
    run(*MAIL)
    assert run("channel", "dkim", "create", "mail", "--selector", "s1", "--domain", "example.org").code == 0
    assert_refused(run("channel", "set", "mail", "--kind", "feed"), 4, "of kind email", "channel remove mail")
    assert [one["selector"] for one in json.loads(run("channel", "dkim", "list", "mail", "--json").out)] == ["s1"]


def test_a_channel_is_removed_after_a_question_that_names_what_is_lost(run: Run) -> None:
    run(*MAIL)
    run("channel", "dkim", "create", "mail", "--selector", "s1", "--domain", "example.org")
    asked = run("channel", "remove", "mail")
    assert_refused(asked, 2, "dkim_keys, smtp_url with the DKIM keys s1", "add --yes")
    assert run("channel", "show", "mail").code == 0
    assert run("channel", "remove", "mail", "--yes").code == 0
    assert_refused(run("channel", "show", "mail"), 3, "no channel 'mail'")
    assert run("channel", "set", "mail", "--kind", "feed").code == 0


def test_a_channel_that_a_campaign_needs_is_not_removed(run: Run, article: Path) -> None:
    run("article", "add", str(article))
    run("channel", "set", "feeds", "--kind", "feed")
    run("campaign", "create", "--article", "a-first-article", "--channel", "feeds", "--no-links")
    assert_refused(run("channel", "remove", "feeds", "--yes"), 4, "needed by campaign 1 'A first article' (draft)")


def test_settings_are_shown_as_they_are_given(run: Run) -> None:
    run(*MAIL, "--set", "inline_images=true", "--set", "per_second=5")
    for shown_text in (run("channel", "list").out, run("channel", "show", "mail").out):
        assert "inline_images=true" in shown_text
        assert "{" not in shown_text
