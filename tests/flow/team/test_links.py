"""Links by mail: sent like every other mail, by the channel that signs them, and stored nowhere."""

from __future__ import annotations

import email
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from email import policy
from pathlib import Path
from typing import Any

import pytest

from distributor.channels.api import Site
from distributor.domain.campaign import CampaignPurpose, CampaignState
from distributor.domain.errors import ConfigurationError, InputError, NotFoundError, StateError
from distributor.domain.user import Actor, LinkPurpose, Role, User
from distributor.flow.app_context import AppContext
from distributor.flow.team import accounts, sign_in
from distributor.flow.team.passwords import verify_password
from distributor.sandbox.service import Sandbox, running_sandbox
from distributor.storage import audit_log, campaigns, channels, users
from tests.flow.campaign_harness import CampaignHarness

OPERATOR = Actor(name="cli:test")
CLIENT = sign_in.Client(ip_address="192.0.2.7", user_agent="Test/1")
PASSWORD = "a sentence that only tests know"
LINK = re.compile(r"http://gazette\.example/app/set-up/([\w-]+)")


@dataclass
class MailHarness:
    """A harness with a relay, and one user who has no password yet."""

    harness: CampaignHarness
    sandbox: Sandbox

    @property
    def app(self) -> AppContext:
        return self.harness.app

    def mails(self) -> list[Any]:
        self.harness.run()
        inbox = self.sandbox.state.inbox
        return [email.message_from_bytes(inbox.content(one.number), policy=policy.default) for one in inbox.envelopes()]

    def secret_in(self, mail: Any) -> str:
        found = {LINK.search(mail.get_body((kind,)).get_content()) for kind in ("plain", "html")}
        secrets = {one[1] for one in found if one}
        assert len(secrets) == 1
        return secrets.pop()

    def invite(self, address: str = "eve@example.org", role: Role = Role.EDITOR) -> User:
        user, link = accounts.create_user(self.app, email=address, name="Eve", role=role, actor=OPERATOR, by_mail=True)
        assert link == ""
        return user


@pytest.fixture
def setup(harness: CampaignHarness, tmp_path: Path) -> Iterator[MailHarness]:
    with running_sandbox(tmp_path / "sandbox") as sandbox:
        made = MailHarness(harness, sandbox)
        with harness.app.database.begin() as connection:
            channels.save(connection, name="mail", kind="email", settings={"smtp_url": sandbox.smtp_url}, sealed=None)
        yield made


def test_an_invitation_goes_out_by_mail_and_its_link_sets_the_password_once(setup: MailHarness):
    user = setup.invite()
    (mail,) = setup.mails()
    assert (mail["To"], mail["Subject"]) == ("eve@example.org", "Your account at The Test Gazette")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Unsubscribe"] is None
    secret = setup.secret_in(mail)
    link, found = sign_in.open_link(setup.app, secret)
    assert (link.purpose, found) == (LinkPurpose.SET_UP, user)
    signed_in, token = sign_in.use_link(setup.app, secret, password=PASSWORD, client=CLIENT)
    assert signed_in.id == user.id
    assert sign_in.find_session(setup.app, token, CLIENT) is not None
    with pytest.raises(NotFoundError):
        sign_in.use_link(setup.app, secret, password=PASSWORD, client=CLIENT)


def test_a_reset_is_mailed_to_whoever_has_an_account_and_to_nobody_else(setup: MailHarness):
    setup.invite()
    secret = setup.secret_in(setup.mails()[0])
    sign_in.use_link(setup.app, secret, password=PASSWORD, client=CLIENT)
    for address in ("EVE@example.org", "nobody@example.org", "not an address", ""):
        assert sign_in.request_reset(setup.app, address, CLIENT) is None
    _, mail = setup.mails()
    assert (mail["To"], mail["Subject"]) == ("eve@example.org", "A new password for The Test Gazette")
    reset = setup.secret_in(mail)
    old = sign_in.sign_in(setup.app, "eve@example.org", PASSWORD, CLIENT)
    assert isinstance(old, str)
    sign_in.use_link(setup.app, reset, password="a new sentence for a new day", client=CLIENT)
    assert sign_in.find_session(setup.app, old, CLIENT) is None
    assert sign_in.sign_in(setup.app, "eve@example.org", PASSWORD, CLIENT) is None


