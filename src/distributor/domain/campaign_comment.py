"""Comments of the team on a campaign, and the users who are mentioned in them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from distributor.domain.user import User

LONGEST_COMMENT = 5_000
# After the beginning of a text or a sign that is no part of an address.
_MENTION = re.compile(r"(?<![\w.@+-])@([\w.+-]+(?:@[\w-]+(?:\.[\w-]+)*)?)")


class CommentKind(StrEnum):
    """A COMMENT only says something; ASKED asks for an approval, APPROVED gives it, SENT_BACK declines it."""

    COMMENT = "comment"
    ASKED = "asked"
    APPROVED = "approved"
    SENT_BACK = "sent_back"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentAuthor:
    """Who writes a comment: a user, or without an id a program or somebody at the command line."""

    name: str
    user_id: int | None = None

    @classmethod
    def of(cls, user: User) -> CommentAuthor:
        return cls(name=user.display_name, user_id=user.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignComment:
    """A comment. `author` is the name of who wrote it then, `told` are the names of those who got it by mail.

    `version` is that of the campaign when it was written. `user_id` is None once the account is deleted, and if no
    user wrote it.
    """

    id: int
    kind: CommentKind
    user_id: int | None
    author: str
    text: str
    told: tuple[str, ...]
    version: int
    created_at: datetime


def handles_of(users: Sequence[User]) -> Mapping[str, User]:
    """The users by what they are mentioned as: their address, and its part before the @ or their name if it is unique.

    A name is written without spaces. All is without regard to case.
    """
    short = [(handle, user) for user in users for handle in {_local_part(user), _written_name(user)} if handle]
    times = Counter(handle for handle, _ in short)
    return {handle: user for handle, user in short if times[handle] == 1} | {
        user.email.casefold(): user for user in users
    }


def handle_of(user: User, users: Sequence[User]) -> str:
    """The shortest way to mention a user of these."""
    found = [handle for handle, one in handles_of(users).items() if one.id == user.id]
    return min(found, key=lambda handle: (len(handle), handle))


def mentioned_in(text: str, users: Sequence[User]) -> list[User]:
    """The users who are mentioned in a text as ``@name``, each once, in order."""
    handles = handles_of(users)
    found = [handles.get(mention[1].rstrip(".-").casefold()) for mention in _MENTION.finditer(text)]
    return list({user.id: user for user in found if user is not None}.values())


def _local_part(user: User) -> str:
    return user.email.rpartition("@")[0].casefold()


def _written_name(user: User) -> str:
    return "".join(user.name.split()).casefold()
