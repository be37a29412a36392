"""Choosing: lists, topics, language and pauses, all of it or nothing; and leaving everything."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import pairwise

import pytest

from distributor.domain.consent import ConsentAction
from distributor.domain.event import EventKind
from distributor.domain.subscriber import ListVisibility, Membership
from distributor.domain.suppression import SuppressionReason
from distributor.domain.tokens import Purpose
from distributor.flow import consent_texts
from distributor.flow.app_context import AppContext
from distributor.flow.people import privacy
from distributor.flow.subscriptions import preferences, unsubscribe
from distributor.flow.subscriptions.confirm import confirm
from distributor.flow.subscriptions.preferences import ListChoice, MailPause, PreferenceChoices, Preferences
from distributor.storage import events, memberships
from tests.flow.subscriptions.sign_up_harness import NETWORK, SignUpHarness, make_sign_up_harness

ADA = "ada@example.org"
ON, OFF = ListChoice(is_on=True), ListChoice(is_on=False)
PENDING, SUBSCRIBED, UNSUBSCRIBED = Membership.PENDING, Membership.SUBSCRIBED, Membership.UNSUBSCRIBED

_VALID = frozenset({ConsentAction.GRANTED, ConsentAction.CONFIRMED})


@pytest.fixture
def sign_ups(app: AppContext) -> SignUpHarness:
    """A harness in which Ada is on the weekly list and got a mail."""
    made = make_sign_up_harness(app)
    made.add_list("weekly", topics=("boats", "trains"))
    made.add_list("daily")
    made.add_list("secret", visibility=ListVisibility.PRIVATE)
    made.sign_up(ADA, "weekly", name="Ada")
    confirm(app, made.token(Purpose.CONFIRM, ADA), NETWORK)
    return made


def link(sign_ups: SignUpHarness) -> str:
    return sign_ups.token(Purpose.PREFERENCES, ADA)


def found(sign_ups: SignUpHarness) -> Preferences:
    seen = preferences.find_preferences(sign_ups.app, link(sign_ups))
    assert seen is not None
    return seen


def save(
    sign_ups: SignUpHarness,
    *,
    name: str = "Ada",
    language: str = "en",
    pause: MailPause = MailPause.KEEP,
    **of_lists: ListChoice,
):
    asked = PreferenceChoices(lists=of_lists, name=name, language=language, pause=pause)
    saved = preferences.save(sign_ups.app, link(sign_ups), asked, NETWORK)
    assert saved is not None
    return saved


def test_the_page_shows_what_is_public_and_what_its_reader_is_on(sign_ups: SignUpHarness):
    sign_ups.subscribed(ADA, "secret")
    assert {place.list.slug: place.membership for place in found(sign_ups).lists} == {
        "daily": None,
        "secret": SUBSCRIBED,
        "weekly": SUBSCRIBED,
    }


def test_a_private_list_is_shown_to_nobody_else(sign_ups: SignUpHarness):
    assert [place.list.slug for place in found(sign_ups).lists] == ["daily", "weekly"]


def test_to_tick_a_list_is_to_consent_to_it(sign_ups: SignUpHarness):
    save(sign_ups, daily=ON, weekly=ON)
    assert sign_ups.places(ADA) == {"daily": SUBSCRIBED, "weekly": SUBSCRIBED}
    last = sign_ups.consents(ADA)[-1]
    daily = sign_ups.subscriptions(ADA)["daily"].list
    assert (last.action, last.list_slug) == (ConsentAction.GRANTED, "daily")
    text = consent_texts.preference_consent(sign_ups.app.templates.words_in("en"), sign_ups.app.site, daily)
    assert (last.text, last.ip_address) == (text, NETWORK)


def test_to_untick_one_is_to_withdraw_and_is_told_of_the_mail(sign_ups: SignUpHarness):
    save(sign_ups, weekly=OFF)
    assert sign_ups.places(ADA) == {"weekly": UNSUBSCRIBED}
    assert sign_ups.actions(ADA)[-1] is ConsentAction.WITHDRAWN
    with sign_ups.app.database.begin() as connection:
        [event] = events.of_delivery(connection, sign_ups.asked(ADA)[-1])
    assert (event.kind, event.detail) == (EventKind.UNSUBSCRIBE, {"way": "preferences", "list": "weekly"})


def test_a_list_that_was_not_on_the_page_stays_as_it_is(sign_ups: SignUpHarness):
    save(sign_ups, daily=ON)
    assert sign_ups.places(ADA) == {"daily": SUBSCRIBED, "weekly": SUBSCRIBED}


def test_nobody_gets_onto_a_private_list_by_naming_it(sign_ups: SignUpHarness):
    save(sign_ups, secret=ON, none=ON)
    assert sign_ups.places(ADA) == {"weekly": SUBSCRIBED}


def test_topics_are_kept(sign_ups: SignUpHarness):
    save(sign_ups, weekly=ListChoice(is_on=True, topics=("trains", "planes")))
    assert sign_ups.subscriptions(ADA)["weekly"].topics == ("trains",)
    save(sign_ups, weekly=ON)
    assert sign_ups.subscriptions(ADA)["weekly"].topics is None


def test_a_topic_that_is_no_longer_offered_can_be_kept_by_who_has_it(sign_ups: SignUpHarness):
    person = sign_ups.person(ADA)
    assert person is not None
    with sign_ups.app.database.begin() as connection:
        list_id = sign_ups.subscriptions(ADA)["weekly"].list.id
        memberships.set_topics(connection, person.id, list_id, ["old-ships"])
    weekly = next(place for place in found(sign_ups).lists if place.list.slug == "weekly")
    assert weekly.offered == {"boats": "boats", "trains": "trains", "old-ships": "old ships"}
    save(sign_ups, weekly=ListChoice(is_on=True, topics=("old-ships", "boats")))
    assert sign_ups.subscriptions(ADA)["weekly"].topics == ("boats", "old-ships")


def test_what_was_asked_for_and_not_confirmed_is_confirmed_by_saving(sign_ups: SignUpHarness):
    later = sign_ups.later(timedelta(days=2))
    later.sign_up(ADA, "daily")
    assert sign_ups.places(ADA)["daily"] is PENDING
    save(later, daily=ON)
    assert sign_ups.places(ADA)["daily"] is SUBSCRIBED


def test_name_and_language_can_be_changed_and_taken_back(sign_ups: SignUpHarness):
    save(sign_ups, name="Ada L.", language="pt-BR")
    person = sign_ups.person(ADA)
    assert person is not None
    assert (person.name, person.language) == ("Ada L.", "pt-BR")
    save(sign_ups, name="", language="")
    person = sign_ups.person(ADA)
    assert person is not None
    assert (person.name, person.language) == ("", "")


@pytest.mark.parametrize(("pause", "days"), [(MailPause.WEEK, 7), (MailPause.MONTH, 30), (MailPause.QUARTER, 91)])
def test_a_pause_begins_at_once_lasts_as_long_as_it_says_and_can_be_ended(
    sign_ups: SignUpHarness, pause: MailPause, days: int
):
    until = save(sign_ups, pause=pause).paused_until
    assert until is not None
    assert abs(until - sign_ups.now() - timedelta(days=days)) < timedelta(minutes=1)
    assert save(sign_ups, pause=MailPause.KEEP).paused_until == until
    assert found(sign_ups.later(timedelta(days=days + 1))).paused_until is None
    assert save(sign_ups, pause=MailPause.RESUME).paused_until is None


def test_to_save_what_is_there_changes_no_place_and_no_consent(sign_ups: SignUpHarness):
    records = sign_ups.consents(ADA)
    save(sign_ups, weekly=ON, daily=OFF)
    assert (sign_ups.consents(ADA), sign_ups.places(ADA)) == (records, {"weekly": SUBSCRIBED})


def test_who_leaves_everything_is_on_nothing_and_is_put_on_nothing(sign_ups: SignUpHarness):
    save(sign_ups, daily=ON, weekly=ON)
    left = preferences.unsubscribe_from_all(sign_ups.app, link(sign_ups), NETWORK)
    assert left is not None
    assert left.suppressed == {SuppressionReason.UNSUBSCRIBE}
    assert sign_ups.places(ADA) == {"daily": UNSUBSCRIBED, "weekly": UNSUBSCRIBED}
    sign_ups.subscribed(ADA)
    assert sign_ups.places(ADA) == {"daily": UNSUBSCRIBED, "weekly": UNSUBSCRIBED}


def test_to_leave_everything_twice_is_to_leave_it_once(sign_ups: SignUpHarness):
    preferences.unsubscribe_from_all(sign_ups.app, link(sign_ups), NETWORK)
    before = sign_ups.dump()
    preferences.unsubscribe_from_all(sign_ups.app, link(sign_ups), NETWORK)
    assert sign_ups.dump() == before


def test_who_has_left_everything_and_ticks_a_list_gets_mail_again(sign_ups: SignUpHarness):
    preferences.unsubscribe_from_all(sign_ups.app, link(sign_ups), NETWORK)
    assert save(sign_ups, weekly=ON).suppressed == frozenset()
    assert sign_ups.suppressions(ADA) == []


def test_who_has_left_everything_and_only_changes_their_name_stays_away(sign_ups: SignUpHarness):
    preferences.unsubscribe_from_all(sign_ups.app, link(sign_ups), NETWORK)
    assert save(sign_ups, name="A.", weekly=OFF, daily=OFF).suppressed == {SuppressionReason.UNSUBSCRIBE}


@pytest.mark.parametrize("reason", [SuppressionReason.COMPLAINT, SuppressionReason.HARD_BOUNCE])
def test_to_tick_a_list_lifts_nothing_that_is_not_the_readers_own_choice(
    sign_ups: SignUpHarness, reason: SuppressionReason
):
    sign_ups.suppress(ADA, reason)
    assert save(sign_ups, weekly=ON).suppressed == {reason}


def test_by_the_way_back_who_had_left_everything_is_reached_again(sign_ups: SignUpHarness):
    token = sign_ups.token(Purpose.UNSUBSCRIBE, ADA)
    preferences.unsubscribe_from_all(sign_ups.app, link(sign_ups), NETWORK)
    unsubscribe.resubscribe(sign_ups.app, token, NETWORK)
    assert (sign_ups.places(ADA), sign_ups.suppressions(ADA)) == ({"weekly": SUBSCRIBED}, [])


def test_the_address_tells_the_holder_from_whom_the_mail_was_passed_on_to(sign_ups: SignUpHarness):
    assert preferences.identify(sign_ups.app, link(sign_ups), "  ADA@Example.org ") == sign_ups.person(ADA)
    for other in ("", "bo@example.org", "ada", "a" * 2000):
        assert preferences.identify(sign_ups.app, link(sign_ups), other) is None


@pytest.mark.parametrize("purpose", [one for one in Purpose if one is not Purpose.PREFERENCES])
def test_no_other_link_opens_the_choices(sign_ups: SignUpHarness, purpose: Purpose):
    before, token = sign_ups.dump(), sign_ups.token(purpose, ADA)
    asked = PreferenceChoices(lists={"weekly": OFF}, name="", language="")
    assert preferences.find_preferences(sign_ups.app, token) is None
    assert preferences.save(sign_ups.app, token, asked, NETWORK) is None
    assert preferences.unsubscribe_from_all(sign_ups.app, token, NETWORK) is None
    assert preferences.identify(sign_ups.app, token, ADA) is None
    assert sign_ups.dump() == before


def test_links_of_who_was_erased_are_dead(sign_ups: SignUpHarness):
    token, person = link(sign_ups), sign_ups.person(ADA)
    assert person is not None
    privacy.erase(sign_ups.app, person.id, requested_by="form")
    assert preferences.find_preferences(sign_ups.app, token) is None
    assert preferences.unsubscribe_from_all(sign_ups.app, token, NETWORK) is None


def test_whatever_happens_at_once_ends_as_if_it_had_happened_in_some_order(sign_ups: SignUpHarness):
    """Confirming, choosing, unsubscribing, resubscribing and imports, all at the same time, repeatedly."""
    app = sign_ups.app
    sign_ups.later(timedelta(days=2)).sign_up(ADA, "daily")
    links = {purpose: sign_ups.token(purpose, ADA) for purpose in Purpose}
    everything = PreferenceChoices(lists={"weekly": ON, "daily": ON}, name="Ada", language="en")
    nothing = PreferenceChoices(lists={"weekly": OFF, "daily": OFF}, name="Bo", language="de", pause=MailPause.WEEK)
    acts: list[Callable[[], object]] = [
        lambda: confirm(app, links[Purpose.CONFIRM], NETWORK),
        lambda: unsubscribe.unsubscribe(app, links[Purpose.UNSUBSCRIBE], {"way": "one-click"}),
        lambda: unsubscribe.resubscribe(app, links[Purpose.UNSUBSCRIBE], NETWORK),
        lambda: preferences.save(app, links[Purpose.PREFERENCES], everything, NETWORK),
        lambda: preferences.save(app, links[Purpose.PREFERENCES], nothing, NETWORK),
        lambda: sign_ups.subscribed(ADA, "daily"),
        lambda: sign_ups.sign_up(ADA, "daily", "weekly"),
    ]
    for _ in range(6):
        start = threading.Barrier(len(acts))

        def run(act: Callable[[], object], start: threading.Barrier = start) -> None:
            start.wait(timeout=30)
            act()

        with ThreadPoolExecutor(len(acts)) as threads:
            list(threads.map(run, acts))
        person = sign_ups.person(ADA)
        assert person is not None
        assert (person.name, person.language, person.paused_until is None) in {
            ("Ada", "en", True),
            ("Ada", "en", False),
            ("Bo", "de", False),
        }
        assert_consistent(sign_ups)


def assert_consistent(sign_ups: SignUpHarness) -> None:
    """Every place says what the last record of consent about it says."""
    says = {
        ConsentAction.GRANTED: SUBSCRIBED,
        ConsentAction.CONFIRMED: SUBSCRIBED,
        ConsentAction.REQUESTED: PENDING,
        ConsentAction.WITHDRAWN: UNSUBSCRIBED,
    }
    last = {record.list_slug: record for record in sign_ups.consents(ADA)}
    assert {slug: says[record.action] for slug, record in last.items()} == sign_ups.places(ADA)
    orders = {slug: [record.action for record in sign_ups.consents(ADA) if record.list_slug == slug] for slug in last}
    for actions in orders.values():
        for earlier, later in pairwise(actions):
            assert not (earlier in _VALID and later in _VALID | {ConsentAction.REQUESTED})
            assert not (earlier is later is ConsentAction.WITHDRAWN)
