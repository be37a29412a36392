"""The signing keys of a channel, from being made to the mails they sign."""

from __future__ import annotations

import asyncio
import threading

import pytest
from sqlalchemy import text

from distributor.domain.delivery import Verdict
from distributor.domain.errors import StateError
from distributor.flow.app_context import AppContext
from distributor.flow.operations.signing_keys import activate_keys, key_ring, make_keys
from distributor.mail.dkim.keys import Algorithm
from distributor.storage import channels
from tests.channels.email.mailing import a_context, a_rendition, deliveries
from tests.mail.dkim.verifiers import dkimpy_verdicts
from tests.mail.dns.fake_dns import FakeDns
from tests.mail.smtp.smtp_servers import Server

PAIR = [("s1", Algorithm.RSA), ("s1e", Algorithm.ED25519)]


def add_channel(app: AppContext, **settings: str) -> None:
    with app.database.begin() as connection:
        channels.save(connection, name="mail", kind="email", settings=settings, sealed=None)


def test_an_activated_pair_signs_the_mails_of_its_channel(app: AppContext) -> None:
    async def sent() -> list[bytes]:
        async with Server() as relay:
            add_channel(app, sender="news@example.org", smtp_url=relay.url)
            keys = make_keys(app, "mail", selectors=PAIR)
            lookup = FakeDns({f"TXT {key.record_name}": [key.record] for key in keys})
            activate_keys(app, "mail", ["s1e", "s1"], lookup=lookup)
            with app.database.begin() as connection:
                channel = app.open_channel(channels.find(connection, "mail"))
            outcomes = [outcome async for outcome in channel.send(a_rendition(), deliveries(2), a_context())]
            assert [outcome.verdict for outcome in outcomes] == [Verdict.SENT] * 2
            return [taken.content for taken in relay.taken]

    mails = asyncio.run(sent())
    records = {entry.record_name: entry.record for entry in key_ring(app, "mail").entries}
    assert [dkimpy_verdicts(mail, records) for mail in mails] == [{"s1": True, "s1e": True}] * 2


def test_a_key_signs_for_the_domain_of_the_sender(app: AppContext) -> None:
    add_channel(app)
    (of_site,) = make_keys(app, "mail", selectors=[("s1", Algorithm.ED25519)])
    assert of_site.domain == "gazette.example"
    add_channel(app, sender="Zeitung <news@Zeitung-für-alle.example>")
    (of_channel,) = make_keys(app, "mail", selectors=[("s2", Algorithm.ED25519)])
    assert of_channel.domain == "xn--zeitung-fr-alle-7vb.example"


def test_of_several_keys_none_is_activated_if_one_is_not_published(app: AppContext) -> None:
    add_channel(app)
    keys = make_keys(app, "mail", selectors=PAIR)
    lookup = FakeDns({f"TXT {keys[0].record_name}": [keys[0].record]})
    with pytest.raises(StateError, match="would not find the key s1e"):
        activate_keys(app, "mail", ["s1", "s1e"], lookup=lookup)
    assert key_ring(app, "mail").active == []


def test_a_dns_that_does_not_answer_activates_nothing(app: AppContext) -> None:
    add_channel(app)
    (key,) = make_keys(app, "mail", selectors=PAIR[:1])
    with pytest.raises(StateError, match=r"no DNS server answered.*--skip-dns-check"):
        activate_keys(app, "mail", ["s1"], lookup=FakeDns({}, silent=[key.record_name]))


def test_two_changes_at_the_same_time_both_happen(app: AppContext) -> None:
    add_channel(app)
    other = threading.Thread(target=make_keys, args=(app, "mail"), kwargs={"selectors": [("later", Algorithm.ED25519)]})
    with app.database.begin() as connection:
        record = channels.lock(connection, "mail")
        other.start()
        while other.is_alive() and not _somebody_waits(app):
            pass
        assert other.is_alive()
        ring = key_ring(app, "mail").with_new(
            "first", domain="example.org", algorithm=Algorithm.ED25519, now=app.clock()
        )
        channels.replace_secrets(connection, record.id, app.vault.seal({"dkim_keys": ring.dump()}))
    other.join()
    assert [entry.selector for entry in key_ring(app, "mail").entries] == ["first", "later"]


def _somebody_waits(app: AppContext) -> bool:
    """Whether a session of this database waits for a lock."""
    asked = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with app.database.begin() as connection:
        return bool(connection.execute(text(asked)).scalar_one())
