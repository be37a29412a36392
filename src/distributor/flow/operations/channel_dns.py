"""What the DNS says about the mails of a channel: the records to publish, and whether they are there."""

from __future__ import annotations

from collections.abc import Sequence

from distributor.channels.api import DiagnosableChannel, DiagnosticContext
from distributor.domain.diagnostics import DiagnosticStatus, Finding
from distributor.flow.app_context import AppContext
from distributor.mail.dns.lookup import DnsResolver, Resolver
from distributor.storage import channels


def look_up_dns(app: AppContext, name: str) -> Sequence[Finding]:
    """What is found about a channel, with the records to publish. What cannot be found out is a finding too.

    Raises NotFoundError, InputError for invalid settings, and ConfigurationError for secrets that cannot be decrypted.
    """
    with app.database.begin() as connection:
        record = channels.find(connection, name)
    channel = app.open_channel(record)
    if not isinstance(channel, DiagnosableChannel):
        return [Finding("DNS", DiagnosticStatus.OK, f"channels of kind {record.kind} need nothing in the DNS")]
    context = DiagnosticContext(site=app.site, now=app.clock(), nameserver=app.nameserver)
    try:
        return list(channel.diagnose(context))
    except Exception as error:
        # The kind may be another package's.
        return [Finding("DNS", DiagnosticStatus.FAIL, f"the check failed: {type(error).__name__}: {error}")]


def resolver_of(app: AppContext) -> Resolver:
    """What asks the DNS."""
    return DnsResolver(app.nameserver)
