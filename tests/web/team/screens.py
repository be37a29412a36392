"""A service as it looks after some months of work, for the screens that people and tests look at.

Articles are those of the content folder that comes with the product; campaigns go through the same flow as all, only
the outcomes of their deliveries are written by hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import cycle, islice, product

from sqlalchemy import text

from distributor.cli.sandbox import configure_sandbox_channels
from distributor.domain.article import Manuscript
from distributor.domain.audience import AudiencePlan
from distributor.domain.blocks import Paragraph, Run
from distributor.domain.campaign import CampaignPlan
from distributor.domain.delivery import DeliveryState
from distributor.domain.errors import SourceError
from distributor.domain.event import Event, EventKind
from distributor.domain.message_options import MessageOptions
from distributor.domain.notice import NoticeTargets, NoticeWay
from distributor.domain.quarantine import QuarantineLoop
from distributor.domain.sandbox_ports import SandboxPorts
from distributor.domain.schedule import StartTimes
from distributor.domain.source import SourceState
from distributor.domain.subscriber import Person
from distributor.domain.user import Actor, Role
from distributor.flow.app_context import AppContext
from distributor.flow.articles import sources, writing
from distributor.flow.articles.ingest import scan
from distributor.flow.articles.source_runs import take_items
from distributor.flow.articles.writing import SavedArticle, WritingPlace
from distributor.flow.event_counting import count_events
from distributor.flow.operations.notices import record_notices
from distributor.flow.publishing import article_control, campaign_control, life_cycle, test_groups
from distributor.flow.publishing.plan import create_campaign
from distributor.flow.publishing.prepare import prepare
from distributor.flow.publishing.release import release
from distributor.flow.team import accounts
from distributor.sources.items import SourceItem, UnreadableItem
from distributor.storage import (
    articles,
    channels,
    dispatches,
    events,
    heartbeats,
    lists,
    memberships,
    notices,
    paused_routes,
    quarantine,
    user_sessions,
    users,
)
from distributor.storage import sources as source_rows
from tests.paths import ROOT
from tests.web.samples import EVIDENCE

ACTOR = "user:ada@example.org"
OPERATOR = Actor(name="cli:test")
TOKEN = "token of the screens"
PEOPLE = 2_400
_FIRST = ("Ada", "Bo", "Chiara", "Dov", "Eun-ji", "Farid", "Greta", "Hồng", "Ines", "Jonas", "Kofi", "Lotte")
_LAST = ("Almeida", "Berg", "Castellanos", "Dahl", "Eriksen", "Fofana", "García-Márquez", "Haddad", "Iversen", "Jansen")
_SENT, _DELIVERED, _FAILED = DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.FAILED
# What a server said about each outcome that is no success, and why.
_REPLIES = {
    DeliveryState.FAILED: (550, "5.1.1 <reader>: User unknown in virtual mailbox table", "userunknown"),
    DeliveryState.DEFERRED: (452, "4.2.2 Mailbox full, please try again later", "mailboxfull"),
    DeliveryState.UNKNOWN: (None, "the connection broke after the last byte was sent", ""),
    DeliveryState.SUPPRESSED: (None, "unsubscribed", ""),
    DeliveryState.BOUNCED: (552, "5.2.2 Mailbox full", "mailboxfull"),
}
_FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
# The article of a campaign by its place among the newest; of so many of its mails one is clicked.
_CLICKED = {"finished": (1, 19), "failed": (2, 31), "running": (0, 83)}
# Seconds from the first to the last outcome. Those of the running one come while the screens are looked at.
_SPAN, _LONGER_SPAN = 220, 420
_ARTICLE = """Three Days at the Harbour

The festival begins on Friday at noon, when the tide is high enough for the old boats to come in under their own sails.
Whoever wants to see that should be on the north pier by half past eleven; the south pier is closed for the repair of
its railing.

Friday

The boats come in from noon. At two the net makers open their shed, where children tie their first knots and keep what
they made. In the evening the choir of the lifeboat station sings in the market hall, and the doors stay open.

- North pier: arrival of the boats, 12:00
- Net makers' shed: knots for beginners, 14:00
- Market hall: the choir, 19:30

Saturday

The market has forty stalls this year, and none of them sells plastic. Bring your own cup: there is tea at every corner
for as long as there is water in the kettle. The race of the rowing boats starts at three, and anybody with a boat and a
second person may row.

Sunday

In the morning the harbour is quiet. At eleven the keeper opens the lighthouse, ten people at a time, and tells what the
log of 1911 says about the long night in March. At four the boats leave, and the festival is over for a year.

