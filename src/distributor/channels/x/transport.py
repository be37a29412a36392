"""tweepy with what it lacks: a timeout, another host for tests, and results instead of exceptions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import requests
import tweepy
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError, ProxyError, SSLError

from distributor.channels.api import Lease, Verdict
from distributor.channels.social.results import Refused, Unknown, classify_status
from distributor.channels.x.settings import XSettings

# tweepy knows no other host, and its OAuth 1.0a signatures are for this one wherever the request goes.
_SIGNED_HOST = "https://api.twitter.com"
_NEVER_SENT = (NewConnectionError, ConnectTimeoutError, ProxyError, SSLError)


def tweepy_client(settings: XSettings, lease: Lease) -> tweepy.Client:
    """A client whose methods return the whole response and never wait for a rate limit.

    They raise LeaseLostError instead of sending anything but a GET once the lease may have run out.
    """
    client = tweepy.Client(
        consumer_key=settings.consumer_key.get_secret_value(),
        consumer_secret=settings.consumer_secret.get_secret_value(),
        access_token=settings.access_token.get_secret_value(),
        access_token_secret=settings.access_token_secret.get_secret_value(),
        return_type=requests.Response,
    )
    client.session.mount(_SIGNED_HOST, _Transport(settings.api_url, settings.timeout_seconds, lease))
    # A redirected POST would be repeated as a GET.
    client.session.max_redirects = 0
    return client


def call(method: Callable[..., Any], *arguments: Any, **named: Any) -> requests.Response | Refused | Unknown:
    """The response to a method of the client, whatever its status. The client is untyped, hence Any."""
    try:
        response: requests.Response = method(*arguments, **named)
    except tweepy.HTTPException as error:
        response = error.response
    except requests.TooManyRedirects as error:
        return classify_status(301, str(error))
    except requests.ConnectionError as error:
        return _connection_result(error)
    except requests.RequestException as error:
        return Unknown(reply=f"no response from X: {error}")
    except (AttributeError, TypeError) as error:
        # tweepy expects every error response to be a JSON object with a list of errors.
        return Unknown(reply=f"the response of X cannot be parsed: {error}")
    return response


class _Transport(HTTPAdapter):
    """Adds a timeout to every call, and sends what is signed for X's own host to another one if it is set."""

    def __init__(self, api_url: str, timeout_seconds: float, lease: Lease) -> None:
        super().__init__()
        self._lease = lease
        self._api_url = api_url
        self._timeout_seconds = timeout_seconds

    def send(self, request: requests.PreparedRequest, *arguments: Any, **named: Any) -> requests.Response:
        if request.method != "GET":
            self._lease.check()
        named["timeout"] = self._timeout_seconds
        if self._api_url != _SIGNED_HOST:
            request.url = f"{self._api_url}{(request.url or '').removeprefix(_SIGNED_HOST)}"
            # They were chosen for X's own host and may not lead to this one.
            named["proxies"] = None
        return super().send(request, *arguments, **named)


def _connection_result(error: requests.ConnectionError) -> Refused | Unknown:
    cause = error.args[0] if error.args else None
    if isinstance(cause, MaxRetryError) and isinstance(cause.reason, _NEVER_SENT):
        return Refused(verdict=Verdict.DEFERRED, reply=f"no connection to X: {cause.reason}")
    return Unknown(reply=f"the connection to X was lost: {error}")
