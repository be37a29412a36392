"""Segments in PostgreSQL: they select exactly the right subscribers, and may refer to each other without cycles."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import select

from distributor.domain.errors import NotFoundError, SegmentError, StateError
from distributor.domain.segments.condition import AttributeMatches, Condition, Field, FieldMatches, TextMatch
from distributor.domain.segments.limits import DEEPEST
from distributor.domain.segments.parser import parse
from distributor.flow.app_context import AppContext
from distributor.storage import lists, segments, tables
from distributor.storage.database import Connection
from tests.storage.condition_evaluation import matches
from tests.storage.sample_conditions import ATTACKS, conditions, leaves
from tests.storage.sample_subscribers import CAMPAIGNS, NOW, insert_sample


def held(connection: Connection, condition: Condition) -> list[int]:
    """The ids of the subscribers that the condition selects in PostgreSQL."""
    is_inside = segments.filter_for(connection, condition, now=NOW)
    return list(
        connection.execute(select(tables.subscribers.c.id).where(is_inside).order_by(tables.subscribers.c.id)).scalars()
    )


def test_postgresql_and_plain_python_find_the_same_people(app: AppContext) -> None:
    with app.database.begin() as connection:
        sample = insert_sample(connection, people=80)

        @given(conditions)
        @settings(
            deadline=None, derandomize=True, max_examples=400, suppress_health_check=list(HealthCheck), database=None
        )
        def check(condition: Condition) -> None:
            assert held(connection, condition) == [person.id for person in sample if matches(condition, person)]

        check()


@pytest.mark.parametrize("look", list(TextMatch))
def test_characters_with_a_meaning_in_sql_match_themselves(app: AppContext, look: TextMatch) -> None:
    with app.database.begin() as connection:
        sample = insert_sample(connection, people=80)
        for sign in ("%", "_", "\\", "%%", "\\%", "'", '"', "0%", "r_s", "k\\s", "?", "a\nb", *ATTACKS):
            for condition in (
                FieldMatches(field=Field.NAME, match=look, text=sign),
                FieldMatches(field=Field.EMAIL, match=look, text=sign),
                AttributeMatches(path=("city",), match=look, text=sign),
            ):
                assert held(connection, condition) == [person.id for person in sample if matches(condition, person)]


def test_no_condition_is_null_for_any_subscriber(app: AppContext) -> None:
    with app.database.begin() as connection:
        insert_sample(connection, people=40)

        @given(leaves)
        @settings(deadline=None, derandomize=True, max_examples=200, suppress_health_check=list(HealthCheck))
        def check(leaf: Condition) -> None:
            is_inside = segments.filter_for(connection, leaf, now=NOW)
            unknown = select(tables.subscribers.c.id).where(is_inside.is_(None))
            assert connection.execute(unknown).all() == []

        check()


@pytest.mark.parametrize(
    ("value", "expression", "fits_it"),
    [
        (0.1, "attributes.a = 0.1", True),
        (0.1, "attributes.a < 0.1 or attributes.a > 0.1", False),
        ("0.10", "attributes.a = 0.1 and attributes.a <= 0.1 and attributes.a >= 0.1", True),
        ("8010", "attributes.a = 8010", True),
        (8010, 'attributes.a = "8010"', False),
        (1, "attributes.a = true", False),
        (True, "attributes.a = 1 or attributes.a > 0", False),
        ("1e5", "attributes.a > 0", False),
        (1e20, "attributes.a > 9007199254740991", True),
        (["Graz"], 'attributes.a = "Graz"', False),
        ({"b": ["Graz"]}, 'attributes.a.b = "Graz"', False),
        ({"b": ["Graz"]}, 'attributes.a.b has "Graz"', True),
    ],
)
def test_attributes_keep_their_types(app: AppContext, value: object, expression: str, fits_it: bool) -> None:
    with app.database.begin() as connection:
        connection.execute(
            tables.subscribers.insert().values(key="a@example.org", email="a@example.org", attributes={"a": value})
        )
        assert bool(segments.count(connection, parse(expression), now=NOW)) is fits_it


def test_user_input_is_never_part_of_the_sql(app: AppContext) -> None:
    evil = "'; DROP TABLE subscribers; -- \" \\ %s :x"
    quoted = '"' + evil.replace("\\", "\\\\").replace('"', '\\"') + '"'
    condition = parse(
        f"name = {quoted} or tag = {quoted} or attributes.{quoted} = {quoted} or attributes.a contains {quoted} "
        f"or attributes.a has {quoted} or clicked a link with {quoted} or language = {quoted} "
        f"or email ends with {quoted}"
    )
    with app.database.begin() as connection:
        is_inside = segments.filter_for(connection, condition, now=NOW)
        assert "DROP" not in str(is_inside.compile(connection))
        assert segments.count(connection, condition, now=NOW) == 0
        assert segments.sample(connection, parse("everyone"), limit=1, now=NOW) == []


def test_a_segment_is_counted_and_shown_by_ascending_number(app: AppContext) -> None:
    with app.database.begin() as connection:
        sample = insert_sample(connection, people=30)
        condition = parse("opened or clicked")
        expected = [person.id for person in sample if matches(condition, person)]
        assert len(expected) > 5
        assert segments.count(connection, condition, now=NOW) == len(expected)
        assert [one.id for one in segments.sample(connection, condition, limit=5, now=NOW)] == expected[:5]


def save(connection: Connection, slug: str, expression: str) -> None:
    segments.save(connection, slug=slug, name="", condition=parse(expression), now=NOW)


def test_a_segment_is_saved_changed_renamed_and_removed(app: AppContext) -> None:
    with app.database.begin() as connection:
        made = segments.save(connection, slug="loyal", name="The loyal", condition=parse("opened"), now=NOW)
        assert (made.slug, made.name, made.condition) == ("loyal", "The loyal", parse("opened"))
        later = NOW + timedelta(hours=1)
        changed = segments.save(connection, slug="loyal", name="", condition=parse("clicked"), now=later)
        assert (changed.id, changed.name, changed.condition) == (made.id, "The loyal", parse("clicked"))
        assert (changed.created_at, changed.updated_at) == (NOW, later)
        assert segments.rename(connection, "loyal", "Clickers", now=later).name == "Clickers"
        assert [one.slug for one in segments.listed(connection)] == ["loyal"]
        segments.remove(connection, "loyal")
        assert segments.listed(connection) == []


def test_a_segment_may_include_another_one(app: AppContext) -> None:
    with app.database.begin() as connection:
        sample = insert_sample(connection, people=40)
        save(connection, "engaged", "opened or clicked")
        save(connection, "quiet", "not segment = engaged")
        direct = parse("not (opened or clicked) and status = active")
        expected = [person.id for person in sample if matches(direct, person)]
        assert held(connection, parse("segment = quiet and status = active")) == expected
        save(connection, "engaged", "clicked")
        assert held(connection, parse("segment = quiet")) == held(connection, parse("not clicked"))
        of_saved = segments.filter_of(connection, "quiet", now=NOW)
        assert len(connection.execute(select(tables.subscribers.c.id).where(of_saved)).all()) == len(
            held(connection, parse("never clicked"))
        )


def test_a_segment_that_refers_to_itself_is_refused(app: AppContext) -> None:
    with app.database.begin() as connection:
        save(connection, "a", "opened")
        save(connection, "b", "segment = a")
        save(connection, "c", "segment = b or clicked")
        with pytest.raises(SegmentError, match="'a' refers to itself: a → c → b → a"):
            save(connection, "a", "tag = x and segment = c")
        with pytest.raises(SegmentError, match="'d' refers to itself: d → d"):
            segments.save(connection, slug="d", name="", condition=parse("everyone"), now=NOW)
            save(connection, "d", "segment = d")
        assert segments.find(connection, "a").condition == parse("opened")


def test_a_cycle_that_is_in_the_table_already_is_refused_too(app: AppContext) -> None:
    with app.database.begin() as connection:
        save(connection, "a", "opened")
        save(connection, "b", "segment = a")
        connection.execute(tables.segments.update().values(condition={"kind": "segment", "is": "b"}))
        with pytest.raises(SegmentError, match="'b' refers to itself: a → b → b"):
            segments.count(connection, parse("segment = a"), now=NOW)


def test_segments_of_segments_may_come_to_only_so_much(app: AppContext) -> None:
    with app.database.begin() as connection:
        save(connection, "s0", "opened or clicked")
        for number in range(1, 8):
            save(connection, f"s{number}", f"segment = s{number - 1} or segment = s{number - 1}")
        with pytest.raises(SegmentError, match="more than 500 conditions"):
            save(connection, "s8", "segment = s7 or segment = s7")
        with pytest.raises(SegmentError, match="more than 500 conditions"):
            save(connection, "s0", "opened or clicked or bounced or complained")
        assert segments.count(connection, parse("segment = s7"), now=NOW) == 0


def test_segments_of_segments_may_hold_only_so_many_values(app: AppContext) -> None:
    numbers = ", ".join(map(str, range(1000)))
    with app.database.begin() as connection:
        save(connection, "many", f"attributes.a in ({numbers})")
        most = " or ".join(["segment = many"] * 5)
        assert segments.count(connection, parse(most), now=NOW) == 0
        with pytest.raises(SegmentError, match="more than 5000 values"):
            segments.count(connection, parse(f"{most} or segment = many"), now=NOW)


def test_as_many_long_conditions_as_there_may_be_are_counted(app: AppContext) -> None:
    long = " or ".join(["attributes.a.b.c.d.e.f.g.h > 0.5"] * 200)
    with app.database.begin() as connection:
        save(connection, "long", long)
        assert segments.count(connection, parse("segment = long or segment = long"), now=NOW) == 0


def test_segments_of_segments_may_be_nested_only_so_deep(app: AppContext) -> None:
    deep = "not " * (DEEPEST - 1)
    with app.database.begin() as connection:
        save(connection, "s0", f"{deep} opened")
        save(connection, "s1", f"{deep} segment = s0")
        with pytest.raises(SegmentError, match="nested more than"):
            save(connection, "s2", f"{deep} segment = s1")
        assert segments.count(connection, parse("segment = s1"), now=NOW) == 0


def test_the_deepest_and_the_longest_condition_are_counted(app: AppContext) -> None:
    inner = "tag = a and opened"
    for number in range(DEEPEST - 1):
        inner = f"({inner}) {'or' if number % 2 else 'and'} clicked"
    with app.database.begin() as connection:
        assert segments.count(connection, parse(inner), now=NOW) == 0
        assert segments.count(connection, parse(" or ".join(["clicked"] * 200)), now=NOW) == 0


@pytest.mark.parametrize(
    ("expression", "noun", "hint"),
    [
        ("list = nwes", "list", "did you mean news"),
        ("topic = x on newz", "list", "did you mean news"),
        ("unsubscribed from zzz", "list", "lists them"),
        ("segment = loial", "segment", "did you mean loyal"),
    ],
)
def test_an_unknown_name_is_refused_with_similar_ones(app: AppContext, expression: str, noun: str, hint: str) -> None:
    with app.database.begin() as connection:
        lists.add(connection, slug="news", name="News")
        save(connection, "loyal", "opened")
        for act in (
            lambda: save(connection, "x", expression),
            lambda: segments.count(connection, parse(expression), now=NOW),
        ):
            with pytest.raises(NotFoundError, match=f"there is no {noun} .*{hint}"):
                act()


def test_a_segment_that_others_refer_to_is_not_removed(app: AppContext) -> None:
    with app.database.begin() as connection:
        save(connection, "a", "opened")
        save(connection, "b", "not segment = a")
        with pytest.raises(StateError, match="'a' is part of b"):
            segments.remove(connection, "a")
        segments.remove(connection, "b")
        segments.remove(connection, "a")
        with pytest.raises(NotFoundError):
            segments.remove(connection, "a")


@pytest.mark.parametrize("name", ["segments", "except_segments"])
def test_a_segment_that_a_campaign_will_go_to_is_not_removed(app: AppContext, name: str) -> None:
    with app.database.begin() as connection:
        insert_sample(connection, people=1)
        save(connection, "a", "opened")
        campaign = tables.campaigns
        connection.execute(campaign.update().where(campaign.c.id == CAMPAIGNS).values(audience={name: ["a"]}))
        dispatch = tables.dispatches
        connection.execute(dispatch.update().where(dispatch.c.campaign_id == CAMPAIGNS).values(state="scheduled"))
        with pytest.raises(StateError, match=f"audience of campaign {CAMPAIGNS}"):
            segments.remove(connection, "a")
        connection.execute(dispatch.update().where(dispatch.c.campaign_id == CAMPAIGNS).values(state="cancelled"))
        segments.remove(connection, "a")
