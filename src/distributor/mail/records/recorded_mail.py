"""One mail in a record, identified by its Message-ID."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RecordedMail:
    """A mail that a server accepted. `message_id` is without angle brackets; `is_bounced` if it bounced later.

    `addressees` are the addresses of its field To, if the record has it.
    """

    message_id: str
    is_bounced: bool = False
    addressees: tuple[str, ...] = ()


def bare_message_id(text: str) -> str | None:
    """A Message-ID without angle brackets and surrounding white space; None if the text is none."""
    inside = text.strip().removeprefix("<").removesuffix(">")
    local, at, domain = inside.rpartition("@")
    return inside if local and at and domain and not any(map(str.isspace, inside)) else None
