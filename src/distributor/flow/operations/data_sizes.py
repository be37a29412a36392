"""How much room the data takes, in PostgreSQL and on this machine, and how long it is kept."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from distributor.domain.retention import DELIVERY_RETENTION, EVENT_RETENTION
from distributor.flow.app_context import AppContext
from distributor.storage import data_sizes
from distributor.storage.data_sizes import DataSize

# Below either of them, the disk is short.
_LEAST_FREE_SHARE = 0.05
_LEAST_FREE_BYTES = 1 << 30
_UNITS = ("B", "kB", "MB", "GB", "TB")


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """The disk of this machine that the data folder is on."""

    folder: str
    free: int
    total: int

    @property
    def is_short(self) -> bool:
        """Whether little room is left."""
        return self.free < max(_LEAST_FREE_BYTES, self.total * _LEAST_FREE_SHARE)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionRule:
    """What a setting keeps for so many days; None: for good. `kind` is the kind of data that it is mainly about."""

    kind: str
    setting: str
    what: str
    days: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSizes:
    """`stored` are the kinds of data in the database, the largest first, and `files` those on this machine."""

    database: int
    stored: Sequence[DataSize]
    files: Sequence[DataSize]
    rules: Sequence[RetentionRule]
    disk: Disk


def measure_data(app: AppContext) -> DataSizes:
    """The sizes now; of the database by its own books, without reading a table."""
    with app.database.begin() as connection:
        stored = sorted(data_sizes.sizes(connection), key=lambda one: -one.bytes)
        whole = data_sizes.database_bytes(connection)
    data_dir = app.journal_dir.parent
    folders = {
        "journals": app.journal_dir,
        "imports": app.imports_dir,
        "backups": data_dir / "backups",
        "logs": data_dir / "logs",
    }
    usage = shutil.disk_usage(next(one for one in (data_dir, *data_dir.parents) if one.exists()))
    rules = [
        ("events", EVENT_RETENTION, "opens, clicks, bounces and the like", app.event_retention),
        ("deliveries", DELIVERY_RETENTION, "deliveries, attachments and renditions", app.delivery_retention),
    ]
    return DataSizes(
        database=whole,
        stored=stored,
        files=[_measure(kind, folder) for kind, folder in folders.items()],
        rules=[
            RetentionRule(kind=kind, setting=setting, what=what, days=kept.days if kept else None)
            for kind, setting, what, kept in rules
        ],
        disk=Disk(folder=str(data_dir), free=usage.free, total=usage.total),
    )


def spell_bytes(number: int) -> str:
    """A number of bytes for people, such as `1.2 GB`, by powers of 1000."""
    value, unit = float(number), 0
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.1f} {_UNITS[unit]}" if unit and value < 99.95 else f"{value:.0f} {_UNITS[unit]}"


def _measure(kind: str, folder: Path) -> DataSize:
    """The files in a folder and below it; one that vanishes meanwhile counts as nothing."""
    total = files = 0
    for path, _folders, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(path) / name).stat().st_size
            except OSError:
                continue
            files += 1
    return DataSize(kind, total, files)
