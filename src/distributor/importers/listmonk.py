"""listmonk: the CSV of its subscribers page. Its statuses are `enabled`, `disabled` and `blocklisted`."""

from __future__ import annotations

from collections.abc import Mapping

NAME = "listmonk"
COLUMNS: Mapping[str, str] = {"uuid": "evidence.listmonk_uuid", "updated_at": "ignore"}


def matches(headers: frozenset[str]) -> bool:
    return headers >= {"uuid", "email", "status"}
