"""The sizes of the data: every table belongs to a kind, and a short disk is seen."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import text

from distributor.flow.operations.data_sizes import Disk, measure_data, spell_bytes
from distributor.storage.data_sizes import TABLES_OF
from distributor.storage.tables import metadata
from tests.flow.campaign_harness import CampaignHarness


def test_every_table_is_of_one_kind_of_data() -> None:
    listed = [name for names in TABLES_OF.values() for name in names]
    assert len(listed) == len(set(listed))
    assert set(listed) == {*metadata.tables, "alembic_version"}


def test_the_sizes_of_the_kinds_grow_with_what_is_sent_and_add_up_to_less_than_the_database(
    harness: CampaignHarness,
) -> None:
    before = {one.kind: one.bytes for one in measure_data(harness.app).stored}
    harness.channel("mail", "scripted")
    harness.plan_and_run("mail")
    with harness.app.database.begin() as connection:
        connection.execute(text("ANALYZE deliveries"))
    found = measure_data(harness.app)
    after = {one.kind: one for one in found.stored}
    assert after["deliveries"].rows == 3
    assert after["deliveries"].bytes > before["deliveries"]
    assert sum(one.bytes for one in found.stored) < found.database
    assert [one.bytes for one in found.stored] == sorted((one.bytes for one in found.stored), reverse=True)


def test_the_files_of_this_machine_are_counted_by_folder(harness: CampaignHarness) -> None:
    harness.app.journal_dir.mkdir(parents=True, exist_ok=True)
    (harness.app.journal_dir / "a").write_bytes(b"x" * 1000)
    journals = next(one for one in measure_data(harness.app).files if one.kind == "journals")
    assert (journals.bytes, journals.rows) == (1000, 1)


def test_a_disk_is_short_with_less_than_a_gigabyte_or_a_twentieth() -> None:
    disk = Disk(folder="var", free=2 << 30, total=20 << 30)
    assert not disk.is_short
    assert replace(disk, total=100 << 30).is_short
    assert replace(disk, free=1 << 29).is_short


def test_bytes_are_spelled_for_people() -> None:
    numbers = (0, 999, 1000, 123_456, 999_999, 1_234_567_890, 5 * 10**15)
    assert [spell_bytes(one) for one in numbers] == ["0 B", "999 B", "1.0 kB", "123 kB", "1.0 MB", "1.2 GB", "5000 TB"]
