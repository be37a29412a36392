"""An emulator of Telegram's Bot API: sendMessage and sendPhoto to one public channel, with their limits and errors.

Source: core.telegram.org/bots/api. Bots cannot read a chat's history there, so there is nothing to read here either.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from distributor.sandbox.display import DisplayedCard, DisplayedImage, DisplayedPost, DisplayedText
from distributor.sandbox.emulator import Emulator
from distributor.sandbox.faults import FaultStage, Switches
from distributor.sandbox.limits import Allowance, Count, EmulatorLimits
from distributor.sandbox.media import UploadedMedia, image_type
from distributor.sandbox.request_gate import Clock, RequestGate

BOT_TOKEN = "42:sandbox-telegram-token"  # noqa: S105 - public on purpose
CHAT = "distributor_news"
_CHAT_ID = -1_001_000_000_042
_CHAT = {"id": _CHAT_ID, "type": "channel", "title": "Distributor", "username": CHAT}
_BOT = {"id": 42, "is_bot": True, "username": "distributor_bot"}
_MAX_PHOTO_BYTES = 10 * 1024 * 1024
_LINK_OR_TAG = re.compile(r"https?://\S+|#\w+")
_PREFIXES = {400: "Bad Request: ", 403: "Forbidden: ", 429: "Too Many Requests: "}


class TelegramLimits(EmulatorLimits):
    """A bot may send about 20 messages per minute to one chat; lengths are in UTF-16 code units."""

    messages_per_minute: Count = 20
    max_text: Count = 4096
    max_caption: Count = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTelegramMessage:
    """A message; `photo` is the key of an upload or a URL, or empty."""

    key: str
    text: str
    created_at: datetime
    photo: str = ""
    silent: bool = False


class TelegramEmulator(Emulator[TelegramLimits]):
    """A bot that is an administrator of one public channel."""

    kind = "telegram"
    title = "Telegram"
    limits_model = TelegramLimits

    def __init__(self, folder: Path, *, switches: Switches, clock: Clock) -> None:
        super().__init__(folder, switches=switches, clock=clock)
        self._messages = self.open_store("messages.jsonl", StoredTelegramMessage)
        self._last_id = max((int(message.key) for message in self._messages.oldest_first()), default=0)
        self._flood_until: datetime | None = None

    @classmethod
    def channel_settings(cls, base_url: str) -> dict[str, Any]:
        return {"api_url": base_url, "bot_token": BOT_TOKEN, "handle": f"@{CHAT}"}

    def routes(self, gate: RequestGate) -> list[Route]:
        return [
            gate.route("/bot{token}/getMe", self._get_me),
            gate.route("/bot{token}/getChat", self._get_chat),
            gate.route("/bot{token}/getChatMember", self._get_member),
            gate.route("/bot{token}/sendMessage", self._send_message, method="POST", stage=FaultStage.POST),
            gate.route("/bot{token}/sendPhoto", self._send_photo, method="POST", stage=FaultStage.POST),
            self.permalink(f"/{CHAT}/{{key}}", "{key}"),
        ]

    def refuse(self, refusal: HTTPException) -> Response:
        """Errors have a description for people; a flood also has the seconds to wait."""
        code = refusal.status_code
        body: dict[str, Any] = {"ok": False, "error_code": code, "description": refusal.detail}
        if code == 429 and self._flood_until is not None:
            seconds = max(round((self._flood_until - self.clock()).total_seconds()), 1)
            body |= {"description": f"retry after {seconds}", "parameters": {"retry_after": seconds}}
        body["description"] = _PREFIXES.get(code, "") + body["description"]
        return JSONResponse(body, code)

    def count(self, stage: FaultStage, points: int, now: datetime) -> Allowance:
        limit = self.limits.current.messages_per_minute if stage is FaultStage.POST else 1800
        allowance = self.spend(stage, points, now, limit=limit, seconds=60)
        self._flood_until = None if allowance.granted else allowance.reset_at
        return allowance

    def rate_headers(self, allowance: Allowance) -> Mapping[str, str]:
        if allowance.granted:
            return {}
        return {"Retry-After": str(max(round((allowance.reset_at - self.clock()).total_seconds()), 1))}

    def posts(self) -> list[DisplayedPost]:
        return [self._display(message) for message in self._messages.oldest_first()]

    async def _get_me(self, request: Request) -> Response:
        _authenticate(request)
        return JSONResponse({"ok": True, "result": _BOT})

    async def _get_chat(self, request: Request) -> Response:
        _authenticate(request)
        _require_chat(request.query_params.get("chat_id"))
        return JSONResponse({"ok": True, "result": _CHAT})

    async def _get_member(self, request: Request) -> Response:
        _authenticate(request)
        _require_chat(request.query_params.get("chat_id"))
        if request.query_params.get("user_id") != str(_BOT["id"]):
            raise HTTPException(400, "user not found")
        member = {"status": "administrator", "user": _BOT, "can_post_messages": True}
        return JSONResponse({"ok": True, "result": member})

    async def _send_message(self, request: Request) -> Response:
        _authenticate(request)
        fields = await _read_fields(request)
        return self._store(fields, "text", self.limits.current.max_text)

    async def _send_photo(self, request: Request) -> Response:
        _authenticate(request)
        fields = await _read_fields(request)
        photo = fields.get("photo")
        if isinstance(photo, UploadFile):
            photo = self._add_photo(await photo.read())
        elif not isinstance(photo, str) or not photo.startswith(("http://", "https://")):
            raise HTTPException(400, "there is no photo in the request")
        return self._store(fields, "caption", self.limits.current.max_caption, photo=photo)

    def _add_photo(self, content: bytes) -> str:
        mime = image_type(content)
        if mime is None:
            raise HTTPException(400, "IMAGE_PROCESS_FAILED")
        if len(content) > _MAX_PHOTO_BYTES:
            raise HTTPException(413, "Request Entity Too Large")
        key = f"photo-{self._last_id + 1}"
        self.uploads.add(UploadedMedia(key=key, mime=mime, size=len(content), uploaded_at=self.clock()), content)
        return key

    def _store(self, fields: Mapping[str, Any], name: str, limit: int, *, photo: str = "") -> Response:
        text = str(fields.get(name) or "")
        _require_chat(fields.get("chat_id"))
        if not text and not photo:
            raise HTTPException(400, "message text is empty")
        if _utf16_length(text) > limit:
            raise HTTPException(400, "message caption is too long" if photo else "message is too long")
        for entity in fields.get("caption_entities" if photo else "entities") or ():
            if entity["offset"] + entity["length"] > _utf16_length(text):
                raise HTTPException(400, "can't parse entities: an entity ends after the text")
        self._last_id += 1
        silent = bool(fields.get("disable_notification"))
        now = self.clock()
        message = StoredTelegramMessage(key=str(self._last_id), text=text, created_at=now, photo=photo, silent=silent)
        self._messages.put(message)
        result = {"message_id": self._last_id, "date": int(now.timestamp()), "chat": _CHAT, name: text}
        return JSONResponse({"ok": True, "result": result})

    def _display(self, message: StoredTelegramMessage) -> DisplayedPost:
        links = [match[0] for match in _LINK_OR_TAG.finditer(message.text) if match[0].startswith("http")]
        limits = self.limits.current
        return DisplayedPost(
            key=message.key,
            parent=None,
            author="Distributor",
            handle=f"@{CHAT}",
            created_at=message.created_at,
            text=message.text,
            spans=_spans(message.text),
            length=_utf16_length(message.text),
            limit=limits.max_caption if message.photo else limits.max_text,
            url=f"/telegram/{CHAT}/{message.key}",
            images=self._images(message.photo),
            card=DisplayedCard.to(links[0]) if links and not message.photo else None,
            note="without notification" if message.silent else "",
        )

    def _images(self, photo: str) -> list[DisplayedImage]:
        return [self.image(photo)] if photo and self.uploads.get(photo) else []


def _authenticate(request: Request) -> None:
    token = request.path_params["token"]
    if token != BOT_TOKEN:
        raise HTTPException(401 if re.fullmatch(r"\d+:[\w-]+", token) else 404)


def _require_chat(chat_id: object) -> None:
    if chat_id not in (f"@{CHAT}", str(_CHAT_ID), _CHAT_ID):
        raise HTTPException(400, "chat not found")


async def _read_fields(request: Request) -> dict[str, Any]:
    """The fields of a JSON body or of a form, where those that are not text are JSON."""
    if request.headers.get("content-type", "").startswith("application/json"):
        body = await request.json()
        return body if isinstance(body, dict) else {}
    form = await request.form()
    return {name: _parsed(name, value) for name, value in form.items()}


def _parsed(name: str, value: UploadFile | str) -> Any:
    return json.loads(value) if isinstance(value, str) and name not in ("chat_id", "caption", "photo") else value


def _spans(text: str) -> list[DisplayedText]:
    spans, end = [], 0
    for match in _LINK_OR_TAG.finditer(text):
        target = match[0] if match[0].startswith("http") else f"https://t.me/s/{CHAT}?q=%23{match[0][1:]}"
        spans += [DisplayedText(text[end : match.start()]), DisplayedText(match[0], target, target)]
        end = match.end()
    return [span for span in (*spans, DisplayedText(text[end:])) if span.text]


def _utf16_length(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


EMULATOR = TelegramEmulator
