"""`distributor campaign comment | comments`"""

from __future__ import annotations

import uuid
from typing import Annotated

import typer

from distributor.bootstrap import open_app
from distributor.cli.campaign.report import CampaignId
from distributor.cli.console import ACTOR, AsJson, print_message, print_rows
from distributor.domain.campaign_comment import CommentAuthor, CommentKind
from distributor.domain.errors import InputError
from distributor.flow.team.discussion import AskedComment, comment, comments_on, users_called

commands = typer.Typer()


@commands.command("comments")
def list_comments(campaign_id: CampaignId, limit: int = 50, as_json: AsJson = False) -> None:
    """List what the team said about a campaign, newest first."""
    with open_app() as app:
        found = comments_on(app, campaign_id, limit=limit)
    print_rows(
        ("at", "by", "kind", "text", "told"),
        [
            (one.created_at, one.author, one.kind.value, one.text, list(one.told) if as_json else ", ".join(one.told))
            for one in found
        ],
        as_json=as_json,
        empty="No comments yet.",
    )


@commands.command("comment")
def add_comment(
    campaign_id: CampaignId,
    text: Annotated[str, typer.Argument(help="Users who are mentioned in it as @name get it by mail.")],
    tell: Annotated[
        list[str] | None, typer.Option(metavar="ADDRESS", help="A user who gets it by mail; may be repeated.")
    ] = None,
    ask: Annotated[bool, typer.Option("--ask", help="Ask the users of --tell for an approval.")] = False,
    send_back: Annotated[
        bool, typer.Option("--send-back", help="Decline the approval that was asked for, for this reason.")
    ] = False,
) -> None:
    """Comment on a campaign, ask for its approval, or send it back; whom it concerns gets a mail."""
    if ask and send_back:
        raise InputError("choose one of --ask and --send-back")
    kind = CommentKind.ASKED if ask else CommentKind.SENT_BACK if send_back else CommentKind.COMMENT
    with open_app() as app:
        asked = AskedComment(text=text, key=uuid.uuid4().hex, kind=kind, user_ids=users_called(app, tell or ()))
        told = comment(app, campaign_id, asked, author=CommentAuthor(name=ACTOR))
    names = ", ".join(one.display_name for one in told)
    print_message(f"the comment is kept; it is mailed to {names or 'nobody'}")
