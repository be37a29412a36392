"""A Redis for one test that keeps nothing on disk: after a kill and a restart it is empty."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis
from redis.exceptions import RedisError

from distributor.embedded.redis import find_redis


class RestartableRedis:
    """One Redis on a port that stays the same."""

    def __init__(self, port: int) -> None:
        self.url = f"redis://127.0.0.1:{port}/0"
        self._command = (
            *(str(find_redis()), "--bind", "127.0.0.1", "--port", str(port)),
            *("--save", "", "--appendonly", "no", "--daemonize", "no", "--loglevel", "warning"),
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, empty, and return when it answers."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        with Redis.from_url(self.url) as redis:
            while self._process.poll() is None:
                try:
                    redis.ping()
                except RedisError:
                    time.sleep(0.02)
                else:
                    return
        raise AssertionError("Redis does not start")

    def kill(self) -> None:
        """SIGKILL: everything in it is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@contextmanager
def running_redis(port: int) -> Iterator[RestartableRedis]:
    """A Redis for as long as this is open."""
    redis = RestartableRedis(port)
    redis.start()
    try:
        yield redis
    finally:
        redis.kill()
