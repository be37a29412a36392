"""The settings of the web server."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class WebConfig:
    """The settings of the web server.

    `sign_ups_per_address` is a limit per day, `sign_ups_per_network` and `sign_ups_per_list` are limits per hour.
    `challenge_cost` is that of the proof of work, 0 for none. The response to a sign-up waits for `answer_after`, so
    that its timing does not reveal whether the address is known. `trusted_proxies` are IP addresses or networks,
    separated by commas.
    """

    sign_ups_per_address: int = 10
    sign_ups_per_network: int = 30
    sign_ups_per_list: int = 1000
    challenge_cost: int = 0
    answer_after: timedelta = timedelta(milliseconds=400)
    trusted_proxies: str = "127.0.0.1"


DEFAULT_CONFIG = WebConfig()
