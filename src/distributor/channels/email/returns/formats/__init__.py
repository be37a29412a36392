"""Every known format of notices: a table, the most particular first."""

from __future__ import annotations

from distributor.channels.email.returns.formats.format import Format
from distributor.channels.email.returns.formats.gateways import GATEWAYS
from distributor.channels.email.returns.formats.providers import PROVIDERS
from distributor.channels.email.returns.formats.servers import SERVERS

FORMATS: tuple[Format, ...] = (*PROVIDERS, *GATEWAYS, *SERVERS)