Getting there

The ferry runs every twenty minutes, the last one at midnight. Bicycles may stand along the wall of the fish market.

Tags: harbour, festival, programme
"""


@dataclass(frozen=True, kw_only=True)
class FilledService:
    """The ids of what is there, for paths."""

    campaigns: Mapping[str, int]
    article_id: int
    draft_id: int
    dispatch_id: int
    group_id: int
    channel_id: int
    delivery_id: int
    person_id: int
    user_id: int


def fill(app: AppContext) -> FilledService:
    """Fill an empty service: people, articles, channels, and a campaign in every state; `TOKEN` is an owner's."""
    app = replace(app, content_dir=ROOT / "content")
    now = app.clock()
    _add_users(app)
    with app.database.begin() as connection:
        heartbeats.record_heartbeat(connection, heartbeats.BEAT, now=now)
        for slug, name, count in (("weekly", "Weekly letter", PEOPLE), ("press", "Press", 40)):
            found = lists.add(connection, slug=slug, name=name)
            memberships.subscribe(connection, found.id, _people(count), EVIDENCE, now=now)
    configure_sandbox_channels(app, SandboxPorts(http=9, smtp=9))
    before = replace(app, clock=lambda: now - timedelta(days=60))
    scan(before)
    written = _write(before)
    for slug in _slugs(app):
        article_control.publish(before, slug, actor=ACTOR)
    made = _add_campaigns(app)
    _add_clicks(app, made)
    with app.database.begin() as connection:
        email = channels.find(connection, "email")
        reason = "550 5.7.1 our system has detected an unusual rate of mail from your address"
        paused_routes.pause(connection, email.id, "relay", "bigmail.example", reason=reason, now=now)
        newest = articles.latest(connection, limit=1)[0]
        delivery = connection.execute(text("SELECT id FROM deliveries WHERE state = 'failed' LIMIT 1")).scalar_one()
        person = connection.execute(
            text("SELECT subscriber_id FROM deliveries WHERE id = :id"), {"id": delivery}
        ).scalar_one()
        to_come = dispatches.of_campaign(connection, made["scheduled"])[0]
    _run(app)
    _add_sources(before)
    editors = test_groups.add_group(app, "Editors", ["ada@example.org", "bo@example.org"], actor=ACTOR)
    return FilledService(
        group_id=editors.id,
        dispatch_id=to_come.id,
        campaigns=made,
        article_id=written,
        draft_id=writing.start_copy(app, newest.id, key="copy", user_id=1).id,
        channel_id=email.id,
        delivery_id=delivery,
        person_id=person,
        user_id=2,
    )


def _run(app: AppContext) -> None:
    """Processes, of which one has fallen silent, a mail in quarantine, and what was told of that."""
    now = app.clock()
    with app.database.begin() as connection:
        connection.execute(
            text("""
                INSERT INTO processes (id, kind, name, host, pid, version, settings, started_at, seen_at)
                SELECT gen_random_uuid(), kind, name, host, pid, '0.1.0', CAST(settings AS jsonb),
                       now() - interval '9 days', now() - silent * interval '1 minute'
                FROM (VALUES
                    ('web', 'web', 'harbour-1', 412, '{"site_name": "The Harbour Gazette"}', 0),
                    ('worker', 'worker email', 'harbour-2', 77, '{"site_name": "The Harbour"}', 0),
                    ('worker', 'worker social', 'harbour-2', 81, '{"site_name": "The Harbour Gazette"}', 14)
                ) AS reported (kind, name, host, pid, settings, silent)
            """)
        )
        reason = "LookupError in decoding.py:41: unknown encoding: x-unknown"
        quarantine.hold(
            connection, QuarantineLoop.MAIL, "bounce 4711", reason=reason, now=now - timedelta(hours=3), content=b"x"
        )
    told = replace(app, notice_targets=NoticeTargets(addresses=("ada@example.org",)))
    record_notices(told)
    with app.database.begin() as connection:
        for number, one in enumerate(notices.latest(connection, limit=20)):
            detail = "over email" if number % 3 else "email: 127.0.0.1:9: no connection"
            notices.settle(
                connection, [one.id], NoticeWay.MAIL, is_told=bool(number % 3), detail=detail, next_at=None, now=now
            )


