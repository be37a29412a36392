"""Every kind of channel conforms to the contract, and the conformance suite finds a channel that does not."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import BaseModel

from distributor.channels.api import Cost, Delivery, Json, Rendition, SendContext, Verdict
from distributor.channels.registry import kinds
from distributor.channels.social.channel import PostLimits, SocialChannel
from distributor.channels.social.http import ApiResponse, HttpClient
from distributor.channels.social.idempotent_send import Request, SocialClient
from distributor.channels.social.post import Post
from distributor.channels.social.results import Posted, PostResult, Refused, Unknown, classify_status
from distributor.channels.social.settings import SocialSettings
from distributor.rendering.environment import Templates, shipped_templates
from distributor.testing.conformance import HttpScenario, sending_violations, violations
from distributor.testing.scripted_server import Reply


@pytest.mark.parametrize("name", kinds())
def test_a_kind_conforms_to_the_contract(name: str) -> None:
    assert violations(kinds()[name]) == []


class BoardSettings(SocialSettings):
    url: str = "http://127.0.0.1:9"
    token: str = ""
    hasty: bool = False


class BoardClient(SocialClient):
    """A board that cannot be asked for earlier posts; `hasty` treats every failure as a refusal."""

    def __init__(self, settings: BoardSettings) -> None:
        self._is_hasty = settings.hasty
        self._http = HttpClient(settings.url, timeout_seconds=settings.timeout_seconds)

    async def close(self) -> None:
        await self._http.close()

    def request_for(self, post: Post, *, delivery: Delivery, number: int, previous: Posted | None) -> Request:
        return {"text": post.text}

    async def post(self, request: Request) -> PostResult:
        response = await self._http.call("POST", "/notes", json=request)
        if isinstance(response, Unknown) and self._is_hasty:
            return Refused(verdict=Verdict.DEFERRED, reply=response.reply)
        if not isinstance(response, ApiResponse):
            return response
        if response.status_code == 201:
            return Posted(remote_id=response.content.decode(), permalink=None)
        return classify_status(response.status_code, "refused", retry_at=None)


class BoardChannel(SocialChannel[BoardSettings]):
    kind = "board"
    settings_model: ClassVar[type[BaseModel]] = BoardSettings

    def limits(self, frozen: Mapping[str, Json]) -> PostLimits:
        return PostLimits(length=500)

    def open_client(self, context: SendContext) -> BoardClient:
        return BoardClient(self.settings)


class PricedChannel(BoardChannel):
    """A board with strange prices."""

    def estimate_cost(self, rendition: Rendition, recipients: int) -> Cost:
        return Cost(amount=Decimal(-recipients), currency="$")


@pytest.fixture
def templates(tmp_path: Path) -> Templates:
    """The board's own template, beside those of the product."""
    (tmp_path / "social").mkdir()
    (tmp_path / "social" / "board.txt.j2").write_text("{{ title }}\n{{ link }}")
    return Templates([tmp_path, shipped_templates()])


def scenario(**settings: bool) -> HttpScenario:
    return HttpScenario(
        settings=lambda url: {"url": url, **settings},
        is_post=lambda request: request.path == "/notes",
        created=Reply(201, b"n1"),
        rate_limited=lambda at: Reply(429, {}, {"Retry-After": str(int(at.timestamp()))}),
    )


def test_a_channel_that_cannot_look_posts_up_conforms_if_it_never_posts_blindly(templates: Templates) -> None:
    (violation,) = sending_violations(BoardChannel, scenario(), templates)
    assert violation.startswith("after status 429: it is retried at None")


def test_a_channel_that_takes_a_lost_response_for_a_refusal_is_found(templates: Templates) -> None:
    found = sending_violations(BoardChannel, scenario(hasty=True), templates)
    assert "after a lost response: a second attempt posts again, though the first post may exist" in found
    assert any(one.startswith("after a timeout: the outcome is deferred") for one in found)
    assert "after a timeout: the parts are [], not one that is intended" in found


def test_a_secret_that_is_stored_in_plain_text_is_found(templates: Templates) -> None:
    assert violations(BoardChannel, templates) == [
        "setting token is a secret by its name: make it a SecretStr, so that it is stored encrypted"
    ]


def test_costs_that_no_one_can_be_billed_are_found(templates: Templates) -> None:
    assert [one for one in violations(PricedChannel, templates) if one.startswith("estimate_cost")] == [
        "estimate_cost() returns a currency that is no code of ISO 4217, such as USD",
        "estimate_cost() returns an amount that is none",
        "estimate_cost() says that more recipients cost less",
    ]
