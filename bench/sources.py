"""How long sources take that have nothing new: a folder of 10,000 files, and 1,000 feeds that two workers ask.

The yardsticks, in the same run: reading and hashing the same files, and bare conditional requests for the same feeds.
The server is another process of this machine, so it takes its part of the processors.
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import httpx
from _surroundings import hardware
from sqlalchemy import text

from distributor.bootstrap import make_app_context
from distributor.domain.ip_networks import parse_networks
from distributor.embedded import Services, running_services
from distributor.flow.app_context import AppContext
from distributor.flow.articles import source_runs, sources
from distributor.flow.articles.ingest import scan
from distributor.settings import Settings
from distributor.storage.schema import migrate

_WORKERS = 2
_ITEMS = 20
_ETAG = '"1"'
_ITEM = (
    "<item><title>Item {n} of {feed}</title><guid>{feed}-{n}</guid><description>&lt;p&gt;Some words about {n}, and "
    "some more that a reader of this feed reads until the end of the line.&lt;/p&gt;</description></item>"
)


def main() -> None:
    """Measure and print."""
    arguments = _parse()
    print(hardware())
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name,
        running_services(Path(name) / "data") as running,
    ):
        folder = Path(name)
        services = Services(database_url=running.database_url, redis_url=running.redis_url)
        app = _app(folder, services)
        migrate(app.database)
        _measure_folder(app, arguments.files)
        _measure_feeds(app, folder, services, arguments.feeds)
        app.close()


def _measure_folder(app: AppContext, files: int) -> None:
    folder = app.content_dir
    for number in range(files):
        path = folder / f"{number // 100:04}" / f"post-{number}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"---\ntitle: Post {number}\ntags: [a, b]\n---\n\n{'Some words that are read. ' * 80}\n")
    first = _seconds(lambda: scan(app))
    unchanged = min(_seconds(lambda: scan(app)) for _ in range(3))
    yardstick = min(_seconds(lambda: _read_and_hash(folder)) for _ in range(3))
    print(
        f"  a folder of {files:,} files: {first:.1f} s to take in, {unchanged:.2f} s when nothing has changed (goal 2)"
    )
    print(f"    reading and hashing the files takes {yardstick:.2f} s: {unchanged / yardstick:.1f} times that")


def _read_and_hash(folder: Path) -> None:
    for path in folder.rglob("*.md"):
        hashlib.sha256(path.read_bytes()).hexdigest()


def _measure_feeds(app: AppContext, folder: Path, services: Services, feeds: int) -> None:
    with _server() as (port, counts):
        urls = [f"http://127.1.{number // 250}.{number % 250 + 1}:{port}/{number}.xml" for number in range(feeds)]
        numbers = [
            sources.add(app, f"feed-{number}", "feed", {"url": url}).source.id for number, url in enumerate(urls)
        ]
        first = _seconds(lambda: _run_all(folder, services, numbers))
        before = counts()
        with app.database.begin() as connection:
            connection.execute(text("UPDATE sources SET next_run_at = now() - interval '1 second'"))
        unchanged = _seconds(lambda: _run_all(folder, services, numbers))
        asked, served = (after - earlier for after, earlier in zip(counts(), before, strict=True))
        yardstick = _seconds(lambda: _ask_all(urls))
    print(f"  {feeds:,} feeds of {_ITEMS} items by {_WORKERS} workers: {first:.1f} s the first time")
    print(f"    {unchanged:.1f} s when nothing has changed: {asked} requests, {served} bodies served")
    print(
        f"    bare conditional requests, one after the other: {yardstick:.1f} s: {unchanged / yardstick:.1f} times that"
    )


def _run_all(folder: Path, services: Services, numbers: Sequence[int]) -> None:
    """Every source once, by as many processes as there are workers."""
    context = multiprocessing.get_context("spawn")
    parts = [numbers[start::_WORKERS] for start in range(_WORKERS)]
    workers = [context.Process(target=_work, args=(folder, services, part)) for part in parts]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        if worker.exitcode:
            raise SystemExit("a worker has failed")


def _work(folder: Path, services: Services, numbers: Sequence[int]) -> None:
    app = _app(folder, services)
    for number in numbers:
        if source_runs.run_source(app, number) is None:
            raise SystemExit(f"source {number} could not be read")
    app.close()


def _ask_all(urls: Sequence[str]) -> None:
    for url in urls:
        with httpx.Client() as client:
            if client.get(url, headers={"If-None-Match": _ETAG}).status_code != 304:
                raise SystemExit(f"{url} is not unchanged")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked: ClassVar[Any]
    served: ClassVar[Any]

    def do_GET(self) -> None:
        with self.asked.get_lock():
            self.asked.value += 1
        if self.headers.get("If-None-Match") == _ETAG:
            self.send_response(304)
            self.send_header("ETag", _ETAG)
            self.end_headers()
            return
        with self.served.get_lock():
            self.served.value += 1
        items = "".join(_ITEM.format(n=n, feed=self.path) for n in range(_ITEMS))
        body = f'<rss version="2.0"><channel><title>-</title>{items}</channel></rss>'.encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/rss+xml")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", _ETAG)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True


def _serve(port: Any, asked: Any, served: Any) -> None:
    """A server whose counters other processes read."""
    _Handler.asked, _Handler.served = asked, served
    with _Server(("0.0.0.0", 0), _Handler) as server:
        port.value = server.server_address[1]
        server.serve_forever()


@contextmanager
def _server() -> Iterator[tuple[int, Callable[[], tuple[int, int]]]]:
    context = multiprocessing.get_context("spawn")
    port, asked, served = (context.Value("i", 0) for _ in range(3))
    process = context.Process(target=_serve, args=(port, asked, served), daemon=True)
    process.start()
    while not port.value:
        time.sleep(0.05)
    try:
        yield port.value, lambda: (asked.value, served.value)
    finally:
        process.terminate()
        process.join()


def _app(folder: Path, services: Services) -> AppContext:
    settings = Settings(_env_file=None, data_dir=folder / "data", content_dir=folder / "content")
    return replace(make_app_context(settings, services), fetch_networks=parse_networks("127.0.0.0/8"))


def _seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--feeds", type=int, default=1_000)
    return parser.parse_args()


if __name__ == "__main__":
    main()
