"""The tour of the command line, command by command, by someone who has nothing but a new folder with the samples."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import httpx
import pytest

from tests.conftest import thorough

from .running_up import running_up, wait_for
from .visitor import TOUR, Visitor, blocks, prepare_folder

TITLE = "A Kitchen Garden in Twelve Weeks"


@pytest.fixture(scope="module")
def visitor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    """A visitor who has taken the whole tour. Nothing is configured."""
    folder = tmp_path_factory.mktemp("tour")
    prepare_folder(folder)
    with running_up(folder, undo_seconds="2") as service:
        visitor = Visitor(service, folder)
        visitor.enter(blocks(TOUR)[0])
        yield visitor


@thorough
def test_the_article_is_out_on_every_channel_of_the_tour(visitor: Visitor) -> None:
    shown = visitor.enter_json("distributor campaign show 1")
    totals = {one["channel"]: one["totals"] for one in shown["dispatches"]}
    assert shown["state"] == "finished"
    assert totals.keys() == {"email", "feed", "x", "mastodon", "bluesky"}
    assert all(one["audience"] == one["sent"] > 0 for one in totals.values())
    assert visitor.mail()["Subject"].startswith(TITLE)
    for network in ("x", "mastodon", "bluesky"):
        assert TITLE in json.dumps(visitor.on_sandbox(network))
    for page in (
        "",
        "/articles/a-kitchen-garden-in-twelve-weeks",
        "/feeds/all.rss",
        "/feeds/all.atom",
        "/feeds/all.json",
    ):
        assert TITLE in httpx.get(visitor.service.url + page).text, page


@thorough
def test_a_click_in_the_mail_is_counted_and_who_unsubscribes_is_not_in_the_next_audience(visitor: Visitor) -> None:
    mail = visitor.mail()
    html = mail.get_body(("html",))
    assert html
    clicked = re.search(rf'href="({re.escape(visitor.service.url)}/c/[^"]+)"', html.get_content())
    assert clicked
    assert httpx.get(clicked[1]).is_redirect
    wait_for(
        lambda: visitor.enter_json("distributor campaign show 1")["events"].get("click", {}).get("deliveries") == 1,
        "the click",
    )
    audience = "distributor campaign audience --list weekly-letter --again"
    assert visitor.enter_json(audience)["count"] == 1
    link = mail["List-Unsubscribe"].strip("<>").partition(">")[0]
    assert httpx.post(link, data={"List-Unsubscribe": "One-Click"}).is_success
    assert visitor.enter_json(audience)["count"] == 0
