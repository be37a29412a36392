"""Audits in the background: a page asks for one, and workers compare the deliveries a slice at a time.

The evidence is what the database and the journals of the worker's machine hold; records of mail servers are for the
command line.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice

import structlog

from distributor.domain.campaign import Dispatch
from distributor.domain.rendition import Json
from distributor.flow.app_context import AppContext
from distributor.flow.jobs import Job, JobKind
from distributor.flow.operations.audit import Audit, Difference, compare
from distributor.flow.operations.mail_records import JournalEntry, read_journals
from distributor.storage import audit_queries, campaign_audits, campaigns, delivery_pages, dispatches
from distributor.storage.campaign_audits import AuditState, CampaignAudit
from distributor.storage.database import Connection

_SLICE = 5000
# So many differences are listed; all are counted.
MOST_LISTED = 200

log = structlog.get_logger(__name__)


def request_audit(app: AppContext, campaign_id: int, *, actor: str) -> int:
    """Ask for an audit of a campaign, unless one is on its way; returns its number. Raises NotFoundError."""
    with app.database.begin() as connection:
        campaigns.lock(connection, campaign_id)
        last = campaign_audits.latest(connection, campaign_id)
        if last is not None and last.state is not AuditState.FINISHED:
            return last.id
        return campaign_audits.add(connection, campaign_id, requested_by=actor, now=app.clock())


def last_audit(app: AppContext, campaign_id: int) -> CampaignAudit | None:
    """The last audit of a campaign, finished or not; None if there was none. Raises NotFoundError."""
    with app.database.begin() as connection:
        campaigns.find(connection, campaign_id)
        return campaign_audits.latest(connection, campaign_id)


def work_on_audit(app: AppContext, audit_id: int, *, until: datetime) -> list[Job]:
    """Compare deliveries until that time; returns the job that goes on, none once it is finished.

    Raises NotFoundError. Each slice is committed: what a killed worker had not committed is compared again.
    """
    journals = read_journals(app)
    while True:
        with app.database.begin() as connection:
            audit = campaign_audits.lock(connection, audit_id)
            if audit.state is AuditState.FINISHED:
                return []
            planned = sorted(dispatches.of_campaign(connection, audit.campaign_id), key=lambda one: one.id)
            here = next((one for one in planned if one.id >= audit.dispatch_id), None)
            now = app.clock()
            if here is None:
                audit = replace(audit, state=AuditState.FINISHED, finished_at=now)
            else:
                audit = _compare_slice(app, connection, audit, here, journals)
            campaign_audits.advance(connection, replace(audit, updated_at=now))
        if audit.state is AuditState.FINISHED:
            log.info(
                "audit.finished", campaign_id=audit.campaign_id, deliveries=audit.checked, found=dict(audit.counts)
            )
            return []
        if app.clock() >= until:
            return [Job(JobKind.AUDIT, audit_id)]


def _compare_slice(
    app: AppContext,
    connection: Connection,
    audit: CampaignAudit,
    dispatch: Dispatch,
    journals: Mapping[int, Sequence[JournalEntry]],
) -> CampaignAudit:
    """The audit with the next deliveries of a dispatch compared; after the last ones it is at the next dispatch."""
    after = audit.position if audit.dispatch_id == dispatch.id else 0
    if not after:
        after = (delivery_pages.first_id(connection, dispatch.id) or 1) - 1
    result = Audit(campaign_id=audit.campaign_id, is_running=False, records=())
    found = list(islice(audit_queries.audited_deliveries(connection, dispatch.id, page=_SLICE, after_id=after), _SLICE))
    for delivery in found:
        compare(app, result, dispatch, delivery, journals.get(delivery.id, ()), started_at=app.clock())
    here = (audit.checked_here if audit.dispatch_id == dispatch.id else 0) + len(found)
    is_last = len(found) < _SLICE
    if is_last:
        result.check_balance(connection, dispatch, here)
    return replace(
        audit,
        state=AuditState.RUNNING,
        dispatch_id=dispatch.id + int(is_last),
        position=0 if is_last else found[-1].id,
        checked=audit.checked + len(found),
        checked_here=0 if is_last else here,
        counts=dict(Counter(audit.counts) + Counter({kind.value: n for kind, n in result.counts.items()})),
        differences=[*audit.differences, *map(_stored, result.differences)][:MOST_LISTED],
    )


def _stored(difference: Difference) -> dict[str, Json]:
    """A difference without the address of its recipient."""
    return {
        "kind": difference.kind.value,
        "delivery": difference.delivery_id,
        "channel": difference.channel,
        "state": difference.state.value if difference.state else None,
        "evidence": difference.evidence,
    }
