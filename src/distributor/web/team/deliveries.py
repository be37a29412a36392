"""The deliveries of a campaign, and one delivery: what became of it, and what can be done about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from gettext import gettext as _
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse

from distributor.domain.campaign import FailureChoice, RetryCount
from distributor.domain.delivery import DeliveryState, HandSettlement
from distributor.domain.errors import InputError, PermissionDeniedError, StateError
from distributor.domain.event import EventKind
from distributor.domain.masking import masked
from distributor.domain.user import Permission, User
from distributor.flow.app_context import AppContext
from distributor.flow.delivery.delivery_life import DeliveryLife, life_of
from distributor.flow.delivery.sent_message import ShownMessage, is_personal, sent_message
from distributor.flow.publishing import campaign_control
from distributor.flow.publishing.campaign_deliveries import (
    DeliveryList,
    DeliveryQuery,
    export_deliveries,
    list_deliveries,
)
from distributor.flow.publishing.settle_unknown import settle_delivery, settle_unknown
from distributor.storage.delivery_queries import DeliveryRecord
from distributor.web.forms import number_of
from distributor.web.team.access import Gate, TeamRequest, TeamRoute, sentence_of
from distributor.web.team.pages import TeamPages

_PER_PAGE = 50
_LONGEST_LINK = 4000
_OUT = frozenset(
    {
        *(DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.BOUNCED, DeliveryState.COMPLAINED),
        *(DeliveryState.IN_FLIGHT, DeliveryState.UNKNOWN),
    }
)
_READ_PEOPLE = Permission.SUBSCRIBERS_READ


class DeliveryPages:
    """Addresses and messages of people are shown to those who may read subscribers; others see them masked."""

    def __init__(self, app: AppContext, pages: TeamPages, gate: Gate) -> None:
        self._app = app
        self._pages = pages
        self._gate = gate

    def routes(self) -> list[TeamRoute]:
        read, write = Permission.CAMPAIGNS_READ, Permission.CAMPAIGNS_WRITE
        return [
            TeamRoute("GET", "/campaigns/{campaign_id}/deliveries", self.show_list, read),
            TeamRoute("GET", "/campaigns/{campaign_id}/deliveries.csv", self.download_list, _READ_PEOPLE),
            TeamRoute("POST", "/campaigns/{campaign_id}/deliveries/retry", self.retry_failed, write),
            TeamRoute("POST", "/campaigns/{campaign_id}/deliveries/settle", self.settle_unknown, write),
            TeamRoute("GET", "/deliveries/{delivery_id}", self.show, read),
            TeamRoute("GET", "/deliveries/{delivery_id}/message", self.show_message, read),
            TeamRoute("GET", "/deliveries/{delivery_id}/message.txt", self.show_text, _READ_PEOPLE),
            TeamRoute("GET", "/deliveries/{delivery_id}/message.eml", self.download, _READ_PEOPLE),
            TeamRoute("POST", "/deliveries/{delivery_id}/retry", self.retry, write),
            TeamRoute("POST", "/deliveries/{delivery_id}/settle", self.settle, write),
        ]

    def show_list(self, asked: TeamRequest) -> Response:
        return self._show_list(asked, _query_of(asked, asked.request.query_params))

    def download_list(self, asked: TeamRequest) -> Response:
        query = _query_of(asked, asked.request.query_params)
        headers = {"Content-Disposition": f'attachment; filename="deliveries-{query.campaign_id}.csv"'}
        chunks = export_deliveries(self._app, query)
        return StreamingResponse(chunks, media_type="text/csv; charset=utf-8", headers=headers)

    def retry_failed(self, asked: TeamRequest) -> Response:
        query = _query_of(asked, {**_texts(asked), "state": DeliveryState.FAILED.value})
        choice = FailureChoice(
            channel_names=(query.channel_name,) if query.channel_name else (),
            reasons=(query.reason,) if query.reason else (),
        )
        try:
            campaign_control.retry_failed(self._app, query.campaign_id, choice, actor=asked.actor.name)
        except StateError as error:
            if not campaign_control.was_just_retried(self._app, query.campaign_id, actor=asked.actor.name):
                return self._show_list(asked, query, error=sentence_of(error), status=409)
        return self._gate.redirect(f"/app/campaigns/{query.campaign_id}/deliveries?done=retried")

    def settle_unknown(self, asked: TeamRequest) -> Response:
        query = _query_of(asked, {**_texts(asked), "state": DeliveryState.UNKNOWN.value})
        try:
            settle_unknown(
                self._app,
                query.campaign_id,
                _settlement_of(asked),
                reason=asked.form.one("reason"),
                actor=asked.actor,
                expected=number_of(asked.form.one("expected")),
                channel_names=[query.channel_name] if query.channel_name else [],
            )
        except (InputError, StateError) as error:
            status = 409 if isinstance(error, StateError) else 422
            return self._show_list(asked, query, error=sentence_of(error), status=status)
        return self._gate.redirect(f"/app/campaigns/{query.campaign_id}/deliveries?done=settled")

    def show(self, asked: TeamRequest) -> Response:
        return self._show(asked)

    def show_message(self, asked: TeamRequest) -> Response:
        shown = self._message_of(asked)
        html = shown.message.html if shown.message else shown.html
        if not html:
            raise HTTPException(404)
        return self._pages.frame(html)

    def show_text(self, asked: TeamRequest) -> Response:
        shown = self._message_of(asked)
        if shown.message is None:
            raise HTTPException(404)
        return Response(shown.message.text, media_type="text/plain; charset=utf-8")

    def download(self, asked: TeamRequest) -> Response:
        shown = self._message_of(asked)
        if shown.message is None:
            raise HTTPException(404)
        name = f"delivery-{asked.number('delivery_id')}.eml"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(shown.message.raw, media_type="message/rfc822", headers=headers)

    def retry(self, asked: TeamRequest) -> Response:
        delivery_id = asked.number("delivery_id")
        life = life_of(self._app, delivery_id)
        choice = FailureChoice(delivery_ids=(delivery_id,))
        try:
            campaign_control.retry_failed(self._app, life.campaign.id, choice, actor=asked.actor.name)
        except StateError as error:
            if not campaign_control.was_just_retried(self._app, life.campaign.id, actor=asked.actor.name):
                return self._show(asked, error=sentence_of(error), status=409)
        return self._gate.redirect(f"/app/deliveries/{delivery_id}?done=retried")

    def settle(self, asked: TeamRequest) -> Response:
        delivery_id = asked.number("delivery_id")
        try:
            settle_delivery(
                self._app,
                delivery_id,
                _settlement_of(asked),
                epoch=number_of(asked.form.one("epoch")) or 0,
                reason=asked.form.one("reason"),
                actor=asked.actor,
            )
        except (InputError, StateError) as error:
            status = 409 if isinstance(error, StateError) else 422
            return self._show(asked, error=sentence_of(error), status=status)
        return self._gate.redirect(f"/app/deliveries/{delivery_id}?done=settled")

    def _show_list(self, asked: TeamRequest, query: DeliveryQuery, *, error: str = "", status: int = 200) -> Response:
        found = list_deliveries(self._app, query, limit=_PER_PAGE)
        may_write = asked.user.allows(Permission.CAMPAIGNS_WRITE)
        context = {
            "user": asked.user,
            "page": "campaigns",
            "found": found,
            "query": query,
            "states": list(DeliveryState),
            "rows": [_row(one, found, asked.user) for one in found.deliveries],
            "may_see_people": asked.user.allows(_READ_PEOPLE),
            "retry": self._retry_count(query, found) if may_write else None,
            "may_settle": may_write and query.state is DeliveryState.UNKNOWN and bool(found.deliveries),
            "settlements": list(HandSettlement),
            "form": {name: asked.form.one(name) for name in ("settlement", "reason")},
            "next_path": _path(query, after=found.next_id) if found.next_id else "",
            "back_path": _path(query, before=found.back_id) if found.back_id else "",
            "csv_path": _path(query, page="deliveries.csv"),
            "path": f"/app/campaigns/{query.campaign_id}/deliveries",
            "error": error,
            "notice": _notice(asked),
        }
        return self._pages.respond("deliveries.html.j2", context, status=status)

    def _retry_count(self, query: DeliveryQuery, found: DeliveryList) -> RetryCount | None:
        if query.state is not DeliveryState.FAILED or query.person or not found.totals[DeliveryState.FAILED]:
            return None
        choice = FailureChoice(
            channel_names=(query.channel_name,) if query.channel_name else (),
            reasons=(query.reason,) if query.reason else (),
        )
        return campaign_control.count_failed(self._app, query.campaign_id, choice)

    def _show(self, asked: TeamRequest, *, error: str = "", status: int = 200) -> Response:
        life = life_of(self._app, asked.number("delivery_id"))
        personal = is_personal(life.dispatch.kind)
        may_see = asked.user.allows(_READ_PEOPLE) or not personal
        may_write = asked.user.allows(Permission.CAMPAIGNS_WRITE)
        shown = sent_message(self._app, life.delivery.id) if may_see else ShownMessage()
        state = life.delivery.state
        context = {
            "user": asked.user,
            "page": "campaigns",
            "life": life,
            "recipient": life.delivery.recipient if may_see else masked(life.delivery.recipient),
            "words": _Words(is_masked=not may_see),
            "may_see": may_see,
            "is_personal": personal,
            "shown": shown,
            "is_out": _is_out(life),
            "may_retry": may_write and state is DeliveryState.FAILED,
            "may_settle": may_write and state is DeliveryState.UNKNOWN,
            "settlements": list(HandSettlement),
            "form": {name: asked.form.one(name) for name in ("settlement", "reason")},
            "error": error,
            "notice": _notice(asked),
        }
        return self._pages.respond("delivery.html.j2", context, status=status)

    def _message_of(self, asked: TeamRequest) -> ShownMessage:
        delivery_id = asked.number("delivery_id")
        if not asked.user.allows(_READ_PEOPLE) and is_personal(life_of(self._app, delivery_id).dispatch.kind):
            raise PermissionDeniedError("the message is for those who may read subscribers")
        return sent_message(self._app, delivery_id)


@dataclass(frozen=True, slots=True)
class _Words:
    """The words of servers, with addresses masked for those who may not see them."""

    is_masked: bool

    def of(self, text: object) -> str:
        return masked(str(text)) if self.is_masked else str(text)


def _row(one: DeliveryRecord, found: DeliveryList, user: User) -> Mapping[str, object]:
    dispatch = found.dispatches[one.dispatch_id]
    may_see = user.allows(_READ_PEOPLE) or not is_personal(dispatch.kind)
    words = _Words(is_masked=not may_see)
    return {
        "delivery": one,
        "recipient": words.of(one.recipient),
        "channel": dispatch.channel_name,
        "reply": words.of(one.reply),
    }


def _query_of(asked: TeamRequest, texts: Mapping[str, str]) -> DeliveryQuery:
    """What the address or the form asks for; a person only for those who may read subscribers."""
    person = texts.get("person", "").strip()
    if person and not asked.user.allows(_READ_PEOPLE):
        raise PermissionDeniedError("people are found by those who may read subscribers")
    state, event = texts.get("state", ""), texts.get("event", "")
    return DeliveryQuery(
        campaign_id=asked.number("campaign_id"),
        channel_name=texts.get("channel", "")[:200],
        state=DeliveryState(state) if state in list(DeliveryState) else None,
        reason=texts.get("reason_code", "")[:200],
        person=person[:254],
        event=EventKind(event) if event in list(EventKind) else None,
        by_people=texts.get("by") == "people",
        link=texts.get("link", "")[:_LONGEST_LINK],
        after_id=number_of(texts.get("after", "")) or 0,
        before_id=number_of(texts.get("before", "")),
    )


def _texts(asked: TeamRequest) -> dict[str, str]:
    return {name: asked.form.one(name) for name in ("channel", "reason_code")}


def _path(query: DeliveryQuery, page: str = "deliveries", **place: int) -> str:
    filters = {
        "channel": query.channel_name,
        "state": query.state.value if query.state else "",
        "reason_code": query.reason,
        "person": query.person,
        "event": query.event.value if query.event else "",
        "by": "people" if query.event and query.by_people else "",
        "link": query.link,
    }
    kept = {name: value for name, value in filters.items() if value}
    return f"/app/campaigns/{query.campaign_id}/{page}?{urlencode({**kept, **place})}".removesuffix("?")


def _settlement_of(asked: TeamRequest) -> HandSettlement:
    try:
        return HandSettlement(asked.form.one("settlement"))
    except ValueError:
        raise InputError("choose what became of it: sent, not sent, or send again") from None


def _is_out(life: DeliveryLife) -> bool:
    """Whether it has gone out, or may have."""
    return life.delivery.state in _OUT


def _notice(asked: TeamRequest) -> str:
    texts = {
        "retried": _("It is tried again: this page shows how it goes."),
        "settled": _("It is settled. Your reason is in the history."),
    }
    return texts.get(asked.request.query_params.get("done", ""), "")
