"""The patterns of the tables: valid, and compiled only when a mail is classified."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from distributor.mail.bounces.formats import FORMATS
from distributor.mail.bounces.patterns import LazyPattern
from distributor.mail.bounces.phrases import PHRASES
from distributor.mail.bounces.phrases.by_provider import PROVIDERS

COUNT_COMPILED = """
import distributor.mail.bounces
from distributor.mail.bounces.formats import FORMATS
from distributor.mail.bounces.phrases import PHRASES
print(sum("compiled" in vars(one.pattern) for one in PHRASES) + sum("compiled" in vars(one.author) for one in FORMATS))
"""


def test_every_pattern_of_the_tables_is_a_valid_regular_expression() -> None:
    patterns = [one.pattern for one in PHRASES]
    patterns += [pattern for provider in PROVIDERS for _, pattern in provider.rules]
    patterns += [provider.hosts for provider in PROVIDERS]
    for one in FORMATS:
        patterns += [one.author, one.marker, *one.recipients, *(hint.pattern for hint in one.hints)]
    assert all(isinstance(pattern.compiled, re.Pattern) for pattern in patterns)


def test_an_import_compiles_no_pattern_of_the_tables() -> None:
    ended = subprocess.run([sys.executable, "-c", COUNT_COMPILED], capture_output=True, text=True, check=True)
    assert ended.stdout == "0\n"


def test_a_lazy_pattern_finds_what_a_compiled_one_finds() -> None:
    pattern = LazyPattern("mail(box)?", re.IGNORECASE)
    text = "Mailbox of MAIL"
    assert [found[0] for found in pattern.finditer(text, 1)] == ["MAIL"]
    assert pattern.search(text) is not None
    assert pattern.match(text) is not None
    assert pattern.fullmatch(text) is None


def test_an_invalid_pattern_raises_when_it_is_first_used() -> None:
    with pytest.raises(re.error):
        LazyPattern("(").search("a")
