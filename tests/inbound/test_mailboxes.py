"""Mailboxes visited: what is ours is taken in and away, what is not stays, and what is broken is set aside."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from distributor.domain.delivery import DeliveryState
from distributor.domain.errors import ConfigurationError, ServiceError
from distributor.inbound.poller import open_mailbox, visit
from distributor.inbound.remote_mailbox import MailboxError
from distributor.storage.database import Database
from tests.flow.feedback import feedback_mails as mails
from tests.flow.feedback.feedback_harness import FeedbackHarness

from .dovecot import Dovecot, running_dovecot

ANSWER = b"From: ann@example.org\r\nTo: news@gazette.example\r\nSubject: Thank you\r\n\r\nI liked it.\r\n"


@pytest.fixture
def maildir(tmp_path: Path) -> Path:
    for part in ("new", "cur", "tmp"):
        (tmp_path / "mails" / part).mkdir(parents=True)
    return tmp_path / "mails"


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    # The owner of the mails cannot go where pytest keeps its files.
    with tempfile.TemporaryDirectory(prefix="dovecot-") as folder, running_dovecot(Path(folder)) as running:
        yield running


def a_bounce(feedback: FeedbackHarness, recipient: str = "ada@example.org") -> bytes:
    delivery = feedback.delivery(recipient)
    return mails.bounce(delivery, to=feedback.return_path(delivery))


def test_a_maildir_is_emptied_into_cur(feedback: FeedbackHarness, maildir: Path) -> None:
    (maildir / "new" / "1.bounce").write_bytes(a_bounce(feedback))
    (maildir / "new" / "2.answer").write_bytes(ANSWER)
    mailbox = open_mailbox(f"maildir:{maildir}")

    assert visit(feedback.harness.app, mailbox, source="maildir") == 2
    assert visit(feedback.harness.app, mailbox, source="maildir") == 0
    assert sorted(path.name for path in (maildir / "cur").iterdir()) == ["1.bounce:2,S", "2.answer:2,"]
    assert feedback.state() is DeliveryState.BOUNCED


def test_what_only_names_an_address_stays_for_a_person(feedback: FeedbackHarness, maildir: Path) -> None:
    (maildir / "new" / "1.weak").write_bytes(mails.bounce(feedback.delivery(), to="news@gazette.example"))
    visit(feedback.harness.app, open_mailbox(f"maildir:{maildir}"), source="maildir")

    assert [path.name for path in (maildir / "cur").iterdir()] == ["1.weak:2,"]
    assert feedback.state() is DeliveryState.SENT


def test_a_mail_that_breaks_us_is_set_aside_and_stops_no_other(feedback: FeedbackHarness, maildir: Path) -> None:
    (maildir / "new" / "1.first").write_bytes(a_bounce(feedback))
    (maildir / "new" / "2.second").write_bytes(a_bounce(feedback, "bo@example.org"))
    broken = replace(feedback.harness.app, clock=breaks_once(feedback.harness.app.clock))

    assert visit(broken, open_mailbox(f"maildir:{maildir}"), source="maildir") == 2
    assert sorted(path.name for path in (maildir / "cur").iterdir()) == ["1.first:2,F", "2.second:2,S"]
    assert feedback.state(feedback.delivery("bo@example.org")) is DeliveryState.BOUNCED


def test_while_the_ledger_is_away_everything_waits(feedback: FeedbackHarness, maildir: Path) -> None:
    (maildir / "new" / "1.bounce").write_bytes(a_bounce(feedback))
    away = Database("postgresql://127.0.0.1:1/nothing", pool_size=0)

    with pytest.raises(ServiceError):
        visit(replace(feedback.harness.app, database=away), open_mailbox(f"maildir:{maildir}"), source="maildir")
    assert [path.name for path in (maildir / "new").iterdir()] == ["1.bounce"]


@pytest.mark.parametrize("scheme", ["imaps", "pop3s"])
def test_what_is_ours_is_taken_away_and_what_is_not_stays(
    feedback: FeedbackHarness, dovecot: Dovecot, scheme: str
) -> None:
    dovecot.deliver(a_bounce(feedback), f"1.{scheme}-bounce")
    dovecot.deliver(ANSWER, f"2.{scheme}-answer")
    mailbox = open_mailbox(dovecot.url(scheme))

    assert visit(feedback.harness.app, mailbox, source=scheme) >= 2
    assert visit(feedback.harness.app, mailbox, source=scheme) == 0
    app = [name for name in dovecot.mails() if scheme in name]
    assert app == [f"2.{scheme}-answer"]
    assert feedback.state() is DeliveryState.BOUNCED


@pytest.mark.parametrize("scheme", ["imaps", "pop3s"])
def test_a_broken_mail_stays_and_the_next_is_taken(feedback: FeedbackHarness, dovecot: Dovecot, scheme: str) -> None:
    visit(feedback.harness.app, open_mailbox(dovecot.url(scheme)), source=scheme)
    dovecot.deliver(a_bounce(feedback), f"3.{scheme}-first")
    dovecot.deliver(a_bounce(feedback, "bo@example.org"), f"4.{scheme}-second")
    broken = replace(feedback.harness.app, clock=breaks_once(feedback.harness.app.clock))

    assert visit(broken, open_mailbox(dovecot.url(scheme)), source=scheme) >= 2
    app = {name: flags for name, flags in dovecot.mails().items() if f"{scheme}-first" in name or "second" in name}
    assert list(app) == [f"3.{scheme}-first"]
    assert ("F" in app[f"3.{scheme}-first"]) == (scheme == "imaps")


@pytest.mark.parametrize("scheme", ["imaps", "pop3s"])
def test_a_wrong_password_is_an_error_without_the_password(
    feedback: FeedbackHarness, dovecot: Dovecot, scheme: str
) -> None:
    with pytest.raises(MailboxError) as caught:
        visit(feedback.harness.app, open_mailbox(dovecot.url(scheme, password="wr0ng")), source=scheme)
    assert "wr0ng" not in str(caught.value)


def test_a_certificate_that_nobody_vouches_for_is_refused(feedback: FeedbackHarness, dovecot: Dovecot) -> None:
    url = dovecot.url("imaps").partition("?")[0]
    with pytest.raises(OSError, match="certificate"):
        visit(feedback.harness.app, open_mailbox(url), source="imaps")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host",
        "maildir:/nowhere",
        "imaps://host",
        "imaps://user:s3cret@host:port",
        "imaps://user:s3cret@host?tls=no",
        "pop3s://user:s3cret@host?x=1",
        "imaps://user:s3cret@/",
    ],
)
def test_an_address_that_is_none_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        open_mailbox(url)
    assert "s3cret" not in str(caught.value)


def breaks_once(clock: Callable[[], datetime]) -> Callable[[], datetime]:
    """A clock that breaks the first time it is asked."""
    asked: list[int] = []

    def ask() -> datetime:
        asked.append(1)
        if len(asked) == 1:
            raise RuntimeError("a fault of ours")
        return clock()

    return ask
