"""How long the pages of the team's app, lists and metrics take on the server, in one that has been used for years.

By default it has 1,000,000 subscribers, 2,000 campaigns and 20,000,000 deliveries, which take a while to insert;
`--people 20000` is quick. Every page that only shows is asked for, one request at a time over HTTP; the yardstick is
the page of one's own account, in the same run. Pages of a campaign are those of the largest, which is running.
"""

from __future__ import annotations

import argparse
import re
import secrets
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
from _surroundings import hardware
from _used_installation import UsedInstallation, insert_used_installation

from distributor.bootstrap import make_app_context
from distributor.domain.api_token import ENTROPY_BYTES, TokenScope, secret_of
from distributor.domain.user import Actor, Permission, Role
from distributor.embedded import running_services
from distributor.flow.app_context import AppContext
from distributor.flow.team import accounts
from distributor.flow.team.passwords import hash_password
from distributor.settings import Settings
from distributor.storage import api_tokens, users
from distributor.storage.schema import migrate
from distributor.web.app import serving
from distributor.web.config import DEFAULT_CONFIG
from distributor.web.team.app import TeamApp

ROUNDS = 15
_PASSWORD = "a sentence that only this bench knows"
_YARDSTICK = "/account"
# What the issue of the web app asks for, in milliseconds.
_GOALS: Mapping[str, int] = {"/calendar": 150, "/campaigns/{campaign_id}": 150, "/search": 100}
_GOAL = 300
# Asked by programs, often.
_OF_PROGRAMS = ("/metrics", "/api/v1/campaigns", "/api/v1/campaigns?limit=200")
_GOAL_OF_PROGRAMS = 50
_QUERIES: Mapping[str, Sequence[str]] = {
    "/search": ("?q=reader77", "?q=campaign 19", "?q=zzz"),
    "/calendar": ("", "?view=week", "?view=list"),
    "/campaigns": ("", "?state=finished"),
    "/campaigns/{campaign_id}/deliveries": ("", "?state=failed", "?q=reader77"),
}


def main() -> None:
    """Measure and print."""
    arguments = _parse()
    print(hardware())
    with _installation(arguments.people) as (app, made), serving(app) as address:
        paths = list(_paths(app, made))
        with httpx.Client(base_url=f"{address}/app", follow_redirects=False, timeout=120) as client:
            _sign_in(client, app)
            measured = {path: found for _, path in paths if (found := _milliseconds(client, path))}
        with httpx.Client(base_url=address, headers=_token(app), timeout=120) as client:
            for path in _OF_PROGRAMS:
                if found := _milliseconds(client, path):
                    measured[path] = found
                    paths.append((path, path))
        yardstick = measured[_YARDSTICK]
        print(f"  not measured: {', '.join(sorted({route for route, path in paths if path not in measured}))}")
        print(f"  {'median ms':>9} {'worst':>7} {'times':>6} {'KB':>6}  page (the yardstick is {_YARDSTICK})")
        shown = [one for one in paths if one[1] in measured]
        for route, path in sorted(shown, key=lambda one: -measured[one[1]].median):
            one = measured[path]
            goal = _GOAL_OF_PROGRAMS if path in _OF_PROGRAMS else _GOALS.get(route, _GOAL)
            mark = "  MISSED" if one.median > goal else ""
            times = one.median / yardstick.median
            print(
                f"  {one.median:9.1f} {one.worst:7.1f} {times:6.1f} {one.size / 1000:6.0f}  {path} (goal {goal}){mark}"
            )


class _Times:
    """The times of the rounds in milliseconds, after one that warms up, and the size of the page in bytes."""

    def __init__(self, taken: Sequence[float], size: int) -> None:
        self.median = statistics.median(taken)
        self.worst = max(taken)
        self.size = size


