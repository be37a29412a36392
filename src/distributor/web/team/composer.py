"""The composer: what a campaign sends, on which channels, to whom, in which words and when."""

from __future__ import annotations

import re
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from gettext import gettext as _

from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.responses import Response

from distributor.channels.api import PostLengths
from distributor.domain.audience import AudienceCount, AudiencePlan
from distributor.domain.campaign import Campaign, CampaignPlan, DispatchState, PlanKey
from distributor.domain.campaign_review import Reach
from distributor.domain.errors import (
    BlockedError,
    ConfigurationError,
    DataError,
    DistributorError,
    InputError,
    NotFoundError,
    PostWordsError,
    QueryTimeoutError,
    ScheduleError,
    StateError,
)
from distributor.domain.schedule import known_zones
from distributor.domain.segments.segment import Segment
from distributor.domain.stored_text import storable
from distributor.domain.subscriber import MailingList
from distributor.domain.user import Permission
from distributor.flow.app_context import AppContext
from distributor.flow.publishing.audience import count_audience, take_turn
from distributor.flow.publishing.channel_choices import ChannelChoice, channel_choices
from distributor.flow.publishing.life_cycle import require_unreleased, review
from distributor.flow.publishing.plan import create_campaign, edit_campaign
from distributor.flow.publishing.post_words import measure_posts
from distributor.flow.publishing.reader_views import dispatch_on, views_of_dispatch
from distributor.storage import articles, campaigns, dispatches, lists, segments, topics
from distributor.storage.articles import StoredArticle
from distributor.web.forms import Form, number_of
from distributor.web.team.access import Gate, TeamRequest, TeamRoute
from distributor.web.team.composer_form import (
    OPTION_FIELDS,
    WRITTEN_OPTIONS,
    FieldDifference,
    InvalidFieldsError,
    audience_of,
    differences,
    form_of,
    own_field,
    parts_of,
    plan_of,
    sentence,
    time_notes,
    with_part,
    with_theirs,
    words_of,
)
from distributor.web.team.pages import TeamPages

