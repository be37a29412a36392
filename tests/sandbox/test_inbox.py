"""The inbox keeps every mail that it accepted, complete, whatever happens."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from distributor.domain.errors import ConfigurationError, NotFoundError
from distributor.sandbox.inbox import Inbox, StoredEnvelope

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


def _store(inbox: Inbox, content: bytes, *recipients: str) -> StoredEnvelope:
    return inbox.store(content, sender="news@a.example", recipients=recipients or ("b@c.example",), now=NOW)


def test_mails_are_numbered_files_of_the_bytes_received(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    _store(inbox, b"one\r\n\xff")
    second = _store(inbox, b"two", "a@b.example", "ü@c.example")
    assert (tmp_path / "00000001.eml").read_bytes() == b"one\r\n\xff"
    assert inbox.content(2) == b"two"
    assert inbox.envelope(2) == second
    assert second.recipients == ("a@b.example", "ü@c.example")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["00000001.eml", "00000002.eml", "index.jsonl"]


def test_a_restart_goes_on_where_it_ended(tmp_path: Path) -> None:
    first = Inbox(tmp_path)
    stored = _store(first, b"one", "ü@c.example")
    first.close()
    again = Inbox(tmp_path)
    assert again.envelopes() == [stored]
    assert _store(again, b"two").number == 2
    assert again.content(1) == b"one"


def test_what_a_killed_process_left_unfinished_never_arrived(tmp_path: Path) -> None:
    first = Inbox(tmp_path)
    _store(first, b"one")
    first.close()
    (tmp_path / "00000002.tmp").write_bytes(b"hal")
    with (tmp_path / "index.jsonl").open("a") as index:
        index.write('{"number":2,"sender":"","recipients":[],"received_at":"2026-11-22T10:00:00+00:00","size":3}\n')
        index.write('{"number":3,"sen')
    again = Inbox(tmp_path)
    assert [envelope.number for envelope in again.envelopes()] == [1]
    assert not list(tmp_path.glob("*.tmp"))
    assert _store(again, b"another").number == 2
    again.close()
    third = Inbox(tmp_path)
    assert [(envelope.number, envelope.sender) for envelope in third.envelopes()] == [
        (1, "news@a.example"),
        (2, "news@a.example"),
    ]


def test_an_index_that_something_else_wrote_is_named(tmp_path: Path) -> None:
    (tmp_path / "index.jsonl").write_text("{}\nnothing of ours\n")
    with pytest.raises(ConfigurationError, match=r"index\.jsonl, line 2: not a JSON object"):
        Inbox(tmp_path)


def test_the_latest_come_first_in_pages(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    for number in range(5):
        _store(inbox, b"%d" % number)
    assert [envelope.number for envelope in inbox.latest(2)] == [5, 4]
    assert [envelope.number for envelope in inbox.latest(2, before=4)] == [3, 2]
    assert [envelope.number for envelope in inbox.latest(9, before=99)] == [5, 4, 3, 2, 1]
    assert inbox.latest(9, before=1) == []


def test_a_mail_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    for number in (0, 1, -1):
        with pytest.raises(NotFoundError, match="there is no mail"):
            inbox.content(number)
