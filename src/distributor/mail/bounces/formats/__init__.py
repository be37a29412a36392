"""The known formats of bounce notices, the most specific first."""

from __future__ import annotations

from distributor.mail.bounces.formats.bounce_format import BounceFormat
from distributor.mail.bounces.formats.gateways import GATEWAYS
from distributor.mail.bounces.formats.providers import PROVIDERS
from distributor.mail.bounces.formats.servers import SERVERS

FORMATS: tuple[BounceFormat, ...] = (*PROVIDERS, *GATEWAYS, *SERVERS)
