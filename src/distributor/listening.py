"""Opens the sockets that servers listen on, and says what to do about a port that cannot be had."""

from __future__ import annotations

import errno
import importlib
import socket
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from distributor.domain.errors import ConfigurationError

_HIGHEST_PORT = 65_535
_REASONS: Mapping[int, str] = {
    errno.EACCES: "permission denied; choose a port above 1023",
    errno.EADDRNOTAVAIL: "this machine does not have that address; use 127.0.0.1 for local access, 0.0.0.0 for all",
}


def listen(host: str, port: int, *, backlog: int = 128, setting: str = "another port") -> socket.socket:
    """A listening socket; port 0 takes a free one. `setting` is what to change if the port is taken.

    Raises ConfigurationError that names the program which has the port, if this user may know.
    """
    if not 0 <= port <= _HIGHEST_PORT:
        raise ConfigurationError(f"cannot listen on {host}, port {port}: a port is a number from 0 to {_HIGHEST_PORT}")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise ConfigurationError(
            f"cannot listen on {host}, port {port}: this is not an address to listen on"
        ) from error
    try:
        # So that a port that was just released can be used again.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(backlog)
    except OSError as error:
        listening.close()
        reason = _REASONS.get(error.errno or 0) or str(error.strerror)
        if error.errno == errno.EADDRINUSE:
            reason = f"{_program_on(port)} uses it; stop that program, or choose {setting} (0 takes a free port)"
        raise ConfigurationError(f"cannot listen on {host}, port {port}: {reason}") from error
    return listening


def require_free_port(host: str, port: int, *, setting: str) -> None:
    """Raises ConfigurationError, as `listen` does, if a server could not listen on this port."""
    listen(host, port, setting=setting).close()


def free_port(host: str) -> int:
    """A port on which nothing listens at this moment. Raises ConfigurationError."""
    with listen(host, 0) as listening:
        port: int = listening.getsockname()[1]
    return port


def local_url(host: str, port: int) -> str:
    """The URL under which a browser on this machine reaches a web server that listens on this address."""
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        return f"http://{host or '127.0.0.1'}:{port}"
    if address.is_unspecified:
        # 0.0.0.0 and :: stand for every address of the machine, and are none to visit.
        return f"http://127.0.0.1:{port}"
    return f"http://[{address}]:{port}" if address.version == 6 else f"http://{address}:{port}"


def _program_on(port: int) -> str:
    """The program that listens on a port of this machine, as `python3 (process 4711)`."""
    # Loaded when it is needed: every command imports this module with the settings.
    psutil: Any = importlib.import_module("psutil")
    try:
        connections = psutil.net_connections(kind="tcp")
        found = next((one for one in connections if one.status == psutil.CONN_LISTEN and one.laddr.port == port), None)
        if found is not None and found.pid is not None:
            return f"{psutil.Process(found.pid).name()} (process {found.pid})"
    except (psutil.Error, OSError):
        pass
    return "another program"
