"""Records of consent: append-only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert

from distributor.domain.consent import Consent, ConsentAction, ConsentEvidence, ConsentMethod, hash_of_text
from distributor.storage import tables
from distributor.storage.database import Connection


def record(
    connection: Connection,
    subscriber_id: int,
    list_id: int,
    action: ConsentAction,
    evidence: ConsentEvidence,
    *,
    now: datetime,
) -> int:
    """Insert one record of consent; returns its id."""
    number: int = connection.execute(
        insert(tables.consents)
        .values(
            subscriber_id=subscriber_id,
            list_id=list_id,
            action=action,
            method=evidence.method,
            at=now,
            text_id=add_text(connection, evidence.text),
            ip_address=evidence.ip_address,
            detail=dict(evidence.detail),
        )
        .returning(tables.consents.c.id)
    ).scalar_one()
    return number


def add_text(connection: Connection, content: str) -> int:
    """The id of a consent text; each distinct text is stored once."""
    digest = hash_of_text(content)
    known: int | None = connection.execute(
        select(tables.consent_texts.c.id).where(tables.consent_texts.c.hash == digest)
    ).scalar_one_or_none()
    if known is not None:
        return known
    # The update without effect makes RETURNING give the row also if another transaction inserts it now. It locks the
    # row, so it is avoided where the text is known: sign-ups would wait for each other.
    number: int = connection.execute(
        insert(tables.consent_texts)
        .values(hash=digest, text=content)
        .on_conflict_do_update(index_elements=["hash"], set_={"hash": digest})
        .returning(tables.consent_texts.c.id)
    ).scalar_one()
    return number


def of_subscriber(connection: Connection, subscriber_id: int) -> list[Consent]:
    """Every record of a subscriber, in order."""
    rows = connection.execute(
        select(
            tables.consents,
            tables.lists.c.slug.label("list_slug"),
            tables.consent_texts.c.text,
            tables.consent_texts.c.hash,
        )
        .join(tables.lists, tables.lists.c.id == tables.consents.c.list_id)
        .outerjoin(tables.consent_texts, tables.consent_texts.c.id == tables.consents.c.text_id)
        .where(tables.consents.c.subscriber_id == subscriber_id)
        .order_by(tables.consents.c.id)
    )
    return [
        Consent(
            id=row.id,
            list_slug=row.list_slug,
            action=ConsentAction(row.action),
            method=ConsentMethod(row.method),
            at=row.at,
            text=row.text or "",
            text_hash=row.hash.hex() if row.hash else "",
            ip_address=row.ip_address,
            detail=row.detail,
        )
        for row in rows
    ]


def copy_to(connection: Connection, *, of: int, to: int, note: Mapping[str, Any]) -> dict[int, int]:
    """Copy the records of one subscriber to another, with `note` added to their detail; maps old ids to new ids."""
    originals = list(
        connection.execute(
            select(tables.consents).where(tables.consents.c.subscriber_id == of).order_by(tables.consents.c.id)
        )
    )
    copies: dict[int, int] = {}
    for row in originals:
        copies[row.id] = connection.execute(
            insert(tables.consents)
            .values(
                subscriber_id=to,
                list_id=row.list_id,
                action=row.action,
                method=row.method,
                at=row.at,
                text_id=row.text_id,
                ip_address=row.ip_address,
                detail={**row.detail, **note},
            )
            .returning(tables.consents.c.id)
        ).scalar_one()
    return copies


def allow_deletion(connection: Connection) -> None:
    """Allow records to be deleted, with their subscriber, until this transaction ends."""
    connection.execute(text("SET LOCAL distributor.erasing = 'on'"))
