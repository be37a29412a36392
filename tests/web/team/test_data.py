"""The page about the data: how much room it takes and how long it is kept, and old campaigns say what was removed."""

from __future__ import annotations

import pytest

from distributor.domain.user import Role

from .conftest import Browser, Team


@pytest.fixture
def owner(team: Team) -> Browser:
    return team.signed_in(team.user(Role.OWNER))


def test_the_page_shows_each_kind_of_data_and_how_long_it_is_kept(owner: Browser) -> None:
    page = owner.page("/app/settings/data")
    rows = [row.text_content() for row in page.xpath("//table//tbody//th")]
    assert {"Deliveries", "Past deliveries", "Images", "Journals of workers"} <= set(rows)
    assert "For good" in page.xpath("string(//dl)")
    assert owner.page("/app/settings").xpath("//a[contains(@href, '/app/settings/data')]")


def test_who_may_not_change_the_site_does_not_see_it(team: Team) -> None:
    assert team.signed_in(team.user(Role.EDITOR)).get("/app/settings/data").status_code == 403
