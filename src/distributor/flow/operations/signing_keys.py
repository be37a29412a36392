"""The DKIM keys of a channel: create, activate, retire and remove. They are stored in its secret settings only."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from distributor.channels.api import SigningChannel
from distributor.domain.errors import InputError, StateError
from distributor.domain.user import Actor, AuditAction
from distributor.flow.app_context import AppContext
from distributor.mail.address import Address
from distributor.mail.dkim.keyring import KeyEntry, KeyRing
from distributor.mail.dkim.keys import Algorithm
from distributor.mail.dns.check_dkim import publication_error
from distributor.mail.dns.lookup import DnsLookupError, Resolver
from distributor.storage import audit_log, channels
from distributor.storage.channels import ChannelRecord


def key_ring(app: AppContext, channel: str) -> KeyRing:
    """The keys of a channel. Raises NotFoundError, and InputError for a kind without signatures."""
    with app.database.begin() as connection:
        record = channels.find(connection, channel)
    return _ring(_signing_channel(app, record), _secrets(app, record))


def make_keys(
    app: AppContext,
    channel: str,
    *,
    selectors: Sequence[tuple[str, Algorithm]],
    domain: str | None = None,
    actor: Actor | None = None,
) -> Sequence[KeyEntry]:
    """New keys to be published, for `domain` or else the domain of the channel's sender.

    Raises NotFoundError, and InputError for an invalid domain or selector.
    """

    def add(signing_channel: SigningChannel, ring: KeyRing) -> KeyRing:
        signing_domain = Address.parse(f"dkim@{domain}").domain if domain else signing_channel.signing_domain(app.site)
        for selector, algorithm in selectors:
            ring = ring.with_new(selector, domain=signing_domain, algorithm=algorithm, now=app.clock())
        return ring

    ring = _change(app, channel, add, actor=actor, detail="made " + ", ".join(name for name, _ in selectors))
    return [ring.find(selector) for selector, _ in selectors]


def activate_keys(
    app: AppContext, channel: str, selectors: Sequence[str], *, lookup: Resolver | None, actor: Actor | None = None
) -> Sequence[KeyEntry]:
    """Sign with these keys instead of the active ones. `lookup` checks first that they are published, if given.

    Raises NotFoundError, and StateError for a key that is not published.
    """
    ring = key_ring(app, channel)
    chosen = sorted(map(ring.find, selectors), key=lambda entry: entry.algorithm is not Algorithm.RSA)
    if lookup is not None:
        for entry in chosen:
            _refuse_unpublished(entry, lookup)

    def activate(_: SigningChannel, ring: KeyRing) -> KeyRing:
        for entry in chosen:
            ring = ring.with_active(entry.selector, now=app.clock())
        return ring

    changed = _change(app, channel, activate, actor=actor, detail=f"activated {', '.join(selectors)}")
    return [changed.find(selector) for selector in selectors]


def retire_key(app: AppContext, channel: str, selector: str, *, actor: Actor | None = None) -> KeyEntry:
    """Stop signing with a key. Raises NotFoundError, and StateError if an Ed25519 key would sign alone."""
    changed = _change(
        app,
        channel,
        lambda _, ring: ring.with_retired(selector, now=app.clock()),
        actor=actor,
        detail=f"retired {selector}",
    )
    return changed.find(selector)


def remove_key(app: AppContext, channel: str, selector: str, *, actor: Actor | None = None) -> None:
    """Delete a key. Raises NotFoundError, and StateError while it is active."""
    _change(app, channel, lambda _, ring: ring.without(selector), actor=actor, detail=f"deleted {selector}")


def _change(
    app: AppContext,
    channel: str,
    act: Callable[[SigningChannel, KeyRing], KeyRing],
    *,
    actor: Actor | None = None,
    detail: str = "",
) -> KeyRing:
    with app.database.begin() as connection:
        record = channels.lock(connection, channel)
        signing_channel, secrets = _signing_channel(app, record), _secrets(app, record)
        ring = act(signing_channel, _ring(signing_channel, secrets))
        sealed = app.vault.seal(secrets | {signing_channel.key_ring_setting: ring.dump()})
        channels.replace_secrets(connection, record.id, sealed)
        if actor is not None:
            action = AuditAction.SIGNING_KEY_CHANGED
            audit_log.record(connection, actor, action, subject=channel, detail=detail, now=app.clock())
    return ring


def _secrets(app: AppContext, record: ChannelRecord) -> dict[str, str]:
    return app.vault.open(record.sealed) if record.sealed else {}


def _signing_channel(app: AppContext, record: ChannelRecord) -> SigningChannel:
    channel = app.open_channel(record)
    if not isinstance(channel, SigningChannel):
        raise InputError(f"channel {record.name!r} is of kind {record.kind}, which has no signing keys")
    return channel


def _ring(channel: SigningChannel, secrets: dict[str, str]) -> KeyRing:
    return KeyRing.parse(secrets.get(channel.key_ring_setting, ""))


class UnpublishedKeyError(StateError):
    """Receivers would not find a key: `fault` says why."""

    def __init__(self, selector: str, fault: str) -> None:
        advice = "Publish its record and wait until the DNS has it, or add --skip-dns-check to activate it anyway"
        super().__init__(f"receivers would not find the key {selector}: {fault}. {advice}")
        self.fault = fault


def _refuse_unpublished(entry: KeyEntry, lookup: Resolver) -> None:
    try:
        fault = publication_error(entry, lookup)
    except DnsLookupError as error:
        fault = str(error)
    if fault:
        raise UnpublishedKeyError(entry.selector, fault)
