"""Where the sandbox of a service listens: what is sent there reaches no one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

SANDBOX_HOST = "127.0.0.1"
"""The address that the sandbox of `demo` and `up` listens on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxPorts:
    """Where a running sandbox listens."""

    http: int
    smtp: int
    host: str = SANDBOX_HOST

    @property
    def http_url(self) -> str:
        """The root of its pages."""
        return f"http://{self.host}:{self.http}"

    @property
    def smtp_url(self) -> str:
        """Its mail server."""
        return f"smtp://{self.host}:{self.smtp}"

    def is_in(self, values: Iterable[object]) -> bool:
        """Whether one of these values is a URL of it."""
        return any(isinstance(one, str) and self._is_at(one) for one in values)

    def _is_at(self, url: str) -> bool:
        try:
            parts = urlsplit(url)
            return parts.hostname == self.host and parts.port in (self.http, self.smtp)
        except ValueError:
            return False
