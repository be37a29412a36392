"""Links and images of a campaign are asked whether they answer, before its readers follow them."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from distributor.domain.article import Manuscript
from distributor.domain.blocks import Block, Image, Paragraph, Run
from distributor.domain.ip_networks import parse_networks
from distributor.domain.message_options import MessageOptions
from distributor.flow.app_context import AppContext
from distributor.flow.publishing import article_control, link_check
from distributor.guarded_http import FetchedResponse, GuardedHttpClient
from distributor.storage import articles
from distributor.testing.scripted_server import (
    NeverRespond,
    RecordedRequest,
    Reply,
    ScriptedServer,
    Step,
    closed_port,
    scripted_server,
)

LOOPBACK = parse_networks("127.0.0.1")


@pytest.fixture
def app(app: AppContext, monkeypatch: pytest.MonkeyPatch) -> AppContext:
    """An app that may fetch from servers on this machine, and that has time."""
    for name in ("_HEAD_SECONDS", "_GET_SECONDS", "_ALL_SECONDS"):
        monkeypatch.setattr(link_check, name, 60)
    return replace(app, fetch_networks=LOOPBACK)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A server whose pages answer with the status that their path names."""
    with scripted_server(route=answer) as running:
        yield running


def answer(request: RecordedRequest) -> Step:
    name = request.path.strip("/")
    if name.endswith(".png"):
        return Reply(200, b"x" * 1_200_000 if "large" in name else b"x", {"Content-Type": "image/png"})
    if name == "get-only" and request.method == "HEAD":
        return Reply(405)
    return Reply(int(name) if name.isdigit() else 200, b"page", {"Content-Type": "text/html; charset=utf-8"})


def check(
    app: AppContext, *hrefs: str, images: tuple[str, ...] = (), publishes: bool = False, **texts: Any
) -> list[str]:
    """The codes and messages about an article with these links and images, and these texts of a channel `news`."""
    body: tuple[Block, ...] = (
        *(Paragraph((Run("A page", href=href),)) for href in hrefs),
        *(Image(src=src, alt="A picture") for src in images),
    )
    with app.database.begin() as connection:
        articles.add(
            connection,
            Manuscript(title="Links", body=body),
            guid="urn:uuid:00000000-0000-4000-8000-000000000002",
            slug="links",
            source="test",
            source_ref="links",
            content_hash="0",
            now=app.clock(),
        )
        found = articles.find_by_slug(connection, "links")
    problems = link_check.check_links(
        app,
        [found],
        {"news": MessageOptions(**texts)},
        to_publish=["links"] if publishes else [],
        now=app.clock(),
    )
    return [f"{one.code}: {one.message}" for one in problems]


@pytest.mark.parametrize("status", [404, 410, 500, 503])
def test_a_page_that_is_gone_or_broken_is_named_with_its_place(
    app: AppContext, server: ScriptedServer, status: int
) -> None:
    (problem,) = check(app, f"{server.url}/{status}")
    assert problem.startswith(f"link-broken: the link {server.url}/{status} in article links answers {status} ")


@pytest.mark.parametrize("status", [200, 204, 400, 401, 403, 405, 429, 451])
def test_a_server_that_answers_something_else_is_there(app: AppContext, server: ScriptedServer, status: int) -> None:
    assert check(app, f"{server.url}/{status}") == []
    assert server.requests


def test_a_page_is_asked_by_head_and_by_get_only_if_that_is_not_good(app: AppContext, server: ScriptedServer) -> None:
    assert check(app, f"{server.url}/fine#part", f"{server.url}/fine", f"{server.url}/404") != []
    asked = [(one.method, one.path, one.headers.get("range")) for one in server.requests]
    assert sorted(asked, key=str) == [
        ("GET", "/404", "bytes=0-2047"),
        ("HEAD", "/404", None),
        ("HEAD", "/fine", None),
    ]


def test_images_have_to_be_images_and_not_too_large_for_mail(app: AppContext, server: ScriptedServer) -> None:
    images = tuple(f"{server.url}/{name}" for name in ("fine.png", "large.png", "page", "404"))
    assert check(app, images=images) == [
        f"image-large: the image {server.url}/large.png in article links has 1.2 MB: make it smaller, because mails "
        "show it slowly",
        f"image-broken: the image {server.url}/page in article links is text/html, not an image",
        f"image-broken: the image {server.url}/404 in article links answers 404 Not Found",
    ]


def test_a_server_that_is_not_there_is_said(app: AppContext, server: ScriptedServer) -> None:
    with closed_port() as url:
        (problem,) = check(app, f"{url}/page", f"{server.url}/200")
    assert problem.startswith(f"link-broken: the link {url}/page in article links does not answer: no connection")


def test_a_server_that_never_answers_is_given_up(app: AppContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_check, "_HEAD_SECONDS", 0.2)
    monkeypatch.setattr(link_check, "_GET_SECONDS", 0.3)
    with scripted_server(route=lambda request: NeverRespond()) as silent:
        found = check(app, f"{silent.url}/page")
    assert found == [
        f"link-broken: the link {silent.url}/page in article links does not answer: no response within 0.3 seconds"
    ]


