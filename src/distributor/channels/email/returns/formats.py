"""Every known format of notices: a table, the most particular first."""

from __future__ import annotations

from distributor.channels.email.returns.format import Format
from distributor.channels.email.returns.formats_of_gateways import GATEWAYS
from distributor.channels.email.returns.formats_of_providers import PROVIDERS
from distributor.channels.email.returns.formats_of_servers import SERVERS

FORMATS: tuple[Format, ...] = (*PROVIDERS, *GATEWAYS, *SERVERS)
