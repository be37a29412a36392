"""Clients of the emulators, written from the networks' documentation and not with the project's own channels."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx

from distributor.sandbox.bluesky.account import BLUESKY_ACCOUNT

TID = "3lbn2q5kcxs2a"
OTHER_TID = "3lbn2q5kcxs2b"


def plain_client(base_url: str, headers: dict[str, str] | None = None) -> httpx.Client:
    """A client for plain HTTP; without the certificates that take longer to load than most tests take to run."""
    return httpx.Client(base_url=base_url, headers=headers, verify=False, timeout=30)


@dataclass
class ManualClock:
    """A clock that only `move` moves."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass
class BlueskyClient:
    """A session with the PDS."""

    client: httpx.Client
    session: dict[str, Any]

    @classmethod
    def logged_in(cls, client: httpx.Client) -> BlueskyClient:
        given = {"identifier": BLUESKY_ACCOUNT.handle, "password": BLUESKY_ACCOUNT.app_password}
        response = client.post("/com.atproto.server.createSession", json=given)
        assert response.status_code == 200, response.text
        return cls(client, response.json())

    def call(self, method: str, **body: Any) -> httpx.Response:
        return self.client.post(f"/{method}", json=body, headers=self._headers())

    def query(self, method: str, **parameters: Any) -> httpx.Response:
        return self.client.get(f"/{method}", params=parameters, headers=self._headers())

    def put(self, record: dict[str, Any], *, rkey: str = TID, **more: Any) -> httpx.Response:
        place = {"repo": BLUESKY_ACCOUNT.did, "collection": "app.bsky.feed.post", "rkey": rkey}
        return self.call("com.atproto.repo.putRecord", **place, record=record, **more)

    def upload(self, content: bytes, mime: str) -> httpx.Response:
        headers = self._headers() | {"content-type": mime}
        return self.client.post("/com.atproto.repo.uploadBlob", content=content, headers=headers)

    def _headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.session['accessJwt']}"}


def post_record(text: str = "Hello", **more: Any) -> dict[str, Any]:
    """A post that a PDS accepts."""
    return {"$type": "app.bsky.feed.post", "text": text, "createdAt": "2026-11-22T10:00:00.000Z", **more}


def png(padding: int = 0) -> bytes:
    """An image of one pixel, with a comment of `padding` bytes."""
    out = io.BytesIO(b"")
    out.write(b"\x89PNG\r\n\x1a\n")
    for kind, data in (
        (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)),
        (b"tEXt", b"Comment\0" + b"x" * padding),
        (b"IDAT", zlib.compress(b"\0\x33\x66\x99")),
        (b"IEND", b""),
    ):
        out.write(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)))
    return out.getvalue()
