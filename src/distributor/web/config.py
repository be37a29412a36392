"""Rules of the public pages: what they take from strangers, as the settings of this app say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class WebConfig:
    """The limits are for one mail address in a day, and for one network and one list in an hour.

    `challenge_cost` is that of the proof of work, 0 for none. No answer to a sign-up leaves before `answer_after`: what
    is done for one address and not for another takes less, and so cannot be told by a clock. `trusted_proxies` are
    addresses or networks, separated by commas.
    """

    sign_ups_per_address: int = 10
    sign_ups_per_network: int = 30
    sign_ups_per_list: int = 1000
    challenge_cost: int = 0
    answer_after: timedelta = timedelta(milliseconds=400)
    trusted_proxies: str = "127.0.0.1"


DEFAULT_CONFIG = WebConfig()
