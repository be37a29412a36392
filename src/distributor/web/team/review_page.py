"""The review of a campaign as a page, which several acts answer with: what goes out, what is wrong, who says what."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, tzinfo
from gettext import gettext as _

from starlette.responses import Response

from distributor.domain.campaign import Campaign
from distributor.domain.campaign_comment import handle_of
from distributor.domain.problems import Severity
from distributor.domain.schedule import find_zone, short_time
from distributor.domain.user import Permission
from distributor.flow.app_context import AppContext
from distributor.flow.publishing.review_state import ReviewState, review_state
from distributor.flow.publishing.send_test import TestWay, ways_to_test
from distributor.flow.team.discussion import able_to_approve, active_users
from distributor.storage import test_groups
from distributor.storage.database import Connection
from distributor.web.forms import number_of
from distributor.web.team.access import TeamRequest
from distributor.web.team.mending import rows_of
from distributor.web.team.pages import TeamPages
from distributor.web.team.wording import for_pages, person_of


@dataclass(frozen=True, slots=True)
class ReviewForm:
    """What went wrong with an act: in which part of the page, and the sentence about it."""

    part: str = ""
    error: str = ""
    status: int = 200


_FINE = ReviewForm()
# More names than this are no help.
_NAMED = 12


class ReviewPage:
    """Renders the review of a campaign."""

    def __init__(self, app: AppContext, pages: TeamPages) -> None:
        self._app = app
        self._pages = pages

    def respond(self, asked: TeamRequest, campaign_id: int, form: ReviewForm = _FINE) -> Response:
        """The page, with what was typed if something was wrong with it. Raises NotFoundError."""
        state = review_state(self._app, campaign_id)
        with self._app.database.begin() as connection:
            people = self._people(connection, asked)
            ways = [(_value_of(one), _words_for(one), one) for one in ways_to_test(connection, campaign_id)]
            groups = test_groups.all_groups(connection) if asked.user.allows(Permission.CAMPAIGNS_WRITE) else []
        context = {
            "user": asked.user,
            "page": "campaigns",
            "campaign": state.campaign,
            "campaign_title": title_of(state.campaign),
            "state": state,
            "follow_ups": {one.channel_name: one.follow_up for one in state.planned},
            "question": state.question,
            "approved_by": person_of(state.approved.approved_by) if state.approved else "",
            "form": form,
            "typed": _typed(asked, is_again=bool(form.error)),
            # The same form sent twice is recognized by it.
            "once": secrets.token_urlsafe(12),
            "groups": groups,
            "group_options": [("", _("No group")), *((one.id, one.name) for one in groups)],
            "ways": [(value, words) for value, words, _way in ways],
            "mail_ways": [(value, words) for value, words, way in ways if way.to_addresses],
            "notice": _notice(asked),
            "test_id": _test_id(asked),
            "kind_words": _kind_words(),
            **people,
            **self._about_sending(state),
            **_about_checks(state),
        }
        return self._pages.respond("campaign_review.html.j2", context, status=form.status)

    def _about_sending(self, state: ReviewState) -> dict[str, object]:
        starts = [one.scheduled_at for one in state.planned if one.scheduled_at is not None]
        people = f"{state.people:,}"
        return {
            "undo_seconds": int(self._app.undo_window.total_seconds()),
            "zone": state.planned[0].zone if state.planned else self._app.site.time_zone,
            "earliest": f"{self._app.clock().astimezone(_zone_of(state)):%Y-%m-%dT%H:%M}",
            "first_time": short_time(min(starts), self._app.site.zone) if starts else "",
            "doubts": [for_pages(one) for one in state.doubts],
            "send_text": _("Send now to %(count)s people") % {"count": people} if state.people else _("Send now"),
            "sure_text": _("Yes, it goes to %(count)s people") % {"count": people} if state.people else _("Yes"),
        }

    def _people(self, connection: Connection, asked: TeamRequest) -> dict[str, object]:
        """Who can be asked for an approval or be mentioned: nobody is asked by somebody who only reads."""
        if not asked.user.allows(Permission.CAMPAIGNS_COMMENT):
            return {"approvers": [], "mention_hint": ""}
        active = active_users(connection)
        approvers = [one for one in able_to_approve(connection) if one.id != asked.user.id]
        others = [one for one in active if one.id != asked.user.id]
        names = ", ".join(f"@{handle_of(one, active)}" for one in others[:_NAMED])
        hint = _("Mention somebody, who then gets it by mail: %(names)s") % {"names": names} if names else ""
        return {"approvers": approvers, "mention_hint": hint}


def _zone_of(state: ReviewState) -> tzinfo:
    """The zone of the campaign's times."""
    return (find_zone(state.planned[0].zone) if state.planned else None) or UTC


def _about_checks(state: ReviewState) -> dict[str, object]:
    newest = state.newest
    if newest is None:
        return {"rows": [], "blocker_count": 0, "fine": [], "fine_count": 0, "has_costs": False}
    fine = [("", newest.passed), *((one.channel_name, one.passed) for one in newest.dispatches)]
    rows = rows_of(state)
    return {
        "rows": rows,
        "blocker_count": sum(row.level == Severity.BLOCK.value for row in rows),
        "fine": [(name, sentences) for name, sentences in fine if sentences],
        "fine_count": sum(len(sentences) for _name, sentences in fine),
        "has_costs": any(one.cost for one in newest.dispatches),
    }


def title_of(campaign: Campaign) -> str:
    """The name of a campaign, or its number if it has none."""
    return campaign.name or _("Campaign %(number)s") % {"number": campaign.id}


def _value_of(way: TestWay) -> str:
    return f"{way.channel_name}|{way.via}"


def _words_for(way: TestWay) -> str:
    if way.to_addresses:
        return way.channel_name
    return _("%(channel)s, posted over %(via)s") % {"channel": way.channel_name, "via": way.via}


def _typed(asked: TeamRequest, *, is_again: bool) -> dict[str, str]:
    """What was typed into a form that is shown again."""
    names = ("text", "addresses", "way", "group", "seen_by", "reason", "question", "note", "at")
    return {name: asked.form.exact(name) if is_again else "" for name in names}


def _test_id(asked: TeamRequest) -> str:
    """The test that was sent just now."""
    text = asked.request.query_params.get("test", "")
    return text if number_of(text) is not None else ""


def _kind_words() -> dict[str, str]:
    return {
        "comment": "",
        "asked": _("asked for approval"),
        "approved": _("approved it"),
        "sent_back": _("sent it back"),
    }


def _notice(asked: TeamRequest) -> str:
    words = {
        "reviewed": _("Reviewed just now."),
        "links": _("Reviewed just now; all links and images were asked."),
        "approved": _("Approved. An edit revokes it."),
        "asked": _("The question is on its way by mail."),
        "asked-without-mail": _("The question is kept here. There is no email channel, so nobody got a mail."),
        "commented": _("The comment is kept."),
        "sent-back": _("Sent back."),
        "left-out": _("The channel is left out."),
        "undone": _("Taken back: nothing was sent. The campaign is a draft again, and its times stay."),
        "tested": _("The test is on its way."),
    }
    return words.get(asked.request.query_params.get("done", ""), "")
