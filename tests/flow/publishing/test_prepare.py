"""Preparing a dispatch shortly before its time."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import text

from distributor.domain.errors import NotFoundError
from distributor.flow.publishing.prepare import prepare
from distributor.storage import dispatches
from tests.flow.campaign_harness import CampaignHarness


def test_a_dispatch_of_a_kind_that_is_not_installed_stays_as_it_is_and_works_once_it_is_installed(
    harness: CampaignHarness,
) -> None:
    harness.channel("mail", "scripted")
    campaign_id = harness.plan("mail")
    (before,) = [one.dispatch for one in harness.report(campaign_id).dispatches]
    kind_of_channel(harness, "gone")
    with pytest.raises(NotFoundError, match="there is no kind of channel 'gone'"):
        prepare(harness.app, before.id)
    with harness.app.database.begin() as connection:
        assert dispatches.find(connection, before.id) == replace(before, kind="gone")

    kind_of_channel(harness, "scripted")
    assert prepare(harness.app, before.id)
    harness.run()
    assert harness.counts(campaign_id) == {"audience": 3, "sent": 3}


def kind_of_channel(harness: CampaignHarness, kind: str) -> None:
    with harness.app.database.begin() as connection:
        connection.execute(text("UPDATE channels SET kind = :kind WHERE name = 'mail'"), {"kind": kind})
