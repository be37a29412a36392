"""Access tokens: fetched when they are needed, kept while they are good, replaced when they no longer are."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import Callable
from urllib.parse import parse_qsl, quote

import pytest

from distributor.domain.errors import ConfigurationError
from distributor.mail.smtp.access_tokens import AccessTokens, TokenRequestRejectedError
from distributor.mail.smtp.connect import SenderRejectedError, connect
from distributor.mail.smtp.reply import SmtpSessionError
from distributor.mail.smtp.url import OAuthClient, SmtpUrl
from tests.channels.email.mailing import PATIENCE

from .http_server import HangUp, HttpAnswer, HttpCall, HttpServer
from .smtp_servers import Answer, Server

REFRESH = "1//a refresh+token"


class Endpoint(HttpServer):
    """Gives the tokens at1, at2 … for the right refresh token."""

    def __init__(self, special: HttpAnswer | HangUp | None = None, *, expires_in: float | None = 3600) -> None:
        super().__init__(self._answer)
        self._special = special
        self._expires_in = expires_in
        self.given = 0

    def _answer(self, call: HttpCall) -> HttpAnswer | HangUp:
        if self._special is not None:
            return self._special
        form = dict(parse_qsl(call.body.decode(), strict_parsing=True))
        known = {"grant_type": "refresh_token", "refresh_token": REFRESH, "client_id": "us", "client_secret": "s3cret"}
        if form != known or call.path != "/token":
            return HttpAnswer(400, {"error": "invalid_request", "error_description": f"{sorted(form)}"})
        self.given += 1
        life = {} if self._expires_in is None else {"expires_in": self._expires_in}
        return HttpAnswer(200, {"access_token": f"at{self.given}", "token_type": "Bearer", **life})


def relay(server: str, endpoint: Endpoint) -> SmtpUrl:
    return SmtpUrl.parse(
        f"smtp://ann:{quote(REFRESH, safe='')}@{server}?tls=off&auth=xoauth2"
        f"&token_url={quote(endpoint.url + '/token', safe='')}&client_id=us&client_secret=s3cret"
    )


def accepting(*tokens: str) -> Callable[[int, str, str], Answer]:
    """A server that accepts these tokens and rejects others as Google does."""

    def behave(session: int, verb: str, line: str) -> Answer:
        if verb == "AUTH":
            said = b64decode(line.removeprefix("AUTH XOAUTH2 ")).decode()
            return (
                "235 2.7.0 welcome" if said in {f"user=ann\x01auth=Bearer {one}\x01\x01" for one in tokens} else "334 "
            )
        return "535 5.7.8 not accepted" if verb == "" else None

    return behave


def log_in(server: Server, endpoint: Endpoint, *, times: int = 1, together: int = 1) -> None:
    """Open sessions one after another, or some at once."""

    async def run() -> None:
        async with server, endpoint:
            url = relay(f"127.0.0.1:{server.port}", endpoint)
            for _ in range(times):
                opened = await asyncio.gather(*(connect(url, timeouts=PATIENCE) for _ in range(together)))
                for connection in opened:
                    await connection.quit()

    asyncio.run(run())


def server(*tokens: str) -> Server:
    return Server(accepting(*tokens), extensions=("AUTH XOAUTH2",))


def test_a_token_is_fetched_once_for_many_connections() -> None:
    endpoint = Endpoint()
    log_in(server("at1"), endpoint, times=3, together=4)
    assert endpoint.given == 1


def test_a_kept_token_that_is_no_longer_accepted_is_replaced_within_the_session() -> None:
    endpoint, relay_server = Endpoint(), server("at1")

    async def run() -> None:
        async with relay_server, endpoint:
            url = relay(f"127.0.0.1:{relay_server.port}", endpoint)
            await (await connect(url, timeouts=PATIENCE)).quit()
            relay_server._behave = accepting("at2")
            await (await connect(url, timeouts=PATIENCE)).quit()

    asyncio.run(run())
    assert endpoint.given == 2
    assert len(relay_server.sessions) == 2


def test_a_new_token_that_is_not_accepted_is_not_replaced_at_once() -> None:
    endpoint = Endpoint()
    with pytest.raises(SenderRejectedError, match=r"535 5\.7\.8 not accepted"):
        log_in(server("another"), endpoint)
    assert endpoint.given == 1


def test_a_refresh_token_that_is_void_is_a_matter_for_a_person() -> None:
    said = {"error": "invalid_grant", "error_description": "Token has been\nrevoked."}
    with pytest.raises(
        SenderRejectedError, match=r"gives no access token: invalid_grant Token has been revoked\."
    ) as caught:
        log_in(server("at1"), Endpoint(HttpAnswer(400, said)))
    assert REFRESH not in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_an_endpoint_that_is_none_is_a_matter_for_a_person() -> None:
    with pytest.raises(SenderRejectedError, match="is token_url right"):
        log_in(server("at1"), Endpoint(HttpAnswer(404, "<html>nothing here</html>")))


@pytest.mark.parametrize("trouble", [HangUp(), HttpAnswer(503), HttpAnswer(429)])
def test_an_endpoint_that_is_away_may_be_back_next_time(trouble: HttpAnswer | HangUp) -> None:
    with pytest.raises(SmtpSessionError, match="gives no access token"):
        log_in(server("at1"), Endpoint(trouble))


@pytest.mark.parametrize(
    ("expires_in", "later", "given"), [(3600, 3000, 1), (3600, 3541, 2), (None, 200, 1), (30, 0, 2)]
)
def test_a_token_is_replaced_a_little_before_it_runs_out(expires_in: float | None, later: float, given: int) -> None:
    seconds = 1000.0
    tokens = AccessTokens(lambda: seconds)

    async def run() -> None:
        nonlocal seconds
        async with endpoint:
            url = relay("127.0.0.1:25", endpoint)
            assert url.oauth_client is not None
            assert (await asyncio.to_thread(tokens.fetch, url, url.oauth_client)).is_new
            seconds += later
            await asyncio.to_thread(tokens.fetch, url, url.oauth_client)

    endpoint = Endpoint(expires_in=expires_in)
    asyncio.run(run())
    assert endpoint.given == given


def test_two_accounts_have_tokens_of_their_own() -> None:
    tokens = AccessTokens()

    async def run() -> tuple[str, str]:
        async with endpoint:
            urls = [relay(f"127.0.0.1:{port}", endpoint) for port in (25, 26)]
            first, second = [await asyncio.to_thread(tokens.fetch, url, _renewal(url)) for url in urls]
            return first.text, second.text

    endpoint = Endpoint()
    assert asyncio.run(run()) == ("at1", "at2")


def _renewal(url: SmtpUrl) -> OAuthClient:
    assert url.oauth_client is not None
    return url.oauth_client


def test_what_is_refused_says_why() -> None:
    async def run() -> None:
        async with endpoint:
            url = relay("127.0.0.1:25", endpoint)
            await asyncio.to_thread(AccessTokens().fetch, url, _renewal(url))

    endpoint = Endpoint(HttpAnswer(401, {"error": "invalid_client"}))
    with pytest.raises(TokenRequestRejectedError, match="invalid_client"):
        asyncio.run(run())


@pytest.mark.parametrize(
    "options",
    [
        "auth=xoauth2&token_url=http%3A%2F%2Foauth.example.org%2Ftoken&client_id=us",
        "auth=xoauth2&token_url=https%3A%2F%2Foauth.example.org%2Ftoken",
        "auth=xoauth2&client_id=us&client_secret=hush",
        "auth=plain&token_url=https%3A%2F%2Foauth.example.org%2Ftoken&client_id=us",
    ],
)
def test_half_of_what_is_needed_is_refused(options: str) -> None:
    with pytest.raises(ConfigurationError, match="token_url") as caught:
        SmtpUrl.parse(f"smtp://ann:hush@mail.example.org?{options}")
    assert "hush" not in str(caught.value)
