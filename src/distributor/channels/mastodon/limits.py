"""The limits of an instance. Every server has its own numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from pydantic import BaseModel, Field, ValidationError

from distributor.channels.api import Json
from distributor.channels.social.http import ApiResponse, HttpClient
from distributor.domain.errors import ServiceError
from distributor.rendering.fitting import Measure
from distributor.rendering.measuring import mastodon_length

# Servers before 4.0 and some compatible ones have only the second.
_PATHS = ("/api/v2/instance", "/api/v1/instance")


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceLimits:
    """The length of a post and what a link counts in it. The defaults are Mastodon's own."""

    max_characters: int = 500
    characters_reserved_per_url: int = 23

    @property
    def measure(self) -> Measure:
        return lambda text: mastodon_length(text, characters_reserved_per_url=self.characters_reserved_per_url)

    def as_json(self) -> dict[str, Json]:
        return asdict(self)

    @classmethod
    def from_json(cls, limits: Mapping[str, Json]) -> InstanceLimits:
        """The limits that an instance published; the defaults if they are missing or implausible."""
        try:
            return cls(**_Statuses.model_validate(dict(limits)).model_dump())
        except ValidationError:
            return cls()


async def fetch_limits(client: HttpClient, instance_url: str) -> InstanceLimits:
    """The limits that the instance publishes. Raises ServiceError if it publishes none."""
    reasons = []
    for path in _PATHS:
        response = await client.call("GET", path)
        if not isinstance(response, ApiResponse):
            reasons.append(response.reply)
        elif not response.is_success:
            reasons.append(f"HTTP {response.status_code} at {path}")
        else:
            try:
                instance = _Instance.model_validate_json(response.content)
            except ValidationError:
                reasons.append(f"no limits at {path}")
            else:
                return InstanceLimits(**instance.configuration.statuses.model_dump())
    raise ServiceError(
        f"{instance_url} does not publish the limits of its posts; is it a Mastodon server? ({'; '.join(reasons)})"
    )


class _Statuses(BaseModel):
    max_characters: int = Field(500, ge=50)
    characters_reserved_per_url: int = Field(23, ge=1)


class _Configuration(BaseModel):
    statuses: _Statuses


class _Instance(BaseModel):
    configuration: _Configuration
