"""The channel of a Telegram chat: a bot posts to a channel or group (core.telegram.org/bots/api)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import ClassVar

from pydantic import BaseModel, Field, SecretStr

from distributor.channels.api import Article, Dedupe, Delivery, Json, RenderContext, SendContext, Verdict
from distributor.channels.social.channel import PostLimits, SocialChannel, broadcast
from distributor.channels.social.http import ApiResponse, HttpClient, UploadFile
from distributor.channels.social.idempotent_send import Request, SocialClient
from distributor.channels.social.post import Post
from distributor.channels.social.results import Posted, PostResult, Refused, Unknown, classify_status, parse_body
from distributor.channels.social.settings import Handle, SocialSettings, WebAddress
from distributor.rendering.measuring import utf16_length

# The API's limits are for the text after parsing entities, in UTF-16 code units.
_LIMITS = PostLimits(length=4096, length_with_image=1024, measure=utf16_length)
# Errors that concern the chat or the use of the bot, and so every post.
_ABOUT_CHAT = ("chat not found", "rights", "write_forbidden", "upgraded to a supergroup", "deactivated", "conflict")


class TelegramSettings(SocialSettings):
    """Settings of a channel of kind telegram. The bot has to be an administrator of the chat."""

    handle: Handle = Field("", title="Chat", description="@name of a public channel, or the number of a chat")
    bot_token: SecretStr = Field(SecretStr(""), title="Bot token", description="from @BotFather")
    with_image: bool = Field(True, title="Image", description="post the article's image, with the text as its caption")
    silent: bool = Field(False, title="Silent", description="post without a notification sound")
    api_url: WebAddress = Field("https://api.telegram.org", title="API", description="another host, for tests")

    @property
    def network(self) -> str:
        return self.api_url


class TelegramChannel(SocialChannel[TelegramSettings]):
    """Bots cannot read earlier posts, so a post whose response was lost stays unknown."""

    kind = "telegram"
    settings_model: ClassVar[type[BaseModel]] = TelegramSettings
    capabilities = broadcast(Dedupe.NONE)
    credentials = ("handle", "bot_token")

    def limits(self, frozen: Mapping[str, Json]) -> PostLimits:
        return _LIMITS

    def posts_about(self, article: Article, context: RenderContext, limits: PostLimits) -> Sequence[Post]:
        return [self.compose_post(article, context, limits, has_image=self.settings.with_image)]

    def open_client(self, context: SendContext) -> TelegramClient:
        return TelegramClient(self.settings, context)


class TelegramClient(SocialClient):
    """The bot whose token is in the settings."""

    def __init__(self, settings: TelegramSettings, context: SendContext) -> None:
        self._settings = settings
        self._context = context
        self._http = HttpClient(settings.api_url, timeout_seconds=settings.timeout_seconds, lease=context.lease)

    async def close(self) -> None:
        await self._http.close()

    def request_for(self, post: Post, *, delivery: Delivery, number: int, previous: Posted | None) -> Request:
        handle = self._settings.handle
        request = {
            "chat_id": handle if handle.lstrip("-").isdecimal() else f"@{handle}",
            "disable_notification": self._settings.silent,
        }
        title = post.card.title if post.card and post.text.startswith(post.card.title) else ""
        bold = [{"type": "bold", "offset": 0, "length": utf16_length(title)}] if title else []
        if post.image:
            return {**request, "photo": post.image.src, "caption": post.text, "caption_entities": bold}
        return {**request, "text": post.text, "entities": bold, "link_preview_options": {"url": post.link}}

    async def post(self, request: Request) -> PostResult:
        path = f"/bot{self._settings.bot_token.get_secret_value()}/send{'Photo' if 'photo' in request else 'Message'}"
        file = self._context.media.open(request["photo"]) if "photo" in request else None
        if file is None:
            response = await self._http.call("POST", path, json=request)
        else:
            fields = {name: json.dumps(value) for name, value in request.items() if not isinstance(value, str)}
            texts = {name: value for name, value in request.items() if isinstance(value, str) and name != "photo"}
            photo = UploadFile(name=file.name, content=file.body, media_type=file.media_type)
            response = await self._http.call("POST", path, form={**texts, **fields}, files={"photo": photo})
        return self._result_of(response) if isinstance(response, ApiResponse) else response

    def _result_of(self, response: ApiResponse) -> PostResult:
        if response.is_success:
            sent = parse_body(_Sent, response)
            return sent if isinstance(sent, Unknown) else sent.result.posted()
        error = parse_body(_Error, response)
        if isinstance(error, Unknown):
            error = _Error(description=response.reason_phrase)
        now, seconds = self._context.now(), error.parameters.retry_after
        retry_at = now + timedelta(seconds=seconds) if seconds else response.retry_at(now=now)
        result = classify_status(response.status_code, error.description, retry_at=retry_at)
        if isinstance(result, Refused) and any(words in error.description.lower() for words in _ABOUT_CHAT):
            return replace(result, verdict=Verdict.SENDER_REJECTED)
        return result


class _Chat(BaseModel):
    username: str = ""


class _Message(BaseModel):
    message_id: int
    chat: _Chat

    def posted(self) -> Posted:
        """Only public chats have addresses that everyone can open."""
        link = f"https://t.me/{self.chat.username}/{self.message_id}" if self.chat.username else None
        return Posted(remote_id=str(self.message_id), permalink=link)


class _Sent(BaseModel):
    result: _Message


class _Parameters(BaseModel):
    retry_after: int = 0


class _Error(BaseModel):
    description: str = ""
    parameters: _Parameters = _Parameters()


CHANNEL = TelegramChannel
