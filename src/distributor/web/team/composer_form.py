"""The form of the composer: a plan as the fields that people fill in, and the fields as a plan again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from gettext import gettext as _
from typing import Any, TypeVar

from distributor.domain.audience import AudiencePlan
from distributor.domain.campaign import CampaignPlan, ChangePolicy, UnknownPolicy
from distributor.domain.errors import InputError, ScheduleError
from distributor.domain.hashtags import read_hashtags
from distributor.domain.message_options import MailLayout, MessageOptions
from distributor.domain.schedule import FollowUp, find_zone, followed_by, parse_start_times, zone_named
from distributor.web.forms import Form, number_of

# The options that are written into the form; attachments stay as they are.
WRITTEN_OPTIONS = tuple(one.name for one in fields(MessageOptions) if one.name != "attachments")
# Their fields: that there are no hashtags is ticked, as an empty field leaves them to the article's tags.
OPTION_FIELDS = (*WRITTEN_OPTIONS, "no_hashtags")
# The parts of an audience that are chosen by slugs, and their fields.
_CHOSEN = (
    ("list", "lists"),
    ("topic", "topics"),
    ("segment", "segments"),
    ("except_list", "except_lists"),
    ("except_topic", "except_topics"),
    ("except_segment", "except_segments"),
)
_CAMPAIGNS = (("failed_of", "failed_of"), ("unknown_of", "unknown_of"))
# The options that are one line.
_LINES = ("subject", "preheader")
_TICKS = ("repeats", "track_opens", "track_clicks", "needs_approval", "no_hashtags")
_LONGEST_LINE = 200
_MOST_PARAGRAPHS = 10_000
_LONGEST_TEXT = 10_000
_LONGEST_DELAY = timedelta(days=7)

_E = TypeVar("_E", bound=StrEnum)


class InvalidFieldsError(InputError):
    """A form that is no plan: what is wrong, by the names of its fields."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        self.errors = errors
        super().__init__("; ".join(errors.values()))


@dataclass(frozen=True, slots=True)
class FieldDifference:
    """A field that somebody else has saved in another way: `theirs` is saved, `mine` is in the form."""

    name: str
    label: str
    theirs: str
    mine: str


def form_of(plan: CampaignPlan) -> Form:
    """The fields of a plan."""
    audience, options = plan.audience, plan.message_options
    found: dict[str, tuple[str, ...]] = {
        "name": (plan.name,),
        "article": plan.article_slugs,
        "channel": plan.channel_names,
        **{field: getattr(audience, name) for field, name in _CHOSEN},
        **{field: tuple(str(number) for number in getattr(audience, name)) for field, name in _CAMPAIGNS},
        "repeats": _ticked(audience.repeats),
        "track_opens": _ticked(plan.track_opens),
        "track_clicks": _ticked(plan.track_clicks),
        "needs_approval": _ticked(plan.needs_approval),
        "unknown_policy": (plan.unknown_policy.value,),
        "on_change": (plan.on_change.value if plan.on_change else "",),
        "zone": (plan.zone,),
        **{name: _texts_of(options, name) for name in OPTION_FIELDS},
        **_fields_of_times(plan),
    }
    for channel, own in plan.channel_options.items():
        found |= {own_field(name, channel): _texts_of(own, name) for name in OPTION_FIELDS}
    return Form({name: tuple(value for value in values if value) for name, values in found.items()})


def plan_of(form: Form, *, channel_names: Sequence[str], before: CampaignPlan, now: datetime) -> CampaignPlan:
    """The plan in a form. `channel_names` are those of all channels; what is not in the form is as in `before`.

    Raises InvalidFieldsError for fields that cannot be read.
    """
    errors: dict[str, str] = {}
    chosen = tuple(name for name in form.all("channel") if name in channel_names)
    _check_lengths(form, errors)
    follow_ups = _follow_ups_of(form, chosen, before, errors)
    starts_at, times = _times_of(form, chosen, before, follow_ups, errors, now=now)
    changed = replace(
        before,
        name=" ".join(form.one("name").split()),
        article_slugs=form.all("article"),
        channel_names=chosen,
        audience=_audience_of(form, before.audience),
        starts_at=starts_at,
        times=times,
        follow_ups=follow_ups,
        zone=form.one("zone") or before.zone,
        track_opens=_is_ticked(form, "track_opens"),
        track_clicks=_is_ticked(form, "track_clicks"),
        needs_approval=_is_ticked(form, "needs_approval"),
        unknown_policy=_member(UnknownPolicy, form.one("unknown_policy")) or before.unknown_policy,
        on_change=_member(ChangePolicy, form.one("on_change")),
        message_options=_options_of(form, "", errors, before=before.message_options),
        channel_options=_own_options(form, chosen, errors),
    )
    if errors:
        raise InvalidFieldsError(errors)
    return changed


