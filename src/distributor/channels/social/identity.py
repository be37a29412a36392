"""The findings of a client that asks its network who it is."""

from __future__ import annotations

from distributor.channels.social.results import Refused, Unknown
from distributor.domain.diagnostics import DiagnosticStatus, Finding


def account_finding(name: str, *, place: str, handle: str) -> Finding:
    """Posts go out as `name`, without @, at `place`; `handle` is the name in the settings, empty if it has none."""
    sentence = f"posts go out as @{name} at {place}"
    if handle and handle.casefold() != name.casefold():
        return Finding(
            "account",
            DiagnosticStatus.WARN,
            f"{sentence}, but the setting handle says @{handle}: correct the one that is wrong with "
            "`distributor channel change`",
        )
    return Finding("account", DiagnosticStatus.OK, sentence)


def failed_finding(check: str, failure: Refused | Unknown, *, url: str, credentials: str) -> Finding:
    """A call that failed, and what to do.

    `url` names the setting with the address of the service, `credentials` those that it refuses, such as
    ``access_token``.
    """
    status = failure.reply_code
    if status in (400, 401, 403):
        advice = (
            f"correct {credentials} with `distributor channel change CHANNEL --set-stdin …`; it may have been revoked"
        )
    elif status == 429:
        advice = "too many calls were made: try again later"
    elif status is None or status >= 500:
        advice = f"check the setting {url}, whether the service is up, and whether this machine reaches it"
    else:
        advice = f"check the setting {url}: nothing answers there as this network does"
    answer = f"HTTP {status}: {failure.reply}" if status else failure.reply
    return Finding(check, DiagnosticStatus.FAIL, f"{answer}; {advice}")
