"""Records of mails that were taken, in every kind that is read, and what is no record."""

from __future__ import annotations

import gzip
import mailbox
import re
from pathlib import Path

import pytest

from distributor.domain.errors import InputError, SourceError
from distributor.mail.records.recorded_mail import RecordedMail
from distributor.mail.records.sources import parse_record_sources

MAIL = "From: news@example.org\nMessage-ID: <{id}@example.org>\nSubject: News\n\nMessage-ID: <not@this.one>\n"
# As Postfix 3.7 writes them; of the mails: sent, bounced, broken off while being received, refused by a filter.
LOG = """\
Nov 22 19:00:01 mx postfix/smtpd[1001]: connect from localhost[127.0.0.1]
Nov 22 19:00:01 mx postfix/smtpd[1001]: 4F1C22A0B3: client=localhost[127.0.0.1]
Nov 22 19:00:01 mx postfix/cleanup[1002]: 4F1C22A0B3: message-id=<one@example.org>
Nov 22 19:00:01 mx postfix/qmgr[900]: 4F1C22A0B3: from=<bounces@example.org>, size=5123, nrcpt=1 (queue active)
Nov 22 19:00:01 mx postfix/cleanup[1002]: 5A1C22A0B4: message-id=<two@example.org>
Nov 22 19:00:01 mx postfix/qmgr[900]: 5A1C22A0B4: from=<bounces@example.org>, size=5123, nrcpt=1 (queue active)
Nov 22 19:00:02 mx postfix/smtp[1003]: 4F1C22A0B3: to=<a@example.net>, relay=mx.example.net[192.0.2.1]:25, delay=0.3, \
delays=0.05/0.01/0.1/0.14, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 9F00D9F00D)
Nov 22 19:00:02 mx postfix/qmgr[900]: 4F1C22A0B3: removed
Nov 22 19:00:02 mx postfix/smtp[1003]: 5A1C22A0B4: to=<b@example.net>, relay=mx.example.net[192.0.2.1]:25, delay=0.3, \
delays=0.05/0.01/0.1/0.14, dsn=5.1.1, status=bounced (host mx.example.net[192.0.2.1] said: 550 5.1.1 unknown)
Nov 22 19:00:02 mx postfix/qmgr[900]: 5A1C22A0B4: removed
Nov 22 19:00:03 mx postfix/cleanup[1002]: 6B1C22A0B5: message-id=<broken-off@example.org>
Nov 22 19:00:03 mx postfix/smtpd[1001]: lost connection after DATA (4096 bytes) from localhost[127.0.0.1]
Nov 22 19:00:04 mx postfix/cleanup[1002]: 7C1C22A0B6: message-id=<refused@example.org>
Nov 22 19:00:04 mx postfix/cleanup[1002]: 7C1C22A0B6: milter-reject: END-OF-MESSAGE from localhost[127.0.0.1]: 5.7.1 no
Nov 22 19:00:05 mx other[1]: 4F1C22A0B3: message-id=<other@example.org>
"""


def seen(*texts: str) -> list[RecordedMail]:
    (record,) = parse_record_sources(texts)
    return sorted(record.mails(), key=lambda one: one.message_id)


def test_a_folder_is_read_with_all_below_it(tmp_path: Path) -> None:
    (tmp_path / "deeper").mkdir()
    (tmp_path / "1.eml").write_text(MAIL.format(id="one"))
    (tmp_path / "deeper" / "2.eml").write_text(MAIL.format(id="two"))
    (tmp_path / "index.jsonl").write_text("{}\n")
    assert seen(f"inbox:{tmp_path}") == [RecordedMail("one@example.org"), RecordedMail("two@example.org")]


def test_a_message_id_may_stand_on_the_next_line_and_a_mail_without_one_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "1.eml").write_text("Message-Id:\n <one@example.org>\n\n")
    (tmp_path / "2.eml").write_bytes(b"\xff\xfe\x00 no mail at all")
    assert seen(f"inbox:{tmp_path}") == [RecordedMail("one@example.org")]


