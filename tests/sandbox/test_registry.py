"""Emulators are found in the sandbox's folder and in other packages, and everything that lists them follows."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from distributor.channels import registry as channel_registry
from distributor.cli.sandbox import configure_sandbox_channels
from distributor.domain.sandbox_ports import SandboxPorts
from distributor.flow.app_context import AppContext
from distributor.sandbox import registry
from distributor.sandbox.service import Sandbox, running_sandbox
from distributor.storage import channels

from .clients import plain_client

EMULATOR = """
from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from distributor.sandbox.display import DisplayedPost, DisplayedText
from distributor.sandbox.emulator import Emulator
from distributor.sandbox.faults import FaultStage, Switches
from distributor.sandbox.limits import Allowance, Count, EmulatorLimits
from distributor.sandbox.request_gate import Clock, RequestGate
from tests.flow.scripted_channel import ScriptedChannel


class PagerSettings(BaseModel):
    url: str


class PagerChannel(ScriptedChannel):
    kind = "pager"
    settings_model = PagerSettings

    def __init__(self, settings: BaseModel) -> None:
        self.settings = settings


class PagerLimits(EmulatorLimits):
    pages_per_minute: Count = 2
    max_characters: Count = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPage:
    key: str
    text: str
    created_at: datetime


class PagerEmulator(Emulator[PagerLimits]):
    kind = "pager"
    title = "Pager"
    limits_model = PagerLimits

    def __init__(self, folder: Path, *, switches: Switches, clock: Clock) -> None:
        super().__init__(folder, switches=switches, clock=clock)
        self._pages = self.open_store("pages.jsonl", StoredPage)

    @classmethod
    def channel_settings(cls, base_url: str) -> dict[str, Any]:
        return {"url": base_url}

    def routes(self, gate: RequestGate) -> list[Route]:
        return [
            gate.route("/pages", self._send, method="POST", stage=FaultStage.POST),
            self.permalink("/pages/{key}", "{key}"),
        ]

    def refuse(self, refusal: HTTPException) -> Response:
        return JSONResponse({"error": refusal.detail}, refusal.status_code)

    def count(self, stage: FaultStage, points: int, now: datetime) -> Allowance:
        return self.spend("pages", points, now, limit=self.limits.current.pages_per_minute, seconds=60)

    def posts(self) -> list[DisplayedPost]:
        return [self._display(page) for page in self._pages.oldest_first()]

    async def _send(self, request: Request) -> Response:
        text = (await request.json())["text"]
        if len(text) > self.limits.current.max_characters:
            raise HTTPException(400, "too long")
        page = StoredPage(key=str(len(self._pages) + 1), text=text, created_at=self.clock())
        self._pages.put(page)
        return JSONResponse({"id": page.key}, 201)

    def _display(self, page: StoredPage) -> DisplayedPost:
        return DisplayedPost(
            key=page.key,
            parent=None,
            author="Distributor",
            handle="distributor",
            created_at=page.created_at,
            text=page.text,
            spans=[DisplayedText(page.text)],
            length=len(page.text),
            limit=self.limits.current.max_characters,
            url=f"/pager/pages/{page.key}",
        )
"""
ENTRY_POINTS = """[distributor.emulators]
pager = pager_emulator:PagerEmulator

[distributor.channels]
pager = pager_emulator:PagerChannel
"""


@pytest.fixture
def pager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package with an emulator and a channel of kind `pager`, announced by entry points."""
    packages = tmp_path / "packages"
    information = packages / "pager-1.0.dist-info"
    information.mkdir(parents=True)
    (packages / "pager_emulator.py").write_text(EMULATOR)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: pager\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(str(packages))
    importlib.invalidate_caches()
    registry.emulators.cache_clear()
    channel_registry.kinds.cache_clear()
    yield
    registry.emulators.cache_clear()
    channel_registry.kinds.cache_clear()


@pytest.fixture
def sandbox_with_pager(pager: None, tmp_path: Path) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path / "sandbox") as running:
        yield running


@pytest.fixture
def client(sandbox_with_pager: Sandbox) -> Iterator[httpx.Client]:
    with plain_client(sandbox_with_pager.http_url) as client:
        yield client


def test_every_emulator_in_the_folder_serves_a_kind_of_channel() -> None:
    assert set(registry.emulators()) <= set(channel_registry.kinds())
    assert list(registry.emulators()) == sorted(registry.emulators())
    for kind, emulator in registry.emulators().items():
        assert emulator.kind == kind
        channel_registry.make_channel(kind, emulator.channel_settings(f"http://127.0.0.1:1/{kind}"))


def test_the_emulator_of_another_package_is_served_under_its_kind(client: httpx.Client) -> None:
    assert client.post("/pager/pages", json={"text": "Hello"}).status_code == 201
    [post] = client.get("/export/pager.json").json()
    assert (post["text"], post["account"]) == ("Hello", "distributor")


def test_the_emulator_of_another_package_is_on_the_page(client: httpx.Client) -> None:
    client.post("/pager/pages", json={"text": "Hello"})
    for path in ("/", "/pager-timeline", "/pager/pages/1"):
        page = client.get(path, follow_redirects=True).text
        assert '<a href="/pager-timeline">Pager</a>' in page
        assert "Hello" in page


def test_the_emulator_of_another_package_has_limits_and_faults(client: httpx.Client) -> None:
    assert client.post("/pager/pages", json={"text": "a" * 21}).json() == {"error": "too long"}
    assert client.put("/limits/pager", json={"pages_per_minute": 1}).status_code == 200
    assert client.post("/pager/pages", json={"text": "a"}).status_code == 429
    client.delete("/limits/pager")
    client.put("/faults/pager", json={"faults": [{"kind": "refuse", "code": 502}]})
    assert client.post("/pager/pages", json={"text": "a"}).status_code == 502


def test_the_channel_of_another_package_is_configured_to_lead_to_its_emulator(
    app: AppContext, sandbox_with_pager: Sandbox
) -> None:
    ports = SandboxPorts(http=sandbox_with_pager.http_port, smtp=sandbox_with_pager.smtp_port)
    names = configure_sandbox_channels(app, ports)
    assert set(names) == {"email", "feed", *registry.emulators()}
    with app.database.begin() as connection:
        assert channels.find(connection, "pager").settings == {"url": sandbox_with_pager.url("pager")}


def test_an_emulator_without_a_channel_is_not_configured(
    app: AppContext, pager: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_pager = {kind: channel for kind, channel in channel_registry.kinds().items() if kind != "pager"}
    monkeypatch.setattr("distributor.cli.sandbox.kinds", lambda: without_pager)
    assert "pager" not in configure_sandbox_channels(app, SandboxPorts(http=1, smtp=2))
