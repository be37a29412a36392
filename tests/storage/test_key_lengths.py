"""Every text that is part of a key of an index is bounded: too long for an index, it would stop whoever writes it."""

from __future__ import annotations

import pytest
from sqlalchemy import ARRAY, Text, UniqueConstraint

from distributor.domain.address import parse_address
from distributor.domain.audience import AudiencePlan
from distributor.domain.errors import AddressError, InputError
from distributor.domain.event import Event, EventKind
from distributor.domain.quarantine import QuarantineLoop
from distributor.domain.stored_text import LONGEST_KEY, checked_key, shortened, storable, storable_json, stored_key
from distributor.domain.tags import LONGEST_SLUG, slugify
from distributor.flow.app_context import AppContext
from distributor.storage import deliveries, delivery_queries, events, quarantine
from distributor.storage.tables import metadata
from tests.storage.list_fixtures import a_dispatch, an_article
from tests.storage.test_database_errors import INCOMPRESSIBLE

SLUG = "domain.tags.slugify shortens it"
TAG_SLUG = "domain.tags.tag_slug shortens it"
OURS = "we make it"
ADDRESS = "domain.address refuses more than 254 characters"
# How long each text in a key can be.
BOUNDS = {
    ("articles", "guid"): OURS,
    ("articles", "slug"): SLUG,
    ("articles", "source"): OURS,
    ("articles", "source_ref"): "sources.folder refuses, and flow.articles.ingest shortens, a longer path",
    ("tags", "slug"): TAG_SLUG,
    ("tags", "parent"): TAG_SLUG,
    ("tag_names", "key"): TAG_SLUG,
    ("tag_names", "tag_slug"): TAG_SLUG,
    ("tag_aliases", "slug"): TAG_SLUG,
    ("tag_aliases", "tag_slug"): TAG_SLUG,
    ("article_tags", "tag_slug"): TAG_SLUG,
    ("article_media", "name"): OURS,
    ("article_drafts", "key"): OURS,
    ("media", "name"): OURS,
    ("remote_images", "url"): "flow.articles.remote_images fetches none of more than 2,000 bytes",
    ("lists", "slug"): SLUG,
    ("segments", "slug"): SLUG,
    ("subscribers", "key"): ADDRESS,
    ("subscribers", "tags"): "domain.person refuses more than 100 characters",
    ("suppressions", "domain"): ADDRESS,
    ("suppressions", "reason"): OURS,
    ("users", "key"): ADDRESS,
    ("import_keys", "key"): ADDRESS,
    ("sources", "name"): "flow.articles.sources refuses more than 100 characters",
    ("channels", "name"): "flow.operations.channel_settings refuses more than 100 characters",
    ("campaigns", "key"): OURS,
    ("renditions", "digest"): OURS,
    ("dispatches", "state"): OURS,
    ("deliveries", "recipient"): "an address, the slug of a feed, or an account of a channel's settings",
    ("deliveries", "state"): OURS,
    ("deliveries", "worker"): OURS,
    ("delivery_totals", "state"): OURS,
    ("delivery_totals", "reason"): "the function delivery_reason of the database shortens it",
    ("delivery_posts", "remote_id"): "its index holds hashes, of texts of any length",
    ("event_hours", "kind"): OURS,
    ("event_totals", "kind"): OURS,
    ("event_totals", "link"): "flow.event_counting shortens it",
    ("events", "kind"): OURS,
    ("events", "key"): "storage.events shortens it",
    ("collections", "kind"): OURS,
    ("collections", "tag_slug"): SLUG,
    ("document_builds", "kind"): OURS,
    ("documents", "kind"): OURS,
    ("documents", "tag_slug"): SLUG,
    ("documents", "path"): SLUG,
    ("site_settings", "name"): OURS,
    ("audit_log", "subject"): "storage.audit_log shortens it",
    ("site_logos", "name"): OURS,
    ("notices", "key"): "storage.notices shortens it",
    ("notice_tellings", "way"): OURS,
    ("paused_routes", "relay"): "channels.email.settings: a URL",
    ("paused_routes", "destination"): ADDRESS,
    ("heartbeats", "role"): OURS,
    ("campaign_comments", "key"): "storage.campaign_comments shortens it",
    ("test_groups", "key"): "flow.publishing.test_groups refuses a name of more than 60 characters",
    ("quarantine", "loop"): OURS,
    ("quarantine", "key"): "storage.quarantine shortens it",
}


