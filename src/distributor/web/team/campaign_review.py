"""Reviewing a campaign, and what the team decides on it: approval, comments, channels that are left out."""

from __future__ import annotations

from gettext import gettext as _

from starlette.responses import Response

from distributor.domain.campaign_comment import CommentAuthor, CommentKind
from distributor.domain.errors import BlockedError, DataError, InputError, NotFoundError, StateError
from distributor.domain.user import Permission
from distributor.flow.app_context import AppContext
from distributor.flow.publishing import life_cycle
from distributor.flow.team.discussion import AskedComment, comment
from distributor.web.forms import number_of
from distributor.web.team.access import Gate, TeamRequest, TeamRoute, sentence_of
from distributor.web.team.pages import TeamPages
from distributor.web.team.review_page import ReviewForm, ReviewPage

_INVALID, _CONFLICT = 422, 409


class CampaignReviewPages:
    """The review of a campaign. Whoever takes part may review and comment; approving needs its own permission."""

    def __init__(self, app: AppContext, pages: TeamPages, gate: Gate) -> None:
        self._app = app
        self._gate = gate
        self._page = ReviewPage(app, pages)

    def routes(self) -> list[TeamRoute]:
        base = "/campaigns/{campaign_id}"
        comments, approve = Permission.CAMPAIGNS_COMMENT, Permission.CAMPAIGNS_APPROVE
        return [
            TeamRoute("GET", f"{base}/review", self.show, Permission.CAMPAIGNS_READ),
            TeamRoute("POST", f"{base}/review", self.review, comments),
            TeamRoute("POST", f"{base}/comments", self.comment, comments),
            TeamRoute("POST", f"{base}/ask", self.ask, comments),
            TeamRoute("POST", f"{base}/approve", self.approve, approve),
            TeamRoute("POST", f"{base}/send-back", self.send_back, approve),
            TeamRoute("POST", f"{base}/leave-out", self.leave_out, Permission.CAMPAIGNS_WRITE),
        ]

    def show(self, asked: TeamRequest) -> Response:
        return self._page.respond(asked, asked.number("campaign_id"))

    def review(self, asked: TeamRequest) -> Response:
        with_links = asked.form.one("links") == "yes"
        try:
            life_cycle.review(self._app, asked.number("campaign_id"), actor=asked.actor.name, with_links=with_links)
        except StateError as error:
            return self._again(asked, "review", error, _CONFLICT)
        return self._back(asked, "links" if with_links else "reviewed")

    def comment(self, asked: TeamRequest) -> Response:
        text = asked.form.exact("text")
        return self._say(asked, "comments", CommentKind.COMMENT, text, done="commented")

    def ask(self, asked: TeamRequest) -> Response:
        chosen = tuple(number for one in asked.form.all("approver") if (number := number_of(one)) is not None)
        return self._say(asked, "ask", CommentKind.ASKED, asked.form.exact("question"), done="asked", user_ids=chosen)

    def send_back(self, asked: TeamRequest) -> Response:
        return self._say(asked, "approve", CommentKind.SENT_BACK, asked.form.exact("reason"), done="sent-back")

    def approve(self, asked: TeamRequest) -> Response:
        """Approve what the page showed, and tell whoever asked."""
        campaign_id = asked.number("campaign_id")
        try:
            life_cycle.approve(
                self._app,
                campaign_id,
                actor=asked.actor.name,
                version=number_in(asked, "version"),
                review_id=number_in(asked, "review"),
            )
        except BlockedError:
            return self._gate.redirect(f"/app/campaigns/{campaign_id}/review#findings")
        except StateError as error:
            self._review_anew(asked)
            return self._again(asked, "approve", error, _CONFLICT)
        return self._say(asked, "approve", CommentKind.APPROVED, asked.form.exact("note"), done="approved")

    def leave_out(self, asked: TeamRequest) -> Response:
        """Leave a blocked channel out of a draft, and review the rest."""
        campaign_id, name = asked.number("campaign_id"), asked.form.one("channel")
        try:
            life_cycle.arrange(
                self._app, campaign_id, actor=asked.actor.name, without=[name], version=number_in(asked, "version")
            )
            life_cycle.review(self._app, campaign_id, actor=asked.actor.name)
        except DataError:
            raise
        except (InputError, StateError, NotFoundError) as error:
            return self._again(asked, "findings", error, _CONFLICT)
        return self._back(asked, "left-out")

    def _say(
        self,
        asked: TeamRequest,
        part: str,
        kind: CommentKind,
        text: str,
        *,
        done: str,
        user_ids: tuple[int, ...] = (),
    ) -> Response:
        wanted = AskedComment(text=text, key=f"{asked.user.id}:{asked.form.one('once')}", kind=kind, user_ids=user_ids)
        try:
            told = comment(self._app, asked.number("campaign_id"), wanted, author=CommentAuthor.of(asked.user))
        except DataError:
            raise
        except (InputError, StateError) as error:
            return self._again(asked, part, error, _INVALID)
        if kind is CommentKind.ASKED and not told:
            done = "asked-without-mail"
        return self._back(asked, done)

    def _review_anew(self, asked: TeamRequest) -> None:
        """So that the page shows what it is now, if it can be reviewed at all."""
        try:
            life_cycle.review(self._app, asked.number("campaign_id"), actor=asked.actor.name)
        except StateError:
            return

    def _again(self, asked: TeamRequest, part: str, error: Exception, status: int) -> Response:
        form = ReviewForm(part=part, error=sentence_of(error), status=status)
        return self._page.respond(asked, asked.number("campaign_id"), form)

    def _back(self, asked: TeamRequest, done: str) -> Response:
        return self._gate.redirect(f"/app/campaigns/{asked.number('campaign_id')}/review?done={done}")


def number_in(asked: TeamRequest, name: str) -> int:
    """A hidden field that is a number, such as a version. Raises InputError if the form has none."""
    number = number_of(asked.form.one(name))
    if number is None:
        raise InputError(_("the form is not complete: open the page again"))
    return number