def test_a_link_to_reset_lasts_an_hour(setup: MailHarness):
    setup.invite()
    sign_in.use_link(setup.app, setup.secret_in(setup.mails()[0]), password=PASSWORD, client=CLIENT)
    sign_in.request_reset(setup.app, "eve@example.org", CLIENT)
    secret = setup.secret_in(setup.mails()[1])
    assert sign_in.open_link(setup.harness.later(days=59 / 60 / 24), secret)
    with pytest.raises(NotFoundError):
        sign_in.open_link(setup.harness.later(days=61 / 60 / 24), secret)


def test_resets_are_limited_and_each_link_stays_good_until_one_is_used(setup: MailHarness):
    setup.invite()
    sign_in.use_link(setup.app, setup.secret_in(setup.mails()[0]), password=PASSWORD, client=CLIENT)
    asked = [sign_in.request_reset(setup.app, "eve@example.org", CLIENT) for _ in range(4)]
    assert [one is None for one in asked] == [True, True, True, False]
    secrets = [setup.secret_in(mail) for mail in setup.mails()[1:]]
    assert len(set(secrets)) == 3
    sign_in.use_link(setup.app, secrets[0], password=PASSWORD, client=CLIENT)
    for secret in secrets:
        with pytest.raises(NotFoundError):
            sign_in.open_link(setup.app, secret)


def test_the_link_is_in_no_table(setup: MailHarness):
    setup.invite()
    secret = setup.secret_in(setup.mails()[0])
    with setup.app.database.begin() as connection:
        names = connection.exec_driver_sql(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        ).scalars()
        for name in list(names):
            rows = connection.exec_driver_sql(f'SELECT t::text FROM "{name}" t').scalars().all()
            assert not any(secret in row for row in rows), name


def test_a_mail_to_a_user_is_accounted_for_apart_from_what_subscribers_get(setup: MailHarness):
    setup.invite()
    setup.mails()
    with setup.app.database.begin() as connection:
        assert campaigns.latest(connection, limit=9, purposes=[CampaignPurpose.ARTICLES]) == []
        (sent,) = campaigns.latest(connection, limit=9, purposes=[CampaignPurpose.ACCOUNT])
    report = setup.harness.report(sent.id)
    assert report.state is CampaignState.FINISHED
    assert report.totals.audience == 1


def test_without_an_email_channel_nothing_is_written_and_the_error_says_what_to_do(app: AppContext):
    with pytest.raises(ConfigurationError, match="distributor user reset-link eve@"):
        accounts.create_user(app, email="eve@example.org", name="", role=Role.VIEWER, actor=OPERATOR, by_mail=True)
    with app.database.begin() as connection:
        assert users.all_users(connection) == []
        assert audit_log.latest(connection, limit=9) == []
    accounts.create_user(app, email="eve@example.org", name="", role=Role.VIEWER, actor=OPERATOR)
    assert sign_in.request_reset(app, "eve@example.org", CLIENT) is None


def test_a_site_name_that_looks_like_a_placeholder_is_text(setup: MailHarness):
    site: Site = replace(setup.app.site, name="The @@email@@ & <b>Gazette</b>")
    setup.harness.app = replace(setup.app, configured_site=site)
    setup.invite()
    (mail,) = setup.mails()
    assert "eve@example.org" not in mail["Subject"]
    assert "<b>Gazette" not in mail.get_body(("html",)).get_content()


def test_a_hash_that_is_none_is_no_password():
    assert verify_password("x", "not a hash") == (False, "")
    assert verify_password("the password of no one", "") == (False, "")


def test_a_mail_that_must_not_go_out_makes_no_user(setup: MailHarness):
    with setup.app.database.begin() as connection:
        channels.save(
            connection,
            name="mail",
            kind="email",
            settings={"smtp_url": setup.sandbox.smtp_url, "sender": "nobody"},
            sealed=None,
        )
    with pytest.raises((InputError, StateError, ConfigurationError)):
        setup.invite()
    with setup.app.database.begin() as connection:
        assert users.all_users(connection) == []