def audience_of(form: Form) -> AudiencePlan:
    """The audience in a form."""
    return _audience_of(form, AudiencePlan())


def own_field(option: str, channel: str) -> str:
    """The name of the field with what one channel says in its own words."""
    return f"own-{option}-{channel}"


def parts_of(form: Form, channel: str) -> tuple[str, ...]:
    """The posts in a form that continue the text of a channel; the last one is empty while it is being added."""
    given = form.fields.get(own_field("thread", channel), ())
    written = tuple(part for part in given if part.strip())
    return (*written, "") if given and not given[-1].strip() else written


def with_part(form: Form, channel: str) -> Form:
    """The form with one more post that continues the text of a channel."""
    return Form({**form.fields, own_field("thread", channel): (*parts_of(form, channel), "")})


def words_of(form: Form, channel: str) -> MessageOptions:
    """What the posts of a channel say by a form, as far as it can be read."""
    shared = _options_of(form, "", {}, before=MessageOptions())
    return shared.overridden_by(_options_of(form, channel, {}, before=MessageOptions()))


def differences(mine: Form, theirs: Form) -> list[FieldDifference]:
    """The fields of two forms that are not the same, in the order of the form."""
    names = dict.fromkeys([*theirs.fields, *mine.fields])
    return [
        FieldDifference(name, label, _shown(theirs, name), _shown(mine, name))
        for name in names
        if (label := label_of(name)) and _values(mine, name) != _values(theirs, name)
    ]


def with_theirs(mine: Form, theirs: Form, names: Sequence[str]) -> Form:
    """My form with these fields as they are in the other one."""
    return Form({**mine.fields, **{name: theirs.fields.get(name, ()) for name in names if label_of(name)}})


def label_of(name: str) -> str:
    """What a field is called, empty for a field that belongs to no plan."""
    words = {
        "name": _("Name"),
        "article": _("Articles"),
        "channel": _("Channels"),
        "list": _("Lists"),
        "topic": _("Topics"),
        "segment": _("Segments"),
        "except_list": _("Left out: lists"),
        "except_topic": _("Left out: topics"),
        "except_segment": _("Left out: segments"),
        "failed_of": _("Failed deliveries of campaigns"),
        "unknown_of": _("Unknown deliveries of campaigns"),
        "repeats": _("Also to those who already got it"),
        "track_opens": _("Count opens"),
        "track_clicks": _("Count clicks"),
        "needs_approval": _("Needs an approval"),
        "unknown_policy": _("If the outcome of a delivery stays unknown"),
        "on_change": _("If an article changes before it goes out"),
        "zone": _("Time zone"),
        "when": _("When"),
        "at": _("Date and time"),
        **_option_labels(),
    }
    if name in words:
        return words[name]
    for prefix, text in (
        ("when-", _("When, on %s")),
        ("hours-", _("Hours later, on %s")),
        ("after-", _("After which channel, on %s")),
        ("at-", _("Time, on %s")),
    ):
        if name.startswith(prefix):
            return text % name.removeprefix(prefix)
    for option, text in _option_labels().items():
        if name.startswith(own_field(option, "")):
            return _("%(option)s, on %(channel)s") % {
                "option": text,
                "channel": name.removeprefix(own_field(option, "")),
            }
    return ""


def _option_labels() -> dict[str, str]:
    return {
        "subject": _("Subject"),
        "greeting": _("Greeting"),
        "closing": _("Closing"),
        "preheader": _("Beside the subject"),
        "layout": _("How the mail shows the articles"),
        "cut_after": _("Paragraphs of each article in the mail"),
        "text": _("Text of the posts"),
        "thread": _("Posts that continue it"),
        "hashtags": _("Hashtags"),
        "no_hashtags": _("No hashtags"),
    }


def _ticked(value: bool) -> tuple[str, ...]:
    return ("on",) if value else ()


def _is_ticked(form: Form, name: str) -> bool:
    return form.one(name) == "on"


def _values(form: Form, name: str) -> tuple[str, ...]:
    return tuple(_lines(value) for value in form.all(name))


def _shown(form: Form, name: str) -> str:
    """The value of a field for people to read."""
    values = _values(form, name)
    if name in _TICKS or name.startswith(own_field("no_hashtags", "")):
        return _("yes") if values else _("no")
    return ", ".join(value.replace("T", " ") if name.startswith("at") else value for value in values) or _("nothing")


def _lines(text: str) -> str:
    """A text with line feeds; browsers send carriage returns with them."""
    return text.replace("\r\n", "\n").strip()