def test_an_address_that_readers_cannot_reach_is_not_asked(app: AppContext, server: ScriptedServer) -> None:
    (problem,) = check(replace(app, fetch_networks=()), f"{server.url}/200")
    assert problem.startswith("link-broken: ")
    assert "not a public address" in problem
    assert server.requests == []


def test_a_fault_with_one_address_leaves_the_others_checked(
    app: AppContext, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch = GuardedHttpClient.fetch

    async def broken(client: GuardedHttpClient, address: str, **options: Any) -> FetchedResponse:
        if address.endswith("/fault"):
            raise RuntimeError("a bug")
        return await fetch(client, address, **options)

    monkeypatch.setattr(GuardedHttpClient, "fetch", broken)
    found = check(app, f"{server.url}/fault", f"{server.url}/404")
    assert [one.rpartition("links ")[2] for one in found] == [
        "does not answer: it cannot be asked (RuntimeError)",
        "answers 404 Not Found",
    ]


@pytest.mark.parametrize("address", ["http://[::1", "http://", "https://exa mple.org/", "HTTP://127.0.0.1:99999/"])
def test_an_address_that_is_none_is_a_broken_link(app: AppContext, address: str) -> None:
    (problem,) = check(app, address)
    assert problem.startswith(f"link-broken: the link {address} in article links does not answer: ")


@pytest.mark.parametrize("address", ["mailto:ada@example.org", "#part", "other.html", "//elsewhere.example/page"])
def test_what_is_no_address_of_the_web_is_not_asked(app: AppContext, address: str) -> None:
    assert check(app, address) == []


def test_pages_of_this_site_are_looked_up_without_asking(app: AppContext) -> None:
    site = app.site.public_url
    found = check(
        app,
        *(f"{site}/articles/links", "/articles/links?from=mail", f"{site}/articles/nothing", f"{site}/feeds/all.rss"),
        images=("/media/gone.png",),
    )
    assert found == [
        f"link-broken: the link {site}/articles/links in article links leads to an article that is not public",
        "link-broken: the link /articles/links?from=mail in article links leads to an article that is not public",
        f"link-broken: the link {site}/articles/nothing in article links leads to an article that does not exist",
        "image-broken: the image /media/gone.png in article links is not stored here",
    ]


def test_a_page_of_this_site_that_the_campaign_publishes_or_that_is_public_is_fine(app: AppContext) -> None:
    assert check(app, f"{app.site.public_url}/articles/links", publishes=True) == []
    article_control.publish(app, "links", actor="a test")
    with app.database.begin() as connection:
        found = articles.find_by_slug(connection, "links")
    assert link_check.check_links(app, [found], {}, to_publish=[], now=app.clock()) == []


def test_the_texts_of_channels_are_checked_without_links_made_of_merge_fields(
    app: AppContext, server: ScriptedServer
) -> None:
    found = check(
        app,
        greeting=f"[Read]({server.url}/404) and [yours]({server.url}/404/{{{{subscriber.name}}}})",
        closing="{% if",
        text=f"News: {server.url}/410!",
    )
    assert found == [
        f"link-broken: the link {server.url}/404 in the greeting on news answers 404 Not Found",
        f"link-broken: the link {server.url}/410 in the text on news answers 410 Gone",
    ]


def test_a_machine_without_the_web_gets_one_warning(app: AppContext, monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo

    def fail(host: str, *given: Any, **named: Any) -> Any:
        if host == "10.0.0.1":
            return real(host, *given, **named)
        raise socket.gaierror(socket.EAI_AGAIN, "no name server")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    (problem,) = check(app, "http://10.0.0.1/", *(f"https://{name}.example.org/" for name in "abcdef"))
    assert problem == (
        "links-unchecked: no link or image was checked: this machine does not reach the web (the name a.example.org "
        "cannot be resolved)"
    )


def test_a_name_that_does_not_exist_is_a_broken_link(app: AppContext, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*given: Any, **named: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    assert [one.partition(":")[0] for one in check(app, "https://a.example/", "https://b.example/")] == [
        "link-broken",
        "link-broken",
    ]


def test_what_is_not_done_when_the_time_is_up_is_counted(app: AppContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_check, "_ALL_SECONDS", 0.5)
    with scripted_server(route=lambda request: NeverRespond()) as server:
        found = check(app, *(f"{server.url}/{number}" for number in range(5)))
    assert found == ["links-unchecked: 5 links did not answer within 0.5 seconds altogether: check them by hand"]


def test_sixteen_addresses_are_asked_at_once_and_two_of_one_host(
    app: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: Counter[str] = Counter()
    most_of_a_host = most = 0

    async def count(client: GuardedHttpClient, address: str, **options: Any) -> FetchedResponse:
        nonlocal most, most_of_a_host
        host = address.split("/")[2]
        asked[host] += 1
        most, most_of_a_host = max(most, asked.total()), max(most_of_a_host, asked[host])
        for _ in range(20):
            await asyncio.sleep(0)
        asked[host] -= 1
        return FetchedResponse(url=address, status=200, headers={}, body=b"")

    monkeypatch.setattr(GuardedHttpClient, "fetch", count)
    assert check(app, *(f"https://{host}.example/{page}" for host in range(20) for page in range(5))) == []
    assert (most, most_of_a_host) == (16, 2)
