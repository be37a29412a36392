"""The address of a provider's API, as one URL with a percent-encoded key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote, urlsplit

from distributor.channels.email.providers.api import ApiProvider, ApiUrl
from distributor.channels.email.providers.mailgun import MAILGUN
from distributor.channels.email.providers.postmark import POSTMARK
from distributor.channels.email.providers.resend import RESEND
from distributor.channels.email.providers.sendgrid import SENDGRID
from distributor.channels.email.providers.ses import SES
from distributor.domain.errors import ConfigurationError
from distributor.mail.safe_urls import is_secure_url

PROVIDERS: Mapping[str, ApiProvider] = {one.scheme: one for one in (SES, POSTMARK, MAILGUN, SENDGRID, RESEND)}

_KEY = re.compile(r"[!-~]*")
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_ENCODED = "signs like / ? # @ + in a key have to be percent-encoded"


def parse_api_url(url: str) -> ApiUrl:
    """Read an address such as ``postmark://TOKEN@api.postmarkapp.com``. `endpoint=` names another root for its calls.

    Raises ConfigurationError, whose text never holds a part of the key.
    """
    provider = PROVIDERS[url.strip().partition(":")[0].lower()]
    try:
        parts = urlsplit(url.strip())
        host, has_port = parts.hostname or "", parts.port is not None
    except ValueError:
        # The ValueError quotes what it could not read, which may be a piece of the key.
        raise _wrong(provider, f"it cannot be read; {_ENCODED}") from None
    path = parts.path.strip("/")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    endpoint = options.pop("endpoint", "")
    key, secret, path = unquote(parts.username or ""), unquote(parts.password or ""), unquote(path)
    for is_wrong, why in (
        (not key, f"it names no key; {_ENCODED}"),
        (not _KEY.fullmatch(key + secret), "a key has a sign that cannot stand in a header field"),
        (not host or has_port, "it names no host, or a port after it"),
        (not _NAME.fullmatch(host) or not _NAME.fullmatch(path or "-"), "a name in it is none"),
        (provider.needs_secret != bool(secret), "there is a part too few or too many before the @"),
        (provider.needs_path != bool(path), "there is a part too few or too many after the host"),
        # Their names are not shown: a key with a bare question mark in it ends up here.
        (bool(options.keys() - provider.options or parts.fragment), f"it has an unknown option; {_known(provider)}"),
    ):
        if is_wrong:
            raise _wrong(provider, why)
    return ApiUrl(
        provider=provider,
        root=_checked(endpoint.rstrip("/"), provider) if endpoint else provider.root_of(host),
        host=host,
        key=key,
        secret=secret,
        path=path,
        options=options,
    )


def _checked(endpoint: str, provider: ApiProvider) -> str:
    if not is_secure_url(endpoint):
        raise _wrong(provider, "its endpoint has to start with https://, or with http:// for this very machine")
    return endpoint


def _known(provider: ApiProvider) -> str:
    return "there are " + ", ".join(f"{name}=…" for name in sorted({"endpoint", *provider.options}))


def _wrong(provider: ApiProvider, why: str) -> ConfigurationError:
    return ConfigurationError(f"the URL of the relay is not like {provider.example}: {why}")
