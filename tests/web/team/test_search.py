"""Search: what everyone finds, what only those find who may see it, and texts that are no queries."""

from __future__ import annotations

from typing import Any

import pytest

from distributor.domain.campaign import DispatchState
from distributor.domain.subscriber import Person
from distributor.domain.tags import Tag
from distributor.domain.user import Role
from distributor.flow.app_context import AppContext
from distributor.storage import lists, memberships
from distributor.web.team.search import LONGEST_QUERY, MOST_OF_A_GROUP
from tests.web.samples import EVIDENCE, WriteArticle

from .campaigns_in_states import add_campaign, people_on_a_list
from .conftest import Browser, Team


@pytest.fixture
def filled(app: AppContext, write_article: WriteArticle) -> None:
    """Articles, campaigns, people and a channel, of which one of each has to do with the harbour."""
    people_on_a_list(app, 3)
    add_campaign(app, "Harbour festival", DispatchState.DRAFT)
    add_campaign(app, "Winter timetable 100%", DispatchState.DRAFT)
    write_article("harbour-news", title="What the keeper says", tags=(Tag("Lighthouses"),))
    write_article("ferries", title="Ferries in winter", tags=(Tag("Ships"),))
    with app.database.begin() as connection:
        people = [
            Person(key="ada@harbour.example", email="Ada@harbour.example", name="Ada Keeper"),
            Person(key="bo@elsewhere.example", email="bo@elsewhere.example", name=""),
        ]
        memberships.subscribe(connection, lists.find(connection, "weekly").id, people, EVIDENCE, now=app.clock())


@pytest.fixture
def owner(team: Team, filled: None) -> Browser:
    return team.signed_in(team.user())


def found(browser: Browser, query: str) -> dict[str, list[str]]:
    page: Any = browser.page(f"/app/search?q={query}")
    return {
        section.xpath("./h2/text()")[0]: [" ".join(one.text_content().split()) for one in section.xpath(".//a")]
        for section in page.xpath("//main//section")
    }


def test_one_word_finds_campaigns_articles_and_people(owner: Browser):
    assert found(owner, "harbour") == {
        "Campaigns": ["Harbour festival"],
        "Articles": ["What the keeper says"],
        "People": ["Ada Keeper Ada@harbour.example"],
    }


@pytest.mark.parametrize(
    ("query", "group", "label"),
    [
        ("KEEPER says", "Articles", "What the keeper says"),
        ("says keeper", "Articles", "What the keeper says"),
        ("lightho", "Articles", "What the keeper says"),
        ("winter", "Campaigns", "Winter timetable 100%"),
        ("100%25", "Campaigns", "Winter timetable 100%"),
        ("bo@elsewhere.example", "People", "bo@elsewhere.example"),
        ("ada kee", "People", "Ada Keeper Ada@harbour.example"),
        ("newsl", "Channels", "newsletter email"),
        ("calen", "Pages", "Calendar"),
        ("brand", "Pages", "Brand"),
    ],
)
def test_words_find_by_title_address_tag_name_and_page(owner: Browser, query: str, group: str, label: str):
    assert label in found(owner, query)[group]


def test_every_result_leads_to_its_page(owner: Browser):
    page = owner.page("/app/search?q=harbour")
    assert page.xpath("//main//section//a/@href") == ["/app/campaigns/1", "/app/articles/1", "/app/people/4"]


def test_who_may_not_see_people_finds_none_and_no_page_that_the_role_may_not_open(team: Team, filled: None):
    viewer = team.signed_in(team.user(Role.VIEWER))
    assert list(found(viewer, "harbour")) == ["Campaigns", "Articles"]
    assert found(viewer, "ada") == {}
    assert found(viewer, "team") == {}


@pytest.mark.parametrize("query", ["", "%20", "%00", "%25", "_", "'", "\\", "<script>", "a" * 5000, "%F0%9F%90%99"])
def test_any_text_is_a_query(owner: Browser, query: str):
    response = owner.get(f"/app/search?q={query}")
    assert response.status_code == 200
    assert "<script>" not in response.text.replace('<script type="module"', "")


def test_a_wildcard_is_a_character(owner: Browser):
    assert found(owner, "_") == {}
    assert found(owner, "%25") == {"Campaigns": ["Winter timetable 100%"]}


def test_a_long_query_is_cut(owner: Browser):
    page = owner.page("/app/search?q=" + "a" * 5000)
    assert page.xpath("//input[@id='query']/@value") == ["a" * LONGEST_QUERY]


def test_of_many_the_newest_are_shown_and_that_there_are_more(app: AppContext, owner: Browser):
    for number in range(MOST_OF_A_GROUP + 1):
        add_campaign(app, f"Letter {number}", DispatchState.DRAFT)
    assert len(found(owner, "letter")["Campaigns"]) == MOST_OF_A_GROUP
    assert "There are more: another word finds fewer." in owner.get("/app/search?q=letter").text


def test_what_is_found_is_shown_as_text(app: AppContext, owner: Browser, write_article: WriteArticle):
    evil = "<img src=x onerror=alert(1)>"
    add_campaign(app, evil, DispatchState.DRAFT)
    write_article("evil", title=evil)
    text = owner.get("/app/search?q=onerror").text
    assert text.count("&lt;img src=x onerror=alert(1)&gt;") == 2
    assert "<img" not in text


def test_a_script_gets_only_what_was_found(owner: Browser):
    fragment = owner.get("/app/search?q=harbour", headers={"HX-Request": "true"}).text
    assert "Harbour festival" in fragment
    assert 'data-found="3 results"' in fragment
    assert "<html" not in fragment
    assert "<nav" not in fragment


def test_nothing_found_says_so_and_how_people_are_found(owner: Browser):
    page = owner.page("/app/search?q=zzz")
    assert "Nothing is called “zzz”" in page.text_content()
    assert page.xpath("//main//p[@role='status']/text()") == ["Nothing found"]
