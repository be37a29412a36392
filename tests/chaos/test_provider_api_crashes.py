"""A worker is killed while it sends over a provider's API: nobody gets two mails, and few are in doubt."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass

import pytest

from distributor.domain.delivery import DeliveryState
from distributor.flow.app_context import AppContext
from distributor.flow.failpoints import Failpoint
from distributor.flow.operations.channel_settings import configure
from tests.channels.email.providers.api_servers import Api, TakeAndHangUp
from tests.mail.smtp.http_server import HttpCall, in_a_thread

from .crash_campaign import CONNECTIONS, CrashCampaign
from .crash_worker import CrashAt
from .fault_proxy import Strike

PEOPLE = [f"reader{number}@example.org" for number in range(60)]
SECRET = b"a key that is only good for tests"

pytestmark = pytest.mark.chaos


@dataclass(frozen=True)
class NoServer:
    """In place of a relay: the campaign sends over a provider API."""

    url: str = "smtp://127.0.0.1:9"

    def arm(self, strike: Strike | None) -> None:
        assert strike is None


@pytest.mark.parametrize("point", [Failpoint.AFTER_JOURNAL, Failpoint.AFTER_OUTCOME])
def test_what_the_api_took_agrees_with_the_ledger(app: AppContext, point: Failpoint) -> None:
    def behave(number: int, call: HttpCall) -> TakeAndHangUp | None:
        return TakeAndHangUp() if number == 20 else None

    # It knows no repetition.
    api = Api("postmark", behave)
    crashes = [CrashAt(point=point, hit=hit) for hit in (1, 13)]
    with in_a_thread(api):
        campaign = CrashCampaign(app, NoServer(), SECRET, people=PEOPLE, crashes=crashes)
        relays = [{"name": "main", "url": api.relay_url, "connections": CONNECTIONS}]
        configure(campaign.app, "email", "email", {"relays": json.dumps(relays)})
        campaign.run()
        ledger, states = campaign.ledger(), campaign.states()

    assert not campaign.crashes, "not every worker died as it was told"
    assert api.complaints == []
    reached = Counter(one.recipient for one in api.taken)
    assert max(reached.values()) == 1
    assert set(states) <= {DeliveryState.SENT, DeliveryState.UNKNOWN}
    assert states.total() == len(PEOPLE)
    assert states[DeliveryState.UNKNOWN] <= len(crashes) * CONNECTIONS + 1
    assert {name for name, record in ledger.items() if record.state is DeliveryState.SENT} <= set(reached)