_INVALID = 422
_CONFLICT = 409
_FOUND_ARTICLES = 8
# In pixels: the width of a document beside the form, and what stands for as wide as there is room.
_BESIDE, _WIDE = 384, 1000
# When a campaign starts for which only a day was chosen.
_MORNING = time(9)
_DRAFT_KEY = re.compile(r"[0-9a-f]{32}", re.ASCII)
# All plans under one key of the composer are one draft, however often it is sent and whatever is typed in between.
_ONE_DRAFT = "draft"
# The options that posts have, of which the campaign itself has a field only for the text.
_OPTIONS_OF_POSTS = ("text", "thread", "hashtags", "no_hashtags")
# What an error of the flow is about, by the noun of what is missing.
_FIELD_OF_NOUN = {"article": "article", "channel": "channel", "list": "list", "segment": "segment"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """What is shown with the form: what is wrong where, what others have saved meanwhile, what the audience is."""

    errors: Mapping[str, str]
    status: int = 200
    conflict: Sequence[FieldDifference] = ()
    counted: AudienceCount | None = None
    count_problem: str = ""
    is_saved: bool = False


_NOTHING = _Outcome(errors={})


class ComposerPages:
    """Pages that write campaigns: one form for a new one and for one that is changed before it goes out."""

    def __init__(self, app: AppContext, pages: TeamPages, gate: Gate) -> None:
        self._app = app
        self._pages = pages
        self._gate = gate

    def routes(self) -> list[TeamRoute]:
        write = Permission.CAMPAIGNS_WRITE
        return [
            TeamRoute("GET", "/campaigns/new", self.show_new, write),
            TeamRoute("POST", "/campaigns/new", self.create, write),
            TeamRoute("GET", "/campaigns/audience", self.count, write),
            TeamRoute("GET", "/campaigns/list-sizes", self.show_list_sizes, write),
            TeamRoute("GET", "/campaigns/text-length", self.show_text_length, write),
            TeamRoute("GET", "/campaigns/{campaign_id}/edit", self.show_edit, write),
            TeamRoute("POST", "/campaigns/{campaign_id}/edit", self.edit, write),
            TeamRoute("GET", "/campaigns/{campaign_id}/edit/shown/{channel_id}", self.show_rendition, write),
            TeamRoute("GET", "/campaigns/{campaign_id}/audience", self.count, write),
        ]

    def show_new(self, asked: TeamRequest) -> Response:
        """An empty form, or one with the articles, lists or channels that the address names."""
        given = _form_of_query(asked.request.query_params)
        kept = ("article", "list", "channel", "topic", "segment", "failed_of", "unknown_of", "at")
        form = form_of(self._blank())
        fields = {**form.fields, **{name: given.fields[name] for name in kept if name in given.fields}}
        if day := given.one("day"):
            fields["at"] = (self._start_on(day),)
        if any(fields.get("at", ())):
            fields["when"] = ("at",)
        return self._show(asked, Form({**fields, "draft": (secrets.token_hex(16),)}), None, _NOTHING)

    def create(self, asked: TeamRequest) -> Response:
        """Make the draft. The same form sent twice makes one; a changed one, after the back button, edits it."""
        form = asked.form
        changed = self._changed_form(form)
        if changed is not None:
            return self._show(asked, changed, None, self._counted(asked, changed, None))
        draft = form.one("draft")
        if not _DRAFT_KEY.fullmatch(draft):
            draft = secrets.token_hex(16)
        plan: CampaignPlan | None = None
        try:
            plan = self._read(asked, form, self._blank())
            key = PlanKey(name=f"app:{asked.user.id}:{draft}", digest=_ONE_DRAFT)
            campaign_id = create_campaign(self._app, plan, key=key, actor=asked.actor.name)
        except DataError:
            raise
        except (InputError, NotFoundError, StateError) as error:
            outcome = _Outcome(errors=_errors_of(error, plan), status=_INVALID)
            return self._show(asked, Form({**form.fields, "draft": (draft,)}), None, outcome)
        with self._app.database.begin() as connection:
            campaign = campaigns.find(connection, campaign_id)
            saved = campaigns.plan_of(connection, campaign_id)
        mine = replace(plan, name=plan.name or saved.name, on_change=plan.change_policy)
        conflict = differences(form_of(mine), form_of(saved))
        if not conflict:
            return self._after_save(asked, campaign_id)
        outcome = _Outcome(errors={}, status=_CONFLICT, conflict=conflict)
        return self._show(asked, form, campaign, outcome)

    def show_edit(self, asked: TeamRequest) -> Response:
        campaign, plan = self._open(asked)
        is_saved = asked.request.query_params.get("saved") == "1"
        return self._show(asked, form_of(plan), campaign, replace(_NOTHING, is_saved=is_saved))

    def edit(self, asked: TeamRequest) -> Response:
        """Save the form, unless somebody else has saved the campaign since it was opened here."""
        campaign, saved = self._open(asked)
        form = with_theirs(asked.form, form_of(saved), asked.form.all("take"))
        changed = self._changed_form(form)
        if changed is not None:
            return self._show(asked, changed, campaign, self._counted(asked, changed, campaign))
        version = number_of(form.one("version"), digits=9) or 0
        if version != campaign.version:
            return self._show_conflict(asked, form)
        plan: CampaignPlan | None = None

        def change(before: CampaignPlan) -> CampaignPlan:
            nonlocal plan
            plan = self._read(asked, form, before)
            return plan

        try:
            made = edit_campaign(self._app, campaign.id, change, actor=asked.actor.name, version=version)
        except DataError:
            raise
        except BlockedError:
            # It is saved, and a draft now: the review says what blocks it.
            return self._gate.redirect(f"/app/campaigns/{campaign.id}/review")
        except (InputError, NotFoundError) as error:
            return self._show(asked, form, campaign, _Outcome(errors=_errors_of(error, plan), status=_INVALID))
        except StateError:
            if self._open(asked)[0].version != version:
                return self._show_conflict(asked, form)
            raise
        if made is not None:
            return self._gate.redirect(f"/app/campaigns/{campaign.id}/review")
        return self._after_save(asked, campaign.id)

    def count(self, asked: TeamRequest) -> Response:
        """How many people get it, and why the others do not: a part of the page, asked again with each change."""
        form = _form_of_query(asked.request.query_params)
        campaign_id = asked.number("campaign_id") if "campaign_id" in asked.request.path_params else None
        outcome = self._count(asked, form, campaign_id)
        if outcome is None:
            # A newer question has been asked from the same page.
            return Response(status_code=204)
        return self._pages.fragment("campaign_audience.html.j2", {"outcome": outcome, "is_part": True})

    def show_rendition(self, asked: TeamRequest) -> Response:
        """The document of a frame: the saved campaign on one channel, on the screen that fits beside the form."""
        campaign_id, channel_id = asked.number("campaign_id"), asked.number("channel_id")
        with self._app.database.begin() as connection:
            campaign, dispatch = dispatch_on(connection, campaign_id, channel_id)
        try:
            views = views_of_dispatch(self._app, campaign, dispatch).shown.views
        except (InputError, ConfigurationError) as error:
            document = self._pages.fragment("composer_unseen.html.j2", {"problem": sentence(error)})
            return self._pages.frame(bytes(document.body).decode())
        screens = [
            (view, screen) for view in views for screen in view.screens if not screen.is_dark and screen.has_images
        ]
        if not screens:
            raise HTTPException(404)
        view, screen = min(screens, key=lambda one: abs((one[1].width or _WIDE) - _BESIDE))
        here = f"/app/campaigns/{campaign_id}/preview/{channel_id}"
        return self._gate.redirect(f"{here}/{view.name}/{screen.name}")

    def show_list_sizes(self, asked: TeamRequest) -> Response:
        """How many people are subscribed to each list, for the choice of lists."""
        with self._app.database.begin() as connection:
            sizes = lists.sizes(connection)
            known = lists.listed(connection)
        context = {"user": asked.user, "sizes": [(one, sizes.get(one.id, 0)) for one in known]}
        return self._pages.fragment("campaign_list_sizes.html.j2", context)

    def show_text_length(self, asked: TeamRequest) -> Response:
        """How long a post is on a channel, as its network measures; `part` counts the posts of a thread from 1."""
        form = _form_of_query(asked.request.query_params)
        channel = form.one("on")
        given = [form.one("text"), *form.fields.get(own_field("thread", channel), ())]
        part = number_of(form.one("part") or "1", digits=3) or 1
        length = None
        if part == 1 or (part <= len(given) and given[part - 1].strip()):
            measured = measure_posts(self._app, channel, form.all("article"), words_of(form, channel))
            # Parts that are empty are no posts.
            number = 1 + sum(1 for one in given[1:part] if one.strip())
            length = measured.posts[number - 1] if measured and number <= len(measured.posts) else None
        return self._pages.fragment("campaign_text_length.html.j2", {"user": asked.user, "length": length})

    def _blank(self) -> CampaignPlan:
        return CampaignPlan(
            name="", article_slugs=(), channel_names=(), audience=AudiencePlan(), zone=self._app.site.time_zone
        )

    def _start_on(self, day: str) -> str:
        """The time that a day of the calendar stands for in the site's zone: 9 o'clock, or the next full hour today.

        Empty for a day that is over, or is none.
        """
        here = self._app.clock().astimezone(self._app.site.zone)
        try:
            morning = datetime.combine(date.fromisoformat(day), _MORNING)
        except ValueError:
            return ""
        next_hour = here.replace(tzinfo=None, minute=0, second=0, microsecond=0) + timedelta(hours=1)
        start = max(morning, next_hour)
        return f"{start:%Y-%m-%dT%H:%M}" if start.date() == morning.date() else ""

    def _open(self, asked: TeamRequest) -> tuple[Campaign, CampaignPlan]:
        """The campaign and its plan. Raises StateError if it has begun, NotFoundError if there is none."""
        campaign_id = asked.number("campaign_id")
        with self._app.database.begin() as connection:
            campaign = campaigns.find(connection, campaign_id)
            require_unreleased(campaign, dispatches.of_campaign(connection, campaign_id))
            return campaign, campaigns.plan_of(connection, campaign_id)

    def _read(self, asked: TeamRequest, form: Form, before: CampaignPlan) -> CampaignPlan:
        """The plan in the form. Raises InvalidFieldsError."""
        known = [one.name for one in channel_choices(self._app)]
        plan = plan_of(form, channel_names=known, before=before, now=self._app.clock())
        if before.needs_approval and not plan.needs_approval and not asked.user.allows(Permission.CAMPAIGNS_APPROVE):
            raise InvalidFieldsError(
                {"needs_approval": _("Only someone who may approve campaigns can take this away.")}
            )
        return plan

    def _after_save(self, asked: TeamRequest, campaign_id: int) -> Response:
        act, _colon, section = asked.form.one("act").partition(":")
        if act == "review":
            # One that is edited elsewhere at this moment is reviewed on its page.
            with suppress(StateError):
                review(self._app, campaign_id, actor=asked.actor.name)
            return self._gate.redirect(f"/app/campaigns/{campaign_id}/review")
        shown = f"&show={section}" if act == "show" and number_of(section, digits=9) is not None else ""
        return self._gate.redirect(f"/app/campaigns/{campaign_id}/edit?saved=1{shown}")

    def _changed_form(self, form: Form) -> Form | None:
        """The form after an act that only changes the form, such as adding an article; None for one that saves."""
        act, _colon, what = form.one("act").partition(":")
        if act == "enter" and form.one("q"):
            act = "find"
        chosen = list(form.all("article"))
        match act:
            case "add" if what not in chosen:
                chosen.append(what)
            case "remove":
                chosen = [slug for slug in chosen if slug != what]
            case "up" | "down" if what in chosen:
                place = chosen.index(what)
                other = place + (1 if act == "down" else -1)
                if 0 <= other < len(chosen):
                    chosen[place], chosen[other] = chosen[other], chosen[place]
            case "part":
                return with_part(form, what)
            case "find" | "refresh" | "count" | "add" | "up" | "down":
                pass
            case _:
                return None
        return Form({**form.fields, "article": tuple(chosen)})

    def _counted(self, asked: TeamRequest, form: Form, campaign: Campaign | None) -> _Outcome:
        if form.one("act") != "count":
            return _NOTHING
        return self._count(asked, form, campaign.id if campaign else None) or _NOTHING

    def _count(self, asked: TeamRequest, form: Form, campaign_id: int | None) -> _Outcome | None:
        """The audience of the form as it is now; None if it is not wanted any more."""
        place = f"{asked.user.id}:{form.one('draft')}:{campaign_id or ''}"
        try:
            counted = count_audience(
                self._app,
                audience_of(form),
                form.all("article"),
                campaign_id=campaign_id,
                is_wanted=take_turn(self._app.redis, place),
            )
        except QueryTimeoutError:
            return _Outcome(
                errors={}, count_problem=_("There are so many people that counting takes too long right now.")
            )
        except DataError:
            raise
        except (InputError, NotFoundError) as error:
            empty = _("Choose a list, a topic or a segment, and this says how many people that is.")
            problem = empty if audience_of(form).is_empty else sentence(error)
            return _Outcome(errors={}, count_problem=problem)
        return replace(_NOTHING, counted=counted) if counted is not None else None

    def _show_conflict(self, asked: TeamRequest, form: Form) -> Response:
        """What others have saved meanwhile, beside what is in the form; the form is kept as it is."""
        campaign, saved = self._open(asked)
        conflict = differences(form, form_of(saved))
        return self._show(asked, form, campaign, _Outcome(errors={}, status=_CONFLICT, conflict=conflict))

    def _show(self, asked: TeamRequest, form: Form, campaign: Campaign | None, outcome: _Outcome) -> Response:
        errors = dict(outcome.errors)
        channels = channel_choices(self._app)
        with self._app.database.begin() as connection:
            chosen: list[StoredArticle] = []
            for slug in form.all("article"):
                try:
                    chosen.append(articles.find_by_slug(connection, storable(slug)))
                except NotFoundError:
                    errors.setdefault("article", _("An article that was chosen is not there any more."))
            words = form.one("q")
            found = [
                one
                for one in articles.find_titled(connection, words, limit=_FOUND_ARTICLES + len(chosen))
                if one.id not in {other.id for other in chosen}
            ][:_FOUND_ARTICLES]
            mailing_lists = lists.listed(connection)
            slugs = sorted({slug for one in mailing_lists for slug in one.topics} | set(form.all("topic")))
            labels = topics.labels(connection, slugs)
            saved_segments = segments.listed(connection)
            history = campaigns.history(connection, campaign.id) if campaign else []
            planned = dispatches.of_campaign(connection, campaign.id) if campaign else []
        on = [one for one in channels if one.name in form.all("channel")]
        mails = [one for one in on if one.reach is Reach.SENT]
        posts = [one for one in on if one.uses("text")]
        asked_for = asked.request.query_params.get("show", "")
        on_page = [one.channel_id for one in planned]
        context = {
            "user": asked.user,
            "page": "campaigns",
            "form": form,
            "planned": planned,
            "shown_id": next((one for one in on_page if str(one) == asked_for), on_page[0] if on_page else None),
            "campaign": campaign,
            "outcome": outcome,
            "errors": errors,
            "chosen": chosen,
            "found": found,
            "channels": channels,
            "on": on,
            "mailing_lists": mailing_lists,
            "topics": labels,
            "segments": saved_segments,
            "zones": _zones(form.one("zone")),
            "notes": time_notes(form, now=self._app.clock()),
            "now": self._app.clock(),
            "last": history[-1] if history else None,
            "is_scheduled": any(one.state is not DispatchState.DRAFT for one in planned),
            "may_approve": asked.user.allows(Permission.CAMPAIGNS_APPROVE),
            "writes_mail": mails,
            "writes_posts": posts,
            "own_field": own_field,
            "parts_of": parts_of,
            "pairs_of": _pairs_of,
            "is_part": False,
            "lengths": self._lengths(form, on, [one.article.slug for one in chosen]),
            "unseen": _unseen(form, [one.name for one in on], writes_mail=mails, writes_posts=posts),
            "action": f"/app/campaigns/{campaign.id}/edit" if campaign else "/app/campaigns/new",
        }
        return self._pages.respond("composer.html.j2", context, status=outcome.status)

    def _lengths(self, form: Form, on: Sequence[ChannelChoice], slugs: Sequence[str]) -> dict[str, PostLengths]:
        """How long the posts on each channel are that has any, with the words in the form."""
        lengths: dict[str, PostLengths] = {}
        for one in on:
            if one.uses("text") and slugs:
                with suppress(DistributorError):
                    measured = measure_posts(self._app, one.name, slugs, words_of(form, one.name))
                    if measured is not None:
                        lengths[one.name] = measured
        return lengths


def _form_of_query(query: QueryParams) -> Form:
    """The fields in the query of an address."""
    fields: dict[str, list[str]] = {}
    for name, value in query.multi_items():
        fields.setdefault(name, []).append(storable(value))
    return Form(fields)


def _errors_of(error: Exception, plan: CampaignPlan | None) -> dict[str, str]:
    """What is wrong, at the field that it is about as far as that is known; else under an empty name."""
    if isinstance(error, InvalidFieldsError):
        return dict(error.errors)
    if isinstance(error, PostWordsError):
        return _error_of_words(error, plan)
    text = str(error)
    if isinstance(error, NotFoundError):
        field = _FIELD_OF_NOUN.get(error.noun, "")
    elif isinstance(error, ScheduleError):
        field = "at"
    elif plan is not None and not plan.article_slugs:
        return {"article": _("Choose at least one article.")}
    elif plan is not None and not plan.channel_names:
        return {"channel": _("Choose at least one channel.")}
    elif plan is not None and plan.audience.is_empty:
        return {"list": _("A channel that was chosen sends to people: choose a list, a topic or a segment.")}
    else:
        field = next((name for name in WRITTEN_OPTIONS if text.startswith((f"{name}:", f"{name},"))), "")
    return {field: sentence(error)}


def _error_of_words(error: PostWordsError, plan: CampaignPlan | None) -> dict[str, str]:
    own = plan.channel_options.get(error.channel) if plan is not None else None
    if error.option == "hashtags" and own is not None and own.hashtags is not None:
        return {own_field("hashtags", error.channel): sentence(error.reason)}
    if own is None or not own.words_posts:
        return {"text": sentence(error)}
    field = own_field(error.option, error.channel)
    return {field if error.option == "text" else f"{field}-{error.number}": sentence(error.reason)}


def _unseen(
    form: Form, on: Sequence[str], *, writes_mail: Sequence[ChannelChoice], writes_posts: Sequence[ChannelChoice]
) -> list[tuple[str, str]]:
    """The words and times in the form for which the page has no field, such as of a channel that is not chosen now."""
    has_own_times = len(on) > 1
    seen = {option for option in WRITTEN_OPTIONS if option not in _OPTIONS_OF_POSTS and writes_mail}
    seen |= {"text"} if writes_posts else set()
    seen |= {own_field(option, one.name) for one in writes_posts for option in _OPTIONS_OF_POSTS}
    if len(writes_mail) > 1:
        seen |= {
            own_field(option, one.name)
            for one in writes_mail
            for option in WRITTEN_OPTIONS
            if option not in _OPTIONS_OF_POSTS
        }
    for name in on if has_own_times else ():
        seen |= {f"when-{name}", f"hours-{name}", f"after-{name}", f"at-{name}"}
    parts = (*OPTION_FIELDS, "own-", "when-", "hours-", "after-", "at-")
    return [
        (name, value)
        for name, values in form.fields.items()
        if name not in seen and name.startswith(parts)
        for value in values
        if value
    ]


def _pairs_of(found: Sequence[MailingList | Segment]) -> list[tuple[str, str]]:
    """Their slugs and names; where two have the same name, with the slug in it."""
    names = Counter(one.name for one in found)
    return [(one.slug, one.name if names[one.name] == 1 else f"{one.name} ({one.slug})") for one in found]


def _zones(chosen: str) -> list[str]:
    """The time zones to choose from; an offset that was chosen elsewhere is one of them."""
    zones = list(known_zones())
    return zones if chosen in zones or not chosen else [chosen, *zones]