def _add_sources(app: AppContext) -> None:
    """A feed that goes well, a site that fails, a paused account and a mailbox."""
    feed = sources.add(app, "harbour-blog", "feed", {"url": "https://blog.harbour.example/feed.xml"}).source
    titles = ("The ferry has a new bell", "Notes on the tide tables, and on what they leave out", "Paint for the pier")
    items = [
        SourceItem(
            ref=f"post-{number}",
            content_hash=str(number),
            manuscript=Manuscript(title=title, body=(Paragraph((Run(f"{title}."),)),)),
        )
        for number, title in enumerate(titles)
    ]
    take_items(app, feed, [*items, UnreadableItem(ref="post-9", error=SourceError("it has no title and no text"))])
    away = sources.add(app, "lighthouse", "wordpress", {"site": "https://lighthouse.example"}).source
    reason = "https://lighthouse.example/wp-json/: the server answers 503 Service Unavailable"
    now = app.clock()
    with app.database.begin() as connection:
        source_rows.record_failure(
            connection, away, reason, next_run_at=now + timedelta(minutes=30), is_final=False, now=now
        )
    sources.add(app, "harbour-master", "mastodon", {"account": "@master@social.example"})
    sources.set_state(app, "harbour-master", SourceState.PAUSED)
    sources.add(app, "desk", "mailbox", {"domain": "articles.gazette.example"})


def _add_users(app: AppContext) -> None:
    for role, name in ((Role.OWNER, "Ada Keeper"), (Role.APPROVER, "Bo Approver"), (Role.VIEWER, "")):
        user, _ = accounts.create_user(app, email=f"{role}@example.org", name=name, role=role, actor=OPERATOR)
        with app.database.begin() as connection:
            users.change(connection, user.id, {"password_hash": "x"})
    with app.database.begin() as connection:
        user_sessions.add(
            connection, TOKEN, user_id=1, ip_address="192.0.2.7", user_agent="Firefox/150.0", now=app.clock()
        )


def _write(app: AppContext) -> int:
    """An article that is pasted into the editor, and changed once; returns its id."""
    typed = writing.read_paste(app, _ARTICLE)
    place = WritingPlace(draft_id=writing.start(app, key="pasted", user_id=1, text=typed).id)
    number = 0
    for text_now in (
        typed,
        replace(typed, summary="Boats, knots, tea and a lighthouse: what happens when, and how to get there."),
    ):
        base = writing.open_writing(app, place, user_id=1).base
        saved = writing.save(app, place, text_now, base, user_id=1, actor=ACTOR)
        assert isinstance(saved, SavedArticle)
        number, place = saved.found.id, WritingPlace(article_id=saved.found.id)
    return number


def _people(count: int) -> list[Person]:
    names = islice(cycle(product(_FIRST, _LAST)), count)
    return [
        Person(
            key=f"reader{number}@{'bigmail' if number % 3 else 'harbour'}.example",
            email=f"reader{number}@{'bigmail' if number % 3 else 'harbour'}.example",
            name=f"{first} {last}",
            language="en",
        )
        for number, (first, last) in enumerate(names)
    ]


def _slugs(app: AppContext) -> list[str]:
    with app.database.begin() as connection:
        return [one.article.slug for one in articles.latest(connection, limit=10)]


def _add_campaigns(app: AppContext) -> dict[str, int]:
    """A campaign in each state, by a word for the state."""
    now, days = app.clock(), timedelta(days=1)
    slugs = _slugs(app)
    letter = _plan(app, "Letter of the week", slugs[1], ("email", "mastodon", "bluesky", "x", "feed"))
    made = {
        "finished": _sent(app, letter, now - 9 * days, {_DELIVERED: 2_300, _SENT: 69, DeliveryState.BOUNCED: 31}),
        "failed": _sent(
            app,
            _named(letter, "Call for volunteers", slugs[2]),
            now - 2 * days,
            {_DELIVERED: 2_340, _FAILED: 12, DeliveryState.SUPPRESSED: 28, DeliveryState.BOUNCED: 20},
        ),
        "running": _sent(
            app,
            _named(letter, "Harbour festival: the whole programme", slugs[0]),
            now - timedelta(minutes=4),
            {
                _SENT: 1_404,
                DeliveryState.DEFERRED: 43,
                _FAILED: 6,
                DeliveryState.UNKNOWN: 2,
                DeliveryState.SUPPRESSED: 31,
            },
        ),
    }
    for number, (word, name) in enumerate(
        [
            ("scheduled", "Ferry timetable for the winter"),
            ("next", "The new lighthouse keeper, and what there is to say about the long nights on the point"),
            ("paused", "Members' meeting"),
        ]
    ):
        asked = _named(letter, name, slugs[(number + 2) % len(slugs)])
        made[word] = create_campaign(app, asked, actor=ACTOR)
        times = StartTimes(starts_at=now + timedelta(hours=30 * number + 5), times={}, notes=())
        life_cycle.schedule(app, made[word], actor=ACTOR, start=times)
    campaign_control.pause(app, made["paused"], "the date of the meeting is not settled", actor=ACTOR)
    made["draft"] = create_campaign(app, _named(letter, "Spring cleaning of the shore", slugs[1]), actor=ACTOR)
    waiting = replace(_named(letter, "Statement on the pier", slugs[1]), needs_approval=True, starts_at=now + 3 * days)
    made["waiting"] = create_campaign(app, waiting, actor=ACTOR)
    life_cycle.review(app, made["waiting"], actor=ACTOR)
    return made


