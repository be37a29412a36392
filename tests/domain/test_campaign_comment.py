"""Who is mentioned in a comment, and who gets a mail about it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from distributor.domain.campaign_comment import handle_of, mentioned_in
from distributor.domain.user import Role, User


def user(number: int, email: str, name: str = "") -> User:
    now = datetime(2026, 12, 1, tzinfo=UTC)
    return User(
        id=number,
        email=email,
        name=name,
        role=Role.VIEWER,
        has_password=True,
        created_at=now,
        disabled_at=None,
        last_signed_in_at=None,
    )


ANN = user(1, "ann@example.org", "Ann Approver")
BEN = user(2, "ben@example.org", "Ben")
OTHER_BEN = user(3, "ben@other.example", "Benedict")
ZOE = user(4, "zoë.b@example.org", "Zoë")
TEAM = [ANN, BEN, OTHER_BEN, ZOE]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("@ann", [ANN]),
        ("(@ANN), please.", [ANN]),
        ("@AnnApprover: look", [ANN]),
        ("@ann@example.org.", [ANN]),
        ("@ben is two people by his address, and one by his name", []),
        ("@benedict and @ben@example.org", [OTHER_BEN, BEN]),
        ("@zoë", [ZOE]),
        ("write to ann@example.org", []),
        ("@annie @an @@ann", []),
        ("@ann @ann", [ANN]),
        ("@", []),
        ("", []),
    ],
)
def test_users_are_mentioned_by_what_only_they_have(text: str, found: list[User]):
    assert mentioned_in(text, TEAM) == found


def test_the_shortest_way_to_mention_somebody_mentions_only_them():
    for one in TEAM:
        assert mentioned_in(f"@{handle_of(one, TEAM)}", TEAM) == [one]
