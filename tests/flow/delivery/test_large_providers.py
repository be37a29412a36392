"""A campaign through a mail server that answers as large providers do, with their odds: all ends where it should."""

from __future__ import annotations

import random
import tomllib
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from distributor.channels.email.delivery.replies import classify_reply
from distributor.domain.campaign import CampaignState, DispatchState
from distributor.domain.delivery import Verdict
from distributor.domain.subscriber import Person
from distributor.flow.delivery.paused_routes import resume_routes
from distributor.flow.publishing import campaign_control
from distributor.mail.smtp.connection import SmtpStage
from distributor.mail.smtp.reply import SmtpReply, SmtpReplyParser
from distributor.storage import channels, lists, memberships
from tests.flow.campaign_harness import EVIDENCE, CampaignHarness
from tests.flow.delivery.test_paused_routes import Provider
from tests.mail.smtp.smtp_servers import Answer, Server
from tests.paths import SHARED

SAMPLES = SHARED / "data" / "smtp-replies" / "responses.toml"
NOW = datetime(2027, 1, 10, 9, 0, tzinfo=UTC)
SHARES = {
    "gmail.com": 40,
    "yahoo.com": 20,
    "hotmail.com": 15,
    "aol.com": 10,
    "yahoo.ca": 5,
    "rocketmail.com": 3,
    "shaw.com": 2,
    "example.net": 5,
}
PEOPLE = 2000
# Rounds in which senders are refused at all; by then an operator has talked to the providers.
CROSS_FOR = 4


@dataclass
class Moods:
    """Draws an answer for each mail, and remembers the replies for each recipient."""

    samples: dict[str, Any]
    is_cross: bool = True
    replies: dict[str, list[SmtpReply]] = field(default_factory=dict)
    chance: random.Random = field(default_factory=lambda: random.Random(63))

    def answer(self, session: int, verb: str, line: str) -> Answer:
        if verb != "RCPT":
            return None
        recipient = line[len("RCPT TO:<") : -1]
        reply = self._draw(recipient.rpartition("@")[2])
        if reply is None:
            self.replies.setdefault(recipient, []).append(SmtpReply(250, ("ok",)))
            return None
        wire = _on_the_wire(reply)
        self.replies.setdefault(recipient, []).append(_read(wire))
        return wire.decode().removesuffix("\r\n")

    def _draw(self, domain: str) -> dict[str, Any] | None:
        odds = self.samples["domain"].get(domain, self.samples["default"])
        roll = self.chance.uniform(0, 100)
        kind = "bounce" if roll < odds["bounce"] else "defer" if roll < odds["bounce"] + odds["defer"] else ""
        drawn = self.samples[kind].get(domain) if kind else None
        reply = self.chance.choice(drawn) if drawn else None
        if reply is not None and not self.is_cross and _verdict(_read(_on_the_wire(reply))) is Verdict.SENDER_REJECTED:
            return None
        return reply


def _on_the_wire(reply: dict[str, Any]) -> bytes:
    """The sample as a server sends it; some samples of several lines have the code in these already."""
    code = str(reply["code"])
    lines = [line.strip().removeprefix(code).lstrip("- ") for line in reply["msg"].splitlines() if line.strip()]
    marks = ["-"] * (len(lines) - 1) + [" "]
    return "".join(f"{code}{mark}{line}\r\n" for mark, line in zip(marks, lines, strict=True)).encode()


def _read(wire: bytes) -> SmtpReply:
    reader = SmtpReplyParser()
    reader.feed(wire)
    reply = reader.next()
    assert reply is not None
    return reply


def _verdict(reply: SmtpReply) -> Verdict:
    return classify_reply(reply, stage=SmtpStage.RCPT, now=NOW).verdict


@pytest.mark.skipif(not SAMPLES.exists(), reason="the sample replies in ../shared/data/smtp-replies are absent")
def test_every_mail_to_two_thousand_ends_where_the_last_answer_says(harness: CampaignHarness) -> None:
    moods = Moods(tomllib.loads(SAMPLES.read_text()))
    with Provider(Server(moods.answer)) as provider:
        times = [NOW]
        harness = CampaignHarness(replace(harness.app, clock=lambda: times[-1]), harness.folder)
        campaign_id = _plan(harness, provider.server.url)
        for number in range(60):
            moods.is_cross = number < CROSS_FOR
            harness.run(rounds=20)
            report = harness.report(campaign_id)
            if report.state is CampaignState.FINISHED:
                break
            if report.dispatches[0].dispatch.state is DispatchState.PAUSED:
                assert "the sender was rejected" in report.dispatches[0].dispatch.reason
                campaign_control.resume(harness.app, campaign_id)
            resume_routes(harness.app, "mail")
            times.append(times[-1] + timedelta(hours=2))
        rows = _rows(harness)
        assert harness.report(campaign_id).state is CampaignState.FINISHED
        taken = Counter(one.rcpt_to[len("RCPT TO:<") : -1] for one in provider.server.taken)
    assert len(rows) == PEOPLE
    assert set(rows.values()) == {"sent", "failed"}
    for recipient, state in rows.items():
        last = moods.replies[recipient][-1]
        assert taken[recipient] == (1 if state == "sent" else 0), (recipient, last)
        if state == "failed":
            has_waited_long = len(moods.replies[recipient]) > 20 and _verdict(last) is Verdict.DEFERRED
            assert _verdict(last) is Verdict.FAILED or has_waited_long, (recipient, last)
    counts = Counter(rows.values())
    # Of every hundred, five to ten have no mailbox or a full one.
    assert 20 <= counts["failed"] <= 200


def _plan(harness: CampaignHarness, url: str) -> int:
    chance = random.Random(7)
    domains = chance.choices(list(SHARES), weights=list(SHARES.values()), k=PEOPLE)
    addresses = [f"reader{number}@{domain}" for number, domain in enumerate(domains)]
    with harness.app.database.begin() as connection:
        connection.execute(text("DELETE FROM memberships"))
        chosen = lists.find(connection, "readers")
        persons = [Person(key=address, email=address, name="Reader") for address in addresses]
        memberships.subscribe(connection, chosen.id, persons, EVIDENCE, now=harness.app.clock())
        channels.save(connection, name="mail", kind="email", settings={"smtp_url": url}, sealed=None)
    return harness.plan("mail")


def _rows(harness: CampaignHarness) -> dict[str, str]:
    with harness.app.database.begin() as connection:
        found = connection.execute(text("SELECT recipient, state FROM deliveries"))
        return {row.recipient: row.state for row in found}
