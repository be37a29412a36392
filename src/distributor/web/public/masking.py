"""Masking: an address so that its owner knows it and nobody else learns it."""

from __future__ import annotations


def masked_email(address: str) -> str:
    """The address with one letter before the @: ``r•••@example.org``."""
    local_part, _, domain = address.rpartition("@")
    return f"{local_part[:1]}•••@{domain}"
