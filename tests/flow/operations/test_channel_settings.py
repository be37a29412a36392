"""Channels are configured, changed one setting at a time, and removed without losing what they have sent."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import text

from distributor.domain.campaign import DispatchState
from distributor.domain.delivery import DeliveryState
from distributor.domain.errors import InputError, NotFoundError, StateError
from distributor.flow.app_context import AppContext
from distributor.flow.operations.channel_settings import change, configure, plan_removal, remove
from distributor.flow.operations.signing_keys import key_ring, make_keys
from distributor.flow.publishing.campaign_control import cancel
from distributor.mail.dkim.keys import Algorithm
from distributor.storage import channels, dispatches
from distributor.storage.channels import ChannelRecord
from tests.flow.campaign_harness import CampaignHarness

RELAY = "smtp://relay.example:587"


def stored(app: AppContext, name: str = "mail") -> tuple[ChannelRecord, dict[str, str]]:
    """A channel and its secrets."""
    with app.database.begin() as connection:
        record = channels.find(connection, name)
    return record, app.vault.open(record.sealed) if record.sealed else {}


@pytest.fixture
def mail(app: AppContext) -> AppContext:
    """An app with an email channel that has a DKIM key."""
    configure(app, "mail", "email", {"smtp_url": RELAY, "sender": "News <news@example.org>", "connections": "2"})
    make_keys(app, "mail", selectors=[("s1", Algorithm.RSA)])
    return app


def test_changing_one_setting_keeps_the_others_the_secrets_and_the_keys(mail: AppContext) -> None:
    change(mail, "mail", {"per_second": "5"})
    record, secrets = stored(mail)
    assert record.settings == {"sender": "News <news@example.org>", "connections": 2, "per_second": 5.0}
    assert secrets["smtp_url"] == RELAY
    assert [entry.selector for entry in key_ring(mail, "mail").entries] == ["s1"]


def test_changing_a_secret_keeps_the_settings(mail: AppContext) -> None:
    change(mail, "mail", {"smtp_url": "smtp://other.example"})
    record, secrets = stored(mail)
    assert (record.settings["connections"], secrets["smtp_url"]) == (2, "smtp://other.example")


def test_a_setting_that_is_unset_has_its_default_again(mail: AppContext) -> None:
    change(mail, "mail", {}, unset=["connections"])
    assert "connections" not in stored(mail)[0].settings


@pytest.mark.parametrize(
    ("values", "unset", "words"),
    [
        ({"colour": "red"}, (), "no setting 'colour'"),
        ({}, ("colour",), "no setting 'colour'"),
        ({"connections": "many"}, (), "connections: must be a whole number"),
        (
            {"connections": "0", "per_second": "-1"},
            (),
            "connections: must be at least 1; per_second: must be at least 0",
        ),
        ({"connections": "3"}, ("connections",), "both set and unset"),
        ({}, ("smtp_url",), "needs smtp_url or relays"),
        ({}, ("dkim_keys",), "distributor channel dkim"),
    ],
)
def test_a_change_that_is_wrong_changes_nothing(
    mail: AppContext, values: dict[str, str], unset: tuple[str, ...], words: str
) -> None:
    before = stored(mail)
    with pytest.raises(InputError, match=words):
        change(mail, "mail", values, unset=unset)
    assert stored(mail) == before


def test_a_channel_that_is_not_there_cannot_be_changed(app: AppContext) -> None:
    with pytest.raises(NotFoundError):
        change(app, "mail", {"connections": "2"})


def test_the_kind_of_a_channel_cannot_change_and_its_keys_stay(mail: AppContext) -> None:
    before = stored(mail)
    with pytest.raises(StateError, match="of kind email, and its kind cannot change to feed"):
        configure(mail, "mail", "feed", {})
    assert stored(mail) == before


def test_a_channel_of_another_kind_is_refused_before_anyone_looks_for_the_secrets_of_that_kind(
    mail: AppContext,
) -> None:
    with pytest.raises(StateError, match="its kind cannot change to x"):
        configure(mail, "mail", "x", {})


@pytest.mark.parametrize("name", ["", " ", "a b", "x=1", "../feed", "-x", "news!", "a/b", "`x`"])
def test_a_name_that_commands_and_addresses_cannot_hold_is_refused(app: AppContext, name: str) -> None:
    with pytest.raises(InputError, match="cannot be the name of a channel"):
        configure(app, name, "feed", {})


@pytest.mark.parametrize("name", ["feed", "X2", "die-grüne_post.2026", "新聞", "7"])
def test_a_name_may_have_the_letters_and_digits_of_any_script(app: AppContext, name: str) -> None:
    configure(app, name, "feed", {})
    with app.database.begin() as connection:
        assert channels.find(connection, name).kind == "feed"


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("bluesky", ["handle", "app_password"]),
        ("email", ["smtp_url or relays"]),
        ("feed", []),
        ("mastodon", ["instance_url", "access_token"]),
        ("telegram", ["handle", "bot_token"]),
        ("x", ["consumer_key", "consumer_secret", "access_token", "access_token_secret"]),
    ],
)
def test_every_setting_that_is_missing_is_named(app: AppContext, kind: str, names: list[str]) -> None:
    if not names:
        configure(app, "one", kind, {})
        return
    with pytest.raises(InputError) as raised:
        configure(app, "one", kind, {})
    assert all(f"{name} (" in str(raised.value) for name in names)
    with pytest.raises(NotFoundError):
        stored(app, "one")


def test_one_of_two_settings_is_enough_and_a_blank_one_is_none(app: AppContext) -> None:
    configure(app, "mail", "email", {"relays": '[{"name": "a", "url": "smtp://relay.example"}]'})
    with pytest.raises(InputError, match="needs smtp_url or relays"):
        configure(app, "other", "email", {"smtp_url": " "})


def test_values_are_stored_as_the_kind_reads_them(app: AppContext) -> None:
    configure(app, "sky", "bluesky", {"handle": "@garden.example", "app_password": "p", "hashtags": "2"})
    assert stored(app, "sky")[0].settings == {"handle": "garden.example", "hashtags": 2}


def test_a_removed_channel_loses_its_secrets_and_its_deliveries_stay(harness: CampaignHarness) -> None:
    harness.channel("list", "scripted")
    number = harness.plan_and_run("list")
    before = harness.report(number).totals
    assert before[DeliveryState.SENT] > 0
    remove(harness.app, "list")
    assert harness.report(number).totals == before
    assert [one.dispatch.channel_name for one in harness.report(number).dispatches] == ["list"]
    with pytest.raises(NotFoundError):
        stored(harness.app, "list")
    with harness.app.database.begin() as connection:
        (record,) = channels.ever_configured(connection)
        assert channels.all_channels(connection) == []
    assert (record.sealed, record.removed_at is not None) == (None, True)


def test_what_is_lost_with_a_channel_is_known_before(mail: AppContext) -> None:
    removal = plan_removal(mail, "mail")
    assert (removal.secrets, removal.selectors) == (("dkim_keys", "smtp_url"), ("s1",))
    assert stored(mail)[1].keys() == {"dkim_keys", "smtp_url"}


@pytest.mark.parametrize("state", ["draft", "scheduled", "paused"])
def test_a_channel_is_not_removed_while_a_campaign_needs_it(harness: CampaignHarness, state: str) -> None:
    harness.channel("list", "scripted")
    number = harness.draft("list") if state == "draft" else harness.plan("list")
    if state == "paused":
        with harness.app.database.begin() as connection:
            connection.execute(text("UPDATE dispatches SET state = 'paused'"))
    with pytest.raises(StateError, match=rf"needed by campaign {number} 'Hello' \({state}\)"):
        remove(harness.app, "list")
    cancel(harness.app, number, actor="a test")
    remove(harness.app, "list")


def test_a_campaign_cannot_be_made_for_a_removed_channel(harness: CampaignHarness) -> None:
    harness.channel("list", "scripted")
    remove(harness.app, "list")
    with pytest.raises(NotFoundError):
        harness.draft("list")


def test_the_name_of_a_removed_channel_is_free_for_another_kind(mail: AppContext) -> None:
    first = stored(mail)[0].id
    remove(mail, "mail")
    configure(mail, "mail", "feed", {})
    assert (stored(mail)[0].kind, stored(mail)[0].id != first) == ("feed", True)


def test_a_channel_that_is_configured_again_continues_without_its_old_secrets(mail: AppContext) -> None:
    first = stored(mail)[0].id
    remove(mail, "mail")
    configure(mail, "mail", "email", {"smtp_url": "smtp://new.example"})
    record, secrets = stored(mail)
    assert (record.id, dict(record.settings), secrets) == (first, {}, {"smtp_url": "smtp://new.example"})


def test_nothing_is_sent_on_a_channel_that_was_removed_meanwhile(harness: CampaignHarness) -> None:
    harness.channel("list", "scripted")
    number = harness.plan("list")
    with harness.app.database.begin() as connection:
        # As if it had been removed between the plan's check and its commit.
        connection.execute(text("UPDATE channels SET removed_at = now()"))
    harness.run()
    with harness.app.database.begin() as connection:
        (dispatch,) = dispatches.of_campaign(connection, number)
    assert (dispatch.state, harness.seen) == (DispatchState.PAUSED, [])
    assert "channel list was removed" in dispatch.reason


def test_a_plan_that_is_made_meanwhile_keeps_its_channel(harness: CampaignHarness) -> None:
    harness.channel("list", "scripted")
    number = harness.draft("list")
    refused: list[StateError] = []

    def remove_it() -> None:
        try:
            remove(harness.app, "list")
        except StateError as error:
            refused.append(error)

    other = threading.Thread(target=remove_it)
    with harness.app.database.begin() as connection:
        connection.execute(text("UPDATE dispatches SET state = 'cancelled'"))
    with harness.app.database.begin() as connection:
        # As a plan does before it adds its dispatch.
        channels.hold(connection, "list")
        other.start()
        while other.is_alive() and not is_someone_waiting(harness.app):
            pass
        assert other.is_alive()
        connection.execute(text("UPDATE dispatches SET state = 'draft'"))
    other.join()
    assert [f"campaign {number} " in str(one) for one in refused] == [True]


def is_someone_waiting(app: AppContext) -> bool:
    """Whether a session of this database waits for a lock."""
    asked = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with app.database.begin() as connection:
        return bool(connection.execute(text(asked)).scalar_one())