def test_a_maildir_holds_what_is_new_and_what_was_read(tmp_path: Path) -> None:
    box = mailbox.Maildir(tmp_path / "box")
    box.add(MAIL.format(id="one"))
    (tmp_path / "box" / "cur" / "2:2,S").write_text(MAIL.format(id="two"))
    (tmp_path / "box" / "tmp" / "3").write_text(MAIL.format(id="three"))
    assert seen(f"maildir:{tmp_path / 'box'}") == [RecordedMail("one@example.org"), RecordedMail("two@example.org")]


def test_an_mbox_holds_one_mail_after_another(tmp_path: Path) -> None:
    path = tmp_path / "mbox"
    path.write_text("".join(f"From x Sun Nov 22 19:00:00 2026\n{MAIL.format(id=one)}\n" for one in ("one", "two")))
    assert seen(f"mbox:{path}") == [RecordedMail("one@example.org"), RecordedMail("two@example.org")]


def test_a_postfix_log_tells_what_was_taken_and_what_was_given_up(tmp_path: Path) -> None:
    path = tmp_path / "mail.log"
    path.write_text(LOG)
    assert seen(f"maillog:{path}") == [
        RecordedMail("one@example.org"),
        RecordedMail("two@example.org", is_bounced=True),
    ]


def test_rotated_logs_are_read_as_one(tmp_path: Path) -> None:
    older, newer = tmp_path / "mail.log.2.gz", tmp_path / "mail.log"
    lines = LOG.splitlines(keepends=True)
    older.write_bytes(gzip.compress("".join(lines[:5]).encode()))
    newer.write_text("".join(lines[5:]))
    assert seen(f"maillog:{older}", f"maillog:{newer}") == [
        RecordedMail("one@example.org"),
        RecordedMail("two@example.org", is_bounced=True),
    ]


def test_a_mail_that_a_filter_gives_back_to_the_same_postfix_is_one_mail(tmp_path: Path) -> None:
    path = tmp_path / "mail.log"
    again = LOG.replace("4F1C22A0B3", "9F00D9F00D").replace("queued as 9F00D9F00D", "queued as ABCDEF0123")
    path.write_text(LOG + again.replace("5A1C22A0B4", "5A1C22A0B9").replace("two@", "three@"))
    assert [one.message_id for one in seen(f"maillog:{path}")] == [
        "one@example.org",
        "three@example.org",
        "two@example.org",
    ]


NOT_OURS = """\
Nov 22 19:00:05 mx postfix/cleanup[1002]: 8D1C22A0B7: message-id=<20261122190005.8D1C22A0B7@mx.example.org>
Nov 22 19:00:05 mx postfix/bounce[1005]: 5A1C22A0B4: sender non-delivery notification: 8D1C22A0B7
Nov 22 19:00:05 mx postfix/qmgr[900]: 8D1C22A0B7: from=<>, size=7000, nrcpt=1 (queue active)
Nov 22 19:00:05 mx postfix/lmtp[1006]: 8D1C22A0B7: to=<b+x@bounces.example.org>, relay=127.0.0.1[127.0.0.1]:2424, \
delay=0.1, dsn=2.0.0, status=sent (250 2.0.0 Message accepted)
Nov 22 19:00:06 mx postfix/cleanup[1002]: 9E1C22A0B8: message-id=<one@example.org>
Nov 22 19:00:06 mx postfix/local[1007]: 4F1C22A0B3: to=<a@example.net>, relay=local, delay=0.1, dsn=2.0.0, \
status=sent (forwarded as 9E1C22A0B8)
Nov 22 19:00:06 mx postfix/qmgr[900]: 9E1C22A0B8: from=<bounces@example.org>, size=5500, nrcpt=1 (queue active)
Nov 22 19:00:06 mx postfix/smtp[1003]: 9E1C22A0B8: to=<c@example.com>, relay=mx.example.com[192.0.2.2]:25, delay=0.3, \
dsn=5.1.1, status=bounced (host mx.example.com said: 550 5.1.1 unknown)
Nov 22 19:00:07 mx postfix/pickup[1008]: AF1C22A0B9: uid=5000 from=<bounces@example.org>
Nov 22 19:00:07 mx postfix/cleanup[1002]: AF1C22A0B9: message-id=<one@example.org>
Nov 22 19:00:07 mx postfix/qmgr[900]: AF1C22A0B9: from=<bounces@example.org>, size=5600, nrcpt=1 (queue active)
"""


