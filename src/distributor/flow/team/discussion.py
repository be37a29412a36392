"""What the team says about a campaign: comments, the question for an approval, and why it is sent back; with mails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from gettext import gettext as _

import structlog

from distributor.channels.api import AccountMail
from distributor.domain.campaign import Campaign, CampaignPurpose
from distributor.domain.campaign_comment import (
    LONGEST_COMMENT,
    CampaignComment,
    CommentAuthor,
    CommentKind,
    mentioned_in,
)
from distributor.domain.errors import InputError, NotFoundError, StateError
from distributor.domain.stored_text import is_storable
from distributor.domain.user import Permission, User
from distributor.flow.app_context import AppContext
from distributor.flow.team.links import can_mail, queue_mail
from distributor.storage import campaign_comments, campaigns, users
from distributor.storage.database import Connection

# So much of a comment is in the mail about it; the rest is on the page.
_LONGEST_QUOTE = 500
# More people are a mistake, or a way to send mails to everyone at once.
MOST_TOLD = 20

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedComment:
    """A comment as it is asked for; `user_ids` are told besides those mentioned in it.

    `key` is the same if a form is sent twice.
    """

    text: str
    key: str
    kind: CommentKind = CommentKind.COMMENT
    user_ids: tuple[int, ...] = ()


def comment(app: AppContext, campaign_id: int, asked: AskedComment, *, author: CommentAuthor) -> tuple[User, ...]:
    """Keep a comment and mail it to whom it concerns; returns those who get a mail, nobody for a repeated form.

    An approval that is asked for concerns the chosen approvers, the answer to it the one who asked. All
    others are mentioned in the text. Raises NotFoundError, InputError for a text that is empty or too long or if nobody
    is asked, and StateError for a campaign that sends no articles.
    """
    text = _checked(asked.text, asked.kind)
    with app.database.begin() as connection:
        campaign = campaigns.find(connection, campaign_id)
        if campaign.purpose is not CampaignPurpose.ARTICLES:
            raise StateError(f"campaign {campaign_id} sends no articles, so there is nothing to say about it")
        told = _told(connection, campaign, text, asked, author)
        mailed = told if can_mail(connection) else []
        found = campaign_comments.add(
            connection,
            campaign_id,
            key=asked.key,
            kind=asked.kind,
            author=author,
            text=text,
            told=[one.display_name for one in mailed],
            version=campaign.version,
            now=app.clock(),
        )
        if found is None:
            return ()
        for one in mailed:
            queue_mail(app, connection, one, _mail(app, campaign, text, asked.kind, author), now=app.clock())
    log.info("campaign.commented", campaign_id=campaign_id, kind=asked.kind.value, mails=len(mailed))
    return tuple(mailed)


def comments_on(
    app: AppContext, campaign_id: int, *, limit: int, before_id: int | None = None
) -> list[CampaignComment]:
    """The newest comments on a campaign, the newest first, from before one of them. Raises NotFoundError."""
    with app.database.begin() as connection:
        campaigns.find(connection, campaign_id)
        return campaign_comments.latest(connection, campaign_id, limit=limit, before_id=before_id)


def users_called(app: AppContext, addresses: Sequence[str]) -> tuple[int, ...]:
    """The ids of the active users with these addresses. Raises NotFoundError, which names the first that is none."""
    with app.database.begin() as connection:
        known = {one.email.casefold(): one.id for one in active_users(connection)}
    for address in addresses:
        if address.strip().casefold() not in known:
            raise NotFoundError("active user", address)
    return tuple(known[address.strip().casefold()] for address in addresses)


def able_to_approve(connection: Connection) -> list[User]:
    """The users who can approve a campaign now."""
    return [one for one in active_users(connection) if one.allows(Permission.CAMPAIGNS_APPROVE)]


def active_users(connection: Connection) -> list[User]:
    """The users who can sign in."""
    return [one for one in users.all_users(connection) if one.state == "active"]


def _checked(text: str, kind: CommentKind) -> str:
    kept = text.replace("\r\n", "\n").strip()
    if not kept and kind is CommentKind.SENT_BACK:
        raise InputError(_("say why it is sent back: whoever wrote it has to know what to change"))
    if not kept and kind is CommentKind.COMMENT:
        raise InputError(_("there is nothing in the comment yet"))
    if len(kept) > LONGEST_COMMENT or not is_storable(kept):
        raise InputError(_("a comment has at most %(count)s characters") % {"count": f"{LONGEST_COMMENT:,}"})
    return kept


def _told(
    connection: Connection, campaign: Campaign, text: str, asked: AskedComment, author: CommentAuthor
) -> Sequence[User]:
    """Who gets a mail: never the author, nobody twice."""
    active = active_users(connection)
    found = [one for one in active if one.id in asked.user_ids] + mentioned_in(text, active)
    if asked.kind is CommentKind.ASKED:
        if not any(one.allows(Permission.CAMPAIGNS_APPROVE) for one in found):
            raise InputError(_("choose somebody who can approve it"))
    elif asked.kind in (CommentKind.SENT_BACK, CommentKind.APPROVED):
        question = campaign_comments.newest_of_kind(connection, campaign.id, [CommentKind.ASKED])
        found += [one for one in active if question is not None and one.id == question.user_id]
    told = [one for one in {one.id: one for one in found}.values() if one.id != author.user_id]
    if len(told) > MOST_TOLD:
        raise InputError(_("a comment is mailed to %(count)s people at most") % {"count": MOST_TOLD})
    return told


def _mail(app: AppContext, campaign: Campaign, text: str, kind: CommentKind, author: CommentAuthor) -> AccountMail:
    names = {"who": author.name, "campaign": campaign.name or _("campaign %s") % campaign.id}
    subject, title = {
        CommentKind.COMMENT: (_("%(who)s on %(campaign)s"), _("%(who)s mentioned you")),
        CommentKind.ASKED: (_("Please approve: %(campaign)s"), _("%(who)s asks for your approval")),
        CommentKind.APPROVED: (_("Approved: %(campaign)s"), _("%(who)s has approved it")),
        CommentKind.SENT_BACK: (_("Sent back: %(campaign)s"), _("%(who)s has sent it back")),
    }[kind]
    sentences = [_("It is about the campaign %(campaign)s.") % names]
    if text:
        quoted = text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE].rstrip()} …"
        sentences += [f"“{quoted}”"]
    return AccountMail(
        subject=" ".join((subject % names).split()),
        title=title % names,
        sentences=tuple(sentences),
        button=_("Open the review"),
        otherwise=_("You get this because you have an account at %(site)s.") % {"site": app.site.name},
        url=f"{app.site.public_url}/app/campaigns/{campaign.id}/review",
    )
