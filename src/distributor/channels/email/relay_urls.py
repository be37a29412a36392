"""Where mail is handed over: an SMTP server, or the API of a provider."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from distributor.channels.email.providers.api import ApiUrl
from distributor.channels.email.providers.url import PROVIDERS, parse_api_url
from distributor.domain.errors import ConfigurationError
from distributor.mail.smtp.url import SmtpUrl

RelayUrl: TypeAlias = SmtpUrl | ApiUrl

_READERS: Mapping[str, Callable[[str], RelayUrl]] = {
    "smtp": SmtpUrl.parse,
    "smtps": SmtpUrl.parse,
    **dict.fromkeys(PROVIDERS, parse_api_url),
}


def parse_relay_url(url: str) -> RelayUrl:
    """Read the address of a relay. Raises ConfigurationError, whose text never holds a password or a key."""
    scheme, separator, _ = url.strip().partition("://")
    read = _READERS.get(scheme.lower())
    if read is None or not separator:
        raise ConfigurationError(
            "the URL of a relay has to start with " + ", ".join(f"{scheme}://" for scheme in _READERS)
        )
    return read(url)
