"""Histories and the audit log say in words what is stored of each act."""

from __future__ import annotations

import pytest

from distributor.domain.campaign import CampaignAction
from distributor.domain.user import AuditAction, Role
from distributor.web.team.histories import (
    action_name,
    audit_action_name,
    audit_detail_of,
    detail_of,
    role_name,
)


@pytest.mark.parametrize(
    ("action", "stored", "said"),
    [
        ("released", "mail: 3,000", "on mail, to 3,000 recipients"),
        ("released", "x: 1", "on x, to 1 recipient"),
        ("reviewed", "0 blocking, 0 warnings", "everything is fine"),
        ("reviewed", "2 blocking, 1 warnings", "2 must be mended, 1 warning"),
        ("tested", "campaign 8, over mail to 1", "over mail to 1 address (campaign 8)"),
        ("cancelled", "1200 not sent", "1,200 recipients will not get it"),
        ("duplicated", "from campaign 3", "from campaign 3"),
        ("edited", "article, message options, times", "articles, words, times"),
        ("edited", "without x and feed", "without x and feed"),
        ("retried", "3 of 1200 failed deliveries, on mail", "3 of 1,200, on mail"),
        (
            "settled",
            "1200 deliveries of unknown outcome settled as sent: the log of the server has them",
            "1,200 as sent: the log of the server has them",
        ),
        ("settled", "delivery 7 settled to be sent again: Ann asked", "delivery 7 to be sent again: Ann asked"),
        # What people write stays, even if it looks like what is counted.
        ("paused", "mail: 3,000", "mail: 3,000"),
        ("released", "", ""),
    ],
)
def test_what_is_stored_of_an_act_is_said_in_words(action: str, stored: str, said: str):
    assert detail_of(CampaignAction(action), stored) == said


@pytest.mark.parametrize(
    ("action", "stored", "said"),
    [
        ("user created", "viewer", "Viewer"),
        ("role changed", "from viewer to admin", "from Viewer to Admin"),
        ("link created", "shown", "shown on the page"),
        ("password reset requested", "by mail", "sent by mail"),
        ("sessions ended", "1", "1 session"),
        ("notices changed", "2 addresses, no web hook", "2 addresses, no web hook"),
        ("deliveries settled", "delivery 7 settled as not sent: lost", "delivery 7 as not sent: lost"),
        ("channel changed", "host, port", "host, port"),
    ],
)
def test_what_the_audit_log_keeps_is_said_in_words(action: str, stored: str, said: str):
    assert audit_detail_of(action, stored) == said


def test_every_act_and_every_role_has_words_of_its_own():
    for names in (
        [action_name(one) for one in CampaignAction],
        [audit_action_name(one) for one in AuditAction],
        [role_name(one) for one in Role],
    ):
        assert len({*names}) == len(names)
    assert not {audit_action_name(one) for one in AuditAction} & {one.value for one in AuditAction}


def test_an_act_of_a_later_version_is_named_as_it_is_stored():
    assert audit_action_name("moon landed") == "moon landed"
