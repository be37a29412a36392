"""What an instance allows in a post. Every server has its own numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import httpx
from pydantic import BaseModel, Field, ValidationError

from distributor.channels.social.web import call
from distributor.domain.errors import ServiceError
from distributor.domain.rendition import Json
from distributor.rendering.fitting import Measure
from distributor.rendering.measuring import mastodon_length

# The second is what servers before 4.0 and some relatives of Mastodon still have alone.
_PATHS = ("/api/v2/instance", "/api/v1/instance")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The length of a post and what a link counts in it. The defaults are Mastodon's own."""

    max_characters: int = 500
    characters_reserved_per_url: int = 23

    @property
    def measure(self) -> Measure:
        return lambda text: mastodon_length(text, characters_reserved_per_url=self.characters_reserved_per_url)

    def as_json(self) -> dict[str, Json]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Json]) -> Limits:
        """The limits an instance told, as far as they make sense."""
        try:
            return cls(**_Statuses.model_validate(dict(values)).model_dump())
        except ValidationError:
            return cls()


async def ask_for_limits(client: httpx.AsyncClient, *, seconds: float) -> Limits:
    """What the instance says about itself. Raises ServiceError if it says nothing."""
    reasons = []
    for path in _PATHS:
        answer = await call(client, "GET", path, seconds=seconds)
        if not isinstance(answer, httpx.Response):
            reasons.append(answer.reply)
        elif not answer.is_success:
            reasons.append(f"HTTP {answer.status_code} at {path}")
        else:
            try:
                instance = _Instance.model_validate_json(answer.content)
            except ValidationError:
                reasons.append(f"none are named at {path}")
            else:
                return Limits(**instance.configuration.statuses.model_dump())
    raise ServiceError(
        f"{client.base_url} does not tell the limits of its posts, is it a Mastodon server? ({'; '.join(reasons)})"
    )


class _Statuses(BaseModel):
    max_characters: int = Field(500, ge=50)
    characters_reserved_per_url: int = Field(23, ge=1)


class _Configuration(BaseModel):
    statuses: _Statuses


class _Instance(BaseModel):
    configuration: _Configuration
