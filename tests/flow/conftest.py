"""An app with an article, a list of people and scripted channels, and the steps to send it all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from distributor.channels import registry
from distributor.flow.app_context import AppContext
from tests.flow.campaign_harness import CampaignHarness, make_campaign_harness

ENTRY_POINTS = """[distributor.channels]
scripted = tests.flow.scripted_channel:ScriptedChannel
scripted_broadcast = tests.flow.scripted_channel:ScriptedBroadcast
scripted_exact = tests.flow.scripted_channel:ScriptedExact
scripted_posts = tests.flow.scripted_channel:ScriptedPosts
"""


@pytest.fixture(autouse=True)
def scripted_kinds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The scripted kinds, brought by a package of their own."""
    package = tmp_path / "packages" / "scripted-1.0.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: scripted\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(str(package.parent))
    registry.kinds.cache_clear()
    yield
    registry.kinds.cache_clear()


@pytest.fixture
def harness(app: AppContext, tmp_path: Path) -> CampaignHarness:
    """A harness with one article, `hello`, and a list `readers` of three people."""
    return make_campaign_harness(app, tmp_path)
