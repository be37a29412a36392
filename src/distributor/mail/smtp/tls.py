"""The TLS contexts of SMTP sessions: whose certificates convince."""

from __future__ import annotations

import ssl
from functools import cache

from distributor.domain.errors import ConfigurationError
from distributor.mail.smtp.url import SmtpUrl


def context_for(url: SmtpUrl) -> ssl.SSLContext:
    """What `url` asks for. Raises ConfigurationError for a file of authorities that cannot be used."""
    return _verifying(url.ca) if url.needs_verification else _encrypting()


@cache
def _verifying(ca: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca or None)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"ca in the SMTP URL is {ca}, which cannot be read as PEM certificates: {error.strerror or error}"
        ) from error


@cache
def _encrypting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