def _milliseconds(client: httpx.Client, path: str) -> _Times | None:
    """None for what is no page as it stands: a part of a form that needs its fields, or a file to download."""
    with client.stream("GET", path, follow_redirects=True) as response:
        if "attachment" in response.headers.get("content-disposition", ""):
            return None
    taken, size = [], 0
    for number in range(ROUNDS + 1):
        started = time.perf_counter()
        response = client.get(path, follow_redirects=True)
        if number:
            taken.append((time.perf_counter() - started) * 1000)
        if response.status_code in {404, 409, 422}:
            return None
        if response.status_code != 200:
            raise SystemExit(f"{path}: {response.status_code}")
        size = len(response.content)
    return _Times(taken, size)


def _paths(app: AppContext, made: UsedInstallation) -> Iterator[tuple[str, str]]:
    """The path of every page that can be shown, with its route; routes that need more than ids are named."""
    numbers = {
        "campaign_id": made.campaign_id,
        "delivery_id": made.delivery_id,
        "subscriber_id": made.subscriber_id,
        "person_id": made.subscriber_id,
        "article_id": made.article_id,
        "user_id": 1,
        "name": "mail",
        "channel": "mail",
        "channel_id": 1,
    }
    for route in TeamApp(app, DEFAULT_CONFIG).declared:
        if route.method != "GET" or route.permission is None or route.path == "/":
            continue
        asked = re.findall(r"\{(\w+)(?::\w+)?\}", route.path)
        if not set(asked) <= set(numbers) or route.path in _NO_PAGES:
            yield route.path, _NOWHERE
            continue
        if route.path in _PAGES_OF_DRAFTS:
            yield route.path, route.path.replace("{campaign_id}", str(made.draft_id))
            continue
        path = re.sub(r"\{(\w+)(?::\w+)?\}", lambda found: str(numbers[found[1]]), route.path)
        for query in _QUERIES.get(route.path, ("",)):
            yield route.path, path + query
    yield "/", "/"


_NOWHERE = "/nowhere"
_PAGES_OF_DRAFTS = frozenset({"/campaigns/{campaign_id}/edit"})
# Streams, which do not end.
_NO_PAGES = frozenset({"/campaigns/{campaign_id}/live"})


def _sign_in(client: httpx.Client, app: AppContext) -> None:
    user, _ = accounts.create_user(
        app, email="bench@bench.example", name="Bench", role=Role.OWNER, actor=Actor(name="bench")
    )
    assert user.allows(Permission.SUBSCRIBERS_READ)
    with app.database.begin() as connection:
        users.change(connection, user.id, {"password_hash": hash_password(_PASSWORD)})
    form = {"email": user.email, "password": _PASSWORD}
    response = client.post("/sign-in", data=form, headers={"Sec-Fetch-Site": "same-origin"})
    if response.status_code != 303:
        raise SystemExit(f"the sign-in failed: {response.status_code}")


def _token(app: AppContext) -> dict[str, str]:
    """The header of a request by a program that may read campaigns."""
    secret = secret_of(secrets.token_bytes(ENTROPY_BYTES))
    with app.database.begin() as connection:
        api_tokens.add(
            connection,
            secret,
            name="bench",
            scopes={TokenScope.CAMPAIGNS_READ},
            expires_at=None,
            now=app.clock(),
        )
    return {"Authorization": f"Bearer {secret}"}


@contextmanager
def _installation(people: int) -> Iterator[tuple[AppContext, UsedInstallation]]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        settings = Settings(
            _env_file=None,
            data_dir=Path(folder) / "data",
            content_dir=Path(folder) / "content",
            postal_address="1 Bench Street, Benchville",
            sender="Bench <news@bench.example>",
        )
        with running_services(settings.data_dir) as services:
            app = make_app_context(settings, services)
            migrate(app.database)
            started = time.perf_counter()
            made = insert_used_installation(app, services.database_url, Path(folder), people=people)
            taken = time.perf_counter() - started
            print(f"  {made}, made in {taken:.0f} s")
            yield app, made


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=1_000_000, help="deliveries are twenty for each of them")
    return parser.parse_args()


if __name__ == "__main__":
    main()
