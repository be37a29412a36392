"""Sighting: one mail that somebody took from us, by its Message-ID."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RecordedMail:
    """A mail that was taken. `message_id` is without angle brackets; `is_returned` if it was given up on later.

    `addressees` are those of its field To, where the record holds that.
    """

    message_id: str
    is_returned: bool = False
    addressees: tuple[str, ...] = ()


def bare_message_id(text: str) -> str | None:
    """A Message-ID without its angle brackets and the space around it; None for what cannot be one."""
    inside = text.strip().removeprefix("<").removesuffix(">")
    local, at, domain = inside.rpartition("@")
    return inside if local and at and domain and not any(map(str.isspace, inside)) else None
