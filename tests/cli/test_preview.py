"""Subject, greeting and closing on the command line: given, previewed, and refused when they cannot be rendered."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Run


def test_a_file_is_rendered_with_words_around_it_for_a_subscriber(run: Run, article: Path, tmp_path: Path) -> None:
    (tmp_path / "hello.md").write_text("Hello **{{ subscriber.name }}** in {{ subscriber.city | default('town') }},\n")
    out = tmp_path / "out"
    words = ("--greeting", "@hello.md", "--subject", "{{ subscriber.name }}: {{ article.title }}")
    result = run("render", str(article), "--channel", "email", "--out", str(out), *words, "--field", "name=Ada")
    assert result.code == 0
    assert (out / "email.txt").read_text().startswith("Hello *Ada* in town,\n")
    assert "Subject: Ada: A first article" in (out / "email.eml").read_text()
    assert "email: the HTML has " in result.message
    run("render", str(article), "--channel", "email", "--out", str(out), *words)
    assert (out / "email.txt").read_text().startswith("Hello *Alex Reader* in [city],\n")


def test_words_that_cannot_be_rendered_are_refused_in_a_sentence(run: Run, article: Path) -> None:
    for words, reason in (
        (("--greeting", "{{ subscriber.name"), "greeting, line 1: "),
        (("--greeting", "@nowhere.md"), "nowhere.md cannot be read: No such file"),
        (("--greeting", "{{ subscriber.city }}", "--field", "name=Ada"), "subscriber.city has no value"),
        (("--field", "name"), "write NAME=VALUE"),
    ):
        result = run("render", str(article), "--channel", "email", *words)
        assert result.code == 2
        assert reason in result.message


def test_a_campaign_is_looked_at_as_a_subscriber_and_says_how_large_its_mails_are(
    run: Run, article: Path, tmp_path: Path
) -> None:
    run("article", "add", str(article))
    run("list", "create", "Weekly")
    run("subscriber", "add", "ada@example.org", "--list", "weekly", "--name", "Ada")
    run("channel", "set", "mail", "--kind", "email", "--set", "smtp_url=smtp://127.0.0.1:1")
    campaign = ("campaign", "create", "--article", "a-first-article", "--channel", "mail", "--list", "weekly")
    refused = run(*campaign, "--greeting", "{% if x %}")
    assert (refused.code, "greeting, line 1: " in refused.message) == (2, True)
    assert run(*campaign, "--greeting", "Dear {{ subscriber.name }},", "--at", "+1h").code == 0

    result = run("campaign", "preview", "1", "--as", "ada@example.org", "--out", str(tmp_path / "out"))
    assert result.code == 0
    assert (tmp_path / "out" / "mail" / "email.txt").read_text().startswith("Dear Ada,\n")
    assert "mail: the HTML has " in result.message
    assert json.loads(run("campaign", "show", "1", "--json").out)["sizes"]["mail"]["mail"] > 5000
