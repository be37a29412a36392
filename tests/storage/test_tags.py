"""Tags: labels that mean them, renames and merges, what follows them, and what was there before they had names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from threading import Thread

import pytest
from alembic import command
from sqlalchemy import text

from distributor.domain.article import Manuscript
from distributor.domain.audience import AudiencePlan
from distributor.domain.errors import InputError, NotFoundError, StateError
from distributor.domain.segments.parser import parse
from distributor.domain.tags import Tag
from distributor.flow.app_context import AppContext
from distributor.storage import articles, campaigns, lists, memberships, segments, tags, topics
from distributor.storage.database import Connection
from distributor.storage.migrations.upgrade import alembic_config
from distributor.storage.schema import migrate
from tests.storage.list_fixtures import NOW, a_dispatch, a_list, an_article, number_of, on_list, reached


@pytest.fixture
def connection(app: AppContext) -> Iterator[Connection]:
    with app.database.begin() as opened:
        yield opened


def labels(connection: Connection, article: str) -> list[str]:
    return [tag.label for tag in articles.find_by_slug(connection, article).article.tags]


def slugs(connection: Connection) -> set[str]:
    return {tag.slug for tag in tags.listed(connection)}


def revise(connection: Connection, article_id: int, *written: Tag) -> None:
    articles.revise(connection, article_id, Manuscript(title="a", tags=written, body=()), content_hash="1", now=NOW)


def test_labels_that_people_tell_apart_are_stored_as_tags_of_their_own(connection: Connection) -> None:
    an_article(connection, "a", "C", "C++", "C#", ".NET", "R&D", "🍕")
    assert slugs(connection) == {"c", "c-plus-plus", "c-sharp", "dot-net", "r-and-d", "slice-of-pizza"}
    assert labels(connection, "a") == ["C", "C++", "C#", ".NET", "R&D", "🍕"]


def test_a_synonym_is_its_tag_when_an_article_comes_in(connection: Connection) -> None:
    an_article(connection, "a", "JavaScript")
    tags.change(connection, "javascript", add_synonyms=["JS", "ECMAScript"], now=NOW)
    an_article(connection, "b", "js", "ecma script", "JavaScript", "ECMAScript")
    assert labels(connection, "b") == ["JavaScript", "ecma script"]
    assert tags.find(connection, "js").slug == "javascript"


def test_synonyms_that_an_article_names_are_kept_unless_they_are_tags(connection: Connection) -> None:
    article_id = an_article(connection, "a", "HSCT")
    revise(connection, article_id, Tag("bone marrow transplant", ("BMT", "HSCT")))
    assert tags.find(connection, "bone-marrow-transplant").synonyms == ("BMT",)
    assert tags.find(connection, "hsct").slug == "hsct"


def test_what_is_recognized_before_it_is_stored_is_what_is_stored(connection: Connection) -> None:
    an_article(connection, "a", "JavaScript")
    tags.change(connection, "javascript", add_synonyms=["JS"], hashtag="JavaScript", now=NOW)
    found = tags.recognized(connection, [Tag("js"), Tag("new"), Tag("javascript")])
    assert [(tag.label, tag.slug, tag.stored_hashtag) for tag in found] == [
        ("JavaScript", "javascript", "JavaScript"),
        ("new", "new", ""),
    ]


def test_a_renamed_tag_has_another_slug_and_its_old_one_leads_to_it_in_one_step(connection: Connection) -> None:
    an_article(connection, "a", "stem cells")
    tags.rename(connection, "stem-cells", "Stem cell science", now=NOW)
    renamed = tags.rename(connection, "stem-cells", "Stem cell research", now=NOW)

    assert (renamed.slug, renamed.label) == ("stem-cell-research", "Stem cell research")
    assert renamed.aliases == ("stem-cell-science", "stem-cells")
    assert renamed.synonyms == ("Stem cell science", "stem cells")
    assert slugs(connection) == {"stem-cell-research"}
    assert labels(connection, "a") == ["Stem cell research"]
    assert [tag.label for tag in articles.find_revision(connection, 1, 1).tags] == ["stem cells"]


def test_a_tag_may_get_its_old_name_back(connection: Connection) -> None:
    an_article(connection, "a", "soil")
    tags.rename(connection, "soil", "earth", now=NOW)
    back = tags.rename(connection, "earth", "soil", now=NOW)
    assert (back.slug, back.aliases, back.synonyms) == ("soil", ("earth",), ("earth",))


def test_another_spelling_of_a_label_changes_no_address(connection: Connection) -> None:
    an_article(connection, "a", "mrna")
    renamed = tags.rename(connection, "mrna", "mRNA", now=NOW)
    assert (renamed.slug, renamed.label, renamed.aliases, renamed.synonyms) == ("mrna", "mRNA", (), ())
    assert labels(connection, "a") == ["mRNA"]


def test_a_tag_is_not_renamed_to_what_another_tag_is_called(connection: Connection) -> None:
    an_article(connection, "a", "soil", "earth")
    tags.change(connection, "earth", add_synonyms=["ground"], now=NOW)
    for label in ("Earth", "ground"):
        with pytest.raises(StateError, match="is the tag 'earth' already: merge 'soil' into it"):
            tags.rename(connection, "soil", label, now=NOW)
    with pytest.raises(StateError, match="is the tag 'soil' itself: merge that into 'earth'"):
        tags.change(connection, "earth", add_synonyms=["Soil"], now=NOW)


@pytest.mark.parametrize("label", ["", " # ", "\u200d", "x" * 201, "a\x00b"])
def test_a_label_that_cannot_be_one_is_refused(connection: Connection, label: str) -> None:
    an_article(connection, "a", "soil")
    with pytest.raises(InputError):
        tags.rename(connection, "soil", label, now=NOW)


def test_a_merged_tag_is_a_synonym_and_gives_its_articles_and_addresses(connection: Connection) -> None:
    an_article(connection, "a", "JS", "Web")
    an_article(connection, "b", "JavaScript", "JS")
    tags.rename(connection, "js", "Java Script", now=NOW)
    kept = tags.merge(connection, "java-script", "javascript", now=NOW)

    assert (kept.slug, kept.articles) == ("javascript", 2)
    assert kept.aliases == ("java-script", "js")
    assert kept.synonyms == ("JS", "Java Script")
    assert (labels(connection, "a"), labels(connection, "b")) == (["JavaScript", "Web"], ["JavaScript"])
    an_article(connection, "c", "js")
    assert labels(connection, "c") == ["JavaScript"]


def test_a_tag_is_not_merged_into_itself_or_into_none(connection: Connection) -> None:
    an_article(connection, "a", "soil")
    tags.rename(connection, "soil", "earth", now=NOW)
    with pytest.raises(InputError, match="same tag"):
        tags.merge(connection, "soil", "earth", now=NOW)
    with pytest.raises(NotFoundError):
        tags.merge(connection, "soil", "nothing", now=NOW)


def test_who_chose_a_tag_has_the_one_that_it_became_once(connection: Connection) -> None:
    people = on_list(connection, "news", "ada", "bo", "cy")
    news = lists.change(connection, "news", {"topics": ["js", "web", "javascript"]})
    an_article(connection, "a", "JS", "JavaScript", "Web")
    for name, chosen in (("ada", ["js", "web", "javascript"]), ("bo", ["web"]), ("cy", None)):
        memberships.set_topics(connection, people[name], news.id, chosen)
    before = tags.uses(connection, "js")
    tags.merge(connection, "js", "javascript", now=NOW)

    assert (before.articles, before.subscribers, before.lists) == (1, 1, 1)
    assert lists.find(connection, "news").topics == ("javascript", "web")
    chosen_now = {name: memberships.of_subscriber(connection, number)[0].topics for name, number in people.items()}
    assert chosen_now == {"ada": ("javascript", "web"), "bo": ("web",), "cy": None}


def test_audiences_and_segments_that_name_an_old_slug_mean_the_same_people(connection: Connection) -> None:
    people = on_list(connection, "news", "ada", "bo")
    news = lists.change(connection, "news", {"topics": ["js", "web"]})
    only_js, both = an_article(connection, "a", "JS"), [an_article(connection, "b", "JS", "Web")]
    memberships.set_topics(connection, people["ada"], news.id, ["js"])
    memberships.set_topics(connection, people["bo"], news.id, ["web"])
    segments.save(connection, slug="coders", name="", condition=parse("topic = js"), now=NOW)
    plan = AudiencePlan(lists=("news",), topics=("js",), repeats=True)
    a_dispatch(connection, plan, both)
    tags.rename(connection, "js", "JavaScript", now=NOW)

    everyone = AudiencePlan(lists=("news",), repeats=True)
    assert reached(connection, everyone, [only_js]) == {"ada"}
    assert reached(connection, plan, both) == {"ada"}
    assert reached(connection, replace(everyone, except_topics=("js",)), both) == {"bo"}
    assert reached(connection, AudiencePlan(segments=("coders",), repeats=True), both) == {"ada"}
    assert campaigns.find(connection, 1).audience.topics == ("javascript",)


def test_a_choice_that_names_an_old_slug_is_stored_under_the_new_one(connection: Connection) -> None:
    people = on_list(connection, "news", "ada")
    an_article(connection, "a", "JS")
    tags.rename(connection, "js", "JavaScript", now=NOW)
    news = lists.change(connection, "news", {"topics": ["js", "JavaScript", "unused"]})
    memberships.set_topics(connection, people["ada"], news.id, ["js"])
    assert news.topics == ("javascript", "JavaScript", "unused")
    assert memberships.of_subscriber(connection, number_of(connection, "ada"))[0].topics == ("javascript",)
    assert topics.labels(connection, ["js", "unused"]) == {"javascript": "JavaScript", "unused": "unused"}


def test_who_follows_a_tag_gets_the_articles_of_its_parts(connection: Connection) -> None:
    people = on_list(connection, "news", "ada", "bo")
    news = a_list(connection, "news")
    article_id = an_article(connection, "a", "Python")
    an_article(connection, "b", "Programming")
    memberships.set_topics(connection, people["ada"], news.id, ["programming"])
    memberships.set_topics(connection, people["bo"], news.id, ["cooking"])
    tags.change(connection, "python", parent="programming", now=NOW)
    assert reached(connection, AudiencePlan(lists=("news",), repeats=True), [article_id]) == {"ada"}


def test_no_tag_is_a_part_of_itself(connection: Connection) -> None:
    an_article(connection, "a", "A", "B", "C")
    tags.change(connection, "b", parent="a", now=NOW)
    tags.change(connection, "c", parent="b", now=NOW)
    for parent in ("a", "c"):
        with pytest.raises(InputError, match="cannot be a part of"):
            tags.change(connection, "a", parent=parent, now=NOW)
    tags.merge(connection, "a", "c", now=NOW)
    assert {one.slug: one.parent for one in tags.listed(connection)} == {"b": "c", "c": ""}


def test_a_hierarchy_has_an_end(connection: Connection) -> None:
    an_article(connection, "a", *(f"t{number}" for number in range(10)))
    with pytest.raises(InputError, match="at most 8 deep"):
        for number in range(9):
            tags.change(connection, f"t{number + 1}", parent=f"t{number}", now=NOW)
    assert len([one for one in tags.listed(connection) if one.parent]) == 7


def test_a_synonym_can_be_taken_away_but_not_an_earlier_name(connection: Connection) -> None:
    an_article(connection, "a", "JS")
    tags.rename(connection, "js", "JavaScript", now=NOW)
    tags.change(connection, "js", add_synonyms=["ES6"], now=NOW)
    assert tags.change(connection, "js", remove_synonyms=["es6"], now=NOW).synonyms == ("JS",)
    for label, reason in (("JS", "was the label"), ("JavaScript", "the label of"), ("TS", "is no synonym")):
        with pytest.raises(InputError, match=reason):
            tags.change(connection, "js", remove_synonyms=[label], now=NOW)


def test_an_article_that_comes_in_during_a_merge_does_not_bring_the_tag_back(app: AppContext) -> None:
    with app.database.begin() as connection:
        an_article(connection, "a", "JS", "JavaScript")

    def ingest() -> None:
        with app.database.begin() as other:
            an_article(other, "b", "JS")

    with app.database.begin() as connection:
        tags.merge(connection, "js", "javascript", now=NOW)
        ingesting = Thread(target=ingest)
        ingesting.start()
    ingesting.join()
    with app.database.begin() as connection:
        assert slugs(connection) == {"javascript"}
        assert labels(connection, "b") == ["JavaScript"]


def test_the_same_new_tag_of_two_articles_at_once_is_one_tag(app: AppContext) -> None:
    def ingest() -> None:
        with app.database.begin() as other:
            an_article(other, "b", "new", "other")

    with app.database.begin() as connection:
        an_article(connection, "a", "other", "New")
        ingesting = Thread(target=ingest)
        ingesting.start()
    ingesting.join()
    with app.database.begin() as connection:
        assert slugs(connection) == {"new", "other"}
        assert labels(connection, "b") == ["New", "other"]


def test_tags_from_before_keep_slug_and_followers_and_are_told_apart_now(app: AppContext) -> None:
    with app.database.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0006")
        old = {"c": "C++", "r-d": "R&D", "soil": "Soil", "a-and-b": "A and B", "a-b": "A & B"}
        for slug, label in old.items():
            connection.execute(text("INSERT INTO tags VALUES (:slug, :label)"), {"slug": slug, "label": label})
        written: dict[str, list[tuple[str, list[str], str]]] = {
            "first": [("C++", ["C"], "c"), ("R&D", [], "r-d")],
            "second": [("C#", [], "c"), ("soil", ["dirt"], "soil")],
            "third": [("A & B", [], "a-b")],
            "fourth": [("C", [], "c")],
        }
        for number, (name, tagged) in enumerate(written.items(), start=1):
            connection.execute(
                text("""
                    INSERT INTO articles (guid, slug, source, source_ref, revision, state, updated_at)
                    VALUES (:name, :name, 'test', :name, 1, 'draft', now())
                """),
                {"name": name},
            )
            content = {
                "title": name,
                "body": [],
                "tags": [{"label": label, "synonyms": synonyms} for label, synonyms, _ in tagged],
            }
            connection.execute(
                text("""
                    INSERT INTO article_revisions (article_id, number, content_hash, content, created_at)
                    VALUES (:number, 1, '', CAST(:content AS jsonb), now())
                """),
                {"number": number, "content": json.dumps(content)},
            )
            for position, (_, _, slug) in enumerate(tagged):
                connection.execute(
                    text("INSERT INTO article_tags VALUES (:number, :slug, :position)"),
                    {"number": number, "slug": slug, "position": position},
                )
    migrate(app.database)
    with app.database.begin() as connection:
        by_slug = {one.slug: one.label for one in tags.listed(connection)}
        assert by_slug == old | {"c-2": "C", "c-sharp": "C#"}
        tagged_now = {
            name: [tag.slug for tag in articles.find_by_slug(connection, name).article.tags] for name in written
        }
        assert tagged_now == {
            "first": ["c", "c-2", "r-d"],
            "second": ["c-sharp", "soil"],
            "third": ["a-b"],
            "fourth": ["c-2"],
        }
        an_article(connection, "new", "R & D", "c++", "C", "A & B")
        assert [tag.slug for tag in articles.find_by_slug(connection, "new").article.tags] == [
            "r-d",
            "c",
            "c-2",
            "a-and-b",
        ]