def _plan(app: AppContext, name: str, slug: str, channel_names: tuple[str, ...]) -> CampaignPlan:
    return CampaignPlan(
        name=name,
        article_slugs=(slug,),
        channel_names=channel_names,
        audience=AudiencePlan(lists=("weekly",), repeats=True),
        zone=app.site.time_zone,
        message_options=MessageOptions(subject=name),
    )


def _named(plan: CampaignPlan, name: str, slug: str) -> CampaignPlan:
    return replace(plan, name=name, article_slugs=(slug,), message_options=MessageOptions(subject=name))


def _add_clicks(app: AppContext, campaigns: Mapping[str, int]) -> None:
    """Some of those who got it clicked, most of them soon."""
    clicks: list[Event] = []
    slugs = _slugs(app)
    with app.database.begin() as connection:
        for word, (place, one_of) in _CLICKED.items():
            link = {"url": f"{app.site.public_url}/articles/{slugs[place]}", "user_agent": _FIREFOX}
            got = connection.execute(
                text("""
                    SELECT d.id, d.first_attempt_at FROM deliveries d JOIN dispatches p ON p.id = d.dispatch_id
                    WHERE p.campaign_id = :campaign AND d.subscriber_id IS NOT NULL
                      AND d.state IN ('sent', 'delivered')
                    ORDER BY d.id
                """),
                {"campaign": campaigns[word]},
            ).all()[::one_of]
            longest = min(app.clock() - got[0].first_attempt_at, timedelta(hours=70))
            clicks += [
                Event(
                    delivery_id=one.id,
                    kind=EventKind.CLICK,
                    at=one.first_attempt_at + longest * ((number + 1) / len(got)) ** 3,
                    key=f"click {one.id}",
                    detail=link,
                )
                for number, one in enumerate(got)
            ]
        events.record(connection, clicks)
    while count_events(app):
        pass


def _sent(app: AppContext, plan: CampaignPlan, at: datetime, counts: Mapping[DeliveryState, int]) -> int:
    """A campaign released at this time on all its channels, whose mails came to these outcomes.

    If all of them have come to one, it is finished.
    """
    then = replace(app, clock=lambda: at)
    number = create_campaign(then, plan, actor=ACTOR)
    life_cycle.schedule(then, number, actor=ACTOR, start=StartTimes(starts_at=at, times={}, notes=()))
    with app.database.begin() as connection:
        planned = dispatches.of_campaign(connection, number)
    for one in planned:
        prepare(then, one.id)
    for one in planned:
        release(then, one.id)
    with app.database.begin() as connection:
        for one in planned:
            outcomes = counts if one.kind == "email" else {_SENT: PEOPLE}
            for state, count in outcomes.items():
                code, reply, reason = _REPLIES.get(state, (250, "2.0.0 OK queued", ""))
                connection.execute(
                    text("""
                        UPDATE deliveries SET state = :state, attempt = 1, first_attempt_at = :at,
                               updated_at = CAST(:at AS timestamptz) + make_interval(secs => id % :span),
                               reply_code = :code, reply = :reply,
                               detail = CASE WHEN :reason = '' THEN '{}'
                                             ELSE jsonb_build_object('reason', CAST(:reason AS text)) END,
                               next_at = CASE WHEN :state = 'deferred' THEN CAST(:at AS timestamptz) + interval '15 min'
                                         END
                        WHERE id IN (SELECT id FROM deliveries WHERE dispatch_id = :id AND state = 'pending'
                                     ORDER BY id LIMIT :count)
                    """),
                    {
                        "state": state,
                        "at": at,
                        "code": code,
                        "reply": reply,
                        "reason": reason,
                        "span": _SPAN if sum(counts.values()) >= PEOPLE else _LONGER_SPAN,
                        "id": one.id,
                        "count": count,
                    },
                )
        dispatches.finish_settled(connection, now=at + timedelta(minutes=4))
    return number
