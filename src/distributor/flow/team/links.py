"""One-time links with which users choose a password: by mail, or shown once to be copied."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from gettext import gettext as _

from distributor.channels.api import AccountMail, AccountMailChannel, RenderContext
from distributor.channels.registry import kinds
from distributor.domain.api_token import ENTROPY_BYTES
from distributor.domain.errors import ConfigurationError, StateError
from distributor.domain.problems import Severity
from distributor.domain.tokens import Purpose
from distributor.domain.user import INVITATION_LIFETIME, LINK_LIFETIMES, LinkPurpose, User
from distributor.flow.app_context import AppContext
from distributor.storage import account_mails, channels, users
from distributor.storage.channels import ChannelRecord
from distributor.storage.database import Connection


def link_url(app: AppContext, secret: str) -> str:
    """The URL of a link with this secret."""
    return f"{app.site.public_url}/app/set-up/{secret}"


def purpose_for(user: User) -> LinkPurpose:
    """What a link is for: a user without a password has not accepted the invitation yet."""
    return LinkPurpose.RESET if user.has_password else LinkPurpose.SET_UP


def add_link(app: AppContext, connection: Connection, user: User, *, now: datetime) -> str:
    """Make a link for a user; returns its URL, which cannot be shown again."""
    secret = _new_secret()
    _store(connection, user, secret, now=now)
    return link_url(app, secret)


def mail_link(app: AppContext, connection: Connection, user: User, *, invited_by: str = "", now: datetime) -> None:
    """Queue a mail with a link for a user. The scheduler finds it within a second.

    Raises ConfigurationError if no channel can send it, TemplateError, and StateError if what it would say is blocked.
    """
    if not can_mail(connection):
        raise ConfigurationError(
            "there is no email channel, so the link cannot be mailed; "
            f"`distributor user reset-link {user.email}` prints one"
        )
    delivery_id = queue_mail(app, connection, user, _mail_for(app, user, invited_by), now=now)
    # The channel signs the link of the delivery when it writes the mail: until then, it is nowhere.
    _store(connection, user, app.tokens.mint(Purpose.ACCOUNT, delivery_id), now=now)


def queue_mail(app: AppContext, connection: Connection, user: User, mail: AccountMail, *, now: datetime) -> int:
    """Queue a mail to a user; returns the id of its delivery. There must be a channel that `can_mail`.

    Raises TemplateError, and StateError if what it would say is blocked.
    """
    record = _mail_channel(connection)
    assert record is not None, "the caller has looked"  # noqa: S101
    channel = app.open_channel(record)
    assert isinstance(channel, AccountMailChannel), "chosen because it is"  # noqa: S101
    context = RenderContext(site=app.site, templates=app.templates, discovered_limits=record.discovered_limits)
    rendition = channel.render_account_mail(mail, context)
    blocking = [one.message for one in channel.check(rendition) if one.severity is Severity.BLOCK]
    if blocking:
        raise StateError(f"the link cannot be mailed: {'; '.join(blocking)}")
    return account_mails.add(connection, user, record.id, rendition, now=now)


def can_mail(connection: Connection) -> bool:
    """Whether there is a channel that can send mails to users."""
    return _mail_channel(connection) is not None


def first_owner_link(app: AppContext) -> str:
    """A new URL with which the first owner sets up the account, valid for a day; empty if there is an owner already."""
    now = app.clock()
    with app.database.begin() as connection:
        if users.has_owner(connection):
            return ""
        secret = _new_secret()
        lifetime = LINK_LIFETIMES[LinkPurpose.SET_UP]
        users.add_link(connection, secret, user_id=None, purpose=LinkPurpose.SET_UP, expires_at=now + lifetime, now=now)
    return link_url(app, secret)


def _new_secret() -> str:
    return secrets.token_urlsafe(ENTROPY_BYTES)


def _store(connection: Connection, user: User, secret: str, *, now: datetime) -> None:
    purpose = purpose_for(user)
    users.add_link(
        connection, secret, user_id=user.id, purpose=purpose, expires_at=now + _lifetime_of(purpose), now=now
    )


def _lifetime_of(purpose: LinkPurpose) -> timedelta:
    return INVITATION_LIFETIME if purpose is LinkPurpose.SET_UP else LINK_LIFETIMES[purpose]


def _mail_for(app: AppContext, user: User, invited_by: str) -> AccountMail:
    site = app.site.name
    if purpose_for(user) is LinkPurpose.SET_UP:
        days = INVITATION_LIFETIME // timedelta(days=1)
        return AccountMail(
            subject=_("Your account at %(site)s") % {"site": site},
            title=_("Choose a password"),
            sentences=(
                _("%(who)s has invited you to work on the newsletters of %(site)s.")
                % {"who": invited_by or _("An owner"), "site": site},
                _("This link works once, for %(days)s days.") % {"days": days},
            ),
            button=_("Choose a password"),
            otherwise=_("If you do not expect this, ignore it: nothing happens without the link."),
        )
    return AccountMail(
        subject=_("A new password for %(site)s") % {"site": site},
        title=_("Choose a new password"),
        sentences=(
            _("A new password was asked for, for your account at %(site)s.") % {"site": site},
            _("This link works once, for an hour. All browsers that are signed in are signed out by it."),
        ),
        button=_("Choose a new password"),
        otherwise=_("If it was not you, ignore this mail: your password stays as it is."),
    )


def _mail_channel(connection: Connection) -> ChannelRecord | None:
    """The channel that was configured first of those that can send mails to users."""
    capable = {name for name, kind in kinds().items() if issubclass(kind, AccountMailChannel)}
    able = [record for record in channels.all_channels(connection) if record.kind in capable]
    return min(able, key=lambda record: record.id, default=None)
