"""A campaign sent to three subscribers, whose bounces come back."""

from __future__ import annotations

from pathlib import Path

import pytest

from distributor.flow.app_context import AppContext
from distributor.storage import channels
from tests.flow.campaign_harness import make_campaign_harness
from tests.flow.conftest import scripted_kinds as scripted_kinds  # pytest finds it by its name
from tests.flow.feedback.feedback_harness import FeedbackHarness


@pytest.fixture
def feedback(app: AppContext, tmp_path: Path) -> FeedbackHarness:
    """Sent by a scripted channel; an email channel beside it names the bounce domain."""
    with app.database.begin() as connection:
        settings = {"bounce_domain": "bounces.gazette.example"}
        channels.save(connection, name="letters", kind="email", settings=settings, sealed=None)
    return FeedbackHarness(make_campaign_harness(app, tmp_path))
