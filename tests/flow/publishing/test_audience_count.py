"""The count of an audience: each person on its lists gets it or is left out for one reason, and the numbers add up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis
from sqlalchemy import text

from distributor.domain.audience import AudiencePlan, LeftOut
from distributor.domain.errors import InputError, NotFoundError, QueryTimeoutError
from distributor.domain.segments.parser import parse
from distributor.domain.subscriber import SubscriberStatus
from distributor.domain.suppression import SuppressionReason, parse_target
from distributor.flow.app_context import AppContext
from distributor.flow.publishing.audience import count_audience, take_turn
from distributor.storage import audiences, lists, memberships, segments, subscribers, suppressions
from distributor.storage.database import Connection
from tests.storage.list_fixtures import BY_FORM, NOW, a_dispatch, a_list, address, an_article, mailing, on_list

NEWS = AudiencePlan(lists=("news",))
# Numbers that make slugs and addresses of an example its own.
EXAMPLES = count()


@pytest.fixture
def frozen(app: AppContext) -> AppContext:
    """The app at the time of the fixtures."""
    return replace(app, clock=lambda: NOW)


def test_everyone_on_a_list_gets_it_or_is_counted_under_one_reason(frozen: AppContext) -> None:
    with frozen.database.begin() as connection:
        article = an_article(connection, "bees", "Bees")
        has = on_list(connection, "earlier", "has")
        earlier = a_dispatch(connection, AudiencePlan(lists=("earlier",)), [article])
        audiences.freeze(connection, earlier, mailing(connection, AudiencePlan(lists=("earlier",)), [article]), now=NOW)
        people = has | on_list(
            connection, "news", "ada", "bo", "left", "off", "bounced", "rests", "lupus", "staff", "other", "has"
        )
        news = lists.find(connection, "news").id
        on_list(connection, "team", "staff")
        asked = on_list(connection, "press", "asked")["asked"]
        memberships.request(connection, asked, news, BY_FORM, now=NOW)
        memberships.unsubscribe(connection, people["left"], news, BY_FORM, now=NOW)
        subscribers.change(connection, people["off"], {"status": SubscriberStatus.DISABLED}, now=NOW)
        subscribers.change(connection, people["rests"], {"paused_until": NOW + timedelta(days=1)}, now=NOW)
        target = parse_target(address("bounced"))
        suppressions.add(connection, [target], SuppressionReason.HARD_BOUNCE, now=NOW)
        memberships.set_topics(connection, people["lupus"], news, ["lupus"])
        for name in people.keys() - {"other"}:
            subscribers.change(connection, people[name], {"tags": ["reader"]}, now=NOW)
        segments.save(connection, slug="readers", name="Readers", condition=parse("tag = reader"), now=NOW)
    plan = AudiencePlan(lists=("news",), segments=("readers",), except_lists=("team",))
    counted = count_audience(frozen, plan, ["bees"])
    assert counted is not None
    assert counted.members == 11
    assert counted.recipients == 2
    assert dict(counted.left_out) == {
        LeftOut.UNSUBSCRIBED: 1,
        LeftOut.UNCONFIRMED: 1,
        LeftOut.DISABLED: 1,
        LeftOut.SUPPRESSED: 1,
        LeftOut.PAUSED: 1,
        LeftOut.TOPIC_NOT_CHOSEN: 1,
        LeftOut.OUTSIDE_SEGMENTS: 1,
        LeftOut.EXCEPTED: 1,
        LeftOut.RECEIVED: 1,
    }


def test_a_campaign_that_has_been_sent_counts_those_who_have_it_from_itself_as_its_recipients(
    frozen: AppContext,
) -> None:
    with frozen.database.begin() as connection:
        article = an_article(connection, "bees")
        on_list(connection, "news", "ada", "bo")
        dispatch_id = a_dispatch(connection, NEWS, [article])
        audiences.freeze(connection, dispatch_id, mailing(connection, NEWS, [article]), now=NOW)
        own = connection.execute(text("SELECT campaign_id FROM dispatches")).scalar_one()
    counted = count_audience(frozen, NEWS, ["bees"], campaign_id=own)
    assert counted is not None
    assert counted.recipients == 2
    again = count_audience(frozen, NEWS, ["bees"])
    assert again is not None
    assert (again.recipients, again.left_out[LeftOut.RECEIVED]) == (0, 2)


def test_an_audience_without_a_choice_or_of_what_is_unknown_is_refused(frozen: AppContext) -> None:
    with pytest.raises(InputError, match="name a list"):
        count_audience(frozen, AudiencePlan(), [])
    with pytest.raises(NotFoundError, match="no list 'nws'"):
        count_audience(frozen, AudiencePlan(lists=("nws",)), [])


def test_a_count_that_takes_longer_than_it_may_is_given_up_by_the_server(frozen: AppContext) -> None:
    with frozen.database.begin() as connection:
        a_list(connection, "news")
        # Whoever reads this list waits longer than the count may take.
        connection.execute(text("ALTER TABLE memberships RENAME TO members"))
        connection.execute(
            text("CREATE VIEW memberships AS SELECT members.* FROM members, (SELECT pg_sleep(60) OFFSET 0) AS wait")
        )
    with pytest.raises(QueryTimeoutError):
        count_audience(frozen, NEWS, [], within=timedelta(milliseconds=200))


def test_a_count_that_is_not_wanted_any_more_stops_before_its_next_question(frozen: AppContext) -> None:
    with frozen.database.begin() as connection:
        on_list(connection, "news", "ada")
    asked = []

    def is_wanted() -> bool:
        asked.append(1)
        return len(asked) < 3

    assert count_audience(frozen, NEWS, [], is_wanted=is_wanted) is None
    assert len(asked) == 3


def test_of_two_counts_at_one_place_only_the_newer_one_is_wanted(frozen: AppContext) -> None:
    first = take_turn(frozen.redis, "page-1")
    elsewhere = take_turn(frozen.redis, "page-2")
    assert first()
    second = take_turn(frozen.redis, "page-1")
    assert not first()
    assert second()
    assert elsewhere()


def test_without_redis_every_count_is_wanted(gone_redis: Redis) -> None:
    assert take_turn(gone_redis, "page-1")()


@dataclass(frozen=True)
class Member:
    """A person: the state on each of two lists, the topics chosen there, and what else may keep a mail away."""

    states: tuple[str, str]
    topics: tuple[tuple[str, ...] | None, tuple[str, ...] | None]
    is_disabled: bool
    is_suppressed: bool
    is_paused: bool
    is_vip: bool
    is_staff: bool
    has_received: bool


STATES = st.sampled_from(["none", "pending", "subscribed", "subscribed", "unsubscribed"])
TOPICS = st.sampled_from([None, None, (), ("bees",), ("lupus",)])
RARELY = st.sampled_from([False, False, False, True])
PEOPLE = st.lists(
    st.builds(
        Member,
        states=st.tuples(STATES, STATES),
        topics=st.tuples(TOPICS, TOPICS),
        is_disabled=RARELY,
        is_suppressed=RARELY,
        is_paused=RARELY,
        is_vip=st.booleans(),
        is_staff=RARELY,
        has_received=RARELY,
    ),
    max_size=12,
)


@dataclass(frozen=True)
class Choice:
    """A plan, by the numbers of the two lists and what narrows it."""

    lists: tuple[int, ...]
    only_bees: bool
    only_vips: bool
    no_staff: bool
    repeats: bool


CHOICES = st.builds(
    Choice,
    lists=st.sampled_from([(0,), (1,), (0, 1), (1, 0)]),
    only_bees=st.booleans(),
    only_vips=st.booleans(),
    no_staff=st.booleans(),
    repeats=st.booleans(),
)


def fate(person: Member, chosen: Choice) -> LeftOut | None:
    """Why this person does not get an article about bees, by the rules without SQL; None: the person gets it."""
    follows_bees = any(
        state == "subscribed" and "bees" in (topics or ())
        for state, topics in zip(person.states, person.topics, strict=True)
    )
    order = list(LeftOut)
    reached = []
    for number in chosen.lists:
        state, topics = person.states[number], person.topics[number]
        questions = (
            (LeftOut.UNSUBSCRIBED, state == "unsubscribed"),
            (LeftOut.UNCONFIRMED, state == "pending"),
            (LeftOut.DISABLED, person.is_disabled),
            (LeftOut.PAUSED, person.is_paused),
            (LeftOut.TOPIC_NOT_CHOSEN, topics is not None and "bees" not in topics),
            (LeftOut.SUPPRESSED, person.is_suppressed),
            (LeftOut.OUTSIDE_TOPICS, chosen.only_bees and not follows_bees),
            (LeftOut.OUTSIDE_SEGMENTS, chosen.only_vips and not person.is_vip),
            (LeftOut.EXCEPTED, chosen.no_staff and person.is_staff),
            (LeftOut.RECEIVED, not chosen.repeats and person.has_received),
        )
        if state != "none":
            reached.append(next((reason for reason, applies in questions if applies), None))
    if None in reached:
        return None
    return max((one for one in reached if one is not None), key=order.index)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(people=PEOPLE, chosen=CHOICES)
def test_whatever_the_memberships_the_groups_and_the_recipients_are_all_members(
    frozen: AppContext, people: Sequence[Member], chosen: Choice
) -> None:
    number = next(EXAMPLES)
    slugs = (f"one-{number}", f"two-{number}")
    with frozen.database.begin() as connection:
        _save(connection, people, number, slugs)
    plan = AudiencePlan(
        lists=tuple(slugs[index] for index in chosen.lists),
        topics=("bees",) if chosen.only_bees else (),
        segments=("vips",) if chosen.only_vips else (),
        except_segments=("staff",) if chosen.no_staff else (),
        repeats=chosen.repeats,
    )
    concerned = [one for one in people if any(one.states[index] != "none" for index in chosen.lists)]
    expected = Counter(fate(one, chosen) for one in concerned)
    counted = count_audience(frozen, plan, [f"about-{number}"])
    assert counted is not None
    assert counted.members == len(concerned)
    assert counted.recipients == expected.pop(None, 0)
    assert {reason: held for reason, held in counted.left_out.items() if held} == expected
    with frozen.database.begin() as connection:
        article = connection.execute(
            text("SELECT id FROM articles WHERE slug = :slug"), {"slug": f"about-{number}"}
        ).scalar_one()
        assert audiences.count(connection, mailing(connection, plan, [article]), now=NOW) == counted.recipients


def _save(connection: Connection, people: Sequence[Member], number: int, slugs: tuple[str, str]) -> None:
    for slug, condition in (("vips", "tag = vip"), ("staff", "tag = staff")):
        segments.save(connection, slug=slug, name=slug, condition=parse(condition), now=NOW)
    article = an_article(connection, f"about-{number}", "Bees")
    numbers = [a_list(connection, slug).id for slug in slugs]
    for index, person in enumerate(people):
        name = f"p{number}x{index}"
        subscriber_id = on_list(connection, "everyone", name)[name]
        for list_id, slug, state, topics in zip(numbers, slugs, person.states, person.topics, strict=True):
            if state in ("subscribed", "unsubscribed"):
                on_list(connection, slug, name)
                memberships.set_topics(connection, subscriber_id, list_id, topics)
            if state == "unsubscribed":
                memberships.unsubscribe(connection, subscriber_id, list_id, BY_FORM, now=NOW)
            if state == "pending":
                memberships.request(connection, subscriber_id, list_id, BY_FORM, now=NOW)
        tags = [tag for tag, has_it in (("vip", person.is_vip), ("staff", person.is_staff)) if has_it]
        subscribers.change(connection, subscriber_id, {"tags": tags}, now=NOW)
        if person.is_disabled:
            subscribers.change(connection, subscriber_id, {"status": SubscriberStatus.DISABLED}, now=NOW)
        if person.is_paused:
            subscribers.change(connection, subscriber_id, {"paused_until": NOW + timedelta(days=1)}, now=NOW)
        if person.is_suppressed:
            suppressions.add(connection, [parse_target(address(name))], SuppressionReason.MANUAL, now=NOW)
    _receive(connection, article, [f"p{number}x{i}" for i, person in enumerate(people) if person.has_received])


def _receive(connection: Connection, article: int, names: Sequence[str]) -> None:
    dispatch_id = a_dispatch(connection, NEWS, [article])
    connection.execute(
        text("""
            INSERT INTO deliveries (dispatch_id, subscriber_id, recipient, state, created_at, updated_at)
            SELECT :dispatch, id, email, 'sent', :now, :now FROM subscribers WHERE key = ANY(:keys)
        """),
        {"dispatch": dispatch_id, "keys": [address(name) for name in names], "now": NOW},
    )
