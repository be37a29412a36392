"""The providers there are, found by scanning this folder; the URLs of their APIs; and the reader of their webhooks."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Mapping
from functools import cache
from urllib.parse import parse_qsl, unquote, urlsplit

import distributor.channels.email.providers as folder
from distributor.channels.api import WebhookEvents, WebhookRequest
from distributor.channels.email.providers.provider import ApiUrl, Provider
from distributor.domain.errors import ConfigurationError, SignatureError
from distributor.mail.safe_urls import is_secure_url

_KEY = re.compile(r"[!-~]*")
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_ENCODED = "characters like / ? # @ + in a key have to be percent-encoded"


@cache
def providers() -> Mapping[str, Provider]:
    """Every provider by its name, in alphabetical order: the files of this folder that define ``PROVIDER``."""
    modules = (
        importlib.import_module(f"{folder.__name__}.{one.name}") for one in pkgutil.iter_modules(folder.__path__)
    )
    found: list[Provider] = [module.PROVIDER for module in modules if hasattr(module, "PROVIDER")]
    return {provider.name: provider for provider in sorted(found, key=lambda provider: provider.name)}


def find_provider(name: str) -> Provider | None:
    """The provider that the setting `events_from` names; None if it is empty."""
    return providers()[name] if name else None


def read_webhook(request: WebhookRequest, *, provider: str, secret: str) -> WebhookEvents:
    """The events in a request to the webhook. Raises SignatureError, InputError or ServiceError."""
    if not provider or not secret:
        raise SignatureError("no provider may call the webhook of this channel; set events_from and events_secret")
    return providers()[provider].read_webhook(request, secret)


def parse_api_url(url: str) -> ApiUrl:
    """Read a URL such as ``postmark://TOKEN@api.postmarkapp.com``. `endpoint=` names another root for the requests.

    Raises ConfigurationError, whose message never holds a part of the key.
    """
    provider = providers()[url.strip().partition(":")[0].lower()]
    try:
        parts = urlsplit(url.strip())
        host, has_port = parts.hostname or "", parts.port is not None
    except ValueError:
        # The ValueError quotes what it could not read, which may be a part of the key.
        raise _invalid(provider, f"it cannot be read; {_ENCODED}") from None
    path = parts.path.strip("/")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    endpoint = options.pop("endpoint", "")
    key, secret, path = unquote(parts.username or ""), unquote(parts.password or ""), unquote(path)
    for is_wrong, why in (
        (not key, f"it names no key; {_ENCODED}"),
        (not _KEY.fullmatch(key + secret), "its key has a character that is not allowed in a header field"),
        (not host or has_port, "it has no host, or a port after the host"),
        (not _NAME.fullmatch(host) or not _NAME.fullmatch(path or "-"), "its host or path is not a valid name"),
        (provider.needs_secret != bool(secret), "there is a part too few or too many before the @"),
        (provider.needs_path != bool(path), "there is a part too few or too many after the host"),
        # Names of options are not shown: a key with an unencoded question mark in it ends up here.
        (bool(options.keys() - provider.options or parts.fragment), f"it has an unknown option; {_known(provider)}"),
    ):
        if is_wrong:
            raise _invalid(provider, why)
    return ApiUrl(
        provider=provider,
        root=_checked(endpoint.rstrip("/"), provider) if endpoint else provider.root_of(host),
        host=host,
        key=key,
        secret=secret,
        path=path,
        options=options,
    )


def _checked(endpoint: str, provider: Provider) -> str:
    if not is_secure_url(endpoint):
        raise _invalid(provider, "its endpoint has to start with https://, or with http:// for this machine itself")
    return endpoint


def _known(provider: Provider) -> str:
    return "there are " + ", ".join(f"{name}=…" for name in sorted({"endpoint", *provider.options}))


def _invalid(provider: Provider, why: str) -> ConfigurationError:
    return ConfigurationError(f"the URL of the relay is not like {provider.example}: {why}")
