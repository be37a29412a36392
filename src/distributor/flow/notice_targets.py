"""Who is told what needs a person, as it is now: what the environment sets, and otherwise what was set in the app."""

from __future__ import annotations

from distributor.domain.errors import ConfigurationError
from distributor.domain.notice import NoticeTargets
from distributor.flow.app_context import AppContext
from distributor.storage import notices
from distributor.storage.database import Connection

HOOK_SECRET = "hook_secret"  # noqa: S105 - the name of a secret


def current_targets(app: AppContext, connection: Connection) -> NoticeTargets:
    """Who is told now. A web hook whose secret cannot be decrypted is not called."""
    return app.notice_targets.or_those_of(targets_set_in_app(app, connection))


def targets_set_in_app(app: AppContext, connection: Connection) -> NoticeTargets:
    """Who is told as it was set in the app."""
    found = notices.targets(connection)
    try:
        secret = app.vault.open(found.sealed).get(HOOK_SECRET, "") if found.sealed is not None else ""
    except ConfigurationError:
        secret = ""
    return NoticeTargets(addresses=found.addresses, hook_url=found.hook_url if secret else "", hook_secret=secret)
