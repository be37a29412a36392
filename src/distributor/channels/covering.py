"""Covering: what else a channel can do that puts words of its own around the articles, for each reader others.

All of it is optional, as `channels.examination` is: a channel without these methods has no cover.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from distributor.domain.blocks import Block
from distributor.domain.cover import Cover, Enclosure
from distributor.domain.personal import Kin, PersonalNeeds, Reader
from distributor.domain.rendition import Rendition


@dataclass(frozen=True, slots=True, kw_only=True)
class Covering:
    """What goes around the articles of one campaign.

    `read` makes blocks of Markdown and raises InputError. `pictures` are the images of the articles that we hold, by
    their public paths such as ``/media/x.png``.
    """

    read: Callable[[str], Sequence[Block]]
    cover: Cover = field(default_factory=Cover)
    campaign: str = ""
    pictures: Mapping[str, Enclosure] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """How large a mail is, in octets: its HTML, and all of it as it is sent."""

    html: int
    mail: int


@runtime_checkable
class Coverable(Protocol):
    """A channel that puts the covering of its `RenderContext` around articles; others pass over it."""

    def check_cover(self, covering: Covering) -> None:
        """Raises InputError with the line for what cannot be said, before there is anything to render."""

    def needs_of(self, rendition: Rendition) -> PersonalNeeds:
        """What the rendition asks of each recipient."""

    def missing_for(self, rendition: Rendition, kin: Kin) -> str | None:
        """The key of a field that has to be said to such people and is not known of them; None if all can be said."""

    def files_for(self, rendition: Rendition, reader: Reader) -> Mapping[str, bytes]:
        """The rendition as this reader gets it, as files for a person to open. Raises InputError."""

    def weigh(self, rendition: Rendition) -> Weight:
        """How large the mail is. Raises InputError for one that cannot be composed."""