def _texts_of(options: MessageOptions, name: str) -> tuple[str, ...]:
    """The values of the field of an option."""
    if name == "no_hashtags":
        return _ticked(options.hashtags == ())
    if name == "hashtags":
        return (" ".join(f"#{one}" for one in options.hashtags or ()),)
    value = getattr(options, name)
    if isinstance(value, tuple):
        return value
    return ("" if value is None else str(value),)


def _member(kind: type[_E], text: str) -> _E | None:
    return next((one for one in kind if one.value == text), None)


def _audience_of(form: Form, before: AudiencePlan) -> AudiencePlan:
    chosen: dict[str, Any] = {name: form.all(field) for field, name in _CHOSEN}
    for field, name in _CAMPAIGNS:
        chosen[name] = tuple(number for one in form.all(field) if (number := number_of(one)) is not None)
    return replace(before, **chosen, repeats=_is_ticked(form, "repeats"))


def _check_lengths(form: Form, errors: dict[str, str]) -> None:
    for name, values in form.fields.items():
        is_line = name in ("name", *_LINES) or name.startswith(tuple(own_field(option, "") for option in _LINES))
        limit = _LONGEST_LINE if is_line else _LONGEST_TEXT
        if any(len(value) > limit for value in values):
            errors[name] = _("This has more than %(limit)s characters.") % {"limit": limit}


def _options_of(form: Form, channel: str, errors: dict[str, str], *, before: MessageOptions) -> MessageOptions:
    """The texts in a form: those of one channel, or without a name those of the campaign."""

    def name_of(option: str) -> str:
        return own_field(option, channel) if channel else option

    given: dict[str, Any] = {
        option: _lines(form.one(name_of(option)))
        for option in WRITTEN_OPTIONS
        if isinstance(getattr(before, option), str)
    }
    for option in _LINES:
        given[option] = " ".join(given[option].split())
    layout = _member(MailLayout, form.one(name_of("layout")))
    # The form shows the default as chosen: an edit of something else leaves the choice open.
    is_still_open = not channel and before.layout is None and layout is MailLayout.WHOLE
    given["layout"] = None if is_still_open else layout
    given["thread"] = tuple(part for one in form.fields.get(name_of("thread"), ()) if (part := _lines(one)))
    given["hashtags"] = _hashtags_of(
        form.one(name_of("hashtags")), name_of("hashtags"), errors, has_none=_is_ticked(form, name_of("no_hashtags"))
    )
    given["cut_after"] = _cut_after(form.one(name_of("cut_after")), name_of("cut_after"), errors)
    return replace(before, **given)


def _hashtags_of(text: str, field: str, errors: dict[str, str], *, has_none: bool) -> tuple[str, ...] | None:
    if has_none and text:
        errors[field] = _("Write hashtags, or tick that there are none.")
    if has_none or not text:
        return () if has_none else None
    try:
        return read_hashtags(text)
    except InputError as error:
        errors[field] = sentence(error)
        return None


def _cut_after(text: str, field: str, errors: dict[str, str]) -> int | None:
    if not text:
        return None
    number = number_of(text)
    if number is not None and 1 <= number <= _MOST_PARAGRAPHS:
        return number
    errors[field] = _("Write a whole number of paragraphs, 1 or more.")
    return None


def _own_options(form: Form, channel_names: Sequence[str], errors: dict[str, str]) -> dict[str, MessageOptions]:
    own = {name: _options_of(form, name, errors, before=MessageOptions()) for name in channel_names}
    return {name: options for name, options in own.items() if options != MessageOptions()}


def _fields_of_times(plan: CampaignPlan) -> dict[str, tuple[str, ...]]:
    """One time for all channels, and how those that start at another one are told apart from it."""
    own = [name for name in plan.channel_names if name not in plan.follow_ups]
    known = {name: time for name in own if (time := plan.time_of(name)) is not None}
    zone = find_zone(plan.zone) or UTC
    first = min(known.values(), default=None)
    found: dict[str, tuple[str, ...]] = {"when": ("open",)}
    if first is not None:
        found = {"when": ("at",), "at": (_wall_clock(first, zone),)}
    for name in plan.channel_names:
        time = known.get(name, first)
        if (follow_up := plan.follow_ups.get(name)) is not None:
            found |= _fields_of_follow_up(name, follow_up)
        elif time == first or time is None:
            found[f"when-{name}"] = ("same",)
        else:
            found |= {f"when-{name}": ("own",), f"at-{name}": (_wall_clock(time, zone),)}
    return found


