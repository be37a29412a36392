"""What the parts of a campaign's page show: they are the same on the page and in its stream of changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from gettext import gettext as _
from gettext import ngettext

from distributor.domain.address import without_addresses
from distributor.domain.campaign import CampaignPurpose, CampaignState, DispatchState
from distributor.domain.campaign_review import without_findings
from distributor.domain.delivery import DeliveryState
from distributor.domain.user import Permission, User
from distributor.flow.publishing.progress import CampaignProgress, DispatchProgress
from distributor.web.team.wording import for_pages

# So short before its start, taking it back is undoing what was done a moment ago.
_SOON = timedelta(minutes=1)
# The parts that change while a page is open, by the names of their events, and their templates.
PARTS: Mapping[str, str] = {
    "state": "campaign_state.html.j2",
    "acts": "campaign_acts.html.j2",
    "channels": "campaign_channels.html.j2",
    "more": "campaign_more.html.j2",
    "running": "campaigns_running.html.j2",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """What a reader of the page may do and see: readers who are equal in this see the same."""

    may_write: bool
    may_see_people: bool

    @classmethod
    def of(cls, user: User) -> Viewer:
        return cls(
            may_write=user.allows(Permission.CAMPAIGNS_WRITE),
            may_see_people=user.allows(Permission.SUBSCRIBERS_READ),
        )

    def shown(self, text: str) -> str:
        """The words of a server, without the addresses in them for those who may not see any."""
        return text if self.may_see_people else without_addresses(text)


def progress_context(progress: CampaignProgress, viewer: Viewer) -> dict[str, object]:
    """What the templates of the parts need."""
    return {
        "campaign": progress.campaign,
        "progress": progress,
        "viewer": viewer,
        "is_live": is_live(progress),
        "is_soon": progress.starts_at is not None and progress.starts_at - progress.at < _SOON,
        "is_test": progress.campaign.purpose is not CampaignPurpose.ARTICLES,
        "waiting": [one for one in progress.dispatches if is_movable(one)],
        "spell_duration": spell_duration,
        "spell_rate": spell_rate,
        "is_held": any(one.dispatch.is_held for one in progress.dispatches),
        "stalled": [one for one in progress.dispatches if one.stalled_for is not None],
        "states": DeliveryState,
        "running_campaigns": progress.running_campaigns,
        # What was wrong with it does not matter any more once it is out.
        "reviewed": without_findings(progress.sentence) if progress.is_released else progress.sentence,
        "why_paused": _why(progress),
    }


def is_live(progress: CampaignProgress) -> bool:
    """Whether the page changes by itself: a draft changes only by people."""
    drafts = (CampaignState.DRAFT, CampaignState.REVIEWED, CampaignState.APPROVED)
    return not progress.is_over and progress.state not in drafts


def is_movable(one: DispatchProgress) -> bool:
    """Whether the dispatch can still get another time."""
    states = (DispatchState.DRAFT, DispatchState.SCHEDULED, DispatchState.PAUSED)
    return one.dispatch.released_at is None and one.dispatch.state in states


def spell_duration(span: timedelta) -> str:
    """A duration in words, to the precision in which it is worth reading."""
    seconds = max(0, int(span.total_seconds()))
    if seconds < 60:
        return ngettext("%(count)s second", "%(count)s seconds", seconds) % {"count": seconds}
    minutes = round(seconds / 60)
    if minutes < 120:
        return ngettext("%(count)s minute", "%(count)s minutes", minutes) % {"count": minutes}
    hours = round(minutes / 60)
    if hours < 48:
        return ngettext("%(count)s hour", "%(count)s hours", hours) % {"count": hours}
    days = round(hours / 24)
    return ngettext("%(count)s day", "%(count)s days", days) % {"count": days}


def spell_rate(rate: float) -> str:
    """A rate in whole deliveries a minute; the slowest ones by the hour."""
    if rate >= 1 or not rate:
        return _("%(count)s a minute") % {"count": f"{round(rate):,}"}
    return _("%(count)s an hour") % {"count": f"{max(1, round(rate * 60)):,}"}


def _why(progress: CampaignProgress) -> list[str]:
    """Why it is paused or was not sent, each reason once."""
    states = (DispatchState.PAUSED, DispatchState.FAILED)
    found = [one.dispatch.reason for one in progress.dispatches if one.dispatch.state in states]
    return [for_pages(reason) for reason in dict.fromkeys(found) if reason]
