"""What tests say to the sandbox, written from the networks' documents and not with the project's own channels."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx

from distributor.sandbox import accounts

TID = "3lbn2q5kcxs2a"
OTHER_TID = "3lbn2q5kcxs2b"


def plain_client(base_url: str, headers: dict[str, str] | None = None) -> httpx.Client:
    """A client for plain HTTP; without the certificates that take longer to load than most tests to run."""
    return httpx.Client(base_url=base_url, headers=headers, verify=False, timeout=30)


@dataclass
class StillClock:
    """A clock that stands still until it is moved."""

    moment: datetime

    def __call__(self) -> datetime:
        return self.moment

    def move(self, **by: float) -> None:
        self.moment += timedelta(**by)


@dataclass
class BlueskyCaller:
    """A session with the PDS."""

    client: httpx.Client
    session: dict[str, Any]

    @classmethod
    def logged_in(cls, client: httpx.Client) -> BlueskyCaller:
        given = {"identifier": accounts.BLUESKY.handle, "password": accounts.BLUESKY.app_password}
        answer = client.post("/com.atproto.server.createSession", json=given)
        assert answer.status_code == 200, answer.text
        return cls(client, answer.json())

    def call(self, method: str, **body: Any) -> httpx.Response:
        return self.client.post(f"/{method}", json=body, headers=self._headers())

    def ask(self, method: str, **query: Any) -> httpx.Response:
        return self.client.get(f"/{method}", params=query, headers=self._headers())

    def put(self, record: dict[str, Any], *, rkey: str = TID, **more: Any) -> httpx.Response:
        place = {"repo": accounts.BLUESKY.did, "collection": "app.bsky.feed.post", "rkey": rkey}
        return self.call("com.atproto.repo.putRecord", **place, record=record, **more)

    def upload(self, content: bytes, mime: str) -> httpx.Response:
        headers = self._headers() | {"content-type": mime}
        return self.client.post("/com.atproto.repo.uploadBlob", content=content, headers=headers)

    def _headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.session['accessJwt']}"}


def post_record(text: str = "Hello", **more: Any) -> dict[str, Any]:
    """A post that a PDS takes."""
    return {"$type": "app.bsky.feed.post", "text": text, "createdAt": "2026-11-22T10:00:00.000Z", **more}


def png(padding: int = 0) -> bytes:
    """A picture of one pixel, made larger by so many bytes of comment."""
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
