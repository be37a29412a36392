"""Telling operators what notices say: a mail over the first channel that works, and a signed web hook.

What is sent has the same id on every attempt. Whoever tells keeps the notice from others for two minutes: one that is
killed in between is followed by another attempt with that id, so at most one mail or call comes twice.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from gettext import gettext as _
from gettext import ngettext

import structlog

from distributor.channels.api import (
    AccountMail,
    AccountMailChannel,
    ClosableChannel,
    InMemoryRoutes,
    NoRateLimiter,
    RenderContext,
    UnlimitedLease,
)
from distributor.channels.registry import kinds
from distributor.domain.address import without_addresses
from distributor.domain.delivery import Delivery, Outcome, Verdict
from distributor.domain.errors import DistributorError
from distributor.domain.notice import FINISHED, Notice, NoticeTargets, NoticeWay, next_attempt, signed_headers
from distributor.domain.problems import Severity
from distributor.flow.app_context import AppContext
from distributor.flow.delivery.send_context import send_context
from distributor.flow.notice_targets import current_targets
from distributor.guarded_http import FetchError, GuardedHttpClient
from distributor.storage import channels, notices
from distributor.storage.channels import ChannelRecord

# Beyond the ids of deliveries, so that no bounce of a notice is that of another mail.
_FIRST_ID = 2**62
_HOOK_SECONDS = 15.0
_ANSWER_BYTES = 2000
_GONE = 410
# A relay that rejects a mail is left out in the next try; so many relays are tried on one channel.
_TRIES = 4
_AGAIN = frozenset({Verdict.THROTTLED, Verdict.RETRY_REMAINING})

log = structlog.get_logger(__name__)


def tell(app: AppContext, notice_id: int) -> None:
    """Tell a notice by every way by which it is due. Raises errors of PostgreSQL only."""
    with app.database.begin() as connection:
        targets = current_targets(app, connection)
    _tell_by_hook(app, notice_id, targets)
    _tell_by_mail(app, notice_id, targets)


def _tell_by_hook(app: AppContext, notice_id: int, targets: NoticeTargets) -> None:
    with app.database.begin() as connection:
        notice = notices.claim_hook(connection, notice_id, now=app.clock())
    if notice is None:
        return
    if not targets.hook_url:
        _settle(
            app, [notice.id], NoticeWay.WEB_HOOK, is_told=False, detail="there is no web hook any more", is_over=True
        )
        return
    is_told, is_over, detail = asyncio.run(_post(app, notice, targets))
    _settle(app, [notice.id], NoticeWay.WEB_HOOK, is_told=is_told, detail=detail, is_over=is_over)


async def _post(app: AppContext, notice: Notice, targets: NoticeTargets) -> tuple[bool, bool, str]:
    """Whether it was taken, whether that is final, and what the other side said."""
    body = json.dumps(_payload(app, notice), ensure_ascii=False).encode()
    headers = signed_headers(hook_id(app, notice), body, secret=targets.hook_secret, now=app.clock())
    try:
        async with GuardedHttpClient(allowed_networks=app.fetch_networks) as client:
            response = await client.post(
                targets.hook_url,
                body,
                seconds=_HOOK_SECONDS,
                max_bytes=_ANSWER_BYTES,
                headers={**headers, "Content-Type": "application/json"},
            )
    except FetchError as error:
        return False, False, str(error)
    return 200 <= response.status < 300, response.status == _GONE, response.reason


def hook_id(app: AppContext, notice: Notice) -> str:
    """The id of the web hook of a notice, the same on every attempt and another in every service."""
    return f"notice_{notice.id}_{int(notice.first_seen_at.timestamp())}"


def _payload(app: AppContext, notice: Notice) -> dict[str, object]:
    matter = notice.matter
    return {
        "type": f"notice.{matter.topic}",
        "timestamp": notice.first_seen_at.isoformat(),
        "data": {
            "id": notice.id,
            "site": app.site.name,
            "topic": matter.topic,
            "about": matter.about,
            "sentence": matter.sentence,
            "url": f"{app.site.public_url}{matter.path or '/app'}",
        },
    }


def _tell_by_mail(app: AppContext, notice_id: int, targets: NoticeTargets) -> None:
    with app.database.begin() as connection:
        number, found = notices.claim_mail(connection, notice_id, now=app.clock())
        records = channels.all_channels(connection)
    if not found:
        return
    ids = [one.id for one in found]
    if not targets.addresses:
        _settle(app, ids, NoticeWay.MAIL, is_told=False, detail="there is no address any more", is_over=True)
        return
    is_told, detail = _mail(app, number, found, targets.addresses, records)
    _settle(app, ids, NoticeWay.MAIL, is_told=is_told, detail=without_addresses(detail))


def _mail(
    app: AppContext, number: int, found: Sequence[Notice], addresses: Sequence[str], records: Sequence[ChannelRecord]
) -> tuple[bool, str]:
    """Whether the mail was taken by a channel, and by which, or why by none: each is tried until one works."""
    capable = {name for name, kind in kinds().items() if issubclass(kind, AccountMailChannel)}
    failed: list[str] = []
    for record in sorted(records, key=lambda one: one.id):
        if record.kind not in capable:
            continue
        try:
            reason = asyncio.run(_send_over(app, record, number, found, addresses))
        except Exception as error:
            # The kind may be another package's, and the next channel may work.
            reason = str(error) if isinstance(error, DistributorError) else f"{type(error).__name__}: {error}"
        if not reason:
            return True, f"over {record.name}"
        failed.append(f"{record.name}: {reason}")
    return False, "; ".join(failed) or "no channel sends mail"


async def _send_over(
    app: AppContext, record: ChannelRecord, number: int, found: Sequence[Notice], addresses: Sequence[str]
) -> str:
    """Send the mail to all addresses over one channel; why nobody gets it, or empty if somebody does."""
    channel = app.open_channel(record)
    assert isinstance(channel, AccountMailChannel), "chosen because it is"  # noqa: S101
    context = RenderContext(site=app.site, templates=app.templates, discovered_limits=record.discovered_limits)
    rendition = channel.render_account_mail(_words(app, found), context)
    blocking = [one.message for one in channel.check(rendition) if one.severity is Severity.BLOCK]
    if blocking:
        return "; ".join(blocking)
    # Relays that are paused for campaigns are tried too: what matters here is that one of them works.
    sending = replace(
        send_context(app, record, _NoJournal()),
        routes=InMemoryRoutes(),
        rate_limiter=NoRateLimiter(),
        lease=UnlimitedLease(),
    )
    waiting = {
        one.id: one
        for one in (
            Delivery(
                id=_FIRST_ID + number * 64 + place,
                dispatch_id=0,
                recipient=address,
                epoch=1,
                attempt=1,
                created_at=found[0].first_seen_at,
                fields={},
            )
            for place, address in enumerate(addresses)
        )
    }
    last = ""
    has_sent = False
    try:
        for _try in range(_TRIES):
            async for outcome in channel.send(rendition, list(waiting.values()), sending):
                if outcome.verdict in (Verdict.SENT, Verdict.UNKNOWN):
                    has_sent = True
                if outcome.verdict not in _AGAIN:
                    waiting.pop(outcome.delivery_id, None)
                last = f"{outcome.reply_code or ''} {outcome.reply}".strip() or outcome.verdict.value
            if not waiting:
                break
    finally:
        if isinstance(channel, ClosableChannel):
            await channel.close()
    return "" if has_sent else last or "it gave no outcome"


def _words(app: AppContext, found: Sequence[Notice]) -> AccountMail:
    site = app.site.name
    first = found[0].matter
    subject = f"{site}: {first.about}"
    if len(found) > 1:
        subject = ngettext("%(subject)s and %(count)d more", "%(subject)s and %(count)d more", len(found) - 1) % {
            "subject": subject,
            "count": len(found) - 1,
        }
    path = first.path if len(found) == 1 and first.path else "/app"
    return AccountMail(
        subject=" ".join(subject.split())[:200],
        title=_("What needs you") if any(one.matter.topic != FINISHED for one in found) else _("It has gone out"),
        sentences=tuple(f"{one.matter.about}: {one.matter.sentence}" for one in found),
        button=_("Open it"),
        otherwise=_("You get this because your address is among those that %(site)s tells what needs a person.")
        % {"site": site},
        url=f"{app.site.public_url}{path}",
    )


def _settle(
    app: AppContext, ids: Sequence[int], way: NoticeWay, *, is_told: bool, detail: str, is_over: bool = False
) -> None:
    now = app.clock()
    with app.database.begin() as connection:
        failures = notices.attempts_of(connection, ids[0], way) + 1
        next_at = None if is_told or is_over else next_attempt(failures, now=now)
        notices.settle(connection, ids, way, is_told=is_told, detail=detail, next_at=next_at, now=now)
    log.info("notice.told" if is_told else "notice.not_told", way=way.value, notices=len(ids), attempt=failures)


class _NoJournal:
    """A notice is in no ledger: its attempt is recorded after it, and its id is the same in the next one."""

    def begin(self, delivery: Delivery) -> None:
        return

    def settle(self, outcome: Outcome) -> None:
        return