def test_notifications_deferrals_and_copies_that_the_host_made_are_no_deliveries(tmp_path: Path) -> None:
    path = tmp_path / "mail.log"
    deferred = LOG.replace("status=sent", "status=deferred", 1).splitlines(keepends=True)
    path.write_text(
        "".join(deferred) + LOG.split("\n", 1)[0] + "\n" + "".join(LOG.splitlines(keepends=True)[6:8]) + NOT_OURS
    )
    assert seen(f"maillog:{path}") == [
        RecordedMail("one@example.org"),
        RecordedMail("two@example.org", is_bounced=True),
    ]


def test_a_mail_that_reached_one_of_several_behind_an_alias_did_not_bounce(tmp_path: Path) -> None:
    path = tmp_path / "mail.log"
    copy = (
        "Nov 22 19:00:02 mx postfix/smtp[1003]: 4F1C22A0B3: to=<dead@example.com>, orig_to=<a@example.net>, "
        "relay=mx.example.com[192.0.2.2]:25, delay=0.3, dsn=5.1.1, status=bounced (host said: 550 5.1.1 unknown)\n"
    )
    path.write_text(LOG + copy)
    assert RecordedMail("one@example.org") in seen(f"maillog:{path}")


def test_a_name_in_the_queue_that_is_given_to_another_mail_later_is_two_mails(tmp_path: Path) -> None:
    path = tmp_path / "mail.log"
    path.write_text(LOG + LOG.replace("one@", "three@").replace("two@", "four@").replace("refused@", "no@"))
    assert len(seen(f"maillog:{path}")) == 4


def test_a_log_with_the_times_and_names_of_other_systems_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "mail.log"
    lines = re.sub(
        r"^Nov 22 (\S+) mx postfix/", r"2026-11-22T\1.123456+01:00 mx postfix-out/submission/", LOG, flags=re.M
    )
    path.write_text(lines)
    assert len(seen(f"maillog:{path}")) == 2


@pytest.mark.parametrize(
    "text",
    [
        "<one@example.org>\n<two@example.org>\n",
        "one@example.org\r\n\r\ntwo@example.org\r\n",
        "\ufeffMessage-ID,sent at\n<one@example.org>,2026\ntwo@example.org,2026\n",
        'to,message_id\na@example.net,<one@example.org>\n"b@example.net",two@example.org\n',
        "when\n<one@example.org>\n<two@example.org>\n",
    ],
)
def test_a_list_of_ids_may_have_a_headline_and_further_columns(tmp_path: Path, text: str) -> None:
    path = tmp_path / "ids.csv"
    path.write_text(text, newline="")
    assert seen(f"ids:{path}") == [RecordedMail("one@example.org"), RecordedMail("two@example.org")]


def test_a_line_without_an_id_is_pointed_at(tmp_path: Path) -> None:
    path = tmp_path / "ids.csv"
    path.write_text("<one@example.org>\nsomething else\n")
    with pytest.raises(SourceError, match=r"ids\.csv:2: there is no Message-ID in this line"):
        seen(f"ids:{path}")


@pytest.mark.parametrize("text", ["", "inbox", "inbox:", "folder:/tmp", "/var/log/mail.log"])
def test_evidence_of_no_known_kind_is_refused_with_those_there_are(text: str) -> None:
    with pytest.raises(InputError, match="write KIND:PATH, where KIND is one of inbox, maildir, mbox, maillog, ids"):
        parse_record_sources([text])


@pytest.mark.parametrize("kind", ["inbox", "maildir", "mbox", "maillog", "ids"])
def test_a_path_that_is_not_there_is_named(tmp_path: Path, kind: str) -> None:
    with pytest.raises(SourceError, match="nowhere"):
        seen(f"{kind}:{tmp_path / 'nowhere'}")


def test_a_folder_that_is_no_maildir_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="neither cur nor new"):
        seen(f"maildir:{tmp_path}")