def _fields_of_follow_up(name: str, follow_up: FollowUp) -> dict[str, tuple[str, ...]]:
    hours = f"{follow_up.after / timedelta(hours=1):g}"
    return {f"when-{name}": ("later",), f"hours-{name}": (hours,), f"after-{name}": (follow_up.channel_name,)}


def _wall_clock(time: datetime, zone: tzinfo) -> str:
    return f"{time.astimezone(zone):%Y-%m-%dT%H:%M}"


def time_notes(form: Form, *, now: datetime) -> tuple[str, ...]:
    """Sentences about times in the form that the clocks of its zone show twice, and how they are read."""
    try:
        zone = form.one("zone")
        notes = [note for text in _given_times(form) for note in parse_start_times(text, {}, zone=zone, now=now).notes]
    except ScheduleError:
        return ()
    return tuple(dict.fromkeys(notes))


def _given_times(form: Form) -> Iterator[str]:
    if form.one("when") == "at":
        yield form.one("at")
        for name in form.all("channel"):
            if form.one(f"when-{name}") == "own":
                yield form.one(f"at-{name}")


def _follow_ups_of(
    form: Form, channel_names: Sequence[str], before: CampaignPlan, errors: dict[str, str]
) -> dict[str, FollowUp]:
    """The channels that start after another one; a delay that was not touched stays to the second."""
    earlier = form_of(before)
    found: dict[str, FollowUp] = {}
    for name in channel_names:
        if form.one(f"when-{name}") != "later":
            continue
        known = before.follow_ups.get(name)
        own = (f"when-{name}", f"hours-{name}", f"after-{name}")
        if known is not None and all(form.one(one) == earlier.one(one) for one in own):
            found[name] = known
            continue
        others = [one for one in channel_names if one != name]
        # Without a choice it is the first one that has a time of its own.
        first = next((one for one in others if form.one(f"when-{one}") != "later"), "")
        leader = form.one(f"after-{name}") or first
        if leader not in others:
            errors[f"after-{name}"] = _("Choose which channel it starts after.")
            continue
        found[name] = FollowUp(channel_name=leader, after=_delay(form.one(f"hours-{name}"), f"hours-{name}", errors))
    for name in found:
        try:
            followed_by(name, found)
        except ScheduleError as error:
            errors[f"after-{name}"] = sentence(error)
    return found if not errors else {}


def _times_of(
    form: Form,
    channel_names: Sequence[str],
    before: CampaignPlan,
    follow_ups: Mapping[str, FollowUp],
    errors: dict[str, str],
    *,
    now: datetime,
) -> tuple[datetime | None, dict[str, datetime]]:
    """When the campaign starts, and on each channel; a time that was not touched stays to the second."""
    try:
        zone = str(zone_named(form.one("zone") or before.zone))
    except ScheduleError as error:
        errors["zone"] = sentence(error)
        return None, {}
    if form.one("when") != "at":
        return None, {}
    earlier = form_of(before)
    has_same_start = all(form.one(name) == earlier.one(name) for name in ("when", "at", "zone"))
    own_times = [name for name in before.channel_names if name not in before.follow_ups]
    known = [time for name in own_times if (time := before.time_of(name)) is not None]
    start = min(known) if has_same_start and known else _time_in(form.one("at"), zone, now, "at", errors)
    if start is None:
        return None, {}
    times: dict[str, datetime] = {}
    for name in channel_names:
        if name in follow_ups:
            continue
        own = (f"when-{name}", f"at-{name}")
        time = before.time_of(name) if name in before.channel_names else None
        if has_same_start and time is not None and all(form.one(one) == earlier.one(one) for one in own):
            times[name] = time
        elif form.one(f"when-{name}") == "own":
            times[name] = _time_in(form.one(f"at-{name}"), zone, now, f"at-{name}", errors) or start
        else:
            times[name] = start
    for name in follow_ups:
        leader, after = followed_by(name, follow_ups)
        times[name] = times[leader] + after
    return start, times


def _delay(text: str, field: str, errors: dict[str, str]) -> timedelta:
    try:
        delay = timedelta(hours=float(text.replace(",", ".")[:10]))
        if timedelta() <= delay <= _LONGEST_DELAY:
            return delay
    except (ValueError, OverflowError):
        pass
    errors[field] = _("Write how many hours later, such as 2 or 0.5, at most a week.")
    return timedelta()


def _time_in(text: str, zone: str, now: datetime, field: str, errors: dict[str, str]) -> datetime | None:
    if not text:
        errors[field] = _("Choose a date and a time.")
        return None
    try:
        return parse_start_times(text, {}, zone=zone, now=now).starts_at
    except ScheduleError as error:
        errors[field] = sentence(error)
        return None


def sentence(error: Exception | str) -> str:
    """The message of an error as a sentence."""
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}"
