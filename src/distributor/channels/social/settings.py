"""What the settings of all social channels have in common."""

from __future__ import annotations

import hashlib
import ipaddress
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

_NOT_PUBLIC = (".localhost", ".local", ".internal", ".test", ".invalid", ".example")


def _web_address(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise ValueError("must start with http:// or https://")
    return url.rstrip("/")


def _bare_handle(handle: str) -> str:
    return handle.strip().removeprefix("@")


WebAddress = Annotated[str, AfterValidator(_web_address)]
Handle = Annotated[str, AfterValidator(_bare_handle)]


class SocialSettings(BaseModel):
    """Settings of an account on a network; without credentials posts can be rendered but not sent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    handle: Handle = Field("", title="Account", description="the account's name on the network, with or without @")
    hashtags: int = Field(3, ge=0, le=10, title="Hashtags", description="how many hashtags a post has at most")
    timeout_seconds: float = Field(20, gt=0, le=60, title="Timeout", description="seconds to wait for a response")

    @property
    def account(self) -> str:
        """The account as readers of a preview see it."""
        return f"@{self.handle}" if self.handle else "account"

    @property
    def network(self) -> str:
        """A URL on the network that knows the account by its name; empty if there is only one network."""
        return ""

    def recipient(self, credentials: tuple[str, ...]) -> str:
        """The account as the recipient of deliveries: the same for every channel that posts to it, and for no other.

        An account without a name is known by a hash of its `credentials`. One on a server that is not public, such as
        a sandbox, is not the account of that name on the network.
        """
        name = f"@{self.handle.casefold()}" if self.handle else f"account {self._fingerprint(credentials)}".strip()
        parts = urlsplit(self.network)
        return f"{name}@{parts.netloc}" if self.network and self._needs_server else name

    @property
    def _needs_server(self) -> bool:
        """Whether the name alone does not identify the account."""
        return not is_public(self.network)

    def _fingerprint(self, credentials: tuple[str, ...]) -> str:
        held = "\0".join(str(_plain(getattr(self, name))) for name in credentials)
        return hashlib.sha256(held.encode()).hexdigest()[:8] if held.strip("\0") else ""

    def missing(self, names: tuple[str, ...]) -> list[str]:
        """Those of the settings called `names` that are empty."""
        return [name for name in names if not _plain(getattr(self, name))]


def is_public(url: str) -> bool:
    """Whether everyone on the internet can reach this address, as far as it says so itself."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith(_NOT_PUBLIC)


def _plain(value: object) -> object:
    return value.get_secret_value() if isinstance(value, SecretStr) else value
