"""What every measurement says about where it was taken, and a place for mail that keeps nothing."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def hardware() -> str:
    """The machine in one line."""
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} × {model}, {gigabytes:.0f} GiB, Python {platform.python_version()}, load before {load:.1f}"
    )


def program(name: str) -> str | None:
    """Where a program of Postfix is, if it is installed."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin")


@contextmanager
def mail_sink() -> Iterator[tuple[str, int]]:
    """A port that takes mail and forgets it, and the name of what listens there: Postfix's smtp-sink, else our own."""
    path = program("smtp-sink")
    if path is None:
        with _own_sink() as port:
            yield "a sink of our own (install postfix for smtp-sink)", port
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    process = subprocess.Popen([path, *user, f"127.0.0.1:{port}", "1024"])
    try:
        _wait_for(port)
        yield "Postfix smtp-sink", port
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit("the mail sink did not start")


@contextmanager
def _own_sink() -> Iterator[int]:
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(_take_mail, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


async def _take_mail(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 sink\r\n")
    while line := await reader.readline():
        verb = line[:4].upper()
        if verb == b"EHLO":
            writer.write(b"250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n")
        elif verb == b"DATA":
            writer.write(b"354 go on\r\n")
            await reader.readuntil(b"\r\n.\r\n")
            writer.write(b"250 2.0.0 taken\r\n")
        elif verb == b"QUIT":
            break
        else:
            writer.write(b"250 2.0.0 fine\r\n")
    writer.close()
