"""Items in quarantine that a person has processed again, each as its loop does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from distributor.domain.quarantine import QuarantinedItem, QuarantineLoop
from distributor.flow.app_context import AppContext
from distributor.flow.articles.source_mail import ARTICLE_SOURCE, retry_article_mail
from distributor.flow.delivery.recovery import retry_journal
from distributor.flow.feedback.inbound_mail import retry_mail
from distributor.flow.feedback.tracking import retry_event
from distributor.flow.feedback.webhooks import retry_webhook_event
from distributor.flow.quarantine import retry
from distributor.storage import quarantine


def _retry_any_mail(app: AppContext, item: QuarantinedItem) -> None:
    """A mail to the address of a source is kept with the name of that source; others are feedback."""
    (retry_article_mail if ARTICLE_SOURCE in item.detail else retry_mail)(app, item)


# How an item that is kept with its content is processed again; the other loops read their items again.
_RETRIES: Mapping[QuarantineLoop, Callable[[AppContext, QuarantinedItem], None]] = {
    QuarantineLoop.JOURNAL: retry_journal,
    QuarantineLoop.EVENT: retry_event,
    QuarantineLoop.MAIL: _retry_any_mail,
    QuarantineLoop.WEBHOOK: retry_webhook_event,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RetriedItem:
    """An item that was tried again.

    `is_well`: it has left the quarantine, or with `is_later` the next pass of its loop tries it. `reason` is why it
    still fails.
    """

    item: QuarantinedItem
    is_well: bool
    is_later: bool = False
    reason: str = ""


def retry_item(app: AppContext, item_id: int) -> RetriedItem:
    """Try an item again. Raises NotFoundError."""
    with app.database.begin() as connection:
        item = quarantine.find(connection, item_id)
        if item.content is None:
            quarantine.make_due(connection, item_id, now=app.clock())
            return RetriedItem(item=item, is_well=True, is_later=True)
    if retry(app, item, _RETRIES[item.loop]):
        return RetriedItem(item=item, is_well=True)
    with app.database.begin() as connection:
        return RetriedItem(item=item, is_well=False, reason=quarantine.find(connection, item_id).reason)
