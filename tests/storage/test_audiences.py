"""The audience of a campaign: any combination of lists, topics and segments, without excluded subscribers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import text

from distributor.domain.audience import AudiencePlan
from distributor.domain.errors import NotFoundError
from distributor.domain.segments.parser import parse
from distributor.domain.subscriber import SubscriberStatus
from distributor.domain.suppression import SuppressionReason, parse_target
from distributor.flow.app_context import AppContext
from distributor.storage import (
    audiences,
    delivery_queries,
    dispatches,
    lists,
    memberships,
    segments,
    subscribers,
    suppressions,
)
from distributor.storage.database import Connection
from distributor.storage.delivery_queries import DeliveryRecord
from distributor.storage.json_codec import audience_from_json, audience_to_json
from tests.storage.list_fixtures import (
    BY_FORM,
    NOW,
    a_dispatch,
    a_list,
    address,
    an_article,
    mailing,
    number_of,
    on_list,
    reached,
)

NEWS = AudiencePlan(lists=("news",))


@pytest.fixture
def connection(app: AppContext) -> Iterator[Connection]:
    with app.database.begin() as opened:
        yield opened


def test_the_audience_of_a_list_is_its_subscribed_members(connection: Connection) -> None:
    on_list(connection, "news", "ada", "bo")
    on_list(connection, "press", "cy")
    assert reached(connection, NEWS) == {"ada", "bo"}


def test_several_lists_reach_each_subscriber_once_on_behalf_of_the_first(connection: Connection) -> None:
    on_list(connection, "news", "ada", "bo")
    on_list(connection, "press", "bo", "cy")
    assert reached(connection, AudiencePlan(lists=("press", "news"))) == {"ada", "bo", "cy"}
    press = lists.find(connection, "press").id
    of = {row.recipient.split("@")[0]: row.list_id for row in _deliveries(connection)}
    assert of["bo"] == of["cy"] == press != of["ada"]


def test_the_lists_that_are_excepted_are_left_out(connection: Connection) -> None:
    on_list(connection, "news", "ada", "bo", "cy")
    on_list(connection, "customers", "bo")
    assert reached(connection, AudiencePlan(lists=("news",), except_lists=("customers",))) == {"ada", "cy"}


def test_a_topic_gets_the_articles_tagged_so_and_not_others(connection: Connection) -> None:
    people = on_list(connection, "news", "ada", "bo")
    _follow(connection, people["ada"], "lupus")
    about_lupus = an_article(connection, "about-lupus", "Lupus", "Skin")
    about_bees = an_article(connection, "about-bees", "Bees")
    assert reached(connection, NEWS, [about_lupus]) == {"ada", "bo"}
    assert reached(connection, NEWS, [about_bees]) == {"bo"}


def test_a_subscriber_who_chose_no_topic_gets_nothing(connection: Connection) -> None:
    people = on_list(connection, "news", "ada", "bo")
    _follow(connection, people["ada"])
    assert reached(connection, NEWS, [an_article(connection, "about-bees", "Bees")]) == {"bo"}


def test_an_audience_can_be_narrowed_to_followers_of_a_topic_or_to_the_others(connection: Connection) -> None:
    people = on_list(connection, "news", "ada", "bo", "cy")
    _follow(connection, people["ada"], "lupus")
    _follow(connection, people["bo"], "bees", "lupus")
    article = an_article(connection, "all", "Lupus", "Bees")
    assert reached(connection, AudiencePlan(lists=("news",), topics=("bees",)), [article]) == {"bo"}
    again = AudiencePlan(lists=("news",), except_topics=("lupus",), repeats=True)
    assert reached(connection, again, [article]) == {"cy"}


def test_a_topic_alone_reaches_its_followers_on_every_list(connection: Connection) -> None:
    news, press = on_list(connection, "news", "ada"), on_list(connection, "press", "bo", "cy")
    _follow(connection, news["ada"], "lupus")
    _follow(connection, press["bo"], "lupus", slug="press")
    article = an_article(connection, "about-lupus", "Lupus")
    assert reached(connection, AudiencePlan(topics=("lupus",)), [article]) == {"ada", "bo"}


@pytest.mark.parametrize("target", ["ada@example.org", "ADA@EXAMPLE.ORG"])
def test_a_suppressed_address_is_left_out(connection: Connection, target: str) -> None:
    on_list(connection, "news", "ada", "bo")
    _suppress(connection, target)
    assert reached(connection, NEWS) == {"bo"}


def test_a_suppressed_domain_is_left_out_and_no_other(connection: Connection) -> None:
    on_list(connection, "news", "ada")
    _suppress(connection, "@ample.org")
    assert reached(connection, NEWS) == {"ada"}
    _suppress(connection, "example.org")
    assert reached(connection, AudiencePlan(lists=("news",), repeats=True)) == set()


def test_a_suppressed_hash_is_left_out(connection: Connection) -> None:
    on_list(connection, "news", "ada", "bo")
    _suppress(connection, "c8ba8a6ec1f66d8fdcf2ddf2a9e8e5d4f0a6c1cb8b3ea07e7e9d0a8d1d2e3f40")
    assert reached(connection, NEWS) == {"ada", "bo"}
    _suppress(connection, parse_target(address("ada")).hash.hex())  # type: ignore[union-attr]
    assert reached(connection, NEWS) == {"bo"}


def test_an_address_suppressed_for_two_reasons_stays_so_until_both_are_lifted(connection: Connection) -> None:
    on_list(connection, "news", "ada")
    target = parse_target(address("ada"))
    for reason in (SuppressionReason.HARD_BOUNCE, SuppressionReason.MANUAL):
        assert suppressions.add(connection, [target], reason, now=NOW) == 1
    suppressions.lift(connection, target, reasons=[SuppressionReason.HARD_BOUNCE])
    assert reached(connection, NEWS) == set()
    suppressions.lift(connection, target)
    assert reached(connection, NEWS) == {"ada"}


def test_the_disabled_the_paused_the_pending_and_those_who_left_are_left_out(connection: Connection) -> None:
    people = on_list(connection, "news", "ada", "bo", "cy", "dee")
    news = lists.find(connection, "news").id
    subscribers.change(connection, people["ada"], {"status": SubscriberStatus.DISABLED}, now=NOW)
    subscribers.change(connection, people["bo"], {"paused_until": NOW + timedelta(days=1)}, now=NOW)
    memberships.unsubscribe(connection, people["cy"], news, BY_FORM, now=NOW)
    on_list(connection, "press", "eve")
    memberships.request(connection, number_of(connection, "eve"), news, BY_FORM, now=NOW)
    assert reached(connection, NEWS) == {"dee"}
    assert reached(connection, NEWS, now=NOW + timedelta(days=2)) == {"bo", "dee"}


def test_subscribers_who_have_the_article_are_left_out_unless_it_is_sent_again(connection: Connection) -> None:
    on_list(connection, "news", "ada")
    article = an_article(connection, "hello")
    assert reached(connection, NEWS, [article]) == {"ada"}
    on_list(connection, "news", "bo")
    assert reached(connection, NEWS, [article]) == {"bo"}
    assert reached(connection, NEWS, [article]) == set()
    assert reached(connection, NEWS, [an_article(connection, "another")]) == {"ada", "bo"}
    assert reached(connection, AudiencePlan(lists=("news",), repeats=True), [article]) == {"ada", "bo"}


def test_segments_narrow_an_audience_or_are_left_out_of_it(connection: Connection) -> None:
    people = on_list(connection, "news", "ada", "bo", "cy", "dee")
    on_list(connection, "press", "eve")
    for name, tags in {"ada": ["vip"], "bo": ["vip", "press"], "cy": ["press"], "eve": ["vip"]}.items():
        subscribers.change(connection, number_of(connection, name), {"tags": tags}, now=NOW)
    for slug, condition in (
        ("vips", "tag = vip"),
        ("reporters", "tag = press"),
        ("either", "segment = vips or tag = x"),
    ):
        segments.save(connection, slug=slug, name=slug, condition=parse(condition), now=NOW)
    assert len(people) == 4
    assert reached(connection, AudiencePlan(lists=("news",), segments=("vips",), repeats=True)) == {"ada", "bo"}
    both = AudiencePlan(lists=("news",), segments=("vips", "reporters"), repeats=True)
    assert reached(connection, both) == {"ada", "bo", "cy"}
    but = AudiencePlan(lists=("news",), segments=("either",), except_segments=("reporters",), repeats=True)
    assert reached(connection, but) == {"ada"}
    # A segment alone reaches who is on any list at all, on behalf of that one.
    assert reached(connection, AudiencePlan(segments=("vips",), repeats=True)) == {"ada", "bo", "eve"}


def test_failed_recipients_of_a_campaign_are_reached_by_another_and_no_one_else(connection: Connection) -> None:
    on_list(connection, "news", "ada", "bo", "cy", "dee", "eve")
    article = an_article(connection, "hello")
    first = _sent(connection, NEWS, article, ada="failed", bo="unknown", cy="suppressed", dee="bounced")
    failed = AudiencePlan(failed_of=(first,))
    assert reached(connection, failed, [article]) == {"ada"}
    # What was just frozen is on its way to her.
    assert reached(connection, failed, [article]) == set()
    assert reached(connection, failed, [an_article(connection, "another")]) == {"ada"}


def test_unknown_recipients_may_get_a_second_copy_unless_they_have_received_it_since(
    connection: Connection,
) -> None:
    on_list(connection, "news", "ada", "bo")
    article = an_article(connection, "hello")
    first = _sent(connection, NEWS, article, ada="failed", bo="unknown")
    assert reached(connection, NEWS, [article]) == {"ada"}
    assert reached(connection, AudiencePlan(unknown_of=(first,)), [article]) == {"bo"}
    assert reached(connection, AudiencePlan(unknown_of=(first,), failed_of=(first,)), [article]) == set()
    again = AudiencePlan(unknown_of=(first,), failed_of=(first,), repeats=True)
    assert reached(connection, again, [article]) == {"ada", "bo"}


def test_failed_recipients_are_reached_on_behalf_of_the_same_list_while_they_are_on_it(
    connection: Connection,
) -> None:
    people = on_list(connection, "news", "ada", "bo", "cy")
    on_list(connection, "press", "ada", "bo", "cy")
    first = _sent(connection, NEWS, an_article(connection, "hello"), ada="failed", bo="failed", cy="failed")
    news = lists.find(connection, "news").id
    memberships.unsubscribe(connection, people["bo"], news, BY_FORM, now=NOW)
    _suppress(connection, address("cy"))
    failed = AudiencePlan(failed_of=(first,), repeats=True)
    assert reached(connection, failed) == {"ada"}
    assert {row.list_id for row in _deliveries(connection, 2)} == {news}
    assert reached(connection, AudiencePlan(failed_of=(first,), lists=("press",), repeats=True)) == set()


def test_a_plan_that_was_kept_before_there_were_failed_ones_is_still_read() -> None:
    assert audience_from_json({"lists": ["news"], "repeats": True}) == AudiencePlan(lists=("news",), repeats=True)
    plan = AudiencePlan(failed_of=(1, 2), unknown_of=(3,))
    assert audience_from_json(audience_to_json(plan)) == plan


def test_an_unknown_campaign_is_named(connection: Connection) -> None:
    with pytest.raises(NotFoundError, match="no campaign 99"):
        reached(connection, AudiencePlan(failed_of=(99,)))


def test_an_unknown_list_or_segment_is_named(connection: Connection) -> None:
    a_list(connection, "news")
    for plan in (AudiencePlan(lists=("nws",)), AudiencePlan(lists=("news",), except_lists=("nws",))):
        with pytest.raises(NotFoundError, match="no list 'nws'"):
            reached(connection, plan)
    with pytest.raises(NotFoundError, match="no segment 'engaged'"):
        reached(connection, AudiencePlan(segments=("engaged",)))


def _sent(connection: Connection, plan: AudiencePlan, article: int, **states: str) -> int:
    """A campaign whose deliveries are in these states, the others sent; its id."""
    dispatch_id = a_dispatch(connection, plan, [article])
    audiences.freeze(connection, dispatch_id, mailing(connection, plan, [article]), now=NOW)
    connection.execute(text("UPDATE deliveries SET state = 'sent'"))
    for name, state in states.items():
        connection.execute(
            text("UPDATE deliveries SET state = :state WHERE recipient = :recipient"),
            {"state": state, "recipient": address(name)},
        )
    return dispatches.find(connection, dispatch_id).campaign_id


def _follow(connection: Connection, number: int, *topics: str, slug: str = "news") -> None:
    memberships.set_topics(connection, number, lists.find(connection, slug).id, topics)


def _suppress(connection: Connection, target: str) -> None:
    suppressions.add(connection, [parse_target(target)], SuppressionReason.MANUAL, now=NOW)


def _deliveries(connection: Connection, dispatch_id: int = 1) -> list[DeliveryRecord]:
    return list(delivery_queries.listed(connection, dispatch_id, state=None, limit=100))
