"""The site as the team changes it in the app, and as every process sees it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from distributor.domain.brand import FooterLink
from distributor.domain.errors import StateError
from distributor.domain.site_settings import SiteSetting
from distributor.domain.user import Actor
from distributor.flow.app_context import AppContext
from distributor.flow.current_site import CurrentSite
from distributor.flow.operations.channel_settings import configure
from distributor.flow.operations.site import (
    MADE_UP_ADDRESS,
    SettingError,
    SiteChanges,
    change_site,
    proposed_site,
    read_site,
)
from distributor.storage import audit_log, channels, site_settings
from distributor.storage.database import Database
from tests.domain.test_image_file import png

ACTOR = Actor(name="user:ada@example.org")


def change(app: AppContext, *, logo: bytes = b"", has_no_logo: bool = False, **values: str) -> None:
    typed = {SiteSetting[name.upper()]: value for name, value in values.items()}
    changes = SiteChanges(values=typed, logo=logo, has_no_logo=has_no_logo)
    change_site(app, changes, seen=read_site(app).version, actor=ACTOR)


def another_process(app: AppContext) -> AppContext:
    """A context on the same database that knows nothing yet."""
    return replace(app)


def test_what_the_team_sets_holds_in_every_process(app: AppContext) -> None:
    worker = another_process(app)
    assert worker.site.name == "The Test Gazette"
    change(app, name="  The   Tideline Letter ", accent="8A1F4B", fonts="Lora", footer_links="Imprint=/imprint")
    assert app.site.name == "The Tideline Letter"
    found = worker.current_site.look_again()
    assert (found.name, found.brand.accent, found.brand.footer_links) == (
        "The Tideline Letter",
        "#8a1f4b",
        (FooterLink("Imprint", "/imprint"),),
    )
    assert found.public_url == app.configured_site.public_url
    assert worker.site is worker.site


def test_an_emptied_setting_has_the_value_of_the_start_again(app: AppContext) -> None:
    change(app, name="Another")
    change(app, name="")
    assert app.site == app.configured_site


def test_the_sender_and_the_time_zone_can_be_set(app: AppContext) -> None:
    change(app, sender="The Letter <letter@example.org>", time_zone="Europe/Berlin")
    assert (app.site.sender, str(app.site.zone)) == ("The Letter <letter@example.org>", "Europe/Berlin")
    with pytest.raises(SettingError) as caught:
        change(app, sender="nobody", time_zone="Europe/Nowhere")
    assert caught.value.faults.keys() == {SiteSetting.SENDER, SiteSetting.TIME_ZONE}


def test_a_postal_address_of_several_lines_becomes_one(app: AppContext) -> None:
    change(app, postal_address="The Letter,\r\n  1 Quay \n\n12345 Harbour\n")
    assert app.site.postal_address == "The Letter, 1 Quay, 12345 Harbour"


def test_what_the_environment_sets_holds(app: AppContext) -> None:
    change(app, name="From the app", accent="#112233")
    fixed = replace(app, fixed_site_settings=frozenset({SiteSetting.NAME}))
    assert fixed.site.name == "The Test Gazette"
    assert fixed.site.brand.accent == "#112233"
    change(fixed, name="Ignored")
    with app.database.begin() as connection:
        assert site_settings.stored(connection)[SiteSetting.NAME].value == "From the app"
    assert proposed_site(fixed, SiteChanges(values={SiteSetting.NAME: "Ignored"})).name == "The Test Gazette"


def test_every_fault_is_told_at_its_setting_and_nothing_is_saved(app: AppContext) -> None:
    with pytest.raises(SettingError) as caught:
        change(app, name="Fine", accent="reddish", footer_links="Imprint", logo=b"<svg><script/></svg>")
    assert caught.value.faults.keys() == {SiteSetting.ACCENT, SiteSetting.FOOTER_LINKS, SiteSetting.LOGO}
    assert app.site == app.configured_site


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><script>alert(1)</script></svg>", "SVG"),
        (b"<!doctype html><script>alert(1)</script>", "not a PNG, JPEG or GIF"),
        (b"\x89PNG\r\n\x1a\n<script>", "not a PNG, JPEG or GIF"),
        (png(9000, 10), "4000 pixels"),
        (png(240, 48) + b"\0" * 500_000, "500 KB"),
    ],
)
def test_a_logo_is_judged_by_its_content(app: AppContext, body: bytes, reason: str) -> None:
    with pytest.raises(SettingError, match=reason):
        change(app, logo=body)


def test_a_logo_replaces_the_name_and_a_former_one_is_still_there(app: AppContext) -> None:
    change(app, logo=png(480, 96))
    first = app.site.brand.logo
    assert first is not None
    assert (first.width, first.height, first.body) == (240, 48, png(480, 96))
    change(app, logo=png(100, 100))
    with app.database.begin() as connection:
        assert site_settings.find_logo(connection, first.url.removeprefix("/assets/logo-")) == first
    change(app, has_no_logo=True)
    assert app.site.brand.logo is None


def test_the_second_of_two_who_change_the_site_is_told(app: AppContext) -> None:
    seen = read_site(app).version
    change_site(app, SiteChanges(values={SiteSetting.NAME: "First"}), seen=seen, actor=ACTOR)
    with pytest.raises(StateError, match=r"changed by ada@example\.org"):
        change_site(app, SiteChanges(values={SiteSetting.NAME: "Second"}), seen=seen, actor=ACTOR)
    assert app.site.name == "First"


def test_a_channel_with_the_made_up_address_has_that_of_the_site_from_then_on(app: AppContext) -> None:
    bare = replace(app, configured_site=replace(app.site, postal_address=""))
    configure(bare, "mail", "email", {"smtp_url": "smtp://127.0.0.1:2525", "postal_address": MADE_UP_ADDRESS})
    configure(bare, "other", "email", {"smtp_url": "smtp://127.0.0.1:2525", "postal_address": "2 Own Street"})
    change(bare, name="The Letter")
    assert stored_address(bare, "mail") == MADE_UP_ADDRESS
    change(bare, postal_address="1 Quay")
    assert stored_address(bare, "mail") is None
    assert stored_address(bare, "other") == "2 Own Street"


def stored_address(app: AppContext, name: str) -> object:
    with app.database.begin() as connection:
        return channels.find(connection, name).settings.get("postal_address")


def test_the_audit_log_says_what_was_changed(app: AppContext) -> None:
    change(app, name="The Letter", accent="#112233")
    change(app, name="The Letter")
    with app.database.begin() as connection:
        (entry,) = audit_log.latest(connection, limit=10)
    assert (entry.actor, entry.action, entry.detail) == (ACTOR.name, "site changed", "accent_colour, site_name")


def test_a_form_that_is_saved_as_it_is_sets_nothing(app: AppContext) -> None:
    change_site(app, SiteChanges(values=read_site(app).values), seen=read_site(app).version, actor=ACTOR)
    with app.database.begin() as connection:
        assert site_settings.stored(connection) == {}


def test_values_are_shown_as_they_are_typed(app: AppContext) -> None:
    change(app, fonts="Source Serif 4, Lora, serif", footer_links="Imprint=/imprint, Privacy=https://example.org/p")
    values = read_site(app).values
    assert values[SiteSetting.FONTS] == "Source Serif 4, Lora, serif"
    assert values[SiteSetting.FOOTER_LINKS] == "Imprint=/imprint, Privacy=https://example.org/p"


def test_without_a_database_the_site_stays_as_it_was_known_last(app: AppContext) -> None:
    nowhere = Database("postgresql://nobody@127.0.0.1:1/nothing", pool_size=0)
    assert replace(app, database=nowhere).site == app.configured_site
    change(app, name="The Letter")
    watching = CurrentSite(app.database, app.configured_site, frozenset())
    assert watching.look_again().name == "The Letter"
    watching._database = nowhere
    assert watching.look_again().name == "The Letter"
    assert watching.get().name == "The Letter"
