"""The domains that the inbound server receives mail for."""

from __future__ import annotations

from distributor.domain.quarantine import QuarantineLoop
from distributor.flow.app_context import AppContext
from distributor.flow.quarantine import ItemGuard
from distributor.mail.address import Address
from distributor.storage import channels, sources


def bounce_domains(app: AppContext) -> dict[str, bool]:
    """The bounce domains of all channels, as lower-case A-labels, and whether a channel that is there has it.

    A channel with an invalid one is in quarantine. Bounces of what a channel sent before it was removed still arrive.
    """
    guard, domains = ItemGuard(app, QuarantineLoop.CHANNEL), dict[str, bool]()
    with app.database.begin() as connection:
        records = channels.ever_configured(connection)
    for record in records:
        with guard.item(record.name):
            domain = record.settings.get("bounce_domain")
            if domain:
                name = Address.parse(f"b@{domain}").domain
                domains[name] = domains.get(name, False) or record.removed_at is None
    guard.leave(guard.known.keys() - {record.name for record in records})
    return domains


def inbound_domains(app: AppContext) -> frozenset[str]:
    """The bounce domains, and those that sources receive articles at."""
    with app.database.begin() as connection:
        named = [source.settings.get("domain") for source in sources.listed(connection)]
    return frozenset(bounce_domains(app)) | {str(domain).lower() for domain in named if domain}
