"""A test of a campaign: the team gets it by the same way as everyone will, and it counts nowhere."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from distributor.channels.api import Audience, Channel, PersonalizedChannel, PublishingChannel
from distributor.channels.registry import kind_of, kinds
from distributor.domain.address import EmailAddress, parse_address
from distributor.domain.campaign import Campaign, CampaignAction, CampaignPurpose, PlanKey
from distributor.domain.errors import InputError, NotFoundError, StateError
from distributor.domain.merge_fields import FieldGroup, MergeFields, ReaderFields, field_label
from distributor.domain.problems import Severity
from distributor.domain.rendition import Rendition
from distributor.domain.stored_text import stored_key
from distributor.flow.app_context import AppContext
from distributor.flow.publishing.campaign_content import load_content, render_content
from distributor.storage import articles, campaign_tests, campaigns, channels, dispatches, merge_fields, suppressions
from distributor.storage import subscribers as people
from distributor.storage.channels import ChannelRecord
from distributor.storage.database import Connection

MAX_ADDRESSES = 20

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedTest:
    """Which test is asked for: of what a campaign says on one of its channels, sent over it or over `via`.

    A mail goes to `addresses`, with the merge fields of the subscriber `seen_by` if one is named; a post is made over
    `via`, another channel of the same kind. Without `channel_name` it is the one channel that fits. A test that is
    asked for twice with the same `key` is sent once.
    """

    channel_name: str = ""
    via: str = ""
    addresses: tuple[str, ...] = ()
    seen_by: str = ""
    key: str = ""

    def plan_key(self, campaign_id: int) -> PlanKey | None:
        """The key of the test, None without one."""
        if not self.key:
            return None
        asked = [self.channel_name, self.via, sorted(self.addresses), self.seen_by]
        digest = hashlib.sha256(json.dumps(asked, ensure_ascii=False).encode()).hexdigest()
        return PlanKey(name=f"test:{campaign_id}:{stored_key(self.key)}", digest=digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class TestWay:
    """A way to test a campaign: what it says on a channel, sent over it to addresses, or posted over `via`."""

    __test__ = False

    channel_name: str
    via: str
    to_addresses: bool


def ways_to_test(connection: Connection, campaign_id: int) -> list[TestWay]:
    """How a campaign can be tested: mails first. What is published for everyone cannot be."""
    planned = dispatches.of_campaign(connection, campaign_id)
    own = {one.channel_name for one in planned}
    others = [one for one in channels.all_channels(connection) if one.name not in own]
    mails = [
        TestWay(channel_name=one.channel_name, via="", to_addresses=True)
        for one in planned
        if kinds().get(one.kind) and kind_of(one.kind).capabilities.audience is Audience.SUBSCRIBERS
    ]
    posts = [
        TestWay(channel_name=one.channel_name, via=other.name, to_addresses=False)
        for one in planned
        for other in others
        if other.kind == one.kind
        and kinds().get(one.kind)
        and kind_of(one.kind).capabilities.audience is Audience.BROADCAST
        and not issubclass(kind_of(one.kind), PublishingChannel)
    ]
    return [*mails, *posts]


def send_test(app: AppContext, campaign_id: int, asked: AskedTest, *, actor: str) -> int:
    """Send a test of a campaign in any state; returns the id of the test, which is a campaign of its own.

    No consent is needed, because the team sends it to itself. Raises NotFoundError, AddressError, InputError for a
    request that does not fit the campaign, TemplateError, and StateError if an address is suppressed, or what would be
    sent has a blocking problem or the key was used for another test.
    """
    addresses = _read_addresses(asked.addresses)
    key = asked.plan_key(campaign_id)
    with app.database.begin() as connection:
        earlier = campaigns.find_by_key(connection, key) if key else None
        if earlier is not None:
            return earlier
        campaign = campaigns.find(connection, campaign_id)
        if campaign.purpose is not CampaignPurpose.ARTICLES:
            raise StateError(f"campaign {campaign_id} sends no articles: only campaigns with articles can be tested")
        shown, via = _channels_of(connection, campaign, asked)
        _insist_on_open_mailboxes(connection, addresses)
        reader = people.find(connection, parse_address(asked.seen_by).key).id if asked.seen_by else None
        if not campaign.article_ids:
            raise StateError(f"campaign {campaign_id} has no article yet: there is nothing to test")
        content = load_content(connection, campaign, shown.name, now=app.clock())
        hidden = articles.hidden_of_campaign(connection, campaign_id, now=app.clock())
    channel = app.open_channel(via)
    rendition = render_content(
        app,
        channel,
        campaign,
        content,
        discovered_limits=via.discovered_limits,
        test_of=campaign_id,
        embeds_images=bool(hidden),
    )
    blocking = [one.message for one in channel.check(rendition) if one.severity is Severity.BLOCK]
    if blocking:
        raise StateError(f"the test cannot be sent: {'; '.join(blocking)}")
    with app.database.begin() as connection:
        earlier = campaigns.find_by_key(connection, key) if key else None
        if earlier is not None:
            return earlier
        recipients = (
            _accounts(app, channel, shown, rendition, addresses)
            if channel.capabilities.audience is Audience.BROADCAST
            else _readers(connection, channel, rendition, addresses, asked.seen_by)
        )
        test_id = campaign_tests.add(
            connection,
            f"Test of campaign {campaign.id}: {campaign.name}",
            via.id,
            rendition,
            recipients,
            test_of=campaign,
            subscriber_id=reader,
            key=key,
            now=app.clock(),
        )
        detail = f"campaign {test_id}, over {via.name} to {len(recipients)}"
        campaigns.record(connection, campaign_id, CampaignAction.TESTED, actor=actor, detail=detail, now=app.clock())
    log.info("campaign.tested", campaign_id=campaign_id, test_id=test_id, channel=via.name, recipients=len(recipients))
    return test_id


def _read_addresses(given: Sequence[str]) -> list[EmailAddress]:
    if len(given) > MAX_ADDRESSES:
        raise InputError(f"a test goes to {MAX_ADDRESSES} addresses at most, not to {len(given)}")
    return list({found.key: found for found in map(parse_address, given)}.values())


def _channels_of(connection: Connection, campaign: Campaign, asked: AskedTest) -> tuple[ChannelRecord, ChannelRecord]:
    """The channel of the campaign that is shown, and the one that the test is sent over."""
    own = {one.channel_name: one for one in dispatches.of_campaign(connection, campaign.id)}
    if asked.channel_name and asked.channel_name not in own:
        hint = f"it has {', '.join(sorted(own))}" if own else "it has none"
        raise NotFoundError(f"channel of campaign {campaign.id}", asked.channel_name, hint=hint)
    via = channels.find(connection, asked.via) if asked.via else None
    fitting = [
        name
        for name, one in own.items()
        if (one.kind == via.kind if via else kind_of(one.kind).capabilities.audience is Audience.SUBSCRIBERS)
    ]
    name = asked.channel_name or (fitting[0] if len(fitting) == 1 else "")
    if not name:
        raise InputError(f"name the channel to test: campaign {campaign.id} has {', '.join(sorted(own)) or 'none'}")
    shown = channels.find(connection, name)
    if via is not None and via.kind != shown.kind:
        raise InputError(
            f"{via.name} is a channel of kind {via.kind}, and {name} is of kind {shown.kind}: name another"
        )
    if via is not None and via.name in own and via.name != name:
        raise InputError(f"{via.name} is a channel of the campaign itself: a test is sent over another one")
    return shown, via or shown


def _insist_on_open_mailboxes(connection: Connection, addresses: Sequence[EmailAddress]) -> None:
    for one in addresses:
        reasons = sorted({entry.reason.value for entry in suppressions.of_key(connection, one.key)})
        if reasons:
            raise StateError(
                f"{one.address} is suppressed ({', '.join(reasons)}) and gets no mail, no test either; nothing was sent"
            )


def _accounts(
    app: AppContext, channel: Channel, shown: ChannelRecord, rendition: Rendition, addresses: Sequence[EmailAddress]
) -> Mapping[str, Mapping[str, str]]:
    if addresses:
        raise InputError(
            f"{shown.name} posts to an account, not to addresses: name by via a channel with a test account"
        )
    if isinstance(channel, PublishingChannel):
        raise InputError(f"{shown.name} publishes for everyone, so it cannot be tested: preview the campaign instead")
    recipients = channel.recipients(rendition)
    taken = set(app.open_channel(shown).recipients(rendition)).intersection(recipients)
    if taken:
        raise InputError(
            f"{', '.join(sorted(taken))} is the account that the campaign posts to: name by via a channel of the same "
            "kind with a test account"
        )
    return {recipient: {} for recipient in recipients}


def _readers(
    connection: Connection, channel: Channel, rendition: Rendition, addresses: Sequence[EmailAddress], seen_by: str
) -> Mapping[str, Mapping[str, str]]:
    """The merge fields of each address: those of the subscriber whose mail it is to show, or only its own address."""
    if not addresses:
        raise InputError("name at least one address that the test goes to")
    needs = channel.merge_fields_of(rendition) if isinstance(channel, PersonalizedChannel) else MergeFields()
    readers = {
        one.address: ReaderFields(email=one.address, fields={"name": "", "email": one.address}) for one in addresses
    }
    if seen_by:
        reader = merge_fields.reader_fields_of(connection, parse_address(seen_by).key, needs.fields)
        readers = dict.fromkeys(readers, reader)
    for reader in readers.values():
        held = frozenset(key for key, value in reader.fields.items() if value) | {"email"}
        values = {key: reader.fields[key] for key in needs.decisive if reader.fields.get(key)}
        group = FieldGroup(count=1, held=held, values=values)
        missing = channel.missing_field_for(rendition, group) if isinstance(channel, PersonalizedChannel) else None
        if missing is not None:
            raise InputError(
                f"the mail uses {field_label(missing)} without a default, and {reader.email} has none: name a "
                "subscriber who has it, as whom the test is sent"
            )
    return {address: reader.fields for address, reader in readers.items()}
