"""The same articles give the same bytes, so that a conditional request gets 304."""

from __future__ import annotations

import hashlib
import locale
import os
import subprocess
import sys
import time
from datetime import UTC, datetime

import pytest
from feedgen.feed import FeedGenerator

from tests.paths import ROOT

from .samples import ALL_SETTINGS, article_with_every_block, files_of, numbered

OLD = datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC)
TESTS = ROOT / "tests"
PRINT_DIGEST = "from channels.feed.test_feed_bytes import digest; print(digest())"


def digest() -> str:
    files = files_of(article_with_every_block(), *map(numbered, range(3)), settings=ALL_SETTINGS)
    return hashlib.sha256(b"".join(files[name] for name in sorted(files))).hexdigest()


def digest_in_a_process_with(**environment: str) -> str:
    script = f"import locale; locale.setlocale(locale.LC_ALL, ''); {PRINT_DIGEST}"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path]), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_two_builds_are_equal() -> None:
    assert digest() == digest()


def test_the_time_zone_of_the_machine_makes_no_difference() -> None:
    assert digest_in_a_process_with(TZ="America/St_Johns") == digest()


def test_the_order_of_hashes_makes_no_difference() -> None:
    assert digest_in_a_process_with(PYTHONHASHSEED="1") == digest()


@pytest.fixture(scope="module")
def german(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a process that speaks German, whose locale is made here if the system lacks it."""
    folder = tmp_path_factory.mktemp("locales")
    command = ["localedef", "-i", "de_DE", "-f", "UTF-8", str(folder / "de_DE.UTF-8")]
    try:
        made = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no localedef to make a German locale with")
    if made.returncode:
        pytest.skip(f"no German locale could be made: {made.stderr.strip()}")
    return {"LOCPATH": str(folder), "LC_ALL": "de_DE.UTF-8"}


def test_the_language_of_the_machine_makes_no_difference(german: dict[str, str]) -> None:
    assert digest_in_a_process_with(**german) == digest()


def test_a_german_machine_does_write_dates_in_german(german: dict[str, str]) -> None:
    script = "import locale, time; locale.setlocale(locale.LC_ALL, ''); print(time.strftime('%B', time.gmtime(0)))"
    done = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, **german}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "Januar"


def test_the_locale_of_the_process_is_left_as_it_was() -> None:
    before = locale.setlocale(locale.LC_ALL)
    digest()
    assert locale.setlocale(locale.LC_ALL) == before


def test_another_use_of_feedgen_in_between_makes_no_difference() -> None:
    before = digest()
    other = FeedGenerator()
    other.load_extension("dc")
    other.load_extension("media")
    other.load_extension("podcast")
    other.id("https://elsewhere.example/")
    other.title("Elsewhere")
    other.description("Another feed")
    other.generator("another")
    other.link(href="https://elsewhere.example/", rel="alternate")
    entry = other.add_entry()
    entry.id("1")
    entry.title("One")
    entry.content("One", type="CDATA")
    entry.dc.dc_creator("Somebody")
    entry.media.content(url="https://elsewhere.example/x.jpg")
    other.rss_str()
    other.atom_str()
    assert digest() == before


def test_no_document_tells_when_it_was_written() -> None:
    this_year = time.strftime("%Y").encode()
    files = files_of(numbered(0, published_at=OLD, updated_at=OLD))
    for name, body in files.items():
        assert this_year not in body.replace(b"2026:000", b""), name
