"""The conformance cases of twitter-text, the judge of what we count and find. They may be beside the checkout."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import yaml

from tests.paths import SHARED

_FOLDER = SHARED / "data" / "twitter-text"


def conformance_cases(file: str, *groups: str) -> list[Any]:
    """The cases of some groups, each a test with its description as the name; one that skips if there is no data."""
    if not _FOLDER.exists():
        return [pytest.param(None, marks=pytest.mark.skip(reason=f"no twitter-text conformance data: {_FOLDER}"))]
    return [
        pytest.param(case, id=f"{group}: {case['description']}") for group in groups for case in cases_of(file, group)
    ]


def cases_of(file: str, group: str) -> list[dict[str, Any]]:
    """The cases of a group, for one test of them all; skips it if there is no data."""
    if not _FOLDER.exists():
        pytest.skip(f"no twitter-text conformance data: {_FOLDER}")
    return _groups_in(file)[group] or []


@cache
def _groups_in(file: str) -> dict[str, list[dict[str, Any]] | None]:
    groups: dict[str, list[dict[str, Any]] | None] = yaml.safe_load((_FOLDER / file).read_text("utf-8"))["tests"]
    return groups
