"""The channel of a Telegram chat: a bot posts to a channel or group (core.telegram.org/bots/api)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import ClassVar, Generic, TypeVar

from pydantic import BaseModel, Field, SecretStr

from distributor.channels.api import (
    Article,
    Dedupe,
    Delivery,
    Json,
    KindPresentation,
    RenderContext,
    SendContext,
    Verdict,
)
from distributor.channels.social.channel import PostLimits, SocialChannel, broadcast
from distributor.channels.social.http import ApiResponse, HttpClient, UploadFile
from distributor.channels.social.idempotent_send import Request, SocialClient
from distributor.channels.social.identity import failed_finding
from distributor.channels.social.post import Post
from distributor.channels.social.results import Posted, PostResult, Refused, Unknown, classify_status, parse_body
from distributor.channels.social.settings import Handle, SocialSettings, WebAddress
from distributor.domain.diagnostics import DiagnosticStatus, Finding
from distributor.rendering.measuring import utf16_length

_Answer = TypeVar("_Answer", bound=BaseModel)

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

    @classmethod
    def presentation(cls) -> KindPresentation:
        return KindPresentation(
            title="Telegram",
            sentence="Posts of a bot in a channel or group on Telegram.",
            steps=(
                "Write /newbot to @BotFather and copy the token that it answers with.",
                "Make the bot an administrator of your channel.",
            ),
        )

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

    async def identify(self) -> Sequence[Finding]:
        bot = await self._ask(_Bot, "getMe", {})
        if not isinstance(bot, _Bot):
            return [failed_finding("bot", bot, url="api_url", credentials="bot_token")]
        found = [Finding("bot", DiagnosticStatus.OK, f"the token is that of bot @{bot.username}")]
        chat = await self._ask(_Chat, "getChat", {"chat_id": self._chat_id})
        if not isinstance(chat, _Chat):
            sentence = (
                f"{self._chat_id}: {chat.reply}; check the setting handle, and add bot @{bot.username} to the chat"
            )
            return [*found, Finding("chat", DiagnosticStatus.FAIL, sentence)]
        found.append(Finding("chat", DiagnosticStatus.OK, f"posts go to {chat.type} {chat.title!r}"))
        member = await self._ask(_Member, "getChatMember", {"chat_id": self._chat_id, "user_id": str(bot.id)})
        may_post = isinstance(member, _Member) and member.may_post(chat)
        sentence = (
            "the bot may post there"
            if may_post
            else f"bot @{bot.username} may not post there: make it an administrator with the right to post messages"
        )
        return [*found, Finding("rights", DiagnosticStatus.OK if may_post else DiagnosticStatus.FAIL, sentence)]

    async def _ask(self, model: type[_Answer], method: str, params: Mapping[str, str]) -> _Answer | Refused | Unknown:
        token = self._settings.bot_token.get_secret_value()
        response = await self._http.call("GET", f"/bot{token}/{method}", params=params)
        if not isinstance(response, ApiResponse):
            return response
        if not response.is_success:
            return self._refusal_of(response)
        answer = parse_body(_Result[model], response)  # type: ignore[valid-type]
        return answer if isinstance(answer, Unknown) else answer.result

    @property
    def _chat_id(self) -> str:
        handle = self._settings.handle
        return handle if handle.lstrip("-").isdecimal() else f"@{handle}"

    def request_for(self, post: Post, *, delivery: Delivery, number: int, previous: Posted | None) -> Request:
        request = {
            "chat_id": self._chat_id,
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
            sent = parse_body(_Result[_Message], response)
            return sent if isinstance(sent, Unknown) else sent.result.posted()
        return self._refusal_of(response)

    def _refusal_of(self, response: ApiResponse) -> Refused | Unknown:
        error = parse_body(_Error, response)
        if isinstance(error, Unknown):
            error = _Error(description=response.reason_phrase)
        now, seconds = self._context.now(), error.parameters.retry_after
        retry_at = now + timedelta(seconds=seconds) if seconds else response.retry_at(now=now)
        result = classify_status(response.status_code, error.description, retry_at=retry_at)
        if isinstance(result, Refused) and any(words in error.description.lower() for words in _ABOUT_CHAT):
            return replace(result, verdict=Verdict.SENDER_REJECTED)
        return result


class _Bot(BaseModel):
    id: int
    username: str = ""


class _Chat(BaseModel):
    type: str = ""
    title: str = ""
    username: str = ""


class _Member(BaseModel):
    status: str
    can_post_messages: bool = False

    def may_post(self, chat: _Chat) -> bool:
        """In a channel only administrators with that right may; in a group every member may."""
        if self.status == "creator":
            return True
        if chat.type == "channel":
            return self.status == "administrator" and self.can_post_messages
        return self.status in ("administrator", "member")


class _Message(BaseModel):
    message_id: int
    chat: _Chat

    def posted(self) -> Posted:
        """Only public chats have addresses that everyone can open."""
        link = f"https://t.me/{self.chat.username}/{self.message_id}" if self.chat.username else None
        return Posted(remote_id=str(self.message_id), permalink=link)


class _Result(BaseModel, Generic[_Answer]):
    result: _Answer


class _Parameters(BaseModel):
    retry_after: int = 0


class _Error(BaseModel):
    description: str = ""
    parameters: _Parameters = _Parameters()


CHANNEL = TelegramChannel