def test_it_is_decided_for_every_text_in_a_key_how_long_it_may_be() -> None:
    keys: set[tuple[str, str]] = set()
    for table in metadata.sorted_tables:
        in_keys = [table.primary_key.columns, *(index.columns for index in table.indexes)]
        in_keys += [one.columns for one in table.constraints if isinstance(one, UniqueConstraint)]
        keys |= {
            (table.name, column.name)
            for columns in in_keys
            for column in columns
            if isinstance(column.type, Text | ARRAY)
        }
    assert keys == BOUNDS.keys()


@pytest.mark.parametrize("length", [1, LONGEST_KEY, LONGEST_KEY + 1, 5000])
def test_a_shortened_key_is_bounded_and_distinct(length: int) -> None:
    text = ("a" * length, "a" * (length - 1) + "b")
    keys = [stored_key(one) for one in text]
    assert len(set(keys)) == 2
    assert all(len(key) <= LONGEST_KEY for key in keys)
    assert (keys == list(text)) == (length <= LONGEST_KEY)
    assert [stored_key(key) for key in keys] == keys


def test_text_that_cannot_be_stored_is_replaced_and_the_rest_stays() -> None:
    bad, good = "a\x00b\ud800c\udfffd", "a\ufffdb\ufffdc\ufffdd"
    assert storable(bad) == good
    assert storable_json({bad: [bad, 1, None, {"x": bad}]}) == {good: [good, 1, None, {"x": good}]}
    assert shortened(bad * 1000).startswith("a")


@pytest.mark.parametrize(
    ("text", "message"),
    [("x" * 101, "101 characters, more than 100"), ("a\x00", "U+0000"), ("a\ud800", "U+D800"), ("a\n", "U+000A")],
)
def test_a_key_that_people_choose_is_refused_if_it_cannot_be_kept(text: str, message: str) -> None:
    with pytest.raises(InputError, match="the name of the channel") as caught:
        checked_key(text, "the name of the channel", limit=100)
    assert message in str(caught.value)


def test_long_addresses_and_slugs_are_bounded() -> None:
    with pytest.raises(AddressError):
        parse_address("a" * 5000 + "@example.org")
    assert len(slugify(INCOMPRESSIBLE)) <= LONGEST_SLUG


def test_events_and_items_in_quarantine_have_keys_of_any_length_and_stay_distinct(app: AppContext) -> None:
    with app.database.begin() as connection:
        dispatch_id = a_dispatch(connection, AudiencePlan(), [an_article(connection, "hello")])
        deliveries.freeze_recipients(connection, dispatch_id, ["@one"], now=app.clock())
        (delivery,) = delivery_queries.listed(connection, dispatch_id, state=None, limit=1)
        keys = [INCOMPRESSIBLE, INCOMPRESSIBLE + "x", "\ud800", "\x00"]
        now = app.clock()
        found = [Event(delivery_id=delivery.id, kind=EventKind.OPEN, at=now, key=k, detail={"a": k}) for k in keys]
        assert events.record(connection, found) == len(keys)
        assert events.record(connection, found) == 0
        for key in keys[:2]:
            quarantine.hold(connection, QuarantineLoop.FILE, key, reason=key, detail={"a": key}, now=app.clock())
        assert len(quarantine.of_loop(connection, QuarantineLoop.FILE)) == 2
        assert quarantine.leave(connection, QuarantineLoop.FILE, keys[:1]) == 1
